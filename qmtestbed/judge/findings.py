"""Which findings count, and how several become one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from qmtestbed.ait import Finding, Subject
from qmtestbed.types.assessment import CheckVerdicts, JudgedFinding
from qmtestbed.types.criterion import Criterion, parse_criterion
from qmtestbed.types.evidence import Evidence
from qmtestbed.types.manifest import Manifest


def judge_findings(evidence: Evidence, checks: Sequence[CheckVerdicts]) -> tuple[JudgedFinding, ...]:
    """Give the findings whose criterion is not met: one per check, kind and subject, sorted within each check."""
    judged: list[JudgedFinding] = []
    for check in checks:
        record = evidence.record_of(check.id)
        missed = [parse_criterion(c.text) for c in check.criteria if c.verdict == "not_met"]
        if record is not None and missed:
            counting = [f for f in record.findings if any(_speaks_of(c, f) for c in missed)]
            judged += _merged(check.id, counting, evidence.manifests.get(check.ait))
    return tuple(judged)


def _speaks_of(criterion: Criterion, finding: Finding) -> bool:
    """Whether the criterion is on the finding's measure, and its key, if any, is the finding's subject.

    Rows and pairs name no key, so a keyed criterion can't tell them apart: they count.
    """
    if criterion.measure != finding.measure:
        return False
    named = {n for n in (finding.subject.column, finding.subject.slice, finding.subject.class_) if n is not None}
    return criterion.key is None or not named or criterion.key.strip() in named


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
    subject = worst.subject if worst.subject.rows is None else replace(worst.subject, rows=tuple(rows))
    return JudgedFinding(check, worst.kind, subject, worst.measure, worst.value, text)


def _badness(finding: Finding, manifest: Manifest | None) -> float:
    spec = manifest.measures.get(finding.measure) if manifest else None
    return finding.value if spec and spec.better == "higher" else -finding.value


def _order(subject: Subject) -> tuple[str, ...]:
    """Give what tells subjects apart; all rows are one subject."""
    named = (subject.column, subject.slice, subject.class_, *(subject.pair or ()))
    return tuple(n or "" for n in named) + (("rows",) if subject.rows is not None else ())
