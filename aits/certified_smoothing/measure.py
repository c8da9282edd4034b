"""For which share of items no change up to a radius turns the answer of the smoothed model: proven, but for chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.special import betaincinv, ndtri

from qmtestbed.ait import Curve, DataTable, Estimate, Finding, Images, Model, Subject, Table, Undefined, class_name
from qmtestbed.measuring.answers import groups_of, true_answers
from qmtestbed.measuring.families import simultaneous
from qmtestbed.measuring.intervals import proportion
from qmtestbed.measuring.perturbation import add_noise, numeric_columns

MOST_RADII = 10


def measure(
    model: Model,
    data: Table | Images,
    *,
    sigma: float = 0.1,
    draws: int = 500,
    alpha: float = 0.001,
    radii: Sequence[float] = (0.05, 0.1, 0.2),
    leave_out: Sequence[str] = (),
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Certify answers by randomized smoothing.

    Parameters
    ----------
    model
        A classifier.
    data
        Labelled rows or images; those without a label are left out.
    sigma
        Standard deviation of the noise: of images as a share of the range of values, of tables in spreads of columns.
    draws
        How often each item is drawn with noise to certify its class, beside a tenth as often to choose it.
    alpha
        Probability that the certificate of an item is wrong.
    radii
        In the unit of sigma, in the Euclidean norm; the keys of the certified accuracy.
    leave_out
        Columns that are certain, besides those with a role and those that are no numbers.
    confidence
        Of the two-sided intervals.
    seed
        Of the noise.

    Returns
    -------
    dict or Undefined
        Shares in [0, 1] and a radius; undefined without labelled items or without a value that can have noise.

    Raises
    ------
    ValueError
        ``radii`` are not different numbers above 0, or ``leave_out`` names a column that the table does not have.
    """
    keys = _keys(radii)
    truth, items = true_answers(data, model)
    if not len(items):
        return Undefined("There is no labelled item to certify.")
    noisy = _noisy(data, sigma, leave_out)
    if isinstance(noisy, Undefined):
        return noisy
    of_all = groups_of(data)
    groups = None if of_all is None else of_all[items]
    given = [_certify(model, noisy, int(i), sigma, draws, alpha, np.random.default_rng([seed, int(i)])) for i in items]
    right = np.array([g.said == t for g, t in zip(given, truth, strict=True)])
    reach = np.array([g.radius for g in given])
    share = partial(proportion, groups=groups)
    certified = simultaneous({k: partial(share, right & (reach >= r)) for k, r in keys.items()}, confidence)
    held = right & (reach >= min(keys.values()))
    return {
        "smoothed_accuracy": share(right, confidence=confidence),
        "certified_accuracy": certified,
        "certified_share": _share(held[right], given, None if groups is None else groups[right], confidence),
        "abstention_rate": share(reach == 0, confidence=confidence),
        "median_radius": float(np.median(reach[right])) if right.any() else Undefined("No answer was certified."),
        "certified_by_radius": _curve(right, reach, sigma, draws, alpha),
        "certificate": _table(sigma, draws, alpha, len(items)),
        "findings": _findings(truth, right, held),
    }


def _share(
    held: np.ndarray, given: Sequence[_Certificate], groups: np.ndarray | None, confidence: float
) -> Estimate | Undefined:
    """Share of the right answers that are certified."""
    if not len(held):
        return Undefined("The smoothed model is right about no item.")
    if len({g.said for g in given}) == 1:
        return Undefined("The smoothed model says the same to every item, so that no answer could change.")
    return proportion(held, confidence, groups=groups)


def _keys(radii: Sequence[float]) -> dict[str, float]:
    keys = {f"{r:g}": float(r) for r in radii}
    if not 0 < len(keys) == len(radii) <= MOST_RADII or not all(0 < r < np.inf for r in keys.values()):
        raise ValueError(f"radii must be 1 to {MOST_RADII} different numbers above 0; found {list(radii)}")
    return keys


_Draw = Callable[[int, int, np.random.Generator], Any]
"""From a position, how many, and a source of chance to that item so many times, each with noise of its own."""


def _noisy(data: Table | Images, sigma: float, leave_out: Sequence[str]) -> _Draw | Undefined:
    if isinstance(data, Images):
        step, pixels = np.float32(sigma * (data.range[1] - data.range[0])), data.pixels

        def draw(i: int, k: int, rng: np.random.Generator) -> Any:
            return pixels[i] + step * rng.standard_normal((k, *pixels.shape[1:]), dtype=np.float32)

        return draw
    unknown = [c for c in leave_out if c not in data.frame.columns]
    if unknown:
        raise ValueError(f"leave_out: the table has no column {unknown[0]!r}; it has {list(data.frame.columns)}")
    columns = numeric_columns(data.features, {*leave_out, data.roles.time})
    if not columns:
        return Undefined("The table has no numeric column of more than two values to perturb.")
    frame = data.frame

    def drawn(i: int, k: int, rng: np.random.Generator) -> Any:
        # Rounding and keeping to the range come after the noise: they are part of the model that is smoothed.
        return add_noise(frame.iloc[np.full(k, i)].reset_index(drop=True), columns, sigma, rng)

    return drawn


@dataclass(frozen=True)
class _Certificate:
    """The class that the smoothed model says, and within which radius; a radius of 0 where it abstains."""

    said: str | None
    radius: float


def _certify(
    model: Model, draw: _Draw, i: int, sigma: float, draws: int, alpha: float, rng: np.random.Generator
) -> _Certificate:
    """Choose a class by a tenth of the draws, and prove by new ones that it is the most frequent."""
    first = max(draws // 10, 10)
    # What the model says to one item does not depend on the others, so that both samples are asked for at once.
    said = np.array([class_name(s) for s in model.predict(draw(i, first + draws, rng))], dtype=object)
    names, counts = np.unique(said[:first].astype(str), return_counts=True)
    chosen = str(names[counts.argmax()])
    radius = sigma * _radius(int((said[first:] == chosen).sum()), draws, alpha)
    return _Certificate(chosen, radius) if radius > 0 else _Certificate(None, 0.0)


def _radius(hits: int, draws: int, alpha: float) -> float:
    """In units of sigma: the normal quantile of the exact lower bound of the class's probability, where above 0."""
    low = float(betaincinv(hits, draws - hits + 1, alpha)) if hits else 0.0
    return float(ndtri(low)) if low > 0.5 else 0.0


# -- what is shown --------------------------------------------------------------------------------------------


def _curve(right: np.ndarray, reach: np.ndarray, sigma: float, draws: int, alpha: float) -> Curve:
    grid = np.linspace(0, sigma * _radius(draws, draws, alpha), 25)
    line = [(float(r), float((right & (reach >= r) & (reach > 0)).mean())) for r in grid]
    return Curve({"right and certified": line}, x_title="radius", y_title="share of items")


def _table(sigma: float, draws: int, alpha: float, n: int) -> DataTable:
    rows: list[tuple[str, float]] = [
        ("sigma", float(sigma)),
        ("draws per item", draws),
        ("probability that a certificate is wrong", float(alpha)),
        ("largest radius that can be shown", sigma * _radius(draws, draws, alpha)),
        ("wrong certificates to expect, at most", alpha * n),
    ]
    return DataTable(("what", "value"), rows)


def _findings(truth: np.ndarray, right: np.ndarray, held: np.ndarray) -> list[Finding]:
    lost = {str(name): int((right & ~held & (truth == name)).sum()) for name in sorted(set(truth))}
    if not any(lost.values()):
        return []
    worst = max(lost, key=lambda name: (lost[name], name))
    value = float(held.sum() / right.sum())
    text = (
        f"{int((right & ~held).sum())} of {int(right.sum())} right answers can't be certified at the smallest radius, "
        f"most of class {worst!r}: {lost[worst]}."
    )
    return [Finding("instability", Subject(class_=worst), "certified_share", value, text)]
