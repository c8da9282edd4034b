"""Predicted classes beside probabilities: tuned ones are told, contradictory ones refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qmtestbed.errors import JobError
from qmtestbed.execute.agreement import agreement
from qmtestbed.types.record import NOT_THE_LIKELIEST

CLASSES = ("no", "yes")


def drawn(n: int, k: int = 2, seed: int = 0) -> Any:
    return np.random.default_rng(seed).dirichlet(np.full(k, 0.7), n)


def named(codes: Any, k: int = 2) -> Any:
    return np.array([*CLASSES, "maybe", "never"][:k], dtype=object)[np.asarray(codes, dtype=int)]


@pytest.mark.parametrize("threshold", [0.02, 0.2, 0.5, 0.8, 0.98])
def test_any_threshold_is_told_and_none_refused(threshold: float) -> None:
    p = drawn(400)
    said = named(p[:, 1] > threshold)
    differ = int((((p[:, 1] > threshold) != (p[:, 1] > 0.5)) & (abs(p[:, 1] - 0.5) > 5e-5)).sum())
    found = agreement(said, p, CLASSES, "the model")
    assert found == ({NOT_THE_LIKELIEST: (differ, 400)} if differ else {}) and bool(differ) == (threshold != 0.5)


def test_a_threshold_for_each_of_two_groups_is_told() -> None:
    p, group = drawn(400), np.arange(400) % 2
    assert agreement(named(p[:, 1] > np.where(group, 0.8, 0.95)), p, CLASSES, "the model")


def test_a_threshold_of_scikit_learn_is_told() -> None:
    from sklearn.datasets import make_classification
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import TunedThresholdClassifierCV

    x, y = make_classification(400, weights=[0.93], flip_y=0.1, random_state=0)
    model = TunedThresholdClassifierCV(LogisticRegression(), scoring="balanced_accuracy", cv=3).fit(x, y)
    p = model.predict_proba(x)
    found = agreement(named(model.predict(x)), p, CLASSES, "the model")
    assert found[NOT_THE_LIKELIEST][0] == int((model.predict(x) != p.argmax(axis=1)).sum()) > 0


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5])
def test_columns_the_wrong_way_round_are_refused(share: float) -> None:
    p = drawn(400)
    p = p[np.argsort(p[:, 1])]
    yes = np.arange(400) >= 400 * (1 - share)
    p[:, 1] = np.where(yes, 0.5 + p[:, 1] / 2, p[:, 1] / 2)
    p[:, 0] = 1 - p[:, 1]
    assert agreement(named(yes), p, CLASSES, "it") == {}
    with pytest.raises(JobError, match="contradict the probabilities") as caught:
        agreement(named(yes), p[:, ::-1], CLASSES, "it")
    assert "in 400 of 400 rows" in caught.value.found


@pytest.mark.parametrize("k", [2, 3, 4])
def test_rows_in_another_order_are_refused(k: int) -> None:
    p = drawn(400, k)
    said = named(p.argmax(axis=1), k)
    assert agreement(said, p, [*CLASSES, "maybe", "never"], "it") == {}
    with pytest.raises(JobError, match="contradict the probabilities"):
        agreement(np.random.default_rng(1).permutation(said), p, [*CLASSES, "maybe", "never"], "it")


def test_ties_few_rows_and_nothing_to_compare() -> None:
    p = np.array([[0.5, 0.5], [0.50004, 0.49996]])
    assert agreement(named([1, 1]), p, CLASSES, "it") == {}
    assert agreement(named([1] * 9), np.tile([0.9, 0.1], (9, 1)), CLASSES, "it") == {NOT_THE_LIKELIEST: (9, 9)}
    assert agreement(named([1]), None, CLASSES, "it") == {}
    assert agreement(named([2] * 3, 3), np.tile([0.9, 0.1], (3, 1)), (*CLASSES, "maybe"), "it")
