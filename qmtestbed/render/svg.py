"""Primitives of the charts: shapes with escaped text, linear scales, ticks. Same input, same bytes.

Colours are classes, never values: the style sheet of the page gives them a light, a dark and a printed form.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

from qmtestbed.render.text import Svg, clean, fixed, shorten, width

Point = tuple[float, float]
WIDTH = 400.0
MOST = 200
"""Bars, lines and columns of cells that are drawn."""


def coordinate(x: float) -> str:
    """Write a coordinate with at most two decimals."""
    text = f"{x:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


class Canvas:
    """A picture under construction, ``width`` × ``height`` units; text is given raw and escaped here."""

    def __init__(self, width: float, height: float, title: str, css: str = "chart", stretch: bool = False) -> None:
        self._fit = ' preserveAspectRatio="none"' if stretch else ""
        self._size = f"{coordinate(width)} {coordinate(height)}"
        self._title = escape(clean(title, 600))
        self._css = css
        self._parts: list[str] = []

    def rect(self, x: float, y: float, width: float, height: float, css: str, title: str = "") -> None:
        """Draw a box; a box of no size is drawn too, so that nothing is lost."""
        box = f'x="{coordinate(x)}" y="{coordinate(y)}" width="{coordinate(width)}" height="{coordinate(height)}"'
        self._shape("rect", box, css, title)

    def shade(self, x: float, y: float, width: float, height: float, share: float) -> None:
        """Draw a box of the heat scale: ``share`` in [0, 1] is how strong."""
        box = f'x="{coordinate(x)}" y="{coordinate(y)}" width="{coordinate(width)}" height="{coordinate(height)}"'
        self._shape("rect", f'{box} fill-opacity="{share:.3f}"', "heat")

    def line(self, a: Point, b: Point, css: str) -> None:
        """Draw a straight line."""
        ends = f'x1="{coordinate(a[0])}" y1="{coordinate(a[1])}" x2="{coordinate(b[0])}" y2="{coordinate(b[1])}"'
        self._shape("line", ends, css)

    def picture(self, x: float, y: float, width: float, height: float, png: bytes, title: str = "") -> None:
        """Draw a PNG file of ours."""
        box = f'x="{coordinate(x)}" y="{coordinate(y)}" width="{coordinate(width)}" height="{coordinate(height)}"'
        source = b64encode(png).decode("ascii")
        self._shape("image", f'{box} href="data:image/png;base64,{source}" preserveAspectRatio="none"', "pixels", title)

    def path(self, points: Sequence[Point], css: str, closed: bool = False) -> None:
        """Draw a line through ``points``."""
        d = "L".join(f"{coordinate(x)} {coordinate(y)}" for x, y in points)
        self._shape("path", f'd="M{d}{"Z" if closed else ""}"', css)

    def dot(self, x: float, y: float, css: str, shape: int = 0, title: str = "") -> None:
        """Draw a marker: shape 0 is a circle, then square, diamond, triangle, cross, over and over."""
        x_, y_, shape = coordinate(x), coordinate(y), shape % 5
        if shape == 0:
            return self._shape("circle", f'cx="{x_}" cy="{y_}" r="3.6"', css, title)
        outline = ("", "M-3-3h6v6h-6Z", "M0-4.5L4.5 0L0 4.5L-4.5 0Z", "M0-4.4L4.2 3.2L-4.2 3.2Z", "M-3-3L3 3M-3 3L3-3")
        return self._shape("path", f'transform="translate({x_} {y_})" d="{outline[shape]}"', css, title)

    def text(self, x: float, y: float, text: str, css: str = "", room: int = 60, turn: bool = False) -> None:
        """Write ``text`` cut to ``room`` columns; the full text is the tooltip of what was cut."""
        full = " ".join(clean(text, 400).split())
        shown = shorten(text, room)
        place = f'x="{coordinate(x)}" y="{coordinate(y)}"'
        if turn:
            place = f'transform="translate({coordinate(x)} {coordinate(y)}) rotate(-90)"'
        tip = f"<title>{escape(full)}</title>" if shown != full else ""
        self._parts.append(f"<text {place}{_css(css)}>{tip}{escape(shown)}</text>")

    def done(self) -> Svg:
        """Give the picture, with its title as accessible name."""
        head = f'<svg class="{self._css}" viewBox="0 0 {self._size}"{self._fit} role="img" aria-label="{self._title}">'
        return Svg(f"{head}<title>{self._title}</title>{''.join(self._parts)}</svg>")

    def _shape(self, name: str, attributes: str, css: str, title: str = "") -> None:
        tip = f"<title>{escape(clean(title, 400))}</title>" if title else ""
        end = f">{tip}</{name}>" if tip else "/>"
        self._parts.append(f"<{name} {attributes}{_css(css)}{end}")


def _css(name: str) -> str:
    return f' class="{name}"' if name else ""


def half_width(label: str) -> float:
    """Give half the room that a label of a chart takes in any of the fonts, in units."""
    return 3.3 * width(label) + 1


@dataclass(frozen=True)
class Scale:
    """A straight map from values to places."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, x: float) -> float:
        """Give the place of ``x``; what lies outside the scale is put at its end."""
        x = min(max(x, self.low), self.high)
        return self.start + (x - self.low) / (self.high - self.low) * (self.end - self.start)

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float) -> Scale:
        """Make a scale that holds all ``values``; never of no width."""
        low, high = min(values), max(values)
        if high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):
            low, high = low - (abs(low) * 0.1 or 0.5), high + (abs(high) * 0.1 or 0.5)
        return cls(low, high, start, end)

    @classmethod
    def round(cls, values: Sequence[float], start: float, end: float, about: int = 5) -> Scale:
        """Make a scale that holds all ``values`` and ends on round ones."""
        scale = cls.over(values, start, end)
        step = scale.step(about)
        low, high = math.floor(scale.low / step + 1e-9) * step, math.ceil(scale.high / step - 1e-9) * step
        return cls(low, high, start, end)

    def step(self, about: int) -> float:
        """Give the distance of about so many ticks: 1, 2 or 5 times a power of ten."""
        raw = (self.high - self.low) / max(1, about)
        base = 10.0 ** math.floor(math.log10(raw))
        return next((base * m for m in (1, 2, 5) if base * m >= raw * 0.999), base * 10)

    def ticks(self, about: int = 5) -> tuple[tuple[float, str], ...]:
        """Give round values inside the scale with their spelling, about so many."""
        step = self.step(about)
        decimals = max(0, -math.floor(math.log10(step) + 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        if decimals > 6 or abs(last * step) >= 1e7:
            return tuple((i * step, f"{i * step:.3g}") for i in range(first, last + 1))
        return tuple((i * step, fixed(i * step, decimals)) for i in range(first, last + 1))

    def inside(self, edge: float, about: int = 5) -> Scale:
        """Draw the ends in until the labels of all ticks, each centred on its tick, lie between 0 and ``edge``."""
        ticks = self.ticks(about)
        if not ticks:
            return self
        first, last = (self(at) for at in (ticks[0][0], ticks[-1][0]))
        before = max(0.0, half_width(ticks[0][1]) - first)
        after = max(0.0, last + half_width(ticks[-1][1]) - edge)
        long = self.end - self.start  # a tick inside moves less than the end it is near
        start = self.start + (before * long / (self.end - first) if first < self.end else 0.0)
        end = self.end - (after * long / (last - self.start) if last > self.start else 0.0)
        return replace(self, start=start, end=end)


def finite(x: float | None) -> bool:
    """Whether ``x`` is a number that has a place on a scale."""
    return x is not None and abs(x) < 1e300  # false for NaN; beyond, the width of a scale is no number
