"""Two versions of a model by two plans: what changed is on the page of the later run, and in a comparison of both."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

import qmtestbed
from qmtestbed.evidence import RunFolder
from qmtestbed.types.codec import decode
from qmtestbed.types.comparison import Comparison, Snapshot

Cli = Callable[..., subprocess.CompletedProcess[str]]
PLAN = """
schema: qmtestbed/plan/v1
component: churn
guideline: mlqm@3
levels: {{performance: AIPL-1}}
inventories:
  said: {said}
  test: {{uri: {test}, label: churned, positive: "yes"{id}, ignore: [spend]}}
checks:
  performance:
    ait: classification_performance
    with: {{predictions: said, data: test}}
    expect: [{expect}]
  rows: {{ait: data_completeness, with: {{data: test}}, expect: [value_completeness >= 0.9]}}
"""
FIRST = '"recall[yes] >= 0.5 at 95%", accuracy >= 0.8 at 95%, f1_average >= 0.5, balanced_accuracy >= 0.5'
LATER = '"recall[yes] >= 0.5 at 95%", accuracy >= 0.8 at 95%, f1_average >= 0.3, mcc >= 0.1'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Predictions of two models, some 90 % and 60 % right, and the runs ``a`` and, since it, ``b``."""
    path = tmp_path_factory.mktemp("compared")
    chance = np.random.default_rng(5)
    truth = np.where(chance.random(200) < 0.5, "yes", "no")
    test = pd.DataFrame({"customer": [f"c{i}" for i in range(200)], "age": chance.integers(18, 80, 200),
                         "churned": truth, "spend": 1.0})  # fmt: skip
    test.to_csv(path / "test.csv", index=False)
    test.assign(age=0).to_csv(path / "other.csv", index=False)
    for name, share in (("good", 0.9), ("weak", 0.6)):
        right = chance.random(200) < share
        wrong = np.where(truth == "yes", "no", "yes")
        said = pd.DataFrame({"customer": test["customer"], "predicted": np.where(right, truth, wrong)})
        said.to_csv(path / f"{name}.csv", index=False)
    before = Path.cwd()
    os.chdir(path)
    try:
        qmtestbed.run(write(path, "a.yaml", "good.csv", FIRST), out="a", as_of="2026-11-01")
        qmtestbed.run(write(path, "b.yaml", "weak.csv", LATER), out="b", as_of="2026-11-20", since="a")
    finally:
        os.chdir(before)
    return path


def write(path: Path, name: str, said: str, expect: str, test: str = "test.csv", id: str = ", id: customer") -> Path:
    (path / name).write_text(PLAN.format(said=said, expect=expect, test=test, id=id), "utf-8")
    return path / name


@pytest.fixture
def here(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy that a test may alter."""
    shutil.copytree(folder, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def test_the_page_says_what_changed_since(folder: Path) -> None:
    page = (folder / "b" / "report.html").read_text("utf-8")
    card = page.split('id="since-title"')[1].split("</section>")[0]
    for said in ("1</b> worse", "1</b> gone", "1</b> other limit", "1</b> new", "0</b> better", "2</b> unchanged"):
        assert said in card, said
    assert 'href="#check-performance"' in card and "accuracy &gt;= 0.8 at 95%" in card and "met → not met" in card
    assert card.index("accuracy") < card.index("balanced_accuracy") < card.index("f1_average") < card.index("mcc")
    assert "good.csv" in card and "weak.csv" in card and "1 November 2026" in card
    assert "since-title" not in (folder / "a" / "report.html").read_text("utf-8")
    told = json.loads((folder / "b" / "assessment.json").read_text("utf-8"))["since"]
    assert told["counts"] == {"worse": 1, "gone": 1, "restated": 1, "new": 1, "better": 0, "same": 2}
    assert "## Since last time" in (folder / "b" / "summary.md").read_text("utf-8")


def test_the_earlier_run_is_evidence_of_the_later(here: Path) -> None:
    bundle = json.loads((here / "b" / "bundle.json").read_text("utf-8"))
    assert "since.json" in {e["path"] for e in bundle["files"]}
    kept = decode(Snapshot, json.loads((here / "b" / "since.json").read_text("utf-8")))
    assert kept.bundle == RunFolder(here / "a").bundle_sha256
    shutil.rmtree(here / "a")
    before = {n: (here / "b" / n).read_bytes() for n in ("assessment.json", "report.html", "summary.md")}
    qmtestbed.judge("b")  # a view of its own folder: the earlier run need not be there any more
    assert {n: (here / "b" / n).read_bytes() for n in before} == before
    (here / "b" / "since.json").write_text("{}", "utf-8")
    with pytest.raises(qmtestbed.IntegrityError, match="altered"):
        qmtestbed.judge("b")


def test_two_runs_compared_item_by_item(here: Path, cli_here: Cli) -> None:
    shown = cli_here("compare", "a", "b", "--out", "cmp")
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    at = lines.index("Verdict changes:")
    words = [line.split()[0] for line in lines[at + 1 : at + 5]]
    assert words == ["WORSE", "GONE", "RESTATED", "NEW"]
    assert "accuracy >= 0.8 at 95%: met (" in lines[at + 1] and "-> not met (" in lines[at + 1]
    assert any(line.strip().startswith("predictions said: good.csv") for line in lines)

    # Oracle: the paired difference of two proportions, item by item, by hand.
    truth = pd.read_csv("test.csv")["churned"]
    good, weak = (pd.read_csv(f"{n}.csv")["predicted"].eq(truth).to_numpy() for n in ("good", "weak"))
    won, lost, n = int((weak & ~good).sum()), int((good & ~weak).sum()), len(truth)
    comparison = decode(Comparison, json.loads(Path("cmp/compare.json").read_text("utf-8")))
    (check,) = [c for c in comparison.checks if c.id == "performance"]
    assert check.unpaired == ("",) and check.differs == (("predictions",),)
    (accuracy,) = [m.apart[0] for m in check.measures if m.measure == "accuracy"]
    assert accuracy is not None and accuracy.how == "paired" and accuracy.shown == "worse"
    assert accuracy.difference == pytest.approx((won - lost) / n)
    assert accuracy.low is not None and accuracy.high is not None
    error = np.sqrt(((won + lost) - (won - lost) ** 2 / n) / n**2)
    expected = student.ppf(0.975, 49) * error
    assert (accuracy.high - accuracy.low) / 2 == pytest.approx(expected, rel=0.25)  # fifty random parts of four rows
    page = Path("cmp/compare.html").read_text("utf-8")
    assert page.index('id="changes"') < page.index('id="shown"') < page.index('id="checks"')
    assert "item by item" in page and "<script" not in page and "http" not in page.split("</style>")[1]
    same = [m.apart[0] for c in comparison.checks if c.id == "rows" for m in c.measures if m.apart[0]]
    assert same and {a.how for a in same} == {"same"}  # the very same record

    three = cli_here("compare", "a", "b", "a", "--out", "cmp3", "--lang", "ja")
    assert three.returncode == 0 and "WORSE / SAME" in three.stdout
    assert '<html lang="ja"' in Path("cmp3/compare.html").read_text("utf-8")


def test_without_ids_other_data_are_not_paired(here: Path) -> None:
    for out, data in (("c", "test.csv"), ("d", "other.csv")):
        frame = pd.read_csv("good.csv" if out == "c" else "weak.csv").drop(columns="customer")
        frame.to_csv(f"{out}.csv", index=False)
        qmtestbed.run(write(here, f"{out}.yaml", f"{out}.csv", FIRST, data, id=""), out=out)
    found = qmtestbed.compare("c", "d", out="cmp").comparison
    (check,) = [c for c in found.checks if c.id == "performance"]
    assert "no column has the role id" in check.unpaired[0]
    (accuracy,) = [m.apart[0] for m in check.measures if m.measure == "accuracy"]
    assert accuracy is not None and accuracy.how == "unpaired"
    assert accuracy.overlap is False and accuracy.shown == "worse"


def test_altered_predictions_are_refused(here: Path) -> None:
    resource = next((here / "a" / "resources").glob("*.arrow"))
    resource.write_bytes(b"")
    with pytest.raises(qmtestbed.IntegrityError, match="altered"):
        qmtestbed.compare("a", "b", out="cmp")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("compare", "a"), 4, "one run alone"),
        (("compare", "a", "nowhere"), 4, "no finished run"),
        (("compare", "a", "b", "--out", "a"), 4, "holds no comparison"),
        (("run", "b.yaml", "--out", "c", "--since", "nowhere"), 4, "no finished run"),
        (("run", "b.yaml", "--out", "c", "--baseline", "nowhere"), 4, "no finished run"),
        (("judge", "a", "--since", "b"), 4, "--since and --level go with --plan or --guideline"),
    ],
)
def test_bad_input(here: Path, cli_here: Cli, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = cli_here(*arguments)
    assert done.returncode == code and said in done.stderr
    assert not (here / "c").exists()


def test_an_altered_run_is_no_past(here: Path, cli_here: Cli) -> None:
    record = next((here / "a" / "records").iterdir())
    record.write_bytes(record.read_bytes() + b" ")
    for arguments in (("compare", "a", "b"), ("run", "b.yaml", "--out", "c", "--since", "a")):
        done = cli_here(*arguments)
        assert done.returncode == 5 and "evidence is altered" in done.stderr
    assert not (here / "c").exists()


def test_judged_by_another_plan_with_and_without_a_past(here: Path) -> None:
    again = qmtestbed.judge("b", plan="b.yaml", out="c", since="a")
    assert again.assessment.since is not None and again.assessment.since.counts.worse == 1
    (here / "assessment.json").write_text("", "utf-8")
    gone = qmtestbed.judge("b", plan="b.yaml", out="c")
    assert gone.assessment.since is None and not (here / "c" / "since.json").exists()


def test_evaluate_takes_the_folder_of_a_run_for_the_past(here: Path, cli_here: Cli) -> None:
    done = cli_here(
        "evaluate", "--predictions", "weak.csv", "--data", "test.csv", "--label", "churned", "--id", "customer",
        "--baseline", "a", "--dry-run",
    )  # fmt: skip
    assert done.returncode == 0 and "baseline" not in done.stdout.split("checks:")[0]
