"""Declarations as found on a day: in date, with their files there and unaltered, and what their checklists answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from qmtestbed.digests import sha256_of_file
from qmtestbed.errors import DataError, Problem
from qmtestbed.evidence import files
from qmtestbed.evidence.checklists import read_checklist
from qmtestbed.evidence.contents import inside
from qmtestbed.types.assessment import DeclarationFound, DeclarationState
from qmtestbed.types.checklist import ChecklistItem
from qmtestbed.types.plan import Declaration

COLLECTED = "declared"


def collect(declarations: Sequence[Declaration], folder: Path, run_folder: Path) -> tuple[Declaration, ...]:
    """Copy the files of declarations into the run folder; give the declarations pinned to their content.

    A file that is missing keeps its name, and one that was pinned before keeps its pin: the state tells.

    Raises
    ------
    DataError
        A checklist can't be used; with the problems of all, and before anything is copied.
    """
    check_checklists(declarations, folder)
    return tuple(_collected(i, d, folder, run_folder) for i, d in enumerate(declarations, 1))


def check_checklists(declarations: Sequence[Declaration], folder: Path) -> None:
    """Read every checklist that is there; :class:`DataError` with the problems of all."""
    problems: list[Problem] = []
    for declaration in declarations:
        if declaration.checklist and (folder / declaration.checklist).is_file():
            try:
                read_checklist(folder / declaration.checklist, declaration.checklist)
            except DataError as error:
                problems.extend(error.problems)
    if problems:
        raise DataError(*problems)


def _collected(number: int, declaration: Declaration, folder: Path, run_folder: Path) -> Declaration:
    if declaration.file and (source := folder / declaration.file).is_file():
        copy = Path(COLLECTED, f"{number:02d}-{source.name[-40:]}")  # room in 255 bytes, whatever the script
        files.copy(source, run_folder / copy)
        digest = declaration.sha256 or sha256_of_file(source)
        declaration = replace(declaration, file=copy.as_posix(), sha256=digest)
    if declaration.checklist and (source := folder / declaration.checklist).is_file():
        copy = Path(COLLECTED, "checklists", f"{number:02d}-{source.name}")
        files.copy(source, run_folder / copy)
        digest = declaration.checklist_sha256 or sha256_of_file(source)
        declaration = replace(declaration, checklist=copy.as_posix(), checklist_sha256=digest)
    return declaration


def state(declaration: Declaration, folder: Path, as_of: str, *, collected: bool) -> DeclarationState:
    """Say how a declaration stands on the day ``as_of`` (an ISO date), with its files in ``folder``.

    Where that is a run folder, only files that were ``collected`` into it count: another of the same name would be no
    evidence.

    Raises
    ------
    DataError
        Its checklist can't be used.
    """
    found, at_fault = _found(declaration, folder, as_of, collected)
    items: tuple[ChecklistItem, ...] = ()
    readable = found not in ("to_do", "file_missing", "file_altered")
    if declaration.checklist and readable and (folder / declaration.checklist).is_file():
        items = read_checklist(folder / declaration.checklist, declaration.checklist)
    refused = [item for item in items if item.answer == "no"]
    return DeclarationState(
        requirement=declaration.requirement,
        by=declaration.by or "",
        date=declaration.date or "",
        state=found,
        statement=declaration.statement,
        not_applicable=declaration.not_applicable,
        file=declaration.file,
        sha256=declaration.sha256,
        until=declaration.until,
        answered_no=refused[0].question if refused else None,
        at_fault=at_fault,
        checklist=declaration.checklist,
        checklist_sha256=declaration.checklist_sha256,
        items=items,
    )


def _found(declaration: Declaration, folder: Path, as_of: str, collected: bool) -> tuple[DeclarationFound, str | None]:
    if declaration.todo or declaration.date is None:
        return "to_do", None
    if declaration.date > as_of:
        return "not_yet_valid", None
    if declaration.until and declaration.until < as_of:
        return "expired", None
    named = ((declaration.file, declaration.sha256), (declaration.checklist, declaration.checklist_sha256))
    for name, digest in named:
        if name is None:
            continue
        foreign = collected and not (name.startswith(f"{COLLECTED}/") and inside(name))
        if foreign or not (folder / name).is_file():
            return "file_missing", name
        if digest and sha256_of_file(folder / name) != digest:
            return "file_altered", name
    return "valid", None
