"""A plan that compares a model with the version that bears an alias, from end to end."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import qmtestbed
from qmtestbed.ait import Estimate
from qmtestbed.pipeline import Options, resolve_only
from qmtestbed.types.assessment import CriterionVerdict
from qmtestbed.types.values import point

pytestmark = pytest.mark.usefixtures("shared_store")

PLAN = """
schema: qmtestbed/plan/v1
component: churn
guideline: mlqm@3
levels: {{performance: AIPL-1}}
inventories:
  baseline: {baseline}
  model: {model}
  test: {{uri: test.parquet, label: churned, positive: "yes", id: customer, ignore: [spend]}}
checks:
  performance:
    ait: classification_performance
    with: {{model: model, data: test}}
    expect: [{expect}]
  noise:
    ait: noise_stability
    with: {{model: model, data: test}}
    expect: ["change_rate[0.1] <= baseline + 0.5 at 95%"]
"""


@pytest.fixture(scope="module")
def weaker(store: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Another version of churn, in a folder: it looks at one feature only."""
    import mlflow.sklearn
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    train = pd.read_parquet(store.folder / "train.parquet")
    model = make_pipeline(make_column_transformer(("passthrough", ["age"])), LogisticRegression())
    model.fit(train[["age", "visits", "plan"]], train["churned"])
    folder = tmp_path_factory.mktemp("models") / "weaker"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.sklearn.save_model(model, str(folder), pip_requirements=["scikit-learn"])
    return str(folder)


@pytest.fixture(scope="module")
def common_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("common-store")


@pytest.fixture(autouse=True)
def records_are_shared(common_store: Path, own_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test measured, another need not measure again."""
    monkeypatch.setenv("QMTESTBED_STORE", str(common_store))


def write(project: Path, name: str, **values: str) -> Path:
    values = {"baseline": "models:/churn@champion", "expect": "accuracy >= baseline - 0.3 at 95%", **values}
    (project / name).write_text(PLAN.format(**values), "utf-8")
    return project / name


def criteria(outcome: Any, check: str) -> dict[str, CriterionVerdict]:
    return {c.text: c for x in outcome.assessment.checks if x.id == check for c in x.criteria}


def test_a_weaker_model_against_the_champion(
    project: Path, weaker: str, cli_here: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    expect = "accuracy >= baseline - 0.01 at 95%, f1_average >= baseline - 0.9 at 95%"
    outcome = qmtestbed.run(write(project, "a.yaml", model=weaker, expect=expect), out="out")
    evidence = outcome.evidence

    # Oracle: both models called here, compared by hand.
    import mlflow

    test = pd.read_parquet("test.parquet")
    new, old = (
        mlflow.sklearn.load_model(uri).predict(test[["age", "visits", "plan"]]) == test["churned"]
        for uri in (weaker, "models:/churn/1")
    )
    lost, won = int((old & ~new).sum()), int((new & ~old).sum())
    found = criteria(outcome, "performance")["accuracy >= baseline - 0.01 at 95%"]
    assert found.value == pytest.approx((won - lost) / 300) and found.verdict == "not_met"
    assert found.low is not None and found.low < (won - lost) / 300 < -0.01
    assert found.against is not None and found.against.how == "paired"
    assert (found.against.value, found.against.baseline) == pytest.approx((new.mean(), old.mean()))
    assert found.against.name == "models:/churn/1"
    assert criteria(outcome, "performance")["f1_average >= baseline - 0.9 at 95%"].verdict == "met"

    kinds = sorted((r.kind, r.program.id) for r in evidence.records.values())
    assert kinds == [
        ("difference", "classification_performance"), ("measure", "classification_performance"),
        ("measure", "noise_stability"), ("measure", "noise_stability"),
        ("predict", "predict"), ("predict", "predict"), ("probe", "probe"), ("probe", "probe"),
    ]  # fmt: skip
    ours, theirs = evidence.record_of("noise"), evidence.baseline_of("noise")
    assert ours is not None and theirs is not None and ours.inputs["data"] == theirs.inputs["data"]
    scale = [dict(r.measures["change_rate"].singles())["0.1"] for r in (ours, theirs)]
    (apart,) = criteria(outcome, "noise").values()
    assert apart.value == pytest.approx((point(scale[0]) or 0) - (point(scale[1]) or 0))
    assert apart.against is not None and apart.against.how == "unpaired" and isinstance(scale[0], Estimate)

    row = next(r for r in outcome.assessment.requirements if "performance" in r.checks)
    assert set(row.records) >= {evidence.info.checks["performance"], evidence.info.baselines["performance"]}
    page = outcome.page.read_text("utf-8")
    assert "of the baseline (models:/churn/1), compared item by item" in page and "≥ baseline − 0.01" in page
    assert "of the baseline" in (outcome.folder / "summary.md").read_text("utf-8")
    assert "difference: -" in (outcome.folder / "junit.xml").read_text("utf-8")
    shown = cli_here("judge", "out")
    assert shown.returncode == 1 and "against" in shown.stdout

    judged_again(project, weaker, monkeypatch)


def judged_again(project: Path, weaker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By other plans: with another offset there is evidence, with another baseline or another measure's record none."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    laxer = write(project, "b.yaml", model=weaker, expect="accuracy >= baseline - 0.5 at 95%, mcc >= baseline - 1.5")
    again = qmtestbed.judge("out", plan=laxer, out="again")
    assert {c.verdict for c in criteria(again, "performance").values()} == {"met"}
    other = write(project, "c.yaml", model=weaker, baseline="models:/churn/9")
    refused = qmtestbed.judge("out", plan=other, out="refused")
    assert int(refused.exit_code) == 2
    (found,) = criteria(refused, "performance").values()
    assert found.verdict == "undetermined" and "holds no baseline to compare with" in found.reason


def test_the_same_version_under_two_names(project: Path) -> None:
    outcome = qmtestbed.run(
        write(project, "a.yaml", model="models:/churn/1", expect="accuracy >= baseline at 95%"), out="out"
    )
    (paired,), (apart,) = (criteria(outcome, c).values() for c in ("performance", "noise"))
    assert (paired.verdict, paired.value, paired.low, paired.high) == ("met", 0, 0, 0)
    assert (apart.verdict, apart.value, apart.low, apart.high) == ("met", 0, 0, 0)
    assert "the same model" in paired.reason and "the same model" in apart.reason
    assert len([r for r in outcome.evidence.records.values() if r.kind == "predict"]) == 1


def test_a_baseline_that_can_t_be_loaded_decides_nothing(project: Path, weaker: str) -> None:
    shutil.copytree(weaker, "broken")
    next((project / "broken").glob("model.*")).write_bytes(b"no model")
    expect = "accuracy >= baseline - 0.9, accuracy >= 0.1"
    outcome = qmtestbed.run(write(project, "a.yaml", model=weaker, baseline="broken", expect=expect), out="out")
    found = criteria(outcome, "performance")
    assert found["accuracy >= 0.1"].verdict == "met"
    against = found["accuracy >= baseline - 0.9"]
    assert against.verdict == "undetermined" and "is failed: the model could not be probed" in against.reason
    made = outcome.evidence.baseline_of("performance")
    assert made is not None and made.error is not None and made.error.where == "probe of broken"
    assert [c.verdict for c in criteria(outcome, "noise").values()] == ["undetermined"]
    assert int(outcome.exit_code) == 2


def test_a_plan_that_can_t_be_compared_is_refused_before_anything_runs(project: Path) -> None:
    with pytest.raises(qmtestbed.InputError, match="baseline"):
        qmtestbed.run(write(project, "a.yaml", model="models:/churn/1", baseline="models:/churn/9"), out="out")
    pd.DataFrame({"churned": ["yes", "no"] * 10, "predicted": ["yes", "yes"] * 10}).to_csv("said.csv", index=False)
    plan = (
        "schema: qmtestbed/plan/v1\ncomponent: c\n"
        "inventories: {baseline: models:/churn/1, p: {uri: said.csv, label: churned}}\n"
        "checks: {c: {ait: classification_performance, with: {predictions: p}, expect: [accuracy >= baseline]}}\n"
    )
    (project / "file.yaml").write_text(plan, "utf-8")
    with pytest.raises(qmtestbed.InputError, match="predictions from a file have no model"):
        qmtestbed.run("file.yaml", out="out")


def test_a_baseline_that_no_criterion_names_is_not_looked_for(project: Path) -> None:
    plan = write(project, "a.yaml", model="models:/churn/1", baseline="models:/nowhere/1", expect="accuracy >= 0.5")
    plan.write_text(plan.read_text("utf-8").replace("<= baseline + 0.5 at 95%", "<= 0.5"), "utf-8")
    resolution = resolve_only(plan, Options())
    assert not resolution.baselines and "baseline" not in resolution.inventories


def test_evaluate_puts_the_baseline_into_the_plan(project: Path, cli_here: Callable[..., Any]) -> None:
    shown = cli_here(
        "evaluate", "models:/churn/1", "--data", "test.parquet", "--label", "churned", "--ignore", "spend",
        "--positive", "yes", "--id", "customer", "--baseline", "models:/churn@champion", "--dry-run",
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    assert "baseline:\n    uri: models:/churn@champion" in shown.stdout
    assert "previous: baseline" in shown.stdout  # the version before, as none is given
