"""Runs side by side: what counts as a change, how far measures are apart, and what is told to be different."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from qmtestbed.ait import Estimate, Roles, Undefined
from qmtestbed.judging import compare, judge, snapshot
from qmtestbed.types.assessment import Counts, Difference
from qmtestbed.types.codec import canonical, decode, encode
from qmtestbed.types.comparison import Apart, Comparison, InventoryState, Snapshot
from qmtestbed.types.evidence import Evidence
from qmtestbed.types.values import MeasureValue


def taken(evidence: Evidence) -> Snapshot:
    return snapshot(evidence, judge(evidence), "f" * 64)


def compared(build: Any, *runs: Any) -> Comparison:
    found = compare([taken(build.run(checks)) for checks in runs])
    assert decode(Comparison, encode(found)) == found
    return found


def changes(comparison: Comparison) -> dict[str, str]:
    return {c.text: c.changes[0] for c in comparison.criteria}


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ("good", "good", "same"), ("good", "bad", "worse"), ("good", "open", "worse"), ("open", "bad", "worse"),
        ("bad", "open", "better"), ("open", "good", "better"), ("bad", "bad", "same"),
    ],
)  # fmt: skip
def test_not_met_is_worse_than_undetermined_and_that_than_met(build: Any, before: str, after: str, change: str) -> None:
    text = "accuracy >= 0.9 at 95%"
    values = {"good": Estimate(0.95, 0.92, 0.97, 0.95, 100), "open": Estimate(0.9, 0.8, 0.95, 0.95, 100),
              "bad": Estimate(0.5, 0.4, 0.6, 0.95, 100)}  # fmt: skip
    found = compared(build, *({"a": build.check("accuracy", values[v], text)} for v in (before, after)))
    assert changes(found) == {text: change}


def test_a_lower_limit_is_no_improvement(build: Any) -> None:
    found = compared(build, {"a": build.check("accuracy", 0.8, "accuracy >= 0.9")},
                     {"a": build.check("accuracy", 0.8, "accuracy  >=  0.7")})  # fmt: skip
    assert found.counts == (Counts(restated=1),)
    (row,) = found.criteria
    assert [c and c.verdict for c in row.found] == ["not_met", "met"] and row.text == "accuracy  >=  0.7"


def test_the_same_words_with_other_spaces_are_the_same_criterion(build: Any) -> None:
    found = compared(build, {"a": build.check("accuracy", 0.8, "accuracy >= 0.7")},
                     {"a": build.check("accuracy", 0.8, "accuracy  >=  0.7")})  # fmt: skip
    assert found.counts == (Counts(same=1),)


def test_a_check_without_a_result_is_undetermined_by_each_of_its_criteria(build: Any) -> None:
    texts = ("accuracy >= 0.7", "duplicates <= 3")
    good = build.check("accuracy", 0.8, *texts, measures={"accuracy": 0.8, "duplicates": 1})
    failed = build.check("accuracy", 0.8, *texts, status="failed", measures={})
    found = compared(build, {"a": good}, {"a": failed})
    assert found.counts == (Counts(worse=2),) and set(changes(found)) == set(texts)
    assert compared(build, {"a": failed}, {"a": {**failed, "status": "timed_out"}}).counts == (Counts(same=2),)
    assert compared(build, {"a": {**failed, "expect": []}}, {"a": {**failed, "expect": [], "status": "timed_out"}}
                    ).counts == (Counts(same=1),)  # fmt: skip


def test_another_ait_under_the_same_name_is_another_check(build: Any) -> None:
    found = compared(build, {"a": build.good("left")}, {"a": build.good("right")})
    assert found.counts == (Counts(gone=1, new=1),) and found.checks == ()


def test_the_worst_change_stands_first(build: Any) -> None:
    before = {"better": build.bad(), "same": build.good(), "gone": build.good(), "worse": build.good(),
              "restated": build.check("accuracy", 0.95, "accuracy >= 0.8")}  # fmt: skip
    after = {"better": build.good(), "same": build.good(), "new": build.good(), "worse": build.bad(),
             "restated": build.good()}  # fmt: skip
    found = compared(build, before, after)
    assert [c.check for c in found.criteria] == ["worse", "gone", "restated", "new", "better", "same"]


def test_three_runs_are_each_compared_with_the_first(build: Any) -> None:
    found = compared(build, {"a": build.good()}, {"a": build.bad(), "b": build.good()}, {"b": build.bad()})
    assert {c.check: c.changes for c in found.criteria} == {"a": ("worse", "gone"), "b": ("new", "new")}
    (check,) = [c for c in found.checks if c.id == "b"]
    assert check.verdicts == (None, "met", "not_met") and check.measures[0].apart == (None, None)


# -- measures -------------------------------------------------------------------------------------------------

A, B = Estimate(0.9, 0.88, 0.92, 0.95, 500), Estimate(0.8, 0.77, 0.83, 0.95, 500)


def apart(build: Any, a: Any, b: Any, measure: str = "accuracy", same_record: bool = False, paired: Any = None) -> Any:
    runs = [taken(build.run({"a": build.check(measures={measure: v})})) for v in (a, b)]
    if not same_record:
        other = replace(runs[1].checks["a"], record="another")
        runs[1] = replace(runs[1], checks={"a": other})
    found = compare(runs, paired={(1, "a"): {measure: MeasureValue(paired)}} if paired else {})
    return found.checks[0].measures[0].apart[0]


def test_unpaired_by_the_squares_of_both_intervals(build: Any) -> None:
    found = apart(build, A, B)
    low = -0.1 - math.hypot(0.8 - 0.77, 0.92 - 0.9)
    high = -0.1 + math.hypot(0.83 - 0.8, 0.9 - 0.88)
    assert found.how == "unpaired" and found.shown == "worse" and found.overlap is False
    assert (found.difference, found.low, found.high) == pytest.approx((-0.1, low, high))
    assert apart(build, B, A).shown == "better"


def test_intervals_that_overlap_may_still_be_shown_to_differ(build: Any) -> None:
    found = apart(build, Estimate(0.9, 0.87, 0.93, 0.95, 500), Estimate(0.85, 0.82, 0.88, 0.95, 500))
    assert found.overlap is True and found.shown == "worse"


def test_item_by_item_where_it_finds_the_recorded_values_again(build: Any) -> None:
    paired = Estimate(-0.1, -0.13, -0.07, 0.95, 500)
    assert apart(build, A, B, paired=paired) == Apart("paired", -0.1, -0.13, -0.07, 500, "worse", False)
    other = replace(paired, value=-0.05)  # of something else than was recorded
    assert apart(build, A, B, paired=other).how == "unpaired"


def test_without_intervals_there_are_numbers_only(build: Any) -> None:
    assert apart(build, 3, 5, "duplicates") == Apart("values", 2.0)
    assert apart(build, A, 0.8).how == "values" and apart(build, A, 0.8).shown == "not_shown"


def test_one_record_does_not_differ_from_itself(build: Any) -> None:
    assert apart(build, A, A, same_record=True) == Apart("same", 0.0, 0.0, 0.0, 500, "not_shown", True)


def test_what_is_no_number_has_no_difference(build: Any) -> None:
    assert apart(build, A, Undefined("nothing there")) is None
    assert apart(build, True, False, "flag") is None
    assert apart(build, (0.1, 0.2), (0.1, 0.3), "errors") is None


def test_another_version_or_other_parameters_leave_numbers_only(build: Any) -> None:
    runs = [taken(build.run({"a": build.check(measures={"accuracy": v})})) for v in (A, B)]
    for change in ({"version": "2.0.0"}, {"code": "1" * 64}, {"parameters": {"x": 1}}, {"confidence": 0.9}):
        other = replace(runs[1].checks["a"], record="another", **change)
        found = compare([runs[0], replace(runs[1], checks={"a": other})])
        (check,) = found.checks
        one = check.measures[0].apart[0]
        assert one is not None and one.how == "values" and "not measured in the same way" in check.unpaired[0]


# -- what was different ---------------------------------------------------------------------------------------


def test_what_was_different_is_told_by_content_and_not_by_name(build: Any) -> None:
    base = taken(build.run({"a": build.good()}))
    model = InventoryState("model", "models:/churn/1", "1" * 64)
    first = replace(base, inventories={"m": model, "d": InventoryState("data", "a/test.csv", "2" * 64)})
    moved = replace(first, inventories={**first.inventories, "d": InventoryState("data", "b/test.csv", "2" * 64)})
    assert compare([first, moved]).differences == ()
    other = replace(
        first,
        seed=3,
        inventories={
            "m": replace(model, shown="models:/churn/2", sha256="3" * 64),
            "d": replace(first.inventories["d"], roles=Roles(label="y", sensitive=("sex",))),
            "new": model,
        },
        circumstances=replace(
            first.circumstances, libraries={"numpy": ("2.5.0",)}, isolation=("process",), python=("3.12",)
        ),
    )
    told = compare([first, other]).differences
    assert [(d.kind, d.subject) for d in told] == [
        ("model", "m"), ("model", "new"), ("roles", "d"), ("roles", "new"), ("seed", ""), ("python", ""),
        ("library", "numpy"), ("isolation", ""),
    ]  # fmt: skip
    shown = ("models:/churn/1 (sha256 111111111111)", "models:/churn/2 (sha256 333333333333)")
    assert told[0] == Difference("model", "m", shown)
    assert told[2].values == ("", "label: y; sensitive: sex")


def test_a_snapshot_survives_the_way_through_json(build: Any) -> None:
    one = taken(build.run({"a": build.good(), "b": build.check(status="failed", measures={})}))
    assert decode(Snapshot, encode(one)) == one


# -- since last time ------------------------------------------------------------------------------------------


def test_what_changed_since_decides_nothing(build: Any) -> None:
    before, now = build.run({"a": build.good(), "b": build.good()}), build.run({"a": build.bad()})
    told = judge(replace(now, since=taken(before)))
    assert replace(told, since=None) == judge(now)
    assert told.since is not None and told.since.counts == Counts(worse=1, gone=1)
    assert [(c.check, c.change) for c in told.since.changes] == [("a", "worse"), ("b", "gone")]
    assert told.since.criteria == judge(before).headlines.criteria
    assert canonical(taken(replace(now, since=taken(before)))) == canonical(taken(now))  # a past has no past


def test_levels_reached_before_and_now(build: Any) -> None:
    declared = build.declaration("a1")
    levels = {"safe": "S-0"}
    before = taken(build.run({}, declared, levels=levels))
    state = next(s for s in before.assessment.levels if s.kind == "external")
    reached = replace(before, assessment=replace(before.assessment, levels=(replace(state, reached="S-9"),)))
    told = judge(replace(build.run({}, declared, levels=levels), since=reached)).since
    assert told is not None and [(x.dimension, x.before) for x in told.levels] == [(state.dimension, "S-9")]
