"""Where foreign code of a model is entered and left."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from qmtestbed.errors import JobError, ModelFault
from qmtestbed.execute.models.packages import install_command
from qmtestbed.types.job import JobInput


class Boundary:
    """The one place where what a model raises, which is foreign code, becomes a :class:`ModelFault`.

    Parameters
    ----------
    name
        What messages call the model.
    what
        What can't be done, should something be raised.
    extra
        Told with what was found: versions, files.
    folder
        The logged model, whose requirements tell which version of a missing package it was logged with.
    """

    def __init__(self, name: str, what: str, extra: str = "", folder: Path | None = None) -> None:
        self._name, self._what, self._extra, self._folder = name, what, extra, folder

    def __enter__(self) -> None:
        """Enter foreign code."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Map whatever came out of it, but for our own errors and a lack of memory."""
        if not isinstance(error, Exception) or isinstance(error, (JobError, MemoryError)):
            return
        lines = str(error).strip().splitlines()
        what, found = self._what, f"{type(error).__name__}: {lines[0] if lines else ''}"
        do = "load and call it in a plain Python session with the same packages"
        missing = _missing_module(error)
        if missing:
            package = missing.partition(".")[0]
            what = f"{what}: the package {package} is not installed"
            do = install_command(package, self._folder)
        shown = f"{found}; {self._extra}" if self._extra else found
        raise ModelFault(f"the model {self._name} {what}", found=shown, do=do) from error


def _missing_module(error: BaseException | None) -> str:
    """Name the module that could not be found, also where a library raised an error of its own because of that."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, ModuleNotFoundError):
            return error.name or ""
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return ""


def add_code(folder: Path, flavour: Mapping[str, Any]) -> None:
    """Make the code that was logged with a model importable."""
    code = flavour.get("code")
    if code:
        sys.path.insert(0, str(folder / code))


def columns_given(frame: pd.DataFrame, source: JobInput) -> pd.DataFrame:
    """Choose the columns for a model without names of its own: those of its signature, else all it is given."""
    return frame if source.features is None else chosen(frame, source.features)


def chosen(frame: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    """Choose columns in the order a model takes them.

    Raises
    ------
    ModelFault
        Some are not there.
    """
    missing = [f for f in names if f not in frame.columns]
    if missing:
        found = ", ".join(map(repr, missing[:8]))
        do = "add the columns"
        raise ModelFault("the model takes columns that it may not see or that are not there", found=found, do=do)
    return frame[list(names)]


def first_bytes(path: Path) -> str:
    """Size and first bytes of a file, for a message."""
    if not path.is_file():
        return f"no file {path.name}"
    with path.open("rb") as stream:
        return f"{path.name}, {path.stat().st_size:,} bytes beginning {stream.read(8)!r}"
