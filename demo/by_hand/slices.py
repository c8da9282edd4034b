"""By hand: the search for the weakest slices, every slice as a mask of rows of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from hand_check import Hand, HandTable
from scipy.special import xlogy
from sklearn.isotonic import IsotonicRegression

from by_hand.base import Case, Found, bars, checks, each, plain, share


@dataclass(frozen=True)
class _Column:
    """A column of numbers cut into ranges at its edges."""

    name: str
    edges: tuple[float, ...]

    def runs(self) -> list[tuple[int, int]]:
        """First and last range of each slice, not all of them together."""
        k = len(self.edges) + 1
        return [(a, b) for a in range(k) for b in range(a, k) if b - a < k - 1]

    def inside(self, x: np.ndarray, run: tuple[int, int]) -> np.ndarray:
        """Which values lie in a slice."""
        low = self.edges[run[0] - 1] if run[0] else -math.inf
        high = self.edges[run[1]] if run[1] < len(self.edges) else math.inf
        return (x > low) & (x <= high)

    def text(self, run: tuple[int, int]) -> str:
        """The slice as the page names it."""
        low = f"{self.edges[run[0] - 1]:.15g} < " if run[0] else ""
        if run[1] == len(self.edges):
            return f"{self.name} > {self.edges[run[0] - 1]:.15g}"
        return f"{low}{self.name} <= {self.edges[run[1]]:.15g}"

    def coarse(self) -> _Column:
        """Ranges joined two and two."""
        return self if len(self.edges) < 3 else _Column(self.name, self.edges[1::2])


def _cut(x: np.ndarray, name: str, least: int) -> _Column:
    """About ten ranges of like size, with edges that are short to write."""
    ordered, n = np.sort(x), len(x)
    ranges = min(10, n // max(least // 2, 1))
    at = sorted({float(ordered[math.ceil(i / ranges * n) - 1]) for i in range(1, ranges)})
    at = [e for e in at if e < ordered[-1]]
    edges = []
    for i, low in enumerate(at):
        place = int(np.searchsorted(ordered, low, side="right")) + n // 100
        high = min(float(ordered[min(place, n - 1)]), at[i + 1] if i + 1 < len(at) else float(ordered[-1]))
        edges.append(_short(low, high))
    return _Column(name, tuple(edges))


def _short(low: float, high: float) -> float:
    """The number with the fewest digits from ``low`` up to, but not, ``high``."""
    for digits in range(16):
        for x in [low, (low + high) / 2] if digits else [0.0]:
            short = float(f"{x:.{digits}g}") if digits else 0.0
            if low <= short < high:
                return short
    return low


Condition = tuple[_Column, tuple[int, int]]


@checks("weakest_slices")
def weakest_slices(case: Case) -> Found:
    """Likelihood ratios of all slices on one half of the rows, counts and exact intervals on the other."""
    run, p, level = case.run, case.params, case.level
    n = len(run.y)
    here = np.zeros(n, dtype=bool)
    here[np.random.default_rng(case.seed).permutation(n)[: n // 2]] = True
    wrong = run.predicted != run.y
    doubt = 1 - run.probabilities[np.arange(n), [run.classes.index(c) for c in run.predicted]]
    sought = _expected(doubt, wrong, here)
    columns = [_cut(run.x.loc[here, c].to_numpy(), c, p["min_rows"]) for c in run.x]
    found, searched = _search(case, columns, here, wrong, sought)
    expected = _expected(doubt, wrong, np.ones(n, dtype=bool))
    taught = _taught(case, wrong)
    left, measured = ~here, {}
    for place in found:
        rows = left & _mask(run.x, place)
        left &= ~rows
        k, m = int(wrong[rows].sum()), int(rows.sum())
        learned = taught(place)
        measured[" and ".join(c.text(r) for c, r in place)] = (k, m, float(expected[rows].mean()), learned)
    error = {t: share(k, m, each(level, len(measured))) for t, (k, m, _, _) in measured.items()}
    gap = {t: _less(error[t], e) for t, (_, _, e, _) in measured.items()}
    clear = {kind: _clear(measured, p["alpha"], kind == "clear_excess") for kind in ("clear_gap", "clear_excess")}
    worst = max(gap.values(), key=lambda e: e.value or 0)
    highest = max(e.low or 0 for e in gap.values()), max(e.high or 0 for e in gap.values())
    rows = []
    for t, (_, m, e, learned) in measured.items():
        said = (
            "clearly"
            if clear["clear_excess"][t]
            else "clearly, as in training"
            if clear["clear_gap"][t]
            else "not clearly"
        )
        rows.append([t, m, error[t].value, error[t].low, error[t].high, e, learned, said])
    return {
        **{
            f"{kind}[{t}]": plain(v, "fallback procedure over exact bounds")
            for kind in clear
            for t, v in clear[kind].items()
        },
        **{f"gap[{t}]": e for t, e in gap.items()},
        **{f"error_rate[{t}]": e for t, e in error.items()},
        **{
            f"expected_error[{t}]": plain(e, "sklearn IsotonicRegression", 1e-7) for t, (_, _, e, _) in measured.items()
        },
        "worst_gap": Hand(worst.value, *highest, worst.n, "the largest above", 1e-7),
        "slices_searched": plain(searched, "counted"),
        "figure gaps": bars([*gap.items()]),
        "figure slices": HandTable(rows, "as the measures", 1e-7),
    }


def _expected(doubt: np.ndarray, wrong: np.ndarray, fit: np.ndarray) -> np.ndarray:
    curve = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(doubt[fit], wrong[fit].astype(float))
    return np.asarray(curve.predict(doubt))


def _less(e: Hand, expected: float) -> Hand:
    v, low, high = ((x or 0) - expected for x in (e.value, e.low, e.high))
    return Hand(v, low, high, e.n, "error rate less the expected one", 1e-7)


def _mask(x: pd.DataFrame, place: Sequence[Condition]) -> np.ndarray:
    return np.logical_and.reduce([c.inside(x[c.name].to_numpy(), run) for c, run in place])


def _search(
    case: Case, columns: Sequence[_Column], here: np.ndarray, wrong: np.ndarray, expected: np.ndarray
) -> tuple[list[tuple[Condition, ...]], int]:
    """The slices of the largest likelihood ratio, less the logarithm of how many of their kind there are."""
    x, p = case.run.x, case.params
    masks = {c: np.array([c.inside(x[c.name].to_numpy(), r) for r in c.runs()]) for c in columns}
    alone = {c: _gains(masks[c], wrong, expected, here, ~here, p["min_rows"]).max() for c in columns}
    first = sorted(range(len(columns)), key=lambda i: -alone[columns[i]])[: p["paired"]]
    coarse = [columns[i].coarse() for i in sorted(first)]
    wide = {c: np.array([c.inside(x[c.name].to_numpy(), r) for r in c.runs()]) for c in coarse}
    doubles = [*combinations(coarse, 2)]
    sizes = sum(len(masks[c]) for c in columns), sum(len(wide[a]) * len(wide[b]) for a, b in doubles)
    now, later, found = here.copy(), ~here, []
    while len(found) < p["slices"]:
        best, top = None, -math.inf
        for c in columns:
            gains = _gains(masks[c], wrong, expected, now, later, p["min_rows"]) - math.log(max(sizes[0], 1))
            if gains.max() > top:
                top, best = gains.max(), ((c, c.runs()[int(gains.argmax())]),)
        for a, b in doubles:
            both = (wide[a][:, None] & wide[b][None]).reshape(-1, len(x))
            gains = _gains(both, wrong, expected, now, later, p["min_rows"]) - math.log(max(sizes[1], 1))
            if gains.max() > top:
                i, j = divmod(int(gains.argmax()), len(wide[b]))
                top, best = gains.max(), ((a, a.runs()[i]), (b, b.runs()[j]))
        if best is None:
            break
        found.append(best)
        inside = _mask(x, best)
        now, later = now & ~inside, later & ~inside
    return found, sum(sizes)


def _gains(
    of: np.ndarray, wrong: np.ndarray, expected: np.ndarray,
    now: np.ndarray, later: np.ndarray, least: int,
) -> np.ndarray:  # fmt: skip
    rows, others = of[:, now].sum(axis=1), of[:, later].sum(axis=1)
    hits, due = of[:, now] @ wrong[now].astype(float), of[:, now] @ expected[now]
    fits = (rows >= least) & (others >= least) & (rows <= 0.6 * now.sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        safe = np.clip(due, 1e-9, np.maximum(rows - 1e-9, 1e-9))
        ratio = xlogy(hits, hits / safe) + xlogy(rows - hits, (rows - hits) / (rows - safe))
    return np.where(fits, np.where(hits > due, ratio, 0.0), -math.inf)


def _taught(case: Case, wrong: np.ndarray) -> Callable[[Sequence[Condition]], float | None]:
    """Error rate in training of a slice, raised by how much more is wrong outside of training."""
    run = case.run
    missed = np.asarray(run.model.predict(run.train_x), dtype=object) != run.train_y
    more = max(float(wrong.mean() - missed.mean()), 0.0)

    def error(place: Sequence[Condition]) -> float | None:
        inside = _mask(run.train_x, place)
        return min(float(missed[inside].mean()) + more, 1.0) if inside.sum() >= 10 else None

    return error


def _clear(measured: dict[str, tuple[int, int, float, float | None]], alpha: float, learned: bool) -> dict[str, float]:
    """By how much an error rate clearly exceeds the ordinary one; alpha is halved from slice to slice."""
    found, rest, carried = {}, alpha, 0.0
    for i, (t, (k, m, expected, taught)) in enumerate(measured.items()):
        own = rest if i == len(measured) - 1 else rest / 2
        rest, carried = rest - own, carried + own
        least = (taught or 0.0) if learned else 0.0
        clear = (share(k, m, 1 - 2 * carried).low or 0) > max(expected, least)
        found[t] = max(round(k / m - max(expected, least), 12), 0.0) if clear else 0.0
        carried = carried if clear else 0.0
    return found
