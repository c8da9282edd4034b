"""Rows with empty cells, and what a model says to them or why it says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_integer_dtype

from qmtestbed.ait import Model, ModelFault


def ask(model: Model, frame: pd.DataFrame) -> np.ndarray | str:
    """Give the answers, or why there are none: the model's own words, or that it answered not every row.

    It answered the same rows before, so that nothing else than the empty cells can have made it fail.
    """
    try:
        answers = np.asarray(model.predict(frame))
    except ModelFault as fault:
        return (fault.found or fault.what).splitlines()[0][:200]
    none = int(pd.isna(answers).sum())
    return f"it gives no answer to {none} of {len(answers)} rows" if none else answers


def emptied(frame: pd.DataFrame, cells: Mapping[Any, np.ndarray]) -> pd.DataFrame:
    """Empty cells, with the types that a file with such cells would be read with."""
    changed = frame.copy(deep=False)
    for column, mask in cells.items():
        old = frame[column]
        if is_bool_dtype(old.dtype) and old.dtype == bool:
            old = old.astype("boolean")
        elif is_integer_dtype(old.dtype) and isinstance(old.dtype, np.dtype):
            old = old.astype("float64")
        changed[column] = old.mask(mask)
    return changed
