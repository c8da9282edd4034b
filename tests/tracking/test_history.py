"""The history of a model comes from MLflow alone."""

from __future__ import annotations

import json
import shutil

import pytest

import qmtestbed
from qmtestbed.ait import Estimate
from qmtestbed.errors import ModelError
from tests.conftest import Cli

from .conftest import Registry


def test_verdicts_and_measures_over_versions(registry: Registry, cli_here: Cli) -> None:
    assert qmtestbed.history("churn") == ()
    assert "no assessment of churn" in cli_here("history", "churn").stdout
    first = qmtestbed.run("plan.yaml", out="a", log=True)
    registry.plan("models:/churn@candidate", "models:/churn@champion")
    qmtestbed.run("plan.yaml", out="b", log=True)
    registry.plan('accuracy >= 0.7 at 95%, "recall[yes] >= 0.5"', "accuracy >= 0.999")
    qmtestbed.run("plan.yaml", out="c", log=True)
    for folder in "abc":
        shutil.rmtree(folder)
    found = qmtestbed.history("churn")
    assert [(a.version, a.aliases, a.verdict) for a in found] == [
        ("1", ("champion",), "met"), ("2", ("candidate",), "met"), ("2", ("candidate",), "not_met"),
    ]  # fmt: skip
    record = first.evidence.record_of("performance")
    assert record is not None
    accuracy = record.measures["accuracy"].value
    assert isinstance(accuracy, Estimate)
    number = found[1].measures["performance/accuracy"]
    assert (number.value, number.low, number.high, number.n) == (
        accuracy.value, accuracy.low, accuracy.high, accuracy.n,
    )  # fmt: skip
    assert not any(name.endswith((".low", ".high", ".n")) for name in found[1].measures)

    lines = cli_here("history", "churn").stdout.splitlines()
    assert lines[1].startswith("    plan ") and "data test " in lines[1]
    assert lines[0].startswith("version 1 @champion") and " MET " in lines[0]
    row = next(line for line in lines if line.startswith("performance/accuracy"))
    assert row.count(f"{accuracy.value:.3f} [{accuracy.low:.3f}, {accuracy.high:.3f}]") == 3
    chosen = cli_here("history", "churn", "--measure", "*recall/*", "--last", "1").stdout
    assert "performance/recall/yes" in chosen and "performance/accuracy" not in chosen
    assert "2 earlier assessments are not shown" in chosen
    assert len(json.loads(cli_here("history", "churn", "--json").stdout)) == 3


def test_an_unknown_model(registry: Registry) -> None:
    with pytest.raises(ModelError, match="did you mean 'churn'"):
        qmtestbed.history("churm")
    with pytest.raises(ModelError, match="give churn"):
        qmtestbed.history("models:/churn@candidate")
