"""By hand: AITs that ask a model of tables again, about changed rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from hand_check import HandTable
from scipy import stats
from sklearn.tree import DecisionTreeClassifier

from by_hand.base import (
    Case,
    Found,
    bars,
    by_weights,
    checks,
    clustered,
    curves,
    each,
    mean,
    plain,
    ranked,
    share,
    undefined,
)

CLASSES = undefined("The model's answers are classes")
NOTHING = HandTable([], "nothing was found")


def ask(case: Case, x: pd.DataFrame) -> np.ndarray:
    """Answers of the model."""
    return np.asarray(case.run.model.predict(x), dtype=object)


# -- the same rows once more ----------------------------------------------------------------------------------


@checks("metamorphic_relations")
def metamorphic_relations(case: Case) -> Found:
    """The rows asked again: together, alone, in another order, under other names."""
    x, n = case.run.x, len(case.run.x)
    assert not any((x[c] % 1 == 0).all() for c in x)
    order = np.random.default_rng(99).permutation(n)
    first, back = case.run.predicted, np.argsort(order)
    again = {
        "repeated_call": ask(case, x),
        "batch": np.concatenate([ask(case, x.iloc[i : i + 1]) for i in range(n)]),
        "row_order": ask(case, x.iloc[order])[back],
        "row_names": ask(case, x.set_axis(order + 5000, axis=0)),
    }
    broken = {name: int((said != first).sum()) for name, said in again.items()}
    assert not any(broken.values()), "the examples of what was found are not made by hand"
    shares = {name: share(k, n, each(case.level, len(broken)), "asked again; binomtest") for name, k in broken.items()}
    return {
        **{f"violation_share[{name}]": e for name, e in shares.items()},
        "worst_violation": plain(max(e.value or 0 for e in shares.values()), "the largest above"),
        "figure violations": bars([*shares.items()]),
        "figure examples": NOTHING,
    }


@checks("repeatability")
def repeatability(case: Case) -> Found:
    """The rows asked again, in another order, in parts and one by one."""
    x, p, n = case.run.x, case.params, len(case.run.x)
    first, rng = case.run.predicted, np.random.default_rng(99)
    order = rng.permutation(n)
    parts = [ask(case, x.iloc[i : i + p["part"]]) for i in range(0, n, p["part"])]
    alone = np.sort(rng.choice(n, min(n, p["alone"]), replace=False))
    one = np.concatenate([ask(case, x.iloc[[i]]) for i in alone])
    changed = {
        "again": int((ask(case, x) != first).sum()),
        "another order": int((ask(case, x.iloc[order])[np.argsort(order)] != first).sum()),
        "in parts": int((np.concatenate(parts) != first).sum()),
    }
    rates = {name: share(k, n, case.level, "asked again; binomtest") for name, k in changed.items()}
    rates["one by one"] = share(int((one != first[alone]).sum()), len(alone), case.level, "asked again; binomtest")
    found: Found = {f"change_rate[{name}]": e for name, e in rates.items()}
    return {**found, "largest_change": CLASSES, "figure rates": bars([*rates.items()])}


@checks("numeric_equivalence")
def numeric_equivalence(case: Case) -> Found:
    """The rows asked again, with inputs rounded by numpy."""
    rates = {
        t: share(int((ask(case, case.run.x.astype(t).astype(float)) != case.run.predicted).sum()),
                 len(case.run.x), case.level, f"numpy astype {t}; binomtest")
        for t in case.params["types"]
    }  # fmt: skip
    found: Found = {f"flip_rate[{t}]": e for t, e in rates.items()}
    found |= {f"largest_change[{t}]": CLASSES for t in rates}
    found |= {m: undefined("No second model") for m in ("deployed_disagreement", "deployed_largest")}
    return {**found, "figure rates": bars([*rates.items()])}


@checks("missing_value_stability")
def missing_value_stability(case: Case) -> Found:
    """The model refuses an empty cell in each of the columns: asked with one in each."""
    x = case.run.x
    words = {}
    for c in x:
        try:
            ask(case, x.assign(**{c: np.nan}))
        except ValueError as error:
            words[c] = f"ValueError: {str(error).splitlines()[0]}"
    assert len(words) == x.shape[1], "a model that accepts empty cells is not looked at by hand"
    found: Found = {f"clear_excess[{c}]": plain(0, "sklearn raises ValueError") for c in x}
    found |= {f"column_change[{c}]": undefined(w) for c, w in words.items()}
    for name in ("accuracy_drop", "change_rate", "relative_change"):
        found[name] = undefined("refuses empty cells in every column")
    return found | {
        "excess_change": undefined("No column could be emptied"),
        "refused_columns": plain(len(words), "sklearn raises ValueError"),
        "columns_left_out": plain(max(x.shape[1] - case.params["columns"], 0), "counted"),
        "figure columns": HandTable([[c, None, None, None, w] for c, w in words.items()], "sklearn raises ValueError"),
        "figure change_by_column": NOTHING,
    }


# -- noise ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Noise:
    """Normal noise in units of each column's interquartile range / 1.349, kept to the column's range."""

    x: pd.DataFrame

    def __post_init__(self) -> None:
        assert not any((self.x[c] % 1 == 0).all() or self.x[c].nunique() <= 2 for c in self.x)

    @property
    def spread(self) -> pd.Series:
        normal = stats.norm.ppf(0.75) - stats.norm.ppf(0.25)
        return (self.x.quantile(0.75) - self.x.quantile(0.25)) / normal

    def added(self, rows: pd.DataFrame, columns: Sequence[str], scale: float, rng: np.random.Generator) -> pd.DataFrame:
        new, spread = rows.copy(), self.spread
        for c in columns:
            moved = rows[c] + scale * spread[c] * rng.standard_normal(len(rows))
            new[c] = moved.clip(self.x[c].min(), self.x[c].max())
        return new


@checks("noise_stability")
def noise_stability(case: Case) -> Found:
    """Noise by pandas from numpy's generators of the same seeds; draws of a row are one cluster."""
    x, y, p, n = case.run.x, case.run.y, case.params, len(case.run.x)
    noise, first, level = _Noise(x), case.run.predicted, case.level
    units, change, drop = np.tile(np.arange(n), p["draws"]), {}, {}
    for i, scale in enumerate(p["scales"]):
        said = [
            ask(case, noise.added(x, [*x], scale, np.random.default_rng([case.seed, i, d]))) for d in range(p["draws"])
        ]
        change[f"{scale:g}"] = clustered(np.concatenate([s != first for s in said]), units, level)
        right = (first == y).astype(float)
        drop[f"{scale:g}"] = mean(right - np.mean([s == y for s in said], axis=0), level, -1, 1)
    alone = {}
    for i, c in enumerate(x):
        said = ask(case, noise.added(x, [c], max(p["scales"]), np.random.default_rng([case.seed, 20, i])))
        alone[c] = share(int((said != first).sum()), n, each(level, x.shape[1]), "noise by pandas; binomtest")
    lines = {
        name: [(0.0, 0.0), *sorted((float(k), e.value or 0.0) for k, e in line.items())]
        for name, line in (("changed answers", change), ("accuracy drop", drop))
    }
    return {
        **{f"change_rate[{k}]": e for k, e in change.items()},
        **{f"accuracy_drop[{k}]": e for k, e in drop.items()},
        **{f"column_sensitivity[{c}]": e for c, e in alone.items()},
        "relative_change": CLASSES,
        "figure change_by_scale": curves(lines, "as the measures"),
        "figure sensitivity_by_column": bars(ranked(alone)[:40]),
    }


@checks("certified_smoothing")
def certified_smoothing(case: Case) -> Found:
    """Noise by pandas; the exact bound by scipy's beta, the radius by its normal quantile."""
    run, p = case.run, case.params
    at = case.rows(len(run.x), 100)
    x, y = run.x.iloc[at].reset_index(drop=True), run.y[at]
    noise, n, first = _Noise(x), len(at), max(p["draws"] // 10, 10)
    radii, right = np.zeros(n), np.zeros(n, dtype=bool)
    for i in range(n):
        many = x.iloc[np.full(first + p["draws"], i)].reset_index(drop=True)
        said = ask(case, noise.added(many, [*x], p["sigma"], np.random.default_rng([case.seed, i])))
        names = pd.Series(said[:first]).value_counts().sort_index()
        chosen = names.idxmax()
        radii[i] = p["sigma"] * _radius(int((said[first:] == chosen).sum()), p["draws"], p["alpha"])
        right[i] = chosen == y[i] and radii[i] > 0
    held = {f"{r:g}": int((right & (radii >= r)).sum()) for r in p["radii"]}
    certified = {k: share(v, n, each(case.level, len(held))) for k, v in held.items()}
    smallest = f"{min(p['radii']):g}"
    largest = p["sigma"] * _radius(p["draws"], p["draws"], p["alpha"])
    line = [(r, float((right & (radii >= r) & (radii > 0)).mean())) for r in np.linspace(0, largest, 25)]
    rows = [
        ["sigma", p["sigma"]],
        ["draws per item", p["draws"]],
        ["probability that a certificate is wrong", p["alpha"]],
        ["largest radius that can be shown", largest],
        ["wrong certificates to expect, at most", p["alpha"] * n],
    ]
    return {
        "smoothed_accuracy": share(int(right.sum()), n, case.level),
        "abstention_rate": share(int((radii == 0).sum()), n, case.level),
        "certified_share": share(held[smallest], int(right.sum()), case.level),
        "median_radius": plain(np.median(radii[right]), "scipy beta, norm"),
        **{f"certified_accuracy[{k}]": e for k, e in certified.items()},
        "figure certified_by_radius": curves({"right and certified": line}, "scipy beta, norm"),
        "figure certificate": HandTable(rows, "as the parameters; scipy beta, norm"),
    }


def _radius(hits: int, draws: int, alpha: float) -> float:
    low = stats.binomtest(hits, draws, alternative="greater").proportion_ci(1 - alpha, "exact").low
    return float(stats.norm.ppf(low)) if low > 0.5 else 0.0


# -- shuffled columns -----------------------------------------------------------------------------------------


@checks("feature_importance")
def feature_importance(case: Case) -> Found:
    """Permuted columns; the interval by derivatives of a mean over pairs of rows that give and receive."""
    run, p, n = case.run, case.params, len(case.run.x)
    without = (run.predicted != run.y).astype(float)
    importance, worse = {}, []
    for i, c in enumerate(run.x):
        rng = np.random.default_rng([case.seed, i])
        givers = np.array([rng.permutation(n) for _ in range(p["repeats"])])
        errors = np.array([ask(case, run.x.assign(**{c: run.x[c].to_numpy()[g]})) != run.y for g in givers]).astype(
            float
        )

        def drop(w: np.ndarray, g: np.ndarray = givers, e: np.ndarray = errors) -> float:
            pair = w[None, :] * w[g]
            return float((pair * e).sum() / pair.sum()) - float(np.average(without, weights=w))

        importance[c] = by_weights(drop, n, each(case.level, run.x.shape[1]), -1, 1)
        worse.append(errors.mean(axis=0) - without)
    matrix, rng = np.array(worse), np.random.default_rng([case.seed, run.x.shape[1]])
    taus = []
    for _ in range(20):
        half = rng.permutation(n) < n // 2
        taus.append(stats.weightedtau(matrix[:, half].mean(axis=1), matrix[:, ~half].mean(axis=1)).statistic)
    above = matrix.mean(axis=1).clip(0)
    return {
        **{f"importance[{c}]": e for c, e in importance.items()},
        "rank_stability": plain(np.nanmean(taus), "scipy weightedtau over the same halves"),
        "share_of_top": plain(above.max() / above.sum(), "numpy"),
        "columns_left_out": plain(0, "counted"),
        "figure importance_by_column": bars(ranked(importance)[:40], any_order=True),
    }


@checks("attribution_stability")
def attribution_stability(case: Case) -> Found:
    """Shapley values by playing each order out, column by column; agreement by scipy's tau."""
    run, p = case.run, case.params
    made = np.array([_explained(case, np.random.default_rng([case.seed, k, 1])) for k in range(p["repeats"])])
    pairs = [*zip(made[0::2], made[1::2], strict=False)]
    tau = [stats.kendalltau(*map(_coarse, pair)).statistic for pair in pairs]
    weighted = [stats.weightedtau(*map(_coarse, pair)).statistic for pair in pairs]
    same = sum(int(a.argmax() == b.argmax()) for a, b in pairs)
    average = made.mean(axis=0)
    low, high = (np.quantile(made, q, axis=0) for q in (0.05, 0.95))
    order = np.argsort(-average, kind="stable")[:40]
    places = np.array([stats.rankdata(-row) for row in made])
    names = [*run.x]
    rows = [[names[i], average[i], min(low[i], average[i]), max(high[i], average[i])] for i in order]
    ranks = [[names[i], average[i], places[:, i].min(), places[:, i].max()] for i in order]
    return {
        "rank_agreement": mean(tau, case.level, -1, 1, "scipy kendalltau; t interval"),
        "weighted_rank_agreement": mean(weighted, case.level, -1, 1, "scipy weightedtau; t interval"),
        "top_agreement": share(same, len(pairs), case.level),
        **{f"attribution[{c}]": plain(v, "orders played out") for c, v in zip(names, average, strict=True)},
        "columns_left_out": plain(0, "counted"),
        "figure attribution_by_column": HandTable(rows, "numpy quantiles"),
        "figure ranks": HandTable(ranks, "scipy rankdata"),
    }


def _coarse(x: np.ndarray) -> np.ndarray:
    """Values that differ by rounding only are ties."""
    return np.rint(x / np.abs(x).max() * 1e9)


def _explained(case: Case, rng: np.random.Generator) -> np.ndarray:
    """Mean credit of each column for changing the answer, over rows and orders that numpy's generator draws."""
    x, k, m = case.run.x.to_numpy(), case.run.x.shape[1], case.params["rows"]
    here, there = rng.integers(len(x), size=(2, m))
    orders = rng.permuted(np.tile(np.arange(k), (m, 1)), axis=1)
    for i in range(1, m, 2):
        orders[i] = orders[i - 1][::-1]
    states = np.empty((m, k + 1, k))
    for i in range(m):
        row = x[there[i]].copy()
        states[i, 0] = row
        for step, j in enumerate(orders[i]):
            row[j] = x[here[i], j]
            states[i, step + 1] = row
    said = ask(case, pd.DataFrame(states.reshape(-1, k), columns=case.run.x.columns)).reshape(m, k + 1)
    same = (said == case.run.predicted[here][:, None]).astype(float)
    credit = np.zeros(k)
    for i in range(m):
        for step, j in enumerate(orders[i]):
            credit[j] += same[i, step + 1] - same[i, step]
    return credit / m


# -- a smaller model ------------------------------------------------------------------------------------------


@checks("surrogate_fidelity")
def surrogate_fidelity(case: Case) -> Found:
    """A tree of scikit-learn fitted to the model's answers on the half that numpy's generator draws."""
    run, p, n = case.run, case.params, len(case.run.x)
    assert p["surrogate"] == "tree"
    test = np.random.default_rng([case.seed, n]).permutation(n) < round(p["held_out"] * n)
    said = run.predicted.astype(str)
    tree = DecisionTreeClassifier(max_depth=p["depth"], random_state=0).fit(run.x[~test].to_numpy(), said[~test])
    own, truth = tree.predict(run.x[test].to_numpy()), said[test]
    usual = pd.Series(said[~test]).mode()[0]
    ours, theirs = (own != truth).astype(float), (truth != usual).astype(float)
    names = [*run.x]
    leaf = tree.apply(run.x[test].to_numpy())
    rows: list[list[Any]] = []
    for node, way in _ways(tree.tree_, names):
        at = leaf == node
        if at.sum() >= 5:
            rows.append([way, at.mean(), own[at][0], (truth[at] == own[at][0]).mean()])
    rows.sort(key=lambda row: -row[1])
    return {
        "fidelity": share(int((own == truth).sum()), len(truth), case.level),
        "fidelity_r2": CLASSES,
        "skill": by_weights(lambda w: 1 - float(w @ ours) / float(w @ theirs), len(truth), case.level, high=1.0),
        "leaves": plain(tree.get_n_leaves(), "sklearn tree"),
        "columns_used": plain(len({f for f in tree.tree_.feature if f >= 0}), "sklearn tree"),
        "figure rules": HandTable(rows, "sklearn tree, walked from its root", any_order=True),
    }


def _ways(tree: Any, names: Sequence[str], node: int = 0, way: tuple[str, ...] = ()) -> list[tuple[int, str]]:
    if tree.children_left[node] < 0:
        return [(node, " and ".join(way) or "everywhere")]
    name, at = names[tree.feature[node]], f"{tree.threshold[node]:.4g}"
    left = _ways(tree, names, tree.children_left[node], (*way, f"{name} <= {at}"))
    return left + _ways(tree, names, tree.children_right[node], (*way, f"{name} > {at}"))


# -- an attacker who asks -------------------------------------------------------------------------------------


@checks("adversarial_blackbox")
def adversarial_blackbox(case: Case) -> Found:
    """The published random search, item by item, with the signs that numpy's generator draws."""
    run, p = case.run, case.params
    at = case.rows(len(run.x), 300)
    x, y = run.x.iloc[at].reset_index(drop=True), run.y[at]
    noise = _Noise(x)
    step = (p["epsilon"] * noise.spread).to_numpy()
    clean = ask(case, x) == y
    right = np.flatnonzero(clean)
    start = x.to_numpy()[right]
    own = np.array([run.classes.index(c) for c in y[right]])
    low, high = x.min().to_numpy(), x.max().to_numpy()

    def moved(which: np.ndarray, signs: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(np.clip(start[which] + signs * step, low, high), columns=x.columns)

    def margins(which: np.ndarray, signs: np.ndarray) -> np.ndarray:
        logs = np.log(np.maximum(run.model.predict_proba(moved(which, signs)), 1e-12))
        mine = logs[np.arange(len(which)), own[which]]
        logs[np.arange(len(which)), own[which]] = -np.inf
        gap = mine - logs.max(axis=1)
        tied = (gap <= 0) & (ask(case, moved(which, signs)) == y[right[which]])
        return np.where(tied, 1e-12, gap)

    gap, asked = _search(margins, len(right), x.shape[1], p["queries"], np.random.default_rng([case.seed, len(x)]))
    fell = gap <= 0
    broken = np.zeros(len(x), dtype=bool)
    broken[right[fell]] = True
    names = sorted(set(y[right]))
    by_class = {
        c: share(int(broken[right][y[right] == c].sum()), int((y[right] == c).sum()), each(case.level, len(names)))
        for c in names
    }
    grid = sorted({round(k) for k in np.geomspace(1, p["queries"], 20)})
    line = [(k, float((fell & (asked <= k)).mean())) for k in grid]
    few = np.flatnonzero(fell)[:20]
    rows = [[int(at[right[i]]), int(asked[i])] for i in few]
    changes = f"{x.shape[1]} columns of numbers, each by {p['epsilon']:g} of its spread, inside its range"
    threat = [
        ["attacker knows", "the probabilities of all classes, for inputs of his choice (black box)"],
        ["wants", "any wrong class"],
        ["may change", changes],
        ["values per item", x.shape[1]],
        ["epsilon", p["epsilon"]],
        ["questions per item, at most", p["queries"]],
    ]
    return {
        "clean_accuracy": share(int(clean.sum()), len(x), case.level),
        "robust_accuracy": share(int((clean & ~broken).sum()), len(x), case.level),
        "attack_success_rate": share(int(fell.sum()), len(right), case.level),
        **{f"class_success_rate[{c}]": e for c, e in by_class.items()},
        "queries_to_success": plain(np.median(asked[fell]), "numpy median")
        if fell.any()
        else undefined("No attack succeeded"),
        "figure success_by_queries": curves({"right answers turned": line}, "counted"),
        "figure broken_rows": HandTable(rows, "the search played out"),
        "figure threat_model": HandTable(threat, "as the parameters"),
    }


def _search(margins: Any, n: int, d: int, queries: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Set values anew, ever fewer of them, and keep what makes the true class less probable."""
    both = np.array([-1, 1], dtype=np.int8)
    signs = rng.choice(both, (n, d))
    gap, asked = margins(np.arange(n), signs), np.ones(n, dtype=int)
    for turn in range(1, queries):
        at = np.flatnonzero(gap > 0)
        if not len(at):
            break
        halvings = sum(turn / queries > s for s in (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8))
        k = max(round(0.8 * 0.5**halvings * d), 1)
        rank = rng.random((len(at), d)).argsort(axis=1).argsort(axis=1)
        tried = signs[at].copy()
        fresh = -tried if k == 1 else rng.choice(both, tried.shape)
        for row in range(len(at)):
            for j in np.flatnonzero(rank[row] < k):
                tried[row, j] = fresh[row, j]
        reached = margins(at, tried)
        asked[at] += 1
        for row, i in enumerate(at):
            if reached[row] <= gap[i]:
                signs[i], gap[i] = tried[row], reached[row]
    return gap, asked
