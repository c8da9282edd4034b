"""Checklists that people answered, from YAML, CSV or XLSX; every problem at once, each with its row."""

from __future__ import annotations

import csv
import io
import itertools
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qmtestbed.ait import class_name
from qmtestbed.documents import parse_document
from qmtestbed.errors import DataError, Problem, suggestion
from qmtestbed.types.checklist import Answer, ChecklistItem

MOST_BYTES = 5_000_000
MOST_ROWS = 2_000
LONGEST = 4_000
SUFFIXES = (".yaml", ".yml", ".csv", ".xlsx")

_COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(("id", "no", "no.", "番号", "項番"), "id"),
    **dict.fromkeys(("question", "質問", "確認項目", "確認事項"), "question"),
    **dict.fromkeys(("answer", "回答"), "answer"),
    **dict.fromkeys(("comment", "備考", "コメント"), "comment"),
    **dict.fromkeys(("evidence", "証拠", "根拠", "エビデンス"), "evidence"),
}
_NEEDED = ("id", "question", "answer")
_ANSWERS: Mapping[str, Answer] = {
    **dict.fromkeys(("yes", "はい"), "yes"),
    **dict.fromkeys(("no", "いいえ"), "no"),
    **dict.fromkeys(("not_applicable", "not applicable", "n/a", "該当なし"), "not_applicable"),
}


@dataclass(frozen=True)
class Row:
    """One row as it stands in a file: ``where`` it is, and its cells by their column's title."""

    where: str
    cells: Mapping[str, Any]


def read_checklist(path: Path, name: str) -> tuple[ChecklistItem, ...]:
    """Read a checklist.

    Parameters
    ----------
    path
        A file with one row per question; see the README for its columns.
    name
        What messages call it.

    Raises
    ------
    DataError
        It can't be read, or rows can't be used: two with one id, an answer that is none, a formula.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        do = "give the path of a .yaml, .csv or .xlsx file"
        raise DataError(Problem("the checklist can't be read", name, error.strerror or "", do)) from None
    if len(content) > MOST_BYTES:
        raise DataError(Problem(f"the checklist is larger than {MOST_BYTES:,} bytes", name, f"{len(content):,} bytes"))
    return _items(list(_rows(content, path.suffix.lower(), name)), name)


def _rows(content: bytes, suffix: str, name: str) -> Iterable[Row]:
    if suffix in (".yaml", ".yml"):
        return _from_yaml(content, name)
    if suffix == ".csv":
        return _from_csv(content, name)
    if suffix == ".xlsx":
        from qmtestbed.evidence.spreadsheets import lines_of

        return under_titles(lines_of(content, name), name)
    raise DataError(Problem("not a kind of checklist", name, suffix or "no suffix", "give .yaml, .csv or .xlsx"))


def _from_yaml(content: bytes, name: str) -> Iterator[Row]:
    document = parse_document(content, name)
    if not isinstance(document.data, list):
        do = "write one  - {id: …, question: …, answer: yes}  per question"
        raise DataError(Problem("a list of questions is expected", name, type(document.data).__name__, do))
    for i, item in enumerate(document.data):
        where = document.where((i,))
        if not isinstance(item, dict):
            raise DataError(Problem("a question is a mapping", where, str(item)[:120], "give it id, question, answer"))
        yield Row(where, _titled([*item], [*item.values()], where))


def _from_csv(content: bytes, name: str) -> Iterator[Row]:
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        lines = [(f"{name}:{reader.line_num}", line) for line in reader]
    except UnicodeDecodeError as error:
        do = "save it as UTF-8 (in Excel: CSV UTF-8)"
        raise DataError(Problem("the checklist is not UTF-8", name, f"byte {error.start}", do)) from None
    except csv.Error as error:
        raise DataError(Problem("the checklist is not CSV", name, str(error))) from None
    yield from under_titles(lines, name)


def under_titles(lines: Iterable[tuple[str, Sequence[Any]]], name: str) -> Iterator[Row]:
    """Give the rows below the first line that is not empty, which holds the titles; empty lines are left out."""
    titles: Sequence[Any] | None = None
    for where, line in lines:
        if not any(_text(cell) for cell in line):
            continue
        if titles is None:
            titles = [_text(cell) for cell in line]
            continue
        yield Row(where, _titled(titles, line, where))
    if titles is None:
        raise DataError(Problem("the checklist is empty", name, do="give it columns id, question, answer"))


def _titled(titles: Sequence[str], cells: Sequence[Any], where: str) -> dict[str, Any]:
    """Name the cells of a row; :class:`DataError` where a title is unknown or there twice, or a cell has none."""
    found: dict[str, Any] = {}
    for title, cell in itertools.zip_longest(titles, cells, fillvalue=""):
        column = _COLUMNS.get(_folded(title))
        if column is None:
            if not title and not _text(cell):
                continue
            do = suggestion(title, _COLUMNS) if title else "give the column a title"
            raise DataError(Problem(f"unknown column {title!r} of the checklist", where, _text(cell)[:120], do))
        if column in found:
            raise DataError(Problem(f"two columns of the checklist are {column!r}", where, title, "keep one of them"))
        found[column] = cell
    if lacking := [c for c in _NEEDED if c not in found]:
        seen = ", ".join(t for t in titles if t)
        raise DataError(Problem(f"the checklist has no column {lacking[0]!r}", where, seen, "add it"))
    return found


def _items(rows: Sequence[Row], name: str) -> tuple[ChecklistItem, ...]:
    if not rows or len(rows) > MOST_ROWS:
        found = f"{len(rows):,} questions"
        raise DataError(Problem(f"a checklist has 1 to {MOST_ROWS:,} questions", name, found))
    problems: list[Problem] = []
    first: dict[str, str] = {}
    items = []
    for row in rows:
        cells = {column: _text(cell) for column, cell in row.cells.items()}
        problems += _problems(row.where, cells, first)
        first.setdefault(cells["id"], row.where)
        answer = _ANSWERS.get(_folded(cells["answer"]))
        beside = (cells.get(c) or None for c in ("comment", "evidence"))
        items.append(ChecklistItem(cells["id"], cells["question"], answer, *beside))
    if problems:
        raise DataError(*problems)
    return tuple(items)


def _problems(where: str, cells: Mapping[str, str], first: Mapping[str, str]) -> Iterator[Problem]:
    for column in ("id", "question"):
        if not cells[column]:
            yield Problem(f"a question without {column}", where, "; ".join(c for c in cells.values() if c)[:120])
    if cells["id"] and cells["id"] in first:
        what = f"a second question with the id {cells['id']!r}"
        yield Problem(what, where, f"the first: {first[cells['id']]}", "give each its own")
    if cells["answer"] and _folded(cells["answer"]) not in _ANSWERS:
        do = "write yes, no or not_applicable (はい, いいえ, 該当なし), or leave it empty while it is open"
        yield Problem("not an answer", where, cells["answer"][:120], do)
    for column, text in cells.items():
        if len(text) > LONGEST:
            yield Problem(f"{column} is longer than {LONGEST:,} characters", where, f"{len(text):,}")


def _text(cell: Any) -> str:
    """Write a cell as text; a whole number has no fraction, whatever program it comes from."""
    if cell is None:
        return ""
    return class_name(cell).strip() if isinstance(cell, (str, int, float)) else str(cell).strip()


def _folded(text: str) -> str:
    """Full-width letters, capitals and spaces around make no difference."""
    return unicodedata.normalize("NFKC", text).strip().casefold()
