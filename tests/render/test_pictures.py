"""Strips of images and maps of coverage: the pixels that were kept, the counts that were made, and nothing else."""

from __future__ import annotations

import base64
import io
import re
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmtestbed.ait import Coverage, SampleImages
from qmtestbed.measuring.strips import LARGEST, MOST, drawn, strip
from qmtestbed.render.charts import draw
from qmtestbed.render.context import Detail
from qmtestbed.render.png import png
from qmtestbed.render.tables import table
from qmtestbed.render.words import Words

image = pytest.importorskip("PIL.Image", reason="Pillow reads PNG files independently of us")
W = Words("en")
HOSTILE = "</text><script>alert(1)</script>"


def decoded(content: bytes) -> np.ndarray:
    with image.open(io.BytesIO(content)) as picture:
        picture.load()
        return np.asarray(picture)


def embedded(svg: str) -> list[bytes]:
    return [base64.b64decode(x) for x in re.findall(r'href="data:image/png;base64,([^"]*)"', svg)]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3, 4]), st.integers(0, 2**31))
def test_an_independent_reader_finds_the_same_pixels(height: int, width: int, channels: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)
    assert (decoded(png(pixels.tobytes(), height, width, channels)).reshape(pixels.shape) == pixels).all()


def test_a_picture_of_several_blocks_of_deflate() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    assert (decoded(png(pixels.tobytes(), 200, 300, 3)) == pixels).all()


@pytest.mark.parametrize(("size", "n"), [((2, 2, 1), 3), ((0, 2, 1), 0), ((1, 1, 2), 2)])
def test_bytes_that_are_no_image_are_refused(size: tuple[int, int, int], n: int) -> None:
    with pytest.raises(ValueError, match="no image"):
        png(bytes(n), *size)


def some(n: int = 5, side: int = 8, **changes: Any) -> SampleImages:
    pixels = np.random.default_rng(1).random((n, side, side, 3))
    states = {"original": pixels, "changed": 1 - pixels}
    given = {"total": 40, "seed": 0, "population": "those that are wrong"}
    made = strip(states, range(n), [f"class {i}" for i in range(n)], **given)
    return SampleImages(**{**vars(made), **changes})


def test_the_strip_shows_each_image_in_each_state() -> None:
    pixels = np.random.default_rng(1).random((5, 8, 8, 3))
    svg = draw(some(), "strip", W)
    shown = [decoded(content) for content in embedded(str(svg))]
    expected = [x for i in range(5) for x in (pixels[i], 1 - pixels[i])]
    assert len(shown) == 10
    assert all((a == np.rint(b.astype(np.float32) * 255)).all() for a, b in zip(shown, expected, strict=True))
    assert str(draw(some(), "strip", W)) == str(svg)


def test_rows_wrap_and_nothing_lies_outside() -> None:
    root = ET.fromstring(str(draw(some(12), "strip", W)))
    width, height = map(float, root.get("viewBox").split()[2:])
    boxes = [[float(e.get(k)) for k in ("x", "y", "width", "height")] for e in root.iter() if e.tag.endswith("image")]
    assert len({y for _, y, _, _ in boxes}) > 1 and all(x + w <= width and y + h <= height for x, y, w, h in boxes)


def test_a_large_image_is_reduced_to_the_mean_of_its_pixels() -> None:
    pixels = np.zeros((1, 2 * LARGEST, LARGEST, 1))
    pixels[:, ::2] = 1.0
    made = strip({"a": pixels}, [0], [""], total=1, seed=0, population="")
    assert made.size == (LARGEST, LARGEST // 2, 1)
    assert set(base64.b64decode(made.pixels)) == {128}


def test_a_draw_is_bounded_seeded_and_ascending() -> None:
    among = np.arange(100, 440)
    first = drawn(among, 3)
    assert len(first) == MOST and (np.diff(first) > 0).all() and set(first) <= set(among)
    assert (drawn(among, 3) == first).all() and (drawn(among, 4) != first).any()
    assert (drawn(among[:5], 3) == among[:5]).all()


@pytest.mark.parametrize(
    "changes",
    [{"pixels": ""}, {"pixels": "not base64!"}, {"pixels": "AAAA"}, {"size": (10**6, 10**6, 3)}, {"size": (8, -8, 3)}],
)
def test_what_is_no_image_is_not_drawn_and_its_table_is_there(changes: dict[str, Any]) -> None:
    sample = some(**changes)
    assert draw(sample, "strip", W) is None
    assert [row[0] for row in table(sample, W, Detail()).rows] == ["0", "1", "2", "3", "4"]


def test_a_child_can_t_smuggle_a_file_of_its_own() -> None:
    """Whatever bytes it wrote, they become pixels of a file of ours."""
    content = b"\x89PNG\r\n\x1a\n<svg onload=alert(1)>"
    sample = SampleImages(
        [0], [HOSTILE], [HOSTILE], 1, 0, HOSTILE, (1, len(content), 1), base64.b64encode(content).decode()
    )
    svg = str(draw(sample, HOSTILE, W))
    assert "<script" not in svg and "onload" not in svg
    assert decoded(embedded(svg)[0]).tobytes() == content
    ET.fromstring(svg)


# -- coverage -------------------------------------------------------------------------------------------------

MAP = Coverage([[9, 0, None], [1, 4, 0], [0, 12, 3]], ["a", "b", HOSTILE], ["x", "y", "z"], "first", "second", 2)


def test_the_map_crosses_out_what_is_missing_and_nothing_else() -> None:
    svg = str(draw(MAP, "map", W))
    root = ET.fromstring(svg)

    def count(tag: str, css: str) -> int:
        return sum(1 for e in root.iter() if e.tag.endswith(tag) and e.get("class") == css)

    legend = 1
    assert count("line", "missing") == 2 * (4 + legend) and count("rect", "missing") == 4 + legend
    assert count("rect", "never") == 1 + legend and count("line", "never dash") == 1 + legend
    assert count("rect", "heat") == 4 + legend
    shown = [e.text for e in root.iter() if e.tag.endswith("text")]
    assert all(str(n) in shown for n in (9, 4, 12, 3)) and "missing: fewer than 2 rows" in shown
    assert "<script" not in svg and svg == str(draw(MAP, "map", W))


def test_the_table_behind_says_in_words_what_the_map_says_in_signs() -> None:
    rows = table(MAP, W, Detail()).rows
    assert rows[0] == ("a", "9", "0 (missing)", "can't occur") and rows[1][1:] == ("1 (missing)", "4", "0 (missing)")


def test_a_map_that_would_be_too_small_to_read_is_a_table_only() -> None:
    wide = Coverage([[1] * 41], ["a"], [str(i) for i in range(41)])
    assert draw(wide, "map", W) is None and table(wide, W, Detail()) is not None
    assert draw(Coverage([], [], []), "map", W) is None
    assert draw(Coverage([[1]], ["a", "b"], ["x", "y"]), "map", W) is not None  # a line that is short breaks nothing
