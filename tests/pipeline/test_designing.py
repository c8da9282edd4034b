"""An attribute design: proposed from a table, valid at once, used by the AITs, and looked through."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from qmtestbed.documents import read_document

Cli = Callable[..., subprocess.CompletedProcess[str]]

PLAN = """
schema: qmtestbed/plan/v1
component: designed
inventories:
  test: {uri: t.parquet, label: y}
  design: design.yaml
checks:
  pairs:
    ait: attribute_coverage
    with: {data: test, design: design}
    expect: [undeclared_count <= 0, total_coverage >= 1]
  shares: {ait: expected_distribution, with: {data: test, design: design}}
  cases: {ait: case_sufficiency, with: {data: test, design: design}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, 500),
            "plan": rng.choice(["no", "pro: x", "# 1", "'a'", "1e3"], 500),
            "who": [f"{i:x}-{i}" for i in range(500)],
            "y": rng.choice(["yes", "no"], 500),
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_draft_is_used_as_it_is(folder: Path, cli_here: Cli) -> None:
    made = cli_here("design", "draft", "t.parquet", "--label", "y", "--out", "design.yaml")
    assert made.returncode == 0 and "2 attributes; 1 columns left out" in made.stdout, made.stderr
    text = (folder / "design.yaml").read_text("utf-8")
    assert "#   who: nearly every row" in text and "below 35" in text and "y:" not in text
    assert cli_here("design", "draft", "t.parquet", "--label", "y").stdout == text
    assert cli_here("design", "draft", "t.parquet", "--out", "design.yaml").returncode == 4

    lines = text.splitlines()  # as somebody would who takes what is there for what is to be expected
    begin = lines.index("# frequencies:")
    end = next(i for i in range(begin, len(lines)) if not lines[i].startswith("#"))
    filled = [line[2:] if begin <= i < end else line for i, line in enumerate(lines)]
    (folder / "design.yaml").write_text("\n".join(filled) + "\n", "utf-8")
    checked = cli_here("design", "check", "design.yaml")
    assert checked.returncode == 0 and "expected frequencies of 2 attributes" in checked.stdout, checked.stderr
    (folder / "plan.yaml").write_text(PLAN, "utf-8")
    done = cli_here("run", "plan.yaml", "--out", "out")
    assert done.returncode == 0 and "2 of 2 met" in done.stdout, done.stdout + done.stderr
    checks = read_document(folder / "out" / "assessment.json").data["checks"]
    assert [c["status"] for c in checks] == ["measured"] * 3  # with the ranges of numbers as values


def test_a_draft_in_japanese_of_some_columns(folder: Path, cli_here: Cli) -> None:
    done = cli_here("design", "draft", "t.parquet", "--columns", "plan", "y", "--lang", "ja")
    found = yaml.safe_load(done.stdout)
    assert set(found["attributes"]) == {"plan", "y"} and "未記入" in done.stdout
    assert set(found["attributes"]["plan"]) == {"no", "pro: x", "# 1", "'a'", "1e3"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("t.parquet", "--columns", "agee"), "did you mean 'age'?"),
        (("t.parquet", "--columns", "who"), "no column could be an attribute"),
        (("t.parquett",), "no such file"),
        (("t.parquet", "--label", "z"), "no column 'z'"),
    ],
)
def test_what_can_t_be_drafted(folder: Path, cli_here: Cli, arguments: tuple[str, ...], said: str) -> None:
    done = cli_here("design", "draft", *arguments)
    assert done.returncode == 4 and said in done.stderr, done.stderr


GOOD = """\
schema: qmtestbed/design/v1
attributes:
  sex: [F, M]
bins:
  age: [30, 60]
exclusions:
  - {sex: M, age: below 30}
frequencies:
  age: {below 30: 0.2, 30 to below 60: 0.5, 60 or more: 0.3}
risk_cases:
  - {sex: F, town: X}
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("[F, M]", "[F, F]", 3, "each once"),
        ("[F, M]", "[]", 3, "must be there"),
        ("[30, 60]", "[60, 30]", 5, "increasing"),
        ("  age: [30", "  sex: [30", 5, "values as well"),
        ("age: below 30}", "age: below 31}", 7, "age has no value 'below 31'"),
        ("{sex: M, age: below 30}", "{}", 7, "names no attribute"),
        ("{sex: M,", "{sax: M,", 7, "unknown attribute 'sax'"),
        ("0.5", "0.9", 9, "sum to 1"),
        ("60 or more: 0.3", "over 60: 0.3", 9, "age has no value 'over 60'"),
        ("sex: F, town", "sex: D, town", 11, "sex has no value 'D'"),
        ("design/v1", "design/v2", 1, "not one of qmtestbed/design/v1"),
        ("exclusions", "exclusion", 6, "unknown key 'exclusion'"),
    ],
)
def test_each_problem_at_its_line(folder: Path, cli_here: Cli, old: str, new: str, line: int, said: str) -> None:
    (folder / "d.yaml").write_text(GOOD, "utf-8")
    good = cli_here("design", "check", "d.yaml")
    assert good.returncode == 0 and "2 attributes: sex (2), age (3)" in good.stdout
    assert old in GOOD
    (folder / "d.yaml").write_text(GOOD.replace(old, new, 1), "utf-8")
    done = cli_here("design", "check", "d.yaml")
    assert done.returncode == 4 and f"d.yaml:{line}: " in done.stderr and said in done.stderr, done.stderr
