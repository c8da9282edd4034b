from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.metrics import balanced_accuracy_score, mean_absolute_error
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import TargetEncoder

from qmtestbed.ait import Roles
from qmtestbed.measuring.telling import Target, column_of, labels_of, ranked, target_of, told_by_model

RNG = np.random.default_rng


def target(labels, roles=None, unit=None, seed=0) -> Target:
    found = labels_of(pd.Series(labels), roles or Roles())
    assert not isinstance(found, str), found
    return target_of(found, RNG(seed), unit)


def power(loss) -> float:
    return 1 - loss.mean()


# -- losses ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [2, 3, 7])
def test_the_loss_of_classes_is_the_balanced_error_rate_in_units_of_a_guess(k):
    rng = RNG(k)
    y = rng.choice(k, 3000, p=rng.dirichlet(np.full(k, 5.0)))
    t, told = target(y), rng.integers(k, size=3000)
    truth = pd.factorize(y)[0]
    expected = balanced_accuracy_score(truth, told, adjusted=True)
    assert power(t.loss(told)) == pytest.approx(expected)
    assert power(t.loss(truth)) == 1
    assert power(t.loss(np.full(3000, -1))) == pytest.approx(0)
    assert power(t.loss(np.zeros(3000))) == pytest.approx(0)


def test_the_loss_of_numbers_is_the_absolute_error_of_the_rank():
    y = RNG(0).lognormal(0, 2, 999)
    t, told = target(y), RNG(1).random(999)
    ranks = (pd.Series(y).rank() - 0.5) / 999
    expected = mean_absolute_error(ranks, told) / mean_absolute_error(ranks, np.full(999, 0.5))
    assert t.loss(told).mean() == pytest.approx(expected)
    assert t.loss(np.full(999, 0.5)).mean() == pytest.approx(1)


def test_a_part_has_losses_in_its_own_unit():
    t = target(np.repeat(["a", "b"], [900, 100])).take(np.arange(850, 1000))
    assert t.loss(np.zeros(150)).mean() == pytest.approx(1)


def test_the_error_of_a_mean_counts_groups():
    y, x = np.tile(["a", "b"], 500), np.repeat(RNG(0).random(100), 10)
    alone, grouped = target(y), target(y, unit=np.repeat(np.arange(100), 10))
    assert alone.error(x) == pytest.approx(x.std() / np.sqrt(1000))
    assert grouped.error(x) == pytest.approx(x.std() / np.sqrt(100))


# -- folds and labels -----------------------------------------------------------------------------------------


def test_classes_go_to_all_folds_alike_and_groups_to_one():
    y = np.repeat(["a", "b"], [950, 50])
    fold = target(y).fold
    assert set(np.bincount(fold[950:])) == {10} and set(np.bincount(fold)) == {200}
    unit = np.repeat(np.arange(100), 10)
    fold = target(y, unit=unit).fold
    assert (np.reshape(fold, (100, 10)) == fold[::10, None]).all() and len(set(fold)) == 5


@pytest.mark.parametrize(
    ("labels", "roles", "classes"),
    [
        (["a", "b"] * 20, Roles(), 2),
        ([True, False] * 20, Roles(), 2),
        (pd.Series([1, 2, 3, None] * 20, dtype="Int64"), Roles(), 3),
        ([0.0, 1.0, np.nan] * 20, Roles(), 2),
        ([0.5, 1.0] * 20, Roles(), 0),
        (range(40), Roles(), 0),
        ([1, 2] * 20, Roles(task="regression"), 0),
        ([0.5, 1.5] * 20, Roles(task="classification"), 2),
        (pd.Series(["x", "y"] * 20, dtype="category"), Roles(), 2),
        (pd.date_range("2026-01-01", periods=40), Roles(), 0),
    ],
)
def test_labels_are_classes_or_numbers(labels, roles, classes):
    assert labels_of(pd.Series(labels), roles).classes == classes


def test_labels_that_can_not_be_told_say_why():
    assert "no two classes" in labels_of(pd.Series(["a"] * 100 + ["b"] * 9), Roles())
    assert "no two classes" in labels_of(pd.Series([None] * 50, dtype=object), Roles(task="classification"))
    assert "Fewer than 30" in labels_of(pd.Series(np.arange(29) / 2), Roles())
    assert "the same" in labels_of(pd.Series([0.5] * 50), Roles())
    assert labels_of(pd.Series(["a", "b"] * 20 + ["c"] * 3), Roles()).rare == 1


# -- one column -----------------------------------------------------------------------------------------------


def test_the_power_of_a_threshold_is_that_of_two_normal_distributions():
    # Two classes a distance d apart: the best balanced error is Phi(-d / 2), so the power 2 Phi(d / 2) - 1.
    rng, d = RNG(0), 2.0
    y = rng.integers(2, size=20_000)
    t, column = target(y), ranked(rng.normal(size=20_000) + d * y)
    assert power(column.losses(t)) == pytest.approx(2 * norm.cdf(d / 2) - 1, abs=0.02)
    assert power(column.closer(t)) == pytest.approx(2 * norm.cdf(d / 2) - 1, abs=0.02)


def test_the_power_of_a_line_is_that_of_its_noise():
    rng = RNG(0)
    y = rng.random(5000)
    t, column = target(y), ranked(y + rng.normal(size=5000) * 0.01)
    # Told by six neighbours: mean |error| = .01 sqrt(2 / pi) sqrt(1 + 1 / 6) against a quarter.
    assert power(column.closer(t)) == pytest.approx(1 - 0.01 * np.sqrt(2 / np.pi * (1 + 1 / 6)) / 0.25, abs=0.003)


def test_the_power_of_categories_agrees_with_cross_fitted_target_means():
    rng = RNG(0)
    names = rng.choice([f"c{i}" for i in range(30)], 4000)
    effect = dict(zip(sorted(set(names)), rng.random(30), strict=True))
    y = (rng.random(4000) < [effect[n] for n in names]).astype(int)
    t = target(y)
    encoded = TargetEncoder(cv=StratifiedKFold(5, shuffle=True, random_state=0)).fit_transform(names[:, None], y)[:, 0]
    expected = balanced_accuracy_score(y, encoded > y.mean(), adjusted=True)
    assert power(column_of(pd.Series(names)).losses(t)) == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("values", ["noise", "unique", "constant", "empty", "many"])
def test_what_tells_nothing_has_no_power(values):
    rng, n = RNG(0), 2000
    made = {
        "noise": rng.normal(size=n),
        "unique": [f"u{i:05d}" for i in rng.permutation(n)],
        "constant": [7] * n,
        "empty": [None] * n,
        "many": rng.integers(900, size=n).astype(str),
    }[values]
    for y in (rng.choice(["a", "b", "c"], n, p=[0.7, 0.2, 0.1]), rng.normal(size=n)):
        assert power(column_of(pd.Series(made)).closer(target(y))) < 0.06


def test_a_rare_class_beyond_a_threshold_and_a_gap_are_seen():
    rng = RNG(0)
    y = rng.random(5000) < 0.01
    column = column_of(pd.Series(np.where(y, 10, 0) + rng.normal(size=5000)))
    assert power(column.losses(target(y))) > 0.6 and power(column.closer(target(y))) > 0.98
    gaps = column_of(pd.Series(np.where(y, np.nan, rng.normal(size=5000))))
    assert power(gaps.losses(target(y))) == power(gaps.gaps(target(y))) == 1


def test_infinite_values_and_any_type_are_taken():
    y = np.tile(["a", "b"], 100)
    for values in (
        pd.Series(np.tile([np.inf, -np.inf], 100)),
        pd.Series(np.tile([True, False], 100), dtype="boolean"),
        pd.Series(np.tile(["p", None], 100), dtype="str"),
        pd.Series(pd.to_datetime(np.tile(["2026-01-01", "2026-01-02"], 100))),
        pd.Series(np.tile(["p", "q"], 100)).astype("category"),
        pd.Series([[1], [2]] * 100),
    ):
        column = column_of(values)
        assert power(column.losses(target(y))) == power(column.closer(target(y))) == 1
        assert column.cells.max() < column.size


def test_an_identifier_tells_by_its_group_only_without_groups():
    unit = np.repeat(np.arange(1000), 6)
    y = np.array(["a", "b"])[RNG(0).integers(2, size=1000)][unit]
    ids = column_of(pd.Series(unit).map("p{:04d}".format))
    assert power(ids.losses(target(y))) > 0.99
    assert power(ids.losses(target(y, unit=unit))) < 0.1


# -- several columns ------------------------------------------------------------------------------------------


def test_a_model_of_all_columns_is_as_good_as_the_usual_ones():
    from sklearn.linear_model import LogisticRegression

    x = RNG(0).normal(size=(1500, 5))
    y = (x.sum(axis=1) + RNG(1).normal(size=1500) > 0).astype(int)
    expected = balanced_accuracy_score(y, cross_val_predict(LogisticRegression(), x, y), adjusted=True)
    ranks = np.column_stack([ranked(c).ranks() for c in x.T])
    assert power(told_by_model(ranks, target(y), 0)) == pytest.approx(expected, abs=0.03)
    # In an exclusive or no single column tells, and no line.
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    assert power(ranked(x[:, 0]).closer(target(y))) < 0.1 < 0.6 < power(told_by_model(ranks, target(y), 0))
    assert power(told_by_model(ranks, target(x[:, 0] - x[:, 1]), 0)) > 0.9


def test_a_class_within_one_group_breaks_no_model():
    unit = np.repeat(np.arange(20), 10)
    y = np.where(unit == 0, "c", np.where(unit % 2, "a", "b"))
    loss = told_by_model(np.column_stack([unit, unit]), target(y, unit=unit), 0)
    assert np.isfinite(loss).all()
