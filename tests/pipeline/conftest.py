"""A small finished run, made once: a table and a file of predictions; judged, noted on, attested, on two pages."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import qmtestbed
from qmtestbed.evidence import RunFolder
from qmtestbed.types.evidence import Logged

PLAN = """
schema: qmtestbed/plan/v1
component: {name: small, description: A table of eight rows}
guideline: mlqm@3
levels: {performance: AIPL-1}
inventories:
  data: {uri: data.csv, label: answer, id: key}
  said: {uri: said.csv, label: truth, task: classification}
checks:
  completeness: {ait: data_completeness, with: {data: data}, expect: [value_completeness >= 0.9]}
  performance: {ait: classification_performance, with: {predictions: said}, expect: ["recall[yes] >= 0.9"]}
declarations:
  - {requirement: A-1-L1-1, statement: Hazards are listed, file: hazards.md, by: QA, date: 2026-01-01}
"""
# No other run has these tables: its records would be found in the store, and be marked as reused.
DATA = "key,a,b,answer\n" + "".join(f"r{i},{i},{'' if i == 3 else 'x'},{i % 2}\n" for i in range(8))
SAID = "truth,predicted\n" + "yes,yes\n" * 14 + "yes,no\n" * 4 + "no,no\n" * 12


@pytest.fixture(scope="session")
def _finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    for name, text in (("plan.yaml", PLAN), ("data.csv", DATA), ("said.csv", SAID), ("hazards.md", "# Hazards\n")):
        (folder / name).write_text(text, "utf-8")
    out = folder / "out"
    qmtestbed.run(folder / "plan.yaml", out=out, as_of="2026-11-20")
    qmtestbed.report(out, language="ja")
    qmtestbed.note(out, "All misses are from March.", by="M. Sato", check="performance")
    qmtestbed.note(out, "Accepted.", by="QA board")
    RunFolder(out).write_logged(Logged("sqlite:///mlflow.db", "1", "0123456789abcdef", "https://mlflow.example/#/1"))
    qmtestbed.attest(out)
    return out


@pytest.fixture
def finished(_finished: Path, tmp_path: Path) -> Path:
    """Give a copy of the run, with the plan and the data beside it, for a test of its own."""
    return Path(shutil.copytree(_finished.parent, tmp_path / "project"), "out")
