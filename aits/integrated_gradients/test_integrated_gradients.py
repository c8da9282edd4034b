from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from qmtestbed.ait import Estimate, Images, Undefined
from qmtestbed.measuring.path_gradients import completeness_errors, integrated_gradients

CLASSES = ("no", "yes")


class FakeModel:
    """Two classes; the log odds of yes and their gradient are given."""

    native = None
    classes = CLASSES

    def __init__(self, odds: Callable[[np.ndarray], Any], slope: Callable[[np.ndarray], Any]) -> None:
        self.odds, self.slope, self.asked = odds, slope, 0

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        p = 1 / (1 + np.exp(-np.asarray(self.odds(x.astype(np.float64)), dtype=float)))
        return np.stack([1 - p, p], axis=1)

    def gradient(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        assert x.dtype == np.float32
        self.asked += len(x)
        sign = np.where(y == "yes", 1.0, -1.0)
        wrong = 1 / (1 + np.exp(sign * np.asarray(self.odds(x.astype(np.float64)))))
        return (-(sign * wrong)[:, None, None, None] * self.slope(x)).astype(np.float32)


WEIGHTS = np.linspace(-2, 3, 16).reshape(4, 4, 1)


def line() -> FakeModel:
    return FakeModel(lambda x: (x * WEIGHTS).sum(axis=(1, 2, 3)), lambda x: np.broadcast_to(WEIGHTS, x.shape))


def jump(at: float) -> FakeModel:
    """The log odds jump from -1 to 1 where the mean passes a level, and the gradient sees nothing of it."""
    return FakeModel(lambda x: np.where(x.mean(axis=(1, 2, 3)) > at, 1.0, -1.0), np.zeros_like)


def images(n: int, seed: int = 0, rows: Any = None, low: float = 0.2) -> Images:
    x = np.random.default_rng(seed).uniform(low, 1, size=(n, 4, 4, 1)).astype(np.float32)
    return Images(x, None, None, (0.0, 1.0), rows)


# -- the integral ---------------------------------------------------------------------------------------------


def test_a_line_is_attributed_its_weight_times_the_way():
    x, w = images(5).pixels, WEIGHTS.astype(np.float32)
    start = np.full((1, 4, 4, 1), 0.5, dtype=np.float32)
    for steps in (1, 7):
        found = integrated_gradients(lambda z: np.broadcast_to(w, z.shape), x, start, steps)
        assert found == pytest.approx((x - start) * WEIGHTS, abs=1e-6)
        scores = (x * WEIGHTS).sum(axis=(1, 2, 3))
        assert completeness_errors(found, scores, np.full(5, 0.5 * WEIGHTS.sum())).max() < 1e-5


@pytest.mark.parametrize("steps", [2, 3, 5])
def test_polynomials_come_out_exactly(steps):
    x = np.array([[0.5, 2.0]], dtype=np.float32)
    power = 2 * steps
    found = integrated_gradients(lambda z: power * z ** (power - 1), x, np.zeros_like(x), steps)
    assert found == pytest.approx(x.astype(float) ** power, rel=1e-5)
    if steps == 2:
        rough = integrated_gradients(lambda z: 6 * z**5, x, np.zeros_like(x), steps)
        assert rough != pytest.approx(x.astype(float) ** 6, rel=1e-2)


def test_an_error_is_relative_and_may_not_be_known():
    given = np.array([[1.0, 1.0], [3.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    found = completeness_errors(given, [2.0, 1.0, 1.0, np.inf], [0.0, -1.0, 1.0 - 1e-9, 0.0])
    assert found[:2] == pytest.approx([0.0, 0.5]) and np.isnan(found[2:]).all()


def test_attributions_are_those_of_captum():
    torch = pytest.importorskip("torch", reason="a network that gives gradients needs PyTorch")
    attr = pytest.importorskip("captum.attr", reason="the oracle, captum, is not installed")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 12), torch.nn.ReLU(), torch.nn.Linear(12, 3))
    for p in net.parameters():
        p.data *= 3
    x = torch.from_numpy(images(20).pixels.transpose(0, 3, 1, 2).copy())
    start, said = torch.full_like(x, 0.1), net(x).argmax(dim=1)

    def gradient(z: np.ndarray) -> np.ndarray:
        leaf = torch.from_numpy(z).requires_grad_(True)
        loss = torch.nn.functional.cross_entropy(net(leaf), said, reduction="sum")
        return -torch.autograd.grad(loss, leaf)[0].numpy()

    oracle = attr.IntegratedGradients(lambda z: net(z).log_softmax(dim=1))
    theirs, left = oracle.attribute(
        x, start, target=said, n_steps=20, method="gausslegendre", return_convergence_delta=True
    )
    ours = integrated_gradients(gradient, x.numpy(), start.numpy(), 20)
    assert ours == pytest.approx(theirs.detach().numpy(), abs=2e-5)
    with torch.no_grad():
        after, before = (net(z).log_softmax(dim=1).gather(1, said[:, None])[:, 0].numpy() for z in (x, start))
    expected = np.abs(left.numpy()) / np.abs(after - before)
    assert completeness_errors(ours, after, before) == pytest.approx(expected, abs=1e-4)


# -- the AIT --------------------------------------------------------------------------------------------------


def test_smooth_models_are_complete(ait):
    found = ait.measure(model=line(), data=images(40))
    assert found["completeness_error"].high < 1e-4
    ci = stats.binomtest(0, 40).proportion_ci(method="exact")
    assert (found["incomplete_share"].value, found["incomplete_share"].high) == pytest.approx((0.0, ci.high))
    assert found["unexplained_share"].value == 0.0 and found["findings"] == []
    assert sum(found["error_histogram"].counts["images"]) == 40
    assert len(found["examples"].rows) == 12 and found["examples"].total == 40


def test_a_jump_that_gradients_do_not_see_is_incomplete(ait):
    found = ait.measure(model=jump(0.4), data=images(40, rows=np.arange(100, 140)), steps=5)
    assert found["incomplete_share"].value == 1.0 and found["completeness_error"].value == pytest.approx(1.0)
    (finding,) = found["findings"]
    assert (finding.kind, finding.measure, finding.value) == ("instability", "incomplete_share", 1.0)
    assert finding.subject.rows == tuple(range(100, 140))


def test_more_steps_add_up_better(ait):
    def sharp(x: np.ndarray) -> Any:
        return 40 * np.maximum(x.mean(axis=(1, 2, 3)) - 0.37, 0) - 3

    model = FakeModel(sharp, lambda x: np.where(x.mean(axis=(1, 2, 3), keepdims=True) > 0.37, 40 / 16, 0.0) + 0 * x)
    errors = [
        ait.measure(model=model, data=images(40), steps=k, tolerance=1.0)["completeness_error"].value
        for k in (3, 30, 300)
    ]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]


def test_the_tolerance_decides_what_is_incomplete(ait):
    strict, mild = (ait.measure(model=line(), data=images(40), steps=1, tolerance=t) for t in (0.0, 1.0))
    assert strict["incomplete_share"].value > 0.9 and mild["incomplete_share"].value == 0.0
    assert strict["completeness_error"] == mild["completeness_error"]


@pytest.mark.parametrize(("name", "level"), [("black", 0.0), ("grey", 0.5), ("white", 1.0)])
def test_the_way_begins_at_the_baseline(ait, name, level):
    seen: list[np.ndarray] = []
    model = line()
    slope = model.slope
    model.slope = lambda x: (seen.append(x), slope(x))[1]
    ait.measure(model=model, data=images(8), baseline=name, steps=1)
    assert seen[0] == pytest.approx((images(8).pixels + level) / 2, abs=1e-6)


def test_images_that_say_nothing_new_are_counted_apart(ait):
    some = images(20)
    same = np.broadcast_to(np.zeros(1, dtype=np.float32), (10, 4, 4, 1))
    data = Images(np.concatenate([some.pixels, same]), None, None, (0.0, 1.0))
    found = ait.measure(model=line(), data=data)
    assert found["unexplained_share"].value == pytest.approx(1 / 3)
    assert found["incomplete_share"].n == 20
    assert isinstance(ait.measure(model=line(), data=Images(same, None, None, (0.0, 1.0))), Undefined)


def test_one_image_none_and_the_mean(ait):
    assert isinstance(ait.measure(model=line(), data=images(0)), Undefined)
    one = ait.measure(model=line(), data=images(1))
    assert isinstance(one["completeness_error"], Undefined) and isinstance(one["incomplete_share"], Estimate)
    assert isinstance(ait.measure(model=line(), data=images(1), baseline="mean"), Undefined)


def test_the_seed_chooses_the_examples_only(ait):
    runs = [ait.measure(model=line(), data=images(40), seed=s) for s in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0]["completeness_error"] == runs[2]["completeness_error"]
    assert runs[0]["examples"].rows != runs[2]["examples"].rows


def test_few_answers_that_can_be_explained_do_not_speak_for_the_others(ait):
    same = np.broadcast_to(np.zeros(1, dtype=np.float32), (21, 4, 4, 1))
    found = ait.measure(model=line(), data=Images(np.concatenate([images(20).pixels, same]), None, None, (0.0, 1.0)))
    assert "nothing to explain" in found["incomplete_share"].reason
