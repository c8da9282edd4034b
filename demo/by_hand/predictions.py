"""By hand: AITs that compare predictions with labels."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pandas as pd
from hand_check import Hand, HandTable
from scipy import optimize, stats
from scipy.special import expit, logit
from sklearn import metrics

from by_hand.base import (
    Case,
    Found,
    bars,
    by_weights,
    checks,
    curves,
    each,
    mean,
    mover,
    plain,
    ranked,
    share,
    undefined,
)


@checks("classification_performance")
def classification_performance(case: Case) -> Found:
    """Everything by scikit-learn; counts from its confusion matrix."""
    truth, said, names = case.run.truth, case.run.predicted, case.run.classes
    table = metrics.confusion_matrix(truth, said, labels=names)
    right, occurs, predicted = table.diagonal(), table.sum(axis=1), table.sum(axis=0)
    how = "sklearn.metrics."
    f1 = metrics.f1_score(truth, said, labels=names, average=None)
    recall = {c: share(right[i], occurs[i], case.level) for i, c in enumerate(names)}
    found: Found = {
        "accuracy": share(int((truth == said).sum()), len(truth), case.level),
        "balanced_accuracy": plain(metrics.balanced_accuracy_score(truth, said), how + "balanced_accuracy_score"),
        "f1_average": plain(metrics.f1_score(truth, said, average=case.params["average"]), how + "f1_score"),
        "mcc": plain(metrics.matthews_corrcoef(truth, said), how + "matthews_corrcoef"),
    }
    for i, c in enumerate(names):
        found |= {
            f"f1[{c}]": plain(f1[i], how + "f1_score"),
            f"recall[{c}]": recall[c],
            f"precision[{c}]": share(right[i], predicted[i], case.level),
        }
    found["figure recall_by_class"] = bars(ranked(recall, lowest=True))
    rows = [[c, *map(int, table[i])] for i, c in enumerate(names)]
    found["figure confusion_matrix"] = HandTable(rows, how + "confusion_matrix")
    return found


# -- baseline_gain --------------------------------------------------------------------------------------------


@checks("baseline_gain")
def baseline_gain(case: Case) -> Found:
    """Skills against sklearn's DummyClassifier fitted to the training labels."""
    from sklearn.dummy import DummyClassifier

    run, n = case.run, len(case.run.y)
    dummy = DummyClassifier(strategy="prior").fit(np.zeros((len(run.train_y), 1)), run.train_y.astype(str))
    usual = dummy.predict(np.zeros((n, 1)))
    prior = dict(zip(dummy.classes_, dummy.class_prior_, strict=True))
    wrong, by_rote = (run.predicted != run.y).astype(float), (usual != run.y).astype(float)
    true = (run.y[:, None] == np.asarray(run.classes, dtype=object)[None, :]).astype(float)
    squares = ((run.probabilities - true) ** 2).sum(axis=1)
    rote = ((np.array([[prior[c] for c in run.classes]]) - true) ** 2).sum(axis=1)

    def saved(ours: np.ndarray, theirs: np.ndarray) -> Hand:
        return by_weights(lambda w: 1 - float(w @ ours) / float(w @ theirs), n, case.level, high=1.0)

    last = run.classes[1]
    ranking = by_weights(
        lambda w: 2 * metrics.roc_auc_score(run.y == last, run.probabilities[:, 1], sample_weight=w) - 1,
        n, case.level, -1.0, 1.0, how="2 sklearn roc_auc_score - 1; numerical derivative by weights",
    )  # fmt: skip
    skill = {
        "accuracy": saved(wrong, by_rote),
        "balanced accuracy": _balanced(case),
        "Brier score": saved(squares, rote),
        "ranking": ranking,
    }
    best = max(skill[k].high or 0 for k in ("accuracy", "balanced accuracy", "Brier score"))
    shown = max(e.low or 0 for e in skill.values())
    lack = 1 - best if best < 0 else 0.0 if shown > 0 else max(0.0, 1 - max(e.high or 0 for e in skill.values()))
    found: Found = {f"skill[{k}]": e for k, e in skill.items()}
    found["accuracy_gain"] = mean(by_rote - wrong, case.level, -1, 1)
    found["clear_lack"] = plain(lack, "from the ends of the skills above")
    for name in ("clear_update_loss", "matched_share", "mcnemar_p", "negative_flip_rate", "update_gain"):
        found[name] = undefined("No previous version")
    found["figure skills"] = bars([*skill.items()])
    shares = sorted(prior.items(), key=lambda item: -item[1])
    rows = [[c, float(v), "training labels"] for c, v in shares]
    found["figure trivial_model"] = HandTable(rows, "sklearn DummyClassifier(prior)")
    return found


def _balanced(case: Case) -> Hand:
    """(Sum of recalls - 1) / (k - 1), the exact intervals of the recalls combined by squares."""
    run = case.run
    recalls = []
    for c in run.classes:
        at = run.y == c
        recalls.append(share(int((run.predicted[at] == c).sum()), int(at.sum()), case.level))
    k = len(recalls)
    v = (sum(r.value or 0 for r in recalls) - 1) / (k - 1)
    down = math.hypot(*[(r.value or 0) - (r.low or 0) for r in recalls]) / (k - 1)
    up = math.hypot(*[(r.high or 0) - (r.value or 0) for r in recalls]) / (k - 1)
    low, high = max(v - down, -1 / (k - 1)), min(v + up, 1.0)
    return Hand(v, low, high, len(run.y), "recalls by binomtest, combined by squares")


# -- calibration ----------------------------------------------------------------------------------------------

SIMULATED = 20_000


@checks("calibration")
def calibration(case: Case) -> Found:
    """Bins by numpy; what chance gives by a simulation of our own."""
    run, n, p = case.run, len(case.run.y), case.params
    top, right = run.probabilities.max(axis=1), run.predicted == run.y
    edges = np.linspace(0, 1, p["bins"] + 1)
    at = np.digitize(top, edges[1:-1], right=True)
    ece = _ece(top, right, at)
    positive = run.classes.index(run.positive) if run.positive in run.classes else 1
    of_positive, is_positive = run.probabilities[:, positive], run.y == run.classes[positive]
    true = np.array([run.classes.index(c) for c in run.y])
    chance = np.sort([_ece(top, d, at) for d in np.random.default_rng(12345).random((SIMULATED, n)) < top])
    rank = math.floor(p["alpha"] * (p["simulations"] + 1) + 1e-9)
    # The rank-th largest of so many draws lies between two quantiles, which the Beta law of its place gives.
    places = stats.beta.ppf([1e-4, 1 - 1e-4], p["simulations"] + 1 - rank, rank)
    low, high = np.quantile(chance, places)
    error = 4 * chance.std() * math.sqrt(1 / p["simulations"] + 1 / SIMULATED)
    held = np.unique(at)
    lines, points = [], []
    for b in held:
        e = share(int(right[at == b].sum()), int((at == b).sum()), each(case.level, len(held)))
        lines.append([edges[b], edges[b + 1], int((at == b).sum()), top[at == b].mean(), e.value, e.low, e.high])
        points.append((float(top[at == b].mean()), float(e.value or 0)))
    off = -np.log(np.maximum(run.probabilities[np.arange(n), true], np.finfo(float).eps))
    brier = mean((of_positive - is_positive) ** 2, case.level, 0, 2, "sklearn brier_score_loss; scipy t interval")
    assert abs((brier.value or 0) - metrics.brier_score_loss(is_positive, of_positive)) < 1e-12
    loss = mean(off, case.level, 0, math.inf, "sklearn log_loss; scipy t interval")
    assert abs((loss.value or 0) - metrics.log_loss(run.y.astype(str), run.probabilities, labels=run.classes)) < 1e-12
    drawn = f"{SIMULATED} draws of our own; order statistic at 0.01 to 99.99 %"
    return {
        "ece": plain(ece, "numpy digitize"),
        "clear_ece": plain(ece if ece > high else 0.0, "ece against the simulated limit"),
        "ece_by_chance": plain(chance.mean(), f"{SIMULATED} draws of our own; 4 standard errors", error),
        "ece_limit": plain((low + high) / 2, drawn, (high - low) / 2),
        "overconfidence": mean(top - right, case.level, -1, 1),
        "positive_ece": plain(
            _ece(of_positive, is_positive, np.digitize(of_positive, edges[1:-1], right=True)), "numpy"
        ),
        "brier": brier,
        "log_loss": loss,
        "figure bins": HandTable(lines, "numpy digitize; binomtest"),
        "figure reliability": curves({"model": points, "perfect": [(0, 0), (1, 1)]}, "as the bins"),
    }


def _ece(said: np.ndarray, happened: np.ndarray, at: np.ndarray) -> float:
    return sum(abs((said[at == b] - happened[at == b]).sum()) for b in np.unique(at)) / len(said)


# -- conformal_coverage ---------------------------------------------------------------------------------------


@checks("conformal_coverage")
def conformal_coverage(case: Case) -> Found:
    """Sets by MAPIE (LAC), calibrated on the half that numpy's generator draws."""
    run, n = case.run, len(case.run.y)
    promised = case.params["coverage"]
    here = np.zeros(n, dtype=bool)
    here[np.random.default_rng(case.seed).permutation(n)[: n // 2]] = True
    sets = _sets(case, here, promised)
    place = {c: i for i, c in enumerate(run.classes)}
    truth = np.array([place[c] for c in run.y[~here]])
    covered = sets[np.arange(len(truth)), truth]
    sizes = sets.sum(axis=1)
    m = int(here.sum())
    k = math.ceil((m + 1) * promised - 1e-9)
    rare = 1 - pd.Series(run.y[here]).value_counts(normalize=True)
    limit = np.sort(rare.loc[run.y[here]].to_numpy())[k - 1]
    by_slice = {
        f"class = {c}": share(int(covered[truth == i].sum()), int((truth == i).sum()), each(case.level, len(place)))
        for c, i in place.items()
    }
    levels = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99)
    line = [(c, float(_sets(case, here, c).sum(axis=1).mean())) for c in levels if math.ceil((m + 1) * c - 1e-9) <= m]
    chance = stats.betabinom.cdf(covered.sum(), len(covered), k, m + 1 - k)
    return {
        "coverage": share(int(covered.sum()), len(covered), case.level, "MAPIE SplitConformalClassifier; binomtest"),
        "coverage_chance": plain(chance, "scipy betabinom", 1e-8),
        "relative_size": plain(sizes.mean() / (rare <= limit).sum(), "MAPIE; class frequencies"),
        "set_size": mean(sizes, case.level, 0, math.inf, "MAPIE; scipy t interval"),
        "half_width": undefined("classes"),
        **{f"slice_coverage[{name}]": e for name, e in by_slice.items()},
        "figure by_slice": bars(ranked(by_slice, lowest=True)),
        "figure size_by_coverage": curves({"size": line}, "MAPIE at each level"),
    }


def _sets(case: Case, here: np.ndarray, promised: float) -> np.ndarray:
    from mapie.classification import SplitConformalClassifier

    run = case.run
    made = SplitConformalClassifier(run.model, confidence_level=promised, conformity_score="lac", prefit=True)
    made.conformalize(run.x[here], run.y[here].astype(str))
    return np.asarray(made.predict_set(run.x[~here])[1][:, :, 0], dtype=bool)


# -- risk_coverage --------------------------------------------------------------------------------------------


@checks("risk_coverage")
def risk_coverage(case: Case) -> Found:
    """Rows in order of their probability, by pandas; intervals by numerical derivatives."""
    run, n, level = case.run, len(case.run.y), case.level
    sure = run.probabilities.max(axis=1)
    order = np.argsort(-sure, kind="stable")
    wrong, sure = (run.predicted != run.y)[order].astype(float), sure[order]
    ties = pd.factorize(sure)[0]
    r, k = wrong.mean(), int(wrong.sum())
    area = _area(np.ones(n), wrong, ties)
    best = _area(np.ones(n), np.sort(wrong), np.arange(n))
    error = share(k, n, level)

    def weighted(w: np.ndarray) -> float:
        return _area(w, wrong, ties)

    def of_best(w: np.ndarray) -> float:
        rate = float(np.average(wrong, weights=w))
        return rate + (1 - rate) * math.log(1 - rate)

    def scaled(e: Hand) -> Hand:
        times = (e.value or 0) / (error.value or 1)
        low, high = min(e.low or 0, times * (error.low or 0)), max(e.high or 0, times * (error.high or 0))
        return Hand(
            e.value, low, min(high, 1.0), n, e.how + ", no narrower than the error rate's", interval_within=1e-6
        )

    harm = by_weights(lambda w: weighted(w) - float(np.average(wrong, weights=w)), n, 1 - 2 * case.params["alpha"])
    clear = max(area - r, 0) if (harm.low or 0) > 0 and k >= 5 else 0.0
    excess = by_weights(lambda w: weighted(w) - of_best(w), n, level, 0, 1, value=area - best)
    risks, lines = {}, []
    for c in case.params["coverages"]:
        inside = sure >= sure[math.ceil(c * n - 1e-9) - 1]
        e = risks[f"{c:g}"] = share(int(wrong[inside].sum()), int(inside.sum()), level)
        lines.append(
            [f"{c:g}", int(inside.sum()), sure[inside].min(), int(wrong[inside].sum()), e.value, e.low, e.high]
        )
    at = np.unique(np.linspace(0, n - 1, min(100, n)).round().astype(int))
    reached = np.arange(1, n + 1) / n
    drawn = {
        "model": [*zip(reached[at], _risks(np.ones(n), wrong, ties)[at], strict=True)],
        "best order": [*zip(reached[at], (np.cumsum(np.sort(wrong)) / np.arange(1, n + 1))[at], strict=True)],
        "any order": [(0.0, r), (1.0, r)],
    }
    return {
        "aurc": scaled(by_weights(weighted, n, level, 0, 1)),
        "excess_aurc": scaled(excess),
        "gain": plain((r - area) / (r - best), "numpy"),
        "error_rate": error,
        "clear_harm": plain(clear, "numerical derivative by weights"),
        **{f"risk[{c}]": e for c, e in risks.items()},
        "figure curve": curves(drawn, "numpy"),
        "figure levels": HandTable(lines, "numpy; binomtest"),
    }


def _risks(w: np.ndarray, wrong: np.ndarray, ties: np.ndarray) -> np.ndarray:
    expected = (np.bincount(ties, w * wrong) / np.bincount(ties, w))[ties]
    return np.cumsum(w * expected) / np.cumsum(w)


def _area(w: np.ndarray, wrong: np.ndarray, ties: np.ndarray) -> float:
    return float(np.average(_risks(w, wrong, ties), weights=w))


# -- label_errors ---------------------------------------------------------------------------------------------


@checks("label_errors")
def label_errors(case: Case) -> Found:
    """Confident learning by cleanlab; the noise floor by scipy's optimiser on single rows."""
    from cleanlab.count import compute_confident_joint

    run, n = case.run, len(case.run.y)
    p, names = run.probabilities, run.classes
    y = np.array([names.index(c) for c in run.y])
    top = p.argmax(axis=1)
    wrong = top != y
    joint, off = compute_confident_joint(y, p, calibrate=False, return_indices_of_off_diagonals=True)
    counted = _uncalibrated(y, p)
    # cleanlab sets an empty diagonal to 1, as the paper's program; nothing else differs from the counts.
    assert (np.maximum(counted.diagonal(), 1) == np.asarray(joint).diagonal()).all()
    off = np.array([i for i in np.asarray(off, dtype=int) if wrong[i]], dtype=int)
    stretched = np.asarray(compute_confident_joint(y, p, calibrate=True), dtype=float)
    given = np.bincount(y, minlength=len(names))
    noise = 1 - np.maximum(counted.diagonal(), 1) / np.asarray(joint).sum(axis=1)
    assert np.abs(stretched.sum(axis=1) - given).max() <= 1
    floor = _Floor(p[np.arange(n), top], wrong, case.level)
    flat, overlap = floor.flat_share, float(floor.overlap.mean())
    clear = floor.deviance > stats.chi2.isf(2 * case.params["alpha"], 1) and flat >= 0.5 and overlap <= 0.125
    margin = p[np.arange(n), y] - p[np.arange(n), top]
    worst = off[np.argsort(margin[off], kind="stable")][:50]
    chance = floor.value / np.maximum(floor.value + (1 - floor.value) * floor.overlap, 1e-12)
    rows = [[int(i), chance[i], k + 1] for k, i in enumerate(worst)]
    return {
        "clear_noise": plain(floor.value if clear else 0.0, "scipy minimize; chi-squared"),
        "noise_floor": Hand(floor.value, floor.low, floor.high, n, "scipy minimize and brentq", 1e-4, 1e-3),
        "flat_share": plain(flat, "scipy minimize"),
        "overlap": plain(overlap, "scipy minimize", 1e-5),
        "disagreement": plain(wrong.mean(), "counted"),
        "confident_errors": plain(len(off), "cleanlab compute_confident_joint"),
        "confident_share": plain(len(off) / n, "cleanlab compute_confident_joint"),
        **{f"class_noise[{c}]": plain(noise[i], "cleanlab compute_confident_joint") for i, c in enumerate(names)},
        "unknown_labels": plain(0, "all labels are classes of the model"),
        "figure confident_joint": HandTable([[c, *map(int, counted[i])] for i, c in enumerate(names)], "counted"),
        "figure suspects": HandTable(rows, "cleanlab; scipy minimize", 1e-3),
        "figure by_sureness": _sureness(floor, wrong),
    }


def _uncalibrated(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    k = p.shape[1]
    limits = np.array([p[y == c, c].mean() for c in range(k)])
    found = np.zeros((k, k), dtype=int)
    for i, row in enumerate(p):
        above = [c for c in range(k) if row[c] >= limits[c] - 1e-6]
        if above:
            found[y[i], max(above, key=lambda c: row[c])] += 1
    return found


class _Floor:
    """Disagreement = floor + (1 - floor) expit(a - b z), fitted to bins of rows; interval by the profile likelihood.

    Offset and slope, in standard deviations of z, are held near 0 by as much as a hundredth of a row weighs.
    """

    def __init__(self, sure: np.ndarray, wrong: np.ndarray, level: float, bins: int = 100) -> None:
        self.z = stats.norm.ppf((1 + (stats.rankdata(sure) - 0.5) / len(sure)) / 2)
        order = np.argsort(self.z, kind="stable")
        parts = [order[a:b] for a, b in pairwise(np.linspace(0, len(order), min(bins, len(order)) + 1).astype(int))]
        self.bins = [np.array([f(part) for part in parts], dtype=float) for f in (
            lambda at: self.z[at].mean(), lambda at: wrong[at].sum(), len)]  # fmt: skip
        grid = np.r_[0, np.geomspace(1e-4, 0.5, 60)]
        fits = [self._fit(f) for f in grid]
        values = np.array([v for v, _ in fits])
        at = int(values.argmax())
        self.value, (self.a, self.b) = float(grid[at]), fits[at][1]
        self.deviance = float(2 * (values[at] - values[0]))
        limit = stats.chi2.isf(1 - level, 1)
        fallen = 2 * (values[at] - values) - limit

        def zero(low: float, high: float) -> float:
            return float(optimize.brentq(lambda f: 2 * (values[at] - self._fit(f)[0]) - limit, low, high, xtol=1e-6))

        above = [i for i in range(at, len(grid)) if fallen[i] > 0]
        below = [i for i in range(at) if fallen[i] > 0]
        self.high = zero(grid[above[0] - 1], grid[above[0]]) if above else 0.5
        self.low = zero(grid[below[-1]], grid[below[-1] + 1]) if below else 0.0

    def _fit(self, floor: float) -> tuple[float, tuple[float, float]]:
        z, wrong, rows = self.bins
        u = (z - z.mean()) / z.std()

        def loss(t: np.ndarray) -> float:
            p = np.clip(floor + (1 - floor) * expit(t[0] - t[1] * u), 1e-9, 1 - 1e-9)
            return -float(wrong @ np.log(p) + (rows - wrong) @ np.log1p(-p)) + 0.005 * float(t @ t)

        starts = ([0, 2], [-2, 1], [-4, 4])
        tries = (optimize.minimize(loss, s, method="L-BFGS-B", bounds=[(-60, 60), (0, 60)], tol=1e-13) for s in starts)
        found = min(tries, key=lambda f: f.fun)
        b = found.x[1] / z.std()
        return -float(found.fun), (float(found.x[0] + b * z.mean()), float(b))

    @property
    def overlap(self) -> np.ndarray:
        return np.asarray(expit(self.a - self.b * self.z))

    @property
    def flat_share(self) -> float:
        return float((self.overlap < self.value).mean())


def _sureness(floor: _Floor, wrong: np.ndarray) -> HandTable:
    parts = np.array_split(np.argsort(floor.z, kind="stable"), min(20, len(wrong)))
    z = np.array([floor.z[part].mean() for part in parts])
    x = 2 * stats.norm.cdf(z) - 1
    lines = {
        "observed": [wrong[part].mean() for part in parts],
        "fitted": floor.value + (1 - floor.value) * expit(floor.a - floor.b * z),
        "noise floor": [floor.value] * len(parts),
    }
    series = {name: [*zip(x, line, strict=True)] for name, line in lines.items()}
    return curves(series, "scipy minimize; rows in 20 parts", 1e-4)


# -- membership_inference -------------------------------------------------------------------------------------


@checks("membership_inference")
def membership_inference(case: Case) -> Found:
    """Rates by binomtest, AUC by scikit-learn, the threshold on the half that numpy's generator draws."""
    run, level = case.run, case.level
    inside, known = _certainty(case, run.train_x, run.train_y)
    outside, new = _certainty(case, run.x, run.y)
    score, member = np.r_[inside, outside], np.r_[np.ones(len(inside), bool), np.zeros(len(outside), bool)]
    auc = _area_of_two(inside, outside, level)
    assert abs((auc.value or 0) - metrics.roc_auc_score(member, score)) < 1e-12
    a, b = share(int(known.sum()), len(known), level), share(int(new.sum()), len(new), level)
    n = len(outside)
    order = np.random.default_rng([case.seed, n]).permutation(n)
    setting = np.zeros(n, dtype=bool)
    setting[order[: (n + 1) // 2]] = True
    allowed = math.floor(case.params["fpr"] * setting.sum() * (1 + 1e-12))
    found: Found = {"advantage": mover(a, b, -1, 1), "train_accuracy": a, "test_accuracy": b, "attack_auc": auc}
    if allowed:
        threshold = np.sort(outside[setting])[::-1][allowed]
        found["low_fpr_tpr"] = share(int((inside > threshold).sum()), len(inside), level)
        rest = outside[~setting]
        found["low_fpr_reached"] = share(int((rest > threshold).sum()), len(rest), level)
    else:
        found |= {m: undefined("A false positive rate of") for m in ("low_fpr_tpr", "low_fpr_reached")}
    edges = np.linspace(0, 1, 21)
    counts = [np.histogram(x, edges)[0] / len(x) for x in (inside, outside)]
    rows = [[edges[i], edges[i + 1], *(c[i] for c in counts)] for i in range(20)]
    found["figure certainty"] = HandTable(rows, "numpy histogram")
    every = np.unique(score)[::-1]
    every = every[np.unique(np.linspace(0, len(every) - 1, 200).round().astype(int))] if len(every) > 200 else every
    line = [(0.0, 0.0), *(((outside >= t).mean(), (inside >= t).mean()) for t in every)]
    found["figure roc"] = curves({"attack": line, "guess": [(0, 0), (1, 1)]}, "counted")
    return found


def _area_of_two(ours: np.ndarray, theirs: np.ndarray, level: float) -> Hand:
    """AUC from all pairs; DeLong's variance is that of Welch's test on the two kinds' shares of pairs won."""
    won = (ours[:, None] > theirs[None, :]) + 0.5 * (ours[:, None] == theirs[None, :])
    v, fewest = float(won.mean()), min(won.shape)
    assert min(v, 1 - v) * fewest >= 1, "the interval for hardly a wrong pair is not made by hand"
    welch = stats.ttest_ind(won.mean(axis=1), 1 - won.mean(axis=0), equal_var=False).confidence_interval(level)
    margin = (welch.high - welch.low) / 2 / (v * (1 - v))
    low, high = (float(expit(logit(v) + side * margin)) for side in (-1, 1))
    return Hand(
        v, low, high, len(ours) + len(theirs), "sklearn roc_auc_score; scipy Welch interval, on the logit scale"
    )


def _certainty(case: Case, x: pd.DataFrame, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probability of the true class, and whether the answer is right."""
    p = case.run.model.predict_proba(x)
    at = [case.run.classes.index(c) for c in y]
    return p[np.arange(len(y)), at], np.asarray(case.run.model.predict(x), dtype=object) == y
