from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_digits

from qmtestbed.ait import Estimate, Images, Subject, Undefined
from qmtestbed.measuring.corruptions import CORRUPTIONS, SEVERITIES


class FakeModel:
    """Answers by a function of the pixels; counts how many images it was asked about."""

    native = None

    def __init__(self, answer: Callable[[Any], Any], classes: tuple[str, ...] = ("dark", "light")) -> None:
        self.answer, self.classes, self.asked, self.seen = answer, classes, 0, []

    def predict(self, x: Any) -> np.ndarray:
        assert x.dtype == np.float32 and x.ndim == 4
        self.asked += len(x)
        self.seen.append(x)
        return np.asarray(self.answer(x), dtype=object)


def lightness(x: Any) -> Any:
    return np.where(x.mean(axis=(1, 2, 3)) > 0.5, "light", "dark")


def images(pixels: Any, labels: Any, low: float = 0.0, high: float = 1.0) -> Images:
    return Images(np.asarray(pixels, dtype=np.float32), np.asarray(labels, dtype=object), None, (low, high))


def plain(n: int = 60, side: int = 16) -> Images:
    """Flat images, half of them dark (0.2) and half light (0.8)."""
    value = np.where(np.arange(n) % 2 == 0, 0.2, 0.8)
    return images(np.ones((n, side, side, 1)) * value[:, None, None, None], np.where(value > 0.5, "light", "dark"))


@pytest.fixture(scope="module")
def digits() -> tuple[FakeModel, Images]:
    x, y = load_digits().images / 16, load_digits().target
    means = np.array([x[:1200][y[:1200] == k].mean(axis=0).ravel() for k in range(10)])

    def nearest(x: Any) -> Any:
        return ((x.reshape(-1, 1, 64) - means) ** 2).sum(axis=2).argmin(axis=1).astype(str)

    model = FakeModel(nearest, tuple("0123456789"))
    return model, images(x[1200:1500, :, :, None], y[1200:1500].astype(str))


def test_accuracies_of_digits(ait, digits):
    model, data = digits
    found = ait.measure(model=model, data=data)
    right = (model.predict(data.pixels) == data.labels).sum()
    ci = stats.binomtest(int(right), 300).proportion_ci(method="exact")
    clean = found["clean_accuracy"]
    assert (clean.value, clean.low, clean.high) == pytest.approx((right / 300, ci.low, ci.high))
    cells = found["corrupted_accuracy"]
    assert list(cells) == [f"{name}, severity {s}" for name in CORRUPTIONS for s in SEVERITIES]
    values = np.array([e.value for e in cells.values()])
    assert found["mean_corrupted_accuracy"].value == pytest.approx(values.mean())
    assert found["relative_accuracy"].value == pytest.approx(values.mean() / clean.value)
    assert found["worst_accuracy"].value == values.min()
    np.testing.assert_allclose(found["accuracy_by_corruption"].values, values.reshape(12, 5))
    assert 0.5 < found["mean_corrupted_accuracy"].value < clean.value


def test_intervals_allow_for_the_search_and_count_images(ait, digits):
    model, data = digits
    found = ait.measure(model=model, data=data)
    cells = found["corrupted_accuracy"]
    hits = round(cells["fog, severity 5"].value * 300)
    ci = stats.binomtest(hits, 300).proportion_ci(1 - 0.05 / 60, method="exact")
    assert (cells["fog, severity 5"].low, cells["fog, severity 5"].high) == pytest.approx((ci.low, ci.high))
    worst = found["worst_accuracy"]
    assert worst.low == min(e.low for e in cells.values())
    assert worst.high == min(e.high for e in cells.values())
    mean = found["mean_corrupted_accuracy"]
    assert mean.n == found["relative_accuracy"].n == 300
    naive = 2 * 1.96 * np.sqrt(mean.value * (1 - mean.value) / (300 * 60))
    assert mean.high - mean.low > 2 * naive


def test_a_model_that_looks_at_lightness_stands_all_but_light(ait):
    found = ait.measure(model=FakeModel(lightness), data=plain())
    cells = {key: e.value for key, e in found["corrupted_accuracy"].items()}
    for name in ("gaussian_blur", "motion_blur", "contrast", "pixelate", "jpeg_compression", "translation", "rotation"):
        assert all(cells[f"{name}, severity {s}"] == 1.0 for s in SEVERITIES), name
    assert cells["brightness, severity 4"] == 1.0  # 0.2 + 0.2 is still dark
    bright = ait.measure(model=FakeModel(lightness), data=plain(), constants="imagenet-c", corruptions=["brightness"])
    assert [e.value for e in bright["corrupted_accuracy"].values()] == [1.0, 1.0, 1.0, 0.5, 0.5]
    assert bright["mean_corrupted_accuracy"].value == pytest.approx(0.8)


def test_a_model_that_never_changes_its_answer(ait):
    data = plain()
    found = ait.measure(model=FakeModel(lambda x: ["light"] * len(x)), data=data)
    assert "one answer to all" in found["relative_accuracy"].reason  # 1 would be no merit
    assert {e.value for e in found["corrupted_accuracy"].values()} == {0.5}
    assert found["findings"] == []


def test_a_model_that_is_never_right_has_no_ratio(ait):
    data = plain()
    found = ait.measure(model=FakeModel(lambda x: ["other"] * len(x)), data=data)
    assert found["relative_accuracy"] == Undefined("The model is right about no undamaged image.")
    assert found["worst_accuracy"].value == 0.0


def test_findings_name_the_worst_severity_of_each_corruption_and_the_worst_of_all(ait):
    found = ait.measure(
        model=FakeModel(lightness), data=plain(), corruptions=["contrast", "brightness"], constants="imagenet-c"
    )
    slice_ = Subject(slice="brightness, severity 4")
    assert [(f.kind, f.subject, f.measure, f.value) for f in found["findings"]] == [
        ("instability", slice_, name, 0.5)
        for name in ("corrupted_accuracy", "worst_accuracy", "mean_corrupted_accuracy", "relative_accuracy")
    ]
    assert "against 1.000 undamaged" in found["findings"][0].text
    assert list(found["accuracy_by_severity"].series) == ["mean of all", "brightness", "contrast"]
    assert found["accuracy_by_severity"].series["brightness"][0] == (0.0, 1.0)


def test_images_go_to_the_model_in_their_own_range(ait):
    data = plain()
    shifted = images(data.pixels * 4 - 1, data.labels, -1.0, 3.0)
    model = FakeModel(lambda x: lightness((x + 1) / 4))
    found = ait.measure(model=model, data=shifted)
    assert found["corrupted_accuracy"] == ait.measure(model=FakeModel(lightness), data=data)["corrupted_accuracy"]
    assert min(x.min() for x in model.seen) == -1.0 and max(x.max() for x in model.seen) == 3.0


def test_images_without_a_label_are_left_out(ait):
    data = plain()
    labels = data.labels.copy()
    labels[:20] = None
    model = FakeModel(lightness)
    found = ait.measure(model=model, data=images(data.pixels, labels), corruptions=["fog"])
    assert found["clean_accuracy"].n == 40
    assert model.asked == 40 * 6 + len(found["worst_examples"].rows)
    assert isinstance(ait.measure(model=model, data=images(data.pixels, [None] * 60)), Undefined)


def test_the_seed_decides(ait, digits):
    model, data = digits
    some = images(data.pixels[:60], data.labels[:60])

    def run(seed: int) -> list[Estimate]:
        return [*ait.measure(model=model, data=some, seed=seed)["corrupted_accuracy"].values()]

    assert run(1) == run(1) != run(2)


def test_one_image(ait):
    found = ait.measure(model=FakeModel(lightness), data=plain(1))
    assert found["clean_accuracy"].n == 1
    assert isinstance(found["relative_accuracy"], Undefined)


def test_an_unknown_corruption_is_refused(ait):
    with pytest.raises(ValueError, match="'snow' is unknown; known are gaussian_noise"):
        ait.measure(model=FakeModel(lightness), data=plain(), corruptions=["snow"])


def test_it_takes_a_few_seconds_for_500_images_of_28_by_28(ait):
    start = time.perf_counter()
    ait.measure(model=FakeModel(lightness), data=plain(500, 28))
    assert time.perf_counter() - start < 15  # about 1 s alone on one core


def test_the_strip_holds_images_that_the_worst_cell_turns_wrong(ait, digits):
    model, data = digits
    numbered = Images(data.pixels, data.labels, None, data.range, np.arange(7, 307))
    found = ait.measure(model=model, data=numbered)
    shown, worst = found["worst_examples"], min(found["corrupted_accuracy"].items(), key=lambda item: item[1].value)
    assert len(shown.rows) == 12 and shown.population == f"images that are right undamaged and wrong at {worst[0]}"
    right = model.predict(data.pixels) == data.labels
    assert all(right[row - 7] for row in shown.rows)  # named by where they stand in the file
    first = np.frombuffer(base64.b64decode(shown.pixels), np.uint8).reshape(12, 2, 8, 8, 1)[0]
    assert (first[0] == np.rint(data.pixels[shown.rows[0] - 7] * 255)).all() and (first[0] != first[1]).any()
    turned = int(right.sum()) - round(300 * worst[1].value)
    assert turned <= shown.total <= right.sum()
    assert found["worst_examples"] == ait.measure(model=model, data=numbered)["worst_examples"]
