"""Kinds of columns by metadata, against the child's own reader of the same file."""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmtestbed.execute import tables
from qmtestbed.resolve import columns
from qmtestbed.resolve.columns import ColumnType, FirstLines, of_words
from qmtestbed.resolve.datasets import describe_table
from qmtestbed.types.job import JobInput
from qmtestbed.types.plan import Inventory

TIMES = ["2026-01-01", "2026-01-02", "2026-01-03"]
COLUMNS = {
    "whole": [5, 6, 7],
    "zeros and ones": [0, 1, 1],
    "whole with a gap": pd.array([5, None, 7], dtype="Int64"),
    "small": np.array([5, 6, 7], dtype="int8"),
    "unsigned": np.array([5, 6, 7], dtype="uint32"),
    "float": [5.5, 6, 7],
    "short float": np.array([5.5, 6, 7], dtype="float32"),
    "truth": [True, False, True],
    "truth with a gap": pd.array([True, None, True], dtype="boolean"),
    "text": ["a", None, "c"],
    "categories": pd.Categorical(["a", "b", "a"]),
    "time": pd.to_datetime(TIMES),
    "time with zone": pd.to_datetime(TIMES).tz_localize("UTC"),
    "day": [datetime.date(2026, 1, 1)] * 3,
    "decimal": [decimal.Decimal("1.5")] * 3,
    "bytes": [b"a"] * 3,
    "nothing": [None] * 3,
    "list": [[1], [2], [3]],
    "duration": pd.to_timedelta([1, 2, 3]),
}
KINDS = {
    **dict.fromkeys(
        ("whole", "zeros and ones", "whole with a gap", "small", "unsigned", "float", "short float"), "number"
    ),
    **dict.fromkeys(("truth", "truth with a gap"), "truth"),
    **dict.fromkeys(("text", "categories"), "text"),
    **dict.fromkeys(("time", "time with zone", "day"), "time"),
    "decimal": "number",
}


def dtype_of(read: pd.Series) -> str:
    """Name a dtype as ColumnType does."""
    return {"datetime64[us]": "datetime64", "datetime64[us, UTC]": "datetime64tz"}.get(str(read.dtype), str(read.dtype))


@pytest.mark.parametrize("groups", [1, 3])
def test_parquet_columns_are_what_the_child_reads(tmp_path: Path, groups: int) -> None:
    frame, path = pd.DataFrame(COLUMNS), tmp_path / "t.parquet"
    frame.to_parquet(path, row_group_size=3 // groups)
    assert pq.ParquetFile(path).num_row_groups == groups
    types = describe_table("t", Inventory(str(path)), tmp_path).types
    assert {c: t.kind for c, t in types.items()} == {c: KINDS.get(c, "other") for c in COLUMNS}
    read = tables.read_frame(JobInput("table", "t", "", str(path)))
    told = {c: t.dtype for c, t in types.items() if t.dtype}
    assert told == {c: dtype_of(read[c]) for c in told}
    untold = {"zeros and ones", "truth with a gap", "day", "decimal", "bytes", "nothing", "list", "duration"}
    assert set(types) - set(told) == untold


def test_a_file_without_statistics_tells_less(tmp_path: Path) -> None:
    pd.DataFrame(COLUMNS).to_parquet(tmp_path / "t.parquet", write_statistics=False)
    types = describe_table("t", Inventory("t.parquet"), tmp_path).types
    assert types["whole"] == ColumnType("number") and types["truth"] == ColumnType("truth")
    assert types["float"] == ColumnType("number", "float64")


def test_parent_and_child_know_the_same_words() -> None:
    assert set(tables._TRUTH) == columns._TRUTH
    assert columns._MISSING_NUMBERS == tables.MISSING_NUMBERS


WORDS = [
    *"1 0 -3 +5 2.5 .5 5. 007 00.5 1e3 1E2 1_000 inf nan NaN NA None NAN True false x 0x1F ٣ 9007199254740993".split(),
    *("", " 5", " 007", "1,5", "2026-01-01"),
]


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=6), st.integers(0, 6))
def test_csv_columns_are_never_contradicted_by_the_child(words: list[str], looked_at: int) -> None:
    """Whatever part of a column was looked at, what is said of it holds of the whole of it."""
    first = words[:looked_at]
    said = of_words(set(first), looked_at >= len(words))
    read = tables.typed(pd.Series([w or None for w in words], dtype=object))
    kind = {"i": "number", "f": "number", "b": "truth"}.get(read.dtype.kind, "text")
    assert said.kind in (kind, "other")
    if said.dtype and said.kind != "text":
        assert said.dtype == str(read.dtype)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["1", "2"], ColumnType("number", "int64")),
        (["1", "", "2"], ColumnType("number", "float64")),
        (["1.5", "NA"], ColumnType("number", "float64")),
        (["0", "1"], ColumnType("number")),
        (["yes", "no"], ColumnType("text", "str")),
        (["007", "8"], ColumnType("text", "str")),
        (["true", "false"], ColumnType("truth", "bool")),
        (["true", ""], ColumnType("truth")),
        (["", ""], ColumnType("other")),
    ],
)
def test_the_plain_cases_of_csv_are_told(words: list[str], told: ColumnType) -> None:
    assert of_words(words, True) == told
    assert of_words(words, False) == (told if told.kind == "text" else ColumnType("other"))


def test_only_the_first_lines_are_looked_at() -> None:
    first = FirstLines(2)
    assert first.room == columns.MOST_LINES and FirstLines(100_000).room == 2
    for i in range(columns.MOST_LINES + 1):
        first.add([str(i), "x" if i else "7"])
    assert not first.all and first.types() == (ColumnType("other"), ColumnType("text", "str"))
