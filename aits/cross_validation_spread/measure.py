"""Whether a result depends on luck of the split: the model's recipe is trained anew on parts of the training data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from qmtestbed.ait import Bars, DataTable, Estimate, Finding, FindingKind, Model, Subject, Table, Undefined
from qmtestbed.measuring.answers import groups_of, true_answers
from qmtestbed.measuring.drawing import some
from qmtestbed.measuring.intervals import delta_interval, mean_interval, proportion
from qmtestbed.measuring.refitting import Cut, Lesson, answers, cuts, features, lesson

MOST_LINES = 50
ENOUGH = 0.6
"""Copies that learn from this share of the rows are expected to do about as well as the model as given."""

_Result = Estimate | Undefined


def measure(
    model: Model,
    data: Table,
    train: Table,
    *,
    folds: int = 5,
    repeats: int = 1,
    rows: int = 2000,
    work: int = 1000,
    alpha: float = 0.002,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Any] | Undefined:
    """Train copies of the model without what they are then tested on, and compare how well they do.

    Parameters
    ----------
    model
        Its native object is a scikit-learn estimator that can be cloned.
    data, train
        Test rows, and the rows that the model was trained on, with labels.
    folds, repeats
        Into how many parts the training rows are cut, and how often; along time there is one cut only.
    rows
        At most so many rows of each table are taken.
    work
        Limit for (columns + 15) x folds x repeats, times the classes where there are more than two: wider tables get
        fewer folds, two at least; those for which one fold is more than twice too much are not looked at.
    alpha
        How often chance may call a difference clear.
    seed
        Of the rows, the folds, and every random state that the model leaves open.
    confidence
        Of the two-sided intervals.

    Returns
    -------
    dict or Undefined
        Scores of at most 1 and their differences; undefined where the model can't be trained anew.
    """
    job = lesson(model, train, rows, seed)
    if isinstance(job, Undefined):
        return job
    parts = cuts(job, folds, repeats, work, seed)
    if isinstance(parts, Undefined):
        return parts
    test = _test(model, data, rows, seed)
    if isinstance(test, Undefined):
        return test
    said = answers(job, parts, test.x)
    if isinstance(said, Undefined):
        return said
    runs = _Runs(job, parts, [s for s, _ in said])
    found = {**_folds(runs, alpha, confidence), **_held_out(runs, test, [s for _, s in said], alpha, confidence)}
    return {**found, "scores": _bars(found), "folds": _table(runs, found), "findings": _findings(found)}


@dataclass(frozen=True)
class _Test:
    """Labelled test rows, what is true, what the model as given says of them, and which belong together."""

    x: Any
    truth: np.ndarray
    given: np.ndarray
    groups: np.ndarray | None


def _test(model: Model, data: Table, rows: int, seed: int) -> _Test | Undefined:
    truth, positions = true_answers(data, model)
    taken = some(len(positions), rows, np.random.default_rng([seed, 2]))
    truth, positions = truth[taken], positions[taken]
    x = features(model.native, data, positions)
    if isinstance(x, Undefined):
        return x
    given = model.predict(data.frame.iloc[positions]) if len(positions) else truth
    groups = groups_of(data)
    return _Test(x, truth, given, None if groups is None else groups[positions])


# -- within the training data ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Runs:
    """The lesson, its cuts, and what each copy says of the rows that it has not seen."""

    job: Lesson
    parts: Sequence[Cut]
    said: Sequence[np.ndarray]

    def score(self, said: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """Score of each row: whether it is right; for numbers 1 less its error as a share of the trivial model's."""
        if self.job.classes:
            return np.asarray(said == truth, dtype=float)
        labels = self.job.truth
        return np.asarray(1 - np.abs(said - truth) / np.abs(labels - np.median(labels)).mean(), dtype=float)

    @property
    def rows(self) -> list[np.ndarray]:
        """Scores of the rows that each copy has not seen."""
        return [self.score(s, self.job.truth[rows]) for s, (_, rows) in zip(self.said, self.parts, strict=True)]

    @property
    def mean_per_row(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows that were left out at least once, and their mean score."""
        at = np.concatenate([rows for _, rows in self.parts])
        times = np.bincount(at, minlength=len(self.job.truth))
        sums = np.bincount(at, weights=np.concatenate(self.rows), minlength=len(times))
        seen = np.flatnonzero(times)
        return seen, sums[seen] / times[seen]


def _groups_at(groups: np.ndarray | None, rows: np.ndarray) -> np.ndarray:
    """Which rows belong together, as numbers; each row alone without groups."""
    return rows if groups is None else pd.factorize(groups, use_na_sentinel=False)[0][rows]


def _folds(runs: _Runs, alpha: float, confidence: float) -> dict[str, Any]:
    scores = [float(s.mean()) for s in runs.rows]
    names = [f"fold {i + 1}" for i in range(len(scores))]
    clear = _deviations(runs, alpha)
    return {
        "cv_score": _cv_score(runs, scores, confidence),
        "fold_score": dict(zip(names, scores, strict=True)),
        "spread": float(np.std(scores, ddof=1)),
        "clear_deviation": dict(zip(names, clear, strict=True)),
    }


def _cv_score(runs: _Runs, scores: Sequence[float], confidence: float) -> _Result:
    """Mean over the folds, with the corrected interval: copies share most of the rows that they are trained on."""
    rows, mean_per_row = runs.mean_per_row
    mean, variance = float(np.mean(scores)), float(np.var(scores, ddof=1))
    if variance < 1e-24:  # nothing varies between the folds but rounding: only the rows themselves tell anything
        if runs.job.classes:
            groups = None if runs.job.groups is None else runs.job.groups[rows]
            return proportion(mean_per_row == 1, confidence, groups=groups)
        return Undefined("All folds agree, which says nothing about how far others would lie.")
    ratio = np.mean([len(test) / len(train) for train, test in runs.parts])
    margin = _t(len(scores) - 1, confidence) * math.sqrt((1 / len(scores) + float(ratio)) * variance)
    low = max(mean - margin, 0.0) if runs.job.classes else mean - margin
    return Estimate(mean, low, min(mean + margin, 1.0), confidence, len(rows))


def _deviations(runs: _Runs, alpha: float) -> list[float]:
    """How far each fold is from the mean of all rows, where rows dealt by chance would not be; else 0."""
    scored, every = runs.rows, np.concatenate(runs.rows)
    mean, n = float(every.mean()), len(every)
    at = np.concatenate([rows for _, rows in runs.parts])
    sums = np.bincount(_groups_at(runs.job.groups, at), weights=every - mean)
    units = len(np.unique(_groups_at(runs.job.groups, at)))
    if units < 3:
        return [0.0] * len(scored)
    times = n / len(np.unique(at))  # how often each row was left out
    per_row = float(sums @ sums) / n / times * units / (units - 1)
    t = _t(units - 1, 1 - alpha / len(scored))
    found = []
    for s in scored:
        limit = t * math.sqrt(per_row * max(1 / len(s) - times / n, 0.0))
        away = abs(float(s.mean()) - mean)
        found.append(away if away > limit else 0.0)
    return found


def _t(freedom: int, confidence: float) -> float:
    return float(stdtrit(freedom, (1 + confidence) / 2))


# -- against the test rows ------------------------------------------------------------------------------------

_OF_TEST = ("test_score", "held_out_gap", "clear_gap", "model_gap", "clear_model_gap")


def _held_out(runs: _Runs, test: _Test, said: Sequence[np.ndarray], alpha: float, confidence: float) -> dict[str, Any]:
    """Compare the copies on the test rows with the same copies in the folds, and with the model as given."""
    if len(test.truth) < 2:
        return dict.fromkeys(_OF_TEST, Undefined("There are fewer than two labelled test rows."))
    copies = np.mean([runs.score(s, test.truth) for s in said], axis=0)
    gained = runs.score(test.given, test.truth) - copies
    gap = [_gap(runs, copies, test, level) for level in (confidence, 1 - alpha)]
    model_gap = [mean_interval(gained, level, groups=test.groups) for level in (confidence, 1 - alpha)]
    better = isinstance(model_gap[1], Estimate) and model_gap[1].value > 0
    return {
        "test_score": mean_interval(copies, confidence, groups=test.groups),
        "held_out_gap": gap[0],
        "clear_gap": _clear(gap[1]),
        "model_gap": model_gap[0],
        "clear_model_gap": 0.0 if better and _little(runs) else _clear(model_gap[1]),
    }


def _little(runs: _Runs) -> bool:
    """Whether the copies learn from so few of the rows that the model as given must be expected to do better."""
    return float(np.mean([len(train) for train, _ in runs.parts])) < ENOUGH * runs.job.total


def _gap(runs: _Runs, copies: np.ndarray, test: _Test, level: float) -> _Result:
    """Mean score of the copies on test rows less that on rows left out, each with the spread of its own rows."""
    rows, own = runs.mean_per_row
    n = len(own) + len(copies)
    influence = np.concatenate([-(own - own.mean()) * n / len(own), (copies - copies.mean()) * n / len(copies)])
    groups = None
    if runs.job.groups is not None and test.groups is not None:
        groups = np.concatenate([runs.job.groups[rows].astype(object), test.groups.astype(object)])
    return delta_interval(float(copies.mean() - own.mean()), influence, level, groups=groups)


def _clear(gap: _Result) -> float | Undefined:
    if isinstance(gap, Undefined):
        return gap
    return abs(gap.value) if gap.low > 0 or gap.high < 0 else 0.0


# -- what is shown --------------------------------------------------------------------------------------------


def _bars(found: Mapping[str, Any]) -> Bars:
    whole = [(n, found[m]) for n, m in (("cross-validation", "cv_score"), ("test rows", "test_score"))]
    bars = Bars.of([(n, e) for n, e in whole if isinstance(e, Estimate)])
    folds = list(found["fold_score"].items())[:MOST_LINES]
    ends = [None] * len(folds)
    return Bars(
        [*(n for n, _ in folds), *bars.labels],
        [*(v for _, v in folds), *bars.values],
        [*ends, *(bars.low or ())],
        [*ends, *(bars.high or ())],
    )


def _table(runs: _Runs, found: Mapping[str, Any]) -> DataTable:
    names = list(found["fold_score"])[:MOST_LINES]
    lines = [
        (name, len(train), len(test), found["fold_score"][name], found["clear_deviation"][name])
        for name, (train, test) in zip(names, runs.parts, strict=False)
    ]
    return DataTable(["fold", "rows trained on", "rows left out", "score", "clear deviation"], lines)


def _findings(found: Mapping[str, Any]) -> list[Finding]:
    findings = []
    for name, away in found["clear_deviation"].items():
        if away > 0:
            text = (
                f"A copy trained without {name} scores {found['fold_score'][name]:.3f} on it, {away:.3f} off the mean."
            )
            findings.append(Finding("instability", Subject(slice=name), "clear_deviation", away, text))
    compared: tuple[tuple[str, FindingKind, FindingKind, str], ...] = (
        ("gap", "shift", "shift", "Copies of the model, on test rows against rows left out"),
        ("model_gap", "instability", "leak", "The model as given, against its copies on test rows"),
    )
    for measure, lower, higher, what in compared:
        e, size = found["held_out_gap" if measure == "gap" else measure], found[f"clear_{measure}"]
        if isinstance(e, Estimate) and isinstance(size, float) and size > 0:
            kind = higher if e.value > 0 else lower
            text = f"{what}: {e.value:+.3f} [{e.low:.3f}, {e.high:.3f}]."
            findings.append(Finding(kind, Subject(slice="test rows"), f"clear_{measure}", size, text))
    return findings
