"""The room of openpyxl: the cells of a workbook as values. Nothing is evaluated; a formula is refused."""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from qmtestbed.errors import DataError, Problem

MOST_UNPACKED = 50_000_000
MOST_CELLS = 200_000
_BROKEN = (
    zipfile.BadZipFile, zlib.error, KeyError, ValueError, TypeError, AttributeError, SyntaxError, OSError,
)  # fmt: skip
"""What zipfile and openpyxl raise of a file that is no workbook, or half of one."""


def lines_of(content: bytes, name: str) -> Iterator[tuple[str, list[Any]]]:
    """Give each line of the one sheet that holds anything, with where it is.

    Raises
    ------
    DataError
        It is no workbook, too large when unpacked, has cells on several sheets, or a formula; or openpyxl is missing.
    """
    try:
        import openpyxl
    except ImportError:
        do = "pip install 'qmtestbed[xlsx]', or save it as CSV UTF-8"
        raise DataError(Problem("reading .xlsx needs openpyxl", name, do=do)) from None
    try:
        _check_size(content, name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of lists to choose from, colours and the like
            workbook = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
            sheets = {sheet.title: found for sheet in workbook.worksheets if (found := _lines(sheet, name))}
    except _BROKEN as error:
        first = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise DataError(Problem("not a workbook that can be read", name, first, "save it again as .xlsx")) from None
    if len(sheets) > 1:
        do = "keep the checklist in a workbook of its own: answers on other sheets would be overlooked"
        raise DataError(Problem("the workbook has several sheets that hold something", name, ", ".join(sheets), do))
    yield from next(iter(sheets.values()), [])


def _check_size(content: bytes, name: str) -> None:
    """Refuse what would not fit into memory, and XML that declares entities, before any of it is parsed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MOST_UNPACKED:
            raise DataError(Problem("the workbook is too large when unpacked", name, f"{unpacked:,} bytes"))
        for entry in archive.infolist():
            if entry.filename.endswith((".xml", ".rels")) and b"<!DOCTYPE" in archive.read(entry):
                raise DataError(Problem("the workbook declares XML entities", name, entry.filename))


def _lines(sheet: Any, name: str) -> list[tuple[str, list[Any]]]:
    """Give the lines of a sheet; an empty list where all cells are empty."""
    if not hasattr(sheet, "iter_rows"):
        return []  # a sheet of one chart
    sheet.reset_dimensions()  # what the file says of its size may be wrong
    lines, count = [], 0
    for number, row in enumerate(sheet.iter_rows(), 1):
        where = f"{name}, sheet {sheet.title!r}, row {number}"
        if formulas := [cell.coordinate for cell in row if cell.data_type == "f"]:
            do = "put its value in its place (paste as values); formulas are not evaluated"
            raise DataError(Problem(f"the cell {formulas[0]} holds a formula", where, do=do))
        count += len(row)
        if count > MOST_CELLS:
            raise DataError(Problem(f"the workbook has more than {MOST_CELLS:,} cells", name))
        lines.append((where, [cell.value for cell in row]))
    return lines if any(value is not None for _, line in lines for value in line) else []
