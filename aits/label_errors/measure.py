"""Labels that a model contradicts though it is sure: how many there are, and which rows they are in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import betaincinv, ndtr

from qmtestbed.ait import Curve, Estimate, Finding, Matrix, Predictions, SampleRows, Subject, Undefined
from qmtestbed.measuring.confident_learning import calibrated_joint, confident_classes, confident_joint, margins
from qmtestbed.measuring.noise_floor import NoiseFloor, fit_floor
from qmtestbed.measuring.sample import arrange

FEWEST_ROWS = 30
"""Fewer say nothing about a curve with three parameters."""
MOST_ROWS = 1000
MOST_LINES = 50
POINTS = 20
FLAT = 0.5
"""The disagreement must have stopped falling in at least this share of the rows, or overlap explains it as well."""
UNKNOWN = 0.02
"""With a larger share of labels that the model does not know, what holds of the others says little of the table."""
OVERLAP = 0.125
"""With more disagreement than this beside the floor, overlap is too much to tell noise from; chosen by simulation."""


def measure(predictions: Predictions, *, alpha: float = 0.005, confidence: float = 0.95) -> dict[str, Any] | Undefined:
    """Estimate how many labels are wrong, and rank the rows by how likely theirs is.

    Parameters
    ----------
    predictions
        Labelled rows with probabilities of classes by a model that has not seen them, with groups where there are any.
    alpha
        Error probability with which a noise floor counts as shown.
    confidence
        Of the two-sided interval of the noise floor.

    Returns
    -------
    dict or Undefined
        Shares in [0, 1] and counts, 0 where nothing is suspicious; undefined without probabilities or rows, with labels
        of one class only, or where the model knows none of them.
    """
    if predictions.probabilities is None or predictions.probabilities.shape[1] < 2:
        return Undefined("The predictions hold no probabilities of two classes or more.")
    rows = _rows(predictions, predictions.probabilities)
    if len(np.unique(rows.labels)) < 2:
        return Undefined("There are no labelled rows of two classes that the model knows.")
    floor = _floor(rows, len(predictions.labels), confidence)
    confident = confident_classes(rows.labels, rows.probabilities)
    counted = rows.wrong & (confident >= 0) & (confident != rows.labels)
    joint = confident_joint(rows.labels, confident, len(rows.classes))
    return {
        **_floor_measures(floor, alpha, rows.items, confidence),
        "disagreement": float(rows.wrong.mean()),
        "confident_errors": int(counted.sum()),
        "confident_share": float(counted.mean()),
        "class_noise": _class_noise(rows, joint),
        "unknown_labels": len(predictions.labels) - len(rows.labels),
        "confident_joint": _matrix(rows, joint),
        "suspects": _suspects(rows, floor, counted),
        **({"by_sureness": _curve(rows, floor)} if isinstance(floor, NoiseFloor) else {}),
        "findings": _findings(rows, floor) if _clear(floor, alpha) else [],
    }


# -- rows -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Rows:
    """Rows whose label the model knows.

    ``labels`` and ``top`` are numbers of classes, each (n,): the given one and the most probable one; ``wrong`` where
    they differ; ``position`` where the row stands in the file.
    """

    labels: np.ndarray
    top: np.ndarray
    wrong: np.ndarray
    probabilities: np.ndarray
    position: np.ndarray
    groups: np.ndarray | None
    classes: Sequence[str]

    @property
    def items(self) -> int:
        """How many independent items there are: groups, or rows."""
        return len(self.labels) if self.groups is None else int(pd.Series(self.groups).nunique(dropna=False))


def _rows(given: Predictions, probabilities: np.ndarray) -> _Rows:
    """Leave out rows with a label that the model never gives any probability: it can't contradict them."""
    known = pd.Index(given.classes[: probabilities.shape[1]], dtype=object)
    labels = known.get_indexer(pd.Index(given.labels, dtype=object))
    possible = np.append((probabilities > 0).any(axis=0), False) if len(labels) else np.zeros(1, dtype=bool)
    keep = np.flatnonzero(possible[labels])  # an unknown label has number -1: the last one
    every = len(keep) == len(labels)
    p = probabilities if every else probabilities[keep]
    labels, groups = labels[keep], None if given.groups is None else np.asarray(given.groups)[keep]
    top = p.argmax(axis=1)
    position = keep if given.rows is None else np.asarray(given.rows)[keep]
    return _Rows(labels, top, top != labels, p, position, groups, list(known))


# -- the noise floor ------------------------------------------------------------------------------------------


def _floor(rows: _Rows, of: int, confidence: float) -> NoiseFloor | Undefined:
    n = len(rows.labels)
    if of - n > UNKNOWN * of:
        return Undefined(
            f"The model never gives {of - n} of {of} labels any probability: they may be wrong, or spelled otherwise."
        )
    if n < FEWEST_ROWS:
        return Undefined(f"A noise floor needs {FEWEST_ROWS} rows or more; there are {n}.")
    sureness = rows.probabilities[np.arange(n), rows.top]
    if sureness.min() == sureness.max():
        return Undefined("The model is equally sure of all rows, so that disagreement can't fall with sureness.")
    effect = _design_effect(rows, confidence)
    if _no_better_than_one_answer(rows, effect, confidence):
        return Undefined(
            "The model contradicts more labels than one answer to all rows would, so that it can't tell wrong labels."
        )
    return fit_floor(sureness, rows.wrong, confidence, effect)


def _no_better_than_one_answer(rows: _Rows, effect: float, confidence: float) -> bool:
    """Whether the disagreement is clearly above the share of labels that are not of the largest class."""
    n = len(rows.labels) / effect
    wrong, others = float(rows.wrong.mean()) * n, 1 - float(np.bincount(rows.labels).max()) / len(rows.labels)
    return bool(wrong > 0 and float(betaincinv(wrong, n - wrong + 1, (1 - confidence) / 2)) > others)


def _design_effect(rows: _Rows, confidence: float) -> float:
    """By how much the disagreement varies more between groups than between independent rows; at least 1."""
    share = float(rows.wrong.mean())
    if rows.groups is None or not 0 < share < 1:
        return 1.0
    sample = arrange(confidence, rows.groups, None, rows.wrong)
    if sample.units < 2:
        return float(len(rows.wrong))
    variance = sample.standard_error(sample.columns[0] - share) ** 2
    return max(1.0, variance * len(rows.wrong) / (share * (1 - share)))


def _clear(floor: NoiseFloor | Undefined, alpha: float) -> bool:
    if isinstance(floor, Undefined):
        return False
    return floor.is_clear(alpha) and floor.flat_share >= FLAT and _overlap(floor) <= OVERLAP


def _overlap(floor: NoiseFloor) -> float:
    return float(floor.overlap(floor.sureness).mean())


def _floor_measures(floor: NoiseFloor | Undefined, alpha: float, n: int, confidence: float) -> dict[str, Any]:
    if isinstance(floor, Undefined):
        return {"clear_noise": floor, "noise_floor": floor, "flat_share": floor, "overlap": floor}
    return {
        "clear_noise": floor.value if _clear(floor, alpha) else 0.0,
        "noise_floor": Estimate(floor.value, floor.low, floor.high, confidence, n),
        "flat_share": floor.flat_share,
        "overlap": _overlap(floor),
    }


def _chance_wrong(floor: NoiseFloor) -> np.ndarray:
    """Probability that the label is wrong, of each row if it disagrees: the floor's part of the disagreement."""
    return np.asarray(floor.value / np.maximum(floor.disagreement(floor.sureness), 1e-12))


def _curve(rows: _Rows, floor: NoiseFloor) -> Curve:
    order = np.argsort(floor.sureness, kind="stable")
    parts = np.array_split(order, min(POINTS, len(order)))
    z = np.array([floor.sureness[part].mean() for part in parts])
    less_sure = (2 * ndtr(z) - 1).tolist()
    lines = {
        "observed": [float(rows.wrong[part].mean()) for part in parts],
        "fitted": floor.disagreement(z).tolist(),
        "noise floor": [floor.value] * len(parts),
    }
    points = {name: list(zip(less_sure, values, strict=True)) for name, values in lines.items()}
    return Curve(points, x_title="share of rows that the model is less sure of", y_title="disagreement with the label")


# -- confident learning ---------------------------------------------------------------------------------------


def _class_noise(rows: _Rows, joint: np.ndarray) -> dict[str, float]:
    """Share of the rows with a label that seem to be of other classes."""
    expected = calibrated_joint(joint, rows.labels)
    given = expected.sum(axis=1)
    return {rows.classes[int(c)]: max(0.0, 1 - float(expected[c, c] / given[c])) for c in np.flatnonzero(given)}


def _matrix(rows: _Rows, joint: np.ndarray) -> Matrix:
    """Show the counts; of many classes those that are mixed up most."""
    mixed = joint.sum(axis=0) + joint.sum(axis=1) - 2 * joint.diagonal()
    shown = np.sort(np.argsort(-mixed, kind="stable")[:MOST_LINES])
    names = [rows.classes[c] for c in shown]
    return Matrix(joint[np.ix_(shown, shown)].tolist(), names, names, "label", "class that the rows seem to have")


# -- suspicious rows ------------------------------------------------------------------------------------------


def _suspects(rows: _Rows, floor: NoiseFloor | Undefined, counted: np.ndarray) -> SampleRows:
    """Give the rows that confident learning counts elsewhere, the most contradicted first."""
    worst = _worst(rows, counted)[:MOST_LINES]
    chance = [None] * len(worst) if isinstance(floor, Undefined) else _chance_wrong(floor)[worst].tolist()
    of_label, of_top = (rows.probabilities[worst, c[worst]].tolist() for c in (rows.labels, rows.top))
    names = [(rows.classes[rows.labels[i]], rows.classes[rows.top[i]]) for i in worst]
    told = {"rank": list(range(1, len(worst) + 1)), "chance that it is wrong": chance}
    cells: dict[str, list[Any]] = {
        "label": [label for label, _ in names],
        "class by the model": [top for _, top in names],
        "probability of the label": of_label,
        "probability of the class": of_top,
    }
    return SampleRows(rows.position[worst].tolist(), told, cells=cells)


def _worst(rows: _Rows, chosen: np.ndarray) -> np.ndarray:
    """Give the numbers of the chosen rows in order of their margin; of equal ones the earlier first."""
    found = np.flatnonzero(chosen)
    if not len(found):
        return found
    return np.asarray(found[np.argsort(margins(rows.labels[found], rows.probabilities[found]), kind="stable")])


def _findings(rows: _Rows, floor: NoiseFloor | Undefined) -> list[Finding]:
    """Name the rows that disagree and whose label is more likely wrong than not."""
    if isinstance(floor, Undefined):
        return []
    worst = _worst(rows, rows.wrong & (_chance_wrong(floor) >= 0.5))
    if not len(worst):
        return []
    named = worst[:MOST_ROWS]
    listed = f", of which the first {MOST_ROWS} are listed" if len(worst) > MOST_ROWS else ""
    text = (
        f"About {floor.value:.1%} of the labels [{floor.low:.1%}, {floor.high:.1%}] seem to be wrong: however sure the "
        f"model is, so many disagree. More likely wrong than not are those of {len(worst)} of {len(rows.labels)} "
        f"rows{listed}."
    )
    subject = Subject(rows=tuple(int(rows.position[i]) for i in named))
    return [Finding("label_error", subject, "clear_noise", floor.value, text)]
