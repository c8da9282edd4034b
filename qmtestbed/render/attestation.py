"""The outcome as an in-toto statement of the type *test result*, for the policies of a software supply chain.

A test is a check: met → passed, undetermined → warned, not met → failed; one that is only reported is none. The result
of the whole is that of the exit code. Digests are SHA-256 over every byte of a file; that of a model is over the paths
and contents of all its files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from qmtestbed.types.assessment import Assessment, Require, Verdict
from qmtestbed.types.baseline import BASELINE
from qmtestbed.types.codec import pretty
from qmtestbed.types.evidence import Evidence, InventoryFacts

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
REQUIRE = "qmtestbed_require"
"""Annotation of ``bundle.json``: what the result looks at."""

_RESULTS: Mapping[Verdict, str] = {"met": "PASSED", "undetermined": "WARNED", "not_met": "FAILED"}


def attestation(
    evidence: Evidence,
    assessment: Assessment,
    verdict: Verdict,
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
    tests = {state: [c.id for c in assessment.checks if c.verdict == state] for state in _RESULTS}
    predicate: dict[str, Any] = {
        "result": _RESULTS[verdict],
        "configuration": [_configured(path, sha256, require) for path, sha256 in sorted(configuration.items())],
        "passedTests": tests["met"],
        "warnedTests": tests["undetermined"],
        "failedTests": tests["not_met"],
    }
    if url:
        predicate["url"] = url
    return pretty(
        {"_type": STATEMENT, "subject": _subjects(evidence), "predicateType": PREDICATE, "predicate": predicate}
    )


def _configured(path: str, sha256: str, require: Require) -> dict[str, Any]:
    described: dict[str, Any] = {"name": path, "digest": {"sha256": sha256}}
    return {**described, "annotations": {REQUIRE: require}} if path == "bundle.json" else described


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
