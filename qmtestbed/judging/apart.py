"""How far the measured values of two runs are apart, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from qmtestbed.ait import Estimate, Undefined
from qmtestbed.judging.elements import usable
from qmtestbed.judging.mover import difference_of, nothing
from qmtestbed.types.comparison import Apart, Better, CheckState, ComparedMeasure, How, Shown
from qmtestbed.types.values import MeasureValue, Single, minus, point

Singles = Mapping[str | None, Single]
Differences = Mapping[str, MeasureValue]
"""By measure: what a comparison item by item found, the later run less the first."""

_REPRODUCED = 1e-6
"""How far a paired difference may be from that of the recorded values, in parts of the larger of them."""


def compared_measures(
    states: Sequence[CheckState | None], paired: Sequence[Differences]
) -> tuple[ComparedMeasure, ...]:
    """Set the measures of a check side by side.

    Parameters
    ----------
    states
        The check in each run, ``None`` where a run does not have it.
    paired
        What was compared item by item, for the second and further runs; empty where nothing was.

    Returns
    -------
    tuple of ComparedMeasure
        In the order of the first run that has them; sequences are by position, and have no difference.
    """
    names = dict.fromkeys(n for s in states if s is not None for n in s.measures)
    found: list[ComparedMeasure] = []
    for name in names:
        by_run = [dict(s.measures[name].singles()) if s is not None and name in s.measures else {} for s in states]
        for key in dict.fromkeys(k for singles in by_run for k in singles):
            found.append(_measure(name, key, states, by_run, paired))
    return tuple(found)


def _measure(
    name: str,
    key: str | None,
    states: Sequence[CheckState | None],
    by_run: Sequence[Singles],
    paired: Sequence[Differences],
) -> ComparedMeasure:
    known = next(s for s in states if s is not None and name in s.measures)
    better = known.better.get(name, "none")
    first, a = states[0], by_run[0].get(key)
    apart: list[Apart | None] = []
    for state, singles, differences in zip(states[1:], by_run[1:], paired, strict=True):
        b = singles.get(key)
        if first is None or state is None or a is None or b is None or _is_sequence(name, first, state):
            apart.append(None)
            continue
        item_by_item = dict(differences[name].singles()).get(key) if name in differences else None
        apart.append(_apart(a, b, (first, state), item_by_item, better))
    values = tuple(MeasureValue(s[key]) if key in s else None for s in by_run)
    sequence = isinstance(known.measures[name].value, tuple)
    return ComparedMeasure(name, known.units.get(name, ""), better, values, tuple(apart), key, sequence)


def _is_sequence(name: str, *states: CheckState) -> bool:
    return any(isinstance(s.measures[name].value, tuple) for s in states)


def measured_alike(a: CheckState, b: CheckState) -> bool:
    """Whether both were measured by the same program with the same parameters, so that their numbers compare."""
    return (a.ait, a.version, a.code, dict(a.parameters), a.confidence) == (
        b.ait,
        b.version,
        b.code,
        dict(b.parameters),
        b.confidence,
    )


def _apart(
    a: Single, b: Single, of: tuple[CheckState, CheckState], item_by_item: Single | None, better: Better
) -> Apart | None:
    """Give the difference ``b`` less ``a``; ``None`` where there is no number to subtract."""
    if isinstance(a, (bool, Undefined)) or isinstance(b, (bool, Undefined)) or not (usable(a) and usable(b)):
        return None
    overlap = a.low <= b.high and b.low <= a.high if isinstance(a, Estimate) and isinstance(b, Estimate) else None
    plain = minus(point(b) or 0.0, point(a) or 0.0)
    how, difference = _difference(a, b, of, item_by_item, plain)
    if not isinstance(difference, Estimate):
        return Apart(how, plain, overlap=overlap)
    shown: Shown = "not_shown"
    if difference.low > 0 or difference.high < 0:
        up = difference.low > 0
        shown = "different" if better == "none" else "better" if up == (better == "higher") else "worse"
    return Apart(how, difference.value, difference.low, difference.high, difference.n, shown, overlap)


def _difference(
    a: Single, b: Single, of: tuple[CheckState, CheckState], item_by_item: Single | None, plain: float
) -> tuple[How, Single]:
    first, other = of
    if first.record and first.record == other.record:
        return "same", nothing(b)
    if not measured_alike(first, other):
        return "values", plain
    if item_by_item is not None and _reproduces(item_by_item, a, b, plain):
        return "paired", item_by_item
    difference = difference_of(b, a)
    return ("unpaired" if isinstance(difference, Estimate) else "values"), difference


def _reproduces(item_by_item: Single, a: Single, b: Single, plain: float) -> bool:
    """Whether a comparison item by item found the recorded values again, as it must where it is of them."""
    found = point(item_by_item)
    scale = max(abs(point(a) or 0.0), abs(point(b) or 0.0), _REPRODUCED)
    return found is not None and math.isclose(found, plain, rel_tol=0, abs_tol=_REPRODUCED * scale)
