"""How often a classifier is still right when its images are noisy, blurred, foggy, dim, coarse or out of place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from qmtestbed.ait import Curve, Estimate, Finding, Images, Matrix, Model, SampleImages, Subject, Undefined
from qmtestbed.measuring.answers import true_answers
from qmtestbed.measuring.corruptions import CORRUPTIONS, SEVERITIES, Constants, constants_for, corrupt
from qmtestbed.measuring.families import lowest, simultaneous
from qmtestbed.measuring.intervals import clopper_pearson, delta_interval, proportion
from qmtestbed.measuring.strips import drawn, strip

VALUES_AT_ONCE = 2**24
"""How many numbers a block of images may have: it bounds the memory, 64 MiB for each copy."""

MOST_LINES = 5

_Cells = Mapping[tuple[str, int], np.ndarray]


def measure(
    model: Model,
    data: Images,
    *,
    corruptions: Sequence[str] = (),
    constants: Literal["auto", "imagenet-c", "cifar-10-c"] = "auto",
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Compare the model's answers to damaged images with the truth.

    Parameters
    ----------
    model
        A classifier.
    data
        Labelled images; those without a label are left out.
    corruptions
        Which of them; all twelve if none is named.
    constants
        How strong they are: ``imagenet-c``, ``cifar-10-c``, or ``auto`` by the size of the images.
    confidence
        Of the two-sided intervals.
    seed
        Of the corruptions that are random.

    Returns
    -------
    dict or Undefined
        Accuracies in [0, 1] and their ratio; undefined without labelled images.

    Raises
    ------
    ValueError
        ``corruptions`` names an unknown one.
    """
    names = _known(corruptions)
    truth, items = true_answers(data, model)
    if not len(items):
        return Undefined("There is no labelled image to measure.")
    height, width = data.pixels.shape[1:3]
    strength = constants_for(height, width) if constants == "auto" else constants
    clean, cells = _answers(_Asked(model, data, truth, items), names, strength, seed)
    n = len(items)
    accuracy = simultaneous({_key(cell): _share(right) for cell, right in cells.items()}, confidence)
    per_image = np.mean(list(cells.values()), axis=0)
    return {
        "clean_accuracy": clopper_pearson(int(clean.sum()), n, confidence),
        "corrupted_accuracy": accuracy,
        "mean_corrupted_accuracy": proportion(
            np.concatenate(list(cells.values())), confidence, groups=np.tile(np.arange(n), len(cells))
        ),
        "worst_accuracy": lowest(accuracy.values()),
        "relative_accuracy": _relative(clean, per_image, truth, confidence),
        "accuracy_by_corruption": _matrix(names, cells),
        "accuracy_by_severity": _curve(names, clean, cells),
        "worst_examples": _strip(_Asked(model, data, truth, items), names, clean, cells, strength, seed),
        "findings": _findings(names, cells, clean, accuracy),
    }


def _known(corruptions: Sequence[str]) -> list[str]:
    unknown = [name for name in corruptions if name not in CORRUPTIONS]
    if unknown:
        raise ValueError(f"corruptions: {unknown[0]!r} is unknown; known are {', '.join(CORRUPTIONS)}")
    return [name for name in CORRUPTIONS if name in corruptions or not corruptions]


def _key(cell: tuple[str, int]) -> str:
    return f"{cell[0]}, severity {cell[1]}"


def _share(right: np.ndarray) -> Callable[[float], Estimate | Undefined]:
    return partial(clopper_pearson, int(right.sum()), len(right))


@dataclass(frozen=True)
class _Asked:
    """The model, the labelled images and their classes."""

    model: Model
    data: Images
    truth: np.ndarray
    items: np.ndarray

    def right(self, unit: np.ndarray, block: slice) -> np.ndarray:
        """Whether each answer to images in [0, 1], put back into their own range, is right."""
        low, high = self.data.range
        answers = self.model.predict((unit * (high - low) + low).astype(np.float32))
        return np.asarray(answers == self.truth[block], dtype=bool)


def _answers(asked: _Asked, names: Sequence[str], strength: Constants, seed: int) -> tuple[np.ndarray, _Cells]:
    """Whether the model is right about each image, undamaged and in each cell; block by block of images."""
    low, high = asked.data.range
    n, size = len(asked.items), int(np.prod(asked.data.pixels.shape[1:]))
    per_block = max(VALUES_AT_ONCE // size, 1)
    clean = np.zeros(n, dtype=bool)
    cells = {(name, severity): np.zeros(n, dtype=bool) for name in names for severity in SEVERITIES}
    for start in range(0, n, per_block):
        block = slice(start, start + per_block)
        pixels = np.asarray(asked.data.pixels[asked.items[block]], dtype=np.float32)
        unit = (pixels - low) / (high - low)
        clean[block] = asked.right(unit, block)
        for name, severity in cells:
            # The same random numbers at every severity: only the strength differs.
            rng = np.random.default_rng([seed, start, CORRUPTIONS.index(name)])
            cells[name, severity][block] = asked.right(corrupt(unit, name, severity, rng, strength), block)
    return clean, cells


def _relative(clean: np.ndarray, per_image: np.ndarray, truth: np.ndarray, confidence: float) -> Estimate | Undefined:
    """Mean accuracy on damaged images / on undamaged ones, by the delta method for a ratio."""
    base = float(clean.mean())
    if not base:
        return Undefined("The model is right about no undamaged image.")
    if base <= np.unique(truth.astype(str), return_counts=True)[1].max() / len(truth):
        return Undefined(
            "The model is right about no more undamaged images than one answer to all of them would be, so that "
            "there is nothing that damage could take away."
        )
    ratio = float(per_image.mean()) / base
    return delta_interval(ratio, (per_image - ratio * clean) / base, confidence, low=0.0)


def _accuracies(name: str, cells: _Cells) -> list[float]:
    return [float(cells[name, severity].mean()) for severity in SEVERITIES]


def _matrix(names: Sequence[str], cells: _Cells) -> Matrix:
    rows = [_accuracies(name, cells) for name in names]
    columns = [str(severity) for severity in SEVERITIES]
    return Matrix(rows, list(names), columns, row_title="corruption", column_title="severity")


def _curve(names: Sequence[str], clean: np.ndarray, cells: _Cells) -> Curve:
    lines = {name: _accuracies(name, cells) for name in names}
    shown = sorted(names, key=lambda name: sum(lines[name]))[:MOST_LINES]
    drawn = {"mean of all": np.mean(list(lines.values()), axis=0).tolist(), **{name: lines[name] for name in shown}}
    first = (0.0, float(clean.mean()))
    series = {
        name: [first, *((float(s), a) for s, a in zip(SEVERITIES, line, strict=True))] for name, line in drawn.items()
    }
    return Curve(series, x_title="severity (0: undamaged)", y_title="accuracy")


def _strip(
    asked: _Asked, names: Sequence[str], clean: np.ndarray, cells: _Cells, strength: Constants, seed: int
) -> SampleImages:
    """Draw from the images that the worst cell turns wrong; from all where it turns none."""
    name, severity = worst = min(((n, s) for n in names for s in SEVERITIES), key=lambda cell: cells[cell].mean())
    turned = np.flatnonzero(clean & ~cells[worst])
    among = turned if len(turned) else np.arange(len(clean))
    what = f"images that are right undamaged and wrong at {_key(worst)}" if len(turned) else "all labelled images"
    at = drawn(among, seed)
    low, high = asked.data.range
    unit = (np.asarray(asked.data.pixels[asked.items[at]], dtype=np.float32) - low) / (high - low)
    damaged = corrupt(unit, name, severity, np.random.default_rng([seed, CORRUPTIONS.index(name)]), strength)
    rows = asked.items[at] if asked.data.rows is None else asked.data.rows[asked.items[at]]
    answers = asked.model.predict((damaged * (high - low) + low).astype(np.float32)) if len(at) else []
    captions = [f"class {true} → {said}" for true, said in zip(asked.truth[at], answers, strict=True)]
    return strip(
        {"undamaged": unit, f"{name} {severity}": damaged}, rows, captions, total=len(among), seed=seed, population=what
    )


def _findings(
    names: Sequence[str], cells: _Cells, clean: np.ndarray, accuracy: Mapping[str, Estimate | Undefined]
) -> list[Finding]:
    """Name the worst severity of each corruption, and the worst of all for the measures over all."""
    found = []
    for name in names:
        worst = min(SEVERITIES, key=lambda s: cells[name, s].mean())
        key, e = _key((name, worst)), accuracy[_key((name, worst))]
        if isinstance(e, Estimate) and e.value < clean.mean():
            text = (
                f"{key}: accuracy {e.value:.3f} [{e.low:.3f}, {e.high:.3f}, allowing for {len(cells)} cells], "
                f"against {clean.mean():.3f} undamaged."
            )
            found.append(Finding("instability", Subject(slice=key), "corrupted_accuracy", e.value, text))
    if found:
        least = min(found, key=lambda f: f.value)
        for of in ("worst_accuracy", "mean_corrupted_accuracy", "relative_accuracy"):
            found.append(Finding(least.kind, least.subject, of, least.value, least.text))
    return found
