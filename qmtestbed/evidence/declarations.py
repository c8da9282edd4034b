"""Declarations as found on a day: in date, with their file there and unaltered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from qmtestbed.digests import sha256_of_file
from qmtestbed.evidence import files
from qmtestbed.types.assessment import DeclarationState
from qmtestbed.types.plan import Declaration

State = Literal["valid", "expired", "not_yet_valid", "file_missing", "file_altered"]


def collect(declarations: Sequence[Declaration], folder: Path, run_folder: Path) -> tuple[Declaration, ...]:
    """Copy the files of declarations into the run folder; give the declarations pinned to their content.

    A file that is missing keeps its name, and one that was pinned before keeps its pin: the state tells.
    """
    collected = []
    for i, declaration in enumerate(declarations):
        source = (folder / declaration.file) if declaration.file else None
        if source is None or not source.is_file():
            collected.append(declaration)
            continue
        copy = Path("declared", f"{i + 1:02d}-{source.name[-40:]}")  # room in 255 bytes, whatever the script
        files.copy(source, run_folder / copy)
        digest = declaration.sha256 or sha256_of_file(source)
        collected.append(replace(declaration, file=copy.as_posix(), sha256=digest))
    return tuple(collected)


def state(declaration: Declaration, run_folder: Path, as_of: str) -> DeclarationState:
    """Say how a declaration stands on the day ``as_of`` (an ISO date)."""
    return DeclarationState(
        requirement=declaration.requirement,
        by=declaration.by,
        date=declaration.date,
        state=_state(declaration, run_folder, as_of),
        statement=declaration.statement,
        not_applicable=declaration.not_applicable,
        file=declaration.file,
        sha256=declaration.sha256,
        until=declaration.until,
    )


def _state(declaration: Declaration, run_folder: Path, as_of: str) -> State:
    if declaration.date > as_of:
        return "not_yet_valid"
    if declaration.until and declaration.until < as_of:
        return "expired"
    if declaration.file is None:
        return "valid"
    path = run_folder / declaration.file
    if not path.is_file():
        return "file_missing"
    if declaration.sha256 and sha256_of_file(path) != declaration.sha256:
        return "file_altered"
    return "valid"
