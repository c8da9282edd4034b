"""Arrays of whichever library as NumPy's, and the form in which a model is given its images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Form:
    """How a data set gives an image: numbers of a dtype, uint8 or floats in [0, 1]; as a tensor of torch or of NumPy.

    A model that goes with it is given its images in the same form.
    """

    dtype: str = "float32"
    tensor: bool = False


def as_array(value: Any) -> np.ndarray:
    """Turn an array of any library into one of NumPy.

    Raises
    ------
    TypeError, ValueError
        It is none, or holds something else than numbers.
    """
    for method in ("detach", "cpu"):
        if hasattr(value, method):
            value = getattr(value, method)()
    bare = not hasattr(value, "__array__") and hasattr(value, "__dlpack__")
    array: np.ndarray = np.from_dlpack(value) if bare else np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{type(value).__name__} is no array of numbers")
    return array
