"""Whether attribute values are as frequent in the data as was declared beforehand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binom

from qmtestbed.ait import Bars, DataTable, Design, Finding, Roles, Subject, Table, Undefined
from qmtestbed.measuring.attributes import attributes_of
from qmtestbed.measuring.chance import clearly
from qmtestbed.measuring.columns import names_of

AND = " & "
"""Joins attributes, and their values, of which a joint frequency is declared."""
ROUNDING = 0.01
"""So far from 1 the declared shares may sum up."""
MOST_CELLS = 4_000_000
DRAWS = 2_000
MOST_DRAWS = 20_000
FROM_THE_TOP = 20
"""Which of the differences drawn, the largest first, is the limit if it may be: the largest hangs on the seed."""
MOST_BARS = 40
MOST_LINES = 48
NAMED = 5
"""A value that was not declared is named from so many rows on; a rarer one could tell about a single person."""

_Shares = Mapping[str, Mapping[str, float]]


def measure(
    data: Table, design: Design | None = None, *, expected: _Shares | None = None, alpha: float = 0.005, seed: int = 0
) -> dict[str, Any] | Undefined:
    """Compare the shares of values with those declared, by attribute and by value.

    Parameters
    ----------
    data
        The table; an attribute is a column, or the label. Rows without a value are left out of its shares.
    design
        Its frequencies are the shares to expect.
    expected
        Further shares by attribute and value, or other ones; ``"a & b"`` with the values ``"x & y"`` is for pairs.
    alpha
        How often chance may exceed any of the limits, of all attributes and values together.
    seed
        Of the draws that show what chance explains.

    Returns
    -------
    dict or Undefined
        Total variation in [0, 1], 0 where all shares are as declared; undefined without rows, by attribute where no
        row has a value of it, and everything but the number of attributes where nothing is declared.

    Raises
    ------
    ValueError
        An attribute is no column, or its shares are no shares: negative, not finite, not 1 together.
    """
    if not len(data.frame):
        return Undefined("The table has no rows.")
    declared = {**((design.frequencies if design else None) or {}), **(expected or {})}
    shares = {name: _shares(name, values) for name, values in declared.items()}
    columns = _columns(data, shares)
    seen = [_seen(name, columns[name], shares[name], _units(data)) for name in shares]
    present = [s for s in seen if s.size]
    # One half of alpha is for the attributes, the other for their values; each is shared out evenly (Bonferroni).
    each = alpha / 2 / max(len(present), 1), alpha / 2 / max(sum(len(s.expected) for s in present), 1)
    rng = np.random.default_rng(seed)
    compared = [_compare(s, *each, rng) for s in present]
    return _measures(compared, [s.name for s in seen if not s.size])


def _shares(name: str, values: Mapping[str, float]) -> dict[str, float]:
    found = {str(value): float(share) for value, share in values.items()}
    total = sum(found.values())
    if not found or not all(math.isfinite(share) and share >= 0 for share in found.values()):
        raise ValueError(f"the expected shares of {name!r} must be numbers from 0 on; found {found}")
    if abs(total - 1) > ROUNDING:
        raise ValueError(f"the expected shares of {name!r} must sum up to 1; found {total:.6g}")
    return {value: share / total for value, share in found.items()}


# -- what is in the data --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Seen:
    """An attribute in the data.

    ``rows`` are by declared value, ``undeclared`` by value that was not declared, ``known`` is their sum; ``size``
    says how many independent rows these are worth.
    """

    name: str
    expected: Mapping[str, float]
    rows: np.ndarray
    undeclared: Mapping[str, int]
    known: int
    size: int
    missing: int


def _columns(data: Table, names: Iterable[str]) -> dict[str, pd.Series[Any]]:
    """Give the columns (and the label) by name, and those that are joined of several."""
    columns = {str(c): data.frame[c] for c in data.frame.columns}
    if data.labels is not None and data.roles.label:
        columns[data.roles.label] = data.labels
    for name in names:
        parts = [name] if name in columns else name.split(AND)
        if unknown := [part for part in parts if part not in columns]:
            raise ValueError(f"the table has no column {unknown[0]!r}; it has {list(columns)}")
        if len(parts) > 1:
            columns[name] = _joined([names_of(columns[part]) for part in parts])
    return columns


def _joined(parts: Sequence[np.ndarray]) -> pd.Series[Any]:
    """Join the values of several attributes; a row that lacks one lacks all."""
    known = np.all([pd.notna(part) for part in parts], axis=0)
    joined = np.full(len(known), None, dtype=object)
    joined[known] = [AND.join(values) for values in zip(*(part[known] for part in parts), strict=True)]
    return pd.Series(joined, dtype=object)


def _units(data: Table) -> np.ndarray | None:
    """Give the number of each row's group; a row without one is by itself. ``None`` without groups."""
    if data.roles.group is None:
        return None
    codes = pd.factorize(names_of(data.frame[data.roles.group]))[0]
    return np.asarray(pd.factorize(np.where(codes < 0, -1 - np.arange(len(codes)), codes))[0])


def _seen(name: str, column: pd.Series[Any], expected: Mapping[str, float], units: np.ndarray | None) -> _Seen:
    table = Table(pd.DataFrame({name: column}), None, Roles())
    (attribute,), _ = attributes_of(table, Design({name: tuple(expected)}), (), 0)
    known = size = len(column) - attribute.missing
    if units is not None and known:
        # Rows of a group are taken to be alike: groups of these sizes are worth so many groups of one size (Kish).
        rows = np.bincount(units[column.notna().to_numpy()])
        size = max(1, math.floor(rows.sum() ** 2 / (rows @ rows) + 1e-9))
    return _Seen(name, expected, attribute.rows, attribute.undeclared or {}, known, size, attribute.missing)


# -- one attribute --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Compared:
    """An attribute and how far it is from what was declared; ``clear`` says which values are, beyond chance."""

    seen: _Seen
    difference: float
    limit: float
    observed: np.ndarray
    clear: np.ndarray

    @property
    def clear_difference(self) -> float | Undefined:
        """The difference, if chance does not explain it."""
        return clearly(self.difference, self.limit)

    @property
    def absent(self) -> list[str]:
        """Values that never occur, though by chance they would."""
        gone = self.clear & (self.seen.rows == 0)
        return [value for value, is_gone in zip(self.seen.expected, gone, strict=True) if is_gone]

    @property
    def undeclared(self) -> float:
        """Share of rows with a value that was not declared."""
        return sum(self.seen.undeclared.values()) / self.seen.known


def _compare(seen: _Seen, level: float, level_of_value: float, rng: np.random.Generator) -> _Compared:
    expected, observed = np.array([*seen.expected.values()]), seen.rows / seen.known
    rest = sum(seen.undeclared.values()) / seen.known
    difference = float(np.round((np.abs(observed - expected).sum() + rest) / 2, 13))
    limit = _chance_limit(expected, seen.size, level, rng)
    return _Compared(seen, difference, limit, observed, _clear_values(expected, observed, seen.size, level_of_value))


def _chance_limit(expected: np.ndarray, size: int, level: float, rng: np.random.Generator) -> float:
    """Total variation that ``size`` draws of the declared shares exceed with at most the probability ``level``.

    Exact, however few draws are made: the one in the data is as likely as any other to be among the largest. For a
    level too small to draw for, the inequality of bounded differences (McDiarmid) gives a limit that is larger.
    """
    if level * MOST_DRAWS < 1:
        mean_at_most = float(np.sqrt(expected * (1 - expected) / size).sum()) / 2
        return min(1.0, mean_at_most + math.sqrt(-math.log(level) / (2 * size)))
    draws = min(MOST_DRAWS, max(DRAWS, math.ceil(FROM_THE_TOP / level))) - 1
    step, found = max(1, MOST_CELLS // len(expected)), []
    for start in range(0, draws, step):
        rows = rng.multinomial(size, expected, size=min(step, draws - start))
        found.append(np.abs(rows / size - expected).sum(axis=1) / 2)
    rank = math.floor(level * (draws + 1) + 1e-9)
    return float(np.round(np.sort(np.concatenate(found))[-rank], 13))


def _clear_values(expected: np.ndarray, observed: np.ndarray, size: int, level: float) -> np.ndarray:
    """Tell which shares lie beyond what chance explains, by the exact binomial distribution, either side half."""
    rows = observed * size  # where rows come in groups this is not whole; then the count nearer to the expected one
    below = binom.cdf(np.ceil(rows - 1e-9), size, expected) <= level / 2
    above = binom.sf(np.floor(rows + 1e-9) - 1, size, expected) <= level / 2
    return np.asarray(below | above)


# -- what is told ---------------------------------------------------------------------------------------------


def _measures(compared: Sequence[_Compared], empty: Sequence[str]) -> dict[str, Any]:
    none = {name: Undefined(f"No row has a value of {name!r}.") for name in empty}
    nothing = Undefined("No frequencies are declared: neither by the design nor by the parameter 'expected'.")
    worst = sorted(compared, key=lambda c: (c.limit - c.difference, c.seen.name))
    values = {
        f"{c.seen.name}={value}": abs(float(c.observed[i]) - share) if c.clear[i] else 0.0
        for c in compared
        for i, (value, share) in enumerate(c.seen.expected.items())
    }
    return {
        "clear_difference": {c.seen.name: c.clear_difference for c in compared} | none or nothing,
        "difference": {c.seen.name: c.difference for c in compared} | none or nothing,
        "chance_limit": {c.seen.name: c.limit for c in compared} | none or nothing,
        "undeclared_share": {c.seen.name: c.undeclared for c in compared} | none or nothing,
        "absent_values": {c.seen.name: len(c.absent) for c in compared} | none or nothing,
        "clear_value_difference": values or (Undefined("No declared attribute has a value.") if empty else nothing),
        "attribute_count": len(compared) + len(empty),
        "differences": Bars([c.seen.name for c in worst[:MOST_BARS]], [c.difference for c in worst[:MOST_BARS]]),
        "values": _values(worst),
        "attributes": _overview(worst, empty),
        "findings": [finding for c in worst for finding in _findings(c)],
    }


def _findings(c: _Compared) -> list[Finding]:
    name, subject, found = c.seen.name, Subject(column=c.seen.name), []
    for i, (value, share) in enumerate(c.seen.expected.items()):
        if c.clear[i]:
            text = f"{name}={value}: {c.observed[i]:.1%} of {c.seen.known} rows; {share:.1%} are declared."
            slice_, off = Subject(slice=f"{name}={value}"), abs(float(c.observed[i]) - share)
            found.append(Finding("unexpected_frequency", slice_, "clear_value_difference", off, text))
    if c.difference > c.limit + 1e-9:
        text = (
            f"{name!r}: {c.difference:.1%} of the rows would have to have another value to agree with the declared "
            f"frequencies; chance explains up to {c.limit:.1%}. {_most(c)}"
        )
        found.append(Finding("unexpected_frequency", subject, "clear_difference", c.difference, text))
    if c.seen.undeclared:
        rows = sum(c.seen.undeclared.values())
        often = sorted((-n, value) for value, n in c.seen.undeclared.items() if n >= NAMED)[:3]
        named = f", such as {', '.join(repr(value[:40]) for _, value in often)}" if often else ""
        text = f"{name!r}: {rows} of {c.seen.known} rows have a value that was not declared{named}."
        found.append(Finding("new_category", subject, "undeclared_share", c.undeclared, text))
    if c.absent:
        named = ", ".join(map(repr, c.absent[:5]))
        text = f"{name!r}: {len(c.absent)} declared values never occur in {c.seen.known} rows, such as {named}."
        found.append(Finding("missing_combination", subject, "absent_values", len(c.absent), text))
    return found


def _most(c: _Compared) -> str:
    """Say which declared value is furthest from what was declared."""
    i = int(np.argmax(np.abs(c.observed - [*c.seen.expected.values()])))
    value, share = [*c.seen.expected.items()][i]
    return f"Furthest off is {value[:40]!r}: {c.observed[i]:.1%} where {share:.1%} are declared."


def _values(worst: Sequence[_Compared]) -> DataTable:
    lines = [
        (c.seen.name, value, share, float(c.observed[i]), int(c.seen.rows[i]), bool(c.clear[i]))
        for c in worst
        for i, (value, share) in enumerate(c.seen.expected.items())
    ]
    lines.sort(key=lambda line: (not line[5], -abs(line[3] - line[2])))
    more = [(f"({len(lines) - MOST_LINES} more)", *[None] * 5)] if len(lines) > MOST_LINES else []
    titles = ("attribute", "value", "declared share", "share in the data", "rows", "beyond chance")
    return DataTable(titles, [*lines[:MOST_LINES], *more])


def _overview(worst: Sequence[_Compared], empty: Sequence[str]) -> DataTable:
    lines: list[tuple[Any, ...]] = []
    for c in worst:
        lines.append((c.seen.name, c.seen.known, c.seen.size, c.seen.missing, c.difference, c.limit, c.undeclared))
    lines += [(name, 0, 0, None, None, None, None) for name in empty]
    more = [(f"({len(lines) - MOST_LINES} more)", *[None] * 6)] if len(lines) > MOST_LINES else []
    titles = (
        "attribute;rows with a value;independent rows;rows without a value;difference;chance limit;undeclared share"
    )
    return DataTable(titles.split(";"), [*lines[:MOST_LINES], *more])
