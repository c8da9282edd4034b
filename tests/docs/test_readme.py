"""What the README says works: its plan is a plan, and its AIT runs."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from qmtestbed.catalogue import Catalogue
from qmtestbed.errors import ExitCode
from qmtestbed.plan import load_plan

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def readme(checkout: Path) -> str:
    return (checkout / "README.md").read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_its_plan_is_good(readme: str, tmp_path: Path, catalogue: Catalogue) -> None:
    (tmp_path / "plan.yaml").write_text(blocks(readme, "yaml")[0], "utf-8")
    assert len(load_plan(tmp_path / "plan.yaml", catalogue).plan.checks) == 2


def test_its_ait_is_five_changed_lines_at_most(readme: str, tmp_path: Path, cli: Cli) -> None:
    """The steps of “Write an AIT”, as they stand there."""
    section = readme[readme.index("## Write an AIT") :]
    new, *later = [x.split("#")[0].split()[1:] for x in re.findall(r"^qmtestbed ait .*", section, re.MULTILINE)]
    assert cli(*new).returncode == 0
    before = {p: p.read_text("utf-8").splitlines() for p in (tmp_path / "my_ait").glob("*.*")}
    (rule,) = [x for x in blocks(section, "python") if "<-" in x]
    changed = [(tmp_path / "my_ait" / "measure.py", rule)]
    changed += [(tmp_path / "my_ait" / "ait.yaml", x) for x in blocks(section, "yaml")[0].splitlines()]
    assert len(changed) <= 5
    for path, line in changed:
        start = re.match(r" *[a-z]+", line)
        assert start
        (old,) = [x for x in before[path] if x.startswith(start[0]) and "<-" in x]
        path.write_text(path.read_text("utf-8").replace(old, line.rstrip()), "utf-8")
    checks = [cli(*command) for command in later if command[1] == "check"]
    assert checks and all(done.returncode == 0 for done in checks), checks[-1].stdout
    assert "12 of 12 rules hold" in checks[-1].stdout
    (run,) = [cli(*command) for command in later if command[1] == "run"]
    assert run.returncode == 0 and "NOT MET" in run.stdout, run.stderr
    (tmp_path / "plan.yaml").write_text(
        "schema: qmtestbed/plan/v1\ncomponent: c\ninventories: {t: {uri: my_ait/example/bad.csv, label: churned}}\n"
        "checks: {c: {ait: my_ait, with: {data: t}, expect: [faulty_share <= 0]}}\n"
    )
    done = cli("run", "plan.yaml", "--aits", ".", "--out", "out")
    assert done.returncode == 1, done.stderr
    assert "4 rows break the rule" in (tmp_path / "out" / "summary.md").read_text("utf-8")


def test_its_schemas_are_there(readme: str, checkout: Path) -> None:
    named = re.findall(r"\$schema=(\S+)", readme)
    assert named and all((checkout / path).is_file() for path in named)
    assert all((checkout / path).exists() for path in re.findall(r"\]\(((?:docs|tests)/[^)#]+)\)", readme))


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
