"""What every check by hand starts from: a run's data and model, read without qmtestbed, and textbook intervals."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from hand_check import Hand, HandTable, HandText, records
from scipy import stats

Found = dict[str, Hand | HandTable | HandText]
"""By ``measure``, ``measure[key]`` or ``figure NAME``; a text of the page by any name."""
BY_HAND: dict[str, Callable[[Case], Found]] = {}
"""By AIT."""
MOST_ROWS = 200
"""Of a table behind a figure; below it the page says how many more there are."""


def checks(ait: str) -> Callable[[Callable[[Case], Found]], Callable[[Case], Found]]:
    """Register the function that makes the numbers of one AIT anew."""

    def keep(function: Callable[[Case], Found]) -> Callable[[Case], Found]:
        BY_HAND[ait] = function
        return function

    return keep


class Run:
    """A run folder: its plan, its tables or images, and its model as the framework itself loads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.plan = yaml.safe_load((self.folder / "plan.yaml").read_text("utf-8"))
        self.info = json.loads((self.folder / "run.json").read_text("utf-8"))
        self.records = records(self.folder)

    def _file(self, name: str) -> Path:
        return (self.folder / self.plan["inventories"][name]["uri"]).resolve()

    @cached_property
    def model_files(self) -> Path:
        """Where MLflow keeps the artifacts of the pinned model: below the folder of the demo."""
        identity = self.info["inventories"]["model"]["uri"].removeprefix("models:/")
        root = next(p for p in self.folder.parents if (p / "mlruns").is_dir())
        return next((root / "mlruns").glob(f"*/models/{identity}/artifacts"))

    @cached_property
    def files(self) -> list[str]:
        """Names of the model's files below that folder, in order."""
        found = (p.relative_to(self.model_files).as_posix() for p in self.model_files.rglob("*") if p.is_file())
        return sorted(found)

    # -- tables

    def table(self, name: str) -> tuple[pd.DataFrame, np.ndarray]:
        """Features and labels of a table."""
        frame = pd.read_parquet(self._file(name))
        label = self.plan["inventories"][name]["label"]
        return frame.drop(columns=label), frame[label].to_numpy(dtype=object)

    @cached_property
    def x(self) -> pd.DataFrame:
        """Features of the test table."""
        return self.table("test")[0]

    @cached_property
    def y(self) -> np.ndarray:
        """Labels of the test table."""
        return self.table("test")[1]

    @cached_property
    def train_x(self) -> pd.DataFrame:
        """Features of the training table."""
        return self.table("train")[0]

    @cached_property
    def train_y(self) -> np.ndarray:
        """Labels of the training table."""
        return self.table("train")[1]

    @property
    def label(self) -> str:
        """Name of the label column."""
        return str(self.plan["inventories"]["test"]["label"])

    @property
    def positive(self) -> str | None:
        """The positive class, where there is one."""
        return self.plan["inventories"]["test"].get("positive")

    # -- images

    @cached_property
    def images(self) -> tuple[np.ndarray, np.ndarray]:
        """Images of the test file, (n, height, width) in 0 to 1, and the names of their classes."""
        held = np.load(self._file("test"))
        return held["images"].astype(np.float32) / 255, held["labels"].astype(str).astype(object)

    # -- models

    @cached_property
    def model(self) -> Any:
        """The scikit-learn model, by skops; every type in the file is trusted, as the demo has just written it."""
        import skops.io

        file = self.model_files / "model.skops"
        return skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))

    @cached_property
    def network(self) -> Any:
        """The torch network, by torch.export."""
        import torch

        torch.set_num_threads(1)
        return torch.export.load(self.model_files / "data" / "model.pt2").module()

    @cached_property
    def classes(self) -> list[str]:
        """Names of the classes, in the order of the model's columns."""
        declared = self.plan["inventories"]["model"].get("classes")
        return [str(c) for c in (declared or self.model.classes_)]

    def read_image_probabilities(self, x: np.ndarray) -> np.ndarray:
        """Softmax of the network's answers to images (n, height, width), (n, classes)."""
        import torch

        with torch.no_grad():
            parts = [self.network(torch.from_numpy(b[:, None].astype(np.float32))) for b in _blocks(x)]
            return torch.softmax(torch.cat(parts).double(), 1).numpy()

    def answers_to_images(self, x: np.ndarray) -> np.ndarray:
        """Names of the classes that the network answers with."""
        return np.asarray(self.classes, dtype=object)[self.read_image_probabilities(x).argmax(axis=1)]

    @cached_property
    def probabilities(self) -> np.ndarray:
        """Probabilities of the test items, (n, classes)."""
        if self.is_images:
            return self.read_image_probabilities(self.images[0])
        return np.asarray(self.model.predict_proba(self.x))

    @cached_property
    def predicted(self) -> np.ndarray:
        """Answers to the test items."""
        if self.is_images:
            return self.answers_to_images(self.images[0])
        return np.asarray(self.model.predict(self.x), dtype=object)

    @property
    def is_images(self) -> bool:
        """Whether the test data are images."""
        return self._file("test").suffix == ".npz"

    @property
    def truth(self) -> np.ndarray:
        """True classes of the test items."""
        return self.images[1] if self.is_images else self.y


def _blocks(x: np.ndarray, size: int = 500) -> list[np.ndarray]:
    return [x[i : i + size] for i in range(0, len(x), size)]


@dataclass(frozen=True)
class Case:
    """One check of a run: its data and model, and what it was asked to do."""

    run: Run
    check: str

    @property
    def record(self) -> Mapping[str, Any]:
        """Its record, of which inputs and parameters may be read, and no result."""
        return self.run.records[self.check]

    @property
    def params(self) -> Mapping[str, Any]:
        """Its parameters."""
        return self.record["parameters"]

    @property
    def seed(self) -> int:
        """Its seed."""
        return int(self.record["seed"])

    @property
    def level(self) -> float:
        """Its confidence."""
        return float(self.record["confidence"])

    def rows(self, n: int, most: int) -> np.ndarray:
        """Rows that an AIT with a limit gets: drawn without replacement, in the order of the file."""
        return np.arange(n) if n <= most else np.sort(np.random.default_rng(self.seed).choice(n, most, replace=False))


# -- intervals ------------------------------------------------------------------------------------------------


def undefined(reason: str) -> Hand:
    """An undefined value; ``reason`` is a part of what the page says."""
    return Hand(None, how="undefined by definition", reason=reason)


def plain(value: float, how: str, within: float = 1e-9) -> Hand:
    """A number without an interval."""
    return Hand(float(value), how=how, within=within)


def share(hits: int, n: int, level: float, how: str = "counted; exact interval: scipy binomtest") -> Hand:
    """A share of independent items with the interval of Clopper and Pearson, as scipy has it."""
    found = stats.binomtest(int(hits), int(n)).proportion_ci(level, "exact")
    return Hand(hits / n, found.low, found.high, n, how)


def each(level: float, family: int) -> float:
    """Level of each of several intervals that hold together (Bonferroni)."""
    return 1 - (1 - level) / family


def mean(values: Sequence[float] | np.ndarray, level: float, low: float, high: float, how: str = "") -> Hand:
    """A mean with Student's t interval, as scipy has it, cut to its range."""
    x = np.asarray(values, dtype=float)
    found = stats.ttest_1samp(x, 0.0).confidence_interval(level) if x.std() > 0 else (x.mean(), x.mean())
    return Hand(x.mean(), max(found[0], low), min(found[1], high), len(x), how or "numpy mean; scipy t interval")


def by_weights(
    statistic: Callable[[np.ndarray], float],
    n: int,
    level: float,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    value: float | None = None,
    how: str = "",
) -> Hand:
    """A smooth statistic of n weighted rows, with an interval by its derivatives, taken numerically.

    The delta method needs the derivative of the statistic by the weight of each row; here no formula for it is used.
    """
    step, ones = 1e-4, np.ones(n)
    slopes = np.empty(n)
    for i in range(n):
        up, down = ones.copy(), ones.copy()
        up[i] += step
        down[i] -= step
        slopes[i] = (statistic(up) - statistic(down)) / (2 * step)
    slopes -= slopes.mean()
    margin = stats.t.ppf((1 + level) / 2, n - 1) * math.sqrt(n / (n - 1) * float(slopes @ slopes))
    v = statistic(ones) if value is None else value
    how = how or "numpy; interval: numerical derivative by each row's weight"
    return Hand(v, max(v - margin, low), min(v + margin, high), n, how, interval_within=1e-6)


def clustered(hits: np.ndarray, units: np.ndarray, level: float, n: int | None = None, how: str = "") -> Hand:
    """A share of rows that lie in clusters, with the interval of Korn and Graubard, written out."""
    hits = np.asarray(hits, dtype=float)
    rows, p = len(hits), float(np.mean(hits))
    sums = pd.Series(hits - p).groupby(np.asarray(units)).sum().to_numpy()
    m = len(sums)
    variance = m / (m - 1) * float(sums @ sums) / rows**2
    trials = float(m)
    if variance > 1e-24:
        ratio = stats.t.ppf((1 + level) / 2, rows - 1) / stats.t.ppf((1 + level) / 2, m - 1)
        trials = min(p * (1 - p) / variance * ratio**2, rows)
    if m == rows:
        trials = rows
    tail = (1 - level) / 2
    low = stats.beta.ppf(tail, p * trials, (1 - p) * trials + 1) if p > 0 else 0.0
    high = stats.beta.ppf(1 - tail, p * trials + 1, (1 - p) * trials) if p < 1 else 1.0
    return Hand(p, min(low, p), max(high, p), m if n is None else n, how or "Korn-Graubard, by scipy's beta quantiles")


def mover(a: Hand, b: Hand, low: float, high: float, how: str = "") -> Hand:
    """The difference of two independent estimates (Newcombe, method 10)."""
    assert a.value is not None and b.value is not None
    assert a.low is not None and a.high is not None and b.low is not None and b.high is not None
    d = a.value - b.value
    down = math.sqrt((a.value - a.low) ** 2 + (b.high - b.value) ** 2)
    up = math.sqrt((a.high - a.value) ** 2 + (b.value - b.low) ** 2)
    return Hand(d, max(d - down, low), min(d + up, high), (a.n or 0) + (b.n or 0), how or "Newcombe's method 10")


def ranked(found: Mapping[str, Hand], *, lowest: bool = False) -> list[tuple[str, Hand]]:
    """Estimates by their value, the highest first; rounding does not part equal ones, which stay in their order."""
    return sorted(found.items(), key=lambda item: round((item[1].value or 0) * (1 if lowest else -1), 12))


# -- figures --------------------------------------------------------------------------------------------------


def bars(found: Sequence[tuple[str, Hand]], how: str = "the measures above", *, any_order: bool = False) -> HandTable:
    """The table behind a figure of bars: label, value and, where there are any, the ends of the interval."""
    rows: list[list[Any]] = [
        [name, e.value, *((e.low, e.high) if any(o.low is not None for _, o in found) else ())] for name, e in found
    ]
    within = max((max(e.within, e.interval_within or 0) for _, e in found), default=0.0)
    return HandTable(rows, how, within, any_order)


def curves(series: Mapping[str, Sequence[tuple[float, float]]], how: str, within: float = 0.0) -> HandTable:
    """The table behind a figure of lines: name, x, y; lines in the order of their names, the first 200 points."""
    points = [[name, x, y] for name in sorted(series) for x, y in series[name]]
    return HandTable(points[:MOST_ROWS], how, within)
