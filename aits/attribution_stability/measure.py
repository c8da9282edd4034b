"""Whether an explanation that is made again, with other random numbers, ranks the columns in the same order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from qmtestbed.ait import Bars, DataTable, Estimate, Finding, Model, Subject, Table, Undefined
from qmtestbed.measuring.answers import is_classifier
from qmtestbed.measuring.attribution import coalitions, credits_of, draw_orders, rank_correlation
from qmtestbed.measuring.intervals import clopper_pearson, mean_interval
from qmtestbed.measuring.screening import strongest

MOST_SHOWN = 40


def measure(
    model: Model,
    data: Table,
    *,
    rows: int = 200,
    repeats: int = 60,
    columns: int = 30,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Attribute the model's answers to the columns again and again, and compare the rankings pair by pair.

    Parameters
    ----------
    model
        A classifier, or a model of numbers.
    data
        Rows to explain; labels are not needed.
    rows
        How many rows one explanation rests on.
    repeats
        How many explanations are made, each with random numbers of its own; an odd one is left out of the pairs.
    columns
        At most so many are ranked: those whose blocks change most answers together.
    confidence
        Of the two-sided intervals.
    seed
        The explanations' seeds are made from it.

    Returns
    -------
    dict or Undefined
        ``rank_agreement`` and its weighted form in [-1, 1], ``top_agreement`` in [0, 1] and the mean attribution of
        each column; undefined with fewer than two columns, or where the model says the same to every row.
    """
    every = list(data.features.columns)
    if not len(data.frame) or len(every) < 2:
        return Undefined("The table has no row." if len(every) > 1 else "A ranking needs two columns.")
    answers = np.asarray(model.predict(data.frame))
    if (answers == answers[0]).all():
        return Undefined("The model says the same to every row, so that there is nothing to attribute.")
    case = _Case(model, data.frame, answers)
    chosen = strongest(every, columns, lambda block: case.moved(block, seed), np.random.default_rng([seed, len(every)]))
    made = np.array([case.explain(chosen, rows, np.random.default_rng([seed, k, 1])) for k in range(repeats)])
    first, second = made[0 : repeats - 1 : 2], made[1:repeats:2]
    plain, weighted = (
        [rank_correlation(a, b, weighted=w) for a, b in zip(first, second, strict=True)] for w in (False, True)
    )
    if all(tau is None for tau in plain):
        return Undefined("No explanation tells one column from another.")
    names = [str(c) for c in chosen]
    agreement, of_top = (
        mean_interval([tau or 0.0 for tau in taus], confidence, low=-1.0, high=1.0) for taus in (plain, weighted)
    )
    same_top = int((first.argmax(axis=1) == second.argmax(axis=1)).sum())
    return {
        "rank_agreement": agreement,
        "weighted_rank_agreement": of_top,
        "top_agreement": clopper_pearson(same_top, len(plain), confidence),
        "attribution": dict(zip(names, made.mean(axis=0).tolist(), strict=True)),
        "columns_left_out": len(every) - len(chosen),
        "attribution_by_column": _bars(names, made),
        "ranks": _ranks(names, made),
        "findings": _findings(names, made, {"rank_agreement": agreement, "weighted_rank_agreement": of_top}),
    }


@dataclass(frozen=True)
class _Case:
    """The model, the rows, and what it says to them."""

    model: Model
    frame: pd.DataFrame
    answers: np.ndarray

    def moved(self, block: Sequence[Any], seed: int) -> float:
        """How much other rows' values in these columns change the answers."""
        rng = np.random.default_rng([seed, len(block), len(self.frame)])
        here, there = rng.integers(len(self.frame), size=(2, min(len(self.frame), 500)))
        frame = self.frame.iloc[here].reset_index(drop=True)
        for column in block:
            frame[column] = self.frame[column].iloc[there].reset_index(drop=True)
        return float(self._loss(frame, here).mean())

    def explain(self, columns: Sequence[Any], rows: int, rng: np.random.Generator) -> np.ndarray:
        """Mean Shapley values of the columns, (columns,), over rows drawn with replacement."""
        here, there = rng.integers(len(self.frame), size=(2, rows))
        orders = draw_orders(rows, len(columns), rng)
        inside = coalitions(orders)
        steps = inside.shape[1]
        frame = self.frame.iloc[np.repeat(here, steps)].reset_index(drop=True)
        for j, column in enumerate(columns):
            taken = np.where(inside[:, :, j], here[:, None], there[:, None]).ravel()
            frame[column] = self.frame[column].iloc[taken].reset_index(drop=True)
        loss = self._loss(frame, np.repeat(here, steps)).reshape(rows, steps)
        return np.asarray(credits_of(-loss, orders).mean(axis=0))

    def _loss(self, frame: pd.DataFrame, of: np.ndarray) -> np.ndarray:
        """Whether each answer differs from the row's own; for numbers the squared difference / twice the variance."""
        said = np.asarray(self.model.predict(frame))
        if is_classifier(self.model):
            return np.asarray(said != self.answers[of], dtype=float)
        return np.asarray((said - self.answers[of]) ** 2 / (2 * float(np.var(self.answers))))


def _by_size(made: np.ndarray) -> np.ndarray:
    return np.argsort(-made.mean(axis=0), kind="stable")[:MOST_SHOWN]


def _places(made: np.ndarray) -> np.ndarray:
    """Rank of each column in each explanation, 1 for the highest; equal ones share the mean of their ranks."""
    return np.asarray(pd.DataFrame(made).rank(axis=1, ascending=False))


def _bars(names: Sequence[str], made: np.ndarray) -> Bars:
    at = _by_size(made)
    low, high = np.quantile(made, [0.05, 0.95], axis=0)
    mean = made.mean(axis=0)
    low, high = np.minimum(low, mean), np.maximum(high, mean)
    return Bars([names[i] for i in at], mean[at].tolist(), low[at].tolist(), high[at].tolist())


def _ranks(names: Sequence[str], made: np.ndarray) -> DataTable:
    places = _places(made)
    lines = [[names[i], float(made[:, i].mean()), float(places[:, i].min()), float(places[:, i].max())]
             for i in _by_size(made)]  # fmt: skip
    return DataTable(["column", "mean attribution", "best rank", "worst rank"], lines)


def _findings(names: Sequence[str], made: np.ndarray, agreement: Mapping[str, Estimate | Undefined]) -> list[Finding]:
    """Name the column whose rank varies most."""
    places = _places(made)
    widths = np.ptp(places, axis=0)
    at = int(widths.argmax())
    if not widths[at]:
        return []
    text = (
        f"Column {names[at]!r} ranks from {places[:, at].min():g} to {places[:, at].max():g} of {len(names)} in "
        f"{len(made)} explanations of the same model."
    )
    return [
        Finding("instability", Subject(column=names[at]), measure, e.value, text)
        for measure, e in agreement.items()
        if isinstance(e, Estimate)
    ]
