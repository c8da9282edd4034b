"""Values far outside their column, and rows that combine ordinary values as no other row does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import rankdata

from qmtestbed.ait import DataTable, Finding, SampleRows, Subject, Table, Undefined
from qmtestbed.measuring.columns import Kind, kind_of, numbers_of
from qmtestbed.measuring.drawing import some
from qmtestbed.measuring.outlying import SHARE, far_out, joint_distances

MOST_LINES = 50
MOST_ROWS = 1000
FEWEST = 20
"""A column needs so many numbers, and a table so many rows."""
CODES = 10
FAR, FAR_FOR_CODES = 2.0, 20.0
"""Times as far out as the farthest other; columns of fewer than ``CODES`` values may be codes, with gaps between."""
FAR_JOINTLY = 1.3
VARIED = 10
"""A column of so many different numbers, none of them in half of the rows, can be looked at together with others."""
MOST_JOINT = 30
EPOCH = pd.Timestamp(0, tz="UTC").as_unit("s")
JOINTLY = "(columns together)"
FEW_HUNDRED = 500
MOST_CLASSES = 20
NAMED = 5
"""A value is named where so many rows hold it; a rarer one could tell about a single person."""

_Values = Mapping[str, np.ndarray]


def measure(
    data: Table,
    train: Table | None = None,
    *,
    leave_out: Sequence[str] = (),
    alpha: float = 0.005,
    rows: int = 20_000,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Find values beyond the tail of their column, and rows beyond the tail of all rows.

    Parameters
    ----------
    data
        The rows to judge: every column of numbers or times, and a label that is a number to predict.
    train
        More rows to tell from what is usual; none of them is judged.
    leave_out
        Columns not to look at, besides those with the roles id, group, weight and ignore.
    alpha
        Error probability over all columns, and again over all rows looked at jointly.
    rows
        How many rows of each table are looked at jointly, and of the training table at all.
    seed
        Of the rows taken.

    Returns
    -------
    dict or Undefined
        Shares of rows in [0, 1]; undefined with fewer than 20 rows or without a column of numbers.
    """
    if len(data.frame) < FEWEST:
        return Undefined(f"The table has {len(data.frame)} rows; {FEWEST} or more are needed to tell what is usual.")
    rng = np.random.default_rng(seed)
    ours, theirs, apart = _columns(data, train, leave_out, some(0 if train is None else len(train.frame), rows, rng))
    if not ours:
        return Undefined("No column holds numbers or times of three different values or more.")
    found = [_look(name, ours[name], theirs.get(name), alpha / len(ours)) for name in ours]
    outside = np.zeros(len(data.frame), dtype=bool)
    for column in found:
        outside[column.rows] = True
    numbers = {name: x for name, x in ours.items() if name != data.roles.label}
    joint = _jointly(numbers, theirs, outside, rows, alpha, rng)
    outside[joint.rows] = True
    return {
        "clear_outliers": {c.name: len(c.rows) / len(data.frame) for c in found} | joint.share,
        "outlying_rows": float(outside.mean()),
        "columns": _table(found, apart if joint.looked_at else {**apart, JOINTLY: joint.reason}),
        "rows": _sample(found, joint),
        "findings": _findings(found, joint, len(data.frame)),
    }


def _columns(
    data: Table, train: Table | None, leave_out: Sequence[str], taken: np.ndarray
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, str]]:
    """Give the columns as numbers, those of the training rows that are of the same kind, and why others are not."""
    unknown = [c for c in leave_out if c not in data.frame.columns and c != data.roles.label]
    if unknown:
        raise ValueError(f"leave_out: the table has no column {unknown[0]!r}; it has {list(data.frame.columns)}")
    features = data.features
    named: dict[str, pd.Series[Any]] = {str(c): features[c] for c in features.columns if c not in leave_out}
    if data.labels is not None and data.roles.label not in leave_out and _is_target(data):
        named[str(data.roles.label)] = data.labels
    ours, theirs, apart = {}, {}, {}
    for name, values in named.items():
        kind = kind_of(values)
        if kind in ("categories", "empty"):
            apart[name] = "no numbers" if kind == "categories" else "no values"
            continue
        x = _numbers(values, kind)
        finite = x[np.isfinite(x)]
        if len(finite) < FEWEST or not (finite != finite[0]).any():
            apart[name] = f"fewer than {FEWEST} numbers" if len(finite) < FEWEST else "one value only"
            continue
        ours[name] = x
        other = _column_of(train, name)
        if other is not None and kind_of(other) == kind:
            theirs[name] = _numbers(other.iloc[taken], kind)
    return ours, theirs, apart


def _numbers(values: pd.Series[Any], kind: Kind) -> np.ndarray:
    """As ``numbers_of``; the year 9999, a usual stand-in for "never", is beyond its nanoseconds."""
    if kind == "times":
        return np.asarray((pd.to_datetime(values, utc=True) - EPOCH).dt.total_seconds(), dtype=np.float64)
    return numbers_of(values, kind)


def _column_of(table: Table | None, name: str) -> pd.Series[Any] | None:
    if table is None or name == table.roles.label:
        return None if table is None else table.labels
    return table.frame[name] if name in table.frame.columns else None


def _is_target(data: Table) -> bool:
    """Whether the label is a number to predict, not a class."""
    if data.labels is None or kind_of(data.labels) != "numbers":
        return False
    return data.roles.task == "regression" or (data.roles.task is None and data.labels.nunique() > MOST_CLASSES)


# -- one column -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Column:
    """The rows with outliers in a column, how far out the nearest is, and a value that many of them share."""

    name: str
    rows: np.ndarray
    times: float | None = None
    repeated: tuple[float, int] | None = None
    infinite: int = 0


def _look(name: str, ours: np.ndarray, theirs: np.ndarray | None, alpha: float) -> _Column:
    """Each side of the median by itself, and both together in units of their own spread."""
    pool = ours if theirs is None else np.concatenate([ours, theirs])
    x = np.sort(pool[np.isfinite(pool)])
    distinct = np.flatnonzero(np.r_[True, x[1:] > x[:-1]])
    gaps = np.diff(x[distinct])
    step = float(np.partition(gaps, (len(gaps) - 1) // 2)[(len(gaps) - 1) // 2]) if 1 < len(distinct) < len(x) else 0.0
    low, high = _limits(x, step, alpha / 3, FAR if len(distinct) >= CODES else FAR_FOR_CODES)
    out = (ours >= high) | (ours <= low) | np.isinf(ours)
    rows = np.flatnonzero(out)
    if not len(rows):
        return _Column(name, rows)
    infinite = int(np.isinf(ours[rows]).sum())
    values, counts = np.unique(ours[rows][np.isfinite(ours[rows])], return_counts=True)
    often = int(np.argmax(counts)) if len(counts) else 0
    repeated = (float(values[often]), int(counts[often])) if len(counts) and counts[often] >= NAMED else None
    return _Column(name, rows, _times(x, low, high), repeated, infinite)


def _limits(x: np.ndarray, step: float, alpha: float, ratio: float) -> tuple[float, float]:
    """From where on, downwards and upwards, sorted values are outliers; infinite where there is none."""
    n, middle = len(x), float(np.median(x))
    above, below = x[np.searchsorted(x, middle, side="right") :], x[: np.searchsorted(x, middle, side="left")]
    up, down = above[::-1] - middle, middle - below
    low, high = -np.inf, np.inf
    k = far_out(up, n, alpha, step=step, ratio=ratio)
    high = float(above[len(above) - k]) if k else high
    k = far_out(down, n, alpha, step=step, ratio=ratio)
    low = float(below[k - 1]) if k else low
    spreads = [float(np.median(d)) if len(d) >= 0.1 * n else 0.0 for d in (up, down)]
    spreads = [s or max(spreads) for s in spreads]
    if not all(spreads):
        return low, high
    needed = int(SHARE * n) + 200
    both = np.sort(np.concatenate([up[:needed] / spreads[0], down[:needed] / spreads[1]]))[::-1]
    k = far_out(both, n, alpha, step=step / min(spreads), ratio=ratio)
    if k:
        inside_up, inside_down = ((d / s < both[k - 1]).sum() for d, s in zip((up, down), spreads, strict=True))
        high = min(high, float(above[inside_up])) if inside_up < len(above) else high
        low = max(low, float(below[len(below) - 1 - inside_down])) if inside_down < len(below) else low
    return low, high


def _times(x: np.ndarray, low: float, high: float) -> float | None:
    """How many times as far from the median as any other value the nearest outlier is."""
    middle = float(np.median(x))
    inside, outside = x[(x > low) & (x < high)], x[(x <= low) | (x >= high)]
    if not len(outside):
        return None
    farthest = max(middle - inside[0], inside[-1] - middle)
    nearest = float(np.abs(outside - middle).min())
    return nearest / float(farthest) if farthest > 0 else None


# -- all columns together -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Joint:
    """Rows that are far from all others, and the columns in which that shows most; or why none was looked for."""

    rows: np.ndarray
    looked_at: int = 0
    columns: tuple[str, ...] = ()
    used: int = 0
    reason: str = ""

    @property
    def share(self) -> dict[str, float]:
        """Under the key that stands for all columns, where it was looked for."""
        return {JOINTLY: len(self.rows) / self.looked_at} if self.looked_at else {}


def _jointly(
    ours: _Values, theirs: _Values, outside: np.ndarray, most: int, alpha: float, rng: np.random.Generator
) -> _Joint:
    nothing = np.empty(0, dtype=np.intp)
    positions = some(len(outside), most, rng)
    positions = positions[~outside[positions]]
    shared = {name: theirs[name] for name in ours if name in theirs}
    z, names = _scores(ours, shared if len(shared) == len(ours) else {}, positions)
    if len(names) < 2 or len(z) < 10 * len(names):
        needs = f"columns with {VARIED} different numbers or more" if len(names) < 2 else "rows"
        return _Joint(nothing, reason=f"there are too few {needs}")
    distance, residual = joint_distances(z)
    order = np.argsort(-distance, kind="stable")
    ordered = distance[order]
    count = far_out(ordered[ordered > 0], len(z), alpha, ratio=FAR_JOINTLY)
    chosen = np.sort(order[:count][order[:count] < len(positions)])
    worst = np.argsort(-np.abs(residual[chosen]).mean(axis=0))[:2] if len(chosen) else ()
    return _Joint(positions[chosen], len(positions), tuple(names[i] for i in worst), len(names))


def _scores(ours: _Values, theirs: _Values, positions: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Normal scores of the ranks in each column: its own tails no longer matter, only how columns go together."""
    columns: list[np.ndarray] = []
    names: list[str] = []
    for name in _most_related(ours, positions, min(MOST_JOINT, len(positions) // 10)):
        x = ours[name][positions] if name not in theirs else np.concatenate([ours[name][positions], theirs[name]])
        present = np.isfinite(x)
        counts = np.unique(x[present], return_counts=True)[1]
        if len(counts) < VARIED or counts.max() > present.sum() / 2 or not present.sum() > len(x) / 2:
            continue
        score = np.full(len(x), np.nan)
        score[present] = ndtri(rankdata(x[present]) / (present.sum() + 1))
        columns.append(score)
        names.append(name)
    return (np.stack(columns, axis=1) if names else np.empty((0, 0))), names


def _most_related(ours: _Values, positions: np.ndarray, most: int) -> list[str]:
    """Which columns go most with another one, by their ranks in a few hundred rows; all if there are not too many."""
    names = list(ours)
    if len(names) <= most:
        return names
    some = positions[:: max(1, len(positions) // FEW_HUNDRED)]
    z = np.stack([ours[name][some] for name in names], axis=1)
    z = np.argsort(np.argsort(np.nan_to_num(z), axis=0, kind="stable"), axis=0).astype(np.float32)
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    related = np.abs(z.T @ z)
    np.fill_diagonal(related, 0)
    kept = np.argsort(-related.max(axis=0), kind="stable")[:most]
    return [names[i] for i in np.sort(kept)]


# -- what is told ---------------------------------------------------------------------------------------------


def _findings(found: Sequence[_Column], joint: _Joint, n: int) -> list[Finding]:
    told = []
    for c in found:
        if len(c.rows):
            share = len(c.rows) / n
            text = f"Column {c.name!r}: {len(c.rows)} of {n} values ({share:.2%}) are far outside"
            text += f", the nearest {c.times:.3g} times as far from the median as any other" if c.times else ""
            text += f"; {c.repeated[1]} of them are {c.repeated[0]:g}" if c.repeated else ""
            text += f"; {c.infinite} are infinite" if c.infinite else ""
            told.append(Finding("outlier", Subject(column=c.name), "clear_outliers", share, text + "."))
    if len(joint.rows):
        text = f"{len(joint.rows)} of {joint.looked_at} rows combine values as no other row does, most of all in "
        text += " and ".join(map(repr, joint.columns)) + "."
        subject = Subject(rows=tuple(joint.rows[:MOST_ROWS].tolist()))
        told.append(Finding("outlier", subject, "clear_outliers", joint.share[JOINTLY], text))
    return told


def _table(found: Sequence[_Column], apart: Mapping[str, str]) -> DataTable:
    worst = sorted((c for c in found if len(c.rows)), key=lambda c: -len(c.rows))
    lines: list[tuple[Any, ...]] = [
        (c.name, len(c.rows), c.times, *(c.repeated or (None, None)), f"{c.infinite} infinite" if c.infinite else "")
        for c in worst
    ]
    lines += [(name, *[None] * 4, f"not looked at: {reason}") for name, reason in apart.items()]
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], (f"({len(lines) - MOST_LINES + 1} more)", *[None] * 4, "")]
    return DataTable(("column", "outliers", "times as far", "repeated value", "rows with it", "note"), lines)


def _sample(found: Sequence[_Column], joint: _Joint) -> SampleRows:
    cells = [(int(row), repr(c.name)) for c in found for row in c.rows[:MOST_LINES]]
    together = f"{' and '.join(map(repr, joint.columns))} together ({joint.used} columns looked at)"
    lines = sorted([*cells, *((int(row), together) for row in joint.rows[:MOST_LINES])])
    shown = lines[:MOST_LINES]
    return SampleRows([row for row, _ in shown], {"outlying in": [where for _, where in shown]})
