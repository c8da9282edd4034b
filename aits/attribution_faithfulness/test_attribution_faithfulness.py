from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from qmtestbed.ait import Estimate, Images, Undefined
from qmtestbed.measuring.patches import grid_of, patch_values, scores_of


class FakeModel:
    """Two classes; the probability of yes is a function of the images."""

    native = None
    classes = ("no", "yes")

    def __init__(self, yes: Callable[[np.ndarray], Any]) -> None:
        self.yes = yes

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        p = np.asarray(self.yes(x), dtype=float)
        return np.stack([1 - p, p], axis=1)


class DigitReader:
    native = None

    def __init__(self, fitted: Any) -> None:
        self.fitted, self.classes = fitted, tuple(map(str, fitted.classes_))

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        return self.fitted.predict_proba(x.reshape(len(x), -1))


def images(n: int, seed: int = 0, size: int = 4, rows: Any = None) -> Images:
    x = np.random.default_rng(seed).uniform(size=(n, size, size, 1)).astype(np.float32)
    return Images(x, None, None, (0.0, 1.0), rows)


WEIGHTS = np.linspace(1, 16, 16).reshape(4, 4)
WEIGHTS /= 2 * WEIGHTS.sum()


def line(x: np.ndarray) -> Any:
    """Between 0.5 and 1: always yes."""
    return 0.5 + (x[..., 0] * WEIGHTS).sum(axis=(1, 2))


@pytest.fixture(scope="module")
def digits() -> tuple[DigitReader, Images]:
    x, y = (load_digits().images / 16).astype(np.float32), load_digits().target
    fitted = LogisticRegression(C=0.3, max_iter=300).fit(x[:300].reshape(300, -1), y[:300])
    return DigitReader(fitted), Images(x[1000:1040, ..., None], None, None, (0.0, 1.0))


# -- patches --------------------------------------------------------------------------------------------------


def test_a_grid_has_as_many_squares_as_allowed():
    assert grid_of(8, 8, 64).count == 64
    grid = grid_of(28, 28, 64)
    assert grid.count == 49 and grid.of[3, 3] == 0 and grid.of[4, 0] == 7 and grid.of[27, 27] == 48
    assert grid_of(5, 3, 4).of.tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 0], [1, 1, 1], [1, 1, 1]]
    assert grid.spread(grid.sums(np.ones((1, 28, 28))))[0].tolist() == [[16.0] * 28] * 28


def test_what_a_line_owes_to_a_pixel_is_its_weight_times_the_change():
    x = images(6).pixels
    background = x.mean(axis=0)

    def score(pixels: np.ndarray, of: np.ndarray) -> np.ndarray:
        return line(pixels.astype(np.float64))

    found = patch_values(score, x, background, grid_of(4, 4, 16), 1, np.random.default_rng(0))
    assert found == pytest.approx(((x - background)[..., 0] * WEIGHTS).reshape(6, 16), abs=1e-7)
    both = np.array([[True] * 16, [False] * 16])
    whole, none = scores_of(score, x, background, grid_of(4, 4, 16), both, np.array([3, 3]))
    assert found[3].sum() == pytest.approx(whole - none, abs=1e-7)


# -- closed forms ---------------------------------------------------------------------------------------------


def test_costs_of_a_line_in_closed_form(ait):
    data = images(40)
    found = ait.measure(model=FakeModel(line), data=data, share=0.25, patches=16, random_orders=200)
    owed = ((data.pixels - data.pixels.mean(axis=0))[..., 0] * WEIGHTS).reshape(40, 16)
    cost = np.sort(owed, axis=1)[:, -4:].sum(axis=1)
    assert found["deletion_cost"].value == pytest.approx(cost.mean(), abs=1e-6)
    theirs = stats.ttest_1samp(cost, 0).confidence_interval(0.95)
    assert (found["deletion_cost"].low, found["deletion_cost"].high) == pytest.approx(tuple(theirs), abs=1e-6)
    assert found["random_cost"].value == pytest.approx(owed.sum(axis=1).mean() / 4, abs=2e-3)
    steps = np.cumsum(np.sort(owed, axis=1)[:, ::-1], axis=1)
    left = line(data.pixels)[:, None] - np.concatenate([np.zeros((40, 1)), steps], axis=1)
    gone = np.rint(np.linspace(0, 16, 11)).astype(int)
    areas = np.trapezoid(left[:, gone], dx=0.1, axis=1)
    assert found["deletion_auc"].value == pytest.approx(areas.mean(), abs=1e-6)


def test_a_model_that_always_says_the_same_has_flat_curves(ait):
    found = ait.measure(model=FakeModel(lambda x: np.full(len(x), 0.7)), data=images(40), patches=16)
    assert found["deletion_auc"].value == pytest.approx(0.7) == found["insertion_auc"].value
    assert found["deletion_cost"].value == pytest.approx(0, abs=1e-12)
    assert found["deletion_gain"].high < 1e-9
    assert isinstance(found["cost_ratio"], Undefined)


def test_the_ratio_is_that_of_the_two_costs_and_its_interval_is_paired(ait):
    bright = FakeModel(lambda x: 0.5 + 0.5 * x[:, 0, 0, 0] * x.mean(axis=(1, 2, 3)))
    data = Images(0.5 + images(60).pixels / 2, None, None, (0.0, 1.0))
    background = np.zeros_like(data.pixels[:1])
    data = Images(np.concatenate([data.pixels, *[background] * 60]), None, None, (0.0, 1.0))
    found = ait.measure(model=bright, data=data, patches=16, share=0.25)
    ratio = found["deletion_cost"].value / found["random_cost"].value
    assert found["cost_ratio"].value == pytest.approx(ratio)
    assert found["cost_ratio"].low < ratio < found["cost_ratio"].high


# -- attributions of others -----------------------------------------------------------------------------------


def test_right_attributions_gain_and_those_by_lot_do_not(ait, digits, tmp_path: Path):
    model, data = digits
    background = data.pixels.mean(axis=0)
    chosen = model.probabilities(data.pixels).argmax(axis=1)
    right = (model.fitted.coef_[chosen].reshape(-1, 8, 8, 1) * (data.pixels - background))[..., 0]
    np.save(tmp_path / "right.npy", right)
    np.save(tmp_path / "lot.npy", np.random.default_rng(0).normal(size=right.shape))
    np.save(tmp_path / "wrong.npy", -right)
    gains = {
        name: ait.measure(model=model, data=data, attributions=str(tmp_path / f"{name}.npy"))
        for name in ("right", "lot", "wrong")
    }
    own = ait.measure(model=model, data=data)
    assert gains["right"]["deletion_gain"].low > 0.15
    assert own["deletion_gain"].low > 0.15 and own["cost_ratio"].low > 2
    assert gains["lot"]["deletion_gain"].low < 0 < gains["lot"]["deletion_gain"].high
    assert gains["lot"]["cost_ratio"].low < 1 < gains["lot"]["cost_ratio"].high
    assert gains["wrong"]["deletion_gain"].high < -0.05
    assert gains["lot"]["random_cost"] == own["random_cost"]  # the same random orders
    assert gains["wrong"]["findings"][0].measure == "deletion_gain"


def test_attributions_are_those_of_the_rows_that_were_drawn(ait, tmp_path: Path):
    data = images(30, rows=np.arange(60)[::2])
    owed = ((data.pixels - data.pixels.mean(axis=0))[..., 0] * WEIGHTS).astype(np.float64)
    every = np.zeros((60, 4, 4))
    every[::2] = owed
    np.save(tmp_path / "all.npy", every)
    found = ait.measure(model=FakeModel(line), data=data, attributions=tmp_path / "all.npy", patches=16)
    own = ait.measure(model=FakeModel(line), data=data, patches=16)
    assert found["deletion_auc"].value == pytest.approx(own["deletion_auc"].value, abs=1e-6)
    assert found["examples"].rows == [int(r) for r in own["examples"].rows]


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (np.zeros((5, 4, 4)), "one number per pixel"),
        (np.zeros((30, 4, 5)), "one number per pixel"),
        (np.full((30, 4, 4), np.nan), "finite"),
        (np.full((30, 4, 4), "x"), "one number per pixel"),
    ],
)
def test_attributions_that_are_none(ait, tmp_path: Path, maps, message):
    np.save(tmp_path / "maps.npy", maps)
    with pytest.raises(ValueError, match=message):
        ait.measure(model=FakeModel(line), data=images(30), attributions=tmp_path / "maps.npy")


# -- the rest -------------------------------------------------------------------------------------------------


def test_the_seed_decides(ait):
    data = images(30)
    model = FakeModel(lambda x: 0.5 + 0.5 * x[:, 0, 0, 0] * x[:, 1, 1, 0])
    runs = [ait.measure(model=model, data=data, patches=4, seed=s) for s in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0]["random_cost"] != runs[2]["random_cost"]


def test_one_image_and_none(ait):
    assert isinstance(ait.measure(model=FakeModel(line), data=images(0)), Undefined)
    one = ait.measure(model=FakeModel(line), data=images(1), patches=4)
    assert isinstance(one["deletion_gain"], Undefined) and one["findings"] == []
    two = ait.measure(model=FakeModel(line), data=images(2), patches=4)
    assert isinstance(two["deletion_gain"], Estimate)
