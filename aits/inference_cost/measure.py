"""How long a model takes to answer, and how much memory it needs meanwhile, on this machine."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Sequence
from typing import Any

import numpy as np

from qmtestbed.ait import Curve, DataTable, Images, Model, Table, Undefined
from qmtestbed.measuring.answers import taken, values_of
from qmtestbed.measuring.drawing import some
from qmtestbed.measuring.intervals import median_interval

PERCENTILES = (50, 90, 99)
LONGEST = 20.0
"""Seconds after which no further call of a batch size is timed."""
LEAST = 3


def measure(
    model: Model,
    data: Table | Images,
    *,
    sizes: Sequence[int] = (1, 32, 1000),
    calls: int = 100,
    warm_up: int = 3,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Time calls of the model with batches of several sizes, and trace the memory of one call of each.

    Parameters
    ----------
    model
        Any.
    data
        Rows or images; labels are not needed.
    sizes
        Rows of a batch; one larger than the table is left out.
    calls
        How many calls of each size are timed.
    warm_up
        How many calls go before, untimed.
    confidence
        Of the interval of the medians.
    seed
        Of the rows of each call.

    Returns
    -------
    dict or Undefined
        Seconds and bytes, not negative; undefined without rows.

    Raises
    ------
    ValueError
        A size is no whole number from 1 on.
    """
    if not sizes or any(int(s) != s or s < 1 for s in sizes):
        raise ValueError(f"sizes must be whole numbers from 1 on; found {list(sizes)}")
    values = values_of(data)
    n = len(values)
    fitting = sorted({int(s) for s in sizes if s <= n})
    if not fitting:
        return Undefined(f"The data have {n} items, fewer than any batch." if n else "The data have no items.")
    times = {s: _times(model, values, s, calls, warm_up, np.random.default_rng([seed, s])) for s in fitting}
    memory = {str(s): _memory(model, taken(values, slice(s))) / s for s in fitting}
    per_row = {s: t / s for s, t in times.items()}
    return {
        "latency": {f"{s} rows p{p}": float(np.percentile(t, p)) for s, t in times.items() for p in PERCENTILES},
        "row_latency": {str(s): median_interval(t, confidence) for s, t in per_row.items()},
        "memory": memory,
        "timed_calls": {str(s): len(t) for s, t in times.items()},
        "by_batch": _curve(per_row),
        "details": _table(times, memory),
    }


def _times(model: Model, values: Any, size: int, calls: int, warm_up: int, rng: np.random.Generator) -> np.ndarray:
    """Seconds of each call, :data:`LEAST` of them at least; other rows each time, so that no answer is remembered."""
    found: list[float] = []
    for call in range(-warm_up, calls):
        batch = taken(values, some(len(values), size, rng))
        begin = time.perf_counter()
        model.predict(batch)
        if call >= 0:
            found.append(time.perf_counter() - begin)
        if len(found) >= LEAST and sum(found) > LONGEST:
            break
    return np.array(found)


def _memory(model: Model, batch: Any) -> int:
    """Bytes that are in use at most during a call and were not before."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        model.predict(batch)
        return max(tracemalloc.get_traced_memory()[1] - before, 0)
    finally:
        tracemalloc.stop()


def _curve(per_row: dict[int, np.ndarray]) -> Curve:
    series = {f"p{p}": [(float(s), float(np.percentile(t, p))) for s, t in per_row.items()] for p in PERCENTILES}
    return Curve(series, x_title="rows of a batch", y_title="seconds per row")


def _table(times: dict[int, np.ndarray], memory: dict[str, float]) -> DataTable:
    titles = ["rows of a batch", "calls", *(f"p{p} (ms)" for p in PERCENTILES), "memory per row (bytes)"]
    lines = [
        [s, len(t), *(round(1000 * float(np.percentile(t, p)), 4) for p in PERCENTILES), round(memory[str(s)])]
        for s, t in times.items()
    ]
    return DataTable(titles, lines)
