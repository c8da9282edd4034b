"""Everyday damage to images at five severities, after ImageNet-C and CIFAR-10-C.

Definitions and constants are those of Hendrycks & Dietterich, Benchmarking neural network robustness to common
corruptions and perturbations, ICLR 2019 (arXiv:1903.12261), which has one set for images of 224 pixels and a gentler
one for 32 pixels. What is different here:

* Lengths (blur, motion) are scaled by the shorter side of the image / 224 or 32 pixels.
* Images keep their type; results are not rounded to bytes, but for JPEG.
* Motion blur is a sum of shifted images with half-normal weights, with borders continued (there: ImageMagick).
* JPEG is its lossy step alone, without halving the resolution of colours (there: a file written and read).
* Brightness of images that have not three channels is added to each.
* Translation and rotation come from MNIST-C (Mu & Gilmer 2019, arXiv:1906.02337): shifts of 1 to 5 parts in 28 of the
  shorter side, down or up and right or left; turns of 5 to 25 degrees either way (there: 11 to 57, which makes a 9 of
  a 6). Borders are continued (there: black).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.ndimage import gaussian_filter

from qmtestbed.measuring.imaging import Pixels, box_resize, jpeg, plasma, rotated, shifted

__all__ = ["CORRUPTIONS", "SEVERITIES", "Constants", "constants_for", "corrupt"]

SEVERITIES = (1, 2, 3, 4, 5)
Constants = Literal["imagenet-c", "cifar-10-c"]
_REFERENCE_SIDE: Mapping[Constants, int] = {"imagenet-c": 224, "cifar-10-c": 32}
LARGEST_SMALL = 64
"""Up to this many pixels on the shorter side an image is small, as those of CIFAR-10-C are."""


def constants_for(height: int, width: int) -> Constants:
    """Choose the set of constants that was published for images of about this size."""
    return "cifar-10-c" if min(height, width) <= LARGEST_SMALL else "imagenet-c"


def corrupt(pixels: Pixels, name: str, severity: int, rng: np.random.Generator, constants: Constants) -> Pixels:
    """Damage each image by itself.

    Parameters
    ----------
    pixels
        (n, height, width, channels) float32 in [0, 1].
    name
        One of ``CORRUPTIONS``.
    severity
        1 to 5.
    rng
        Each image gets its own random numbers.
    constants
        Which published set to take.

    Returns
    -------
    Pixels
        A new array of the same shape, in [0, 1].
    """
    corruption = _KNOWN[name]
    scale = min(pixels.shape[1:3]) / _REFERENCE_SIDE[constants]
    strength = getattr(corruption, constants.split("-")[0])[severity - 1]
    damaged = corruption.apply(pixels, strength, scale, rng)
    return np.asarray(np.clip(damaged, 0, 1), dtype=np.float32)


# -- noise ----------------------------------------------------------------------------------------------------


def _gaussian_noise(x: Pixels, deviation: Any, scale: float, rng: np.random.Generator) -> Pixels:
    return x + np.float32(deviation) * rng.standard_normal(x.shape, dtype=np.float32)


def _shot_noise(x: Pixels, photons: Any, scale: float, rng: np.random.Generator) -> Pixels:
    return np.asarray(rng.poisson(x * photons) / photons, dtype=np.float32)


def _impulse_noise(x: Pixels, share: Any, scale: float, rng: np.random.Generator) -> Pixels:
    drawn = rng.random(x.shape, dtype=np.float32)
    return np.where(drawn < share, (drawn < share / 2).astype(np.float32), x)


# -- blur -----------------------------------------------------------------------------------------------------


def _gaussian_blur(x: Pixels, sigma: Any, scale: float, rng: np.random.Generator) -> Pixels:
    return np.asarray(gaussian_filter(x, (0, sigma * scale, sigma * scale, 0), mode="nearest"))


def _motion_blur(x: Pixels, strength: Any, scale: float, rng: np.random.Generator) -> Pixels:
    """Smear along a direction of -45 to 45 degrees: the weight falls off as one half of a normal curve."""
    radius, sigma = strength[0] * scale, strength[1] * scale
    angle = np.radians(rng.uniform(-45, 45, len(x)))
    steps = np.arange(0, min(2 * radius, 3 * sigma) + 1e-9, min(1.0, sigma / 2))
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    smeared = np.zeros_like(x)
    for step, weight in zip(steps, weights / weights.sum(), strict=True):
        smeared += np.float32(weight) * shifted(x, step * np.sin(angle), step * np.cos(angle))
    return smeared


# -- weather and light ----------------------------------------------------------------------------------------


def _fog(x: Pixels, strength: Any, scale: float, rng: np.random.Generator) -> Pixels:
    amount, decay = strength
    brightest = x.max(axis=(1, 2, 3), keepdims=True)
    cloud = plasma(len(x), x.shape[1], x.shape[2], decay, rng)[..., None]
    return np.asarray((x + amount * cloud) * brightest / (brightest + amount))


def _brightness(x: Pixels, added: Any, scale: float, rng: np.random.Generator) -> Pixels:
    """Raise the value of hue, saturation and value, which is the largest of three channels."""
    if x.shape[3] != 3:
        return x + np.float32(added)
    value = x.max(axis=3, keepdims=True)
    raised = np.minimum(value + np.float32(added), 1)
    return np.asarray(np.where(value > 0, x * (raised / np.where(value > 0, value, 1)), raised))


def _contrast(x: Pixels, factor: Any, scale: float, rng: np.random.Generator) -> Pixels:
    mean = x.mean(axis=(1, 2), keepdims=True)
    return np.asarray((x - mean) * np.float32(factor) + mean)


# -- digital --------------------------------------------------------------------------------------------------


def _pixelate(x: Pixels, share: Any, scale: float, rng: np.random.Generator) -> Pixels:
    h, w = x.shape[1:3]
    return box_resize(box_resize(x, max(int(h * share), 1), max(int(w * share), 1)), h, w)


def _jpeg_compression(x: Pixels, quality: Any, scale: float, rng: np.random.Generator) -> Pixels:
    return jpeg(x, quality)


# -- position -------------------------------------------------------------------------------------------------


def _translation(x: Pixels, share: Any, scale: float, rng: np.random.Generator) -> Pixels:
    down, right = share * min(x.shape[1:3]) * rng.choice([-1, 1], size=(2, len(x)))
    return shifted(x, down, right)


def _rotation(x: Pixels, degrees: Any, scale: float, rng: np.random.Generator) -> Pixels:
    left = rng.random(len(x)) < 0.5
    turned = np.empty_like(x)
    turned[left], turned[~left] = rotated(x[left], degrees), rotated(x[~left], -degrees)
    return turned


@dataclass(frozen=True)
class _Corruption:
    """How it is done, and its constant at the five severities in the two published sets."""

    apply: Callable[[Pixels, Any, float, np.random.Generator], Pixels]
    imagenet: tuple[Any, ...]
    cifar: tuple[Any, ...]


_SHIFTS = tuple(k / 28 for k in SEVERITIES)
_TURNS = (5, 10, 15, 20, 25)

_KNOWN: Mapping[str, _Corruption] = {
    "gaussian_noise": _Corruption(_gaussian_noise, (0.08, 0.12, 0.18, 0.26, 0.38), (0.04, 0.06, 0.08, 0.09, 0.10)),
    "shot_noise": _Corruption(_shot_noise, (60, 25, 12, 5, 3), (500, 250, 100, 75, 50)),
    "impulse_noise": _Corruption(_impulse_noise, (0.03, 0.06, 0.09, 0.17, 0.27), (0.01, 0.02, 0.03, 0.05, 0.07)),
    "gaussian_blur": _Corruption(_gaussian_blur, (1, 2, 3, 4, 6), (0.4, 0.6, 0.7, 0.8, 1)),
    "motion_blur": _Corruption(
        _motion_blur, ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)), ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5))
    ),
    "fog": _Corruption(
        _fog,
        ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
        ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
    ),
    "brightness": _Corruption(_brightness, (0.1, 0.2, 0.3, 0.4, 0.5), (0.05, 0.1, 0.15, 0.2, 0.3)),
    "contrast": _Corruption(_contrast, (0.4, 0.3, 0.2, 0.1, 0.05), (0.75, 0.5, 0.4, 0.3, 0.15)),
    "pixelate": _Corruption(_pixelate, (0.6, 0.5, 0.4, 0.3, 0.25), (0.95, 0.9, 0.85, 0.75, 0.65)),
    "jpeg_compression": _Corruption(_jpeg_compression, (25, 18, 15, 10, 7), (80, 65, 58, 50, 40)),
    "translation": _Corruption(_translation, _SHIFTS, _SHIFTS),
    "rotation": _Corruption(_rotation, _TURNS, _TURNS),
}
CORRUPTIONS = tuple(_KNOWN)
