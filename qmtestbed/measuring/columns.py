"""Columns of tables in one form: what their values are, and the values as numbers or as names.

Two files may hold the same column in different types: whole numbers with a gap become 1.0, 2.0, …, a short CSV may
have text where a Parquet file has categories. Here content decides, not the type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import infer_dtype, is_bool_dtype, is_complex_dtype, is_numeric_dtype

from qmtestbed.ait import class_name

__all__ = ["Kind", "codes_of", "kind_of", "names_of", "numbers_of"]

Kind = Literal["numbers", "times", "durations", "categories", "empty"]

_INFERRED: dict[str, Kind] = {
    "integer": "numbers",
    "floating": "numbers",
    "mixed-integer-float": "numbers",
    "boolean": "numbers",
    "decimal": "numbers",
    "datetime": "times",
    "datetime64": "times",
    "date": "times",
    "timedelta": "durations",
    "timedelta64": "durations",
    "empty": "empty",
}
_EPOCH = pd.Timestamp(0, tz="UTC").as_unit("s")  # in nanoseconds, the year 9999 would be out of range


def kind_of(values: pd.Series[Any]) -> Kind:
    """Tell what the values of a column are; truth values are numbers (0 and 1), text and mixtures are categories."""
    if not values.notna().any():
        return "empty"
    if (is_numeric_dtype(values) or is_bool_dtype(values)) and not is_complex_dtype(values):
        return "numbers"
    plain = values.astype(object) if isinstance(values.dtype, pd.CategoricalDtype) else values
    return _INFERRED.get(infer_dtype(plain, skipna=True), "categories")


def numbers_of(values: pd.Series[Any], kind: Kind) -> NDArray[np.float64]:
    """Give a column of numbers, times or durations as float64; missing is NaN.

    Times are seconds since 1970 (UTC; a time without a zone is taken as UTC), durations are seconds.
    """
    if kind == "times":
        values = (pd.to_datetime(values, utc=True) - _EPOCH).dt.total_seconds()
    elif kind == "durations":
        values = pd.to_timedelta(values).dt.total_seconds()
    elif not is_numeric_dtype(values):
        values = values.astype(object).where(values.notna(), np.nan).astype(float)
    return cast("NDArray[np.float64]", values.to_numpy(dtype=np.float64, na_value=np.nan))


def names_of(values: pd.Series[Any]) -> NDArray[np.object_]:
    """Give each value by its one spelling (:func:`qmtestbed.ait.class_name`); missing is ``None``."""
    try:
        codes, found = pd.factorize(values)
    except TypeError:  # lists and the like have no hash
        codes, found = pd.factorize(values.map(str, na_action="ignore"))
    names = np.array([*(class_name(v) for v in found), None], dtype=object)
    return cast("NDArray[np.object_]", names[codes])  # a missing value has code -1: the last name


def codes_of(parts: Sequence[NDArray[Any]], *, ordered: bool) -> tuple[NDArray[np.intp], int]:
    """Number the different values of several arrays together.

    Parameters
    ----------
    parts
        Arrays of :func:`numbers_of` (``ordered=True``) or of :func:`names_of`.
    ordered
        Whether a larger number is to mean a larger value.

    Returns
    -------
    codes, size
        (total rows,) numbers below ``size``: 0 is missing, the values follow from 1.
    """
    codes, found = pd.factorize(np.concatenate(parts), sort=ordered)
    return codes + 1, len(found) + 1
