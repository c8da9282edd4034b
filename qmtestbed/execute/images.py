"""Images in the child: from an ``.npz`` file to float32 pixels in [0, 1]."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qmtestbed.ait import Images, Roles
from qmtestbed.errors import JobError
from qmtestbed.execute.tables import class_names, digest_of_ids, subsample
from qmtestbed.types.job import JobInput
from qmtestbed.types.record import Items

PIXELS = "images"


def load_images(source: JobInput, limit: int | None, seed: int) -> tuple[Images, Items]:
    """Load images, subsampled to ``limit`` with the seed where there are more.

    The array ``images`` is (n, height, width) or (n, height, width, channels), of uint8 (divided by 255) or of floats
    in [0, 1]. Labels become class names.
    """
    roles = source.roles or Roles()
    arrays = read_arrays(source, [PIXELS, *(c for c in (roles.label, roles.id) if c)])
    pixels = arrays[PIXELS]
    planned = len(pixels)
    chosen = subsample(planned, limit, seed)
    ids = arrays[roles.id].astype(str) if roles.id else None
    labels = class_names(pd.Series(arrays[roles.label]))[chosen] if roles.label else None
    items = Items(planned, len(chosen), len(chosen), 0, digest_of_ids(None if ids is None else pd.Series(ids), planned))
    kept = as_pixels(pixels[chosen], source.name)
    images = Images(kept, labels, None if ids is None else ids[chosen], (0.0, 1.0), chosen)
    return images, items


def as_pixels(array: np.ndarray, name: str) -> np.ndarray:
    """Turn an image array into float32 (n, height, width, channels) in [0, 1]; :class:`JobError` if it is none."""
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or array.shape[-1] not in (1, 3, 4):
        raise JobError(
            f"the images in {name} have an unusual shape",
            found=str(array.shape),
            do="store them as (n, height, width) or (n, height, width, channels) with 1, 3 or 4 channels",
        )
    if array.dtype == np.uint8:
        return array.astype(np.float32) / 255
    pixels = array.astype(np.float32)
    if array.dtype.kind != "f" or not np.isfinite(pixels).all() or pixels.min() < 0 or pixels.max() > 1:
        found = f"{array.dtype}, from {array.min()} to {array.max()}"
        raise JobError(f"the images in {name} are of an unknown range", found=found,
                       do="store them as uint8, or as floats in [0, 1]")  # fmt: skip
    return pixels


def read_arrays(source: JobInput, names: list[str]) -> dict[str, np.ndarray]:
    """Read arrays of an ``.npz`` file, never unpickling; :class:`JobError` if that is not possible."""
    path = Path(source.path or "")
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays: dict[str, Any] = {name: stored[name] for name in names}
    except (ValueError, OSError, KeyError, zipfile.BadZipFile) as error:
        raise JobError(
            f"the images in {source.name} can't be read", found=str(error), do="write the file again"
        ) from None
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise JobError(f"the arrays in {source.name} are not of one length", found=str(lengths))
    return arrays
