"""How much of what a network's units can do a set of test items makes them do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmtestbed.ait import Bars, Curve, DataTable, Images, Model, Table, Undefined
from qmtestbed.measuring.activations import Layer, traces_of
from qmtestbed.measuring.answers import groups_of
from qmtestbed.measuring.intervals import proportion
from qmtestbed.measuring.neurons import Ranges, above_threshold, among_top, ranges_of, sections_hit

GRID = tuple(k / 20 for k in range(20))
"""Thresholds of the curve."""
MOST_BARS = 20


def measure(
    model: Model,
    data: Table | Images,
    train: Table | Images,
    *,
    thresholds: Sequence[float] = (0.25, 0.5, 0.75),
    sections: int = 10,
    top: int = 2,
    confidence: float = 0.95,
) -> dict[str, Any] | Undefined:
    """Let the network answer test and training items, and count what its hidden units did.

    Parameters
    ----------
    model
        A PyTorch network, or a multilayer perceptron of scikit-learn.
    data, train
        Items to test with, and those that the ranges of the units are taken from; labels are not needed.
    thresholds
        Of neuron coverage, in [0, 1): the keys of the measure.
    sections
        Into how many a unit's range is cut.
    top
        How many units of a layer count as its most active ones for an item.
    confidence
        Of the two-sided interval of the share of items.

    Returns
    -------
    dict or Undefined
        Shares of units (of sections, of corners) in [0, 1]; undefined for other models, networks without a hidden
        layer, and without items.
    """
    if not all(0 <= t < 1 for t in thresholds) or len(set(thresholds)) < len(thresholds):
        raise ValueError(f"thresholds must be different numbers, 0 or more and below 1; found {list(thresholds)}")
    ours, theirs = traces_of(model, data), traces_of(model, train)
    for found in (ours, theirs):
        if isinstance(found, Undefined):
            return found
    layers = [_Seen(a, ranges_of(b.values)) for a, b in zip(ours.layers, theirs.layers, strict=True)]
    if any(len(a.ranges.low) != a.layer.values.shape[1] for a in layers):
        return Undefined("The layers are of other sizes for the test items than for the training items.")
    units = sum(s.units for s in layers)
    varying = sum(int(s.ranges.vary.sum()) for s in layers)
    out = np.any([s.out.any(axis=1) for s in layers], axis=0)
    above, below = (sum(int(s.corner(side).sum()) for s in layers) for side in ("above", "below"))
    filled = sum(int(sections_hit(s.layer.values, s.ranges, sections).sum()) for s in layers)
    return {
        "neuron_coverage": {f"{t:g}": _covered(layers, t) / units for t in thresholds},
        "section_coverage": filled / (sections * varying) if varying else Undefined("No unit varies in training."),
        "boundary_coverage": (above + below) / (2 * units),
        "strong_activation_coverage": above / units,
        "top_coverage": sum(int(among_top(s.layer.values, top).sum()) for s in layers) / units,
        "outside_items": proportion(out, confidence, groups=groups_of(data)),
        "units": units,
        "constant_units": units - varying,
        "coverage_by_threshold": _curve(layers, units),
        "by_layer": _table(layers, sections, top, len(out)),
        "sections_by_layer": _bars(layers, sections),
    }


@dataclass(frozen=True)
class _Seen:
    """A layer's activations for the test items, and its ranges in training."""

    layer: Layer
    ranges: Ranges

    @property
    def units(self) -> int:
        return len(self.ranges.low)

    @property
    def out(self) -> np.ndarray:
        """Which activations are outside the range of training: (n, units)."""
        return np.asarray(self.ranges.above(self.layer.values) | self.ranges.below(self.layer.values))

    def corner(self, side: str) -> np.ndarray:
        """Which units some test item drives above (below) the range of training."""
        values = self.layer.values
        return np.asarray((self.ranges.above(values) if side == "above" else self.ranges.below(values)).any(axis=0))


def _covered(layers: Iterable[_Seen], threshold: float) -> int:
    return sum(int(above_threshold(s.layer.values, threshold).sum()) for s in layers)


def _share_of_sections(seen: _Seen, sections: int) -> float | None:
    varying = int(seen.ranges.vary.sum())
    hit = int(sections_hit(seen.layer.values, seen.ranges, sections).sum())
    return hit / (sections * varying) if varying else None


# -- what is shown --------------------------------------------------------------------------------------------


def _curve(layers: Sequence[_Seen], units: int) -> Curve:
    points = [(t, _covered(layers, t) / units) for t in GRID]
    return Curve({"all hidden layers": points}, x_title="threshold", y_title="neuron coverage")


def _table(layers: Sequence[_Seen], sections: int, top: int, items: int) -> DataTable:
    rows = [
        (
            s.layer.name,
            s.units,
            s.units - int(s.ranges.vary.sum()),
            _share_of_sections(s, sections),
            float(s.corner("above").mean()),
            float(s.corner("below").mean()),
            float(among_top(s.layer.values, top).mean()),
            items,
        )
        for s in layers
    ]
    titles = ("layer", "units", "constant in training", "sections", "above the range", "below the range")
    return DataTable((*titles, f"among the {top} most active", "test items"), rows)


def _bars(layers: Sequence[_Seen], sections: int) -> Bars:
    shown = layers[:MOST_BARS]
    return Bars(
        [s.layer.name for s in shown], [_share_of_sections(s, sections) for s in shown], title="sections covered"
    )
