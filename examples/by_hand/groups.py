"""How a classifier treats groups of people."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from fairlearn import metrics as fair
from hand_check import Hand, HandTable, HandText
from sklearn.metrics import accuracy_score, precision_score

from .case import Case
from .classes import CHANCE, clear_ece, ece, ece_by_chance, hand, limit_of_chance
from .intervals import EXACT, T, Three, mean, share, together, widest

Claims = dict[str, Any]
RATES = ("selection", "tpr", "fpr", "ppv", "accuracy")
JUDGED = ("tpr", "fpr")
BY_FAIRLEARN = {
    "selection": fair.selection_rate,
    "tpr": fair.true_positive_rate,
    "fpr": fair.false_positive_rate,
    "ppv": lambda t, s: precision_score(t, s, zero_division=0),
    "accuracy": accuracy_score,
}
FAMILY = f"fairlearn MetricFrame; {EXACT} (Bonferroni over the groups)"
PAIRS = f"fairlearn MetricFrame; Newcombe's interval of all pairs from {EXACT} (Bonferroni)"


class Rates:
    """The rates of a classifier in groups of rows."""

    def __init__(self, case: Case, groups: pd.Series, min_rows: int) -> None:
        self.groups, self.min_rows = groups, min_rows
        self.true = pd.Series(case.truth == case.positive)
        self.said = pd.Series(case.said == case.positive)
        known = groups.notna().to_numpy()
        self.names = sorted(groups.dropna().unique())
        self.frame = fair.MetricFrame(
            metrics=BY_FAIRLEARN, y_true=self.true[known], y_pred=self.said[known], sensitive_features=groups[known]
        )

    def hits(self, rate: str, name: str) -> np.ndarray:
        """Give the rows that the rate counts among, and which of them count."""
        inside = (self.groups == name).to_numpy()
        among, of = {
            "selection": (inside, self.said),
            "tpr": (inside & self.true, self.said),
            "fpr": (inside & ~self.true, self.said),
            "ppv": (inside & self.said, self.true),
            "accuracy": (inside, self.said == self.true),
        }[rate]
        return np.asarray(of[among], dtype=bool)

    def large(self, rate: str) -> list[str]:
        """Give the groups that are compared."""
        return [name for name in self.names if len(self.hits(rate, name)) >= self.min_rows]

    def family(self, rate: str, each: float) -> dict[str, Three]:
        """Give the rate of each group that is compared, at a confidence for each; the value must be fairlearn's."""
        found = {name: share(self.hits(rate, name), each) for name in self.large(rate)}
        for name, (value, *_) in found.items():
            assert abs(value - self.frame.by_group.loc[name, rate]) < 1e-12, (rate, name)
        return found

    def rate(self, rate: str) -> dict[str, Hand]:
        """Claim the rate of each group."""
        few = {
            name: Hand(None, reason=f"{rate} rests on {len(self.hits(rate, name))} rows", how="rows counted")
            for name in self.names
        }
        large = self.large(rate)
        family = self.family(rate, together(0.95, max(len(large), 1)))
        return few | {n: hand(e, len(self.hits(rate, n)), FAMILY) for n, e in family.items()}

    def gap(self, rate: str, alpha: float) -> dict[str, Hand]:
        """Claim gap, ratio and clear gap."""
        large = self.large(rate)
        if len(large) < 2:
            none = Hand(None, reason=f"No two groups have {self.min_rows} rows for {rate}", how="rows counted")
            return {"gap": none, "ratio": none, "clear_gap": none}
        n = sum(len(self.hits(rate, name)) for name in large)
        gap = widest(lambda c: self.family(rate, c), 0.95)
        clear = widest(lambda c: self.family(rate, c), 1 - alpha)
        return {
            "gap": hand(gap, n, PAIRS),
            "ratio": hand(self.ratio(rate), n, f"{FAMILY}; quotients of the ends"),
            "clear_gap": Hand(gap[0] if clear[1] > 0 else 0.0, how=PAIRS),
        }

    def ratio(self, rate: str) -> Three:
        """Give the lowest rate over the highest; both true ones lie between the lowest (highest) of the ends."""
        each = list(self.family(rate, together(0.95, len(self.large(rate)))).values())
        value = min(e[0] for e in each) / max(e[0] for e in each)
        low = min(e[1] for e in each) / max(e[2] for e in each)
        high = min(e[2] for e in each) / max(e[1] for e in each)
        return value, min(low, value), max(min(high, 1.0), value)

    def lines(self, rate: str) -> list[tuple[Any, ...]]:
        """Give the lines of the table of rates."""
        found = self.rate(rate)
        return [(n, rate, len(self.hits(rate, n)), found[n].value, found[n].low, found[n].high) for n in self.names]


def named(column: pd.Series) -> pd.Series:
    """Spell the groups of a column as conditions."""
    return (f"{column.name} = " + column.astype(object)).where(column.notna())


def group_rate_gap(case: Case, parameters: dict[str, Any]) -> Claims:
    """Compare rates by each sensitive column."""
    found: Claims = {}
    bars, lines, missing = [], [], []
    alpha = parameters["alpha"] / (len(case.sensitive) * len(JUDGED))
    for column in case.sensitive:
        rates = Rates(case, named(case.test[column]), parameters["min_rows"])
        for rate in RATES:
            gap = rates.gap(rate, alpha)
            for measure, claim in gap.items():
                if measure != "clear_gap" or rate in JUDGED:
                    found[f"{measure}[{column}: {rate}]"] = claim
            found |= {f"rate[{name}: {rate}]": claim for name, claim in rates.rate(rate).items()}
            bars += [(f"{column}: {rate}", gap["gap"].value, gap["gap"].low, gap["gap"].high)] * (
                gap["gap"].value is not None
            )
            lines += rates.lines(rate)
        gone = int(case.test[column].isna().sum())
        missing += [(f"{column} is missing", "left out", gone, None, None, None)] * bool(gone)
    return found | {
        "figure gaps": HandTable(bars, PAIRS),
        "figure rates": HandTable([*lines, *missing], FAMILY),
    }


def intersectional_gap(case: Case, parameters: dict[str, Any]) -> Claims:
    """Compare rates by the cells of all sensitive columns."""
    columns = [named(case.test[c]) for c in case.sensitive]
    cells = columns[0].str.cat(columns[1:], sep=" and ")
    rates = Rates(case, cells, parameters["min_rows"])
    alone = [Rates(case, c, parameters["min_rows"]) for c in columns]
    alpha = parameters["alpha"] / len(JUDGED)
    found: Claims = {}
    lines, spread = [], {}
    for rate in RATES:
        gap = rates.gap(rate, alpha)
        for measure, claim in gap.items():
            if measure != "clear_gap" or rate in JUDGED:
                found[f"{measure}[{rate}]"] = claim
        found |= {f"rate[{name}: {rate}]": claim for name, claim in rates.rate(rate).items()}
        if gap["gap"].value is None:
            found[f"added_gap[{rate}]"] = gap["gap"]
        else:
            widths = [g.value for r in alone if (g := r.gap(rate, alpha)["gap"]).value is not None]
            found[f"added_gap[{rate}]"] = Hand(gap["gap"].value - max(widths, default=0.0), how="gaps of the columns")
            spread[rate] = gap["gap"].value
        lines += rates.lines(rate)
    large = rates.large("accuracy")
    gone = int(cells.isna().sum())
    lines += [("a sensitive column is missing", "left out", gone, None, None, None)] * bool(gone)
    worst = max((r for r in JUDGED if r in spread), key=lambda r: spread[r])
    bars = [(n, c.value, c.low, c.high) for n, c in rates.rate(worst).items() if c.value is not None]
    return found | {
        "share_compared": Hand(float(cells.isin(large).mean()), how="rows counted"),
        "figure worst_rates": HandTable(sorted(bars, key=lambda b: b[1]), FAMILY),
        "figure cells": HandTable(lines, FAMILY),
    }


def group_calibration(case: Case, parameters: dict[str, Any]) -> Claims:
    """Compare probabilities with what came true, in each group."""
    p, happened = case.probabilities[case.positive].to_numpy(), case.truth == case.positive
    parts = {}
    for column in case.sensitive:
        groups = named(case.test[column])
        at = {name: (groups == name).to_numpy() for name in sorted(groups.dropna().unique())}
        parts[column] = {name: (p[rows], happened[rows]) for name, rows in at.items()}
    large = sum(len(said) >= parameters["min_rows"] for groups in parts.values() for said, _ in groups.values())
    alpha = parameters["alpha"] / large
    found: Claims = {}
    lines: list[tuple[Any, ...]] = []
    around = [0.0] * 8  # by column of the table of groups
    for column, groups in parts.items():
        bias, claims = _bias(column, groups, parameters, len(parts))
        found |= claims
        for name, (said, came) in groups.items():
            claims, chance = _errors(said, came, parameters, alpha) if name in bias else (_few(len(said)), (None,) * 3)
            if name in bias:
                claims["bias"] = hand(bias[name], len(said), f"{T} (Bonferroni over the groups)")
                around[6:] = [max(around[6], claims["ece_by_chance"].within), max(around[7], chance[2])]
            found |= {f"{measure}[{name}]": claim for measure, claim in claims.items()}
            errors = (claims["ece"].value, *chance[:2])
            lines.append((name, len(said), *bias.get(name, (None,) * 3), *errors))
    bars = [(line[0], *line[2:5]) for line in lines if line[2] is not None]
    how = f"as the measures; mean and limit of chance by {CHANCE} (within {around[6]:.2g} and {around[7]:.2g})"
    return found | {
        "figure biases": HandTable(bars, f"{T} (Bonferroni over the groups)"),
        "figure groups": HandTable(lines, how, within=around),
    }


def _bias(
    column: str, groups: Mapping[str, tuple[np.ndarray, np.ndarray]], parameters: dict[str, Any], columns: int
) -> tuple[dict[str, Three], Claims]:
    """Give the bias of each group that is large enough, and claim what is told of the gap between them."""
    shown = {n: said - came for n, (said, came) in groups.items() if len(said) >= parameters["min_rows"]}

    def biases(each: float) -> dict[str, Three]:
        return {name: mean(x, each, -1, 1) for name, x in shown.items()}

    gap, clear = widest(biases, 0.95), widest(biases, 1 - parameters["alpha"] / columns)
    bias = biases(together(0.95, len(shown)))
    least, most = (pick(shown, key=lambda name: bias[name][0]) for pick in (min, max))
    text = f"Where {most}, probabilities lie {gap[0]:.3f} [{gap[1]:.3f}, {gap[2]:.3f}] more above what comes true "
    how = f"Newcombe's interval of all pairs from {T} (Bonferroni)"
    return bias, {
        f"bias_gap[{column}]": hand(gap, sum(map(len, shown.values())), how),
        f"clear_gap[{column}]": Hand(gap[0] if clear[1] > 0 else 0.0, how=how),
        f"finding, {column}": HandText(
            f"{text}than where {least}; the interval allows for the groups searched.", "as the measures"
        ),
    }


def _few(rows: int) -> dict[str, Hand]:
    few = Hand(None, reason=f"There are {rows} rows", how="rows counted")
    return dict.fromkeys(("clear_ece", "ece", "ece_by_chance", "bias"), few)


def _errors(
    p: np.ndarray, happened: np.ndarray, parameters: dict[str, Any], alpha: float
) -> tuple[dict[str, Hand], tuple[float, ...]]:
    """Claim the errors of a group; give the mean and the limit of chance, and how far the latter may be off."""
    draws = max(parameters["simulations"], math.ceil(20 / alpha - 1e-9) - 1)  # the limit is the 20th largest
    error, drawn = ece(p, happened, parameters["bins"]), ece_by_chance(p, parameters["bins"])
    limit, around = limit_of_chance(drawn, draws, alpha)
    rank = math.floor(alpha * (draws + 1) + 1e-9)
    claims = {
        "clear_ece": clear_ece(p, happened, parameters["bins"], limit, around, draws, rank),
        "ece": Hand(error, how="pandas.cut"),
        "ece_by_chance": Hand(float(drawn.mean()), how=CHANCE, within=5 * float(drawn.std()) / math.sqrt(draws)),
    }
    return claims, (float(drawn.mean()), limit, around)


def counterfactual_flip(case: Case, parameters: dict[str, Any]) -> Claims:
    """Set race, and sex, to every other value and ask the model again."""
    found: Claims = {}
    bars, lines = [], []
    for column in case.sensitive:
        values = case.test[column]
        known = values.notna().to_numpy()
        flipped = np.zeros(len(values), dtype=bool)
        for value in sorted(values.dropna().unique()):
            other = known & (values != value).to_numpy()
            changed = other & (case.ask(case.test.assign(**{column: value})) != case.said)
            flipped |= changed
            lines.append((column, value, int(other.sum()), int(changed.sum()), *share(changed[other])))
        rate = share(flipped[known], together(0.95, len(case.sensitive)))
        found[f"flip_rate[{column}]"] = hand(rate, int(known.sum()), f"model asked again; {EXACT} (Bonferroni)")
        bars.append((column, *rate))
    return found | {
        "figure flips": HandTable(bars, EXACT),
        "figure values": HandTable(lines, f"model asked again; {EXACT}"),
    }
