"""How well an attacker can tell from a model's answers which records it was trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qmtestbed.ait import Curve, Estimate, Finding, Histogram, Images, Model, Subject, Table, Undefined
from qmtestbed.measuring.answers import groups_of, pooled_groups, taken, true_answers, values_of
from qmtestbed.measuring.gaps import difference
from qmtestbed.measuring.intervals import proportion
from qmtestbed.measuring.ranking import auc_interval
from qmtestbed.measuring.records import record_ids

BINS = 20
MOST_POINTS = 200
MOST_IN_BOTH = 0.5
"""With a larger share of items that are learnt from and not at once, the two can't be told apart by any attack."""


def measure(
    model: Model,
    data: Table | Images,
    train: Table | Images,
    *,
    fpr: float = 0.01,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Attack a classifier by two rules: right answers are of members, and confident right answers are of members.

    Parameters
    ----------
    model
        A classifier that gives probabilities.
    data, train
        Labelled rows or images that the model has not learnt from, and those that it has.
    fpr
        Share of rows not learnt from that the attacker may take for learnt ones.
    confidence
        Of the two-sided intervals, each for itself.
    seed
        Of the half of ``data`` on which the attacker sets a threshold.

    Returns
    -------
    dict or Undefined
        Advantage in [-1, 1], 0 for guessing; AUC in [0, 1], 0.5 for guessing; rates in [0, 1]. Undefined where one of
        the two has no labelled item.
    """
    inside, outside = _seen(model, train), _seen(model, data)
    if not (len(inside.right) and len(outside.right)):
        return Undefined("One of the two has no labelled item of a class that the model knows.")
    if (both := _in_both(data, train)) > MOST_IN_BOTH:
        return Undefined(f"{both:.0%} of the items said not to be learnt from are in the training data as well.")
    known, new = (proportion(s.right, confidence, groups=s.groups) for s in (inside, outside))
    advantage = _advantage(known, new)
    auc = _auc(inside, outside, confidence)
    tpr, reached = _at_low_fpr(inside, outside, fpr, confidence, seed)
    return {
        "advantage": advantage,
        "train_accuracy": known,
        "test_accuracy": new,
        "attack_auc": auc,
        "low_fpr_tpr": tpr,
        "low_fpr_reached": reached,
        "roc": _roc(inside.certainty, outside.certainty),
        "certainty": _histogram(inside.certainty, outside.certainty),
        "findings": _findings(auc, advantage, tpr, fpr),
    }


@dataclass(frozen=True)
class _Seen:
    """Labelled rows as the attacker sees them: whether the answer is right, and the probability of the true class."""

    right: NDArray[np.bool_]
    certainty: NDArray[np.float64]
    groups: NDArray[Any] | None


def _seen(model: Model, data: Table | Images) -> _Seen:
    truth, rows = true_answers(data, model)
    at = pd.Index(model.classes).get_indexer(pd.Index(truth))
    truth, rows, at = truth[at >= 0], rows[at >= 0], at[at >= 0]
    if not len(rows):
        return _Seen(np.empty(0, dtype=bool), np.empty(0), None)
    asked = taken(values_of(data), rows)
    certainty = model.probabilities(asked)[np.arange(len(rows)), at]
    right = np.asarray(np.asarray(model.predict(asked)) == truth, dtype=bool)
    groups = groups_of(data)
    return _Seen(right, certainty, None if groups is None else groups[rows])


def _in_both(data: Table | Images, train: Table | Images) -> float:
    """Share of the items that occur in the training data too: what is both learnt from and not tells of neither."""
    if isinstance(data, Table) and isinstance(train, Table):
        shared = [c for c in data.features.columns if c in train.frame.columns]
        ids = record_ids([[data.frame[c], train.frame[c]] for c in shared]) if shared else None
    else:
        pixels = [np.asarray(values_of(x)) for x in (data, train)]
        alike = pixels[0].shape[1:] == pixels[1].shape[1:]
        ids = pd.factorize(pd.Series([image.tobytes() for x in pixels for image in x]))[0] if alike else None
    n = len(values_of(data))
    return 0.0 if ids is None or not n else float(np.isin(ids[:n], ids[n:]).mean())


def _advantage(known: Estimate | Undefined, new: Estimate | Undefined) -> Estimate | Undefined:
    if isinstance(known, Undefined) or isinstance(new, Undefined):
        return known if isinstance(known, Undefined) else new
    d = difference(known, new)
    return replace(d, low=max(d.low, -1.0), high=min(d.high, 1.0))


def _auc(inside: _Seen, outside: _Seen, confidence: float) -> Estimate | Undefined:
    scores = np.concatenate([inside.certainty, outside.certainty])
    member = np.arange(len(scores)) < len(inside.certainty)
    groups = pooled_groups(*((s.groups, len(s.right)) for s in (inside, outside)))
    return auc_interval(scores, member, confidence, groups=groups)


def _at_low_fpr(
    inside: _Seen, outside: _Seen, fpr: float, confidence: float, seed: int
) -> tuple[Estimate | Undefined, Estimate | Undefined]:
    """True and false positive rate of a threshold that is set on one half of the rows not learnt from.

    The false positive rate is counted on the other half: on the same rows it would be too low.
    """
    units = np.arange(len(outside.right)) if outside.groups is None else pd.factorize(outside.groups)[0]
    order = np.random.default_rng([seed, len(units)]).permutation(int(units.max()) + 1)
    setting = np.isin(units, order[: (len(order) + 1) // 2])
    allowed = math.floor(fpr * setting.sum() * (1 + 1e-12))
    if not allowed or setting.all():
        least = 2 * math.ceil(1 / fpr)
        no = Undefined(f"A false positive rate of {fpr:g} needs some {least} rows not learnt from; {len(units)} are.")
        return no, no
    threshold = np.sort(outside.certainty[setting])[::-1][allowed]
    groups = None if outside.groups is None else outside.groups[~setting]
    return (
        proportion(inside.certainty > threshold, confidence, groups=inside.groups),
        proportion(outside.certainty[~setting] > threshold, confidence, groups=groups),
    )


def _roc(inside: NDArray[np.float64], outside: NDArray[np.float64]) -> Curve:
    """True over false positive rate as the threshold falls, at some of its values."""
    every = np.unique(np.concatenate([inside, outside]))[::-1]
    if len(every) > MOST_POINTS:
        every = every[np.unique(np.linspace(0, len(every) - 1, MOST_POINTS).round().astype(int))]
    a, b = np.sort(inside), np.sort(outside)
    points = [(0.0, 0.0)]
    for t in every:
        found = [float((len(x) - np.searchsorted(x, t, side="left")) / len(x)) for x in (b, a)]
        points.append((found[0], found[1]))
    series = {"attack": points, "guess": [(0.0, 0.0), (1.0, 1.0)]}
    return Curve(series, x_title="false positive rate", y_title="true positive rate")


def _histogram(inside: NDArray[np.float64], outside: NDArray[np.float64]) -> Histogram:
    edges = np.linspace(0, 1, BINS + 1)
    shares = {
        name: (np.histogram(np.clip(x, 0, 1), edges)[0] / len(x)).tolist()
        for name, x in (("learnt from", inside), ("not learnt from", outside))
    }
    return Histogram(edges.tolist(), shares, x_title="probability of the true class")


def _findings(auc: Any, advantage: Any, tpr: Any, fpr: float) -> list[Finding]:
    told = {
        "attack_auc": (auc, 0.5, "Of a row learnt from and one not, the model is surer of the former in {} of pairs."),
        "advantage": (advantage, 0.0, "The accuracy on rows learnt from is higher by {} than on others."),
        "low_fpr_tpr": (
            tpr,
            fpr,
            f"At a false positive rate set to {fpr:g}, {{}} of the rows learnt from are told.",
        ),
    }
    return [
        Finding("membership", Subject(slice="training data"), name, e.value, text.format(f"{e.value:.1%}"))
        for name, (e, chance, text) in told.items()
        if isinstance(e, Estimate) and e.low > chance
    ]
