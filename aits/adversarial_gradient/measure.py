"""How often an attacker who knows the model can change its answer by changing each pixel a little."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from qmtestbed.ait import Curve, DataTable, Estimate, Finding, Images, Model, SampleImages, Subject, Undefined
from qmtestbed.measuring.answers import true_answers
from qmtestbed.measuring.attacks import Budget, fgsm, pgd, random_start
from qmtestbed.measuring.families import simultaneous
from qmtestbed.measuring.intervals import clopper_pearson
from qmtestbed.measuring.strips import MOST, strip

FRACTIONS = (0.25, 0.5, 1.0)
"""Of epsilon: the budgets of the curve."""

VALUES_AT_ONCE = 2**24
"""How many numbers a block of images may have: it bounds the memory, 64 MiB for each copy."""


def measure(
    model: Model,
    data: Images,
    *,
    epsilon: float = 0.1,
    steps: int = 40,
    step_size: float = 0.1,
    restarts: int = 2,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Attack each image that the model is right about, by FGSM and PGD.

    Parameters
    ----------
    model
        A classifier that gives gradients.
    data
        Labelled images; those without a label are left out.
    epsilon
        Largest change of each value, as a share of the range of values.
    steps
        Of PGD from each start.
    step_size
        Length of a step, as a share of epsilon.
    restarts
        Starts of PGD: the first at the image itself, the others at random inside the budget.
    confidence
        Of the two-sided intervals.
    seed
        Of the random starts.

    Returns
    -------
    dict or Undefined
        Accuracies and rates in [0, 1]; undefined without labelled images.
    """
    truth, items = true_answers(data, model)
    if not len(items):
        return Undefined("There is no labelled image to attack.")
    attack = _Attack(model, data, epsilon, steps, step_size, restarts)
    outcome = _Outcome(truth, seed)
    for block in _blocks(len(items), int(np.prod(data.pixels.shape[1:]))):
        x = np.asarray(data.pixels[items[block]], dtype=np.float32)
        attack.run(x, truth[block], outcome, block, np.random.default_rng([seed, block.start]))
    n, right = len(items), int(outcome.clean.sum())
    broken = outcome.clean & ~outcome.robust[1.0]
    by_class = _by_class(outcome, broken, confidence)
    share = partial(clopper_pearson, n=n, confidence=confidence)
    return {
        "clean_accuracy": share(right),
        "fgsm_accuracy": share(int(outcome.fgsm[1.0].sum())),
        "robust_accuracy": share(int(outcome.robust[1.0].sum())),
        "attack_success_rate": _success(int(broken.sum()), right, outcome, confidence),
        "class_success_rate": by_class or Undefined("The model is right about no image."),
        "zero_gradient_share": float(outcome.flat.sum() / right) if right else Undefined("No image was attacked."),
        "accuracy_by_budget": _curve(outcome, epsilon),
        "threat_model": attack.described(),
        "broken_examples": _strip(attack, items, outcome, int(broken.sum())),
        "findings": _findings(by_class, broken, outcome),
    }


def _success(broken: int, right: int, outcome: _Outcome, confidence: float) -> Estimate | Undefined:
    if not right:
        return Undefined("The model is right about no image, so that there is nothing to attack.")
    if len(outcome.said) == 1 and not broken:
        return Undefined("The model says the same to every image, so that no change of its answers could be seen.")
    return clopper_pearson(broken, right, confidence)


def _blocks(n: int, values: int) -> Iterator[slice]:
    step = max(VALUES_AT_ONCE // values, 1)
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


@dataclass
class _Outcome:
    """For each labelled image whether the model is right: undamaged, and under the attacks up to each budget.

    ``said`` are the classes that the model answers with; ``flat`` are images that the model is right about and whose
    gradient is 0 everywhere; ``kept`` are a few of those whose answer was changed, as the attack left them: the first
    in a drawn ``order``, so that each is as likely.
    """

    truth: np.ndarray
    seed: int
    order: np.ndarray = field(init=False)
    kept: dict[int, np.ndarray] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)
    clean: np.ndarray = field(init=False)
    flat: np.ndarray = field(init=False)
    fgsm: Mapping[float, np.ndarray] = field(init=False)
    robust: Mapping[float, np.ndarray] = field(init=False)

    def __post_init__(self) -> None:
        def nothing() -> np.ndarray:
            return np.zeros(len(self.truth), dtype=bool)

        self.order = np.random.default_rng([self.seed, len(self.truth)]).permutation(len(self.truth))
        self.clean, self.flat = nothing(), nothing()
        self.fgsm, self.robust = {f: nothing() for f in FRACTIONS}, {f: nothing() for f in FRACTIONS}

    def keep(self, positions: np.ndarray, attacked: np.ndarray) -> None:
        """Keep images whose answer was changed, :data:`qmtestbed.measuring.strips.MOST` at most."""
        self.kept |= {int(at): image.copy() for at, image in zip(positions, attacked, strict=True)}
        for at in sorted(self.kept, key=lambda at: int(self.order[at]))[MOST:]:
            del self.kept[at]


@dataclass(frozen=True)
class _Attack:
    """The declared threat model."""

    model: Model
    data: Images
    epsilon: float
    steps: int
    step_size: float
    restarts: int

    def run(self, x: np.ndarray, truth: np.ndarray, out: _Outcome, block: slice, rng: np.random.Generator) -> None:
        """Attack a block of images with growing budgets; an image that was broken is not attacked again."""
        said = np.asarray(self.model.predict(x))
        right = np.asarray(said == truth, dtype=bool)
        out.clean[block] = right
        out.said |= {str(name) for name in said}
        standing = np.flatnonzero(right)
        if not len(standing):
            return
        first = standing
        gradient = np.asarray(self.model.gradient(x[first], truth[first]))
        out.flat[block.start + first] = ~gradient.reshape(len(first), -1).any(axis=1)
        for fraction in FRACTIONS:
            budget = self.budget(fraction)
            attacked = fgsm(x[first], gradient, budget)
            withstood = self._right(attacked, truth[first])
            out.fgsm[fraction][block.start + first[withstood]] = True
            fell = ~withstood & np.isin(first, standing)
            out.keep(block.start + first[fell], attacked[fell])
            standing = np.intersect1d(standing, first[withstood], assume_unique=True)
            for start in range(self.restarts if fraction == 1.0 else 1):
                attacked = self._attacked(x[standing], truth[standing], budget, rng if start else None)
                withstood = self._right(attacked, truth[standing])
                out.keep(block.start + standing[~withstood], attacked[~withstood])
                standing = standing[withstood]
            out.robust[fraction][block.start + standing] = True

    def budget(self, fraction: float) -> Budget:
        low, high = self.data.range
        return Budget(self.epsilon * fraction * (high - low), low, high)

    def _right(self, x: np.ndarray, truth: np.ndarray) -> np.ndarray:
        if not len(x):
            return np.zeros(0, dtype=bool)
        return np.asarray(self.model.predict(x) == truth, dtype=bool)

    def _attacked(
        self, x: np.ndarray, truth: np.ndarray, budget: Budget, rng: np.random.Generator | None
    ) -> np.ndarray:
        """Give images after PGD from the image itself or, given ``rng``, from a random start."""
        if not len(x):
            return x
        start = x if rng is None else random_start(x, budget, rng)
        options = {"step": self.step_size, "steps": self.steps, "start": start}
        return np.asarray(pgd(x, truth, self.model.gradient, budget, **options))

    def described(self) -> DataTable:
        low, high = self.data.range
        rows = [
            ("knowledge", "white box: the attacker computes gradients of the model"),
            ("goal", "untargeted: any wrong class"),
            ("access", "each image by itself, at prediction time"),
            ("norm", "L-infinity: each value of the image by itself"),
            ("epsilon (share of the range)", self.epsilon),
            ("epsilon (in values)", self.epsilon * (high - low)),
            ("range of values", f"{low:g} to {high:g}"),
            ("attacks", "FGSM and PGD on the cross-entropy loss"),
            ("PGD steps", self.steps),
            ("PGD step (share of epsilon)", self.step_size),
            ("PGD starts", self.restarts),
            ("gradients per image, at most", 1 + self.steps * (len(FRACTIONS) - 1 + self.restarts)),
        ]
        return DataTable(("property", "value"), rows)


def _strip(attack: _Attack, items: np.ndarray, outcome: _Outcome, total: int) -> SampleImages:
    """Show images whose answer was changed, beside what was changed in them."""
    at = np.array(sorted(outcome.kept), dtype=np.intp)
    data, (low, high) = attack.data, attack.data.range
    x = np.asarray(data.pixels[items[at]], dtype=np.float32)
    changed = np.array([outcome.kept[i] for i in at], dtype=np.float32).reshape(x.shape)
    answers = attack.model.predict(changed) if len(at) else []
    rows = items[at] if data.rows is None else data.rows[items[at]]
    return strip(
        {
            "original": x,
            "attacked": changed,
            "difference (grey: none)": (changed - x) / (2 * (attack.epsilon or 1)) + (low + high) / 2,
        },
        rows,
        [f"class {true} → {said}" for true, said in zip(outcome.truth[at], answers, strict=True)],
        total=total,
        seed=outcome.seed,
        population="images whose right answer the attack changed",
        span=(low, high),
    )


def _by_class(outcome: _Outcome, broken: np.ndarray, confidence: float) -> dict[str, Estimate | Undefined]:
    """Success rate among the images of each class that the model is right about, for all classes together."""
    kernels: dict[str, Callable[[float], Estimate | Undefined]] = {}
    for name in sorted(set(outcome.truth[outcome.clean])):
        of_class = outcome.clean & (outcome.truth == name)
        kernels[str(name)] = partial(clopper_pearson, int((broken & of_class).sum()), int(of_class.sum()))
    return simultaneous(kernels, confidence)


def _curve(outcome: _Outcome, epsilon: float) -> Curve:
    clean = (0.0, float(outcome.clean.mean()))
    lines = {"FGSM": outcome.fgsm, "FGSM and PGD": outcome.robust}
    series = {
        name: [clean, *((epsilon * f, float(right.mean())) for f, right in line.items())]
        for name, line in lines.items()
    }
    return Curve(series, x_title="epsilon (share of the range)", y_title="accuracy")


def _findings(by_class: Mapping[str, Estimate | Undefined], broken: np.ndarray, outcome: _Outcome) -> list[Finding]:
    """Name the class whose right answers the attack breaks most often."""
    defined = [(name, e) for name, e in by_class.items() if isinstance(e, Estimate)]
    name, e = max(defined, key=lambda item: item[1].value, default=("", None))
    if e is None or not e.value:
        return []
    text = (
        f"Class {name!r}: the attack changes {e.value:.1%} ({e.low:.1%} to {e.high:.1%}) of {e.n} right answers, the "
        f"most of {len(defined)} classes (the interval allows for the search); over all classes "
        f"{broken.sum() / outcome.clean.sum():.1%}."
    )
    robust = float((outcome.robust[1.0] & (outcome.truth == name)).sum() / (outcome.truth == name).sum())
    values = {"class_success_rate": e.value, "attack_success_rate": e.value, "robust_accuracy": robust}
    return [Finding("instability", Subject(class_=name), of, value, text) for of, value in values.items()]
