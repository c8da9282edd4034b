from __future__ import annotations

import numpy as np
import pytest

from qmtestbed.measuring.confident_learning import calibrated_joint, confident_classes, confident_joint, margins


def given(seed: int, n: int = 400, k: int = 4, empty: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of a model of middling quality, and labels that follow them more or less."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(k, 0.4), size=n)
    y = np.array([rng.choice(k, p=row) for row in p * 0.9 + 0.1 / k])
    if empty:
        y[y == 1] = 0
    return y.astype(np.intp), p


def by_definition(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The confident joint of the paper, row by row."""
    k = p.shape[1]
    thresholds = [p[y == j, j].mean() if (y == j).any() else 2.0 for j in range(k)]
    joint = np.zeros((k, k), dtype=int)
    for label, row in zip(y, p, strict=True):
        above = [j for j in range(k) if row[j] >= thresholds[j] - 1e-6]
        if above:
            joint[label, above[0] if len(above) == 1 else int(np.argmax(row))] += 1
    return joint


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("empty", [False, True])
def test_the_joint_is_that_of_the_definition(seed, empty):
    y, p = given(seed, empty=empty)
    assert (confident_joint(y, confident_classes(y, p), 4) == by_definition(y, p)).all()


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_cleanlab(seed):
    count = pytest.importorskip("cleanlab.count")
    rank = pytest.importorskip("cleanlab.rank")
    y, p = given(seed)
    confident = confident_classes(y, p)
    theirs = count.compute_confident_joint(y, p, calibrate=False)
    mine = confident_joint(y, confident, 4)
    np.fill_diagonal(mine, mine.diagonal().clip(min=1))  # theirs is never empty there
    assert (mine == theirs).all()
    joint = calibrated_joint(mine, y)
    assert np.abs(joint / len(y) - count.estimate_joint(y, p)).max() <= 1 / len(y)  # theirs is in whole rows
    assert ((confident >= 0) & (confident != y) & (p.argmax(1) != y)).sum() == count.num_label_issues(y, p)
    assert np.allclose((margins(y, p) + 1) / 2, rank.get_normalized_margin_for_each_label(y, p))


def test_the_calibrated_joint_sums_to_the_given_labels():
    y, p = given(0, empty=True)
    joint = calibrated_joint(confident_joint(y, confident_classes(y, p), 4), y)
    assert np.allclose(joint.sum(axis=1), np.bincount(y, minlength=4))
    assert joint[1].sum() == 0


def test_a_sure_model_that_is_right_leaves_nothing_beside_the_diagonal():
    y = np.array([0, 1, 2, 0])
    confident = confident_classes(y, np.eye(3)[y])
    assert confident.tolist() == y.tolist()
    assert confident_joint(y, confident, 3).tolist() == [[2, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_a_row_may_reach_no_class_and_is_not_counted():
    y, p = np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.55, 0.45], [0.1, 0.9], [0.45, 0.55]])
    assert confident_classes(y, p).tolist() == [0, -1, 1, -1]


def test_margins_by_hand():
    assert margins([0, 2], [[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]]) == pytest.approx([0.5, -0.3])


def test_no_rows():
    none = np.empty(0, dtype=np.intp)
    assert confident_classes(none, np.empty((0, 2))).tolist() == []
    assert confident_joint(none, none, 2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(("y", "p"), [([0, 1], [[1.0, 0.0]]), ([2], [[0.5, 0.5]]), ([-1], [[0.5, 0.5]]), ([0], [0.5])])
def test_what_does_not_fit_is_refused(y, p):
    with pytest.raises(ValueError, match="labels must be"):
        confident_classes(y, p)
