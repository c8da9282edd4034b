"""A badge: how the latest assessment of a component went, in colour, sign and words."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from qmtestbed.render.site import message
from qmtestbed.render.text import clean, width
from qmtestbed.render.words import SYMBOLS, Words
from qmtestbed.types.published import Published
from qmtestbed.types.text import Language

COLOURS: Mapping[str, str] = {
    "met": "#0b6a56",
    "met_or_waived": "#755300",
    "not_met": "#a3301a",
    "undetermined": "#755300",
}
"""White text on each has a contrast of more than 5 : 1."""

_NARROW = frozenset("iljtfrI.,:;'|!()[] ")


def badge_json(run: Published, language: Language = "en") -> dict[str, object]:
    """Give the badge as an endpoint of shields.io reads it."""
    label, said = _texts(run, Words(language))
    return {"schemaVersion": 1, "label": label, "message": said, "color": COLOURS[run.verdict]}


def badge_svg(run: Published, language: Language = "en") -> str:
    """Draw the badge. Widths are estimated and texts fitted to them, so any font will do."""
    w = Words(language)
    label, said = _texts(run, w)
    left, right = (round(_wide(t)) + 12 for t in (label, said))
    title = escape(f"{label}: {w(f'verdict.{run.verdict}')} – {said}")
    total = left + right
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="20" role="img" aria-label="{title}">'
        f"<title>{title}</title>"
        f'<clipPath id="r"><rect width="{total}" height="20" rx="3"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#3d444d"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{COLOURS[run.verdict]}"/></g>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,Noto Sans JP,sans-serif" font-size="11" '
        'text-anchor="middle">'
        f'<text x="{left / 2:g}" y="14" textLength="{left - 12}">{escape(label)}</text>'
        f'<text x="{left + right / 2:g}" y="14" textLength="{right - 12}">{escape(said)}</text></g></svg>\n'
    )


def _texts(run: Published, w: Words) -> tuple[str, str]:
    return w("badge.label"), clean(f"{SYMBOLS[run.verdict]} {message(run, w)}", 120)


def _wide(text: str) -> float:
    """Estimate how wide a text is in Verdana of 11 px: within a tenth for words and numbers."""
    return sum(11.0 if width(c) == 2 else 4.3 if c in _NARROW else 7.2 for c in text)
