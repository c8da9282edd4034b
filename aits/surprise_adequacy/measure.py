"""How surprising test items are to a network, and how evenly they are spread over the surprises of its training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from qmtestbed.ait import DataTable, Estimate, Histogram, Images, Model, Table, Undefined
from qmtestbed.measuring.activations import Traces, traces_of
from qmtestbed.measuring.answers import groups_of, is_classifier, values_of
from qmtestbed.measuring.drawing import some
from qmtestbed.measuring.intervals import median_interval, proportion
from qmtestbed.measuring.surprise import distance_surprise, likelihood_surprise, mahalanobis_surprise

KINDS: dict[str, Callable[..., np.ndarray]] = {
    "lsa": likelihood_surprise,
    "dsa": distance_surprise,
    "mdsa": mahalanobis_surprise,
}
TITLES = {
    "lsa": "likelihood-based surprise (nats)",
    "dsa": "distance-based surprise (ratio)",
    "mdsa": "Mahalanobis distance-based surprise",
}
LEAST = 20
HELD_OUT = 0.2
USUAL = 0.95
"""Of the training items held out so large a share is usual; what is more surprising is not."""
BINS = 24
STILL = 1e-5
"""A unit whose variance in training is below this is left out, as Kim and others do."""


def measure(
    model: Model,
    data: Table | Images,
    train: Table | Images,
    *,
    layer: int = 0,
    buckets: int = 50,
    reference: int = 4000,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Compare the activation traces of test items with those of training items that get the same answer.

    Parameters
    ----------
    model
        A PyTorch network, or a multilayer perceptron of scikit-learn.
    data, train
        Items to test with, and those that the network has learnt from; labels are not needed.
    layer
        Which hidden layer, counted from 1 at the input; 0 for the last one.
    buckets
        How many intervals of one width the range of a score is cut into.
    reference
        At most so many training items are compared with; more are sampled.
    confidence
        Of the two-sided intervals.
    seed
        Of the samples of training items.

    Returns
    -------
    dict or Undefined
        By score (lsa, dsa, mdsa) shares in [0, 1] and medians; undefined for other models, networks without that
        layer, and with fewer than 20 training or no test items.
    """
    cut = _traces(model, data, train, layer, reference, seed)
    if isinstance(cut, Undefined):
        return cut
    scores = {name: _scored(name, cut, is_classifier(model)) for name in KINDS}
    groups = groups_of(data)
    found = {n: s if isinstance(s, Undefined) else _Found(n, *s, buckets, groups) for n, s in scores.items()}

    def of(ask: Callable[[_Found], Any]) -> dict[str, Any]:
        return {n: f if isinstance(f, Undefined) else ask(f) for n, f in found.items()}

    return {
        "surprise_coverage": of(lambda f: f.coverage),
        "unusual_share": of(lambda f: f.unusual(confidence)),
        "median_surprise": of(lambda f: median_interval(f.test, confidence, groups=f.kept_groups)),
        "unscored_share": of(lambda f: float(1 - f.there.mean())),
        **{f"{n}_histogram": f.histogram() for n, f in found.items() if isinstance(f, _Found)},
        "details": _table(cut, [f for f in found.values() if isinstance(f, _Found)]),
    }


@dataclass(frozen=True)
class _Cut:
    """Traces and answers of test items, of the reference, and of training items that are held out of it."""

    name: str
    test: tuple[np.ndarray, np.ndarray]
    reference: tuple[np.ndarray, np.ndarray]
    held_out: tuple[np.ndarray, np.ndarray]


def _traces(
    model: Model, data: Table | Images, train: Table | Images, layer: int, most: int, seed: int
) -> _Cut | Undefined:
    rng = np.random.default_rng([seed, 0])
    total = len(values_of(train))
    if total < LEAST:
        return Undefined(f"There are {total} training items; {LEAST} or more are needed.")
    chosen = some(total, most, rng)
    ours, theirs = traces_of(model, data), traces_of(model, _part(train, chosen))
    for found in (ours, theirs):
        if isinstance(found, Undefined):
            return found
    if layer > len(ours.layers):
        return Undefined(f"There is no hidden layer {layer}; the network has {len(ours.layers)}.")
    at = layer - 1 if layer else len(ours.layers) - 1
    (x, answers), (seen, given) = (_of_layer(t, at) for t in (ours, theirs))
    if x.shape[1] != seen.shape[1]:
        return Undefined("The layer is of another size for the test items than for the training items.")
    moving = seen.var(axis=0) >= STILL
    if not moving.any():
        return Undefined("No unit of the layer varies over the training items.")
    apart = np.zeros(len(seen), dtype=bool)
    apart[rng.choice(len(seen), max(1, round(HELD_OUT * len(seen))), replace=False)] = True
    held, kept = ((seen[p][:, moving], given[p]) for p in (apart, ~apart))
    return _Cut(ours.layers[at].name, (x[:, moving], answers), kept, held)


def _part(data: Table | Images, at: np.ndarray) -> Table | Images:
    if isinstance(data, Table):
        return Table(data.frame.iloc[at], None, data.roles)
    return Images(data.pixels[at], None, None, data.range)


def _of_layer(traces: Traces, at: int) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(traces.layers[at].values, dtype=np.float64), np.asarray(traces.answers, dtype=object)


def _scored(name: str, cut: _Cut, classes: bool) -> tuple[np.ndarray, np.ndarray] | Undefined:
    """Scores of the test items and of those held out; a model that answers numbers gives one answer to all."""
    given = cut.reference[1] if classes else _one(cut.reference[1])
    score = partial(KINDS[name], reference=cut.reference[0], given=given)
    if name == "dsa" and len(set(given.tolist())) < 2:
        return Undefined("There are no two answers whose distance could be compared.")
    test, held = (score(x, answers if classes else _one(answers)) for x, answers in (cut.test, cut.held_out))
    if not np.isfinite(test).any() or not np.isfinite(held).any():
        return Undefined("No test item, or none of the training, has an answer that enough training items have.")
    return test, held


def _one(answers: np.ndarray) -> np.ndarray:
    return np.full(len(answers), "", dtype=object)


@dataclass(frozen=True)
class _Found:
    """One score of the test items and of the training items held out; NaN where there is none."""

    name: str
    scores: np.ndarray
    training: np.ndarray
    buckets: int
    groups: np.ndarray | None

    @property
    def there(self) -> np.ndarray:
        return np.isfinite(self.scores)

    @property
    def test(self) -> np.ndarray:
        return np.asarray(self.scores[self.there])

    @property
    def kept_groups(self) -> np.ndarray | None:
        return None if self.groups is None else np.asarray(self.groups[self.there])

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest score of the training items held out."""
        known = self.training[np.isfinite(self.training)]
        return float(known.min()), float(known.max())

    @property
    def limit(self) -> float:
        """Score that so large a share of the training items held out do not pass."""
        return float(np.quantile(self.training[np.isfinite(self.training)], USUAL, method="inverted_cdf"))

    @property
    def coverage(self) -> float | Undefined:
        """Share of the buckets between the bounds that hold a test item."""
        low, high = self.bounds
        if not high > low:
            return Undefined("All training items that were held out are equally surprising.")
        inside = self.test[(self.test >= low) & (self.test <= high)]
        place = np.minimum(((inside - low) / (high - low) * self.buckets).astype(int), self.buckets - 1)
        return len(np.unique(place)) / self.buckets

    def unusual(self, confidence: float) -> Estimate | Undefined:
        """Share of the test items that are more surprising than is usual among the training items held out."""
        return proportion(self.test > self.limit, confidence, groups=self.kept_groups)

    def histogram(self) -> Histogram:
        """Shares of test and of training items; what is far beyond the bounds stands in the outermost bins."""
        low, high = self.bounds
        width = high - low if high > low else 1.0
        start = low - width / 4
        edges = np.linspace(start if low < 0 else max(start, 0.0), high + width / 2, BINS + 1)
        parts = {"test items": self.test, "training items held out": self.training[np.isfinite(self.training)]}
        shares = {
            n: (np.histogram(np.clip(x, edges[0], edges[-1]), edges)[0] / len(x)).tolist() for n, x in parts.items()
        }
        return Histogram(edges.tolist(), shares, x_title=TITLES[self.name])


def _table(cut: _Cut, found: list[_Found]) -> DataTable:
    of_all = (cut.name, cut.test[0].shape[1], len(cut.reference[0]), len(cut.held_out[0]))
    rows = [(f.name, *of_all, *f.bounds, f.limit, len(f.test)) for f in found]
    items = ("training items compared with", "training items held out")
    limits = ("lower bound", "upper bound", f"limit of {USUAL:.0%}")
    return DataTable(("score", "layer", "units that vary", *items, *limits, "test items with a score"), rows)
