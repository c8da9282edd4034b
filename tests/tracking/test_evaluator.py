"""``mlflow.models.evaluate`` with our evaluator: MLflow's model, data and run; our measures."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import mlflow
import pandas as pd
import pytest

from qmtestbed.errors import InputError

from .conftest import Registry


@pytest.fixture
def at(registry: Registry) -> Iterator[Registry]:
    """Let MLflow itself use the store of this test."""
    mlflow.set_tracking_uri(registry.uri)
    yield registry
    mlflow.set_tracking_uri(None)


def evaluate(model: Any = "models:/churn@candidate", **config: Any) -> Any:
    frame = pd.read_parquet("test.parquet")
    return mlflow.models.evaluate(
        model, frame, targets="churned", model_type="classifier", evaluators="qmtestbed", evaluator_config=config,
        **({"predictions": "said"} if model is None else {}),
    )  # fmt: skip


def test_by_a_plan(at: Registry) -> None:
    result = evaluate(plan="plan.yaml", out="r")
    truth = pd.read_parquet("test.parquet")["churned"]
    said = mlflow.pyfunc.load_model("models:/churn/1").predict(
        pd.read_parquet("test.parquet")[["age", "visits", "plan"]]
    )
    assert result.metrics["qmt/performance/accuracy"] == pytest.approx((said == truth).mean(), abs=1e-12)
    assert (result.metrics["qmt/criteria_met"], result.metrics["qmt/criteria_not_met"]) == (2, 0)
    assert result.artifacts["qmtestbed_report"].content.startswith("<!DOCTYPE html>")
    run = at.client.get_run(result.run_id)
    assert run.data.tags["qmt.verdict"] == "met"
    assert {a.path for a in at.client.list_artifacts(result.run_id, "qmtestbed")} >= {"qmtestbed/report.html"}
    assert at.client.get_logged_model(at.model_id).tags["qmt.run"] == run.data.tags["qmt.run"]

    good = mlflow.models.MetricThreshold(threshold=0.7, greater_is_better=True)
    assert mlflow.validate_evaluation_results({"qmt/performance/accuracy": good}, result) is None
    high = mlflow.models.MetricThreshold(threshold=0.999, greater_is_better=True)
    with pytest.raises(mlflow.exceptions.MlflowException, match="qmt/performance/accuracy"):
        mlflow.validate_evaluation_results({"qmt/performance/accuracy": high}, result)


def test_a_plan_that_calls_its_model_otherwise(at: Registry) -> None:
    """What is judged is MLflow's model, whatever the plan calls it and whichever it names."""
    plan = at.plan("  model: models:/churn@candidate", "  clf: models:/nobody/7")
    plan.write_text(plan.read_text().replace("{model: model,", "{model: clf,"))
    assert evaluate(plan="plan.yaml", out="r").metrics["qmt/criteria_met"] == 2
    other = "  other: {ait: classification_performance, with: {model: second, data: test}}\n"
    plan.write_text(plan.read_text().replace("  test:", "  second: models:/churn/1\n  test:") + other)
    with pytest.raises(InputError, match="judges several models"):
        evaluate(plan="plan.yaml", out="r2")


def test_a_plain_function_is_judged_by_its_predictions(at: Registry) -> None:
    result = evaluate(lambda x: ["yes"] * len(x), plan="plan.yaml", out="r")
    truth = pd.read_parquet("test.parquet")["churned"]
    assert result.metrics["qmt/performance/accuracy"] == pytest.approx((truth == "yes").mean(), abs=1e-12)
    assert at.client.get_run(result.run_id).data.tags["qmt.verdict"] == "not_met"


def test_it_runs_only_where_it_was_configured() -> None:
    from qmtestbed.mlflow_evaluator import Evaluator

    assert "qmtestbed" in mlflow.models.list_evaluators()
    assert not Evaluator.can_evaluate(model_type="classifier", evaluator_config=None)
    assert not Evaluator.can_evaluate(model_type="classifier", evaluator_config={})
    assert Evaluator.can_evaluate(model_type="classifier", evaluator_config={"plan": None})
    assert not Evaluator.can_evaluate(model_type="text", evaluator_config={"plan": None})


@pytest.mark.parametrize(
    ("config", "what"),
    [
        ({"plan": "plan.yaml", "data": "tst"}, "did you mean 'test'"),
        ({"plan": "plan.yaml", "datas": "test"}, "did you mean 'data'"),
        ({"plan": "nowhere.yaml"}, "can't be read"),
        ({"plan": "plan.yaml", "isolation": "x"}, "isolation: unknown value"),
        ({"plan": "plan.yaml", "out": 3}, "out: not a text"),
        ({"plan": None, "roles": {"grup": "x"}}, "did you mean 'group'"),
        ({"plan": None, "level": "AIPL-1"}, "level: not a mapping"),
    ],
)
def test_a_wrong_configuration(at: Registry, config: dict[str, Any], what: str) -> None:
    with pytest.raises(InputError) as caught:
        evaluate(**config)
    assert what in str(caught.value)


def test_importing_it_imports_nothing_heavy() -> None:
    code = (
        "import sys, qmtestbed.mlflow_evaluator\n"
        "heavy = {'numpy', 'pandas', 'mlflow', 'yaml', 'jinja2', 'qmtestbed.pipeline'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
