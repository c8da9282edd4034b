"""Array operations behind image corruptions: images are (n, height, width, channels), values in [0, 1]."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import dctn, idctn
from scipy.ndimage import rotate

__all__ = ["box_resize", "jpeg", "plasma", "rotated", "shifted"]

Pixels = NDArray[np.float32]
Floats = NDArray[np.float64]


# -- moving pixels --------------------------------------------------------------------------------------------


def shifted(pixels: Pixels, down: ArrayLike, right: ArrayLike) -> Pixels:
    """Move each image by its own distance in pixels, with linear interpolation; border pixels are continued."""
    half = _shifted_along(pixels, np.asarray(down, dtype=np.float64), 1)
    return _shifted_along(half, np.asarray(right, dtype=np.float64), 2)


def _shifted_along(pixels: Pixels, distance: Floats, axis: int) -> Pixels:
    size, count = pixels.shape[axis], len(pixels)
    whole = np.floor(distance)
    part = (distance - whole).astype(np.float32).reshape(count, 1, 1, 1)
    source = np.arange(size) - whole.astype(int)[:, None]
    shape = [count, 1, 1, 1]
    shape[axis] = size
    near, far = (
        np.take_along_axis(pixels, np.clip(source - step, 0, size - 1).reshape(shape), axis=axis) for step in (0, 1)
    )
    return np.asarray((1 - part) * near + part * far, dtype=np.float32)


def rotated(pixels: Pixels, degrees: float) -> Pixels:
    """Turn all images about their middle, with linear interpolation; border pixels are continued."""
    turned = rotate(pixels, degrees, axes=(1, 2), reshape=False, order=1, mode="nearest")
    return np.asarray(turned, dtype=np.float32)


# -- resolution -----------------------------------------------------------------------------------------------


def box_resize(pixels: Pixels, height: int, width: int) -> Pixels:
    """Resize as Pillow's box filter does: each new pixel is the mean of the old ones whose middle lies under it."""
    rows, columns = _box_weights(pixels.shape[1], height), _box_weights(pixels.shape[2], width)
    return np.asarray(np.einsum("ih,nhwc,jw->nijc", rows, pixels, columns, optimize=True), dtype=np.float32)


def _box_weights(old: int, new: int) -> Floats:
    scale = old / new
    support = max(scale, 1.0) / 2
    weights = np.zeros((new, old))
    for i in range(new):
        middle = (i + 0.5) * scale
        first, end = max(int(middle - support + 0.5), 0), min(int(middle + support + 0.5), old)
        distance = (np.arange(first, end) - middle + 0.5) / max(scale, 1.0)
        weights[i, first:end] = (distance > -0.5) & (distance <= 0.5)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


# -- compression ----------------------------------------------------------------------------------------------

# Tables K.1 and K.2 of ITU-T T.81 (the JPEG standard).
_LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
_CHROMINANCE = np.full((8, 8), 99)
_CHROMINANCE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]

_TO_YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])


def jpeg(pixels: Pixels, quality: int) -> Pixels:
    """Lose what JPEG loses at a quality of 1 to 100: rounding to bytes, and of the cosine transform of 8 x 8 blocks.

    Three channels are taken as red, green and blue and rounded as brightness and two colours, without halving the
    resolution of the colours; other numbers of channels are each rounded as brightness.
    """
    colour = pixels.shape[3] == 3
    levels = np.rint(pixels.astype(np.float64) * 255)
    if colour:
        levels = levels @ _TO_YCC.T + [0, 128, 128]
    tables = [_LUMINANCE, _CHROMINANCE, _CHROMINANCE] if colour else [_LUMINANCE] * pixels.shape[3]
    channels = [_blockwise(levels[..., i] - 128, _scaled(t, quality)) + 128 for i, t in enumerate(tables)]
    levels = np.stack(channels, axis=-1)
    if colour:
        levels = (levels - [0, 128, 128]) @ np.linalg.inv(_TO_YCC).T
    return (np.clip(np.rint(levels), 0, 255) / 255).astype(np.float32)


def _scaled(table: NDArray[np.int_], quality: int) -> Floats:
    """Scale a table as the reference software (libjpeg) does."""
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((table * percent + 50) // 100, 1, 255).astype(np.float64)


def _blockwise(channel: Floats, table: Floats) -> Floats:
    n, h, w = channel.shape
    full = np.pad(channel, ((0, 0), (0, -h % 8), (0, -w % 8)), mode="edge")
    blocks = full.reshape(n, full.shape[1] // 8, 8, full.shape[2] // 8, 8)
    rows = np.rint(dctn(blocks, axes=(2, 4), norm="ortho") / table[:, None, :]) * table[:, None, :]
    back = np.asarray(idctn(rows, axes=(2, 4), norm="ortho")).reshape(full.shape)
    return back[:, :h, :w]


# -- clouds ---------------------------------------------------------------------------------------------------


def plasma(count: int, height: int, width: int, decay: float, rng: np.random.Generator) -> Pixels:
    """Give random cloud maps (count, height, width) in [0, 1] by the diamond-square algorithm.

    From the corners of a square that repeats itself, the middles of squares and of diamonds are filled with the mean
    of their four neighbours plus noise, whose size is divided by ``decay`` squared each time that the step is halved.
    """
    size = 1 << (max(height, width, 2) - 1).bit_length()
    sky = np.zeros((count, size, size))
    step, wobble = size, 1.0
    while step >= 2:
        half = step // 2
        corners = sky[:, ::step, ::step]
        sky[:, half::step, half::step] = _between(corners, ((0, 0), (-1, 0), (0, -1), (-1, -1)), wobble, rng)
        corners, middles = sky[:, ::step, ::step], sky[:, half::step, half::step]
        across = corners + np.roll(corners, -1, axis=2) + middles + np.roll(middles, 1, axis=1)
        along = corners + np.roll(corners, -1, axis=1) + middles + np.roll(middles, 1, axis=2)
        sky[:, ::step, half::step] = across / 4 + wobble * rng.uniform(-1, 1, across.shape)
        sky[:, half::step, ::step] = along / 4 + wobble * rng.uniform(-1, 1, along.shape)
        step, wobble = half, wobble / decay**2
    sky -= sky.min(axis=(1, 2), keepdims=True)
    sky /= sky.max(axis=(1, 2), keepdims=True)
    return sky[:, :height, :width].astype(np.float32)


def _between(grid: Floats, rolls: tuple[tuple[int, int], ...], wobble: float, rng: np.random.Generator) -> Floats:
    mean = np.mean([np.roll(grid, roll, axis=(1, 2)) for roll in rolls], axis=0)
    return np.asarray(mean + wobble * rng.uniform(-1, 1, grid.shape))
