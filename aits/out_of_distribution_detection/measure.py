"""How well scores tell the items that a model is for from items declared to be outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from qmtestbed.ait import Curve, DataTable, Estimate, Finding, Histogram, Images, Model, Subject, Table, Undefined
from qmtestbed.measuring.answers import groups_of, pooled_groups, values_of
from qmtestbed.measuring.drawing import half
from qmtestbed.measuring.families import simultaneous
from qmtestbed.measuring.imaging import box_resize
from qmtestbed.measuring.intervals import proportion
from qmtestbed.measuring.points import as_points, nearest
from qmtestbed.measuring.ranking import auc_interval
from qmtestbed.measuring.scatter import scatter_of

CONFIDENCE, NEIGHBOURS, MAHALANOBIS = "confidence", "knn", "mahalanobis"
SCORES = (CONFIDENCE, NEIGHBOURS, MAHALANOBIS)
TITLES = {
    CONFIDENCE: "1 - largest probability",
    NEIGHBOURS: "distance to the k-th nearest training item",
    MAHALANOBIS: "Mahalanobis distance to the nearest class",
}
LEAST = 10
GUESS = 0.5
POOLED = 8
"""Squares to a side that an image is reduced to before covariances are taken of it."""
BINS = 24
MOST_POINTS = 200


def measure(
    data: Table | Images,
    outside: Table | Images,
    model: Model | None = None,
    train: Table | Images | None = None,
    *,
    neighbours: int = 10,
    accepted: float = 0.95,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Score items inside and outside, and say how well each score ranks the outside ones higher.

    Parameters
    ----------
    data, outside
        Items that the model is for, and items declared to be none of them; labels are not needed.
    model
        A classifier that gives probabilities, for the score ``confidence``.
    train
        Reference in input space, for the scores ``knn`` and ``mahalanobis``.
    neighbours
        Which nearest training item's distance is taken; the last one where there are fewer.
    accepted
        Share of the items inside that a threshold is set to accept.
    confidence
        Of the two-sided intervals, which hold together for all scores.
    seed
        Of the half of ``data`` on which the threshold is set.

    Returns
    -------
    dict or Undefined
        AUROC in [0, 1], 0.5 for a score that tells nothing; shares in [0, 1]. Undefined without model and training
        data, or with fewer than 10 items of a kind.
    """
    if min(_length(data), _length(outside)) < LEAST:
        return Undefined(f"There are fewer than {LEAST} items inside or outside.")
    try:
        scores = _scores(data, outside, model, train, neighbours)
    except ValueError as error:  # of as_points: sizes or columns that do not fit
        return Undefined(f"The items can't be compared: {error}.")
    if not scores:
        return Undefined("There is neither a model nor training data to score the items with.")
    n = _length(data)
    groups = pooled_groups(*((groups_of(x), _length(x)) for x in (data, outside)))
    setting = half(n, None if groups is None else groups[:n], np.random.default_rng([seed, n]))
    if not setting.any():
        return Undefined("All items inside belong to one group, so that no threshold can be set on a part of them.")
    found = [_Score(name, s, n, groups, setting, accepted) for name, s in scores.items()]
    auroc = simultaneous({s.name: s.auroc for s in found}, confidence)
    missed = simultaneous({s.name: s.missed for s in found}, confidence)
    kept = simultaneous({s.name: s.kept for s in found}, confidence)
    return {
        "auroc": auroc,
        "false_acceptance": missed,
        "acceptance": kept,
        "roc": _roc(scores, n),
        "thresholds": _table(found, auroc, missed, kept),
        **{f"{name}_scores": _histogram(s, n, name) for name, s in scores.items()},
        "findings": _findings(auroc),
    }


@dataclass(frozen=True)
class _Score:
    """A score of all items, those inside (n of them) first, and which of these a threshold is set on.

    ``groups`` are of all items.
    """

    name: str
    values: np.ndarray
    n: int
    groups: np.ndarray | None
    setting: np.ndarray
    share: float

    @property
    def threshold(self) -> float:
        """Smallest score that accepts at least the share of the items it is set on."""
        return float(np.quantile(self.values[: self.n][self.setting], self.share, method="inverted_cdf"))

    def auroc(self, confidence: float) -> Estimate | Undefined:
        """Pairs of an item outside and one inside in which the former has the higher score."""
        return auc_interval(self.values, np.arange(len(self.values)) >= self.n, confidence, groups=self.groups)

    def missed(self, confidence: float) -> Estimate | Undefined:
        """Items outside that the threshold accepts."""
        return self._accepted(np.arange(self.n, len(self.values)), confidence)

    def kept(self, confidence: float) -> Estimate | Undefined:
        """Items inside that the threshold accepts, of those that it was not set on."""
        return self._accepted(np.flatnonzero(~self.setting), confidence)

    def _accepted(self, at: np.ndarray, confidence: float) -> Estimate | Undefined:
        own = None if self.groups is None else self.groups[at]
        return proportion(self.values[at] <= self.threshold, confidence, groups=own)


def _length(data: Table | Images) -> int:
    return len(values_of(data))


# -- scores ---------------------------------------------------------------------------------------------------


def _scores(
    data: Table | Images, outside: Table | Images, model: Model | None, train: Table | Images | None, neighbours: int
) -> dict[str, np.ndarray]:
    """Score all items, those inside first; higher is more outside."""
    found: dict[str, np.ndarray] = {}
    if model is not None:
        answers = [model.probabilities(values_of(x)) for x in (data, outside)]
        found[CONFIDENCE] = 1 - np.concatenate(answers).max(axis=1)
    if train is not None and _length(train) >= LEAST:
        reference = as_points(train)
        points = np.concatenate([as_points(x, train) for x in (data, outside)])
        if reference.shape[1]:
            found[NEIGHBOURS] = nearest(points, reference, min(neighbours, len(reference)))[0][:, -1]
        if not isinstance(train, Table):
            reference, points = (_pooled(p, train.pixels.shape[1:]) for p in (reference, points))
        distances = _mahalanobis(points, reference, _classes(train))
        if distances is not None:
            found[MAHALANOBIS] = distances
    return found


def _pooled(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Reduce images to means of squares, at most 8 to a side, so that their covariance can be told."""
    height, width = (min(POOLED, side) for side in shape[:2])
    return (
        box_resize(points.reshape(-1, *shape).astype(np.float32), height, width).reshape(len(points), -1).astype(float)
    )


def _classes(train: Table | Images) -> np.ndarray:
    """Code of the class of each training item; one class where there are no labels, or where they are numbers."""
    if train.labels is None:
        return np.zeros(_length(train), dtype=int)
    labels = pd.Series(np.asarray(train.labels, dtype=object))
    codes = pd.factorize(labels, use_na_sentinel=False)[0]
    return codes if codes.max() + 1 <= len(codes) / LEAST else np.zeros(len(codes), dtype=int)


def _mahalanobis(points: np.ndarray, reference: np.ndarray, classes: np.ndarray) -> np.ndarray | None:
    """Distance to the nearest class mean, with one covariance around the means for all classes (Lee et al.)."""
    if not reference.shape[1]:
        return None
    means = np.stack([reference[classes == c].mean(axis=0) for c in range(classes.max() + 1)])
    scatter = scatter_of(reference, means[classes])
    return None if scatter is None else np.min([scatter.distances(points - m) for m in means], axis=0)


# -- what is shown --------------------------------------------------------------------------------------------


def _roc(scores: dict[str, np.ndarray], inside: int) -> Curve:
    """Share of outside items that are told, by the share of inside ones that are called outside too."""
    series = {}
    for name, s in scores.items():
        every = np.unique(s)[::-1]
        if len(every) > MOST_POINTS:
            every = every[np.unique(np.linspace(0, len(every) - 1, MOST_POINTS).round().astype(int))]
        parts = [np.sort(part) for part in (s[:inside], s[inside:])]
        told = [[(len(p) - np.searchsorted(p, t, side="left")) / len(p) for p in parts] for t in every]
        series[name] = [(0.0, 0.0), *((float(a), float(b)) for a, b in told)]
    series["guess"] = [(0.0, 0.0), (1.0, 1.0)]
    return Curve(
        series, x_title="share of inside items called outside", y_title="share of outside items called outside"
    )


def _histogram(scores: np.ndarray, inside: int, name: str) -> Histogram:
    parts = {"inside": scores[:inside], "outside": scores[inside:]}
    low, high = float(scores.min()), float(scores.max())
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    shares = {n: (np.histogram(p, edges)[0] / len(p)).tolist() for n, p in parts.items()}
    return Histogram(edges.tolist(), shares, x_title=TITLES[name])


def _table(found: list[_Score], *measured: dict[str, Estimate | Undefined]) -> DataTable:
    def value(e: Estimate | Undefined) -> float | None:
        return e.value if isinstance(e, Estimate) else None

    rows = [(s.name, TITLES[s.name], s.threshold, *(value(m[s.name]) for m in measured)) for s in found]
    return DataTable(("score", "what it is", "threshold", "AUROC", "outside accepted", "inside accepted"), rows)


def _findings(auroc: dict[str, Estimate | Undefined]) -> list[Finding]:
    return [
        Finding(
            "no_gain",
            Subject(slice=name),
            "auroc",
            e.value,
            f"Of pairs of an item outside and one inside, the score {name} ranks {e.value:.1%} rightly "
            f"({e.low:.1%} to {e.high:.1%}); a guess would rank half of them so.",
        )
        for name, e in auroc.items()
        if isinstance(e, Estimate) and e.low <= GUESS
    ]
