"""Checks of the data alone: gaps, repetitions, sizes of groups, columns that tell too much."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hand_check import Hand, HandTable, HandText
from scipy import stats

from .case import Case

Claims = dict[str, Any]


def data_completeness(case: Case, parameters: dict[str, Any]) -> Claims:
    """Count cells with pandas."""
    x = case.test.drop(columns=case.label)
    there = x.notna()
    by_column = {c: int(there[c].sum()) / len(x) for c in x}
    how = "cells counted with pandas"
    found: Claims = {f"feature_completeness[{c}]": Hand(v, how=how) for c, v in by_column.items()}
    found |= {
        "value_completeness": Hand(int(there.to_numpy().sum()) / there.size, how=how),
        "value_occurrence": Hand(None, reason="expected_occurrences names no value", how="no value was asked for"),
        "record_completeness": Hand(float(there.any(axis=1).mean()), how=how),
        "complete_records": Hand(float(there.all(axis=1).mean()), how=how),
        "label_completeness": Hand(float(case.test[case.label].notna().mean()), how=how),
        "figure completeness_by_feature": HandTable(sorted(by_column.items(), key=lambda i: i[1]), how),
    }
    return found


def record_duplicates(case: Case, parameters: dict[str, Any]) -> Claims:
    """Look for rows again with pandas."""
    repeated = case.test.duplicated()
    x, y = case.test.drop(columns=case.label), case.train.drop(columns=case.label)
    both = pd.concat([y.drop_duplicates(), x.drop_duplicates()])
    seen = x.apply(tuple, axis=1).isin(both[both.duplicated()].apply(tuple, axis=1))
    return {
        "duplicate_share": Hand(float(repeated.mean()), how="DataFrame.duplicated"),
        "duplicate_count": Hand(float(repeated.sum()), how="DataFrame.duplicated"),
        "overlap_share": Hand(float(seen.mean()), how="rows of both tables, DataFrame.duplicated"),
        "overlap_count": Hand(float(seen.sum()), how="rows of both tables, DataFrame.duplicated"),
    }


def case_sufficiency(case: Case, parameters: dict[str, Any]) -> Claims:
    """Count rows with value_counts; the interval's half width from the beta distribution."""

    def half_width(n: int) -> float:
        hits = parameters["expected_rate"] * n
        low, high = stats.beta.ppf(0.025, hits, n - hits + 1), stats.beta.ppf(0.975, hits + 1, n - hits)
        return float(high - low) / 2

    required = next(n for n in range(1, 100_000) if half_width(n) <= parameters["half_width"])
    required = max(required, parameters["minimum"])
    cases = [("all rows", "data", len(case.test))]
    if case.test[case.label].dtype == object or str(case.test[case.label].dtype).startswith("str"):
        cases += [(f"{case.label}={v}", "class", int(n)) for v, n in case.test[case.label].value_counts().items()]
    for column in case.sensitive:
        cases += [(f"{column}={v}", "sensitive", int(n)) for v, n in case.test[column].value_counts().items()]
    cases.sort(key=lambda c: (c[2], c[0]))
    counted, beta = "value_counts", "scipy.stats.beta.ppf"
    found: Claims = {}
    for name, _, n in cases:
        found[f"case_size[{name}]"] = Hand(float(n), how=counted)
        found[f"sufficiency[{name}]"] = Hand(n / required, how=f"{counted}, {beta}")
        found[f"half_width[{name}]"] = Hand(half_width(n), how=beta)
        if n < required:
            told = f"{name}: {n} rows tell a share to ±{half_width(n):.3f}; "
            told += f"{required} would tell it to ±{half_width(required):.3f}."
            found[f"finding, {name}"] = HandText(told, f"{counted}, {beta}")
    return found | {
        "required_size": Hand(float(required), how=f"{beta}, every number from 1 on tried"),
        "smallest_case": Hand(float(cases[0][2]), how=counted),
        "least_sufficiency": Hand(cases[0][2] / required, how=f"{counted}, {beta}"),
        "insufficient_cases": Hand(float(sum(n < required for *_, n in cases)), how=counted),
        "figure sufficiency_by_case": HandTable([(c, n / required) for c, _, n in cases], counted),
        "figure cases": HandTable([(c, of, n, n, required, half_width(n)) for c, of, n in cases], counted),
    }


# -- columns that tell too much -------------------------------------------------------------------------------


def target_leakage(case: Case, parameters: dict[str, Any]) -> Claims:
    """Tell the label from each column alone, every row by the rows of the other four folds.

    The folds are dealt from the seed as the manifest says; what a value tells is counted with a cross table.
    """
    tables = {"test": case.test, "training": case.train}
    power: dict[str, dict[str, float]] = {}
    order = {}
    for name, table in tables.items():
        codes, _ = pd.factorize(table[case.label])
        rng = np.random.default_rng(0)
        sorted_ = np.lexsort((rng.random(len(codes)), codes))
        fold = np.empty(len(codes), dtype=int)
        fold[sorted_] = (np.arange(len(codes)) + rng.integers(5)) % 5
        power[name] = {
            c: max(_told(cells, codes, fold) for cells in _cells(table[c])) for c in table.columns if c != case.label
        }
        order[name] = max(_told(cells, codes, fold) for cells in _cells(pd.Series(np.arange(len(codes), dtype=float))))
    best = {c: max(power, key=lambda name: power[name][c]) for c in power["test"]}
    assert all(power[best[c]][c] < 0.6 for c in best), "a column tells so much that a tree would have to be asked too"
    how = "cross table of value (or bin) and class over the other folds; folds from the seed"
    found: Claims = {f"power[{c}]": Hand(power[best[c]][c], how=how) for c in best}
    found |= {f"leak[{c}]": Hand(0.0, how="no column removes 0.8 of the error") for c in best}
    ranked = sorted(best, key=lambda c: -power[best[c]][c])
    lines = [(c, power[best[c]][c], best[c], "", None, "no") for c in ranked]
    return found | {
        "order_power": Hand(max(order.values()), how=how),
        "examined_rows": Hand(float(sum(t[case.label].notna().sum() for t in tables.values())), how="rows counted"),
        "figure powers": HandTable([(c, power[best[c]][c]) for c in ranked], how),
        "figure columns": HandTable(lines, how),
    }


def _cells(column: pd.Series) -> list[pd.Series]:
    """Give the forms in which a column tells: each value, or bins of like frequency; a gap is a value."""
    if not pd.api.types.is_numeric_dtype(column):
        often = column.map(column.value_counts()) > 1
        return [column.where(often, "rare").where(column.notna(), "missing")]
    n, different = len(column), column.nunique()
    by_value = column.astype(object).where(column.notna(), "missing")
    if different <= 64:
        return [by_value]
    known = np.sort(column.dropna().to_numpy())
    bins = min(64, n // 10)
    tails = [t for t in (0.001, 0.002, 0.005, 0.01) if t * n >= 10]
    cuts = [*tails, *(i / bins for i in range(1, bins)), *(1 - t for t in tails)]
    edges = np.unique([known[int(cut * len(known))] for cut in cuts])
    binned = pd.Series(np.digitize(column, edges), index=column.index).astype(object)
    binned = binned.where(column.notna(), "missing")
    return [by_value, binned] if different <= n // 5 else [binned]


def _told(cells: pd.Series, codes: np.ndarray, fold: np.ndarray) -> float:
    """Give the share of the balanced error that is removed."""
    frame = pd.DataFrame({"cell": cells.to_numpy(), "code": codes, "fold": fold})
    sizes = frame["code"].value_counts().sort_index()
    lost = pd.Series(0.0, index=frame.index)
    for f in range(5):
        others = pd.crosstab(frame.loc[frame["fold"] != f, "cell"], frame.loc[frame["fold"] != f, "code"])
        others = others.reindex(columns=sizes.index, fill_value=0)
        shares = others / others.sum()
        inside = frame[frame["fold"] == f]
        said = inside["cell"].map(shares.idxmax(axis=1).where(shares.any(axis=1)))
        cost = len(frame) / inside["code"].map(sizes) / (len(sizes) - 1)
        lost.loc[inside.index] = np.where(
            said.isna(), cost * (1 - 1 / len(sizes)), np.where(said == inside["code"], 0, cost)
        )
    return float(min(max(1 - lost.mean(), 0), 1))
