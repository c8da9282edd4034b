"""By hand: what single columns tell of the label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from hand_check import HandTable
from sklearn.tree import DecisionTreeClassifier

from by_hand.base import Case, Found, bars, checks, plain

FOLDS, BINS, PER_BIN = 5, 64, 10


@checks("target_leakage")
def target_leakage(case: Case) -> Found:
    """Each column cut into bins of like size, each bin says what most of the other folds have; folds as numpy draws."""
    run = case.run
    looks = {"test": _Look(run.x, run.y, case.seed), "training": _Look(run.train_x, run.train_y, case.seed)}
    for look in looks.values():
        first, second = sorted(look.power.values(), reverse=True)[:2]
        assert first < 0.95, "several columns that tell nearly all are not looked at by hand"
        assert first < 0.8 or 4 * (1 - first) > 1 - second, "a column that stands out is not looked at by hand"
    best = {c: max(looks, key=lambda t: looks[t].power[c]) for c in run.x}
    power = {c: plain(looks[best[c]].power[c], "bins by numpy; sklearn tree for those that tell most") for c in run.x}
    told = sorted(run.x, key=lambda c: -(power[c].value or 0))[:40]
    rows = [[c, power[c].value, best[c], "", None, "no"] for c in told]
    return {
        **{f"power[{c}]": e for c, e in power.items()},
        **{f"leak[{c}]": plain(0, "no column leaves a quarter of the error of the next") for c in run.x},
        "order_power": plain(max(look.order for look in looks.values()), "the same with the positions of the rows"),
        "examined_rows": plain(len(run.x) + len(run.train_x), "counted"),
        "figure powers": bars([(c, power[c]) for c in told]),
        "figure columns": HandTable(rows, "as the measures"),
    }


@dataclass
class _Look:
    """Share of the balanced error that each column of a table removes on rows held out."""

    x: pd.DataFrame
    labels: np.ndarray
    seed: int

    def __post_init__(self) -> None:
        n = len(self.labels)
        self.y, names = pd.factorize(self.labels)
        rng = np.random.default_rng(self.seed)
        order = np.lexsort((rng.random(n), self.y))
        self.fold = np.empty(n, dtype=int)
        self.fold[order] = (np.arange(n) + rng.integers(FOLDS)) % FOLDS
        self.cost = n / np.bincount(self.y)[self.y] / (len(names) - 1)
        loss = {c: self._by_bins(self.x[c].to_numpy()) for c in self.x}
        for c in sorted(loss, key=lambda c: loss[c])[:8]:
            if 1 - loss[c] > 0.6:
                loss[c] = min(loss[c], self._by_tree(self.x[c].to_numpy()))
        self.power = {c: min(max(1 - v, 0.0), 1.0) for c, v in loss.items()}
        self.order = min(max(1 - self._by_bins(np.arange(n, dtype=float)), 0.0), 1.0)

    def _mean_loss(self, told: np.ndarray) -> float:
        classes = self.y.max() + 1
        lost = np.where(told == self.y, 0.0, self.cost)
        return float(np.where(told < 0, self.cost * (1 - 1 / classes), lost).mean())

    def _by_bins(self, x: np.ndarray) -> float:
        values = np.sort(x)
        edges = np.unique(values)
        if len(edges) > BINS:
            bins = min(BINS, len(x) // PER_BIN)
            edges = np.unique(values[(np.arange(1, bins) / bins * len(x)).astype(int)])
        codes = np.digitize(x, edges)
        told = np.full(len(x), -1)
        for f in range(FOLDS):
            out = self.fold == f
            for b in np.unique(codes[out]):
                inside = ~out & (codes == b)
                counts = np.bincount(self.y[inside], minlength=self.y.max() + 1)
                all_of_class = np.bincount(self.y[~out], minlength=self.y.max() + 1)
                if counts.any():
                    told[out & (codes == b)] = int(np.argmax(counts / all_of_class))
        return self._mean_loss(told)

    def _by_tree(self, x: np.ndarray) -> float:
        ranks = pd.Series(x).rank(method="dense").to_numpy()[:, None]
        told = np.full(len(x), -1)
        for f in range(FOLDS):
            out = self.fold == f
            leaf = max(5, int((~out).sum()) // 200)
            tree = DecisionTreeClassifier(
                min_samples_leaf=leaf, max_leaf_nodes=256, class_weight="balanced", random_state=0
            )
            told[out] = tree.fit(ranks[~out], self.y[~out]).predict(ranks[out])
        return self._mean_loss(told)
