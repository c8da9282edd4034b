from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression

from qmtestbed.ait import Images, Roles, Subject, Table, Undefined


class FakeModel:
    """Answers by a function of the frame, and keeps the frames that it was given; classes by whether it is above 0."""

    native = None

    def __init__(self, score: Callable[[pd.DataFrame], Any], classes: tuple[str, ...] = ("no", "yes")) -> None:
        self.score, self.classes, self.given = score, classes, []

    def predict(self, x: pd.DataFrame) -> np.ndarray:
        self.given.append(x)
        s = np.asarray(self.score(x), dtype=float)
        return np.array(self.classes, dtype=object)[(s > 0).astype(int)] if self.classes else s


def table(columns: Any, **roles: Any) -> Table:
    return Table(pd.DataFrame(columns), None, Roles(**roles))


def uniform(low: float, high: float, n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, n)


def test_a_threshold_between_two_float16_flips_what_lies_between_it_and_the_middle(ait: Any) -> None:
    # From 1024 to 2048 float16 has whole numbers: what lies in (1500.25, 1500.5) becomes 1500, below the threshold.
    data = table({"x": uniform(1490, 1510, 20_000)})
    found = ait.measure(model=FakeModel(lambda f: f["x"] - 1500.25), data=data, types=["float16", "float32"])
    e = found["flip_rate"]["float16"]
    assert e.low < 0.25 / 20 < e.high and e.n == 20_000
    hits = int(((data.frame["x"] > 1500.25) & (data.frame["x"] < 1500.5)).sum())
    ci = stats.binomtest(hits, 20_000).proportion_ci(method="exact")
    assert (e.value, e.low, e.high) == (hits / 20_000, pytest.approx(ci.low), pytest.approx(ci.high))
    assert found["flip_rate"]["float32"].value == 0.0
    assert found["findings"][0].subject == Subject(slice="float16")


def test_a_linear_value_moves_by_at_most_half_a_unit_in_the_last_place(ait: Any) -> None:
    data = table({"a": uniform(1, 2, 5000), "b": uniform(-8, -4, 5000, 1)})
    w = {"a": 3.0, "b": -0.5}
    model = FakeModel(lambda f: sum(w[c] * f[c] for c in w), ())
    found = ait.measure(model=model, data=data)
    answers = model.predict(data.frame)
    moved = sum(w[c] * (data.frame[c].astype(np.float32).astype(float) - data.frame[c]) for c in w)
    largest = found["largest_change"]["float32"] * answers.std()
    assert largest == pytest.approx(np.abs(moved).max(), rel=1e-6)
    bound = 3.0 * 2.0**-24 + 0.5 * 4 * 2.0**-24
    assert 0.5 * bound < largest <= bound * (1 + 1e-6)
    assert found["flip_rate"]["float32"].value == 0.0  # far within the tolerance
    assert ait.measure(model=model, data=data, tolerance=0.0)["flip_rate"]["float32"].value > 0.99


def test_digits_that_float32_has_not(ait: Any) -> None:
    seconds = 1_700_000_000 + uniform(-60, 60, 2000)
    found = ait.measure(model=FakeModel(lambda f: f["t"] - 1_700_000_001), data=table({"t": seconds}))
    # Multiples of 128: all become 1,700,000,000, which lies below, so that what lay above flips.
    share = float((seconds > 1_700_000_001).mean())
    assert found["flip_rate"]["float32"].value == pytest.approx(share)


def test_only_columns_of_floating_numbers_are_rounded_and_types_stay(ait: Any) -> None:
    n = 20
    frame = pd.DataFrame({"x": uniform(0, 1, n), "k": np.arange(n) + 2**40, "s": ["u"] * n, "m": [0.1, None] * 10})
    frame = frame.assign(id=uniform(0, 1, n), when=uniform(0, 1, n), w=0.1, single=frame["x"].astype(np.float32))
    model = FakeModel(lambda f: f["x"])
    before = frame.copy()
    ait.measure(model=model, data=table(frame, id="id", time="when", weight="w"))
    first, rounded = model.given
    pd.testing.assert_frame_equal(first, before)
    pd.testing.assert_frame_equal(rounded.drop(columns=["x", "m"]), before.drop(columns=["x", "m"]))
    assert (rounded.dtypes == before.dtypes).all() and (rounded["x"] != before["x"]).all()
    assert rounded["m"].isna().equals(before["m"].isna())


def test_numbers_out_of_range_are_not_measured(ait: Any) -> None:
    found = ait.measure(model=FakeModel(lambda f: f["x"]), data=table({"x": [1.0, 1e5]}), types=["float16", "float32"])
    reason = Undefined("Column 'x' holds numbers that float16 can't hold.")
    assert found["flip_rate"]["float16"] == found["largest_change"]["float16"] == reason
    assert found["flip_rate"]["float32"].value == 0.0
    assert (
        ait.measure(model=FakeModel(lambda f: f["x"]), data=table({"x": [1.0, np.inf]}))["flip_rate"]["float32"].n == 2
    )


def test_the_deployed_model_is_compared_row_by_row(ait: Any) -> None:
    data = table({"x": uniform(0, 1, 4000)})
    model, moved = FakeModel(lambda f: f["x"] - 0.5), FakeModel(lambda f: f["x"] - 0.52)
    found = ait.measure(model=model, data=data, deployed=moved)
    e = found["deployed_disagreement"]
    assert e.value == float(((data.frame["x"] > 0.5) & (data.frame["x"] <= 0.52)).mean())
    assert [f.measure for f in found["findings"]] == ["deployed_disagreement"]
    assert ait.measure(model=model, data=data, deployed=model)["deployed_disagreement"].value == 0.0
    numbers = FakeModel(lambda f: 2 * f["x"], ())
    apart = ait.measure(model=numbers, data=data, deployed=FakeModel(lambda f: 2 * f["x"] + 0.1, ()))
    assert apart["deployed_largest"] == pytest.approx(0.1 / (2 * data.frame["x"].std(ddof=0)))
    assert (
        "one of the two"
        in ait.measure(model=model, data=data, deployed=numbers)["deployed_disagreement"].reason.lower()
    )
    assert ait.measure(model=model, data=data)["deployed_disagreement"] == Undefined("No second model is given.")


def test_an_export_to_onnx_agrees(ait: Any) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    convert = pytest.importorskip("skl2onnx").to_onnx
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(800, 4)), columns=list("abcd"))
    fitted = LogisticRegression().fit(frame, frame["a"] + rng.normal(size=800) > 0)
    exported = convert(fitted, frame.to_numpy(dtype=np.float32)[:1], options={"zipmap": False})
    session = onnxruntime.InferenceSession(exported.SerializeToString(), providers=["CPUExecutionProvider"])

    class Onnx:
        native, classes = None, ("False", "True")

        def predict(self, x: pd.DataFrame) -> np.ndarray:
            said = session.run(None, {session.get_inputs()[0].name: x.to_numpy(dtype=np.float32)})[0]
            return np.asarray(said).astype(bool).astype(str).astype(object)

    model = FakeModel(lambda f: fitted.decision_function(f), ("False", "True"))
    assert ait.measure(model=model, data=table(frame), deployed=Onnx())["deployed_disagreement"].value == 0.0


def test_groups_and_weights_count(ait: Any) -> None:
    frame = pd.DataFrame({"x": uniform(0, 1, 100), "g": np.arange(100) // 4, "w": np.repeat([0.0, 1.0], 50)})
    assert ait.measure(model=FakeModel(lambda f: f["x"]), data=table(frame, group="g"))["flip_rate"]["float32"].n == 25
    assert ait.measure(model=FakeModel(lambda f: f["x"]), data=table(frame, weight="w"))["flip_rate"]["float32"].n == 50


def test_nothing_to_ask_and_types_that_there_are_not(ait: Any) -> None:
    model = FakeModel(lambda f: f["x"])
    assert isinstance(ait.measure(model=model, data=table({"x": []})), Undefined)
    for wrong in (["float8"], []):
        with pytest.raises(ValueError, match="types must be some of"):
            ait.measure(model=model, data=table({"x": [1.0]}), types=wrong)


def test_pixels_are_rounded_in_the_type_that_they_have(ait: Any) -> None:
    """Between 0.5 and 1 two neighbours of float16 are 2^-11 apart: a threshold amid two flips what lies between."""
    pixels = uniform(0.5, 1, 4000).astype(np.float32).reshape(-1, 2, 1, 1)
    threshold = 0.75 + 2**-12
    model = FakeModel(lambda x: x[:, 0, 0, 0] - threshold)
    found = ait.measure(model=model, data=Images(pixels, None, None, (0.0, 1.0)), types=["float32", "float16"])
    first = pixels[:, 0, 0, 0]
    flipped = np.mean((first > threshold) != (first.astype(np.float16).astype(np.float32) > threshold))
    assert found["flip_rate"]["float32"].value == 0.0
    assert found["flip_rate"]["float16"].value == flipped
    assert all(x.dtype == np.float32 for x in model.given)
