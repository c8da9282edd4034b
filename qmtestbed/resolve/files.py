"""Finding the file of an inventory."""

from __future__ import annotations

import os
from pathlib import Path

from qmtestbed.errors import DataError, Problem, suggestion
from qmtestbed.types.plan import Inventory


def find_file(name: str, inventory: Inventory, folder: Path) -> Path:
    """Give the path of an inventory's file; :class:`DataError` if there is none."""
    path = place_of(inventory.uri, folder)
    if path.is_dir():
        raise DataError(Problem(f"inventory {name!r}: a folder, not a file", inventory.shown, do="give the file in it"))
    if not path.is_file():
        near = suggestion(path.name, [p.name for p in path.parent.glob("*")]) if path.parent.is_dir() else ""
        raise DataError(Problem(f"inventory {name!r}: no such file", inventory.shown, do=near or "check the path"))
    return path


def place_of(uri: str, folder: Path) -> Path:
    """Give the path that a URI means, links followed; one that leads round in a circle is no file."""
    return Path(os.path.realpath(folder / uri))


def not_a(kind: str, name: str, path: Path, uri: str, why: str) -> Problem:
    """Say that a file is not what its suffix says, with its size and first bytes."""
    with path.open("rb") as stream:
        first = stream.read(8)
    found = f"{path.stat().st_size:,} bytes beginning {first!r}; {why.splitlines()[0] if why else ''}"
    return Problem(f"inventory {name!r}: not a {kind} file", uri, found, "write the file again; it may be cut short")
