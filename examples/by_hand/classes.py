"""How good a classifier's answers and probabilities are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from hand_check import Hand, HandTable, HandText
from scipy import stats
from sklearn import metrics

from .case import Case
from .intervals import DELTA, EXACT, NUMERIC, T, Three, delta, mean, share

Claims = dict[str, Any]
DRAWS = 40_000


def hand(three: Three, n: int, how: str, numeric: bool = False) -> Hand:
    """Make a claim of a value with its interval."""
    return Hand(*three, n, how=how, interval_within=NUMERIC if numeric else None)


def classification_performance(case: Case, parameters: dict[str, Any]) -> Claims:
    """Compare classes with scikit-learn."""
    truth, said, names = case.truth, case.said, list(case.model.classes_)
    _, _, f1, _ = metrics.precision_recall_fscore_support(truth, said, labels=names)
    found: Claims = {"accuracy": hand(share(truth == said), len(truth), EXACT)}
    recall, how = {}, "scikit-learn"
    for name, f in zip(names, f1, strict=True):
        recall[name] = share(said[truth == name] == name)
        found[f"recall[{name}]"] = hand(recall[name], int((truth == name).sum()), EXACT)
        found[f"precision[{name}]"] = hand(share(truth[said == name] == name), int((said == name).sum()), EXACT)
        found[f"f1[{name}]"] = Hand(float(f), how=f"{how} precision_recall_fscore_support")
    matrix = metrics.confusion_matrix(truth, said, labels=names)
    worst = min(recall, key=lambda name: recall[name][0])
    value, low, high = recall[worst]
    text = f"Class {worst!r}: recall {value:.3f} [{low:.3f}, {high:.3f}]"
    text += f", against an accuracy of {(truth == said).mean():.3f} over all rows."
    found["finding, lowest recall"] = HandText(text, "as the measures")
    return found | {
        "balanced_accuracy": Hand(metrics.balanced_accuracy_score(truth, said), how=f"{how} balanced_accuracy_score"),
        "f1_average": Hand(metrics.f1_score(truth, said, average="macro"), how=f"{how} f1_score"),
        "mcc": Hand(metrics.matthews_corrcoef(truth, said), how=f"{how} matthews_corrcoef"),
        "figure confusion_matrix": HandTable(
            [(n, *map(int, row)) for n, row in zip(names, matrix, strict=True)], f"{how} confusion_matrix"
        ),
        "figure recall_by_class": HandTable(sorted(((n, *r) for n, r in recall.items()), key=lambda r: r[1]), EXACT),
    }


# -- what is gained -------------------------------------------------------------------------------------------


def saved(ours: np.ndarray, theirs: np.ndarray) -> Three:
    """Give 1 - mean(ours) / mean(theirs) with the interval of a ratio (Cochran, Sampling techniques, section 6.3)."""
    n, other = len(ours), float(np.mean(theirs))
    ratio = float(np.mean(ours)) / other
    error = float(np.std(ours - ratio * theirs, ddof=1)) / math.sqrt(n) / other
    margin = float(stats.t.ppf(0.975, n - 1)) * error
    return 1 - ratio, 1 - ratio - margin, min(1 - ratio + margin, 1.0)


RATIO = "ratio estimator (Cochran 6.3)"
NOT_GIVEN = Hand(None, reason="No previous version is given", how="there is one model only")


def baseline_gain(case: Case, parameters: dict[str, Any]) -> Claims:
    """Compare with the shares of the training labels."""
    truth, said, n = case.truth, case.said, len(case.truth)
    shares = case.train[case.label].value_counts(normalize=True)
    usual = shares.index[0]
    names = list(case.model.classes_)
    yes = (truth[:, None] == np.array(names)[None, :]).astype(float)
    p, q = case.probabilities.to_numpy(), shares.reindex(names).to_numpy()[None, :]
    skill = {
        "accuracy": saved((truth != said).astype(float), (truth != usual).astype(float)),
        "balanced accuracy": _balanced(truth, said, names),
        "Brier score": saved(((p - yes) ** 2).sum(axis=1), ((q - yes) ** 2).sum(axis=1)),
        "ranking": _gini(p[:, 1], truth == names[1]),
    }
    how = [
        RATIO,
        "mean recall; exact intervals of the recalls added by squares",
        RATIO,
        "DeLong's components, all pairs",
    ]
    found: Claims = {f"skill[{k}]": hand(s, n, h) for (k, s), h in zip(skill.items(), how, strict=True)}
    gain = mean((truth != usual).astype(float) - (truth != said), low=-1, high=1)
    nothing = 0.0 if max(s[1] for s in skill.values()) > 0 else 1 - max(s[2] for s in skill.values())
    assert max(s[2] for k, s in skill.items() if k != "ranking") >= 0, "errors are worse than the trivial model's"
    found |= dict.fromkeys(
        ["update_gain", "clear_update_loss", "negative_flip_rate", "mcnemar_p", "matched_share"], NOT_GIVEN
    )
    return found | {
        "accuracy_gain": hand(gain, n, T),
        "clear_lack": Hand(max(nothing, 0.0), how="0, as the interval of a skill lies above 0"),
        "figure skills": HandTable([(k, *s) for k, s in skill.items()], "as the measures"),
        "figure trivial_model": HandTable([(k, s, "training labels") for k, s in shares.items()], "value_counts"),
    }


def _balanced(truth: np.ndarray, said: np.ndarray, names: list[str]) -> Three:
    recalls = [share(said[truth == name] == name) for name in names]
    k = len(names)
    value = (sum(r[0] for r in recalls) - 1) / (k - 1)
    low = math.sqrt(sum((r[0] - r[1]) ** 2 for r in recalls)) / (k - 1)
    high = math.sqrt(sum((r[2] - r[0]) ** 2 for r in recalls)) / (k - 1)
    return value, value - low, min(value + high, 1.0)


def _gini(score: np.ndarray, positive: np.ndarray) -> Three:
    n, ours, theirs = len(score), score[positive], score[~positive]
    wins = (ours[:, None] > theirs[None, :]) + 0.5 * (ours[:, None] == theirs[None, :])
    area = metrics.roc_auc_score(positive, score)
    variance = wins.mean(axis=1).var() / len(ours) + wins.mean(axis=0).var() / len(theirs)
    margin = float(stats.t.ppf(0.975, n - 1)) * 2 * math.sqrt(variance * n / (n - 1))
    return 2 * area - 1, 2 * area - 1 - margin, min(2 * area - 1 + margin, 1.0)


# -- probabilities --------------------------------------------------------------------------------------------


def ece(said: np.ndarray, happened: np.ndarray, bins: int) -> float:
    """Give the expected calibration error with bins of equal width, each with its upper edge (Naeini et al. 2015)."""
    frame = pd.DataFrame({"said": said, "happened": happened.astype(float)})
    parts = frame.groupby(pd.cut(frame["said"], np.linspace(0, 1, bins + 1), include_lowest=True), observed=True)
    return float(((parts["said"].mean() - parts["happened"].mean()).abs() * parts.size()).sum() / len(frame))


def ece_by_chance(said: np.ndarray, bins: int, seed: int = 12345, draws: int = DRAWS) -> np.ndarray:
    """Draw the same error where every probability is right, with other random numbers and more of them."""
    rng = np.random.default_rng(seed)
    bin_of = pd.cut(said, np.linspace(0, 1, bins + 1), include_lowest=True, labels=False)
    here = [said[bin_of == b] for b in np.unique(bin_of)]
    off = np.zeros(draws)
    for p in here:
        happened = np.concatenate([(rng.random((1000, len(p))) < p).sum(axis=1) for _ in range(draws // 1000)])
        off += np.abs(happened - p.sum())
    return off / len(said)


def limit_of_chance(drawn: np.ndarray, simulations: int, alpha: float) -> tuple[float, float]:
    """Give the limit, and how far the limit of so few simulations may lie from it (1 in 10,000 either way).

    The k-th largest of m is the quantile at a Beta(m + 1 - k, k) distributed share.
    """
    k = math.floor(alpha * (simulations + 1) + 1e-9)
    ends = np.quantile(drawn, stats.beta.ppf([1e-4, 1 - 1e-4], simulations + 1 - k, k))
    limit = float(np.quantile(drawn, 1 - alpha))
    return limit, float(np.abs(ends - limit).max())


def clear_ece(
    said: np.ndarray, happened: np.ndarray, bins: int, limit: float, around: float, draws: int, rank: int
) -> Hand:
    """Give the error if it is above the limit, else 0.

    Where it lies so near to the limit that another seed may tell otherwise, the draws of the AIT are repeated from its
    seed: rows in the order of their bins, one uniform number each.
    """
    error, how = ece(said, happened, bins), "ECE against the limit of our own draws"
    if abs(error - limit) <= around:
        how = "ECE so near to the limit that the seed decides; the same draws, from the seed"
        bin_of = pd.cut(said, np.linspace(0, 1, bins + 1), include_lowest=True, labels=False)
        order = np.argsort(bin_of, kind="stable")
        came = np.random.default_rng(0).random((draws, len(said))) < said[order]
        off = [np.abs((came - said[order])[:, bin_of[order] == b].sum(axis=1)) for b in np.unique(bin_of)]
        limit = float(np.sort(np.sum(off, axis=0) / len(said))[-rank])
    return Hand(error if error > limit else 0.0, how=how)


CHANCE = f"{DRAWS:,} draws of our own; Monte-Carlo error"


def calibration(case: Case, parameters: dict[str, Any]) -> Claims:
    """Compare probabilities with what came true."""
    names, p = list(case.model.classes_), case.probabilities.to_numpy()
    top, right, n = p.max(axis=1), np.array(names)[p.argmax(axis=1)] == case.truth, len(case.truth)
    bins, draws = parameters["bins"], parameters["simulations"]
    error, drawn = ece(top, right, bins), ece_by_chance(top, bins)
    limit, around = limit_of_chance(drawn, draws, parameters["alpha"])
    rank = math.floor(parameters["alpha"] * (draws + 1) + 1e-9)
    positive = names.index(case.positive)
    squares = (p[:, positive] - (case.truth == case.positive)) ** 2
    of_truth = p[np.arange(n), [names.index(t) for t in case.truth]]
    brier = metrics.brier_score_loss(case.truth == case.positive, p[:, positive])
    log_loss = metrics.log_loss(case.truth, p, labels=names)
    assert abs(brier - squares.mean()) < 1e-12 and abs(log_loss + np.log(of_truth).mean()) < 1e-12
    table = _bins(top, right, bins)
    return {
        "clear_ece": clear_ece(top, right, bins, limit, around, draws, rank),
        "ece": Hand(error, how="pandas.cut"),
        "ece_by_chance": Hand(float(drawn.mean()), how=CHANCE, within=5 * float(drawn.std()) / math.sqrt(draws)),
        "ece_limit": Hand(limit, how=CHANCE, within=around),
        "overconfidence": hand(mean(top - right, low=-1, high=1), n, T),
        "positive_ece": Hand(ece(p[:, positive], case.truth == case.positive, bins), how="pandas.cut"),
        "brier": hand((brier, *mean(squares, low=0)[1:]), n, f"scikit-learn brier_score_loss; {T}"),
        "log_loss": hand((log_loss, *mean(-np.log(of_truth), low=0)[1:]), n, f"scikit-learn log_loss; {T}"),
        "figure bins": HandTable(table, f"pandas.cut; {EXACT} (Bonferroni)"),
        "figure reliability": HandTable(
            [*(("model", t[3], t[4]) for t in table), ("perfect", 0, 0), ("perfect", 1, 1)], "pandas.cut"
        ),
    }


def _bins(top: np.ndarray, right: np.ndarray, bins: int) -> list[tuple[Any, ...]]:
    edges = np.linspace(0, 1, bins + 1)
    at = pd.cut(top, edges, include_lowest=True, labels=False)
    held = np.unique(at)
    each = 1 - 0.05 / len(held)
    return [
        (edges[b], edges[b + 1], int((at == b).sum()), top[at == b].mean(), *share(right[at == b], each)) for b in held
    ]


# -- what is left to people -----------------------------------------------------------------------------------


def risk_coverage(case: Case, parameters: dict[str, Any]) -> Claims:
    """Order the rows by the probability of the answer, and follow the error rate."""
    wrong = (case.truth != case.said).astype(float)
    names = list(case.model.classes_)
    sure = case.probabilities.to_numpy()[np.arange(len(wrong)), [names.index(s) for s in case.said]]
    n, rate = len(wrong), share(wrong == 1)
    assert len(np.unique(sure)) == n, "rows that are as sure would have to share their error"
    order = np.argsort(-sure)
    wrong, sure = wrong[order], sure[order]
    risks = np.cumsum(wrong) / np.arange(1, n + 1)
    ideal = np.cumsum(np.sort(wrong)) / np.arange(1, n + 1)
    area = delta(lambda w: _area(wrong, w), n, low=0, high=1)
    excess = delta(lambda w: _area(wrong, w) - _best(wrong, w), n, low=0, high=1)
    harm = delta(lambda w: _area(wrong, w) - float(np.average(wrong, weights=w)), n, 1 - 2 * parameters["alpha"])
    found: Claims = {}
    levels = []
    for c in parameters["coverages"]:
        k = math.ceil(c * n - 1e-9)
        found[f"risk[{c:g}]"] = hand(share(wrong[:k] == 1), k, EXACT)
        levels.append((f"{c:g}", k, sure[k - 1], int(wrong[:k].sum()), *share(wrong[:k] == 1)))
    points = [int(i) for i in np.unique(np.linspace(0, n - 1, 100).round())]
    curve = [("best order", (i + 1) / n, ideal[i]) for i in points] + [("model", (i + 1) / n, risks[i]) for i in points]
    widened = f"{DELTA}; no narrower than {EXACT}, taken to scale"
    return found | {
        "clear_harm": Hand(max(area[0] - rate[0], 0.0) if harm[1] > 0 else 0.0, how=DELTA),
        "aurc": hand(_to_scale(area, rate), n, widened, numeric=True),
        "excess_aurc": hand(_to_scale(excess, rate), n, widened, numeric=True),
        "gain": Hand(
            (rate[0] - risks.mean()) / (rate[0] - ideal.mean()), how="areas as means of the running error rate"
        ),
        "error_rate": hand(rate, n, EXACT),
        "figure curve": HandTable(
            [("any order", 0, rate[0]), ("any order", 1, rate[0]), *curve], "running error rate; the first 200 rows"
        ),
        "figure levels": HandTable(levels, EXACT),
    }


def _area(wrong: np.ndarray, w: np.ndarray) -> float:
    return float(np.average(np.cumsum(w * wrong) / np.cumsum(w), weights=w))


def _best(wrong: np.ndarray, w: np.ndarray) -> float:
    """Give the area of the best order of so many errors; a whole family of rows, so taken as r + (1 - r) ln(1 - r)."""
    r = float(np.average(wrong, weights=w))
    order = np.argsort(wrong, kind="stable")
    here = float(np.average(np.cumsum(wrong[order]) / np.arange(1, len(wrong) + 1)))
    r0 = float(wrong.mean())
    return here + (r + (1 - r) * math.log1p(-r)) - (r0 + (1 - r0) * math.log1p(-r0))


def _to_scale(e: Three, rate: Three) -> Three:
    scale = e[0] / rate[0]
    return e[0], min(e[1], scale * rate[1], e[0]), min(max(e[2], scale * rate[2], e[0]), 1.0)


# -- more data ------------------------------------------------------------------------------------------------


def learning_curve(case: Case, parameters: dict[str, Any]) -> Claims:
    """Train copies on growing parts; parts and folds are drawn from the seed as the AIT's documentation says."""
    from sklearn.base import clone

    x, y = case.train[list(case.model.feature_names_in_)], case.train[case.label].to_numpy()
    folds = min(parameters["folds"], len(y) // 10, parameters["work"] // (x.shape[1] + 15))
    codes = pd.factorize(y)[0]
    order = np.random.default_rng([0, 1, 0]).permutation(len(y))
    fold = np.empty(len(y), dtype=int)
    fold[order[np.argsort(codes[order], kind="stable")]] = np.arange(len(y)) % folds
    most = min(int((fold != f).sum()) for f in range(folds))
    sizes = sorted({round(most / math.sqrt(2) ** i) for i in range(6)})
    xt, yt = case.test[x.columns], case.truth
    errors, far = np.empty((folds, len(sizes))), np.empty((folds, len(sizes)))
    for f in range(folds):
        grown = np.random.default_rng([0, 3, f]).permutation(np.flatnonzero(fold != f))
        first = [int(np.flatnonzero(y[grown] == c)[0]) for c in np.unique(y)]
        grown = np.concatenate([grown[first], np.delete(grown, first)])
        for s, size in enumerate(sizes):
            fitted = clone(case.model).fit(x.iloc[grown[:size]], y[grown[:size]])
            errors[f, s] = (fitted.predict(x[fold == f]) != y[fold == f]).mean()
            far[f, s] = (fitted.predict(xt) != yt).mean()
    sizes_ = np.array(sizes)
    half = int(np.abs(2 * sizes_ - sizes_[-1]).argmin())
    how = "copies trained anew, folds from the seed; interval of Nadeau and Bengio (2003)"
    now = _corrected(1 - errors[:, -1], len(y), 0, 1)
    doubling = _corrected(errors[:, half] - errors[:, -1], len(y), -1, 1)
    return {
        "accuracy_now": hand(now, len(y), how),
        "last_doubling_gain": hand(doubling, len(y), how),
        **_law(sizes_, errors, far, len(y)),
    }


def _corrected(x: np.ndarray, n: int, low: float, high: float) -> Three:
    """Give the corrected resampled t interval: variance times (1 / k + test rows / training rows)."""
    k = len(x)
    held = n / k
    margin = stats.t.ppf(0.975, k - 1) * math.sqrt((1 / k + held / (n - held)) * x.var(ddof=1))
    return float(x.mean()), max(float(x.mean() - margin), low), min(float(x.mean() + margin), high)


def fitted_law(sizes: np.ndarray, errors: np.ndarray) -> tuple[float, float, float] | None:
    """Fit error = a + b m^-c by scipy's trust region, from many starts; None where a parameter sits on its bound."""
    from scipy.optimize import least_squares

    m = sizes / sizes[-1]
    best = min(
        (
            least_squares(
                lambda p: p[0] + p[1] * m ** -p[2] - errors,
                (a, max(errors[-1] - a, 1e-3), c),
                bounds=([0, 0, 0.05], [1, 1, 4.0]),
                xtol=1e-15,
                ftol=1e-15,
                gtol=1e-15,
            )
            for a in np.linspace(0, errors[-1], 6)[:-1]
            for c in (0.1, 0.3, 1.0, 2.0, 3.5)
        ),
        key=lambda f: f.cost,
    )
    a, b, c = map(float, best.x)
    if min(a, b) < 1e-3 * errors[-1] or not 0.06 < c < 3.5:
        return None
    return a, b * float(sizes[-1]) ** c, c


def _law(sizes: np.ndarray, errors: np.ndarray, far: np.ndarray, n: int) -> Claims:
    law, most = fitted_law(sizes, errors.mean(axis=0)), float(sizes[-1])
    parts = [fitted_law(sizes, np.delete(errors, f, axis=0).mean(axis=0)) for f in range(len(errors))]
    how = "scipy.optimize.least_squares from 25 starts"
    asked: dict[str, Callable[[tuple[float, float, float]], float]] = {
        "double_gain": lambda p: p[1] * most ** -p[2] - p[1] * (2 * most) ** -p[2],
        "accuracy_with_double": lambda p: 1 - p[0] - p[1] * (2 * most) ** -p[2],
        "accuracy_limit": lambda p: 1 - p[0],
    }
    found: Claims = {}
    for name, what in asked.items():
        if law is None:
            found[name] = Hand(None, reason="do not fix a power law: its limit lies on its bound", how=how)
        elif any(p is None for p in parts):
            found[name] = Hand(None, reason="Without one of the folds the errors do not fix a power law", how=how)
        else:
            values = np.array([what(p) for p in parts if p is not None])
            k, held = len(values), n / len(values)
            variance = (k - 1) / k * ((values - values.mean()) ** 2).sum() * (1 + k * held / (n - held))
            margin = stats.t.ppf(0.975, k - 1) * math.sqrt(variance)
            value = what(law)
            ends = max(value - margin, -1.0), min(value + margin, 1.0)
            found[name] = Hand(value, *ends, n, how=f"{how}; jackknife over the folds", within=1e-4)
    lines: list[tuple[Any, ...]] = [
        ("labelled training rows", n),
        ("folds", len(errors)),
        ("rows of the largest part", int(most)),
    ]
    lines += list(zip(("floor a of error = a + b m^-c", "b", "c"), law or (None,) * 3, strict=True))
    points = [("rows left out", int(m), 1 - e) for m, e in zip(sizes, errors.mean(axis=0), strict=True)]
    points += [("test rows", int(m), 1 - e) for m, e in zip(sizes, far.mean(axis=0), strict=True)]
    if law is not None:
        grid = sizes[0] * 2 ** np.linspace(0, math.log2(2 * most / sizes[0]), 15)
        points += [("power law", float(m), 1 - law[0] - law[1] * m ** -law[2]) for m in grid]
    return found | {
        "figure law": HandTable(lines, how, within=1e-3),
        "figure curve": HandTable(points, "copies trained anew, folds from the seed", within=1e-4 if law else 0.0),
    }
