"""What a measuring function may return, and what is refused; no AIT can hand back a number that is not one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qmtestbed.ait import Estimate, Finding, Matrix, Subject, Undefined
from qmtestbed.errors import AitFault
from qmtestbed.execute.returned import check_returned, plain
from qmtestbed.types.codec import decode
from qmtestbed.types.manifest import Manifest
from qmtestbed.types.values import MeasureValue

MANIFEST = decode(
    Manifest,
    {
        "schema": "qmtestbed/ait/v1",
        "id": "x",
        "version": "1.0.0",
        "title": "X",
        "quality": "correctness",
        "method": "m",
        "references": [],
        "informs": {},
        "inputs": {"data": {"kind": "table"}},
        "measures": {
            "rate": {"unit": "ratio", "range": [0, 1], "better": "higher", "interval": "exact"},
            "count": {"unit": "rows", "range": [0, None]},
            "each": {"unit": "ratio", "range": [0, 1], "per": "class"},
            "row": {"unit": "s", "range": [None, None], "sequence": True},
        },
        "resources": {"grid": {"kind": "matrix"}},
    },
)
GOOD: dict[str, Any] = {"rate": Estimate(0.5, 0.4, 0.6, 0.95, 10), "count": 3, "each": {1: 0.5}, "row": [1.0, 2]}


def check(**changes: Any) -> Any:
    returned = {**GOOD, **changes}
    return check_returned(MANIFEST, {k: v for k, v in returned.items() if v is not ...}, 0.95)


def test_good_values_and_numpy_scalars() -> None:
    outcome, resources = check(
        rate=Estimate(np.float32(0.5), np.float64(0.25), np.float64(0.75), 0.95, np.int64(7)),
        count=np.int64(4),
        each={"yes": np.float64(1), np.str_("no"): np.bool_(True), 3: Undefined("none there")},
        row=np.array([1.5, 2.5]),
        grid=Matrix(np.eye(2), ["a", "b"], ["a", "b"]),
        findings=[Finding("weak_class", Subject(class_=np.str_("yes")), "each", np.float64(0.1), "low")],
    )
    assert outcome.status == "measured"
    assert outcome.measures["rate"].value == Estimate(0.5, 0.25, 0.75, 0.95, 7)
    assert outcome.measures["each"].value == {"yes": 1.0, "no": True, "3": Undefined("none there")}
    assert outcome.measures["row"].value == (1.5, 2.5)
    assert set(resources) == {"grid"} and outcome.resources == {"grid": "matrix"}
    assert outcome.findings[0].subject.class_ == "yes" and type(outcome.findings[0].value) is float


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rate": ...}, "did not return all"),
        ({"extra": 1}, "does not declare"),
        ({"rate": 0.5}, "came without"),
        ({"count": Estimate(1, 0, 2, 0.95, 3)}, "came with one"),
        ({"rate": Estimate(0.5, 0.4, 0.6, 0.9, 10)}, "another level"),
        ({"rate": Estimate(0.5, 0.6, 0.4, 0.95, 10)}, "wrong way round"),
        ({"rate": Estimate(0.5, 0.4, 1.1, 0.95, 10)}, "outside its declared range"),
        ({"rate": Estimate(float("nan"), 0.4, 0.6, 0.95, 10)}, "not a finite number"),
        ({"count": float("nan")}, "not a finite number"),
        ({"count": float("inf")}, "not a finite number"),
        ({"count": -1}, "outside its declared range"),
        ({"count": "3"}, "neither a number"),
        ({"count": None}, "neither a number"),
        ({"count": np.array([1, 2])}, "neither a number"),
        ({"count": {"a": 1}}, "neither a number"),
        ({"each": 0.5}, "so a mapping"),
        ({"each": {"a": 2}}, "outside its declared range"),
        ({"each": {1: 0.1, "1": 0.2}}, "read the same"),
        ({"row": 3}, "sequence"),
        ({"row": "12"}, "sequence"),
        ({"grid": [[1]]}, "declared as matrix"),
        ({"findings": ["bad"]}, "no Finding"),
        ({"findings": [Finding("odd", Subject(), "rate", 1, "t")]}, "unknown kind"),  # type: ignore[arg-type]
        ({"findings": [Finding("weak_class", Subject(), "nope", 1, "t")]}, "unknown measure"),
        ({"findings": [Finding("weak_class", Subject(), "rate", float("nan"), "t")]}, "not a finite number"),
    ],
)
def test_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(AitFault) as caught:
        check(**changes)
    assert said in caught.value.what


def test_returning_no_mapping_is_refused() -> None:
    with pytest.raises(AitFault):
        check_returned(MANIFEST, [1, 2], 0.95)


def test_undefined_as_a_whole_and_by_every_part() -> None:
    outcome, _ = check_returned(MANIFEST, Undefined("no rows"), 0.95)
    assert outcome.status == "undefined" and outcome.error is not None and outcome.error.what == "no rows"
    none = dict.fromkeys(("rate", "count", "each", "row"), Undefined("no labels"))
    outcome, _ = check_returned(MANIFEST, none, 0.95)
    assert outcome.status == "undefined" and outcome.error is not None and outcome.error.what == "no labels"
    outcome, _ = check(each=Undefined("no classes"))
    assert outcome.status == "measured" and outcome.measures["each"] == MeasureValue(Undefined("no classes"))


def test_plain_values_of_resources() -> None:
    grid = {"a": np.array([[1, float("nan")]]), "b": (np.int64(2), "x", None, True)}
    assert plain(grid) == {"a": [[1.0, None]], "b": [2, "x", None, True]}
