"""How often AITs on fairness and uncertainty miss their default criterion where nothing is wrong.

``python benchmarks/fairness_alarms.py``: some minutes on one core. Seeded; docs/false-alarms.md has the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from qmtestbed.ait import Predictions, Roles, Table, Undefined
from qmtestbed.execute.worker import load_function

AITS = Path(__file__).resolve().parents[1] / "aits"
NAMES = np.array(["no", "yes"], dtype=object)

Case = tuple[dict[str, Any], int]


def classes(p: np.ndarray, true: np.ndarray) -> Predictions:
    """Probabilities (n, k) and true classes by number."""
    names = NAMES if p.shape[1] == 2 else np.array([f"c{i}" for i in range(p.shape[1])], dtype=object)
    return Predictions("classification", names[true.astype(int)], names[p.argmax(axis=1)], p, tuple(names))


def beside(p: Predictions, columns: dict[str, np.ndarray]) -> dict[str, Any]:
    """The predictions and the table of their sensitive columns."""
    roles = Roles(label="y", sensitive=tuple(columns))
    return {"predictions": p, "data": Table(pd.DataFrame(columns), pd.Series(p.labels), roles)}


def answers(rng: np.random.Generator, n: int, s: int) -> Predictions:
    """Two classes; right in 70 to 90 % of all rows, whatever the group."""
    true = rng.random(n) < 0.3 + 0.1 * (s % 3)
    said = np.where(rng.random(n) < 0.7 + 0.05 * (s % 5), true, ~true)
    return classes(np.column_stack([~said, said]).astype(float), true)


def equal_groups() -> Iterator[Case]:
    """One column of 2 to 10 groups."""
    for n, k in ((200, 2), (500, 2), (2000, 2), (500, 5), (2000, 5), (5000, 10)):
        for s in range(600):
            rng = np.random.default_rng([s, n, k])
            yield beside(answers(rng, n, s), {"g": rng.choice([f"g{i}" for i in range(k)], n)}), s


def equal_cells() -> Iterator[Case]:
    """Two or three columns of values that are not alike frequent."""
    for n, ks in ((300, (2, 2)), (800, (2, 3)), (2000, (2, 3, 2)), (4000, (3, 4))):
        for s in range(300):
            rng = np.random.default_rng([s, n])
            columns = {}
            for j, k in enumerate(ks):
                share = np.arange(1, k + 1) / (k * (k + 1) / 2)
                columns[f"c{j}"] = rng.choice([f"v{i}" for i in range(k)], n, p=share)
            yield beside(answers(rng, n, s), columns), s


def right_probabilities() -> Iterator[Case]:
    """Probabilities that come true as often as they say in every group."""
    for n, k in ((200, 2), (600, 2), (600, 5), (3000, 5)):
        for s in range(250):
            rng = np.random.default_rng([s, n, k])
            p = rng.beta(*((1, 1), (0.5, 0.5), (2, 5))[s % 3], n)
            said = classes(np.column_stack([1 - p, p]), rng.random(n) < p)
            yield beside(said, {"g": rng.choice([f"g{i}" for i in range(k)], n)}), s


def weak_models() -> Iterator[Case]:
    """Models of little but some use, three in four with probabilities; numbers with R2 of 0.1."""
    priors = ([0.5, 0.5], [0.95, 0.05], [0.9, 0.1], [0.4, 0.25, 0.2, 0.1, 0.05])
    for n in (100, 400, 2000):
        for s in range(100):
            rng = np.random.default_rng([s, n])
            x = rng.normal(size=n)
            yield {"predictions": Predictions("regression", 0.35 * x + rng.normal(size=n), 0.35 * x)}, s
            for prior in priors:
                true = rng.choice(len(prior), n, p=prior)
                z = rng.normal(size=(n, len(prior)))
                z[np.arange(n), true] += 0.8
                q = np.exp((np.log(prior) + 0.8 * z) * (1, 1.5, 0.7)[s % 3])
                said = classes(q / q.sum(axis=1, keepdims=True), true)
                kept = said.probabilities if s % 4 else None
                yield {"predictions": Predictions(said.task, said.labels, said.predicted, kept, said.classes)}, s


def blind_confidence() -> Iterator[Case]:
    """Probabilities that say nothing about errors."""
    for n in (100, 300, 2000):
        for rate in (0.05, 0.2, 0.4):
            for s in range(300):
                rng = np.random.default_rng([s, n, int(100 * rate)])
                sure = rng.uniform(0.5, 1, n)
                yield {"predictions": classes(np.column_stack([sure, 1 - sure]), rng.random(n) < rate)}, s


class Stated:
    """A model that says what a column holds, sharper or flatter."""

    classes = ("no", "yes")
    native = None

    def __init__(self, sharp: float) -> None:
        self.sharp = sharp

    def probabilities(self, x: pd.DataFrame) -> np.ndarray:
        """(n, 2)."""
        t = x["t"].to_numpy()
        yes = 1 / (1 + np.exp(-self.sharp * np.log(t / (1 - t))))
        return np.column_stack([1 - yes, yes])


def like_production() -> Iterator[Case]:
    """Production drawn like the labelled rows."""
    for n, m in ((100, 100), (400, 1000), (2000, 500), (2000, 5000)):
        for sharp in (0.6, 1.0, 2.0):
            for shape in (0.3, 1.0):
                for s in range(150):
                    rng = np.random.default_rng([s, n, m])
                    t, new = (np.clip(rng.beta(shape, shape, k), 0.001, 0.999) for k in (n, m))
                    labels = pd.Series(NAMES[(rng.random(n) < t).astype(int)])
                    data = Table(pd.DataFrame({"t": t}), labels, Roles(label="y"))
                    production = Table(pd.DataFrame({"t": new}), None, Roles())
                    yield {"model": Stated(sharp), "data": data, "production": production}, s


JUDGED: tuple[tuple[str, dict[str, float], Callable[[], Iterator[Case]]], ...] = (
    ("group_rate_gap", {"clear_gap": 0.1}, equal_groups),
    ("intersectional_gap", {"clear_gap": 0.1}, equal_cells),
    ("group_calibration", {"clear_ece": 0.15, "clear_gap": 0.1}, right_probabilities),
    ("conformal_coverage", {"relative_size": 1.5}, weak_models),
    ("risk_coverage", {"clear_harm": 0.01}, blind_confidence),
    ("performance_without_labels", {"clear_drop": 0.05}, like_production),
)


def misses(value: Any, limit: float) -> bool:
    """Whether a measure, or any of its values, is above the limit."""
    values = value.values() if isinstance(value, dict) else [value]
    return any(v > limit for v in values if not isinstance(v, Undefined))


def main() -> None:
    """Print a line per criterion."""
    for id, limits, cases in JUDGED:
        measure = load_function(AITS / id)
        takes_seed = "seed" in measure.__kwdefaults__
        count, missed = 0, dict.fromkeys(limits, 0)
        for given, seed in cases():
            found = measure(**given, **({"seed": seed} if takes_seed else {}))
            count += 1
            if not isinstance(found, Undefined):
                for name, limit in limits.items():
                    missed[name] += misses(found[name], limit)
        for name, k in missed.items():
            ci = binomtest(k, count).proportion_ci(method="exact")
            print(f"{id} {name} <= {limits[name]}: {k} of {count} ({ci.low:.2%} to {ci.high:.2%})", flush=True)


if __name__ == "__main__":
    main()
