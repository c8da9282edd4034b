"""What an assessment tells the shell."""

from __future__ import annotations

from collections.abc import Iterator

from qmtestbed.errors import ExitCode
from qmtestbed.types.assessment import ACCEPTING, Assessment, CriterionVerdict, Require, RunVerdict

_OF_STATE = {
    "met": ExitCode.MET,
    "supported": ExitCode.MET,
    "not_met": ExitCode.NOT_MET,
    "contradicted": ExitCode.NOT_MET,
}
"""Every other state is something that is not known."""


def exit_code(assessment: Assessment, require: Require = "criteria") -> ExitCode:
    """Give the exit code of an assessment.

    Parameters
    ----------
    assessment
        What was judged.
    require
        ``criteria``: all criteria met, and at least one. ``measured``: also all measured parts of the target
        supported, and at least one. ``requirements``: also all requirements of the target supported, and at least
        one, and no level asked for that is not reached. A requirement that does not apply counts neither way.
        ``criteria-or-waived``: all criteria met, and at least one, less those that are waived. Everything else is as if
        there were no waivers.

    Returns
    -------
    ExitCode
        ``NOT_MET`` wins over ``UNDETERMINED``.
    """
    codes = set(_codes([c.verdict for c in _criteria(assessment) if not (require == ACCEPTING and c.waived)]))
    if require == "measured":
        codes |= set(_of_measured_parts(assessment))
    elif require == "requirements":
        codes |= set(_of_requirements(assessment))
    for code in (ExitCode.NOT_MET, ExitCode.UNDETERMINED):
        if code in codes:
            return code
    return ExitCode.MET


def run_verdict(assessment: Assessment, require: Require = "criteria") -> RunVerdict:
    """Give the verdict of a whole run, in the terms of :func:`exit_code`; what was accepted is never called met."""
    code = exit_code(assessment, require)
    if code != ExitCode.MET:
        return "not_met" if code == ExitCode.NOT_MET else "undetermined"
    accepted = require == ACCEPTING and any(c.waived for c in _criteria(assessment))
    return "met_or_waived" if accepted else "met"


def _criteria(assessment: Assessment) -> Iterator[CriterionVerdict]:
    return (c for check in assessment.checks for c in check.criteria)


def _of_measured_parts(assessment: Assessment) -> Iterator[ExitCode]:
    applying = [r for r in assessment.requirements if r.verdict != "not_applicable"]
    return _codes([r.parts["measured"] for r in applying if "measured" in r.parts])


def _of_requirements(assessment: Assessment) -> Iterator[ExitCode]:
    yield from _codes([r.verdict for r in assessment.requirements if r.verdict != "not_applicable"])
    if any(level.verdict in ("not_covered", "not_reached") for level in assessment.levels):
        yield ExitCode.UNDETERMINED


def _codes(states: list[str]) -> Iterator[ExitCode]:
    """Give the code of each state; nothing to look at is not known either."""
    if not states:
        yield ExitCode.UNDETERMINED
    for state in states:
        yield _OF_STATE.get(state, ExitCode.UNDETERMINED)
