"""Whether the columns of a table are as declared or, without a declaration, as the training table and sense have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from schema_column import LEAST_ROWS, is_constant, mixture_of, tally_of, why_identifier
from schema_rules import Rules, check_rules, declared_findings, rows_breaking

from qmtestbed.ait import DataTable, Finding, FindingKind, Subject, Table, Undefined, class_name
from qmtestbed.measuring.chance import all_in_second, unseen_at_least
from qmtestbed.measuring.columns import kind_of, numbers_of

MOST_LINES = 50
NAMED = 5
"""A new category is named from so many rows on; a rarer one could tell about a single person."""

_Series = pd.Series  # of any values


def measure(
    data: Table, train: Table | None = None, *, columns: Rules | None = None, share: float = 0.01, alpha: float = 0.02
) -> dict[str, Any] | Undefined:
    """Look at each column by itself, and beside the same column of the training table.

    Parameters
    ----------
    data
        The table in question; columns with the roles id, group, weight, time and ignore, and the label, are left out.
    train
        The table that says which columns, types, ranges and categories there should be.
    columns
        Declared rules by column, some of type, min, max, values, required and unique; they go before what the training
        table shows.
    share
        Values out of range and new categories count from this share of the rows on.
    alpha
        How often chance may make any column seem to have them.

    Returns
    -------
    dict or Undefined
        Counts of columns, 0 if all conform, and shares of rows in [0, 1]; undefined without rows or columns.

    Raises
    ------
    ValueError
        ``columns`` holds a rule or a type that is not known.
    """
    rules = check_rules(columns or {})
    names = [c for c in data.features.columns if c != data.roles.time]
    if not len(data.frame) or not names:
        return Undefined("The table has no columns to look at." if len(data.frame) else "The table has no rows.")
    pair = _Pair(data, train)
    looks = [_look(pair, c, rules.get(str(c), {})) for c in names]
    looks = _judged(looks, pair, share, alpha)
    broken = {c: rows_breaking(data.frame[c], rules[str(c)]) for c in data.frame.columns if str(c) in rules}
    there = {str(c) for c in data.frame.columns}
    absent = {c for c, r in rules.items() if r.get("required") and c not in there}
    lacking = _names(train, data) if train is not None else []
    return {
        **_counts(looks, pair, lacking),
        "mixed_share": {c.name: c.mixed for c in looks},
        "outside_range": {c.name: c.outside for c in looks if c.outside is not None} or Undefined(_NO_RANGES),
        "unseen_share": {c.name: c.unseen for c in looks if c.unseen is not None} or Undefined(_NO_CATEGORIES),
        "violations": {str(c): float(b.mean()) for c, b in broken.items()} | dict.fromkeys(sorted(absent), 1.0)
        or Undefined("No rule is declared for a column that the table has."),
        "columns": _table(looks, lacking),
        "findings": [*_findings(looks, lacking), *declared_findings(broken, rules, absent)],
    }


_NO_RANGES = "No column of numbers can be compared with a training table."
_NO_CATEGORIES = "No column of categories can be compared with a training table."


# -- one column -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Pair:
    """The table and its training table."""

    data: Table
    train: Table | None

    @property
    def rows(self) -> int:
        """How many rows there are in both."""
        return len(self.data.frame) + (0 if self.train is None else len(self.train.frame))

    def parts(self, column: Any) -> list[_Series]:
        """The column in the table and, where it is there too, in the training table."""
        frames = [t.frame for t in (self.data, self.train) if t is not None]
        return [f[column] for f in frames if column in f.columns]

    def groups(self) -> list[_Series] | None:
        """What the rows of each table belong together by, if both say so."""
        tables = [t for t in (self.data, self.train) if t is not None and t.roles.group in t.frame.columns]
        return [t.frame[t.roles.group].reset_index(drop=True) for t in tables] if len(tables) == 2 else None


@dataclass(frozen=True)
class _Look:
    """What one column shows; ``chance`` is how probable so many new or far values are, ``other`` how any would be."""

    name: str
    kind: str
    constant: bool = False
    identifier: str = ""
    mixed: float = 0.0
    mixture: str = ""
    outside: float | None = None
    far: float = 0.0
    far_chance: float = 1.0
    limits: tuple[float, float] = (0.0, 0.0)
    unseen: float | None = None
    unseen_chance: float = 1.0
    sizes: tuple[np.ndarray, int, int] | None = None
    example: str = ""
    changed: str = ""


def _look(pair: _Pair, column: Any, rules: Mapping[str, Any]) -> _Look:
    parts = pair.parts(column)
    kinds = [kind_of(p) for p in parts]
    look = _Look(str(column), kinds[0], constant=sum(map(len, parts)) >= LEAST_ROWS and all(map(is_constant, parts)))
    if look.constant:
        return look
    tallies = [tally_of(p) for p in parts] if "categories" in kinds else []
    if kinds[0] == "categories":
        mixed, mixture = mixture_of(parts[0], tallies[0])
        look = replace(look, mixed=mixed, mixture=mixture)
    if not rules.get("unique"):
        look = replace(look, identifier=why_identifier(str(column), parts, kinds, tallies))
    if len({*kinds} - {"empty"}) > 1:
        return replace(look, changed=f"{kinds[1]} in the training data, {kinds[0]} here")
    if len(parts) == 1 or "empty" in kinds or look.identifier:
        return look
    if kinds[0] == "numbers" and not {"min", "max"} & rules.keys():
        return _ranged(look, pair, [numbers_of(p, "numbers") for p in parts])
    if kinds[0] == "categories" and "values" not in rules:
        return _categorised(look, pair, column, tallies)
    return look


# -- beside the training table ---------------------------------------------------------------------------------


def _ranged(look: _Look, pair: _Pair, parts: Sequence[np.ndarray]) -> _Look:
    """Values outside the training range, and those farther out than the range is wide, on either side."""
    ours, theirs = (p[~np.isnan(p)] for p in parts)
    finite = theirs[np.isfinite(theirs)]
    if not len(ours) or not len(finite):
        return look
    low, high = float(finite.min()), float(finite.max())
    width = high / 2 - low / 2 or max(abs(low) / 2, 1.0)  # halved, so that no difference overflows
    low, high = float(theirs.min()), float(theirs.max())  # infinite where training has it
    below, above = ours / 2 < low / 2 - width, ours / 2 > high / 2 + width
    groups = pair.groups()
    present = None if groups is None else [g[~np.isnan(p)] for g, p in zip(groups, parts, strict=True)]
    n, m = (len(theirs), len(ours)) if present is None else (present[1].nunique(), present[0].nunique())
    outside = float(((ours < low) | (ours > high)).mean())
    sides = []
    for mask in (below, above):
        items = int(mask.sum()) if present is None else present[0][mask].nunique()
        sides.append((float(all_in_second(n, m, items)), -float(mask.mean())))
    chance, far = min(sides)
    return replace(look, outside=outside, far=-far, far_chance=chance, limits=(low, high))


def _categorised(look: _Look, pair: _Pair, column: Any, tallies: Sequence[_Series]) -> _Look:
    """Rows whose category the training table lacks, and how probable so many are."""
    ours, theirs = tallies
    new = ours[theirs.index.get_indexer(ours.index) < 0]
    frequent = [str(v) for v, rows in new.iloc[:3].items() if rows >= NAMED]
    found = replace(look, unseen=float(new.sum() / ours.sum()), example=", ".join(map(repr, frequent)))
    groups = pair.groups()
    n, m = int(theirs.sum()), int(ours.sum())
    if groups is not None:
        parts = [p.reset_index(drop=True).map(class_name, na_action="ignore") for p in pair.parts(column)]
        ours, theirs = (_tally_of_groups(p, g) for p, g in zip(parts, groups, strict=True))
        n, m = groups[1].nunique(), groups[0].nunique()
    at = theirs.index.get_indexer(ours.index)
    rest = np.delete(theirs.to_numpy(), at[at >= 0])
    sizes = np.r_[ours.to_numpy() + np.where(at >= 0, theirs.to_numpy()[at], 0), rest]
    items = int(ours.to_numpy()[at < 0].sum())
    return replace(found, unseen_chance=unseen_at_least(sizes, n, m, items), sizes=(sizes, n, m))


def _tally_of_groups(values: _Series, groups: _Series) -> _Series:
    return pd.DataFrame({"v": values, "g": groups}).drop_duplicates()["v"].value_counts()


def _judged(looks: Sequence[_Look], pair: _Pair, share: float, alpha: float) -> list[_Look]:
    """Set to 0 what chance explains: the columns are one family.

    Far values: Bonferroni over columns and sides. New categories: a column can only give a false alarm as often as
    chance gives it more new rows than ``share`` at all, which is next to never for few large categories; the sum of
    these, each at most the column's own probability, is what must not exceed alpha.
    """
    ranges = sum(c.outside is not None for c in looks)
    attainable = [unseen_at_least(s, n, m, int(share * m) + 1) for s, n, m in (c.sizes for c in looks if c.sizes)]
    judged = []
    for c in looks:
        far = c.far if c.far > share and 2 * ranges * c.far_chance <= alpha else 0.0
        familywise = sum(min(a, c.unseen_chance) for a in attainable)
        new = c.sizes is not None and (c.unseen or 0) > share and familywise <= alpha
        judged.append(replace(c, far=far, unseen_chance=familywise if new else 1.0))
    return judged


def _is_new(c: _Look) -> bool:
    return c.unseen_chance < 1


# -- what is told ---------------------------------------------------------------------------------------------


def _names(train: Table, data: Table) -> list[str]:
    """Feature columns of the training table that the table lacks."""
    gone = [c for c in train.features.columns if c not in data.frame.columns]
    return [str(c) for c in gone if c not in (train.roles.time, data.roles.label)]


def _counts(looks: Sequence[_Look], pair: _Pair, lacking: Sequence[str]) -> dict[str, Any]:
    few = Undefined(f"Fewer than {LEAST_ROWS} rows do not tell which columns are constant or identifiers.")
    enough = pair.rows >= LEAST_ROWS
    alone = Undefined("There is no training table to compare with.")
    counts = {
        "out_of_range_columns": sum(c.far > 0 for c in looks),
        "new_category_columns": sum(map(_is_new, looks)),
        "changed_columns": sum(bool(c.changed) for c in looks),
        "missing_columns": len(lacking),
        "extra_columns": 0 if pair.train is None else len(_names(pair.data, pair.train)),
    }
    return {
        "constant_columns": sum(c.constant for c in looks) if enough else few,
        "identifier_columns": sum(bool(c.identifier) for c in looks) if enough else few,
        "mixed_columns": sum(c.mixed > 0 for c in looks),
        **(counts if pair.train is not None else dict.fromkeys(counts, alone)),
    }


def _findings(looks: Sequence[_Look], lacking: Sequence[str]) -> list[Finding]:
    found = []

    def add(kind: FindingKind, name: str, measure: str, value: float, text: str) -> None:
        found.append(Finding(kind, Subject(column=name), measure, value, f"Column {name!r} {text}."))

    for c in looks:
        if c.constant:
            add("constant", c.name, "constant_columns", 1.0, "holds one value only, or none")
        if c.identifier:
            add("identifier", c.name, "identifier_columns", 1.0, f"names the rows: {c.identifier}")
        if c.mixed > 0:
            add("mixed_type", c.name, "mixed_columns", c.mixed, f"holds {c.mixture} ({c.mixed:.2%} of its values)")
        if c.changed:
            add("mixed_type", c.name, "changed_columns", 1.0, f"holds {c.changed}")
        if c.far > 0:
            wide = f"outside the training range {c.limits[0]:.4g} to {c.limits[1]:.4g} by more than its width"
            add("out_of_range", c.name, "out_of_range_columns", c.far, f"has {c.far:.2%} of its values {wide}")
        if _is_new(c):
            named = f" ({c.example})" if c.example else ""
            text = f"has {c.unseen:.2%} of its values in categories that the training data lack{named}"
            add("new_category", c.name, "new_category_columns", c.unseen or 0.0, text)
    for name in lacking:
        add("missing_values", name, "missing_columns", 1.0, "is in the training data only")
    return found


def _table(looks: Sequence[_Look], lacking: Sequence[str]) -> DataTable:
    titles = ("column", "values", "constant", "identifier", "mixed", "outside training range", "unseen", "note")
    rows: list[tuple[Any, ...]] = [(name, None, None, None, None, None, None, "training data only") for name in lacking]
    worst = sorted(looks, key=lambda c: -_problems(c))
    rows += [
        (c.name, c.kind, c.constant, bool(c.identifier), c.mixed, c.outside, c.unseen, c.changed or c.mixture)
        for c in worst
    ]
    more = [(f"({len(rows) - MOST_LINES + 1} more)", *[None] * 7)] if len(rows) > MOST_LINES else []
    return DataTable(titles, [*rows[: MOST_LINES - len(more)], *more])


def _problems(c: _Look) -> int:
    return sum((c.constant, bool(c.identifier), c.mixed > 0, bool(c.changed), c.far > 0, _is_new(c)))
