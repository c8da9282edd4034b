"""What kind of values the columns of a table hold, as the child will read them; where that is unsure, ``other``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "text", "truth", "time", "other"]

MOST_LINES, MOST_CELLS = 2000, 200_000
"""At most so much of a CSV file is looked at."""


@dataclass(frozen=True)
class ColumnType:
    """What a column holds.

    Attributes
    ----------
    kind
        ``other`` where metadata can't tell, or where it is none of the kinds.
    dtype
        The dtype that the child's reader gives it, such as ``int64``, ``str`` or ``category``; empty where metadata
        can't tell.
    """

    kind: Kind
    dtype: str = ""


# -- parquet --------------------------------------------------------------------------------------------------

_ARROW: Mapping[str, ColumnType] = {
    **{f"{u}int{bits}": ColumnType("number", f"{u}int{bits}") for u in ("", "u") for bits in (8, 16, 32, 64)},
    "halffloat": ColumnType("number", "float16"),
    "float": ColumnType("number", "float32"),
    "double": ColumnType("number", "float64"),
    "bool": ColumnType("truth", "bool"),
    **dict.fromkeys(("string", "large_string", "string_view"), ColumnType("text", "str")),
    **dict.fromkeys(("date32[day]", "date64[ms]"), ColumnType("time")),
}


@dataclass(frozen=True)
class Statistics:
    """What the row groups of a parquet file say of a column: missing values, smallest and largest value."""

    missing: int
    low: object = None
    high: object = None


def of_arrow(name: str, statistics: Statistics | None) -> ColumnType:
    """Give the type of a column from the name of its Arrow type, such as ``int64`` or ``timestamp[us, tz=UTC]``."""
    if name.startswith("timestamp"):
        return ColumnType("time", "datetime64tz" if "tz=" in name else "datetime64")
    if name.startswith("decimal"):
        return ColumnType("number")
    coded = re.match(r"dictionary<values=([^,]+),", name)
    if coded:
        return ColumnType(_ARROW.get(coded[1], ColumnType("other")).kind, "category")
    found = _ARROW.get(name, ColumnType("other"))
    if found.kind != "truth" and "int" not in found.dtype:
        return found
    if statistics is None or (found.kind == "truth" and statistics.missing):
        return ColumnType(found.kind)
    if statistics.missing:
        return ColumnType(found.kind, "float64")  # pandas reads whole numbers beside missing ones as floats
    return ColumnType(found.kind) if found.kind == "number" and _zeros_and_ones(statistics) else found


def _zeros_and_ones(s: Statistics) -> bool:
    """Whether whole numbers are 0 and 1 only, or may be: MLflow takes such numbers for floats."""
    return not (isinstance(s.low, int) and isinstance(s.high, int)) or (s.low >= 0 and s.high <= 1)


# -- CSV ------------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"[-+]?(\d+(?P<fraction>\.\d*)?|\.\d+)", re.ASCII)
_LEADING_ZERO = re.compile(r"[-+]?0\d", re.ASCII)
_TRUTH = frozenset({"True", "true", "TRUE", "False", "false", "FALSE"})
_MISSING_NUMBERS = frozenset({"NA", "N/A", "NaN", "nan", "NULL", "null", "None"})
"""The words that ``execute.tables`` takes for truth values and missing numbers; a test compares them."""


class FirstLines:
    """The words that stand in the first lines of a CSV file, column by column."""

    def __init__(self, width: int) -> None:
        self._words: list[set[str]] = [set() for _ in range(width)]
        self.room = min(MOST_LINES, MOST_CELLS // max(width, 1))
        self.all = True

    def add(self, row: Sequence[str]) -> None:
        """Look at one more line, while there is room."""
        if self.room <= 0:
            self.all = False
            return
        self.room -= 1
        for words, word in zip(self._words, row, strict=True):
            words.add(word)

    def types(self) -> tuple[ColumnType, ...]:
        """Give each column's type, as the child's reader will find it whatever stands further down."""
        return tuple(of_words(words, self.all) for words in self._words)


def of_words(words: Collection[str], all_of_them: bool) -> ColumnType:
    """Give the type of a CSV column from the different words in it; one that is no number makes all of it text."""
    gap = "" in words
    said = [w for w in words if w]
    numbers = [w for w in said if w not in _MISSING_NUMBERS]
    if any(_is_text(w) for w in numbers if w not in _TRUTH) or (0 < _count(numbers, _TRUTH) < len(numbers)):
        return ColumnType("text", "str")
    if not numbers or not all_of_them:
        return ColumnType("other")
    if _count(said, _TRUTH) == len(said):
        return ColumnType("truth", "" if gap else "bool")
    matches = [_NUMBER.fullmatch(w) for w in numbers]
    if _count(numbers, _TRUTH) or not all(matches):
        return ColumnType("other")
    gap = gap or len(numbers) < len(said)
    if any(m and (m["fraction"] is not None or m[1].startswith(".")) for m in matches):
        return ColumnType("number", "float64")
    largest = max(abs(int(w)) for w in numbers)
    if largest > 2**53 or {int(w) for w in numbers} <= {0, 1}:
        return ColumnType("number")
    return ColumnType("number", "float64" if gap else "int64")


def _count(words: Iterable[str], among: Collection[str]) -> int:
    return sum(w in among for w in words)


def _is_text(word: str) -> bool:
    """Whether a word alone makes its column text: it is no number for anyone, or a code such as ``007``."""
    if _LEADING_ZERO.match(word):
        return True
    try:
        float(word)
    except ValueError:
        return True
    return False
