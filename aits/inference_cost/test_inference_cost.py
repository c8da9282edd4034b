from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qmtestbed.ait import Images, Roles, Table, Undefined


class Slow:
    """Takes a known time per call and a known memory per row, and counts."""

    native, classes = None, ("no", "yes")

    def __init__(self, seconds: float = 0.0, bytes_per_row: int = 0) -> None:
        self.seconds, self.bytes_per_row, self.asked = seconds, bytes_per_row, []

    def predict(self, x: pd.DataFrame) -> np.ndarray:
        self.asked.append(list(x.index))
        time.sleep(self.seconds)
        used = np.zeros(self.bytes_per_row * len(x), dtype=np.uint8)
        return np.full(len(x), "yes", dtype=object) if used.sum() == 0 else used


def table(n: int) -> Table:
    return Table(pd.DataFrame({"a": np.arange(n, dtype=float)}), None, Roles())


def test_a_known_time_is_found(ait: Any) -> None:
    found = ait.measure(model=Slow(0.01), data=table(50), sizes=[1, 10], calls=20)
    assert list(found["latency"]) == [f"{s} rows p{p}" for s in (1, 10) for p in (50, 90, 99)]
    assert 0.01 <= found["latency"]["1 rows p50"] < 0.1
    for size in (1, 10):
        e = found["row_latency"][str(size)]
        assert e.low * size >= 0.01 and e.low <= e.value <= e.high and e.n == 20
        low, middle, high = (found["latency"][f"{size} rows p{p}"] for p in (50, 90, 99))
        assert low <= middle <= high
    assert found["timed_calls"] == {"1": 20, "10": 20}


def test_a_known_memory_is_found(ait: Any) -> None:
    found = ait.measure(model=Slow(bytes_per_row=2_000_000), data=table(40), sizes=[1, 20], calls=3)
    assert found["memory"]["20"] == pytest.approx(2_000_000, rel=0.05)
    assert found["memory"]["1"] == pytest.approx(2_000_000, rel=0.2)
    assert ait.measure(model=Slow(), data=table(40), sizes=[20], calls=3)["memory"]["20"] < 5000


def test_calls_are_counted_and_get_other_rows(ait: Any) -> None:
    model = Slow()
    ait.measure(model=model, data=table(1000), sizes=[4], calls=10, warm_up=2)
    assert len(model.asked) == 2 + 10 + 1 and {len(rows) for rows in model.asked} == {4}
    assert len({tuple(rows) for rows in model.asked[:12]}) == 12
    again = Slow()
    ait.measure(model=again, data=table(1000), sizes=[4], calls=10, warm_up=2)
    assert again.asked == model.asked  # the seed decides the rows


def test_a_slow_model_is_not_waited_for(ait: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(np.arange(0.0, 1e6, 15.0))
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(clock)))
    assert ait.measure(model=Slow(), data=table(9), sizes=[1], calls=50)["timed_calls"] == {"1": 3}


def test_batches_larger_than_the_table_are_left_out(ait: Any) -> None:
    found = ait.measure(model=Slow(), data=table(40), calls=6)
    assert list(found["memory"]) == ["1", "32"] and len(found["details"].rows) == 2
    assert [x for x, _ in found["by_batch"].series["p50"]] == [1.0, 32.0]
    assert "fewer than any batch" in ait.measure(model=Slow(), data=table(3), sizes=[4]).reason
    assert isinstance(ait.measure(model=Slow(), data=table(0)), Undefined)


@pytest.mark.parametrize("sizes", [[], [0], [1.5]])
def test_sizes_that_can_not_be_meant(ait: Any, sizes: Any) -> None:
    with pytest.raises(ValueError, match="whole numbers from 1 on"):
        ait.measure(model=Slow(), data=table(5), sizes=sizes)


def test_it_is_for_information_only(ait: Any) -> None:
    assert ait.manifest.information and ait.manifest.volatile and not ait.manifest.suggests


def test_images_come_in_batches_too(ait: Any) -> None:
    seen = []

    class Reader(Slow):
        def predict(self, x: Any) -> np.ndarray:
            seen.append(x.shape)
            return np.full(len(x), "yes", dtype=object)

    images = Images(np.zeros((40, 8, 8, 1), dtype=np.float32), None, None, (0.0, 1.0))
    found = ait.measure(model=Reader(), data=images, sizes=[4, 64], calls=5)
    assert set(seen) == {(4, 8, 8, 1)} and found["timed_calls"] == {"4": 5}
