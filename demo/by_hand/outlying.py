"""By hand: values beyond the tail of their column, and rows beyond the tail of all rows."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from hand_check import HandTable
from scipy import stats

from by_hand.base import Case, Found, checks, plain

TOGETHER = "(columns together)"


@checks("outliers")
def outliers(case: Case) -> Found:
    """Pareto tails compared by scipy's F distribution, candidate by candidate; the joint distance by numpy."""
    run, alpha = case.run, case.params["alpha"]
    n = len(run.x)
    outside = np.zeros(n, dtype=bool)
    shares = {}
    for c in run.x:
        rows = _column(run.x[c].to_numpy(), run.train_x[c].to_numpy(), alpha / run.x.shape[1])
        shares[c] = rows.mean()
        outside |= rows
    joint = _jointly(run.x, run.train_x, outside, alpha)
    assert not outside.any() and not joint, "the tables of what was found are not made by hand"
    return {
        **{f"clear_outliers[{c}]": plain(v, "scipy F distribution over Pareto tails") for c, v in shares.items()},
        f"clear_outliers[{TOGETHER}]": plain(joint / n, "Mahalanobis distance of normal scores; scipy F"),
        "outlying_rows": plain((outside.sum() + joint) / n, "counted"),
        "figure columns": HandTable([], "nothing was found"),
        "figure rows": HandTable([], "nothing was found"),
    }


def _far_out(d: np.ndarray, rows: int, alpha: float, step: float, ratio: float) -> int:
    """How many of the distances, largest first, lie beyond what the next ones below let expect."""
    most = max(3, int(0.02 * rows))
    size = int(min(max(0.1 * rows, 8), 100))
    distinct = [i for i in range(len(d)) if i == 0 or d[i] < d[i - 1]]
    ends = [*distinct[1:], len(d)]
    if len(d) > most and d[most] < d[0] < ratio * d[most]:
        return 0
    candidates = 0
    for j, end in enumerate(ends):
        first = j == 0 and end <= min(rows / 2, len(d) - 8)
        if not first and (j == 0 or end > most or len(d) - end < 8):
            break
        candidates = j + 1
    assert candidates <= 12, "more candidates than are tried one by one"
    spread = _spread(d, distinct, ends, step)
    found = 0
    for j in range(candidates):
        start = ends[j]
        below = np.log(spread[start : start + size])
        m = len(below)
        hill = (below[:-1].sum() + (j + 1) * below[0] - (j + m) * below[-1]) / (m - 1)
        tops = sum(math.log(max(d[distinct[i]] - step / 2, 1e-300)) for i in range(j + 1))
        edge = math.log(d[start] + step / 2)
        excess = max(tops - (j + 1) * edge, 0) / max(hill, 1e-12)
        p = stats.f.sf(excess / (j + 1), 2 * (j + 1), 2 * (m - 1))
        far = math.log(max(d[distinct[j]] - step / 2, 1e-300)) - edge >= math.log(ratio)
        if p * candidates <= alpha and far:
            found = start
    return found


def _spread(d: np.ndarray, distinct: list[int], ends: list[int], step: float) -> np.ndarray:
    """Equal distances spread evenly over the step around them."""
    out = d.astype(float).copy()
    for a, b in zip(distinct, ends, strict=True):
        k = b - a
        out[a:b] += step * (0.5 - (np.arange(k) + 0.5) / k)
    return np.maximum(out, 1e-300)


def _column(ours: np.ndarray, theirs: np.ndarray, alpha: float) -> np.ndarray:
    x = np.sort(np.r_[ours, theirs])
    values = np.unique(x)
    gaps = np.sort(np.diff(values))
    step = float(gaps[(len(gaps) - 1) // 2]) if 1 < len(values) < len(x) else 0.0
    ratio = 2.0 if len(values) >= 10 else 20.0
    middle, n = float(np.median(x)), len(x)
    up, down = np.sort(x[x > middle] - middle)[::-1], np.sort(middle - x[x < middle])[::-1]
    high, low = np.inf, -np.inf
    if k := _far_out(up, n, alpha / 3, step, ratio):
        high = middle + up[k - 1]
    if k := _far_out(down, n, alpha / 3, step, ratio):
        low = middle - down[k - 1]
    spreads = [float(np.median(side)) if len(side) >= 0.1 * n else 0.0 for side in (up, down)]
    spreads = [s or max(spreads) for s in spreads]
    if all(spreads):
        both = np.sort(np.r_[up / spreads[0], down / spreads[1]])[::-1]
        if k := _far_out(both, n, alpha / 3, step / min(spreads), ratio):
            high = min(high, middle + spreads[0] * both[k - 1])
            low = max(low, middle - spreads[1] * both[k - 1])
    return (ours >= high) | (ours <= low)


def _jointly(ours: pd.DataFrame, theirs: pd.DataFrame, outside: np.ndarray, alpha: float) -> int:
    """How many rows of the table are far from all others in their combination."""
    inside = ours[~outside]
    most = min(30, len(inside) // 10)
    related = inside.rank(method="first").corr().abs().to_numpy().copy()
    np.fill_diagonal(related, 0)
    kept = (
        sorted(np.argsort(-related.max(axis=0), kind="stable")[:most])
        if inside.shape[1] > most
        else range(inside.shape[1])
    )
    both = pd.concat([inside, theirs]).iloc[:, list(kept)]
    z = stats.norm.ppf(both.rank().to_numpy() / (len(both) + 1))
    usual = np.ones(len(z), dtype=bool)
    d = np.zeros(len(z))
    for _ in range(2):
        s = z[usual].T @ z[usual] / usual.sum()
        s = 0.98 * s + 0.02 * np.eye(len(s)) * np.trace(s) / len(s)
        d = np.sqrt(np.einsum("ij,ij->i", z, np.linalg.solve(s, z.T).T))
        usual = d <= np.quantile(d, 0.95)
    order = np.argsort(-d, kind="stable")
    k = _far_out(d[order], len(z), alpha, 0.0, 1.3)
    return int((order[:k] < len(inside)).sum())
