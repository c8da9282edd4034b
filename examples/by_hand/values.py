"""How far the numbers that a model forecasts lie from the true ones, and what they rest on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hand_check import Hand, HandTable
from scipy import stats
from sklearn import metrics
from sklearn.base import clone
from sklearn.tree import DecisionTreeRegressor

from .case import Case
from .classes import NOT_GIVEN, RATIO, hand, saved
from .intervals import DELTA, EXACT, T, Three, delta, mean, share, together

Claims = dict[str, Any]


def regression_performance(case: Case, parameters: dict[str, Any]) -> Claims:
    """Compare numbers with scikit-learn."""
    error, n, how = case.said - case.truth, len(case.truth), "scikit-learn"
    rmse = delta(lambda w: math.sqrt(np.average(error**2, weights=w)), n, low=0)
    assert abs(rmse[0] - metrics.root_mean_squared_error(case.truth, case.said)) < 1e-9
    size = np.sort(np.abs(error))
    counts, edges = np.histogram(error, 30)
    steps = [("absolute error", q / 100, size[max(math.ceil(q * n / 100 - 1e-9), 1) - 1]) for q in range(101)]
    return {
        "mae": hand(
            (metrics.mean_absolute_error(case.truth, case.said), *mean(np.abs(error), low=0)[1:]), n, f"{how}; {T}"
        ),
        "rmse": hand(rmse, n, f"{how}; {DELTA}", numeric=True),
        "r2": hand(_r2(case.truth, case.said), n, f"{how} r2_score; {DELTA}", numeric=True),
        "bias": hand(mean(error), n, T),
        "median_absolute_error": hand(_median(size), n, "numpy.median; ranks from scipy.stats.binom (Conover 3.2)"),
        "figure errors": HandTable(list(zip(edges, edges[1:], map(int, counts), strict=False)), "numpy.histogram"),
        "figure absolute_error_quantiles": HandTable(steps, "ordered errors"),
    }


def _r2(truth: np.ndarray, said: np.ndarray) -> Three:
    found = delta(lambda w: metrics.r2_score(truth, said, sample_weight=w), len(truth), high=1)
    assert abs(found[0] - metrics.r2_score(truth, said)) < 1e-12
    return found


def _median(size: np.ndarray) -> Three:
    """Give the median with the two ordered values between which it lies with 95 % at least, as near as may be."""
    n = len(size)
    ranks = [r for r in range(1, n // 2 + 1) if stats.binom.cdf(r - 1, n, 0.5) <= 0.025]
    return float(np.median(size)), float(size[max(ranks) - 1]), float(size[n - max(ranks)])


def baseline_gain(case: Case, parameters: dict[str, Any]) -> Claims:
    """Compare with mean and median of the training labels."""
    y, said, labels = case.truth, case.said, case.train[case.label]
    middle, median = float(labels.mean()), float(np.sort(labels)[math.ceil(len(labels) / 2) - 1])
    r = delta(lambda w: _correlation(y, said, w), len(y), low=-1, high=1)
    assert abs(r[0] - stats.pearsonr(y, said).statistic) < 1e-12
    skill = {
        "squared error": saved((said - y) ** 2, (middle - y) ** 2),
        "absolute error": saved(np.abs(said - y), np.abs(median - y)),
        "correlation": r,
    }
    found: Claims = {f"skill[{k}]": hand(e, len(y), RATIO) for k, e in list(skill.items())[:2]}
    found["skill[correlation]"] = hand(r, len(y), f"scipy.stats.pearsonr; {DELTA}", numeric=True)
    found |= dict.fromkeys(
        ["update_gain", "clear_update_loss", "negative_flip_rate", "mcnemar_p", "matched_share"], NOT_GIVEN
    )
    assert skill["squared error"][1] > 0, "it must be looked at what else the lack is made of"
    return found | {
        "accuracy_gain": Hand(None, reason="The task is regression", how="there are no classes"),
        "clear_lack": Hand(0.0, how="0, as the interval of a skill lies above 0"),
        "figure skills": HandTable([(k, *e) for k, e in skill.items()], "as the measures", within=1e-6),
        "figure trivial_model": HandTable(
            [("mean", middle, "training labels"), ("median", median, "training labels")], "pandas"
        ),
    }


def _correlation(a: np.ndarray, b: np.ndarray, w: np.ndarray) -> float:
    together_ = np.cov(a, b, aweights=w, ddof=0)
    return float(together_[0, 1] / math.sqrt(together_[0, 0] * together_[1, 1]))


# -- intervals that promise -----------------------------------------------------------------------------------


def conformal_coverage(case: Case, parameters: dict[str, Any]) -> Claims:
    """Calibrate on half of the rows (which half is drawn from the seed), measure on the other."""
    n, promised = len(case.truth), parameters["coverage"]
    here = np.zeros(n, dtype=bool)
    here[np.random.default_rng(0).permutation(n)[: n // 2]] = True
    score, said = np.abs(case.truth - case.said), case.said[~here]
    limit = _limit(score[here], promised)
    covered = score[~here] <= limit
    trivial = _limit(np.abs(case.truth[here] - np.median(case.truth[here])), promised)
    k, fit, rest = math.ceil((here.sum() + 1) * promised), int(here.sum()), int((~here).sum())
    low, high = np.sort(said)[[math.floor(q * (rest - 1) + 1e-9) for q in (1 / 3, 2 / 3)]]
    parts = {
        f"predicted <= {low:.4g}": said <= low,
        f"{low:.4g} < predicted <= {high:.4g}": (said > low) & (said <= high),
        f"predicted > {high:.4g}": said > high,
    }
    found: Claims = {}
    bars = []
    for name, inside in parts.items():
        e = share(covered[inside], together(0.95, 3))
        found[f"slice_coverage[{name}]"] = hand(e, int(inside.sum()), f"{EXACT} (Bonferroni)")
        bars.append((name, *e))
    levels = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99)
    sizes = [("size", c, _limit(score[here], c)) for c in levels if math.ceil((fit + 1) * c - 1e-9) <= fit]
    how = "the ceil((n + 1) 0.9)-th smallest residual; MAPIE agrees"
    assert abs(_by_mapie(case, here, promised) - limit) < 1e-9
    return found | {
        "half_width": Hand(limit, how=how),
        "relative_size": Hand(limit / trivial, how="the same around the median of the calibration half"),
        "coverage": hand(share(covered), rest, EXACT),
        "coverage_chance": Hand(
            float(stats.betabinom.cdf(int(covered.sum()), rest, k, fit + 1 - k)), how="scipy.stats.betabinom"
        ),
        "set_size": Hand(None, reason="The answers are numbers", how="there are no classes"),
        "figure by_slice": HandTable(sorted(bars, key=lambda b: b[1]), EXACT),
        "figure size_by_coverage": HandTable(sizes, "ordered residuals"),
    }


def _limit(score: np.ndarray, promised: float) -> float:
    return float(np.sort(score)[math.ceil((len(score) + 1) * promised - 1e-9) - 1])


def _by_mapie(case: Case, here: np.ndarray, promised: float) -> float:
    from mapie.regression import SplitConformalRegressor

    x = case.test[list(case.model.feature_names_in_)]
    made = SplitConformalRegressor(case.model, confidence_level=promised, prefit=True)
    _, ends = made.conformalize(x[here], case.truth[here]).predict_interval(x[~here])
    return float((ends[0, 1, 0] - ends[0, 0, 0]) / 2)


# -- what the answers rest on ---------------------------------------------------------------------------------


def surrogate_fidelity(case: Case, parameters: dict[str, Any]) -> Claims:
    """Grow scikit-learn's tree on the answers for one half of the rows (drawn from the seed), compare on the other."""
    x = case.test.drop(columns=case.label)
    n = len(x)
    out = np.random.default_rng([0, n]).permutation(n) < round(parameters["held_out"] * n)
    tree = DecisionTreeRegressor(max_depth=parameters["depth"], random_state=0).fit(
        x[~out].to_numpy(float), case.said[~out]
    )
    said, truth, usual = tree.predict(x[out].to_numpy(float)), case.said[out], case.said[~out].mean()
    rows = int(out.sum())
    used = {int(f) for f in tree.tree_.feature if f >= 0}
    leaf = tree.apply(x[out].to_numpy(float))
    lines = [
        (_way(tree, node, list(x.columns)), float((leaf == node).mean()), float(said[leaf == node][0]), None)
        for node in np.unique(leaf)
        if (leaf == node).sum() >= 5
    ]
    return {
        "fidelity": Hand(None, reason="The model's answers are numbers", how="there are no classes"),
        "fidelity_r2": hand(_r2(truth, said), rows, f"scikit-learn tree and r2_score; {DELTA}", numeric=True),
        "skill": hand(saved((truth - said) ** 2, (truth - usual) ** 2), rows, RATIO),
        "leaves": Hand(float(tree.get_n_leaves()), how="scikit-learn"),
        "columns_used": Hand(float(len(used)), how="scikit-learn"),
        "figure rules": HandTable(sorted(lines, key=lambda r: -r[1]), "decision paths of scikit-learn's tree"),
    }


def _way(tree: DecisionTreeRegressor, node: int, names: list[str]) -> str:
    """Give the conditions on the way to a node, from the node upwards."""
    t, said = tree.tree_, []
    while node:
        for parent in range(t.node_count):
            if node in (t.children_left[parent], t.children_right[parent]):
                sign = "<=" if node == t.children_left[parent] else ">"
                said.append(f"{names[t.feature[parent]]} {sign} {t.threshold[parent]:.4g}")
                node = parent
                break
    return " and ".join(reversed(said))


def feature_importance(case: Case, parameters: dict[str, Any]) -> Claims:
    """Shuffle each column as often, with the same shuffles (from the seed), and ask the model again row by row."""
    x, y, repeats = case.test.drop(columns=case.label), case.truth, parameters["repeats"]
    n, k = x.shape
    plain = np.abs(case.said - y)
    spread, squares = float(np.std(y)), (y - y.mean()) ** 2
    found: Claims = {}
    bars, worse = [], []
    for i, column in enumerate(x.columns):
        rng = np.random.default_rng([0, i])
        received, gave = np.zeros(n), np.zeros(n)
        for _ in range(repeats):
            giver = rng.permutation(n)
            error = np.abs(case.ask(x.assign(**{column: x[column].to_numpy()[giver]})) - y)
            received += error / repeats
            gave[giver] += error / repeats
        worse.append(received - plain)
        importance = float((received - plain).mean()) / spread
        # A row has a part as the one that receives and as the one that gives, and in the standard deviation.
        part = (received - received.mean() + gave - gave.mean() - plain + plain.mean()) / spread
        part = part - importance * (squares / spread**2 - 1) / 2
        margin = float(stats.t.ppf((1 + together(0.95, k)) / 2, n - 1)) * float(np.std(part, ddof=1)) / math.sqrt(n)
        e = importance, importance - margin, importance + margin
        found[f"importance[{column}]"] = hand(
            e, n, "model asked again with the same shuffles; two-sample projection, t"
        )
        bars.append((column, *e))
    halves = np.random.default_rng([0, k])
    taus, drop = [], np.array(worse)
    for _ in range(20):
        first = halves.permutation(n) < n // 2
        taus.append(stats.weightedtau(drop[:, first].mean(axis=1), drop[:, ~first].mean(axis=1)).statistic)
    top = np.maximum(drop.mean(axis=1), 0)
    return found | {
        "rank_stability": Hand(float(np.mean(taus)), how="scipy.stats.weightedtau over the same 20 halves"),
        "share_of_top": Hand(float(top.max() / top.sum()), how="from the importances"),
        "columns_left_out": Hand(0.0, how="all columns were looked at"),
        "figure importance_by_column": HandTable(sorted(bars, key=lambda b: -b[1]), "as the measures"),
    }


# -- luck -----------------------------------------------------------------------------------------------------


def cross_validation_spread(case: Case, parameters: dict[str, Any]) -> Claims:
    """Train copies without each fold (folds from the seed) and compare their absolute errors."""
    x, y = case.train.drop(columns=case.label), case.train[case.label].to_numpy(float)
    n, alpha = len(y), parameters["alpha"]
    k = min(parameters["folds"], n // 10, parameters["work"] // (x.shape[1] + 15))
    fold = np.empty(n, dtype=int)
    fold[np.random.default_rng([0, 1, 0]).permutation(n)] = np.arange(n) % k
    trivial = np.abs(y - np.median(y)).mean()
    own, far = np.empty(n), []
    for f in range(k):
        fitted = clone(case.model).fit(x[fold != f], y[fold != f])
        own[fold == f] = 1 - np.abs(fitted.predict(x[fold == f]) - y[fold == f]) / trivial
        far.append(1 - np.abs(fitted.predict(case.test[x.columns]) - case.truth) / trivial)
    scores = np.array([own[fold == f].mean() for f in range(k)])
    rows = np.array([(fold == f).sum() for f in range(k)])
    copies = np.mean(far, axis=0)
    given = 1 - np.abs(case.said - case.truth) / trivial
    ratio = float(np.mean(rows / (n - rows)))
    margin = stats.t.ppf(0.975, k - 1) * math.sqrt((1 / k + ratio) * scores.var(ddof=1))
    how = "copies trained anew, folds from the seed"
    found: Claims = {f"fold_score[fold {f + 1}]": Hand(float(s), how=how) for f, s in enumerate(scores)}
    limit = stats.t.ppf(1 - alpha / k / 2, n - 1) * np.sqrt(own.var(ddof=1) * (1 / rows - 1 / n))
    away = np.abs(scores - own.mean())
    clear = np.where(away > limit, away, 0.0)
    found |= {f"clear_deviation[fold {f + 1}]": Hand(float(c), how=f"{how}; {T}") for f, c in enumerate(clear)}
    gap, sure = (_two_samples(copies, own, c) for c in (0.95, 1 - alpha))
    model_gap, model_sure = (mean(given - copies, c) for c in (0.95, 1 - alpha))
    cv = float(scores.mean()), float(scores.mean() - margin), min(float(scores.mean() + margin), 1.0)
    table = [(f"fold {f + 1}", int(n - rows[f]), int(rows[f]), scores[f], clear[f]) for f in range(k)]
    bars = [(f"fold {f + 1}", s, None, None) for f, s in enumerate(scores)]
    bars += [("cross-validation", *cv), ("test rows", *mean(copies))]
    return found | {
        "cv_score": hand(cv, n, f"{how}; interval of Nadeau and Bengio (2003)"),
        "spread": Hand(float(scores.std(ddof=1)), how=how),
        "test_score": hand(mean(copies), len(copies), f"{how}; {T}"),
        "held_out_gap": hand(gap, n + len(copies), f"{how}; two samples"),
        "clear_gap": Hand(abs(gap[0]) if sure[1] > 0 or sure[2] < 0 else 0.0, how=how),
        "model_gap": hand(model_gap, len(copies), f"{how}; {T}"),
        "clear_model_gap": Hand(
            abs(model_gap[0]) if model_sure[1] > 0 or model_sure[2] < 0 else 0.0, how=f"{how}; {T}"
        ),
        "figure scores": HandTable(bars, how),
        "figure folds": HandTable(table, how),
    }


def _two_samples(a: np.ndarray, b: np.ndarray, confidence: float) -> Three:
    """Give the difference of means with the spread of each, t at all rows less one."""
    n = len(a) + len(b)
    d = float(a.mean() - b.mean())
    margin = stats.t.ppf((1 + confidence) / 2, n - 1) * math.sqrt((a.var() / len(a) + b.var() / len(b)) * n / (n - 1))
    return d, float(d - margin), float(d + margin)
