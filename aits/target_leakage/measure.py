"""Whether a column tells the label almost alone, far better than all other columns do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from qmtestbed.ait import Bars, DataTable, Finding, Subject, Table, Undefined
from qmtestbed.measuring.columns import names_of
from qmtestbed.measuring.telling import Column, Target, column_of, labels_of, ranked, target_of, told_by_model

MOST_CELLS = 6_000_000
ROWS_AT_LEAST = 2_000
CLOSER = 0.6
"""A column whose quick power is less is not looked at more closely."""
MOST_CLOSER = 8
TELLS = 0.8
"""A column of less power is no leak, whatever the others do."""
TWIN = 0.95
"""Columns that clearly tell more than this each are leaks or none together: one can't stand out beside another."""
SURELY = 0.9
"""What the lower end of the interval must be for that."""
TIMES = 4
"""The next column must leave so many times the error."""
ALPHA = 0.005
MOST_REST = 60
ROWS_OF_REST = 2_500
MOST_LINES = 40


def measure(
    data: Table, train: Table | None = None, *, rows: int = 20_000, seed: int = 0
) -> dict[str, Any] | Undefined:
    """Ask of each column, in each table by itself, how well it tells the label, and whether it stands out.

    Parameters
    ----------
    data, train
        Tables with labels; of the two, the one where a column tells more counts.
    rows
        How many rows of each table are taken at most, drawn at random; fewer from 300 columns on.
    seed
        Of the rows, the folds and the models.

    Returns
    -------
    dict or Undefined
        Shares of the error in [0, 1]: 0 for a column that tells nothing, 1 for one that tells the label without fail.
        Undefined if no table has columns and 30 labelled rows of two classes or numbers.
    """
    tables = {"test": data} | ({} if train is None else {"training": train})
    looks = {name: _look(table, rows, seed) for name, table in tables.items()}
    reasons = {name: look for name, look in looks.items() if isinstance(look, str)}
    seen = {name: look for name, look in looks.items() if not isinstance(look, str)}
    if not seen:
        return Undefined(" ".join(f"In the {name} data: {why}" for name, why in reasons.items()))
    columns = list(dict.fromkeys(c for look in seen.values() for c in look.power))
    best = {c: max((n for n in seen if c in seen[n].power), key=lambda n: _worth(seen[n], c)) for c in columns}
    power = {c: seen[best[c]].power[c] for c in columns}
    order = max(seen, key=lambda n: seen[n].order)
    told = sorted(columns, key=lambda c: -power[c])[:MOST_LINES]
    leak = {c: seen[best[c]].leak.get(c, 0.0) for c in columns}
    findings = [_finding(c, best[c], seen[best[c]]) for c, x in leak.items() if not isinstance(x, Undefined) and x]
    return {
        "leak": leak,
        "power": power,
        "order_power": seen[order].order,
        "examined_rows": sum(look.rows for look in seen.values()),
        "powers": Bars(told, [power[c] for c in told]),
        "columns": _table(told, best, seen, reasons),
        "findings": [*findings, *_sorted(order, seen[order])],
    }


# -- one table ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Look:
    """What was seen in one table, by column.

    ``others`` is what all other columns tell together, and ``by`` in which form a column tells; both of the columns
    that were looked at for standing out only.
    """

    power: Mapping[str, float]
    leak: Mapping[str, float | Undefined]
    others: Mapping[str, float]
    by: Mapping[str, str]
    order: float
    rows: int
    rare: int


def _worth(look: _Look, column: str) -> tuple[float, float]:
    """Sort what two tables say of a column: it stands out, before it can't be told, before it does not."""
    leak = look.leak.get(column, 0.0)
    return 0.5 if isinstance(leak, Undefined) else leak, look.power[column]


def _look(table: Table, rows: int, seed: int) -> _Look | str:
    """Look at one table, or say why not."""
    rng = np.random.default_rng(seed)
    features = table.features
    if table.labels is None or not len(features.columns):
        return "There are no labels." if table.labels is None else "There are no columns."
    positions = np.flatnonzero(table.labels.notna().to_numpy())
    most = min(rows, max(ROWS_AT_LEAST, MOST_CELLS // len(features.columns)))
    if len(positions) > most:
        positions = np.sort(rng.choice(positions, size=most, replace=False))
    labels = labels_of(table.labels.iloc[positions], table.roles)
    if isinstance(labels, str):
        return labels
    positions = positions[labels.kept]
    target = target_of(labels, rng, _units(table, positions))
    taken = features.iloc[positions]
    views = {str(c): column_of(taken.iloc[:, i]) for i, c in enumerate(taken.columns)}
    losses = _powers(views, target)
    power = {c: _power(loss) for c, loss in losses.items()}
    leak, others = _standing_out(views, losses, power, target, seed)
    by = {c: _form(views[c], power[c], target) for c in leak}
    order = _power(ranked(positions.astype(float)).losses(target))
    return _Look(power, leak, others, by, order, len(positions), labels.rare)


def _units(table: Table, positions: np.ndarray) -> np.ndarray | None:
    if table.roles.group is None:
        return None
    found = pd.factorize(names_of(table.frame[table.roles.group].iloc[positions]))[0]
    alone = found < 0  # a row without a group is one by itself
    return np.asarray(pd.factorize(np.where(alone, -1 - np.arange(len(found)), found))[0])


def _power(loss: np.ndarray) -> float:
    return min(max(1 - float(loss.mean()), 0.0), 1.0)


def _powers(views: Mapping[str, Column], target: Target) -> dict[str, np.ndarray]:
    """Give the losses of each column; the few that tell most are looked at more closely."""
    losses = {c: view.losses(target) for c, view in views.items()}
    for c in sorted(losses, key=lambda c: float(losses[c].mean()))[:MOST_CLOSER]:
        if 1 - losses[c].mean() > CLOSER:
            losses[c] = views[c].closer(target)
    return losses


def _form(view: Column, power: float, target: Target) -> str:
    """Say by what a column tells."""
    if _power(view.gaps(target)) >= 0.9 * power:
        return "by where it is missing"
    return "by the order of its values" if view.by_value and _power(view.values(target)) < 0.9 * power else "by value"


# -- what stands out ------------------------------------------------------------------------------------------


def _standing_out(
    views: Mapping[str, Column], losses: Mapping[str, np.ndarray], power: Mapping[str, float], target: Target, seed: int
) -> tuple[dict[str, float | Undefined], dict[str, float]]:
    """Give the power of the columns that stand out (0: it does not), and what all others tell together.

    Columns that tell nearly everything are taken together, as several leaks must not hide each other.
    """
    ranked = sorted(power, key=lambda c: -power[c])
    twins = [c for c in ranked if power[c] >= TWIN and target.lowest_power(losses[c]) >= SURELY]
    chosen = twins or [c for c in ranked[:1] if power[c] >= TELLS]
    others = [c for c in ranked if c not in set(chosen)]
    if not chosen or not others:
        reason = "It tells nearly everything, and there is no other column to compare it with."
        return {c: Undefined(reason) for c in chosen}, {}
    chosen = [c for c in chosen if TIMES * (1 - power[c]) <= 1 - power[others[0]]]
    if not chosen:
        return {}, {}
    rng = np.random.default_rng(seed)
    n = len(target.y)
    rows = np.arange(n) if n <= ROWS_OF_REST else np.sort(rng.choice(n, size=ROWS_OF_REST, replace=False))
    forms = (views[c] for c in others[:MOST_REST])
    ranks = np.column_stack([view.ranks()[rows] for view in forms])
    part = target.take(rows)
    rest = told_by_model(ranks, part, seed)
    leak: dict[str, float | Undefined] = {}
    for c in chosen:
        gain = rest - losses[c][rows] * (part.cost / target.cost[rows])
        clear = gain.mean() > norm.isf(ALPHA / 2 / len(views)) * part.error(gain)
        leak[c] = power[c] if clear else 0.0
    return leak, dict.fromkeys(chosen, _power(rest))


# -- what is told ---------------------------------------------------------------------------------------------


def _finding(column: str, table: str, look: _Look) -> Finding:
    text = (
        f"Column {column!r} alone removes {look.power[column]:.1%} of the error of telling the label "
        f"({look.by[column]}, in the {table} data); all other columns together remove {look.others[column]:.1%}."
    )
    return Finding("leak", Subject(column=column), "leak", look.power[column], text)


def _sorted(table: str, look: _Look) -> list[Finding]:
    if look.order < TELLS:
        return []
    text = (
        f"The position of a row in the {table} data alone removes {look.order:.1%} of the error of telling the label."
    )
    return [Finding("leak", Subject(column="(position of the row)"), "order_power", look.order, text)]


def _table(
    told: Sequence[str], best: Mapping[str, str], seen: Mapping[str, _Look], reasons: Mapping[str, str]
) -> DataTable:
    lines: list[tuple[Any, ...]] = []
    for c in told:
        look = seen[best[c]]
        lines.append(
            (c, look.power[c], best[c], look.by.get(c, ""), look.others.get(c), c in look.others and look.leak[c] != 0)
        )
    notes = [f"{n} data: {look.rare} classes of too few rows left out" for n, look in seen.items() if look.rare]
    notes += [f"{n} data not looked at: {why}" for n, why in reasons.items()]
    titles = ("column", "share of error removed", "in the data", "how", "by all others together", "stands out")
    return DataTable(titles, [*lines, *((f"({note})", *[None] * 5) for note in notes)])
