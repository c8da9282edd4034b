"""By hand: AITs that look at tables alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from hand_check import Hand, HandTable
from scipy import stats
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from by_hand.base import Case, Found, bars, checks, clustered, each, plain, share, undefined

NOTHING = HandTable([], "nothing was found")


@checks("data_completeness")
def data_completeness(case: Case) -> Found:
    """Filled cells counted by pandas."""
    x, y = case.run.x, pd.Series(case.run.y)
    filled = x.notna()
    how = "pandas notna"
    by = {c: plain(filled[c].mean(), how) for c in x.columns}
    ranked = sorted(by.items(), key=lambda item: item[1].value or 0)[:50]
    return {
        "value_completeness": plain(filled.to_numpy().mean(), how),
        "record_completeness": plain(filled.any(axis=1).mean(), how),
        "complete_records": plain(filled.all(axis=1).mean(), how),
        "label_completeness": plain(y.notna().mean(), how),
        "value_occurrence": undefined("names no value"),
        **{f"feature_completeness[{c}]": e for c, e in by.items()},
        "figure completeness_by_feature": bars(ranked),
    }


@checks("record_duplicates")
def record_duplicates(case: Case) -> Found:
    """Repeated rows by pandas duplicated and merge."""
    run = case.run
    twice = int(run.x.assign(label=run.y).duplicated().sum())
    seen = len(run.x.reset_index().merge(run.train_x.drop_duplicates(), on=[*run.x.columns]))
    assert not twice and not seen, "the examples of what was found are not made by hand"
    n = len(run.x)
    return {
        "duplicate_count": plain(twice, "pandas duplicated"),
        "duplicate_share": plain(twice / n, "pandas duplicated"),
        "overlap_count": plain(seen, "pandas merge"),
        "overlap_share": plain(seen / n, "pandas merge"),
        "figure examples": NOTHING,
    }


@checks("case_sufficiency")
def case_sufficiency(case: Case) -> Found:
    """Half widths of exact intervals by scipy's beta quantiles; the required number by trying all numbers."""
    p, run = case.params, case.run
    required = next(n for n in range(1, 10**6) if _half(n, p["expected_rate"], case.level) <= p["half_width"])
    required = max(required, p["minimum"])
    counts = pd.Series(run.y).value_counts()
    sizes = {"all rows": len(run.y), **{f"{run.label}={c}": int(k) for c, k in counts.items()}}
    ranked = sorted(sizes.items(), key=lambda item: (item[1], item[0]))
    half = {c: plain(_half(k, p["expected_rate"], case.level), "scipy beta.ppf") for c, k in sizes.items()}
    enough = {c: plain(k / required, "counted / required") for c, k in sizes.items()}
    rows = [[c, "data" if c == "all rows" else "class", k, k, required, half[c].value] for c, k in ranked]
    return {
        **{f"case_size[{c}]": plain(k, "value_counts") for c, k in sizes.items()},
        **{f"half_width[{c}]": e for c, e in half.items()},
        **{f"sufficiency[{c}]": e for c, e in enough.items()},
        "required_size": plain(required, "the first n whose half width is small enough"),
        "smallest_case": plain(ranked[0][1], "value_counts"),
        "least_sufficiency": plain(ranked[0][1] / required, "counted / required"),
        "insufficient_cases": plain(sum(k < required for k in sizes.values()), "counted"),
        "figure cases": HandTable(rows, "as the measures"),
        "figure sufficiency_by_case": bars([(c, enough[c]) for c, _ in ranked]),
    }


def _half(n: int, rate: float, level: float) -> float:
    tail, hits = (1 - level) / 2, rate * n
    return float(stats.beta.ppf(1 - tail, hits + 1, n - hits) - stats.beta.ppf(tail, hits, n - hits + 1)) / 2


# -- distributions --------------------------------------------------------------------------------------------


@checks("distribution_match")
def distribution_match(case: Case) -> Found:
    """Distances by scipy's ks_2samp; limits by the same deals, drawn from numpy's generator."""
    run, p = case.run, case.params
    n, both = len(run.x), pd.concat([run.x, run.train_x], ignore_index=True)
    labels = np.r_[run.y, run.train_y]
    deals = np.zeros((p["permutations"] + 1, len(both)), dtype=bool)
    deals[:, :n] = True
    rng = np.random.default_rng(case.seed)
    deals[1:] = rng.permuted(deals[1:], axis=1)
    names = [*both.columns, run.label]
    dealt = {c: np.array([_ks(both[c].to_numpy(), d) for d in deals]) for c in both.columns}
    dealt[run.label] = np.array([_total_variation(labels, d) for d in deals])
    for c in list(both.columns)[:3]:  # our own distance is scipy's
        assert abs(dealt[c][0] - stats.ks_2samp(run.x[c], run.train_x[c]).statistic) < 1e-12
    means = {c: d.mean() for c, d in dealt.items()}
    largest = np.sort(np.max([dealt[c][1:] - means[c] for c in names], axis=0))
    margin = largest[-math.floor(p["alpha"] * len(deals) + 1e-9)]
    shift = {
        c: plain(dealt[c][0], "scipy ks_2samp" if c != run.label else "half the sum of differences") for c in names
    }
    limit = {c: plain(min(means[c] + margin, 1), "max-statistic over the same deals") for c in names}
    apart = {c: _cohen(run.x[c], run.train_x[c]) for c in both.columns}
    over = {c: (shift[c].value or 0) - (limit[c].value or 0) for c in names}
    worst = sorted(names, key=lambda c: -over[c])
    rows: list[list[Any]] = []
    for c in worst:
        kind = ["categories", "total variation"] if c == run.label else ["numbers", "Kolmogorov–Smirnov distance"]
        rest = [None, 0, 0, 0] if c == run.label else [apart[c], 0, 0, None]
        rows.append([c, *kind, shift[c].value, limit[c].value, *rest, ""])
    assert not both.isna().to_numpy().any() and set(run.y) <= set(run.train_y)
    return {
        **{f"shift[{c}]": e for c, e in shift.items()},
        **{f"chance_limit[{c}]": e for c, e in limit.items()},
        **{f"clear_shift[{c}]": plain(shift[c].value if over[c] > 1e-9 else 0, "shift above its limit") for c in names},
        **{
            f"mean_difference[{c}]": plain(d, "difference of means / root of the mean variance")
            for c, d in apart.items()
        },
        **{f"missing_difference[{c}]": plain(0, "no cell is missing") for c in names},
        f"new_categories[{run.label}]": plain(0, "all classes occur in training"),
        "max_shift": plain(max(dealt[c][0] for c in names), "the largest above"),
        "excess_shift": plain(max(0.0, *over.values()), "shift less its limit, the largest"),
        "label_shift": shift[run.label],
        "figure columns": HandTable(rows, "as the measures"),
        "figure shifts": bars([(c, shift[c]) for c in worst[:40]]),
        "figure most_shifted": _histogram(run.x[worst[0]], run.train_x[worst[0]]),
    }


def _ks(x: np.ndarray, first: np.ndarray) -> float:
    every = np.sort(np.unique(x))
    a, b = (np.searchsorted(np.sort(part), every, side="right") / len(part) for part in (x[first], x[~first]))
    return float(np.abs(a - b).max())


def _total_variation(x: np.ndarray, first: np.ndarray) -> float:
    return sum(abs((x[first] == c).mean() - (x[~first] == c).mean()) for c in set(x)) / 2


def _cohen(a: pd.Series, b: pd.Series) -> float:
    return float((a.mean() - b.mean()) / math.sqrt((a.var() + b.var()) / 2))


def _histogram(ours: pd.Series, theirs: pd.Series) -> HandTable:
    edges = np.linspace(*np.quantile(pd.concat([ours, theirs]), [0.01, 0.99]), 31)
    counts = [np.histogram(x.clip(edges[0], edges[-1]), edges)[0] for x in (ours, theirs)]
    return HandTable([[edges[i], edges[i + 1], *(int(c[i]) for c in counts)] for i in range(30)], "numpy histogram")


# -- labels, forms, copies ------------------------------------------------------------------------------------


@checks("label_conflicts")
def label_conflicts(case: Case) -> Found:
    """No two rows have the same features, so that none can be in conflict: counted by pandas."""
    run = case.run
    assert not run.x.duplicated().any()
    assert not len(run.x.merge(run.train_x, on=[*run.x.columns]))
    found: Found = {"figure examples": NOTHING}
    for prefix in ("", "train_"):
        for name in ("conflict_count", "conflict_share", "identical_pairs", "explained_pairs"):
            found[prefix + name] = plain(0, "pandas duplicated, merge")
        found[f"clear_{prefix}conflicts"] = plain(0, "pandas duplicated, merge")
        found[prefix + "label_consistency"] = undefined("No two rows have the same features")
    return found


@checks("personal_data_scan")
def personal_data_scan(case: Case) -> Found:
    """Numbers of fewer than six whole digits hold none of the forms: counted by pandas."""
    x = case.run.x
    long = (x == np.floor(x)) & (x.abs() >= 1e5)
    assert all(pd.api.types.is_float_dtype(t) for t in x.dtypes) and not long.to_numpy().any()
    found: Found = {f"{m}[{c}]": plain(0, "no whole number of six digits") for m in ("share", "clear_share") for c in x}
    found["columns_found"] = plain(0, "no whole number of six digits")
    found["cells"] = plain(x.notna().to_numpy().sum(), "pandas notna")
    found["figure found"] = NOTHING
    return found


@checks("schema_conformance")
def schema_conformance(case: Case) -> Found:
    """Ranges by min and max; all columns are fractions, so that none names rows or mixes types."""
    run, p = case.run, case.params
    x, train = run.x, run.train_x
    assert [*x.columns] == [*train.columns] and all(pd.api.types.is_float_dtype(t) for t in x.dtypes)
    assert all((x[c] % 1 != 0).any() and x[c].nunique() > 1 for c in x)
    low, high = train.min(), train.max()
    outside = ((x < low) | (x > high)).mean()
    width = high - low
    n, m, columns = len(train), len(x), x.shape[1]
    far = 0
    for side in (x < low - width, x > high + width):
        for c in x:
            k = int(side[c].sum())
            chance = math.exp(math.lgamma(n + m - k + 1) - math.lgamma(m - k + 1)
                              - math.lgamma(n + m + 1) + math.lgamma(m + 1)) if k else 1.0  # fmt: skip
            far += k / m > p["share"] and 2 * columns * chance <= p["alpha"]
    none = "constant identifier mixed changed missing extra new_category".split()
    found: Found = {f"{kind}_columns": plain(0, "pandas dtypes, nunique") for kind in none}
    found |= {f"outside_range[{c}]": plain(v, "pandas min, max of training") for c, v in outside.items()}
    found |= {f"mixed_share[{c}]": plain(0, "all are floats") for c in x}
    found["out_of_range_columns"] = plain(far, "rows beyond the range by its width; hypergeometric chance")
    found["unseen_share"] = undefined("No column of categories")
    found["violations"] = undefined("No rule is declared")
    rows = [[c, "numbers", "no", "no", 0, outside[c], None, ""] for c in x]
    found["figure columns"] = HandTable(rows, "as the measures")
    return found


@checks("split_contamination")
def split_contamination(case: Case) -> Found:
    """Nearest neighbours by scikit-learn; the dimension by the median of log ratios (TwoNN)."""
    run = case.run
    scale = StandardScaler().fit(run.train_x)
    ours, theirs = scale.transform(run.x), np.unique(scale.transform(run.train_x), axis=0)
    search = NearestNeighbors(algorithm="brute").fit(theirs)
    d = search.kneighbors(ours, 2)[0]
    among = search.kneighbors(n_neighbors=2)[0]
    dimension = max(math.log(2) / float(np.median(np.log(among[:, 1] / among[:, 0]))), 1.0)
    copied = (d[:, 0] / d[:, 1]) ** dimension <= case.params["alpha"] / len(ours)
    assert not copied.any(), "the examples of what was found are not made by hand"
    edges = np.linspace(0, 1, 21)
    counts = [np.histogram(r[:, 0] / r[:, 1], edges)[0] for r in (d, among)]
    rows = [[edges[i], edges[i + 1], *(int(c[i]) for c in counts)] for i in range(20)]
    return {
        "near_copy_share": share(int(copied.sum()), len(ours), case.level),
        "near_copy_count": plain(copied.sum(), "sklearn NearestNeighbors"),
        "exact_copy_count": plain((d[:, 0] == 0).sum(), "sklearn NearestNeighbors"),
        "local_dimension": plain(dimension, "log 2 / median log ratio of sklearn's distances", 1e-7),
        "figure nearest": HandTable(rows, "sklearn NearestNeighbors; numpy histogram"),
        "figure copied_rows": NOTHING,
    }


@checks("irreducible_error")
def irreducible_error(case: Case) -> Found:
    """The error of the nearest neighbour by scikit-learn; neighbours of neighbours joined one by one."""
    run, level = case.run, case.level
    points = StandardScaler().fit_transform(run.x)
    at = NearestNeighbors(algorithm="brute").fit(points).kneighbors(n_neighbors=1)[1][:, 0]
    wrong = run.y[at] != run.y
    units = _joined(at)
    names = sorted(set(run.y))
    trivial = 1 - pd.Series(run.y).value_counts(normalize=True).max()
    upper = clustered(wrong, units, level, n=len(wrong), how="sklearn NearestNeighbors; Korn-Graubard")
    k = len(names)

    def below(e: float | None) -> float:
        return (k - 1) / k * (1 - math.sqrt(max(0.0, 1 - k / (k - 1) * (e or 0))))

    def through(e: Hand, curve: Any, how: str) -> Hand:
        return Hand(curve(e.value), curve(e.low), curve(e.high), e.n, how)

    lower = through(upper, below, "Cover and Hart's bound")
    untold = through(lower, lambda e: min(e / trivial, 1.0), "lower bound / error of the largest class")
    by_class = {
        c: clustered(wrong[run.y == c], units[run.y == c], each(level, k), n=int((run.y == c).sum())) for c in names
    }
    ranked = sorted(by_class.items(), key=lambda item: (-(item[1].value or 0), item[0]))
    return {
        "bayes_error_upper": upper,
        "bayes_error_lower": lower,
        "untold_share": untold,
        "trivial_error": plain(trivial, "value_counts"),
        **{f"class_error[{c}]": e for c, e in by_class.items()},
        "figure bracket": bars([("lower bound", lower), ("upper bound", upper)]),
        "figure by_class": bars(ranked[:20]),
    }


def _joined(partner: np.ndarray) -> np.ndarray:
    """Give rows that are linked, however far, the smallest number among them."""
    unit = np.arange(len(partner))
    while True:
        least = unit.copy()
        for i, j in enumerate(partner):
            least[i] = least[j] = min(least[i], least[j])
        if (least == unit).all():
            return unit
        unit = least
