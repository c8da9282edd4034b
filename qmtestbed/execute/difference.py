"""How far two models are apart in everything an AIT measures, over the same items: what the job ``difference`` does."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmtestbed.ait import Estimate, Predictions, Undefined
from qmtestbed.errors import ModelFault
from qmtestbed.execute.returned import check_returned
from qmtestbed.execute.tables import take
from qmtestbed.measuring.jackknife import Parts, difference_interval, divide, unseen
from qmtestbed.measuring.paired import matched_rows
from qmtestbed.types.baseline import BASELINE
from qmtestbed.types.job import Job
from qmtestbed.types.manifest import Manifest
from qmtestbed.types.record import Failure, Outcome
from qmtestbed.types.values import MeasureValue, Single, minus, point

Place = tuple[str, str | None]
"""A measure, and the key where it is keyed."""
Values = Mapping[Place, Single]


def compare(job: Job, manifest: Manifest, call: Callable[..., Any], arguments: Mapping[str, Any]) -> Outcome:
    """Measure both models, with and without each part of the items, and give the differences, model less baseline.

    Parameters
    ----------
    job
        For its seed and confidence, and for whether both models are one.
    manifest
        Of the AIT.
    call
        Its measuring function, with parameters.
    arguments
        Its inputs, and the baseline's predictions.

    Returns
    -------
    Outcome
        A value for each number that both have; sequences and truth values have no difference and are left out.
        Undefined where only one of the two has such a number, or where there is none without some part of the items.

    Raises
    ------
    ModelFault
        The two did not answer the same items.
    """
    inputs = {name: value for name, value in arguments.items() if name != BASELINE}
    both = _Both(manifest, call, inputs, arguments[BASELINE], job.confidence)
    ours: Predictions = inputs["predictions"]
    _check_same_items(ours, both.baseline)
    pair = both.measured()
    if job.inputs["predictions"].job == job.inputs[BASELINE].job:
        exact = {p: _nothing(d, pair, p, len(ours.labels), job.confidence) for p, d in _differences(*pair).items()}
        return _outcome(manifest, exact, {"parts": 0})
    parts = divide(len(ours.labels), job.seed, groups=ours.groups, weights=ours.weights)
    if isinstance(parts, Undefined):
        return _outcome(manifest, dict.fromkeys(_differences(*pair), parts), {"parts": 0})
    return _outcome(manifest, _estimates(both, pair, parts), {"parts": parts.count})


@dataclass(frozen=True)
class _Both:
    """An AIT's function with its inputs, and the predictions that take the place of the model's."""

    manifest: Manifest
    call: Callable[..., Any]
    inputs: Mapping[str, Any]
    baseline: Predictions
    confidence: float

    def measured(self, rows: np.ndarray | None = None) -> tuple[Values, Values]:
        """Measure the model and the baseline, on all items or on some."""
        swapped = {**self.inputs, "predictions": self.baseline}
        ours, theirs = (self._measured(inputs, rows) for inputs in (self.inputs, swapped))
        return ours, theirs

    def _measured(self, inputs: Mapping[str, Any], rows: np.ndarray | None) -> Values:
        n = len(self.baseline.labels)
        # A table stays whole: predictions say which of its rows they are about.
        given = {k: take(v, rows) if rows is not None and _is_of(v, n) else v for k, v in inputs.items()}
        outcome, _ = check_returned(self.manifest, self.call(**given), self.confidence)
        if not outcome.measures:
            reason = Undefined(outcome.error.what if outcome.error else "Nothing could be measured.")
            return {(name, None): reason for name in self.manifest.measures}
        return {
            (name, key): single
            for name, measure in outcome.measures.items()
            if not isinstance(measure.value, tuple)
            for key, single in measure.singles()
            if not isinstance(single, bool)
        }


def _is_of(value: Any, n: int) -> bool:
    return isinstance(value, Predictions) and len(value.labels) == n


def _check_same_items(ours: Predictions, theirs: Predictions) -> None:
    matched = matched_rows(ours, theirs)
    if isinstance(matched, Undefined):
        raise ModelFault("model and baseline can't be compared item by item", found=matched.reason)
    everything = np.arange(len(ours.labels))
    if len(theirs.labels) != len(everything) or not all(np.array_equal(rows, everything) for rows in matched):
        found = f"{len(matched[0])} of {len(everything)} items in common, or in another order"
        raise ModelFault("model and baseline did not answer the same items", found=found)


def _differences(ours: Values, theirs: Values) -> dict[Place, Single]:
    """Subtract what both have; whatever only one of them has is undefined."""
    found: dict[Place, Single] = {}
    for place in dict.fromkeys([*ours, *theirs]):
        a, b = ours.get(place), theirs.get(place)
        if isinstance(a, Undefined) or isinstance(b, Undefined):
            whose, which = ("model", a) if isinstance(a, Undefined) else ("baseline", b)
            found[place] = Undefined(f"Of the {whose}: {which.reason if isinstance(which, Undefined) else ''}")
        elif a is None or b is None:
            found[place] = Undefined(f"Only the {'baseline' if a is None else 'model'} has such a value.")
        else:
            found[place] = minus(point(a) or 0.0, point(b) or 0.0)
    return found


def _nothing(difference: Single, pair: tuple[Values, Values], place: Place, items: int, level: float) -> Single:
    """Give the difference of a model from itself: none, and of that there is no doubt."""
    if isinstance(difference, Undefined):
        return difference
    return Estimate(0.0, 0.0, 0.0, level, _rests_on(pair, place) or items)


def _estimates(both: _Both, pair: tuple[Values, Values], parts: Parts) -> dict[Place, Single]:
    differences = _differences(*pair)
    without: dict[Place, list[Single]] = {place: [] for place in differences}
    for part in range(parts.count):
        found = _differences(*both.measured(parts.without(part)))
        for place, values in without.items():
            values.append(found.get(place, Undefined("There is no such value.")))
    return {p: _estimate(d, without[p], both, _rests_on(pair, p), p, parts.items) for p, d in differences.items()}


def _estimate(
    difference: Single, without: Sequence[Single], both: _Both, rests_on: int | None, place: Place, items: int
) -> Single:
    """Give the difference with its interval; an undefined value anywhere leaves it undefined."""
    lacking = [v for v in without if isinstance(v, Undefined)]
    value = point(difference)
    if value is None:
        return difference
    if lacking:
        reason = f"Without some of the items it is undefined ({len(lacking)} of {len(without)} parts)."
        return Undefined(f"{reason} {lacking[0].reason}")
    low, high = both.manifest.measures[place[0]].range
    width = math.inf if low is None or high is None else high - low
    # Only what says how many items it rests on is known to be a share, or the like, of that many.
    least = 0.0 if rests_on is None or math.isinf(width) else width * unseen(max(rests_on, 1), both.confidence)
    changes = [x for v in without if (x := point(v)) is not None]
    return difference_interval(value, changes, both.confidence, rests_on or items, width=width, least=least)


def _rests_on(pair: tuple[Values, Values], place: Place) -> int | None:
    """Give the independent items of the smaller of two estimates; ``None`` for numbers that do not say it."""
    known = [v.n for values in pair if isinstance(v := values.get(place), Estimate)]
    return min(known) if len(known) == 2 else None


def _outcome(manifest: Manifest, values: Values, facts: Mapping[str, Any]) -> Outcome:
    measures: dict[str, MeasureValue] = {}
    for name in manifest.measures:
        whole = values.get((name, None))
        keyed = {key: v for (of, key), v in values.items() if of == name and key is not None}
        if whole is not None or keyed:
            measures[name] = MeasureValue(keyed if whole is None else whole)
    if values and all(isinstance(v, Undefined) for v in values.values()):
        reasons = list(dict.fromkeys(v.reason for v in values.values() if isinstance(v, Undefined)))
        return Outcome("undefined", measures, facts=facts, error=Failure("; ".join(reasons[:3]), manifest.id))
    return Outcome("measured", measures, facts=facts)
