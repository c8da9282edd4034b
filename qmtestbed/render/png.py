"""PNG files from pixels (ISO/IEC 15948), without compression: the same bytes on every host, whatever its zlib."""

from __future__ import annotations

import struct
from zlib import adler32, crc32

_COLOUR_TYPES = {1: 0, 3: 2, 4: 6}
_BLOCK = 65_535
"""Bytes of a stored block of deflate (RFC 1951, 3.2.4)."""


def png(pixels: bytes, height: int, width: int, channels: int) -> bytes:
    """Write pixels as a PNG file.

    Parameters
    ----------
    pixels
        height × width × channels bytes, line by line.
    height, width, channels
        1 channel is grey, 3 are red, green and blue, 4 also how opaque.

    Raises
    ------
    ValueError
        Of another size, or of another number of channels.
    """
    if channels not in _COLOUR_TYPES or min(height, width) < 1 or len(pixels) != height * width * channels:
        raise ValueError(f"{len(pixels)} bytes are no image of {height} × {width} × {channels}")
    line = width * channels
    lines = b"".join(b"\0" + pixels[i : i + line] for i in range(0, len(pixels), line))
    head = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", _stored(lines)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc32(kind + content))


def _stored(content: bytes) -> bytes:
    """Wrap bytes as a zlib stream (RFC 1950) of stored blocks."""
    parts = [b"\x78\x01"]
    for start in range(0, len(content), _BLOCK):
        block = content[start : start + _BLOCK]
        last = start + _BLOCK >= len(content)
        parts += [struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF), block]
    return b"".join([*parts, struct.pack(">I", adler32(content))])
