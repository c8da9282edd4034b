"""Predictions in place of a model: the same numbers, what needs the model left out, and what does not fit refused."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import qmtestbed
from qmtestbed.errors import InputError
from qmtestbed.pipeline import Outcome

pytestmark = pytest.mark.usefixtures("shared_store")

FEATURES = ["age", "visits", "plan"]
ON_PREDICTIONS = ("classification_performance", "calibration", "label_errors", "baseline_gain")
ROLES = {"id": "customer", "ignore": ("spend",), "positive": "yes"}


@pytest.fixture
def predictions(project: Path) -> pd.DataFrame:
    """What the model says to the test data, written as a user would: parquet, ids in another order."""
    import mlflow

    model, test = mlflow.sklearn.load_model("models:/churn@champion"), pd.read_parquet("test.parquet")
    p = model.predict_proba(test[FEATURES])
    columns = {f"p[{c}]": p[:, i] for i, c in enumerate(model.classes_)}
    said = pd.DataFrame({"customer": test["customer"], "predicted": model.predict(test[FEATURES]), **columns})
    said.sample(frac=1, random_state=7).to_parquet(project / "said.parquet")
    return said


def of_checks(outcome: Outcome, names: tuple[str, ...]) -> dict[str, Any]:
    found = {name: outcome.evidence.record_of(name) for name in names}
    assert all(r is not None and r.status == "measured" for r in found.values())
    return {n: (r.measures, r.resources, r.findings, r.items) for n, r in found.items() if r}


def test_the_numbers_are_those_of_the_model_itself(project: Path, predictions: pd.DataFrame) -> None:
    checks = {n: {"ait": n, "with": {"model": "model", "data": "test"}} for n in ON_PREDICTIONS}
    test = {"uri": "test.parquet", "label": "churned", **ROLES, "ignore": ["spend"]}
    plan = {"schema": "qmtestbed/plan/v1", "component": "c", "checks": checks,
            "inventories": {"model": "models:/churn@champion", "test": test}}  # fmt: skip
    (project / "model.yaml").write_text(yaml.safe_dump(plan), "utf-8")
    itself = qmtestbed.run("model.yaml", out="itself")
    alone = qmtestbed.evaluate(
        data="test.parquet", predictions="said.parquet", label="churned", roles=ROLES, out="alone"
    )
    assert of_checks(alone, ON_PREDICTIONS) == of_checks(itself, ON_PREDICTIONS)
    assert alone.assessment.component == "said"

    why = {x.ait: x.why for x in alone.assessment.left_out}
    needing = ("feature_importance", "noise_stability", "metamorphic_relations", "cross_validation_spread")
    assert {why[n] for n in needing} == {"it needs the model itself; only predictions were given"}
    assert why["regression_performance"] == "it is for regression, and the task is classification"
    ran = {c.id for c in alone.assessment.checks}
    assert {"data_completeness", "record_duplicates", *ON_PREDICTIONS} <= ran and not ran & set(why)

    page = alone.page.read_text("utf-8")
    header = page[: page.index('class="headlines"')]
    assert "<dt>Predictions</dt>" in header and "said.parquet" in header and "the model itself was not run" in header
    assert "<dt>Model</dt>" not in header
    assert "by the column customer" in page

    again = qmtestbed.run("alone/plan.source.yaml", out="again")
    ours, theirs = ({k: r.evidence_digest for k, r in o.evidence.records.items()} for o in (alone, again))
    assert ours == theirs and int(again.exit_code) == int(alone.exit_code)


def test_a_bare_csv_file_offers_less(project: Path, predictions: pd.DataFrame) -> None:
    predictions[["predicted"]].to_csv("bare.csv", index=False)
    plan = (
        "schema: qmtestbed/plan/v1\ncomponent: c\ninventories: {p: bare.csv, t: {uri: test.csv, label: churned}}\n"
        "checks:\n  calibration: {ait: calibration, with: {predictions: p, data: t}}\n"
        "  classification_performance: {ait: classification_performance, with: {predictions: p, data: t}}\n"
    )
    (project / "bare.yaml").write_text(plan, "utf-8")
    outcome = qmtestbed.run("bare.yaml", out="out")
    lacking = outcome.evidence.record_of("calibration")
    assert lacking is not None and lacking.status == "unsupported" and lacking.error is not None
    assert lacking.error.what == "the predictions hold no probabilities"
    accuracy = outcome.evidence.record_of("classification_performance").measures["accuracy"].value  # type: ignore[union-attr]
    right = (predictions["predicted"] == pd.read_parquet("test.parquet")["churned"]).mean()
    assert accuracy.value == pytest.approx(right, abs=1e-12)  # type: ignore[union-attr]
    assert outcome.evidence.info.notes == ()
    (project / "ids.yaml").write_text(plan.replace("label: churned", "label: churned, id: customer"), "utf-8")
    (note,) = qmtestbed.run("ids.yaml", out="ids").evidence.info.notes
    assert note.startswith("The predictions bare.csv have no column 'customer', so they were matched with test.csv by")


def test_predictions_that_can_t_be_matched_end_the_evaluation(project: Path, predictions: pd.DataFrame) -> None:
    predictions.assign(customer="c1").to_parquet("doubled.parquet")
    with pytest.raises(InputError, match=r"the predictions in doubled\.parquet can't be matched") as refused:
        qmtestbed.evaluate(
            data="test.parquet", predictions="doubled.parquet", label="churned", roles=ROLES, out="out", name="churn"
        )
    (problem,) = refused.value.problems
    assert "ids more than once in doubled.parquet: 1;" in problem.found and problem.where == "doubled.parquet"
    assert "c1" not in problem.found and "--samples full" in problem.found  # ids name customers
    assert not Path("out").exists()


def test_in_a_plan_they_are_failed_records_and_the_reason_is_told_once(
    project: Path, predictions: pd.DataFrame, cli_here: Cli
) -> None:
    predictions.assign(**{"p[no]": 0.5}).to_parquet("off.parquet")
    bound = "with: {predictions: p, data: t}"
    plan = (
        "schema: qmtestbed/plan/v1\ncomponent: c\n"
        "inventories: {p: off.parquet, t: {uri: test.parquet, label: churned, id: customer}}\nchecks:\n"
        f"  one: {{ait: classification_performance, {bound}, expect: [accuracy >= 0.5]}}\n"
        f"  two: {{ait: calibration, {bound}, expect: [ece <= 0.2]}}\n"
        f"  three: {{ait: risk_coverage, {bound}, expect: [clear_harm <= 0]}}\n"
        "  data: {ait: data_completeness, with: {data: t}, expect: [value_completeness >= 0.9]}\n"
    )
    (project / "off.yaml").write_text(plan, "utf-8")
    done = cli_here("run", "off.yaml", "--out", "out")
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout.count("do not sum to 1") == 1 and "  one, two, three: UNDETERMINED" in done.stdout
    assert "    do: write probabilities between 0 and 1 that sum to 1" in done.stdout
    page = Path("out/report.html").read_text("utf-8")
    failures = page[page.index('id="failures"') : page.index('id="', page.index('id="failure-three'))]
    assert failures.count("do not sum to 1 in each row") == 1


Cli = Callable[..., subprocess.CompletedProcess[str]]
DATA = ("--data", "test.parquet", "--label", "churned")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--predictions", "short.csv", *DATA), "299 predictions, 300 rows"),
        (("--predictions", "none.csv", *DATA), "needs a column 'predicted'"),
        (("--predictions", "truth.csv", *DATA), "needs a column 'predicted'"),
        (("--predictions", "nowhere.csv", *DATA), "no such file"),
        (("--predictions", "i.npz", *DATA), "predictions are a table"),
        (("models:/churn@champion", "--predictions", "short.csv", *DATA), "a model and a file of predictions"),
        (DATA, "there is nothing to evaluate"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_runs(
    project: Path, cli_here: Cli, arguments: tuple[str, ...], said: str
) -> None:
    pd.DataFrame({"predicted": ["no"] * 299}).to_csv("short.csv", index=False)
    pd.DataFrame({"a": ["no"] * 300, "b": ["no"] * 300}).to_csv("none.csv", index=False)
    pd.read_parquet("test.parquet")[["churned"]].to_csv("truth.csv", index=False)
    np.savez("i.npz", images=np.zeros((300, 8, 8), np.uint8), labels=np.zeros(300))
    done = cli_here("evaluate", *arguments, "--out", "out")
    assert done.returncode == 4 and said in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and not Path("out").exists()


@pytest.mark.parametrize(
    ("roles", "bound", "said"),
    [
        (", label: y", "{predictions: p, data: t}", "have labels of their own"),
        ("", "{predictions: p}", "bind the data that it is about"),
        ("", "{predictions: p, data: u}", "inventory 'u': it needs labels"),
        ("", "{predictions: p, data: t, model: m}", "has no input 'model'"),
    ],
)
def test_plans_that_bind_predictions_wrongly(project: Path, roles: str, bound: str, said: str) -> None:
    pd.DataFrame({"predicted": ["no"] * 300, "y": "no"}).to_csv("p.csv", index=False)
    text = "schema: qmtestbed/plan/v1\ncomponent: c\ninventories:\n  u: test.csv\n  m: models:/churn/1\n"
    text += f"  t: {{uri: test.csv, label: churned}}\n  p: {{uri: p.csv{roles}}}\n"
    text += f"checks: {{c: {{ait: classification_performance, with: {bound}}}}}\n"
    (project / "wrong.yaml").write_text(text, "utf-8")
    with pytest.raises(InputError, match=said):
        qmtestbed.run("wrong.yaml", out="out")


def test_a_dry_run_writes_the_plan(project: Path, predictions: pd.DataFrame, cli_here: Cli) -> None:
    done = cli_here("evaluate", "--predictions", "said.parquet", *DATA, "--id", "customer", "--dry-run", "--out", "out")
    plan = yaml.safe_load(done.stdout)
    assert plan["inventories"]["predictions"]["requested"] == "said.parquet" and "model" not in plan["inventories"]
    assert plan["checks"]["calibration"]["with"] == {"predictions": "predictions", "data": "test"}
    assert "# left out: noise_stability: it needs the model itself" in done.stdout
