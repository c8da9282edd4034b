"""Text of others, and the spelling of numbers."""

from __future__ import annotations

import math
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmtestbed.render.criteria import found_text, limit_text
from qmtestbed.render.text import (
    Svg,
    anchor,
    clean,
    date,
    fixed,
    number,
    scrub,
    seconds,
    shorten,
    size,
    web_address,
    width,
)
from qmtestbed.types.criterion import parse_criterion
from qmtestbed.types.record import Failure


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=200))
def test_clean_text_holds_nothing_that_acts(text) -> None:
    shown = clean(text)
    shown.encode()
    assert not any(unicodedata.category(c) == "Cc" and c != "\n" for c in shown)
    assert not re.search("[\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff]", shown)


def test_what_can_not_be_seen_is_named_and_different_names_stay_different() -> None:
    assert clean("a\u202eb\x00c\x1b[31m") == "a⟨U+202E⟩b⟨U+0000⟩c⟨U+001B⟩[31m"
    assert clean("a\u202eb") != clean("a\u200fb")
    assert clean("first\r\nsecond\tthird") == "first\nsecond third"
    assert clean("日本語 é – 🙂") == "日本語 é – 🙂"


def test_long_text_is_cut_visibly() -> None:
    assert clean("x" * 10_000, 50) == "x" * 50 + "… [+9,950]"
    assert clean("a" + "\u0301" * 500) == "a" + "\u0301" * 3


def test_scrub_reaches_every_text_but_leaves_pictures() -> None:
    assert scrub(Failure("a\x00", found="b\x1b")) == Failure("a⟨U+0000⟩", found="b⟨U+001B⟩")
    picture = Svg("<svg>\x00</svg>")
    assert scrub((picture, ("\x00", 1, None))) == (picture, ("⟨U+0000⟩", 1, None))
    with pytest.raises(TypeError):
        scrub({"a": 1})


def test_shorten_counts_wide_characters_twice() -> None:
    assert shorten("品質評価報告書", 9) == "品質評価…"
    assert width(shorten("品質評価報告書", 10)) <= 10
    assert shorten("a\n b", 9) == "a b"


@given(st.lists(st.text(max_size=12), unique=True, max_size=20))
def test_anchors_are_plain_and_distinct(names) -> None:
    anchors = [anchor("x", n) for n in names]
    assert all(re.fullmatch(r"x-[A-Za-z0-9_.-]*", a) for a in anchors)
    assert len(set(anchors)) == len(anchors)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://doi.org/10.1093/biomet/26.4.404", True),
        ("http://example.org/a?b=c&d=%20#e", True),
        ("javascript:alert(1)", False),
        (" https://a.b", False),
        ("https://a.b/\"onclick='x'", False),
        ("https://a.b/\u202e", False),
        ("data:text/html,x", False),
        ("https://a.b\n", False),
        (None, False),
    ],
)
def test_only_plain_web_addresses_become_links(url, kept) -> None:
    assert web_address(url) == (url if kept else None)


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (-0.0, "0"),
        (3, "3"),
        (1234567.0, "1,234,567"),
        (0.645455, "0.6455"),
        (0.95, "0.95"),
        (0.000375, "0.000375"),
        (1e-9, "1.000e−09"),
        (-0.25, "−0.25"),
        (1234.56, "1,235"),
        (0.99999, "0.99999"),
        (-0.9999999, "−0.9999999"),
        (math.nan, "NaN"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
    ],
)
def test_numbers(x, text) -> None:
    assert number(x) == text


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_a_ratio_short_of_one_is_never_written_as_one_nor_as_none(x) -> None:
    assert number(x) not in ("1", "0")


def test_a_found_value_never_looks_like_the_limit_it_misses() -> None:
    assert found_text(0.89996, 0.88, 0.92, (0.9, None)) == ("0.89996", "[0.88000, 0.92000]")
    assert found_text(0.79999999, None, None, (0.8, None))[0] == "0.79999999"
    assert found_text(0.8, None, None, (0.8, None))[0] == "0.8"
    assert found_text(0.645, 0.5486, 0.7343, (0.8, None)) == ("0.645", "[0.549, 0.734]")
    assert found_text(None, None, None, (0.8, None)) == ("–", "")
    assert fixed(-0.0001, 2) == "0.00"


@pytest.mark.parametrize(
    ("criterion", "bound", "text"),
    [
        ("a >= 0.80", (0.8, None), "≥ 0.8"),
        ("a > 0.80", (0.8, None), "> 0.8"),
        ("a <= 0.001", (None, 0.001), "≤ 0.001"),
        ("a < 3", (None, 3.0), "< 3"),
        ("a == 1", (1.0, 1.0), "= 1"),
        ("a in [0.4, 0.6]", (0.4, 0.6), "0.4 – 0.6"),
        ("a >= baseline - 0.01", (-0.01, None), "≥ baseline − 0.01"),
        ("a <= baseline + 2", (None, 2.0), "≤ baseline + 2"),
        ("a > baseline", (0.0, None), "> baseline"),
    ],
)
def test_limits(criterion, bound, text) -> None:
    assert limit_text(bound, parse_criterion(criterion)) == text


def test_dates_times_and_sizes() -> None:
    assert date("2026-11-20", "en") == "20 November 2026"
    assert date("2026-11-20", "ja") == "2026年11月20日"
    assert date("2026-11-20T03:40:02Z", "en") == "20 November 2026 03:40:02 UTC"
    assert date("yesterday", "en") == "yesterday" and date("2026-13-01", "en") == "2026-13-01"
    assert [seconds(x) for x in (0.044, 41.3, 125)] == ["0.04 s", "41 s", "2 min 5 s"]
    assert [seconds(x, "ja") for x in (0.044, 125)] == ["0.04 秒", "2 分 5 秒"]
    assert [size(n) for n in (2048, 213 * 2**20, 3 * 2**30)] == ["2 KiB", "213 MiB", "3.0 GiB"]
