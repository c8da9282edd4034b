"""Rows whose features are the same and whose labels are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import gammainc
from scipy.stats import rankdata

from qmtestbed.ait import Finding, SampleRows, Subject, Table, Undefined
from qmtestbed.measuring.coincidence import Pairs, chance_pairs
from qmtestbed.measuring.columns import kind_of, names_of, numbers_of
from qmtestbed.measuring.records import marks, not_comparable, record_ids, shared_features

MOST_ROWS = 1000
MOST_LINES = 50
MOST_INTEGERS = 20
"""Up to so many whole numbers are classes, as everywhere."""


def measure(
    data: Table, train: Table | None = None, *, tolerance: float = 0.2, alpha: float = 0.001
) -> dict[str, Any] | Undefined:
    """Compare the labels of rows with the same features.

    Parameters
    ----------
    data
        With labels; rows without one are left out.
    train
        The training table with labels; looked up are the rows of ``data`` whose features occur in it.
    tolerance
        Where labels are numbers: by how many standard deviations of the labels they may differ.
    alpha
        Error probability with which conflicts count as more than coarse columns explain.

    Returns
    -------
    dict or Undefined
        Shares in [0, 1] and counts, 0 where no labels conflict; undefined without labelled rows or features.
    """
    features = list(data.features.columns)
    if data.labels is None or not data.labels.notna().any() or not features:
        return Undefined("The table has no labelled rows." if features else "The table has no columns to compare.")
    mine = _judged(_rows(data, None, features, tolerance), alpha)
    result = {**_measures("", mine), "findings": _finding(mine, "clear_conflicts", "another row of the table")}
    shared = features if train is None else shared_features(features, train)
    reason = not_comparable(data, train, shared) or _labels_differ(data, train)
    if train is None or reason:
        theirs: _Judged | Undefined = Undefined(reason)
    else:
        theirs = _judged(_rows(data, train, shared, tolerance), alpha)
        result["findings"] += _finding(theirs, "clear_train_conflicts", "the training data")
    return {**result, **_measures("train_", theirs), "examples": _examples(mine, theirs)}


# -- rows -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Rows:
    """Labelled rows, those of the training table last.

    ``ids`` are equal for rows with the same features. ``y`` are numbers of classes, or the labels themselves with
    their ``rank`` in (0, 1) and by how much they may differ, ``near``; ``position`` is the row's place in its file.
    """

    columns: Mapping[str, list[pd.Series[Any]]]
    ids: np.ndarray
    y: np.ndarray
    rank: np.ndarray | None
    near: float
    position: np.ndarray
    pairs: Pairs


def _rows(data: Table, train: Table | None, features: list[str], tolerance: float) -> _Rows:
    tables = [t for t in (data, train) if t is not None]
    labels = [t.labels for t in tables if t.labels is not None]
    kept = [np.flatnonzero(series.notna()) for series in labels]
    columns = {c: [t.frame[c].iloc[k] for t, k in zip(tables, kept, strict=True)] for c in features}
    first = np.repeat(np.arange(len(kept)) == 0, [*map(len, kept)])
    known = [series.iloc[k] for series, k in zip(labels, kept, strict=True)]
    ids, position = record_ids([*columns.values()]), np.concatenate(kept)
    if not _numeric(data):
        y = pd.factorize(np.concatenate([names_of(s) for s in known]))[0].astype(np.int64)
        return _Rows(columns, ids, y, None, 0.0, position, Pairs(first))
    values = np.concatenate([numbers_of(s, kind_of(s)) for s in known])
    rank = (rankdata(values) - 0.5) / len(values)
    return _Rows(columns, ids, values, rank, tolerance * float(values[first].std()), position, Pairs(first))


def _numeric(data: Table) -> bool:
    """Whether labels are numbers rather than classes."""
    if data.labels is None or data.roles.task == "classification" or data.roles.classes:
        return False
    kind = kind_of(data.labels)
    if kind in ("categories", "empty"):
        return False
    values = np.unique(numbers_of(data.labels.dropna(), kind))
    few = kind == "numbers" and len(values) <= MOST_INTEGERS and bool((values == np.floor(values)).all())
    return data.roles.task == "regression" or not few


def _labels_differ(data: Table, train: Table | None) -> str:
    """Say why the labels of the two tables can't be compared; empty if they can."""
    if train is None or train.labels is None or not train.labels.notna().any() or data.labels is None:
        return "The training table has no labelled rows."
    if _numeric(data) and "categories" in (kind_of(train.labels), kind_of(data.labels)):
        return "The labels are numbers in the one table and not in the other."
    return ""


# -- conflicts ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Judged:
    """What was found among pairs of rows with the same features.

    ``conflict`` are places of rows of the first table in conflict; ``surplus`` how many of these would have to
    change their label; ``disagreement`` is of all pairs, 1 for a pair with different classes and on average 1 for two
    random numbers; ``explained`` how many pairs chance explains.
    """

    rows: _Rows
    of: int
    conflict: np.ndarray
    surplus: int
    pairs: float
    disagreement: float
    explained: float
    clear: bool


def _judged(rows: _Rows, alpha: float) -> _Judged:
    of = int(rows.pairs.first.sum())
    equal = rows.pairs.count(rows.ids)
    by_group = _disagreements(rows)
    total = float(by_group.sum())
    conflict, surplus = _in_conflict(rows)
    if not len(conflict):
        return _Judged(rows, of, conflict, 0, equal, total, 0.0, False)
    explained = chance_pairs([marks(parts) for parts in rows.columns.values()], rows.ids, rows.pairs)
    # A group of many rows makes many pairs at once: what counts is how many groups of the mean weight there are.
    weight = float((by_group**2).sum()) / total
    beyond = float(gammainc(total / weight, explained / weight)) <= alpha
    return _Judged(rows, of, conflict, surplus, equal, total, explained, beyond)


def _disagreements(rows: _Rows) -> np.ndarray:
    """Sum the disagreement of all pairs in each group of rows with the same features."""
    size, ids, first = int(rows.ids.max()) + 1, rows.ids, rows.pairs.first

    def sums(where: np.ndarray, x: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(ids[where], weights=None if x is None else x[where], minlength=size).astype(np.float64)

    n, m = sums(first), sums(~first)
    if rows.rank is None:
        cell, found = pd.factorize(ids * (int(rows.y.max()) + 1) + rows.y)
        group = np.zeros(len(found), dtype=np.int64)
        group[cell] = ids
        a, b = (np.bincount(cell[w], minlength=len(found)).astype(np.float64) for w in (first, ~first))
        same = np.bincount(group, weights=(a * (a - 1) / 2 if rows.pairs.inside else a * b), minlength=size)
        return np.asarray((n * (n - 1) / 2 if rows.pairs.inside else n * m) - same)
    x, y = rows.rank - 0.5, (rows.rank - 0.5) ** 2
    if rows.pairs.inside:
        squares = n * sums(first, y) - sums(first, x) ** 2
    else:
        squares = m * sums(first, y) + n * sums(~first, y) - 2 * sums(first, x) * sums(~first, x)
    return np.where(squares > 1e-12, 6 * squares, 0.0)  # two random ranks differ by 1/6 on average of squares


def _in_conflict(rows: _Rows) -> tuple[np.ndarray, int]:
    """Find the rows of the first table whose label another one of the same features contradicts, and the surplus.

    The surplus counts, in each group, the rows beside its most frequent label (or far from its median); between tables
    it is the rows that do not have the most frequent label (the median) of their group in training.
    """
    frame = pd.DataFrame({"group": rows.ids, "y": rows.y})
    repeated = frame["group"].duplicated(keep=False).to_numpy()
    frame, first = frame[repeated], rows.pairs.first[repeated]
    inside = rows.pairs.inside
    judging = frame if inside else frame[~first]
    if rows.rank is None:
        off, mixed, agreeing = _among_classes(frame, judging)
    else:
        off, mixed, agreeing = _among_numbers(frame, judging, rows.near, inside)
    chosen = first & (mixed if inside else off)
    groups = frame["group"][chosen].value_counts()
    surplus = int((groups - agreeing[groups.index].clip(lower=1)).sum()) if inside else int(chosen.sum())
    return np.flatnonzero(repeated)[chosen], surplus


def _among_classes(frame: pd.DataFrame, judging: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, pd.Series[Any]]:
    """Tell which rows lack the most frequent label, which groups have several, and how many rows have that label."""
    cells = judging.value_counts(["group", "y"])
    most = cells.groupby(level="group").max()
    own = cells.reindex(pd.MultiIndex.from_frame(frame), fill_value=0).to_numpy()
    several = cells.groupby(level="group").size()
    off = own < frame["group"].map(most).to_numpy()  # False where no row judges
    return off, frame["group"].map(several).to_numpy() > 1, most


def _among_numbers(
    frame: pd.DataFrame, judging: pd.DataFrame, near: float, inside: bool
) -> tuple[np.ndarray, np.ndarray, pd.Series[Any]]:
    """Tell which rows are far from the median, which groups are spread out, and how many rows are near the median."""
    labels = judging.groupby("group")["y"]
    distance = (frame["y"] - frame["group"].map(labels.median())).abs()
    off = (distance > (near / 2 if inside else near)).to_numpy()  # two rows lie half their distance from their median
    spread = frame["group"].map(labels.max() - labels.min()).to_numpy() > near
    return off, spread, pd.Series(~off, index=frame.index).groupby(frame["group"]).sum()


# -- what is returned -----------------------------------------------------------------------------------------


def _measures(prefix: str, found: _Judged | Undefined) -> dict[str, Any]:
    names = ("conflict_share", "conflict_count", "label_consistency", "identical_pairs", "explained_pairs")
    if isinstance(found, Undefined):
        return {f"clear_{prefix}conflicts": found} | {prefix + n: found for n in names}
    share = found.surplus / found.of
    consistency: float | Undefined = Undefined("No two rows have the same features.")
    if found.pairs:
        consistency = max(0.0, 1 - found.disagreement / found.pairs)
    values = (share, found.surplus, consistency, found.pairs, found.explained)
    return {f"clear_{prefix}conflicts": share if found.clear else 0.0} | {
        prefix + n: v for n, v in zip(names, values, strict=True)
    }


def _finding(found: _Judged, measure: str, where: str) -> list[Finding]:
    if not found.clear:
        return []
    rows = found.rows.position[found.conflict]
    listed = f" The first {MOST_ROWS} are listed." if len(rows) > MOST_ROWS else ""
    text = (
        f"{len(rows)} of {found.of} rows have the same features as {where} and another label; {found.surplus} labels "
        f"would have to change. Coarse columns explain {found.explained:.0f} of {found.pairs:.0f} pairs of equal rows."
    )
    subject = Subject(rows=tuple(int(r) for r in rows[:MOST_ROWS]))
    return [Finding("label_conflict", subject, measure, found.surplus / found.of, text + listed)]


def _examples(*judged: _Judged | Undefined) -> SampleRows:
    lines: list[tuple[str, int, int]] = []
    for found, name in zip(judged, ("conflicts in the table", "conflicts with the training data"), strict=True):
        if isinstance(found, _Judged):
            lines += [(name, *line) for line in _partners(found)]
    names, rows, partners = zip(*lines, strict=True) if lines else ((), (), ())
    return SampleRows(rows, {"finding": names}, {"and row": partners})


def _partners(found: _Judged) -> list[tuple[int, int]]:
    """Give a row of the same features and another label to each of the first rows in conflict."""
    rows, lines = found.rows, []
    others = np.ones(len(rows.ids), dtype=bool) if rows.pairs.inside else ~rows.pairs.first
    for i in found.conflict[: MOST_LINES // 2]:
        apart = np.abs(rows.y - rows.y[i]) * (others & (rows.ids == rows.ids[i]))
        lines.append((int(rows.position[i]), int(rows.position[apart.argmax()])))
    return lines
