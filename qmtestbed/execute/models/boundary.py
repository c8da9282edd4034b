"""Where foreign code of a model is entered and left."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from qmtestbed.errors import JobError, ModelFault
from qmtestbed.types.job import JobInput


class Boundary:
    """The one place where what a model raises, which is foreign code, becomes a :class:`ModelFault`."""

    def __init__(self, name: str, what: str, extra: str = "") -> None:
        self._name, self._what, self._extra = name, what, extra

    def __enter__(self) -> None:
        """Enter foreign code."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Map whatever came out of it, but for our own errors and a lack of memory."""
        if not isinstance(error, Exception) or isinstance(error, (JobError, MemoryError)):
            return
        lines = str(error).strip().splitlines()
        found = f"{type(error).__name__}: {lines[0] if lines else ''}"
        do = "load and call it in a plain Python session with the same packages"
        if isinstance(error, ModuleNotFoundError):
            do = f"install the package {error.name}, or log the model with its code (code_paths)"
        shown = f"{found}; {self._extra}" if self._extra else found
        raise ModelFault(f"the model {self._name} {self._what}", found=shown, do=do) from error


def add_code(folder: Path, flavour: Mapping[str, Any]) -> None:
    """Make the code that was logged with a model importable."""
    code = flavour.get("code")
    if code:
        sys.path.insert(0, str(folder / code))


def columns_given(frame: pd.DataFrame, source: JobInput) -> pd.DataFrame:
    """Choose the columns for a model without names of its own: those of its signature, else all it is given."""
    if source.features is None:
        return frame
    missing = [f for f in source.features if f not in frame.columns]
    if missing:
        found = ", ".join(map(repr, missing[:8]))
        raise ModelFault("the model takes columns that it may not see or that are not there", found=found)
    return frame[list(source.features)]


def first_bytes(path: Path) -> str:
    """Size and first bytes of a file, for a message."""
    if not path.is_file():
        return f"no file {path.name}"
    with path.open("rb") as stream:
        return f"{path.name}, {path.stat().st_size:,} bytes beginning {stream.read(8)!r}"
