"""Finished runs made once: two really executed, the others judged from them by other limits and on other days."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from qmtestbed import pipeline
from qmtestbed.pipeline import Options

PLAN = """
schema: qmtestbed/plan/v1
component: {component}
guideline: mlqm@3
levels: {{performance: AIPL-1}}
inventories:
  said: {{uri: said.csv, label: y}}
checks:
  performance:
    ait: classification_performance
    with: {{predictions: said}}
    expect: ["accuracy >= {limit} at 95%", recall >= 0.2]
  labels:
    ait: data_completeness
    with: {{data: said}}
    expect: [value_completeness >= 0.99]
"""


def write_project(folder: Path, rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.choice(["a", "b"], rows)
    said = np.where(rng.random(rows) < 0.9, y, np.where(y == "a", "b", "a"))
    lines = [f"{t},{p}" for t, p in zip(y, said, strict=True)]
    (folder / "said.csv").write_text("y,predicted\n" + "\n".join(lines) + "\n", "utf-8")


@pytest.fixture(scope="session")
def run_dirs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Run folders by name: ``met`` and ``better`` are of other data, ``not_met`` and ``open`` of other limits."""
    root = tmp_path_factory.mktemp("runs")
    options = {"cache": False, "isolation": "process"}
    made = {}
    for name, rows, seed, day in (("met", 400, 1, "2026-10-01"), ("better", 420, 2, "2026-11-03")):
        folder = root / f"project-{name}"
        folder.mkdir()
        write_project(folder, rows, seed)
        (folder / "plan.yaml").write_text(PLAN.format(component="churn", limit="0.8"), "utf-8")
        made[name] = pipeline.run(folder / "plan.yaml", Options(out=root / name, as_of=day, **options)).folder
    for name, limit, day in (("not_met", "0.99", "2026-10-08"), ("open", "0.89", "2026-10-15")):
        plan = root / "project-met" / f"{name}.yaml"
        plan.write_text(PLAN.format(component="churn", limit=limit), "utf-8")
        made[name] = pipeline.judge_by(made["met"], plan, Options(out=root / name, as_of=day)).folder
    return made


@pytest.fixture(scope="session")
def named_run(run_dirs: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give a function that makes the run of another component from the evidence of ``met``."""
    import json

    def make(component: str) -> Path:
        root = tmp_path_factory.mktemp("named")
        shutil.copytree(run_dirs["met"].parent / "project-met", root / "project")
        plan = root / "project" / "named.yaml"
        plan.write_text(PLAN.format(component=json.dumps(component), limit="0.8"), "utf-8")
        link = os.path.relpath(run_dirs["met"].parent / "project-met" / "said.csv", root / "project")
        plan.write_text(plan.read_text("utf-8").replace("said.csv", link), "utf-8")
        return pipeline.judge_by(run_dirs["met"], plan, Options(out=root / "run")).folder

    return make
