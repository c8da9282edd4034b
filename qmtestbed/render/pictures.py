"""A strip of sampled images: small pictures with captions, in rows that wrap.

What a child wrote is never passed on as a picture: its bytes are taken as pixels, and the file is written here.
"""

from __future__ import annotations

import base64
import binascii

from qmtestbed.ait import SampleImages
from qmtestbed.render.png import png
from qmtestbed.render.svg import WIDTH, Canvas
from qmtestbed.render.text import Svg
from qmtestbed.render.words import Words

SIDE = 56.0
"""Of a picture, at most."""
_BETWEEN, _INSIDE = 14.0, 3.0
_MOST_BYTES = 2**20


def images(s: SampleImages, title: str, w: Words) -> Svg | None:
    """Draw each image in all its states side by side; ``None`` where there are no pixels, or not as many as it says."""
    pixels = _pixels(s)
    if not pixels:
        return None
    (height, width, channels), states = s.size, len(s.states)
    side = min(SIDE, (WIDTH - _INSIDE * (states - 1)) / states)
    across, down = side * min(1.0, width / height), side * min(1.0, height / width)
    item = states * across + (states - 1) * _INSIDE
    shown = max(item, 82.0)  # room for a caption
    per_row = max(1, int((WIDTH + _BETWEEN) // (shown + _BETWEEN)))
    row, top = down + 34.0, 20.0
    canvas = Canvas(WIDTH, top + row * -(-len(s.rows) // per_row), title)
    if states > 1:
        canvas.text(2, 12, w("images.states", states=" · ".join(s.states)), "muted start", room=64)
    room, size = int(shown / 6.2), height * width * channels
    for i, number in enumerate(s.rows):
        x, y = (i % per_row) * (shown + _BETWEEN), top + i // per_row * row
        for j in range(states):
            at = (i * states + j) * size
            left = x + j * (across + _INSIDE)
            canvas.picture(left, y, across, down, png(pixels[at : at + size], height, width, channels), s.states[j])
            canvas.rect(left, y, across, down, "none")
        canvas.text(x, y + down + 12, w("images.number", n=f"{number:,}"), "axis start", room=room)
        canvas.text(x, y + down + 24, s.captions[i] if i < len(s.captions) else "", "start", room=room)
    return canvas.done()


def _pixels(s: SampleImages) -> bytes:
    """Give the pixels, or nothing where they are not as many as they should be."""
    if min(s.size) < 1 or s.size[2] not in (1, 3, 4) or not 0 < s.bytes_expected <= _MOST_BYTES:
        return b""
    try:
        pixels = base64.b64decode(s.pixels, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return pixels if len(pixels) == s.bytes_expected else b""
