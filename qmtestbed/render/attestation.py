"""The outcome as an in-toto statement of the type *test result*, for the policies of a software supply chain.

A test is a check: met → passed, undetermined → warned, not met → failed; one that is only reported is none. The result
of the whole is that of the exit code; where waivers are accepted, it and the checks that miss nothing but what is
waived have warned, and an annotation of ``bundle.json`` names the criteria. Digests are SHA-256 over every byte of a
file; that of a model is over the paths and contents of all its files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from qmtestbed.types.assessment import ACCEPTING, Assessment, CheckVerdict, CheckVerdicts, Require, RunVerdict
from qmtestbed.types.baseline import BASELINE
from qmtestbed.types.codec import pretty
from qmtestbed.types.evidence import Evidence, InventoryFacts

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
REQUIRE = "qmtestbed_require"
"""Annotation of ``bundle.json``: what the result looks at."""
WAIVED = "qmtestbed_waived"
"""Annotation of ``bundle.json``: the criteria whose waivers the result accepts."""

_RESULTS: Mapping[RunVerdict, str] = {
    "met": "PASSED",
    "met_or_waived": "WARNED",
    "undetermined": "WARNED",
    "not_met": "FAILED",
}


def attestation(
    evidence: Evidence,
    assessment: Assessment,
    verdict: RunVerdict,
    require: Require,
    configuration: Mapping[str, str],
    url: str | None = None,
) -> bytes:
    """Render the statement; the same input gives the same bytes.

    Parameters
    ----------
    verdict, require
        Of the whole, and what it looks at.
    configuration
        SHA-256 of plan, guidelines and bundle, by path in the run folder.
    url
        Address of the run on a website, if it has one.
    """
    found = [(c.id, _of_check(c, require)) for c in assessment.checks]
    tests = {state: [id for id, own in found if own == state] for state in ("met", "undetermined", "not_met")}
    told = {REQUIRE: require, **({WAIVED: waived} if (waived := _waived(assessment, require)) else {})}
    predicate: dict[str, Any] = {
        "result": _RESULTS[verdict],
        "configuration": [_configured(path, sha256, told) for path, sha256 in sorted(configuration.items())],
        "passedTests": tests["met"],
        "warnedTests": tests["undetermined"],
        "failedTests": tests["not_met"],
    }
    if url:
        predicate["url"] = url
    return pretty(
        {"_type": STATEMENT, "subject": _subjects(evidence), "predicateType": PREDICATE, "predicate": predicate}
    )


def _of_check(check: CheckVerdicts, require: Require) -> CheckVerdict:
    """Give the verdict of a check; undetermined where it misses nothing but what is waived, and that is accepted."""
    open_ = [c for c in check.criteria if c.verdict != "met"]
    return "undetermined" if require == ACCEPTING and open_ and all(c.waived for c in open_) else check.verdict


def _waived(assessment: Assessment, require: Require) -> list[str]:
    if require != ACCEPTING:
        return []
    return [f"{check.id}: {c.text}" for check in assessment.checks for c in check.criteria if c.waived]


def _configured(path: str, sha256: str, told: Mapping[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {"name": path, "digest": {"sha256": sha256}}
    return {**described, "annotations": dict(told)} if path == "bundle.json" else described


def _subjects(evidence: Evidence) -> list[dict[str, Any]]:
    """Describe what was tested: each model and file that a check is bound to, by a name of its own."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for inventory in _tested(evidence):
        facts = evidence.info.inventories[inventory]
        found.setdefault((facts.version or facts.uri, facts.sha256), _subject(facts))
    names = [name for name, _ in found]
    for (name, sha256), described in found.items():
        described["name"] = name if names.count(name) == 1 else f"{name}#{sha256[:12]}"
    return list(found.values())


def _tested(evidence: Evidence) -> Iterator[str]:
    bound = [names for check in evidence.plan.checks.values() for names in check.with_.values()]
    used = {n for names in bound for n in ((names,) if isinstance(names, str) else names)} - {BASELINE}
    return (name for name in evidence.info.inventories if name in used)


def _subject(facts: InventoryFacts) -> dict[str, Any]:
    described: dict[str, Any] = {"digest": {"sha256": facts.sha256}}
    if facts.flavour:
        described["annotations"] = {"qmtestbed_digest": "over the paths and contents of all files of the model"}
    if facts.uri.startswith(("models:/", "mlflow:")):
        described["uri"] = facts.uri
    return described
