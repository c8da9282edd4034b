"""Whether a model keeps relations between its answers that must hold whatever the right answers are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from qmtestbed.ait import Bars, Estimate, Finding, Model, SampleRows, Subject, Table, Undefined
from qmtestbed.measuring.answers import groups_of, is_classifier, weights_of
from qmtestbed.measuring.families import simultaneous
from qmtestbed.measuring.intervals import proportion

ALONE = 10
"""So many rows are asked one by one; the others in batches of 2, 4, 8, … rows."""
MOST_EXAMPLES = 50
MOST_ROWS = 1000
GENERIC = {
    "repeated_call": "differ when the same rows are asked again",
    "batch": "depend on which other rows are asked together",
    "row_order": "depend on the order of the rows",
    "row_names": "depend on the index of the rows",
    "number_type": "depend on whether the same whole numbers are stored as another type",
}
EXPECTED = {"same": "change", "not_lower": "are lower", "not_higher": "are higher"}
_AMOUNT = re.compile(r"([+\-*])\s*(\d+(?:\.\d+)?)\s*(%?)")


def measure(
    model: Model,
    data: Table,
    *,
    relations: Sequence[Mapping[str, Any]] = (),
    tolerance: float = 0.001,
    rows: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Ask the model about rows, and again about the same rows in another form or changed in a declared way.

    Parameters
    ----------
    model
        A classifier, or a model of numbers.
    data
        Rows to start from; labels are not needed.
    relations
        Declared ones, beside the generic: mappings with ``change`` (column to ``+10%``, ``-5``, ``*2``, ``shuffle`` or
        ``{set: value}``), ``expect`` (``same``, ``not_lower`` or ``not_higher``) and, if wanted, ``name``, ``of`` (the
        class that is not to become rarer or more frequent; else the positive one) and ``by`` (instead of
        ``tolerance``).
    tolerance
        Answers that are numbers may differ by so many of their standard deviations.
    rows
        How many rows are asked about.
    confidence
        Of the two-sided intervals, which hold for all relations together.
    seed
        Of the rows taken, their other order and what is shuffled.

    Returns
    -------
    dict or Undefined
        Shares of rows in [0, 1] whose answers break a relation, 0 if it holds; undefined without rows.

    Raises
    ------
    ValueError
        A declared relation is not of this form, or names a column or class that is not there.
    """
    if not len(data.frame):
        return Undefined("The table has no rows.")
    rng = np.random.default_rng(seed)
    chosen = np.arange(len(data.frame))
    if len(chosen) > rows:
        chosen = np.sort(rng.choice(len(chosen), size=rows, replace=False))
    frame = data.frame.iloc[chosen].reset_index(drop=True)
    asked = _Asked(model, frame, chosen, np.asarray(model.predict(frame)), tolerance)
    found = {**_generic(asked, rng), **_declared(asked, relations, data.roles.positive, rng)}
    finite = is_classifier(model) or np.isfinite(asked.first).any()
    if not finite and not any(r.broken.any() for r in found.values()):
        return Undefined("The model answers no row with a finite number.")
    options = {
        n: None if v is None else v[chosen] for n, v in (("groups", groups_of(data)), ("weights", weights_of(data)))
    }
    shares = simultaneous({r.name: partial(_share, r, options) for r in found.values()}, confidence)
    known = {name: e for name, e in shares.items() if isinstance(e, Estimate)}
    ranked = sorted(known.items(), key=lambda item: -item[1].value)
    return {
        "violation_share": shares,
        "worst_violation": ranked[0][1].value if len(known) == len(shares) else _first_undefined(shares),
        "violations": Bars.of(ranked[:MOST_EXAMPLES]),
        "examples": _examples(found),
        "findings": [f for name, e in known.items() for f in _findings(found[name], e, known["repeated_call"])],
    }


@dataclass(frozen=True)
class _Asked:
    """The model, the rows with their positions in the table, and the first answers."""

    model: Model
    frame: pd.DataFrame
    positions: np.ndarray
    first: np.ndarray
    tolerance: float

    def again(self, frame: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.model.predict(frame))

    def allowed(self, by: float) -> float:
        """How far answers that are numbers may lie apart; never less than rounding."""
        known = self.first[np.isfinite(self.first)]
        return by * float(known.std()) + 1e-9 * float(np.abs(known).max()) if len(known) else 0.0

    def differ(self, answers: np.ndarray, by: float) -> np.ndarray:
        if is_classifier(self.model):
            return np.asarray(answers != self.first, dtype=bool)
        near = np.isclose(answers, self.first, rtol=0, atol=self.allowed(by), equal_nan=True)
        return np.asarray(~near)


@dataclass(frozen=True)
class _Relation:
    """One relation: which of the rows that it is about break it."""

    name: str
    broken: np.ndarray
    rows: np.ndarray
    positions: np.ndarray
    what: str

    @property
    def broken_at(self) -> np.ndarray:
        return np.asarray(self.positions[self.rows[self.broken]])


def _share(r: _Relation, options: Mapping[str, np.ndarray | None], confidence: float) -> Estimate | Undefined:
    if not len(r.rows):
        return Undefined(f"The change leaves every row as it is, so that relation {r.name!r} says nothing.")
    own = {name: None if v is None else v[r.rows] for name, v in options.items()}
    return proportion(r.broken, confidence, **own)


# -- relations that hold for every model ----------------------------------------------------------------------


def _generic(asked: _Asked, rng: np.random.Generator) -> dict[str, _Relation]:
    frame, n = asked.frame, len(asked.frame)
    order = rng.permutation(n)
    back = np.argsort(order)
    ask: dict[str, Callable[[], np.ndarray]] = {
        "repeated_call": lambda: asked.again(frame),
        "batch": lambda: np.concatenate([asked.again(part) for part in _batches(frame)]),
        "row_order": lambda: asked.again(frame.iloc[order].reset_index(drop=True))[back],
        "row_names": lambda: asked.again(frame.set_axis(10 * n + rng.permutation(n), axis=0)),
    }
    retyped = _retyped(frame)
    if retyped is not None:
        ask["number_type"] = lambda: asked.again(retyped)
    every = np.arange(n)
    return {
        name: _Relation(name, asked.differ(answer(), asked.tolerance), every, asked.positions, GENERIC[name])
        for name, answer in ask.items()
    }


def _batches(frame: pd.DataFrame) -> list[pd.DataFrame]:
    """Some rows alone, then batches of two rows, four, and so on up to a quarter of all."""
    ends, size = list(range(1, min(ALONE, len(frame)) + 1)), 2
    while ends[-1] < len(frame):
        ends.append(min(ends[-1] + size, len(frame)))
        size = max(1, min(2 * size, len(frame) // 4))
    return [frame.iloc[a:b].reset_index(drop=True) for a, b in zip([0, *ends], ends, strict=False)]


def _retyped(frame: pd.DataFrame) -> pd.DataFrame | None:
    """Whole numbers as 32-bit integers, which every model can widen again; ``None`` if there is no such column."""
    new = frame.copy(deep=False)
    for name in frame.columns:
        if frame[name].dtype not in (np.dtype("int64"), np.dtype("float64")):
            continue
        x = frame[name].to_numpy()
        if np.isfinite(x).all() and (x == np.rint(x)).all() and np.abs(x.astype(np.float64)).max() < 2**31:
            new[name] = x.astype(np.int32)
    return None if (new.dtypes == frame.dtypes).all() else new


# -- declared relations ---------------------------------------------------------------------------------------


def _declared(
    asked: _Asked, relations: Sequence[Mapping[str, Any]], positive: str | None, rng: np.random.Generator
) -> dict[str, _Relation]:
    found: dict[str, _Relation] = {}
    for number, given in enumerate(relations, 1):
        name = str(given.get("name", f"relation {number}"))
        unknown = sorted({*given} - {"name", "change", "expect", "of", "by"})
        if unknown or name in found or name in GENERIC:
            what = f"does not know {unknown[0]!r}" if unknown else "has a name that is taken"
            raise ValueError(f"relations: {name!r} {what}; a relation has name, change, expect, of and by")
        change, expect = given.get("change"), given.get("expect")
        if not isinstance(change, Mapping) or not change or expect not in EXPECTED:
            raise ValueError(f"relations: {name!r} needs change: {{column: …}} and expect: {' | '.join(EXPECTED)}")
        new, touched = _changed(asked.frame, change, rng)
        rows = np.flatnonzero(touched)
        broken, of = _broken(asked, asked.again(new), expect, given, positive)
        what = f"{EXPECTED[expect]}{of} when {_told(change)}"
        found[name] = _Relation(name, broken[rows], rows, asked.positions, what)
    return found


def _broken(
    asked: _Asked, answers: np.ndarray, expect: str, given: Mapping[str, Any], positive: str | None
) -> tuple[np.ndarray, str]:
    by = float(given.get("by", asked.tolerance))
    if expect == "same":
        return asked.differ(answers, by), ""
    sign = 1 if expect == "not_higher" else -1
    if not is_classifier(asked.model):
        return np.asarray(~(sign * (answers - asked.first) <= asked.allowed(by))), ""
    of = str(given.get("of", positive))
    if of not in asked.model.classes:
        raise ValueError(f"relations: {expect} needs of: one of the classes {list(asked.model.classes)}; found {of!r}")
    return sign * ((answers == of).astype(int) - (asked.first == of).astype(int)) > 0, f" in class {of!r}"


def _changed(
    frame: pd.DataFrame, change: Mapping[str, Any], rng: np.random.Generator
) -> tuple[pd.DataFrame, np.ndarray]:
    """Give the changed rows, and which of them are really changed."""
    new, touched = frame.copy(deep=False), np.zeros(len(frame), dtype=bool)
    for column, how in change.items():
        if column not in frame.columns:
            raise ValueError(f"relations: the table has no column {column!r}; it has {list(frame.columns)}")
        old = frame[column]
        if isinstance(how, Mapping) and [*how] == ["set"]:
            new[column] = _set(old, how["set"])
        elif how == "shuffle":
            new[column] = old.iloc[rng.permutation(len(old))].set_axis(old.index)
        else:
            new[column] = _moved(old, str(how))
        before, after = (s.astype(object).where(s.notna(), None).to_numpy() for s in (old, new[column]))
        touched |= np.asarray(before != after, dtype=bool)
    return new, touched


def _set(old: pd.Series[Any], value: Any) -> pd.Series[Any]:
    if isinstance(old.dtype, pd.CategoricalDtype):
        known = old.cat.categories
        kind = old.dtype if value in known else pd.CategoricalDtype([*known, value], old.dtype.ordered)
        return pd.Series([value] * len(old), index=old.index, dtype=kind)
    made = pd.Series([value] * len(old), index=old.index)
    return made.astype(old.dtype) if made.dtype.kind == old.dtype.kind else made


def _moved(old: pd.Series[Any], how: str) -> pd.Series[Any]:
    """Add, take away or multiply; whole numbers stay whole and move by at least 1."""
    parts = _AMOUNT.fullmatch(how)
    numeric = pd.api.types.is_numeric_dtype(old) and not pd.api.types.is_bool_dtype(old)
    if parts is None or not numeric or (parts[1] == "*" and parts[3]):
        raise ValueError(
            f"relations: can't change column {old.name!r} ({old.dtype}) by {how!r}; write +10%, -5 or *2 for numbers, "
            "shuffle, or {set: value}"
        )
    x, amount = old.to_numpy(dtype=np.float64, na_value=np.nan), float(parts[2])
    step = np.abs(x) * amount / 100 if parts[3] else np.full(len(x), amount)
    new = x * amount if parts[1] == "*" else x + step * (1 if parts[1] == "+" else -1)
    if (x[np.isfinite(x)] % 1 == 0).all():
        rounded = np.rint(new)
        new = np.where(rounded == x, x + np.sign(new - x), rounded)
    return pd.Series(new, index=old.index).astype(old.dtype)


def _told(change: Mapping[str, Any]) -> str:
    changes = {c: f"set to {h['set']!r}" if isinstance(h, Mapping) else f"changed ({h})" for c, h in change.items()}
    return " and ".join(f"column {c!r} is {how}" for c, how in changes.items())


# -- what is told ---------------------------------------------------------------------------------------------


def _first_undefined(shares: Mapping[str, Estimate | Undefined]) -> Undefined:
    return next(e for e in shares.values() if isinstance(e, Undefined))


def _examples(found: Mapping[str, _Relation]) -> SampleRows:
    each = max(1, MOST_EXAMPLES // len(found))
    lines = [(r.name, int(row)) for r in found.values() for row in r.broken_at[:each]][:MOST_EXAMPLES]
    return SampleRows([row for _, row in lines], {"relation": [name for name, _ in lines]})


def _findings(r: _Relation, e: Estimate, repeated: Estimate) -> list[Finding]:
    """Name the relation, and the rows; not where the model, asked the same again, differs as often."""
    if not e.value or (r.name != "repeated_call" and repeated.value and e.low <= repeated.high):
        return []
    count = f"{int(r.broken.sum())} of {len(r.rows)} answers ({e.value:.2%}; {e.low:.2%} to {e.high:.2%})"
    text = f"Relation {r.name!r}: {count} {r.what}."
    rows = Subject(rows=tuple(r.broken_at[:MOST_ROWS].tolist()))
    return [
        Finding("relation_violated", Subject(slice=r.name), "violation_share", e.value, text),
        Finding("relation_violated", rows, "violation_share", e.value, text),
    ]
