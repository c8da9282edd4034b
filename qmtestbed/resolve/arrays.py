"""Images as metadata: the arrays of an ``.npz`` file by name, type and shape, read from their headers only."""

from __future__ import annotations

import ast
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from qmtestbed.digests import sha256_of_file
from qmtestbed.errors import DataError, Problem, suggestion
from qmtestbed.resolve.files import find_file, not_a
from qmtestbed.types.plan import Inventory

PIXELS = "images"


@dataclass(frozen=True)
class ImagesFacts:
    """An images file: its arrays' names beside the pixels, and the shape of the pixels."""

    path: Path
    sha256: str
    columns: tuple[str, ...]
    shape: tuple[int, ...]
    kind: Literal["images"] = "images"

    @property
    def rows(self) -> int:
        """Count the images."""
        return self.shape[0]


def describe_images(name: str, inventory: Inventory, folder: Path) -> ImagesFacts:
    """Look at an ``.npz`` file and check that every array with a role is there.

    Raises
    ------
    DataError
        No such file, no such arrays, no images, or a role names an array that is not there.
    """
    path = find_file(name, inventory, folder)
    try:
        with zipfile.ZipFile(path) as archive:
            shapes = {n.removesuffix(".npy"): _header(archive.open(n)) for n in archive.namelist()}
    except (zipfile.BadZipFile, ValueError, OSError, EOFError) as error:
        raise DataError(not_a("npz", name, path, inventory.shown, str(error))) from None
    if PIXELS not in shapes:
        found, do = ", ".join(shapes), f"store the pixels as the array {PIXELS!r}"
        raise DataError(Problem(f"inventory {name!r}: no array {PIXELS!r}", inventory.shown, found, do))
    shape = shapes[PIXELS]
    if len(shape) not in (3, 4) or not shape[0]:
        what = f"inventory {name!r}: there are no images in it" if len(shape) in (3, 4) else "unusual shape of images"
        do = "store them as (n, height, width) or (n, height, width, channels)"
        raise DataError(Problem(what, inventory.shown, f"shape {shape}", do))
    beside = tuple(n for n in shapes if n != PIXELS)
    problems = []
    for role in ("label", "id", "group", "weight"):
        array = getattr(inventory, role)
        if array is not None and array not in beside:
            what = f"inventory {name!r}: no array {array!r}, which the plan gives as {role}"
            problems.append(Problem(what, inventory.shown, ", ".join(beside), suggestion(array, beside)))
        elif array is not None and shapes[array][:1] != shape[:1]:
            what = f"inventory {name!r}: {array!r} is not as long as the images"
            problems.append(Problem(what, inventory.shown, f"{shapes[array]} and {shape}"))
    if problems:
        raise DataError(*problems)
    return ImagesFacts(path, sha256_of_file(path), beside, shape)


def _header(stream: IO[bytes]) -> tuple[int, ...]:
    """Shape of a ``.npy`` array from its header; ``ValueError`` if it is none or would have to be unpickled."""
    magic = stream.read(8)
    if magic[:6] != b"\x93NUMPY":
        raise ValueError("an array in it has no NumPy header")
    length = int.from_bytes(stream.read(2 if magic[6] == 1 else 4), "little")
    if length > 10_000:
        raise ValueError("an array in it has a header that is too long")
    header = ast.literal_eval(stream.read(length).decode("latin-1"))
    if "O" in str(header["descr"]):
        raise ValueError("an array in it holds Python objects; store text as fixed-width strings")
    return tuple(int(n) for n in header["shape"])
