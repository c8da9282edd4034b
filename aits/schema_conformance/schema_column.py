"""What one column shows by itself: whether it is constant, names the rows, or holds several types."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype, is_bool_dtype, is_integer_dtype
from scipy.special import pdtr

from qmtestbed.ait import class_name
from qmtestbed.measuring.chance import expected_repeats
from qmtestbed.measuring.columns import numbers_of

LEAST_ROWS = 30
"""Of fewer rows it is no wonder if a column holds one value, or each value once."""
LEAST_TEXTS = 100
"""Of fewer texts it is no wonder if each is different, though they are categories."""
IMPLAUSIBLE = 1e-5
"""How improbable so few repeats must be of measured numbers."""
NEARLY_ALL = 0.95
"""A column has a value of its own for each row if so many of its values are different."""
FEW = 20
"""Whole numbers stored as text with up to so many different values are names of categories."""
WORD_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")
NAMES_OF_IDS = {"id", "ids", "uuid", "guid", "identifier", "key", "no", "number", "nr", "serial"}
DATE = r"\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}"

_Series = pd.Series  # of any values


def is_constant(values: _Series) -> bool:
    """Whether all rows hold the same; missing is a value of its own, so a mark beside empty cells varies."""
    head = values.iloc[:100]
    if head.isna().any():
        return not values.notna().any()
    first = str(head.iloc[0])
    if any(str(v) != first for v in head):
        return False
    if values.dtype == object or isinstance(values.dtype, pd.CategoricalDtype):
        return bool((values.astype(str) == first).all() and values.notna().all())
    return bool(values.notna().all() and (values == values.iloc[0]).all())


def tally_of(values: _Series) -> _Series:
    """How many rows hold each value, by its one spelling, the most frequent first."""
    try:
        counts = values.value_counts()
    except TypeError:  # lists and the like have no hash
        counts = values.map(str, na_action="ignore").value_counts()
    counts = counts[counts > 0]
    found = np.asarray(counts.index, dtype=object)  # lookups in an index of Arrow text are slow
    if values.dtype == object or isinstance(values.dtype, pd.CategoricalDtype):
        found = np.array([class_name(v) for v in found], dtype=object)
    tally = pd.Series(counts.to_numpy(dtype=np.int64), index=pd.Index(found, dtype=object))
    return tally.groupby(level=0).sum() if tally.index.has_duplicates else tally


# -- identifiers ----------------------------------------------------------------------------------------------


def why_identifier(name: str, parts: Sequence[_Series], kinds: Sequence[str], tallies: Sequence[_Series]) -> str:
    """Say why a column names the rows instead of telling something about them; empty if it does not."""
    filled = {*kinds} - {"empty"}
    if filled == {"categories"}:
        if not all(len(t) >= NEARLY_ALL * t.sum() for t in tallies) or _tells_something(tallies[0]):
            return ""
        rows, different = sum(int(t.sum()) for t in tallies), len(set().union(*(t.index for t in tallies)))
        enough = rows >= LEAST_TEXTS and different >= NEARLY_ALL * rows
        return f"{different} of {rows} text values are different" if enough else ""
    arrays = [w for p in parts if filled == {"numbers"} and (w := _whole(p)) is not None]
    if not arrays or len(arrays) < sum(k == "numbers" for k in kinds):
        return ""
    named = bool(NAMES_OF_IDS & {w.lower() for w in WORD_BOUNDARY.split(name)})
    for whole in (*arrays, np.concatenate(arrays)):
        repeats, n = len(whole) - len(np.unique(whole)), len(whole)
        expected = expected_repeats(whole)
        given_out = repeats <= 0.1 * expected and pdtr(repeats, expected) <= IMPLAUSIBLE
        if repeats <= (1 - NEARLY_ALL) * n and (given_out or (named and n >= LEAST_ROWS)):
            told = f"measured numbers like these would repeat {expected:.0f} times" if given_out else "by its name"
            return f"{n - repeats} of {n} whole numbers are different; {told}"
    return ""


def _whole(values: _Series) -> np.ndarray | None:
    """The values as int64, if they are whole numbers nearly each of which is different."""
    if is_bool_dtype(values):
        return None
    head = numbers_of(values.iloc[:1000], "numbers")
    head = head[~np.isnan(head)]
    if not np.isfinite(head).all() or (head % 1 != 0).any() or len(np.unique(head)) < NEARLY_ALL * len(head):
        return None
    present = values.dropna()
    if is_integer_dtype(present):
        wide = present.to_numpy()
        return wide.astype(np.int64) if wide.size and abs(int(wide.max())) < 2**62 > abs(int(wide.min())) else None
    floats = numbers_of(present, "numbers")
    fits = np.isfinite(floats).all() and (np.abs(floats) < 2**53).all()
    return floats.astype(np.int64) if fits and (floats % 1 == 0).all() else None


def _tells_something(tally: _Series) -> bool:
    """Whether different texts are sentences, times, or measured numbers."""
    texts = pd.Series(tally.index[:1000].astype(str))
    long = texts.str.len().median() > 40 and not texts.str.fullmatch(r"[!-~]+").all()
    if long or (texts.str.count(r"\S+").median() >= 4) or texts.str.match(DATE).mean() > 0.9:
        return True
    numbers = pd.to_numeric(texts, errors="coerce")
    return bool(numbers.notna().mean() > 0.9 and not _are_codes(texts[numbers.notna()], texts[numbers.isna()]))


# -- types ----------------------------------------------------------------------------------------------------


def mixture_of(values: _Series, tally: _Series) -> tuple[float, str]:
    """Share of the values that are of another type than most, and a word on it."""
    if values.dtype == object and infer_dtype(values, skipna=True) not in ("string", "empty"):
        types = values.dropna().map(_type).value_counts(normalize=True)
        return (1 - float(types.iloc[0]), " beside ".join(types.index)) if len(types) > 1 else (0.0, "")
    texts = pd.Series(tally.index.astype(str))
    head = pd.to_numeric(texts.iloc[:1000], errors="coerce").notna()
    if head.mean() < 0.2:
        return 0.0, ""
    numbers = pd.to_numeric(texts, errors="coerce")
    known = numbers.notna().to_numpy()
    fitting = float(tally.to_numpy()[known].sum() / tally.sum())
    if fitting < 0.5 or _are_codes(texts[known], texts[~known]):
        return 0.0, ""
    if known.all():
        measured = len(tally) > FEW or bool((numbers % 1 != 0).any())
        return (1.0, "numbers stored as text") if measured else (0.0, "")
    return (1 - fitting, "text beside numbers") if known.sum() >= 10 else (0.0, "")


def _type(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "truth values"
    if isinstance(value, str):
        return "text"
    return "numbers" if np.isscalar(value) and not isinstance(value, bytes) else type(value).__name__


def _are_codes(numbers: _Series, others: _Series) -> bool:
    """Whether texts that read as numbers are codes: leading zeros, one length, or letters in codes beside them."""
    if numbers.str.match(r"\s*[-+]?0\d").any():
        return True
    lettered = len(others) > 0 and bool(others.str.contains(r"\d").mean() > 0.5)
    whole = bool(numbers.str.fullmatch(r"\d+").all())
    same = whole and numbers.str.len().nunique() == 1 and len(numbers.iloc[0]) >= 3
    return (whole and lettered) or (same and len(others) == 0)
