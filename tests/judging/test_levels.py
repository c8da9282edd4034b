"""How far chains are reached: two chains in one dimension, levels without requirements, what does not apply."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from qmtestbed.judging import judge
from qmtestbed.types.assessment import Assessment

NOTHING = "nothing to measure"


def levels(assessment: Assessment) -> dict[str, tuple[str, str | None, str | None]]:
    return {level.target: (level.verdict, level.reached, level.measured_side) for level in assessment.levels}


def run(build: Any, asked: dict[str, str], checks: Any = None, declared: str = "", waived: str = "") -> Assessment:
    given = [build.declaration(r) for r in declared.split()]
    given += [build.declaration(r, not_applicable="no such thing") for r in waived.split()]
    return judge(build.run(checks or {}, *given, levels=asked))


def test_each_chain_up_to_the_highest_level_any_choice_asks_for(build: Any) -> None:
    assessment = run(build, {"speed": "V-2", "safe": "S-1"})
    shown = [(level.kind, level.dimension, level.target) for level in assessment.levels]
    assert shown == [
        ("external", "safe", "S-1"),
        ("external", "speed", "V-2"),
        ("internal", "A", "A-2"),
        ("internal", "B", "B-E2"),
        ("internal", "B", "B-S1"),
    ]


def test_the_two_chains_of_one_dimension_are_judged_apart(build: Any) -> None:
    found = levels(run(build, {"safe": "S-1", "speed": "V-1"}, {"c": build.good("drift")}))
    assert found["B-E1"] == ("reached", "B-E1", "B-E1")
    assert found["B-S1"] == ("not_reached", None, NOTHING)


def test_a_chain_reaches_the_highest_level_whose_requirements_are_all_supported(build: Any) -> None:
    found = levels(run(build, {"safe": "S-2"}, {"c": build.good()}, declared="a1 s1"))
    assert found["A-2"] == ("reached", "A-2", "A-2")
    assert found["B-S2"] == ("not_reached", "B-S1", None)
    assert found["S-2"] == ("not_reached", "S-1", "S-1")


def test_levels_are_cumulative(build: Any) -> None:
    found = levels(run(build, {"safe": "S-2"}, {"c": build.good()}))
    assert found["A-2"] == ("not_reached", None, "A-2")  # a2 is supported, but a1 lacks its declaration


def test_an_external_level_is_reached_when_all_its_internal_levels_are(build: Any) -> None:
    checks = {"a": build.good(), "d": build.good("drift")}
    found = levels(run(build, {"safe": "S-2"}, checks, declared="a1 s1 s2"))
    assert found["S-2"] == ("reached", "S-2", "S-2")
    without = levels(run(build, {"safe": "S-2"}, checks, declared="a1 s1"))
    assert without["S-2"] == ("not_reached", "S-1", "S-2")


@pytest.mark.parametrize("bad", ["bad", "open", "reported"])
def test_a_level_is_not_reached_by_less_than_supported(build: Any, bad: str) -> None:
    found = levels(run(build, {"speed": "V-1"}, {"a": build.good(), "d": getattr(build, bad)("drift")}, declared="a1"))
    assert found["B-E1"] == ("not_reached", None, None)
    assert found["V-1"] == ("not_reached", None, None)
    assert found["A-1"][0] == "reached"


@pytest.mark.parametrize("target", ["S-0", "S-3"])
def test_a_target_without_requirements_is_not_covered(build: Any, target: str) -> None:
    everything = {"a": build.good(), "d": build.good("drift")}
    found = run(build, {"safe": target}, everything, declared="a1 s1 s2")
    assert levels(found) == {target: ("not_covered", None, NOTHING)}
    assert found.requirements == ()


def test_an_internal_level_without_requirements_is_never_reached(build: Any) -> None:
    checks = {"s": build.good("stress")}
    found = levels(run(build, {"upkeep": "U-3"}, checks, declared="d1"))
    assert found["H-1"] == ("not_covered", None, NOTHING)
    assert found["D-2"] == ("reached", "D-2", "D-2")
    assert found["U-3"] == ("not_reached", "U-2", "U-2")
    assert levels(run(build, {"upkeep": "U-4"}, checks, declared="d1"))["U-4"] == ("not_covered", None, NOTHING)


@pytest.mark.parametrize("asked", [{"safe": "S-9"}, {"unknown": "S-1"}, {"A": "A-1"}])
def test_an_unknown_target_is_not_covered_and_no_exception(build: Any, asked: dict[str, str]) -> None:
    (target,) = asked.values()
    assert levels(run(build, asked)) == {target: ("not_covered", None, NOTHING)}


def test_a_guideline_that_is_not_in_the_evidence_covers_nothing(build: Any) -> None:
    asked = {"speed": "V-1", "safe": "S-1"}
    found = judge(replace(build.run({"c": build.good()}, levels=asked), guidelines={}))
    assert [(x.dimension, x.target, x.verdict) for x in found.levels] == [
        ("safe", "S-1", "not_covered"),
        ("speed", "V-1", "not_covered"),
    ]
    assert found.guidelines == ("small@1",)


def test_what_does_not_apply_counts_neither_way(build: Any) -> None:
    found = levels(run(build, {"safe": "S-2"}, {"c": build.good()}, declared="s1 s2", waived="a1"))
    assert found["A-2"] == ("reached", "A-2", "A-2")
    assert found["B-S2"] == ("not_reached", "B-S1", None)


def test_a_level_of_which_nothing_applies_is_not_applicable(build: Any) -> None:
    found = levels(run(build, {"safe": "S-1"}, waived="a1 s1"))
    assert found["A-1"] == found["B-S1"] == found["S-1"] == ("not_applicable", None, NOTHING)


def test_an_external_level_skips_an_internal_one_that_does_not_apply(build: Any) -> None:
    found = levels(run(build, {"safe": "S-1"}, declared="s1", waived="a1"))
    assert found["A-1"] == ("not_applicable", None, NOTHING)
    assert found["S-1"] == ("reached", "S-1", NOTHING)


def test_waiving_what_a_level_adds_does_not_hide_the_level_below(build: Any) -> None:
    found = levels(run(build, {"safe": "S-2"}, waived="a2 s1 s2"))
    assert found["A-2"] == ("not_reached", None, None)
    assert found["S-2"] == ("not_reached", None, None)


def test_waiving_all_does_not_hide_that_a_level_asks_for_one_without_requirements(build: Any) -> None:
    assert levels(run(build, {"upkeep": "U-3"}, waived="d1 d2"))["U-3"] == ("not_reached", None, NOTHING)


def test_the_measured_side_is_told_alone(build: Any) -> None:
    def side(checks: Any, target: str, asked: dict[str, str]) -> str | None:
        return levels(run(build, asked, checks))[target][2]

    assert side({"c": build.good()}, "A-2", {"safe": "S-2"}) == "A-2"
    assert side({"c": build.good(for_=["a1"])}, "A-2", {"safe": "S-2"}) == "A-1"
    assert side({"c": build.bad()}, "A-2", {"safe": "S-2"}) is None
    assert side({}, "D-1", {"upkeep": "U-1"}) == NOTHING
    assert side({}, "D-2", {"upkeep": "U-2"}) is None  # D-1 has nothing to measure, so it is not claimed
    assert side({"s": build.good("stress")}, "D-2", {"upkeep": "U-2"}) == "D-2"


def test_a_guideline_with_internal_chains_only_is_targeted_to_their_ends(build: Any) -> None:
    guideline = build.guideline()
    inner = {k: d for k, d in guideline.dimensions.items() if d.kind == "internal"}
    found = judge(build.run({"c": build.good()}, guidelines=[replace(guideline, dimensions=inner)], levels={}))
    assert [level.target for level in found.levels] == ["A-2", "B-E2", "B-S2", "D-2", "H-1"]
    assert len(found.requirements) == 8
    assert found.headlines.evidence.level_asked


def test_a_clause_that_the_guideline_does_not_describe_supports_nothing(build: Any) -> None:
    guideline = build.guideline()
    less = {k: r for k, r in guideline.requirements.items() if k not in ("s1", "s2", "a2")}
    holed = replace(guideline, requirements=less)
    declared = [build.declaration(r) for r in ("a1", "a2", "s1", "s2")]
    found = judge(build.run({"c": build.good()}, *declared, guidelines=[holed], levels={"safe": "S-2"}))
    assert [r.id for r in found.requirements] == ["a1", "a2", "s1", "s2"]
    assert build.of_requirement(found, "s1").verdict == "no_evidence"
    assert build.of_requirement(found, "s1").reason == "the guideline names no evidence for it"
    assert levels(found)["S-2"][0] == "not_reached"
