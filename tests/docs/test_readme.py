"""What the README says works: its plan is a plan, and its AIT runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from qmtestbed.catalogue import Catalogue
from qmtestbed.errors import ExitCode
from qmtestbed.plan import load_plan


@pytest.fixture
def readme(checkout: Path) -> str:
    return (checkout / "README.md").read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_its_plan_is_good(readme: str, tmp_path: Path, catalogue: Catalogue) -> None:
    (tmp_path / "plan.yaml").write_text(blocks(readme, "yaml")[0], "utf-8")
    assert len(load_plan(tmp_path / "plan.yaml", catalogue).plan.checks) == 2


def test_its_ait_runs_and_finds_a_constant(readme: str, tmp_path: Path, cli: Callable[..., object]) -> None:
    folder = tmp_path / "my_aits" / "constant_columns"
    folder.mkdir(parents=True)
    manifest, program = blocks(readme, "yaml")[1], next(b for b in blocks(readme, "python") if "def measure(data)" in b)
    assert len(manifest.splitlines()) + len(program.splitlines()) <= 25 + 1
    (folder / "ait.yaml").write_text(manifest, "utf-8")
    (folder / "measure.py").write_text(program, "utf-8")
    (tmp_path / "t.csv").write_text("a,b\n1,x\n2,x\n3,x\n")
    (tmp_path / "plan.yaml").write_text(
        "schema: qmtestbed/plan/v1\ncomponent: c\ninventories: {t: t.csv}\n"
        "checks: {c: {ait: constant_columns, with: {data: t}, expect: [constant_share <= 0]}}\n"
    )
    listed = cli("ait", "list", "--aits", "my_aits")
    assert "constant_columns" in listed.stdout and "BROKEN" not in listed.stdout  # type: ignore[attr-defined]
    done = cli("run", "plan.yaml", "--aits", "my_aits", "--out", "out")
    assert done.returncode == 1, done.stderr  # type: ignore[attr-defined]
    assert "b is constant." in (tmp_path / "out" / "summary.md").read_text("utf-8")


def test_its_second_ait_runs(readme: str, tmp_path: Path, cli: Callable[..., object]) -> None:
    folder = tmp_path / "my_aits" / "top_share"
    folder.mkdir(parents=True)
    part = next(b for b in blocks(readme, "yaml") if "top_share" in b)
    head = "schema: qmtestbed/ait/v1\nid: top_share\nversion: 1.0.0\ntitle: Top share\nquality: correctness\n"
    (folder / "ait.yaml").write_text(head + "method: Share\nreferences: []\ninforms: {}\n" + part, "utf-8")
    (folder / "measure.py").write_text(next(b for b in blocks(readme, "python") if "proportion" in b), "utf-8")
    (tmp_path / "p.csv").write_text("y,predicted\n" + "a,a\n" * 30 + "b,b\n" * 10)
    (tmp_path / "plan.yaml").write_text(
        "schema: qmtestbed/plan/v1\ncomponent: c\ninventories: {p: {uri: p.csv, label: y}}\n"
        "checks: {c: {ait: top_share, with: {predictions: p}, expect: ['top_share <= 0.9 at 95%']}}\n"
    )
    done = cli("run", "plan.yaml", "--aits", "my_aits", "--out", "out")
    assert done.returncode == 0, done.stderr  # type: ignore[attr-defined]


def test_its_exit_codes_are_ours(readme: str) -> None:
    table = {int(n) for n in re.findall(r"^\| (\d+) \|", readme, re.MULTILINE)}
    assert table == {int(c) for c in ExitCode}


def test_every_command_it_names_exists(readme: str) -> None:
    from qmtestbed.cli.app import COMMANDS

    named = set(re.findall(r"(?:`|^)qmtestbed (\w+)", readme, re.MULTILINE))
    assert named and named <= set(COMMANDS)
