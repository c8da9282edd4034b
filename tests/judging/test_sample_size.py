"""How many items would be needed: the closed form, and what is said where it has no answer."""

from __future__ import annotations

import math
import re

import pytest

from qmtestbed.ait import Estimate
from qmtestbed.judging.sample_size import would_settle
from qmtestbed.types.criterion import parse_criterion


def said(criterion: str, value: float, low: float, high: float, n: int = 100) -> str:
    return would_settle(parse_criterion(criterion + " at 95%"), Estimate(value, low, high, 0.95, n))


def needed(text: str) -> int:
    match = re.search(r"about n = (\d+)", text)
    assert match, text
    return int(match[1])


@pytest.mark.parametrize(
    ("criterion", "interval", "half_width", "distance"),
    [
        ("m >= 0.90", (0.92, 0.86, 0.96), 0.06, 0.02),
        ("m <= 0.10", (0.08, 0.05, 0.13), 0.05, 0.02),
        ("m in [0.8, 1.2]", (1.1, 0.9, 1.4), 0.3, 0.1),
        ("m in [0.8, 1.2]", (0.9, 0.5, 1.1), 0.4, 0.1),
        ("m in [0.8, 1.2]", (1.1, 0.5, 1.4), 0.3, 0.1),  # both limits are straddled: the dearer one
    ],
)
def test_it_is_n_times_the_square_of_half_width_over_distance(
    criterion: str, interval: tuple[float, float, float], half_width: float, distance: float
) -> None:
    text = said(criterion, *interval)
    assert text.startswith("not shown at this sample size; about n = ")
    assert text.endswith(" would be needed if the estimate holds")
    assert abs(needed(text) - 100 * (half_width / distance) ** 2) <= 1.01  # rounded up, from floats


def test_a_normal_interval_of_that_size_just_shows_it() -> None:
    p, n, limit = 0.92, 300, 0.9

    def half(k: int) -> float:
        return 1.96 * math.sqrt(p * (1 - p) / k)

    enough = needed(said(f"m >= {limit}", p, p - half(n), p + half(n), n))
    assert p - half(enough) >= limit > p - half(enough - 2)


@pytest.mark.parametrize(
    ("criterion", "interval", "side", "n"),
    [
        ("m >= 0.9", (0.88, 0.80, 0.94), "below", 900),
        ("m <= 0.1", (0.12, 0.06, 0.20), "above", 900),
        ("m in [0.8, 1.2]", (0.7, 0.4, 0.9), "below", 400),
        ("m == 0.5", (0.7, 0.3, 0.9), "above", 400),
    ],
)
def test_an_estimate_on_the_wrong_side_is_said_to_be_there(
    criterion: str, interval: tuple[float, float, float], side: str, n: int
) -> None:
    text = said(criterion, *interval)
    assert text.startswith(f"the estimate itself is {side} the limit; about n = ")
    assert text.endswith(" would show that it is missed")
    assert abs(needed(text) - n) <= 1.01


@pytest.mark.parametrize("criterion", ["m >= 0.9", "m > 0.9", "m < 0.9", "m == 0.9", "m in [0.9, 1]"])
def test_at_the_limit_no_size_helps(criterion: str) -> None:
    assert said(criterion, 0.9, 0.8, 0.95) == "the estimate is at the limit; no sample size would show it"


def test_very_near_the_limit_no_absurd_number_is_given() -> None:
    assert said("m >= 0.9", 0.9000000001, 0.8, 0.95).endswith("no practical sample size would show it")
    assert said("m >= 1.7e308", -1.7e308, -1.7e308, 1.75e308).endswith("sample size would show it")
    assert said("m <= 0", -1e-320, -1e300, 1e300).endswith("sample size would show it")


def test_it_is_always_more_than_there_were() -> None:
    assert needed(said("m > 0.5", 0.75, 0.5, 1.0, 64)) == 65
    assert needed(said("m >= 0.9", 0.95, 0.8, 1.0, 0)) == 1
