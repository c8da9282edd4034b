"""Two models over the same items, measured by an AIT: called directly, without a process."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import stdtrit

from qmtestbed.ait import Estimate, Predictions, Undefined
from qmtestbed.errors import ModelFault
from qmtestbed.execute.difference import compare
from qmtestbed.measuring.intervals import proportion
from qmtestbed.measuring.jackknife import unseen
from qmtestbed.types.codec import decode
from qmtestbed.types.job import Environment, Job, JobInput, JobLimits, Program
from qmtestbed.types.manifest import Manifest
from qmtestbed.types.record import Outcome

MANIFEST = decode(
    Manifest,
    {
        "schema": "qmtestbed/ait/v1", "id": "a", "version": "1.0.0", "title": "t", "quality": "correctness",
        "method": "m", "references": [], "informs": {},
        "inputs": {"predictions": {"kind": "predictions"}, "previous": {"kind": "predictions", "optional": True}},
        "measures": {
            "accuracy": {"unit": "ratio", "range": [0, 1], "interval": "exact"},
            "recall": {"unit": "ratio", "range": [0, 1], "per": "class"},
            "steps": {"unit": "ratio", "range": [0, 1], "sequence": True},
            "flag": {"unit": "bool", "range": [0, 1]},
            "count": {"unit": "rows", "range": [0, None]},
        },
    },
)  # fmt: skip


def predictions(labels: str, said: str, **more: Any) -> Predictions:
    y, p = (np.array(list(x), dtype=object) for x in (labels, said))
    return Predictions("classification", y, p, None, ("a", "b"), rows=np.arange(len(y)), **more)


def measure(predictions: Predictions, previous: Predictions | None = None) -> Any:
    right = np.asarray(predictions.labels == predictions.predicted, dtype=bool)
    assert previous is None or len(previous.labels) == len(right)
    of = {c: right[predictions.labels == c] for c in ("a", "b")}
    classes = {c: float(r.mean()) if len(r) else Undefined(f"no row of {c}") for c, r in of.items()}
    if "c" in predictions.predicted:
        classes["c"] = 0.0
    return {
        "accuracy": proportion(right, 0.95, groups=predictions.groups),
        "recall": classes,
        "steps": [0.5],
        "flag": bool(right[0]),
        "count": int(right.sum()),
    }


def compared(
    ours: Predictions, theirs: Predictions, *, same: bool = False, call: Any = measure, **more: Any
) -> Outcome:
    made = {"predictions": "p", "baseline": "p" if same else "q"}
    job = Job(
        schema="qmtestbed/job/v1", key="k", kind="difference", program=Program("a", "1.0.0", "0"),
        inputs={n: JobInput("predictions", n, key, job=key) for n, key in made.items()}, parameters={}, seed=0,
        confidence=0.95, limits=JobLimits(1, 1), environment=Environment("3", "any", {}),
    )  # fmt: skip
    return compare(job, MANIFEST, call, {"predictions": ours, **more, "baseline": theirs})


def value(outcome: Outcome, measure: str, key: str | None = None) -> Any:
    return dict(outcome.measures[measure].singles())[key]


LABELS = "a" * 30 + "b" * 10
OURS = "a" * 27 + "b" * 3 + "b" * 8 + "a" * 2
THEIRS = "b" * 2 + "a" * 24 + "b" * 4 + "b" * 8 + "a" * 2


def test_the_difference_of_accuracies_is_that_of_paired_proportions() -> None:
    outcome = compared(predictions(LABELS, OURS), predictions(LABELS, THEIRS))
    right = [np.array([x == y for x, y in zip(LABELS, s, strict=True)]) for s in (OURS, THEIRS)]
    b, c, n = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum()), len(LABELS)
    error = math.sqrt(((b + c) - (b - c) ** 2 / n) / n**2 * n / (n - 1))
    margin = max(error * stdtrit(n - 1, 0.975), unseen(n, 0.95))
    found = value(outcome, "accuracy")
    assert (b, c) == (3, 0) and outcome.status == "measured" and outcome.facts == {"parts": 40}
    assert (found.value, found.low, found.high) == pytest.approx(
        ((b - c) / n, (b - c) / n - margin, (b - c) / n + margin)
    )
    assert (found.level, found.n) == (0.95, 40)


def test_what_has_no_difference_is_left_out() -> None:
    outcome = compared(predictions(LABELS, OURS), predictions(LABELS, THEIRS))
    assert list(outcome.measures) == ["accuracy", "recall", "count"]
    assert value(outcome, "count").value == 3
    assert isinstance(value(outcome, "recall", "a"), Estimate)
    # Alike in all parts, and it does not say on how many items it rests: a number without an interval.
    assert value(outcome, "recall", "b") == 0.0


def test_a_value_that_only_one_has_is_undefined() -> None:
    outcome = compared(predictions(LABELS, OURS), predictions(LABELS, "c" + THEIRS[1:]))
    assert "Only the baseline" in value(outcome, "recall", "c").reason


def test_an_undefined_part_leaves_the_measure_undefined() -> None:
    outcome = compared(predictions("a" * 39 + "b", OURS), predictions("a" * 39 + "b", THEIRS))
    assert (
        value(outcome, "recall", "b").reason
        == "Without some of the items it is undefined (1 of 40 parts). Of the model: no row of b"
    )
    assert isinstance(value(outcome, "accuracy"), Estimate)


def test_a_measure_that_is_undefined_as_a_whole() -> None:
    def nothing(predictions: Predictions) -> Any:
        return Undefined("There is nothing.")

    outcome = compared(predictions(LABELS, OURS), predictions(LABELS, THEIRS), call=nothing)
    assert outcome.status == "undefined" and outcome.error and outcome.error.what == "Of the model: There is nothing."


def test_two_models_that_agree_on_all_items_may_differ_elsewhere() -> None:
    outcome = compared(predictions(LABELS, OURS), predictions(LABELS, OURS))
    found = value(outcome, "accuracy")
    assert (found.value, found.low, found.high) == pytest.approx((0, -unseen(40, 0.95), unseen(40, 0.95)))


def test_a_model_does_not_differ_from_itself() -> None:
    outcome = compared(predictions(LABELS, OURS), predictions(LABELS, OURS), same=True)
    assert value(outcome, "accuracy") == Estimate(0, 0, 0, 0.95, 40)
    assert value(outcome, "recall", "b") == Estimate(0, 0, 0, 0.95, 40)


def test_too_few_items() -> None:
    outcome = compared(predictions("ab" * 4, "ab" * 4), predictions("ab" * 4, "ba" * 4))
    assert outcome.status == "undefined" and outcome.error and "8 independent items" in outcome.error.what


def test_other_predictions_of_the_same_items_are_cut_alike() -> None:
    ours, theirs = predictions(LABELS, OURS), predictions(LABELS, THEIRS)
    assert compared(ours, theirs, previous=theirs).status == "measured"


def test_groups_stay_together() -> None:
    groups = np.repeat(np.arange(20), 2)
    ours, theirs = (predictions(LABELS, s, groups=groups) for s in (OURS, THEIRS))
    assert compared(ours, theirs).facts == {"parts": 20}


@pytest.mark.parametrize(
    ("theirs", "found"),
    [
        (predictions(LABELS[:-1], THEIRS[:-1]), "40 and 39 rows"),
        (predictions(LABELS[::-1], THEIRS), "different labels"),
        (replace(predictions(LABELS, THEIRS), task="regression"), "does classification, the other regression"),
        (predictions(LABELS, THEIRS, ids=np.arange(40)), "Only one of the two"),
    ],
)
def test_other_items_are_refused(theirs: Predictions, found: str) -> None:
    with pytest.raises(ModelFault) as caught:
        compared(predictions(LABELS, OURS), theirs)
    assert found in caught.value.found


def test_the_same_ids_in_another_order_are_refused() -> None:
    ours = predictions(LABELS, OURS, ids=np.arange(40))
    with pytest.raises(ModelFault, match="same items"):
        compared(ours, predictions(LABELS, THEIRS, ids=np.r_[1, 0, 2:40]))
