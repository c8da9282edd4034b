"""Data as metadata: where a file is, its digest, columns or arrays, and rows; nothing is loaded."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from qmtestbed.digests import sha256_of_file
from qmtestbed.errors import DataError, Problem, nearest
from qmtestbed.resolve.arrays import ImagesFacts, describe_images
from qmtestbed.resolve.columns import ColumnType, FirstLines, Statistics, of_arrow
from qmtestbed.resolve.files import find_file, not_a
from qmtestbed.types.plan import Inventory

SEPARATORS = {".csv": ",", ".tsv": "\t"}
PARQUET = (".parquet", ".pq")


@dataclass(frozen=True)
class TableFacts:
    """A table file: its columns in order, the number of its rows, and what kind of values each column holds."""

    path: Path
    sha256: str
    columns: tuple[str, ...]
    rows: int
    types: Mapping[str, ColumnType] = field(default_factory=dict)
    kind: Literal["table"] = "table"


def describe_data(name: str, inventory: Inventory, folder: Path) -> TableFacts | ImagesFacts:
    """Look at a table or images file, told apart by its suffix."""
    if Path(inventory.uri).suffix.lower() == ".npz":
        return describe_images(name, inventory, folder)
    return describe_table(name, inventory, folder)


def describe_table(name: str, inventory: Inventory, folder: Path) -> TableFacts:
    """Look at a table file and check that every column with a role is there.

    Raises
    ------
    DataError
        No such file, not a table, no rows, columns named twice, or a role names a column that is not there.
    """
    path = find_file(name, inventory, folder)
    suffix = path.suffix.lower()
    if suffix in PARQUET:
        columns, rows, types = _parquet(name, path, inventory.shown)
    elif suffix in SEPARATORS:
        columns, rows, types = _csv(name, path, inventory.shown, SEPARATORS[suffix])
    else:
        do = "give a .parquet, .csv, .tsv or .npz file"
        raise DataError(
            Problem(f"inventory {name!r}: not a kind of table file", inventory.shown, suffix or "no suffix", do)
        )
    if rows == 0:
        raise DataError(Problem(f"inventory {name!r}: the table is empty", inventory.shown, "0 rows"))
    problems = [*_column_problems(name, inventory, columns)]
    if problems:
        raise DataError(*problems)
    return TableFacts(path, sha256_of_file(path), columns, rows, dict(zip(columns, types, strict=True)))


_Read = tuple[tuple[str, ...], int, tuple[ColumnType, ...]]


def _parquet(name: str, path: Path, uri: str) -> _Read:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        # A pandas index without a name is no column of the user's.
        fields = [f for f in file.schema_arrow if not f.name.startswith("__index_level_")]
        statistics = _statistics(file.metadata)
        types = (of_arrow(str(f.type), statistics.get(f.name)) for f in fields)
        return tuple(f.name for f in fields), int(file.metadata.num_rows), tuple(types)
    except (pa.ArrowException, OSError) as error:
        raise DataError(not_a("parquet", name, path, uri, str(error))) from None


def _statistics(metadata: Any) -> dict[str, Statistics]:
    """Sum up what the row groups say of each flat column; one that any of them says nothing of is left out."""
    found: dict[str, Statistics] = {}
    for column in range(metadata.num_columns):
        name = metadata.schema.column(column).path
        parts = [metadata.row_group(group).column(column).statistics for group in range(metadata.num_row_groups)]
        if not parts or not all(p is not None and p.has_null_count for p in parts):
            continue
        valued = [p for p in parts if p.has_min_max]
        low = min((p.min for p in valued), default=None)
        high = max((p.max for p in valued), default=None)
        found[name] = Statistics(sum(p.null_count for p in parts), low, high)
    return found


def _csv(name: str, path: Path, uri: str, separator: str) -> _Read:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream, delimiter=separator, strict=True)
            header = next(rows, None)
            first = FirstLines(len(header or ()))
            count, ragged = _count_rows(rows, len(header or ()), first)
    except UnicodeDecodeError as error:
        do = "save it as UTF-8 (a table from Japanese Excel is often cp932)"
        raise DataError(Problem(f"inventory {name!r}: not UTF-8", uri, f"byte {error.start}", do)) from None
    except csv.Error as error:
        raise DataError(not_a("CSV", name, path, uri, str(error))) from None
    if not header or "\0" in "".join(header):
        raise DataError(not_a("CSV", name, path, uri, "no header line"))
    if ragged:
        line, width = ragged
        found = f"{width} fields in line {line}, {len(header)} in the header"
        do = "write as many fields as the header has; quote text that holds the separator"
        if len(header) == 1 and ";" in header[0]:
            do = "is ';' the separator? write the table with ','"
        raise DataError(Problem(f"inventory {name!r}: its lines are not of one width", uri, found, do))
    if not count:
        do = "give a table with rows"
        raise DataError(Problem(f"inventory {name!r}: the table is empty", uri, "a header and 0 rows", do))
    return tuple(header), count, first.types()


def _count_rows(rows: Any, width: int, first: FirstLines) -> tuple[int, tuple[int, int] | None]:
    """Count the rows, and name the first line that has another number of fields than the header."""
    count = 0
    for row in rows:
        if row and len(row) != width:
            return count, (rows.line_num, len(row))
        if row:
            count += 1
            first.add(row)
    return count, None


def _column_problems(name: str, inventory: Inventory, columns: tuple[str, ...]) -> Iterator[Problem]:
    doubled = sorted({c for c in columns if columns.count(c) > 1})
    if doubled:
        yield Problem(f"inventory {name!r}: columns named twice", inventory.shown, ", ".join(doubled), "rename them")
    named = [c for c in (inventory.label, inventory.id, inventory.group, inventory.weight) if c is not None]
    for twice in sorted({c for c in named if named.count(c) > 1} | (set(named) & set(inventory.ignore))):
        what = f"inventory {name!r}: the column {twice!r} has roles that exclude each other"
        yield Problem(what, inventory.shown, do="give it one of label, id, group, weight, ignore")
    roles: list[tuple[str, str | None]] = [
        (role, getattr(inventory, role)) for role in ("label", "id", "time", "group", "weight")
    ]
    roles += [("sensitive", c) for c in inventory.sensitive] + [("ignore", c) for c in inventory.ignore]
    for role, column in roles:
        if column is not None and column not in columns:
            what = (
                f"inventory {name!r}: no column {column!r}, which is given as {role} (in a plan {role}:, else --{role})"
            )
            yield Problem(
                what,
                inventory.shown,
                ", ".join(columns[:8]) + (", …" if len(columns) > 8 else ""),
                nearest(column, columns) or f"name one of the columns as {role}, or leave it out",
            )
