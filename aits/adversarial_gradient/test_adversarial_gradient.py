from __future__ import annotations

import base64
import warnings
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_digits

from qmtestbed.ait import Images, Subject, Undefined
from qmtestbed.measuring.attacks import Budget, fgsm, pgd

torch = pytest.importorskip("torch", reason="a network that gives gradients needs PyTorch")

DIGITS = tuple("0123456789")


class TorchHandle:
    """A torch network of images (n, 1, h, w) as an AIT gets it: images are (n, h, w, 1)."""

    native = None

    def __init__(self, net: Any, classes: tuple[str, ...] = DIGITS) -> None:
        self.net, self.classes, self.gradients = net, classes, 0

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.array(self.classes, dtype=object)[self.probabilities(x).argmax(axis=1)]

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return self.net(tensor(x)).softmax(dim=1).numpy().astype(np.float64)

    def gradient(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        assert x.dtype == np.float32
        self.gradients += len(x)
        leaf = tensor(x).requires_grad_(True)
        truth = torch.tensor([self.classes.index(name) for name in y])
        loss = torch.nn.functional.cross_entropy(self.net(leaf), truth, reduction="sum")
        (g,) = torch.autograd.grad(loss, leaf)
        return g.numpy().transpose(0, 2, 3, 1)


def tensor(x: np.ndarray) -> Any:
    return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))


class LineHandle:
    """Two classes told apart by the sign of ``w x + b``, with the gradient in closed form."""

    native = None
    classes = ("no", "yes")

    def __init__(self, w: np.ndarray, b: float, steepness: float = 1.0) -> None:
        self.w, self.b, self.steepness = w.astype(np.float32), np.float32(b), np.float32(steepness)

    def margin(self, x: np.ndarray) -> np.ndarray:
        return (x * self.w).sum(axis=(1, 2, 3)) + self.b

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.array(self.classes, dtype=object)[(self.margin(x) > 0).astype(int)]

    def gradient(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        sign = np.where(y == "yes", 1, -1).astype(np.float32)
        with np.errstate(over="ignore"):
            wrong = 1 / (1 + np.exp(self.steepness * sign * self.margin(x)))
        return -(sign * wrong * self.steepness)[:, None, None, None] * self.w


def images(x: np.ndarray, y: Any, low: float = 0.0, high: float = 1.0) -> Images:
    return Images(np.asarray(x, dtype=np.float32), np.asarray(y, dtype=object), None, (low, high))


@pytest.fixture(scope="module")
def digits() -> tuple[TorchHandle, Images]:
    """The network and the 450 test images of the reference measurements: 64-64-10 on digits."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    x, y = (load_digits().images / 16).astype(np.float32)[..., None], load_digits().target
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(100):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(net(tensor(x[:1347])), torch.from_numpy(y[:1347])).backward()
        optimiser.step()
    return TorchHandle(net.eval()), images(x[1347:], y[1347:].astype(str))


def first(data: Images, n: int) -> Images:
    return images(data.pixels[:n], data.labels[:n])


# -- against another library ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def art_classifier(digits: tuple[TorchHandle, Images]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it says on import is about frameworks that are not used here
        estimators = pytest.importorskip(
            "art.estimators.classification", reason="the oracle, adversarial-robustness-toolbox, is not installed"
        )
    loss = torch.nn.CrossEntropyLoss()
    options = {"input_shape": (1, 8, 8), "nb_classes": 10, "clip_values": (0.0, 1.0), "device_type": "cpu"}
    return estimators.PyTorchClassifier(digits[0].net, loss, **options)


def by_art(attack: Any, data: Images) -> np.ndarray:
    made = attack.generate(data.pixels.transpose(0, 3, 1, 2), y=data.labels.astype(int))
    return made.transpose(0, 2, 3, 1)


@pytest.mark.parametrize("epsilon", [0.03, 0.1, 0.3])
def test_fgsm_is_that_of_the_adversarial_robustness_toolbox(digits, art_classifier, epsilon):
    from art.attacks.evasion import FastGradientMethod

    model, data = digits
    theirs = by_art(FastGradientMethod(art_classifier, eps=epsilon, batch_size=450), data)
    budget = Budget(epsilon, 0.0, 1.0)
    ours = fgsm(data.pixels, model.gradient(data.pixels, data.labels), budget)
    assert np.abs(ours - theirs).max() == 0.0


def test_pgd_is_that_of_the_adversarial_robustness_toolbox(ait, digits, art_classifier):
    from art.attacks.evasion import ProjectedGradientDescentNumpy

    model, data = digits
    attack = ProjectedGradientDescentNumpy(
        art_classifier, eps=0.1, eps_step=0.01, max_iter=40, batch_size=450, verbose=False
    )
    theirs = by_art(attack, data)
    budget = Budget(0.1, 0.0, 1.0)
    ours = pgd(data.pixels, data.labels, model.gradient, budget, step=0.1, steps=40, start=data.pixels)
    assert np.abs(ours - theirs).max() <= 1e-6
    their_accuracy = (model.predict(theirs) == data.labels).mean()
    assert (model.predict(ours) == data.labels).mean() == their_accuracy
    found = ait.measure(model=model, data=data, restarts=1)
    assert their_accuracy - 0.02 <= found["robust_accuracy"].value <= their_accuracy


# -- a linear model: everything is known ----------------------------------------------------------------------


@pytest.fixture
def line() -> tuple[LineHandle, Images]:
    rng = np.random.default_rng(0)
    model = LineHandle(rng.normal(size=(4, 4, 1)), 0.3)
    x = rng.uniform(-1, 1, size=(400, 4, 4, 1))
    return model, images(x, np.where(model.margin(x) > 0, "yes", "no"), -10.0, 10.0)  # far from the ends of the range


@pytest.mark.parametrize("epsilon", [0.001, 0.004, 0.01])
def test_a_line_is_crossed_where_the_margin_is_below_epsilon_times_the_sum_of_weights(ait, line, epsilon):
    model, data = line
    reach = 20 * epsilon * np.abs(model.w).sum()
    withstand = (np.abs(model.margin(data.pixels)) > reach).mean()
    found = ait.measure(model=model, data=data, epsilon=epsilon)
    assert 0 < withstand < 1
    assert found["clean_accuracy"].value == 1.0
    assert found["fgsm_accuracy"].value == found["robust_accuracy"].value == pytest.approx(withstand)
    assert found["attack_success_rate"].value == pytest.approx(1 - withstand)


def test_fgsm_takes_all_that_a_line_gives(line):
    model, data = line
    budget = Budget(0.2, -10.0, 10.0)
    attacked = fgsm(data.pixels, model.gradient(data.pixels, data.labels), budget)
    drop = np.abs(model.margin(data.pixels)) - np.sign(model.margin(data.pixels)) * model.margin(attacked)
    np.testing.assert_allclose(drop, 0.2 * np.abs(model.w).sum(), rtol=1e-4)


# -- what must hold of every attack ---------------------------------------------------------------------------


def test_more_attack_never_leaves_more_right_answers(ait, digits):
    model, data = digits
    found = ait.measure(model=model, data=data)
    clean, once, robust = (found[f"{name}_accuracy"].value for name in ("clean", "fgsm", "robust"))
    assert clean > 0.9
    assert clean > once > robust
    assert robust < 0.5
    assert found["attack_success_rate"].value == pytest.approx(1 - robust / clean)
    curve = found["accuracy_by_budget"].series
    assert [x for x, _ in curve["FGSM and PGD"]] == pytest.approx([0, 0.025, 0.05, 0.1])
    heights = [y for _, y in curve["FGSM and PGD"]]
    assert heights == sorted(heights, reverse=True)
    assert (heights[0], heights[-1]) == (clean, robust)
    assert all(pgd <= fgsm for (_, pgd), (_, fgsm) in zip(*reversed(curve.values()), strict=True))


def test_restarts_only_help_the_attacker(ait, digits):
    model, data = digits
    one, four = (
        ait.measure(model=model, data=first(data, 150), steps=3, step_size=0.4, restarts=k)["robust_accuracy"].value
        for k in (1, 4)
    )
    assert four <= one


def test_a_budget_of_nothing_changes_nothing(ait, digits):
    model, data = digits
    found = ait.measure(model=model, data=first(data, 100), epsilon=0.0, steps=2)
    assert found["robust_accuracy"] == found["fgsm_accuracy"] == found["clean_accuracy"]
    assert found["attack_success_rate"].value == 0.0
    assert found["findings"] == []


def test_an_image_is_attacked_only_while_it_stands(ait, digits):
    model, data = digits
    model.gradients = 0
    found = ait.measure(model=model, data=first(data, 100), steps=10)
    right = round(found["clean_accuracy"].value * 100)
    at_most = dict(found["threat_model"].rows)["gradients per image, at most"]
    assert at_most == 1 + 10 * 4
    assert right < model.gradients < right * at_most


def test_every_interval_is_exact(ait, digits):
    model, data = digits
    found = ait.measure(model=model, data=first(data, 200), steps=5, confidence=0.9)
    right = round(found["clean_accuracy"].value * 200)
    for name, n in (("clean_accuracy", 200), ("robust_accuracy", 200), ("attack_success_rate", right)):
        e = found[name]
        ci = stats.binomtest(round(e.value * n), n).proportion_ci(0.9, method="exact")
        assert (e.n, e.low, e.high) == (n, pytest.approx(ci.low), pytest.approx(ci.high)), name


# -- what the page says ---------------------------------------------------------------------------------------


def test_the_class_that_suffers_most_is_named_and_the_search_allowed_for(ait, digits):
    model, data = digits
    found = ait.measure(model=model, data=data, epsilon=0.05)
    rates = found["class_success_rate"]
    worst = max(rates, key=lambda k: rates[k].value)
    assert {(f.kind, f.subject) for f in found["findings"]} == {("instability", Subject(class_=worst))}
    assert [f.measure for f in found["findings"]] == ["class_success_rate", "attack_success_rate", "robust_accuracy"]
    assert f"Class '{worst}': the attack changes" in found["findings"][0].text
    e = rates[worst]
    ci = stats.binomtest(round(e.value * e.n), e.n).proportion_ci(1 - 0.05 / len(rates), method="exact")
    assert (e.low, e.high) == pytest.approx((ci.low, ci.high))


def test_the_threat_model_is_declared_in_values_of_the_image(ait, line):
    model, data = line
    rows = dict(ait.measure(model=model, data=data, epsilon=0.01, steps=7, restarts=3)["threat_model"].rows)
    assert rows["epsilon (in values)"] == pytest.approx(0.2)
    assert rows["range of values"] == "-10 to 10"
    assert (rows["PGD steps"], rows["PGD starts"]) == (7, 3)


def test_gradients_that_vanish_are_no_robustness(ait, line):
    """Steep outputs round the loss to 0: nothing is attacked, and the measure says so."""
    model, data = line
    steep = LineHandle(model.w, float(model.b), steepness=1e6)
    found = ait.measure(model=steep, data=data, epsilon=0.03, steps=3)
    assert found["zero_gradient_share"] > 0.95
    assert found["robust_accuracy"].value > ait.measure(model=model, data=data, epsilon=0.03)["robust_accuracy"].value
    assert ait.measure(model=model, data=data, epsilon=0.03)["zero_gradient_share"] == 0.0


def test_the_seed_decides_where_the_starts_are(ait, digits):
    model, data = digits
    seen: list[np.ndarray] = []

    class Spy(TorchHandle):
        def gradient(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
            seen.append(x)
            return super().gradient(x, y)

    for seed in (1, 1, 2):
        ait.measure(model=Spy(model.net), data=first(data, 40), epsilon=0.02, steps=1, seed=seed)
    same, again, other = seen[4::5]
    np.testing.assert_array_equal(same, again)
    assert not np.array_equal(same, other)


def test_images_that_the_model_gets_wrong_or_nobody_labelled_are_not_attacked(ait, digits):
    model, data = digits
    none_right = images(data.pixels[:30], ["other"] * 30)
    found = ait.measure(model=model, data=none_right)
    assert found["clean_accuracy"].value == found["robust_accuracy"].value == 0.0
    assert isinstance(found["attack_success_rate"], Undefined)
    labels = data.labels[:30].copy()
    labels[:10] = None
    assert ait.measure(model=model, data=images(data.pixels[:30], labels), steps=1)["clean_accuracy"].n == 20
    assert isinstance(ait.measure(model=model, data=images(data.pixels[:5], [None] * 5)), Undefined)


def test_the_strip_holds_images_that_the_attack_changed_by_no_more_than_epsilon(ait, digits):
    model, data = digits
    found = ait.measure(model=model, data=first(data, 60), epsilon=0.1)
    shown = found["broken_examples"]
    right = found["clean_accuracy"].value * 60
    assert shown.total == round(found["attack_success_rate"].value * right) and 0 < len(shown.rows) <= 12
    height, width, channels = shown.size
    pixels = np.frombuffer(base64.b64decode(shown.pixels), np.uint8).reshape(-1, 3, height, width, channels)
    apart = np.abs(pixels[:, 1].astype(int) - pixels[:, 0])
    assert 0 < apart.max() <= 0.1 * 255 + 1
    answers = [caption.split(" → ") for caption in shown.captions]
    assert all(true == f"class {data.labels[row]}" for (true, _), row in zip(answers, shown.rows, strict=True))
    assert all(true != f"class {said}" for true, said in answers)


def test_where_nothing_is_broken_the_strip_is_empty(ait, digits):
    shown = ait.measure(model=digits[0], data=first(digits[1], 10), epsilon=0.0)["broken_examples"]
    assert (list(shown.rows), shown.total, shown.pixels) == ([], 0, "")
