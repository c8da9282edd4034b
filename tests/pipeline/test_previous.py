"""Two versions of a model on the same rows: the one assessed, and the one before it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scipy.stats import binomtest

import qmtestbed
from qmtestbed.ait import Undefined
from qmtestbed.pipeline import Outcome
from qmtestbed.types.values import point

pytestmark = pytest.mark.usefixtures("shared_store")


@pytest.fixture
def older(project: Path) -> str:
    """A weaker model of the same task, saved into a folder: it looks at one feature only."""
    import mlflow.sklearn
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    train = pd.read_parquet(project / "train.parquet")
    x = train[["age", "visits", "plan"]]
    weaker = make_pipeline(make_column_transformer(("passthrough", ["age"])), LogisticRegression()).fit(
        x, train["churned"]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.sklearn.save_model(weaker, "older", pip_requirements=["scikit-learn"])
    return "older"


def compared(outcome: Outcome) -> dict[str, Any]:
    record = outcome.evidence.record_of("baseline_gain")
    assert record is not None and record.status == "measured", record
    single = {name: m.value for name, m in record.measures.items()}
    return {n: v if isinstance(v, (Undefined, dict, tuple)) else point(v) for n, v in single.items()}  # type: ignore[arg-type]


def test_flips_are_those_counted_by_hand(project: Path, older: str, only_aits: Any) -> None:
    only_aits("baseline_gain", "classification_performance")
    outcome = qmtestbed.evaluate(
        "models:/churn@champion", data="test.parquet", label="churned", train="train.parquet", previous=older,
        out="out", roles={"ignore": ("spend",)},
    )  # fmt: skip
    import mlflow

    test = pd.read_parquet("test.parquet")
    x = test[["age", "visits", "plan"]]
    new, old = (
        mlflow.sklearn.load_model(uri).predict(x) == test["churned"] for uri in ("models:/churn@champion", older)
    )
    lost, won = int((old & ~new).sum()), int((new & ~old).sum())
    found = compared(outcome)
    assert lost and won
    assert found["negative_flip_rate"] == pytest.approx(lost / len(test))
    assert found["update_gain"] == pytest.approx((won - lost) / len(test))
    assert found["mcnemar_p"] == pytest.approx(binomtest(lost, lost + won).pvalue)
    assert {i.name for i in outcome.evidence.records[outcome.evidence.info.checks["baseline_gain"]].inputs.values()}
    assert "previous" in outcome.evidence.plan.inventories


def test_the_same_version_has_no_flips(project: Path, only_aits: Any) -> None:
    only_aits("baseline_gain", "classification_performance")
    outcome = qmtestbed.evaluate(
        "models:/churn@champion", data="test.parquet", label="churned", previous="models:/churn/1", out="out",
        roles={"ignore": ("spend",)},
    )  # fmt: skip
    found = compared(outcome)
    assert (found["negative_flip_rate"], found["update_gain"]) == (0, 0)
    predicted = [r for r in outcome.evidence.records.values() if r.kind == "predict"]
    assert len(predicted) == 1  # one model, asked once


def test_without_a_previous_version_there_is_nothing_to_compare(project: Path, only_aits: Any) -> None:
    only_aits("baseline_gain", "classification_performance")
    outcome = qmtestbed.evaluate(
        "models:/churn@champion", data="test.parquet", label="churned", out="out", roles={"ignore": ("spend",)}
    )
    assert isinstance(compared(outcome)["negative_flip_rate"], Undefined)
    check = next(c for c in outcome.assessment.checks if c.id == "baseline_gain")
    assert not [c for c in check.criteria if c.measure and "update" in c.measure]


def test_a_previous_version_that_is_not_there_is_said(project: Path) -> None:
    with pytest.raises(qmtestbed.InputError, match="previous"):
        qmtestbed.evaluate(
            "models:/churn@champion", data="test.parquet", label="churned", previous="models:/churn/77", out="out"
        )


def test_predictions_of_a_model_need_data(project: Path) -> None:
    plan = (
        "schema: qmtestbed/plan/v1\ncomponent: c\ninventories: {p: {uri: test.parquet, label: churned},"
        " m: models:/churn/1}\nchecks: {c: {ait: baseline_gain, with: {predictions: p, previous: m}}}\n"
    )
    (project / "two.yaml").write_text(plan, "utf-8")
    with pytest.raises(qmtestbed.InputError, match="bind data too"):
        qmtestbed.run("two.yaml", out="out")
