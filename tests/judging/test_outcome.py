"""Exit codes: never laxer than the criteria, and 1 wins over 2."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from qmtestbed.errors import ExitCode
from qmtestbed.judging import exit_code, judge, run_verdict
from qmtestbed.types.assessment import Require

MET, NOT, OPEN = ExitCode.MET, ExitCode.NOT_MET, ExitCode.UNDETERMINED


def codes(build: Any, checks: list[str], declared: str = "", waived: str = "", levels: Any = None) -> tuple[int, ...]:
    """Exit codes under criteria, measured, requirements; a check is written "kind ait". No waiver: none to accept."""
    made = {f"c{i}": getattr(build, text.split()[0])(text.split()[1]) for i, text in enumerate(checks)}
    given = [build.declaration(r) for r in declared.split()]
    given += [build.declaration(r, not_applicable="x") for r in waived.split()]
    assessment = judge(build.run(made, *given, levels=levels))
    accepting, *found = (exit_code(assessment, r) for r in get_args(Require))
    assert assessment.headlines.criteria.verdict == run_verdict(assessment)
    assert accepting == found[0]
    return tuple(found)


@pytest.mark.parametrize(
    ("checks", "declared", "waived", "levels", "expected"),
    [
        # S-1 wants a1 (measured and declared) and s1 (declared)
        (["good accuracy"], "a1 s1", "", None, (MET, MET, MET)),
        (["good accuracy"], "a1", "", None, (MET, MET, OPEN)),
        (["good accuracy"], "", "", None, (MET, MET, OPEN)),
        (["bad accuracy"], "a1 s1", "", None, (NOT, NOT, NOT)),
        (["open accuracy"], "a1 s1", "", None, (OPEN, OPEN, OPEN)),
        (["open accuracy", "bad drift"], "a1 s1", "", None, (NOT, NOT, NOT)),
        ([], "a1 s1", "", None, (OPEN, OPEN, OPEN)),
        (["reported accuracy"], "a1 s1", "", None, (OPEN, OPEN, OPEN)),
        # met, but for nothing in the target
        (["good drift"], "a1 s1", "", None, (MET, OPEN, OPEN)),
        # met, though one of a set of AITs is missing
        (["good left"], "a1 s1", "", None, (MET, OPEN, OPEN)),
        # what does not apply counts neither way, but nothing to look at is not enough
        (["good accuracy"], "s1", "a1", None, (MET, OPEN, MET)),
        (["good accuracy"], "", "a1 s1", None, (MET, OPEN, OPEN)),
        (["good accuracy"], "a1", "s1", None, (MET, MET, MET)),
        # no level asked for
        (["good accuracy"], "", "", {}, (MET, OPEN, OPEN)),
        # a target without requirements is not met vacuously, beside one that is
        (["good accuracy"], "a1 s1", "", {"safe": "S-3"}, (MET, OPEN, OPEN)),
        (["good stress"], "d1", "", {"upkeep": "U-2"}, (MET, MET, MET)),
        (["good stress"], "d1", "", {"upkeep": "U-2", "safe": "S-3"}, (MET, MET, OPEN)),
        (["good stress"], "d1", "", {"upkeep": "U-3"}, (MET, MET, OPEN)),
        # a target of declarations only
        (["good accuracy"], "d1", "", {"upkeep": "U-1"}, (MET, OPEN, MET)),
    ],
)
def test_codes(build: Any, checks: list[str], declared: str, waived: str, levels: Any, expected: Any) -> None:
    assert codes(build, checks, declared, waived, levels) == expected


def test_a_checklist_answered_no_is_seen_by_requirements_only(build: Any) -> None:
    declared = [build.declaration("a1"), build.declaration("s1", file="f", answered_no="Is it safe?")]
    assessment = judge(build.run({"c": build.good()}, *declared))
    assert [exit_code(assessment, r) for r in get_args(Require)] == [MET, MET, MET, NOT]


def test_criteria_are_the_default(build: Any) -> None:
    assert exit_code(judge(build.run({"c": build.good()}))) is ExitCode.MET


def test_a_check_that_was_not_measured_is_undetermined_even_without_criteria(build: Any) -> None:
    failed = {**build.check("drift", status="failed"), "expect": []}
    assert exit_code(judge(build.run({"c": build.good(), "f": failed}))) is OPEN
