"""Which findings count, and how several become one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from qmtestbed.ait import Finding, Subject
from qmtestbed.judging.baseline import Beside, beside_baseline
from qmtestbed.judging.elements import judge_element
from qmtestbed.types.assessment import CheckVerdicts, JudgedFinding
from qmtestbed.types.criterion import Criterion, parse_criterion
from qmtestbed.types.evidence import Evidence
from qmtestbed.types.manifest import Manifest
from qmtestbed.types.values import MeasureValue


def judge_findings(evidence: Evidence, checks: Sequence[CheckVerdicts]) -> tuple[JudgedFinding, ...]:
    """Give the findings whose criterion is not met: one per check, kind and subject, sorted within each check."""
    judged: list[JudgedFinding] = []
    for check in checks:
        record = evidence.record_of(check.id)
        findings, measures = (record.findings, record.measures) if record else ((), {})
        missed = [parse_criterion(c.text) for c in check.criteria if c.verdict == "not_met"]
        beside = beside_baseline(evidence, check.id, record) if record and any(c.baseline for c in missed) else Beside()
        judged_by = [(c, beside.measures if c.baseline else measures) for c in missed]
        counting = [f for f in findings if any(_speaks_of(c, f, of) for c, of in judged_by)]
        judged += _merged(check.id, counting, evidence.manifests.get(check.ait))
    return tuple(judged)


def _speaks_of(criterion: Criterion, finding: Finding, measures: Mapping[str, MeasureValue]) -> bool:
    """Whether the finding is about what missed the criterion.

    It is if it names the criterion's key or, where the criterion is on every key, one whose own value misses it.
    A subject that is no key of the measure (rows, pairs, a column beside values per noise scale) can't be told apart:
    it counts.
    """
    if criterion.measure != finding.measure:
        return False
    by_key = (measures[finding.measure].by_key if finding.measure in measures else None) or {}
    subject = finding.subject
    named = sorted({n for n in (subject.column, subject.slice, subject.class_) if n is not None and n in by_key})
    if criterion.key is not None:
        return not named or criterion.key in named
    return not named or any(judge_element(criterion, None, by_key[n]).verdict == "not_met" for n in named)


def _merged(check: str, findings: Iterable[Finding], manifest: Manifest | None) -> list[JudgedFinding]:
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.kind, *_order(finding.subject)), []).append(finding)
    return [_one(check, groups[key], manifest) for key in sorted(groups)]


def _one(check: str, group: Sequence[Finding], manifest: Manifest | None) -> JudgedFinding:
    """Make one of several: the worst stands for all, and rows become one list."""
    worst = min(group, key=lambda f: (f.measure, _badness(f, manifest), f.value, f.text))
    others = len({f.text for f in group}) - 1
    text = worst.text + (f" (and {others} more)" if others else "")
    rows = sorted({row for f in group for row in f.subject.rows or ()})
    subject = replace(worst.subject, rows=tuple(rows)) if rows else worst.subject
    return JudgedFinding(check, worst.kind, subject, worst.measure, worst.value, text)


def _badness(finding: Finding, manifest: Manifest | None) -> float:
    spec = manifest.measures.get(finding.measure) if manifest else None
    return finding.value if spec and spec.better == "higher" else -finding.value


def _order(subject: Subject) -> tuple[str, ...]:
    """Give what tells subjects apart: rows don't, they are one subject."""
    named = (subject.column, subject.slice, subject.class_, subject.file, *(subject.pair or ()))
    return tuple(n or "" for n in named)
