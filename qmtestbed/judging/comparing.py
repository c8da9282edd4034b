"""Runs side by side, each against the first: which verdicts changed, which measures, and what was not the same.

A verdict is better than another in the order not met, undetermined, met. A criterion is the same one where check, AIT
and text are; with another limit it is ``restated``, and counts neither as better nor as worse: whoever lowers a limit
has improved nothing. A check that gave no result in one run is undetermined by each of its criteria there. A waiver
makes no verdict better; that one holds now, or no more, is told where the verdict is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import get_args

from qmtestbed.judging.apart import Differences, compared_measures, measured_alike
from qmtestbed.judging.differing import differences, touching
from qmtestbed.judging.snapshot import snapshot
from qmtestbed.types.assessment import (
    Assessment,
    Change,
    CheckVerdicts,
    Counts,
    CriterionChange,
    CriterionVerdict,
    LevelChange,
    SinceLast,
)
from qmtestbed.types.comparison import (
    CheckState,
    ComparedCheck,
    ComparedCriterion,
    ComparedLevel,
    ComparedRun,
    Comparison,
    Snapshot,
)
from qmtestbed.types.criterion import one_spelling, parse_criterion
from qmtestbed.types.evidence import Evidence

Pairing = Differences | str
"""What a comparison item by item found, or why there was none."""

_RANK = {"not_met": 0, "undetermined": 1, "met": 2}
_WORST_FIRST: tuple[Change, ...] = get_args(Change)
_NOT_MEASURED = "(not measured)"


def compare(
    runs: Sequence[Snapshot], names: Sequence[str] = (), paired: Mapping[tuple[int, str], Pairing] | None = None
) -> Comparison:
    """Compare runs with the first of them.

    Parameters
    ----------
    runs
        At least one.
    names
        What each is called; by default its run id.
    paired
        For a position in ``runs`` (from 1) and a check: what comparing it item by item with the first run found, or why
        that was not done.

    Returns
    -------
    Comparison
        A function of its arguments alone. Of a run and itself nothing changes; with two runs the other way round,
        what was better is worse, and what was new is gone.
    """
    criteria = _criteria(runs)
    given = names or [r.assessment.run for r in runs]
    return Comparison(
        schema="qmtestbed/comparison/v1",
        runs=tuple(_run(n, r) for n, r in zip(given, runs, strict=True)),
        counts=tuple(_counts(c.changes[i] for c in criteria) for i in range(len(runs) - 1)),
        criteria=criteria,
        levels=_levels(runs),
        differences=differences(runs),
        checks=tuple(_checks(runs, paired or {})),
    )


def since_last(evidence: Evidence, assessment: Assessment) -> SinceLast | None:
    """Say what changed since the earlier run whose snapshot a run holds; ``None`` if it holds none."""
    if evidence.since is None:
        return None
    before = evidence.since.assessment
    now = snapshot(evidence, assessment)
    runs = (evidence.since, now)
    criteria = _criteria(runs)
    changed = (CriterionChange(c.check, c.text, c.changes[0], *c.found) for c in criteria if c.changes[0] != "same")
    return SinceLast(
        run=before.run,
        as_of=before.as_of,
        component=before.component,
        criteria=before.headlines.criteria,
        counts=_counts(c.changes[0] for c in criteria),
        changes=tuple(changed),
        levels=tuple(
            LevelChange(x.guideline, x.dimension, *x.reached) for x in _levels(runs) if x.reached[0] != x.reached[1]
        ),
        differences=differences(runs),
    )


def _run(name: str, run: Snapshot) -> ComparedRun:
    a = run.assessment
    return ComparedRun(name, a.run, a.as_of, a.component, run.bundle, a.headlines)


def _counts(changes: Iterable[Change]) -> Counts:
    found = list(changes)
    return Counts(**{c: found.count(c) for c in _WORST_FIRST if c != "absent"})


def _levels(runs: Sequence[Snapshot]) -> tuple[ComparedLevel, ...]:
    by_run = [
        {(s.guideline, s.dimension): s.reached for s in r.assessment.levels if s.kind == "external"} for r in runs
    ]
    places = dict.fromkeys(place for reached in by_run for place in reached)
    return tuple(ComparedLevel(*place, tuple(reached.get(place) for reached in by_run)) for place in places)


# -- criteria -------------------------------------------------------------------------------------------------


def _criteria(runs: Sequence[Snapshot]) -> tuple[ComparedCriterion, ...]:
    places = dict.fromkeys((c.id, c.ait) for run in runs for c in run.assessment.checks)
    by_run = [{(c.id, c.ait): _judged(c, run.checks.get(c.id)) for c in run.assessment.checks} for run in runs]
    rows = [_row(*p, found) for p in places for found in _matched([judged.get(p, []) for judged in by_run])]
    return tuple(sorted(rows, key=_badness))


def _judged(check: CheckVerdicts, state: CheckState | None) -> list[CriterionVerdict]:
    """Give the criteria of a check; those of the plan, undetermined, where it gave no result."""
    if not check.criteria or not check.criteria[0].text.startswith("("):
        return list(check.criteria)
    reason = check.criteria[0].reason
    texts = (state.expect if state else ()) or (_NOT_MEASURED,)
    return [CriterionVerdict(text, "undetermined", reason) for text in texts]


def _matched(by_run: Sequence[Sequence[CriterionVerdict]]) -> list[tuple[CriterionVerdict | None, ...]]:
    """Say which criteria of the runs are the same one: by their text, else by what they are about."""
    rows: list[list[CriterionVerdict | None]] = []
    for i, judged in enumerate(by_run):
        left = list(judged)
        for same in (_text, _subject):
            left = _put(left, rows, i, same)
        rows += [[None] * i + [c] for c in left]
        rows = [[*row, None] if len(row) == i else row for row in rows]
    return [tuple(row) for row in rows]


def _put(
    judged: Sequence[CriterionVerdict],
    rows: Sequence[list[CriterionVerdict | None]],
    i: int,
    same: Callable[[CriterionVerdict], Hashable],
) -> list[CriterionVerdict]:
    """Append each criterion to the first row that has none of this run and one that is the same; give the others."""
    left = []
    for criterion in judged:
        known = (r for r in rows if len(r) == i and any(c is not None and same(c) == same(criterion) for c in r))
        row = next(known, None)
        if row is None:
            left.append(criterion)
        else:
            row.append(criterion)
    return left


def _text(c: CriterionVerdict) -> Hashable:
    return one_spelling(c.text)


def _subject(c: CriterionVerdict) -> Hashable:
    """What a criterion is about: its measure, the key it names, and whether the limit is a baseline."""
    try:
        parsed = parse_criterion(c.text)
    except ValueError:
        return _text(c)
    return (parsed.measure, parsed.key, parsed.baseline)


def _row(check: str, ait: str, found: tuple[CriterionVerdict | None, ...]) -> ComparedCriterion:
    latest = next(c for c in reversed(found) if c is not None)
    return ComparedCriterion(check, ait, latest.text, found, tuple(_change(found[0], c) for c in found[1:]))


def _change(before: CriterionVerdict | None, after: CriterionVerdict | None) -> Change:
    if before is None or after is None:
        return "absent" if before is after else "new" if before is None else "gone"
    if _text(before) != _text(after):
        return "restated"
    ranks = _RANK[before.verdict], _RANK[after.verdict]
    if ranks[0] != ranks[1]:
        return "better" if ranks[0] < ranks[1] else "worse"
    if before.waived == after.waived:
        return "same"
    return "waived" if after.waived else "unwaived"


def _badness(row: ComparedCriterion) -> tuple[int, int]:
    """Order rows: the worst change first, of equal ones those first that are worst now."""
    change = min((_WORST_FIRST.index(c) for c in row.changes), default=0)
    verdict = min((_RANK[c.verdict] for c in row.found[1:] if c is not None), default=len(_RANK))
    return change, verdict


# -- checks ---------------------------------------------------------------------------------------------------


def _checks(runs: Sequence[Snapshot], paired: Mapping[tuple[int, str], Pairing]) -> Iterable[ComparedCheck]:
    places = dict.fromkeys((id, c.ait) for run in runs for id, c in run.checks.items())
    for id, ait in places:
        found = (run.checks.get(id) for run in runs)
        states = [s if s is not None and s.ait == ait else None for s in found]
        if sum(s is not None for s in states) < 2:
            continue
        pairings = [_pairing(states[0], s, paired.get((i, id), "")) for i, s in enumerate(states) if i]
        verdicts = ({c.id: c.verdict for c in run.assessment.checks if c.ait == ait} for run in runs)
        yield ComparedCheck(
            id=id,
            ait=ait,
            verdicts=tuple(v.get(id) for v in verdicts),
            differs=tuple(
                touching(id, runs[0], run) if states[0] is not None and s is not None else ()
                for run, s in zip(runs[1:], states[1:], strict=True)
            ),
            unpaired=tuple(p if isinstance(p, str) else "" for p in pairings),
            measures=compared_measures(states, [{} if isinstance(p, str) else p for p in pairings]),
        )


def _pairing(first: CheckState | None, other: CheckState | None, found: Pairing) -> Pairing:
    if first is None or other is None or not (first.record and other.record) or first.record == other.record:
        return ""
    if not measured_alike(first, other):
        return "it was not measured in the same way: another version, other parameters or another confidence"
    return found
