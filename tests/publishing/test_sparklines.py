"""Sparklines: where things are drawn, by hand, and that anything can be."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from qmtestbed.render.sparklines import Spot, sparkline


def shapes(svg: str, css: str) -> list[dict[str, str]]:
    return [dict(e.attrib) for e in ET.fromstring(svg).iter() if css in (e.get("class") or "").split()]


def test_places() -> None:
    """240 × 56 with margins of 8 and 6: 0 lies at (8, 50), 1 at (232, 6), the limit 0.5 in the middle."""
    bound = (0.5, None)
    svg = sparkline([Spot("not_met", "a", 0.0, bound=bound), Spot("met", "b", 1.0, 0.25, 1.0, bound=bound)], "t")
    assert shapes(svg, "point")[0]["transform"] == "translate(8 50)"
    assert {k: shapes(svg, "point")[1][k] for k in ("cx", "cy")} == {"cx": "232", "cy": "6"}
    assert [shapes(svg, "limit")[0][k] for k in ("x1", "y1", "x2", "y2")] == ["0", "28", "240", "28"]
    assert [shapes(svg, "zone")[0][k] for k in ("x", "y", "width", "height")] == ["0", "0", "240", "28"]
    assert [shapes(svg, "interval")[0][k] for k in ("y1", "y2")] == ["39", "6"]
    assert shapes(svg, "line")[0]["d"] == "M8 50L232 6"


def test_a_gap_breaks_the_line_and_a_verdict_without_a_number_is_its_sign() -> None:
    spots = [Spot("met", "", 1.0), Spot("met", "", 2.0), None, Spot("undetermined", ""), Spot("met", "", 3.0)]
    svg = sparkline(spots, "t")
    assert len(shapes(svg, "point")) == 3
    assert [s["d"].count("L") for s in shapes(svg, "line")] == [1]
    assert [e.text for e in ET.fromstring(svg).iter("text")] == ["?"]


@pytest.mark.parametrize("value", [None, 0.0, -1.0, 1e299, -1e299, 5e-324, float("nan"), float("inf")])
def test_anything_can_be_drawn(value: float | None) -> None:
    for n in (0, 1, 2, 40):
        spots = [Spot("met", "<&\x00", value, value, value, (value, None)), Spot("not_met", "", 1.0)][:n] * max(
            1, n // 2
        )
        svg = sparkline(spots, "<&\x00")
        ET.fromstring(svg)
        assert "nan" not in svg and "inf" not in svg
