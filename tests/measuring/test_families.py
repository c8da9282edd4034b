from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from qmtestbed.ait import Estimate, Undefined
from qmtestbed.measuring.families import lowest, simultaneous
from qmtestbed.measuring.intervals import clopper_pearson


def shares(hits: list[int], n: int, confidence: float = 0.95) -> dict[str, Estimate | Undefined]:
    return simultaneous({str(i): partial(clopper_pearson, k, n) for i, k in enumerate(hits)}, confidence)


def test_one_alone_is_what_it_was():
    assert shares([3], 10) == {"0": clopper_pearson(3, 10, 0.95)}


def test_each_is_bonferronis_and_says_the_level_of_the_family():
    found = shares([3, 8, 10, 0], 10)["1"]
    alone = clopper_pearson(8, 10, 1 - 0.05 / 4)
    assert isinstance(found, Estimate) and isinstance(alone, Estimate)
    assert (found.low, found.high, found.level) == (alone.low, alone.high, 0.95)


def test_what_is_undefined_stays_so():
    assert isinstance(shares([0], 0)["0"], Undefined)
    assert simultaneous({}, 0.95) == {}
    assert isinstance(lowest([Undefined("no rows")]), Undefined)


@pytest.mark.parametrize("truths", [[0.95] * 30, list(np.linspace(0.6, 0.95, 30))])
def test_the_interval_of_the_lowest_holds_the_lowest_truth(truths):
    """30 slices of 50 rows: the naive interval of the one picked misses in a third of cases where all are alike."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        e = lowest(shares([int(k) for k in rng.binomial(50, truths)], 50).values())
        assert isinstance(e, Estimate) and e.low <= e.value <= e.high
        held += e.low <= min(truths) <= e.high
    assert held >= 0.95 * 200
