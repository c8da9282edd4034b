"""JUnit XML for CI: a test case per criterion, and never a green one for what was not judged.

Not met is a failure. Undetermined, and a check whose record is not measured, is an error. AITs left out and
requirements without evidence are skipped, each in a suite of their own. A waiver stands in the message, and changes
nothing; only where waivers are accepted is what is waived skipped.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from qmtestbed.render.criteria import subject_text
from qmtestbed.render.text import clean
from qmtestbed.render.waivers import waiver_text
from qmtestbed.render.words import Words
from qmtestbed.types.assessment import Assessment, CheckVerdicts, CriterionVerdict
from qmtestbed.types.evidence import Evidence

_NAME = 300


def junit(evidence: Evidence, assessment: Assessment, *, accepting: bool = False) -> str:
    """Render the assessment as JUnit XML; ``accepting``: what is waived is skipped."""
    root = ET.Element("testsuites", name=clean(assessment.component, _NAME))
    for check in assessment.checks:
        if check.criteria or check.verdict != "reported":
            _check(root, check, evidence, assessment, accepting)
    if assessment.left_out:
        suite = _suite(root, "left out")
        for left in assessment.left_out:
            _skipped(_case(suite, left.ait, left.ait), left.why)
    empty = [r for r in assessment.requirements if r.verdict == "no_evidence"]
    if empty:
        suite = _suite(root, "requirements without evidence")
        for requirement in empty:
            _skipped(_case(suite, requirement.guideline, requirement.id), requirement.reason)
    _count(root)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _check(root: ET.Element, check: CheckVerdicts, evidence: Evidence, assessment: Assessment, accepting: bool) -> None:
    suite = _suite(root, check.id)
    record = evidence.records.get(check.record or "")
    if record is not None:
        suite.set("time", f"{record.seconds:.3f}")
        if record.started:
            suite.set("timestamp", clean(record.started, 40))
    if check.status != "measured" or not check.criteria:
        for name in [c.text for c in check.criteria if c.text] or ["result"]:
            _error(_case(suite, check.ait, f"{check.id}: {name}"), check.status, _lines_of_error(check))
        return
    for c in check.criteria:
        case = _case(suite, check.ait, f"{check.id}: {c.text}")
        said = " – ".join(text for text in (_waiver(c), c.reason) if text)
        if accepting and c.waived:
            _skipped(case, f"{c.verdict.replace('_', ' ')}, {said}")
        elif c.verdict == "not_met":
            body = [*_lines(c), *_findings(check, c, assessment)]
            _outcome(case, "failure", said, "not_met", body)
        elif c.verdict == "undetermined":
            _error(case, "undetermined", [said, *_lines(c)])


def _waiver(c: CriterionVerdict) -> str:
    """Name the waiver of a criterion that is not met or undetermined."""
    return f"{waiver_text(c.waiver, Words('en'))} ({c.waiver.reason})" if c.waiver else ""


def _lines(c: CriterionVerdict) -> list[str]:
    found: dict[str, object] = {"found": c.value, "low": c.low, "high": c.high, "n": c.n, "key": c.key}
    if c.against is not None:
        found = {"model": c.against.value, "baseline": c.against.baseline, "difference": found.pop("found"), **found}
    found["because"] = c.because
    found["limit"] = "default, suggested by the AIT" if c.default else None
    return [f"{name}: {value}" for name, value in found.items() if value is not None]


def _findings(check: CheckVerdicts, c: CriterionVerdict, assessment: Assessment) -> list[str]:
    words = Words("en")
    own = [f for f in assessment.findings if f.check == check.id and f.measure == c.measure]
    lines = [f"{f.kind}: {subject_text(f.subject, words)}: {f.text}" for f in own[:20]]
    return lines + ([f"… and {len(own) - 20} more findings"] if len(own) > 20 else [])


def _lines_of_error(check: CheckVerdicts) -> list[str]:
    if check.error is None:
        return list(dict.fromkeys(c.reason for c in check.criteria)) or [check.status]
    e = check.error
    pairs = (("", e.what), ("where: ", e.where), ("found: ", e.found), ("do: ", e.do))
    return [label + text for label, text in pairs if text]


def _suite(root: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(root, "testsuite", name=clean(name, _NAME))


def _case(suite: ET.Element, classname: str, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=clean(classname, _NAME), name=clean(name, _NAME))


def _skipped(case: ET.Element, why: str) -> None:
    ET.SubElement(case, "skipped", message=clean(why, 1000))


def _error(case: ET.Element, kind: str, lines: Sequence[str]) -> None:
    _outcome(case, "error", lines[0] if lines else kind, kind, lines)


def _outcome(case: ET.Element, tag: str, message: str, kind: str, lines: Sequence[str]) -> None:
    outcome = ET.SubElement(case, tag, message=clean(message, 1000), type=kind)
    outcome.text = clean("\n".join(lines), 10_000)


def _count(root: ET.Element) -> None:
    for element in (*root.findall("testsuite"), root):
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            element.set(attribute, str(len(element.findall(f".//{tag}"))))
        element.set("tests", str(len(element.findall(".//testcase"))))
