"""Data sets come from a run's dataset inputs, and are what was logged there, or are refused."""

from __future__ import annotations

from pathlib import Path

import mlflow
import pandas as pd
import pytest

import qmtestbed
from qmtestbed.digests import sha256_of_file
from qmtestbed.errors import DataError, IntegrityError
from qmtestbed.tracking.datasets import SHA256_TAG, find_data
from tests.conftest import Cli, churn_table

from .conftest import Registry


@pytest.fixture
def given(registry: Registry) -> Registry:
    """Give the run that logged the model data sets of every sort."""
    long = pd.concat([churn_table(300, 2)] * 41, ignore_index=True)  # 12,300 rows: MLflow's digest covers 10,000
    long.to_parquet("long.parquet")
    pd.read_parquet("test.parquet").to_parquet("gone.parquet")
    mlflow.set_tracking_uri(registry.uri)
    try:
        with mlflow.start_run(run_id=registry.run):
            for name in ("test", "train", "long", "gone"):
                frame = pd.read_parquet(f"{name}.parquet")
                source = str(registry.folder / f"{name}.parquet")
                mlflow.log_input(mlflow.data.from_pandas(frame, source=source, name=f"churn-{name}"), context=name)
            frame = pd.read_csv("test.csv")
            mlflow.log_artifact("test.csv", "data")
            artifact = mlflow.get_artifact_uri("data/test.csv")
            mlflow.log_input(mlflow.data.from_pandas(frame, source=artifact, name="artifact"), context="csv")
            mlflow.log_input(mlflow.data.from_pandas(frame, name="sourceless"), context="code")
            tags = {SHA256_TAG: sha256_of_file(registry.folder / "long.parquet")}
            source = str(registry.folder / "long.parquet")
            mlflow.log_input(mlflow.data.from_pandas(long, source=source, name="tagged"), context="tagged", tags=tags)
            for column in ("age", "visits"):
                twice = mlflow.data.from_pandas(frame[[column]], source="test.csv", name=f"twice-{column}")
                mlflow.log_input(twice, context="twice")
    finally:
        mlflow.set_tracking_uri(None)
    Path("gone.parquet").unlink()
    return registry


def find(given: Registry, name: str) -> object:
    return find_data("inventory 'test'", f"mlflow:{name}", given.run)


def test_found_by_context_name_and_run(given: Registry) -> None:
    by_context = find_data("x", "mlflow:test", given.run)
    assert by_context == find_data("x", "mlflow:churn-test", given.run)
    assert by_context == find_data("x", f"mlflow:{given.run}/test", None)
    assert (by_context.path, by_context.uri) == (given.folder / "test.parquet", f"mlflow:{given.run}/test")
    assert find_data("x", "mlflow:csv", given.run).path.name == "test.csv"


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("tset", "did you mean 'test'"),
        ("code", "without a source that can be read again"),
        ("code", "mlflow.data.from_pandas(df, source="),
        ("gone", "no such file"),
        ("twice", "twice-age"),
        ("0123456789abcdef0123456789abcdef/test", "the run of the data set can't be read"),
    ],
)
def test_refused_with_what_to_do(given: Registry, name: str, what: str) -> None:
    with pytest.raises(DataError) as caught:
        find(given, name)
    assert what in str(caught.value)


def test_a_model_that_no_run_logged() -> None:
    with pytest.raises(DataError, match="no run is known"):
        find_data("inventory 'test'", "mlflow:test", None)


def change(path: str, row: int) -> None:
    frame = pd.read_parquet(path)
    frame.loc[row, "visits"] += 1
    frame.to_parquet(path)


def test_a_change_that_mlflow_sees(given: Registry) -> None:
    change("long.parquet", 9_999)
    with pytest.raises(IntegrityError, match="not the one that was logged"):
        find(given, "long")


def test_a_change_that_mlflow_does_not_see(given: Registry) -> None:
    """After row 10,000: MLflow's digest is the same, ours is not."""
    plan = given.plan("{uri: test.parquet,", "{uri: mlflow:tagged,")
    change("long.parquet", 10_001)
    find(given, "long")  # its digest covers no more
    with pytest.raises(IntegrityError, match="has sha256"):
        qmtestbed.run(plan, out="r")


def test_what_can_not_be_proven_is_said_and_remembered(given: Registry, cli_here: Cli) -> None:
    plan = given.plan("{uri: test.parquet,", "{uri: mlflow:long,")
    outcome = qmtestbed.run(plan, out="r", log=True)
    assert "rows after the 10,000th could not be compared" in outcome.evidence.info.notes[0]
    pinned = outcome.evidence.plan.inventories["test"]
    assert (pinned.uri, pinned.requested) == (f"mlflow:{given.run}/long", "mlflow:long")
    assert "could not be compared" in outcome.page.read_text("utf-8")
    # The digest of the whole file was written down with the assessment: from now on a change anywhere is seen.
    assert find_data("x", "mlflow:long", given.run).sha256 == pinned.sha256
    again = qmtestbed.run(plan, out="again", log=True)
    assert again.evidence.info.notes == ()
    change("long.parquet", 10_001)
    done = cli_here("run", "plan.yaml", "--out", "r2")
    assert done.returncode == 5 and "is not the one that was logged" in done.stderr


def test_evaluate_takes_them_too(given: Registry, cli_here: Cli) -> None:
    done = cli_here("evaluate", "models:/churn@candidate", "--data", "mlflow:test", "--label", "churned",
                    "--train", "mlflow:train", "--ignore", "spend", "--dry-run")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "uri: mlflow:test" in done.stdout and "uri: mlflow:train" in done.stdout


def test_a_data_set_beside_a_model_that_is_not_found(given: Registry, cli_here: Cli) -> None:
    """One problem is told, not two."""
    given.plan("{uri: test.parquet,", "{uri: mlflow:test,").write_text(
        Path("plan.yaml").read_text().replace("@candidate", "@nobody")
    )
    done = cli_here("run", "plan.yaml")
    assert done.returncode == 4 and "has no alias 'nobody'" in done.stderr and "mlflow:test" not in done.stderr
