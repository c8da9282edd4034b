"""Images in the layout a model takes: ours are (n, height, width, channels)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

Layout = Literal["flat", "grey", "last", "first"]


def layout_of(expected: Sequence[int] | None, shape: tuple[int, ...]) -> Layout:
    """Tell the layout from the shape that a model says it expects; channels first where it says none.

    Parameters
    ----------
    expected
        Shape of the input with -1 for any size, or ``None``.
    shape
        Shape of the images, (n, height, width, channels).
    """
    if expected is None or len(shape) != 4:
        return "first"
    if len(expected) == 2:
        return "flat"
    if len(expected) == 3:
        return "grey"
    channels = shape[3]
    return "last" if expected[-1] == channels and expected[1] != channels else "first"


def arranged(x: np.ndarray, layout: Layout) -> np.ndarray:
    """Give images (n, h, w, c) in a layout."""
    match layout:
        case "flat":
            return x.reshape(len(x), -1)
        case "grey":
            return x[..., 0]
        case "last":
            return x
        case _:
            return x.transpose(0, 3, 1, 2)


def arranged_back(g: np.ndarray, layout: Layout, shape: tuple[int, ...]) -> np.ndarray:
    """Undo :func:`arranged`, for images of a shape (n, h, w, c)."""
    if layout == "first" and len(shape) == 4:
        return g.transpose(0, 2, 3, 1)
    return g.reshape(shape)
