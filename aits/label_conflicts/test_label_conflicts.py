from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qmtestbed.ait import Roles, Table, Undefined


def table(columns: Any, labels: Any, **roles: Any) -> Table:
    series = None if labels is None else pd.Series(labels, name="label")
    return Table(pd.DataFrame(columns), series, Roles(label=None if labels is None else "label", **roles))


def copied(seed: int, n: int = 600, copies: int = 60, wrong: int = 40, numbers: bool = False) -> tuple[Table, set[int]]:
    """Fine columns, the first rows once more at the end, some of them with another label; and which ones."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    y = x[:, 0] + rng.normal(size=n) if numbers else np.where(x[:, 0] > 0, "a", "b")
    again = y[:copies].copy()
    again[:wrong] = again[:wrong] + 5 if numbers else np.where(again[:wrong] == "a", "b", "a")
    frame = pd.DataFrame(np.concatenate([x, x[:copies]]), columns=list("pqrs"))
    return table(frame, np.concatenate([y, again])), {*range(wrong), *range(n, n + wrong)}


def coarse(seed: int, n: int = 800, columns: int = 5) -> Table:
    rng = np.random.default_rng(seed)
    x = rng.integers(4, size=(n, columns))
    y = np.where(rng.random(n) < 1 / (1 + np.exp(1.5 - x[:, 0])), "yes", "no")
    return table(pd.DataFrame(x, columns=[f"c{j}" for j in range(columns)]), y)


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_comparing_every_pair_of_rows(ait, seed):
    rng = np.random.default_rng(seed)
    mine, theirs = (
        table({"n": rng.integers(3, size=k), "s": rng.choice(["u", "v"], k)}, rng.choice(["a", "b", "c"], k))
        for k in (40, 25)
    )
    found = ait.measure(data=mine, train=theirs)
    (a, y), (b, z) = ((t.frame.apply(tuple, axis=1).tolist(), t.labels.tolist()) for t in (mine, theirs))
    pairs = [(i, j) for i, j in combinations(range(40), 2) if a[i] == a[j]]
    assert found["identical_pairs"] == len(pairs)
    assert found["label_consistency"] == pytest.approx(sum(y[i] == y[j] for i, j in pairs) / len(pairs))
    groups = {g: Counter(y[i] for i in range(40) if a[i] == g) for g in a}
    assert found["conflict_count"] == sum(sum(c.values()) - max(c.values()) for c in groups.values())
    cross = [(i, j) for i in range(40) for j in range(25) if a[i] == b[j]]
    assert found["train_identical_pairs"] == len(cross)
    assert found["train_label_consistency"] == pytest.approx(sum(y[i] == z[j] for i, j in cross) / len(cross))
    taught = {g: Counter(z[j] for j in range(25) if b[j] == g) for g in b}
    off = [i for i in range(40) if a[i] in taught and taught[a[i]][y[i]] < max(taught[a[i]].values())]
    assert found["train_conflict_count"] == len(off)
    assert found["train_conflict_share"] == len(off) / 40


def test_the_spread_of_numbers_is_that_of_their_ranks(ait):
    rng = np.random.default_rng(0)
    groups = rng.integers(12, size=80)
    y = groups + rng.normal(size=80)
    rank = pd.Series(y).rank().to_numpy() / 80
    found = ait.measure(data=table({"g": groups}, y))
    pairs = [(rank[i] - rank[j]) ** 2 * 6 for i, j in combinations(range(80), 2) if groups[i] == groups[j]]
    assert found["identical_pairs"] == len(pairs)
    assert found["label_consistency"] == pytest.approx(1 - np.mean(pairs))
    shuffled = ait.measure(data=table({"g": groups}, rng.permutation(y)))
    assert shuffled["label_consistency"] < 0.2 < found["label_consistency"]


@pytest.mark.parametrize("numbers", [False, True])
def test_copies_with_another_label_are_found_and_named(ait, numbers):
    data, rows = copied(0, numbers=numbers)
    found = ait.measure(data=data)
    (finding,) = found["findings"]
    assert (finding.kind, finding.measure) == ("label_conflict", "clear_conflicts")
    assert set(finding.subject.rows) == rows
    assert found["clear_conflicts"] == found["conflict_share"] == finding.value == 40 / 660
    assert (found["identical_pairs"], found["explained_pairs"]) == (60, 0)
    examples = found["examples"]
    pairs = zip(examples.rows, examples.beside["and row"], strict=True)
    assert {*pairs} == {(i, 600 + i) for i in range(25)}


@pytest.mark.parametrize("numbers", [False, True])
def test_rows_that_contradict_the_training_data_are_found(ait, numbers):
    data, _ = copied(1, numbers=numbers)
    assert data.labels is not None
    train = Table(data.frame.iloc[:600], data.labels.iloc[:600], data.roles)
    test = Table(
        data.frame.iloc[600:].reset_index(drop=True), data.labels.iloc[600:].reset_index(drop=True), data.roles
    )
    found = ait.measure(data=test, train=train)
    (finding,) = found["findings"]
    assert finding.measure == "clear_train_conflicts" and finding.subject.rows == tuple(range(40))
    assert found["clear_train_conflicts"] == 40 / 60
    assert found["clear_conflicts"] == found["conflict_count"] == 0
    assert isinstance(found["label_consistency"], Undefined)


def test_copies_with_the_same_label_are_no_conflict(ait):
    found = ait.measure(data=copied(2, wrong=0)[0])
    assert (found["clear_conflicts"], found["conflict_count"], found["label_consistency"]) == (0.0, 0, 1.0)
    assert not found["findings"]


def test_coarse_columns_explain_conflicts(ait):
    for columns in (1, 2, 4, 6, 8):
        found = ait.measure(data=coarse(0, columns=columns), train=coarse(1, columns=columns))
        assert found["clear_conflicts"] == found["clear_train_conflicts"] == 0.0 and not found["findings"]
    assert ait.measure(data=coarse(0, columns=2))["conflict_share"] > 0.1


def test_numbers_may_differ_by_the_tolerance(ait):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(400, 3)), rng.normal(size=400)
    frame = pd.DataFrame(np.concatenate([x, x[:40]]), columns=list("pqr"))
    data = table(frame, np.concatenate([y, y[:40] + 0.1 * y.std()]))
    assert ait.measure(data=data)["conflict_count"] == 0
    found = ait.measure(data=data, tolerance=0.05)
    assert found["conflict_count"] == 40
    middle = table({"p": [1, 1, 1, 2, 3], "q": [1, 1, 1, 2, 3]}, [0.0, 0.01, 7.5, 3.5, 1.5], task="regression")
    assert ait.measure(data=middle)["conflict_count"] == 1


def test_whole_numbers_are_classes_unless_the_plan_says_otherwise(ait):
    columns = {"x": [1, 1, 2, 3]}
    assert ait.measure(data=table(columns, [1, 2, 1, 2]))["conflict_count"] == 1
    assert ait.measure(data=table(columns, [1.0, 1.0, 9.0, 9.0], task="regression"))["conflict_count"] == 0
    assert ait.measure(data=table(columns, [0.5, 0.6, 99.0, 7.0]))["conflict_count"] == 0
    assert ait.measure(data=table(columns, [0.5, 0.6, 99.0, 7.0], task="classification"))["conflict_count"] == 1


def test_roles_set_columns_aside_and_rows_without_a_label_are_left_out(ait):
    columns = {"id": [1, 2, 3, 4], "g": [1, 2, 3, 4], "note": list("abcd"), "x": [7, 7, 7, 7]}
    found = ait.measure(data=table(columns, ["a", "b", None, "a"], id="id", group="g", ignore=("note",)))
    assert (found["identical_pairs"], found["conflict_count"]) == (3, 1)
    assert found["conflict_share"] == pytest.approx(1 / 3)
    assert list(found["examples"].rows) == [0, 1, 3]  # positions are of the file
    assert ait.measure(data=table(columns, list("aaba")))["identical_pairs"] == 0


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([True, True, False]),
        pd.Series([1, 1, None], dtype="Int64"),
        pd.Series(["a", "a", None], dtype="str"),
        pd.Series(["a", "a", "b"], dtype="category"),
        pd.to_datetime(pd.Series(["2026-01-01", "2026-01-01", None])),
        pd.Series([np.inf, np.inf, np.nan]),
    ],
)
def test_columns_and_labels_of_every_type(ait, values):
    found = ait.measure(data=table({"x": values}, ["a", "b", "a"]))
    assert (found["identical_pairs"], found["conflict_count"]) == (1, 1)
    labels = ait.measure(data=table({"x": [5, 5, 6]}, values))
    assert labels["conflict_count"] == 0


def test_nothing_to_compare_is_undefined(ait):
    assert isinstance(ait.measure(data=table({"x": []}, [])), Undefined)
    assert isinstance(ait.measure(data=table({"x": [1]}, None)), Undefined)
    assert isinstance(ait.measure(data=table({"x": [1, 1]}, [None, None])), Undefined)
    assert isinstance(ait.measure(data=table({"id": [1, 1]}, ["a", "b"], id="id")), Undefined)
    one = ait.measure(data=table({"x": [1]}, ["a"]))
    assert one["clear_conflicts"] == 0.0 and isinstance(one["label_consistency"], Undefined)


@pytest.mark.parametrize(
    ("train", "reason"),
    [
        (None, "No training data"),
        (table({"x": [1]}, None), "no labelled rows"),
        (table({"x": []}, []), "no rows"),
        (table({"z": [1]}, ["a"]), "lacks the columns"),
        (table({"x": ["u"]}, ["a"]), "numbers in the one table and text"),
    ],
)
def test_training_data_that_can_not_be_compared_are_no_proof_of_no_conflict(ait, train, reason):
    found = ait.measure(data=table({"x": [1, 2]}, ["a", "b"]), train=train)
    assert reason in found["clear_train_conflicts"].reason and reason in found["train_conflict_share"].reason
    assert found["clear_conflicts"] == 0.0


def test_labels_of_another_kind_are_not_compared(ait):
    numbers = table({"x": range(30)}, np.linspace(0, 1, 30))
    found = ait.measure(data=numbers, train=table({"x": range(30)}, ["low", "high"] * 15))
    assert "numbers in the one table" in found["clear_train_conflicts"].reason


def test_findings_are_bounded_and_show_no_values(ait):
    data, _ = copied(3, n=3000, copies=900, wrong=900)
    found = ait.measure(data=data)
    assert len(found["findings"][0].subject.rows) == 1000 and "first 1000" in found["findings"][0].text
    assert len(found["examples"].rows) == 25
    assert repr(found) == repr(ait.measure(data=data))
