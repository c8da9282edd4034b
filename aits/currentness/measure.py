"""How old the records of a table are at a stated day, and whether they are older than those trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from qmtestbed.ait import DataTable, Finding, Histogram, Subject, Table, Undefined
from qmtestbed.measuring.chance import all_in_second
from qmtestbed.measuring.columns import kind_of, numbers_of

DAY = 86_400.0
MOST_ROWS = 1000
MOST_LINES = 50
MOST_GAPS = 10
BINS = 40
FEWEST = 20
"""In fewer records no column is clearly seen to end."""
READABLE = 0.5
"""A column of which less can be read as a time is none."""

_Series = pd.Series  # of any values


def measure(
    data: Table,
    train: Table | None = None,
    *,
    as_of: str | None = None,
    max_age_days: float | None = None,
    time_format: str | None = None,
    alpha: float = 0.001,
) -> dict[str, Any] | Undefined:
    """Compare the time of each record with the reference time and with the training table; no clock is asked.

    Parameters
    ----------
    data
        The table; its column with the role time holds times, ISO 8601 text, or whole numbers that are years or
        days (2024, 20240131).
    train
        The training table, with a role time or a column of the same name.
    as_of
        Reference time (ISO 8601); without, the newest time in both tables.
    max_age_days
        The largest age that is current, in days.
    time_format
        How times are written, if not by ISO 8601, as for ``strptime``.
    alpha
        How probable it may be that chance alone makes any column seem to have ended.

    Returns
    -------
    dict or Undefined
        Ages in days, shares in [0, 1]; undefined without rows, a role time, or times that can be read.

    Raises
    ------
    ValueError
        ``as_of`` is no ISO 8601 time.
    """
    column = data.roles.time
    if column not in data.frame.columns or not len(data.frame):
        return Undefined("The table has no rows." if column in data.frame.columns else "No column has the role time.")
    times = _times(data.frame[column], time_format)
    theirs = _training_times(train, column, time_format)
    if isinstance(times, Undefined):
        return times
    there = ~np.isnan(times)
    known = [t[~np.isnan(t)] for t in (times, theirs) if not isinstance(t, Undefined)]
    reference = _reference(as_of) if as_of else max(float(t.max()) for t in known)
    age = (reference - times) / DAY
    seen = _Seen(data, str(column), times, age, max_age_days)
    stale, values_age = _by_column(seen, alpha)
    current = seen.current()
    features = _feature_currentness(seen, current)
    return {
        "record_currentness": current if isinstance(current, Undefined) else float(current[there].mean()),
        "feature_currentness": features,
        "stale_share": stale,
        "newest_value_age": values_age,
        "dated_records": float(there.mean()),
        **_ages(age[there]),
        **_beside_training(known, theirs),
        **_gaps(times[there]),
        "records_by_time": _histogram(known, reference),
        "columns": _table(stale, values_age, features),
        "findings": _findings(seen, current, stale, features, theirs),
    }


# -- times ----------------------------------------------------------------------------------------------------


def _times(values: _Series, form: str | None) -> np.ndarray | Undefined:
    """(n,) seconds since 1970 in UTC, NaN where there is no time that can be read."""
    kind = kind_of(values)
    if kind == "times":
        return numbers_of(values, "times")
    texts = values.map(_as_text, na_action="ignore") if kind == "numbers" else values.astype(object)
    texts = texts.where(values.notna(), None)
    read = pd.to_datetime(texts, format=form or "ISO8601", errors="coerce", utc=True)
    if not values.notna().any() or read.notna().sum() < READABLE * values.notna().sum():
        found = f"{int(read.notna().sum())} of {int(values.notna().sum())} values"
        return Undefined(f"Column {str(values.name)!r} does not hold times: {found} can be read; see time_format.")
    return numbers_of(read, "times")


def _as_text(number: Any) -> str:
    """Whole numbers such as 2024 or 20240131 as they would be written."""
    text = f"{number:.0f}" if float(number).is_integer() else "fraction"
    return text if len(text) in (4, 8) else "unreadable"


def _reference(text: str) -> float:
    time = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")
    if pd.isna(time):
        raise ValueError(f"as_of must be an ISO 8601 time such as 2026-01-31; found {text!r}")
    return float(time.timestamp())


def _training_times(train: Table | None, column: str | None, form: str | None) -> np.ndarray | Undefined:
    if train is None:
        return Undefined("There is no training table to compare with.")
    name = train.roles.time or column
    if name not in train.frame.columns or not train.frame[name].notna().any():
        return Undefined("The training table has no times.")
    return _times(train.frame[name], form)


# -- the table by itself --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Seen:
    """The table with the time (seconds) and age (days) of each row; NaN without a time."""

    data: Table
    column: str
    times: np.ndarray
    age: np.ndarray
    max_age: float | None

    @property
    def features(self) -> list[Any]:
        return [c for c in self.data.features.columns if str(c) != self.column]

    def current(self) -> np.ndarray | Undefined:
        """(n,) which records are not older than the largest age."""
        if self.max_age is None:
            return Undefined("No largest age is set; see max_age_days.")
        return np.asarray(self.age <= self.max_age)


def _by_column(
    seen: _Seen, alpha: float
) -> tuple[dict[str, float | Undefined] | Undefined, dict[str, float] | Undefined]:
    """For each column the share of newest records since its last value, beyond chance, and the age of that value.

    A column whose values are missing at random has its last k records empty with a probability that is exact given how
    many values it has; Bonferroni over the columns.
    """
    order = np.argsort(seen.times, kind="stable")
    order = order[~np.isnan(seen.times[order])]
    times, ages, features = seen.times[order], seen.age[order], seen.features
    if not features:
        return Undefined("The table has no columns beside the time."), Undefined("There is no value to date.")
    early = None
    if len(times) < FEWEST or times[0] == times[-1]:
        early = Undefined(f"The records are fewer than {FEWEST} or all of one time, so that no column can have ended.")
    stale: dict[str, float | Undefined] = {}
    oldest: dict[str, float] = {}
    for c in features:
        missing = seen.data.frame[c].isna().to_numpy()[order]
        stale[str(c)] = early or 0.0
        if missing.all():
            stale[str(c)] = Undefined("No record with a time has a value, so that none can have been the last.")
            continue
        last = len(missing) - 1 - int(np.argmin(missing[::-1]))
        oldest[str(c)] = float(ages[last])
        since = len(times) - int(np.searchsorted(times, times[last], side="right"))
        if since:
            chance = float(all_in_second(int((~missing).sum()), int(missing.sum()), since))
            stale[str(c)] = since / len(times) if chance * len(features) <= alpha else early or 0.0
    return stale, oldest or Undefined("No column holds a value in a record with a time.")


def _feature_currentness(seen: _Seen, current: np.ndarray | Undefined) -> dict[str, float | Undefined] | Undefined:
    if isinstance(current, Undefined):
        return current
    dated = ~np.isnan(seen.times)
    found: dict[str, float | Undefined] = {}
    for c in seen.features:
        there = dated & seen.data.frame[c].notna().to_numpy()
        found[str(c)] = float(current[there].mean()) if there.any() else Undefined("No value has a time.")
    return found or Undefined("The table has no columns beside the time.")


def _gaps(times: np.ndarray) -> dict[str, Any]:
    """Find the longest times without a record."""
    ordered = np.sort(times)
    gaps = np.diff(ordered)
    span = float(np.ptp(ordered))
    widest = np.argsort(-gaps, kind="stable")[:MOST_GAPS]
    lines = [(_iso(ordered[i]), _iso(ordered[i + 1]), float(gaps[i] / DAY)) for i in widest if gaps[i] > 0]
    nothing = Undefined("All records have the same time.")
    return {
        "largest_gap_days": float(gaps.max() / DAY) if span else nothing,
        "largest_gap_share": float(gaps.max() / span) if span else nothing,
        "gaps": DataTable(("from", "to", "days"), lines),
    }


def _ages(age: np.ndarray) -> dict[str, float]:
    return {
        "newest_age": float(age.min()),
        "median_age": float(np.median(age)),
        "span_days": float(np.ptp(age)),
        "later_than_reference": float((age < 0).mean()),
    }


# -- beside the training table --------------------------------------------------------------------------------


def _beside_training(known: Sequence[np.ndarray], theirs: np.ndarray | Undefined) -> dict[str, Any]:
    if isinstance(theirs, Undefined):
        return {"older_than_training": theirs, "before_training": theirs}
    ours, train = known[0], np.sort(known[1])
    later = len(train) - np.searchsorted(train, ours, side="right")
    ties = len(train) - later - np.searchsorted(train, ours, side="left")
    return {
        "older_than_training": float((ours < train[-1]).mean()),
        "before_training": float((later + ties / 2).mean() / len(train)),
    }


# -- what is told ---------------------------------------------------------------------------------------------


def _iso(seconds: float) -> str:
    return str(pd.Timestamp(seconds, unit="s", tz="UTC").strftime("%Y-%m-%d %H:%M"))


def _histogram(known: Sequence[np.ndarray], reference: float) -> Histogram:
    """Count records by days before the reference."""
    ages = dict(zip(("test", "training"), ((reference - t) / DAY for t in known), strict=False))
    low, high = min(a.min() for a in ages.values()), max(a.max() for a in ages.values())
    edges = np.linspace(low, high, BINS + 1) if low < high else np.array([low - 0.5, low + 0.5])
    counts = {name: np.histogram(a, edges)[0].tolist() for name, a in ages.items()}
    return Histogram(edges.tolist(), counts, x_title="age in days")


def _table(stale: Any, oldest: Any, features: Any) -> DataTable:
    def at(values: Any, name: str) -> float | None:
        found = None if isinstance(values, Undefined) else values.get(name)
        return found if isinstance(found, float) else None

    names = [] if isinstance(stale, Undefined) else sorted(stale, key=lambda c: -(at(stale, c) or 0.0))
    lines = [(c, at(stale, c), at(oldest, c), at(features, c)) for c in names]
    more = [(f"({len(lines) - MOST_LINES + 1} more)", None, None, None)] if len(lines) > MOST_LINES else []
    titles = ("column", "newest records without a value", "age of the newest value (days)", "current values")
    return DataTable(titles, [*lines[: MOST_LINES - len(more)], *more])


def _findings(
    seen: _Seen, current: np.ndarray | Undefined, stale: Any, features: Any, theirs: np.ndarray | Undefined
) -> list[Finding]:
    found = []
    for name, share in {} if isinstance(stale, Undefined) else stale.items():
        if isinstance(share, float) and share > 0:
            text = f"Column {name!r} has no value in the newest {share:.1%} of the records; chance does not explain it."
            found.append(Finding("outdated", Subject(column=name), "stale_share", share, text))
    if not isinstance(current, Undefined):
        old = np.flatnonzero(~current & ~np.isnan(seen.times))
        if len(old):
            text = f"{len(old)} of {len(current)} records are older than {seen.max_age:g} days."
            rows, share = tuple(int(i) for i in old[:MOST_ROWS]), 1 - len(old) / int((~np.isnan(seen.times)).sum())
            found.append(Finding("outdated", Subject(rows=rows), "record_currentness", share, text))
        for name, share in features.items() if not isinstance(features, Undefined) else ():
            if isinstance(share, float) and share < 1:
                text = f"Column {name!r}: {1 - share:.1%} of its values are older than {seen.max_age:g} days."
                found.append(Finding("outdated", Subject(column=name), "feature_currentness", share, text))
    if not isinstance(theirs, Undefined):
        older = float((seen.times[~np.isnan(seen.times)] < np.nanmax(theirs)).mean())
        if older:
            text = f"{older:.1%} of the records are older than the newest training record: training knows their future."
            found.append(Finding("leak", Subject(column=seen.column), "older_than_training", older, text))
    return found
