"""Putting a declaration into the text of a plan: everything else, comments and layout included, stays as it stands."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qmtestbed.documents import Document, Place, dump_document, parse_document
from qmtestbed.errors import ContentError, PlanError, Problem

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_EMPTY = re.compile(r"declarations:\s*(\[\s*\]|~|null)?\s*(#.*)?")


def with_declaration(document: Document, entry: Mapping[str, Any], replaced: int | None) -> bytes:
    """Give the bytes of a plan with one declaration more, or with another in the place of one.

    Parameters
    ----------
    document
        The plan as read.
    entry
        The declaration, as it stands in YAML.
    replaced
        Position of the declaration to take the place of; ``None`` to add it at the end.

    Raises
    ------
    PlanError
        The plan is written so that this can't be done line by line; says what to write by hand.
    """
    text = document.source.decode("utf-8")
    end = "\r\n" if "\r\n" in text else "\n"
    lines = _lines(text)
    declared: Sequence[Any] = document.data.get("declarations") or ()
    try:
        if not declared:
            made = _begun(lines, document, entry, end)
        elif replaced is None:
            made = _added(lines, document, entry, end, len(declared) - 1)
        else:
            made = _replaced(lines, document, entry, end, replaced)
        content = "".join(made).encode()
        wanted = [*declared, entry] if replaced is None else [*declared[:replaced], entry, *declared[replaced + 1 :]]
        if parse_document(content, document.name).data == {**document.data, "declarations": wanted}:
            return content
    except (ContentError, _NotByLines):
        pass
    what = "the declarations of this plan are not written one below the other, so none can be put in"
    do = "write this under declarations:\n" + dump_document([entry]).decode()
    raise PlanError(Problem(what, document.where(("declarations",)), do=do.rstrip()))


class _NotByLines(ValueError):
    """The text is not laid out so that a declaration has lines of its own."""


def _lines(text: str) -> list[str]:
    """Split a text where YAML does, every line with its end."""
    found, start = [], 0
    for match in _BREAK.finditer(text):
        found.append(text[start : match.end()])
        start = match.end()
    return [*found, text[start:]] if start < len(text) else found


def _written(entry: Mapping[str, Any], indent: str, end: str) -> list[str]:
    return [f"{indent}{line}{end}" for line in dump_document([entry]).decode().splitlines()]


def _closed(lines: Sequence[str], end: str) -> list[str]:
    """Make sure that the last line has an end."""
    if lines and not _BREAK.search(lines[-1]):
        return [*lines[:-1], lines[-1] + end]
    return [*lines]


def _begun(lines: Sequence[str], document: Document, entry: Mapping[str, Any], end: str) -> list[str]:
    written = _written(entry, "  ", end)
    if "declarations" not in document.data:
        return [*_closed(lines, end), f"declarations:{end}", *written]
    at = document.lines[("declarations",)] - 1
    head = _EMPTY.fullmatch(lines[at].strip())
    if head is None:
        raise _NotByLines
    comment = f"  {head[2]}" if head[2] else ""
    return [*lines[:at], f"declarations:{comment}{end}", *written, *lines[at + 1 :]]


def _added(lines: Sequence[str], document: Document, entry: Mapping[str, Any], end: str, last: int) -> list[str]:
    indent = _indent(lines, document, last)
    after = _end_of(lines, document, last)
    head = _closed(lines[:after], end)
    return [*head, *_written(entry, indent, end), *lines[after:]]


def _replaced(lines: Sequence[str], document: Document, entry: Mapping[str, Any], end: str, which: int) -> list[str]:
    start, after = document.lines[("declarations", which)] - 1, _end_of(lines, document, which)
    return [*lines[:start], *_written(entry, _indent(lines, document, which), end), *lines[after:]]


def _indent(lines: Sequence[str], document: Document, which: int) -> str:
    """Give what stands before the dash of a declaration."""
    match = re.match(r"([ ]*)- ", lines[document.lines[("declarations", which)] - 1])
    if match is None:
        raise _NotByLines
    return match[1]


def _end_of(lines: Sequence[str], document: Document, which: int) -> int:
    """Give the number of lines up to the end of a declaration: the least after which it reads the same."""
    place: Place = ("declarations", which)
    last = max(line for spot, line in document.lines.items() if spot[:2] == place)
    wanted = document.data["declarations"][which]
    for after in range(last, len(lines) + 1):
        try:
            found = parse_document("".join(lines[:after]).encode(), document.name).data
        except ContentError:
            continue
        if isinstance(found, dict) and (found.get("declarations") or [])[which:] == [wanted]:
            return after
    raise _NotByLines


def relative_to_plan(path: Path, plan_file: Path) -> str:
    """Write a path as the plan has it: from its folder, as far as that is possible."""
    return Path(os.path.relpath(path.resolve(), plan_file.resolve().parent)).as_posix()
