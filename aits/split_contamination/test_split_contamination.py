from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestNeighbors

from qmtestbed.ait import Images, Roles, Table, Undefined
from qmtestbed.measuring.copies import BITS, chance_of, dhash, dimension, hamming, phash
from qmtestbed.measuring.points import nearest


def table(x: np.ndarray, **more: Any) -> Table:
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])])
    return Table(frame.assign(**more), None, Roles())


def digits() -> np.ndarray:
    return (load_digits().images / 16).astype(np.float32)[..., None]


def images(x: np.ndarray) -> Images:
    return Images(np.asarray(x, dtype=np.float32), None, None, (0.0, 1.0))


def test_neighbours_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(size=(50, 4)), rng.normal(size=(200, 4))
    distances, at = nearest(ours, theirs, 3)
    expected, places = NearestNeighbors(n_neighbors=3).fit(theirs).kneighbors(ours)
    np.testing.assert_allclose(distances, expected)
    np.testing.assert_array_equal(at, places)


@pytest.mark.parametrize("d", [1, 2, 5, 10])
def test_the_dimension_of_a_cube_is_found_and_chance_is_even(d):
    rng = np.random.default_rng(d)
    points = rng.random((4000, d))
    own = np.arange(4000)
    among, _ = nearest(points, points, 2, apart=(own, own))
    assert dimension(among[:, 0], among[:, 1]) == pytest.approx(d, rel=0.15)
    inner = among[((points > 0.25) & (points < 0.75)).all(axis=1)] if d < 5 else among
    p = chance_of(inner[:, 0], inner[:, 1], dimension(among[:, 0], among[:, 1]))
    assert stats.kstest(p[::5], "uniform").pvalue > 0.001


@pytest.mark.parametrize("noise", [0.0, 0.001, 0.01])
@pytest.mark.parametrize("d", [4, 10])
def test_every_planted_row_is_found_and_no_other(ait, d, noise):
    rng = np.random.default_rng(d)
    train, test = rng.normal(size=(500, d)), rng.normal(size=(200, d))
    if d == 4 and noise == 0.01:
        noise = 0.003
    test[:30] = train[100:130] + noise * rng.normal(size=(30, d))
    found = ait.measure(data=table(test), train=table(train))
    (finding,) = found["findings"]
    assert finding.kind == "train_test_overlap"
    assert finding.subject.rows == tuple(range(30))
    assert found["copied_rows"].beside["training row"] == list(range(100, 120))
    assert found["near_copy_share"].value == 0.15
    ci = stats.binomtest(30, 200).proportion_ci(0.95, method="exact")
    assert (found["near_copy_share"].low, found["near_copy_share"].high) == pytest.approx((ci.low, ci.high))
    assert found["exact_copy_count"] == (30 if noise == 0 else 0)


def test_clean_splits_are_seldom_called_copied(ait):
    rng = np.random.default_rng(0)
    called = 0
    for _ in range(40):
        x = rng.normal(size=(300, 5)) @ rng.normal(size=(5, 5))
        called += ait.measure(data=table(x[:100]), train=table(x[100:]))["near_copy_count"] > 0
    assert called <= 2


def test_a_training_row_that_stands_there_twice_does_not_hide_its_copy(ait):
    rng = np.random.default_rng(1)
    train = rng.normal(size=(200, 4))
    test = rng.normal(size=(60, 4))
    test[0] = train[0]
    twice = np.concatenate([train, train[:1], train[:1] + 0])
    assert ait.measure(data=table(test), train=table(twice))["near_copy_count"] == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x,
        lambda x: np.clip(x * 0.9 + 0.05, 0, 1),
        lambda x: np.clip(x + np.random.default_rng(0).normal(0, 0.02, x.shape), 0, 1),
        lambda x: np.rint(x * 15) / 15,
    ],
)
def test_every_planted_image_is_found(ait, change):
    x = np.random.default_rng(0).permutation(digits())
    test = x[:200].copy()
    test[:40] = change(x[300:340])
    found = ait.measure(data=images(test), train=images(x[200:]))
    (finding,) = found["findings"]
    assert set(range(40)) <= set(finding.subject.rows) and len(finding.subject.rows) <= 41
    assert len(found["copied_images"].rows) == 12


def test_a_clean_split_of_the_digits_has_none(ait):
    x = np.random.default_rng(1).permutation(digits())
    found = ait.measure(data=images(x[:400]), train=images(x[400:]))
    assert found["near_copy_share"].value <= 0.005
    assert found["local_dimension"] > 5


def test_hashes_do_not_mind_light_and_size():
    x = gaussian_filter(np.random.default_rng(2).random((20, 24, 24, 3)), (0, 4, 4, 0)).astype(np.float32)
    large = x.repeat(3, axis=1).repeat(3, axis=2)
    for made in (dhash, phash):
        own = hamming(made(x), made(x))
        assert (np.diag(own) == 0).all() and own[0, 1] > 10
        assert np.diag(hamming(made(x), made(x * 0.5 + 0.2))).max() <= 2
        assert np.diag(hamming(made(x), made(large))).max() <= BITS // 8
    np.testing.assert_array_equal(hamming(dhash(x), phash(x)), (dhash(x)[:, None] != phash(x)).sum(axis=2))


def test_scale_and_order_do_not_matter(ait):
    rng = np.random.default_rng(3)
    train, test = rng.normal(size=(200, 4)), rng.normal(size=(100, 4))
    test[:5] = train[:5] + 1e-4
    one = ait.measure(data=table(test), train=table(train))
    other = ait.measure(data=table(test[::-1] * 1000), train=table(train[::-1] * 1000))
    assert one["near_copy_count"] == other["near_copy_count"] == 5
    assert one == ait.measure(data=table(test), train=table(train))


def test_what_can_not_be_compared_says_so(ait):
    rng = np.random.default_rng(4)
    fine, coarse = rng.normal(size=(100, 3)), rng.integers(0, 3, (100, 3)).astype(float)
    assert "coarse" in ait.measure(data=table(coarse), train=table(coarse)).reason
    assert "fewer than 20" in ait.measure(data=table(fine[:5]), train=table(fine)).reason
    assert "lacks" in ait.measure(data=table(fine[:, :2]), train=table(fine)).reason
    assert isinstance(ait.measure(data=images(np.zeros((30, 4, 4, 1))), train=table(fine)), Undefined)
    assert isinstance(ait.measure(data=images(digits()[:30]), train=images(np.zeros((30, 4, 4, 1)))), Undefined)
