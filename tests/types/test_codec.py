"""The codec: strict, complete in its complaints, and without loss."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmtestbed.ait import Estimate, Undefined, class_name
from qmtestbed.types.codec import DecodeError, canonical, decode, encode, lean
from qmtestbed.types.manifest import Limits, Manifest
from qmtestbed.types.plan import Check, Plan
from qmtestbed.types.values import MeasureValue

PLAN = {
    "schema": "qmtestbed/plan/v1",
    "component": "x",
    "inventories": {"test": {"uri": "a.csv", "classes": ["no", 1, True]}, "model": "models:/x/1"},
    "checks": {"a": {"ait": "b", "with": {"data": "test"}, "params": {"empty": [], "none": None}, "for": ["C-1-L1-1"]}},
}


def test_short_forms_and_keywords() -> None:
    plan = decode(Plan, PLAN)
    assert plan.component.name == "x" and plan.inventories["model"].uri == "models:/x/1"
    assert plan.checks["a"].with_ == {"data": "test"} and plan.checks["a"].for_ == ("C-1-L1-1",)
    assert plan.inventories["test"].class_names == ("no", "1", "True")


def test_all_faults_with_their_paths() -> None:
    bad = {"schema": "x", "component": {"nme": "y"}, "seed": True, "checks": {"a": {"with": 3}}, "extra": 1}
    with pytest.raises(DecodeError) as caught:
        decode(Plan, bad)
    found = {(".".join(map(str, f.path)), f.what.split(":")[0]) for f in caught.value.faults}
    assert {p for p, _ in found} == {
        "schema",
        "component.nme",
        "component",
        "seed",
        "checks.a",
        "checks.a.with",
        "extra",
    }


def test_unknown_key_is_answered_with_the_nearest() -> None:
    with pytest.raises(DecodeError) as caught:
        decode(Plan, {**PLAN, "confidance": 0.9})
    assert caught.value.faults[0].do == "did you mean 'confidence'?"


def test_round_trip_and_lean() -> None:
    plan = decode(Plan, PLAN)
    assert decode(Plan, json.loads(canonical(plan))) == plan
    short = lean(plan)
    assert decode(Plan, short) == plan
    assert "declarations" not in short and short["checks"]["a"]["params"] == {"empty": [], "none": None}


def test_canonical_refuses_what_json_has_no_word_for() -> None:
    with pytest.raises(ValueError):
        canonical({"x": float("nan")})


NUMBER = st.floats(-1e6, 1e6)
SINGLE = (
    st.booleans()
    | NUMBER
    | st.builds(lambda v, w, n: Estimate(v, v - w, v + w, 0.95, n), NUMBER, st.floats(0, 10), st.integers(1, 10**6))
    | st.builds(Undefined, st.text(max_size=10))
)
VALUES = st.builds(MeasureValue, SINGLE | st.dictionaries(st.text(max_size=5), SINGLE) | st.lists(SINGLE).map(tuple))


@given(VALUES)
def test_measured_values_survive_the_wire(value: MeasureValue) -> None:
    assert decode(MeasureValue, json.loads(canonical(value))) == value


@pytest.mark.parametrize("bad", ["0.9", None, {"value": 1}, {"by": 3}, {"undefined": 3}, {"x": 1}])
def test_what_is_no_measured_value_is_refused(bad: object) -> None:
    with pytest.raises(DecodeError):
        decode(MeasureValue, bad)


@pytest.mark.parametrize(
    ("label", "name"), [(1, "1"), (1.0, "1"), (1.5, "1.5"), (True, "True"), ("1", "1"), ("yes", "yes"), (-0.0, "0")]
)
def test_one_spelling_per_class(label: object, name: str) -> None:
    assert class_name(label) == name


def test_limits_in_plain_numbers() -> None:
    limits = Limits(timeout="90s", memory="512MiB")
    assert (limits.seconds, limits.bytes) == (90, 512 * 2**20)
    with pytest.raises(DecodeError):
        decode(Limits, {"timeout": "soon"})


def test_a_check_without_with_is_encoded_without_it() -> None:
    assert lean(Check("x")) == {"ait": "x"}
    assert encode(replace(Check("x"), for_=())) == {"ait": "x", "with": {}, "params": {}, "expect": [], "for": []}


def test_every_manifest_survives_the_wire(catalogue: object) -> None:
    for entry in catalogue.aits.values():  # type: ignore[attr-defined]
        assert decode(Manifest, json.loads(canonical(entry.manifest))) == entry.manifest
