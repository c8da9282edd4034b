"""A run folder that comes as a ZIP file: unpacked beside nothing else, bounded, and removed afterwards."""

from __future__ import annotations

import errno
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from qmtestbed.errors import InputError, IntegrityError, Problem
from qmtestbed.evidence.contents import inside

LARGEST = 4 * 2**30
"""Bytes that an archive may hold when unpacked."""

MOST = 50_000
"""Files that it may hold."""

RATIO = 200
"""How many times larger than its file it may become; what is below :data:`SMALL` is let be."""

SMALL = 64 * 2**20


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """Give a run folder: the folder itself, or a ZIP file of one, unpacked as long as it is needed.

    Raises
    ------
    InputError
        There is nothing, or something that is neither.
    IntegrityError
        The archive is damaged, or holds what no run folder does: paths that lead out of it, links, a bomb.
    """
    if path.is_dir():
        yield path
        return
    if not path.is_file() or not zipfile.is_zipfile(path):
        do = "give the folder of a finished run, or a ZIP file of one"
        raise InputError(Problem("this is no run", str(path), "" if path.exists() else "no such file or folder", do))
    with tempfile.TemporaryDirectory(prefix="qmt-verify-") as scratch:
        target = Path(scratch, "run")
        target.mkdir()
        _unpack(path, target)
        yield _root(target)


def _root(folder: Path) -> Path:
    """Give the one folder that everything lies in, if the archive was made of it and not of its content."""
    lying = list(folder.iterdir())
    return lying[0] if len(lying) == 1 and lying[0].is_dir() else folder


def _unpack(path: Path, target: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _look_at(members, path)
            for member in members:
                _extract(archive, member, target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise  # the host's fault, not the archive's
        found = f"{type(error).__name__}: {error}"[:200]
        raise IntegrityError(Problem("the archive is damaged", str(path), found, "fetch it again")) from None


def _look_at(members: Sequence[zipfile.ZipInfo], path: Path) -> None:
    """Refuse before anything is written what should not be."""
    size = sum(m.file_size for m in members)
    if len(members) > MOST or size > LARGEST or size > max(SMALL, RATIO * path.stat().st_size):
        found = f"{len(members):,} files, {size:,} bytes unpacked"
        do = "unpack it where there is room, and verify the folder"
        raise IntegrityError(Problem("the archive is too large to be unpacked here", str(path), found, do))
    names = [m.filename.removesuffix("/") for m in members]
    for member, name in zip(members, names, strict=True):
        kind = stat.S_IFMT(member.external_attr >> 16)
        if not inside(name) or ":" in name.split("/")[0]:
            raise IntegrityError(Problem("the archive names a place outside of itself", str(path), ascii(name)[:200]))
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise IntegrityError(Problem("the archive holds a link or device", str(path), ascii(name)[:200]))
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            do = "pack it as ZIP programs do by default"
            raise IntegrityError(Problem("the archive is packed in an unusual way", str(path), ascii(name)[:200], do))
        if member.flag_bits & 1:
            raise IntegrityError(Problem("the archive is encrypted", str(path), do="decrypt it first"))
    if len(set(names)) < len(names):
        raise IntegrityError(Problem("the archive holds a file twice", str(path)))


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    place = target / member.filename
    if member.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    # Reading stops at the size that the archive states for the file, and compares its checksum.
    with archive.open(member) as source, place.open("xb") as stream:
        shutil.copyfileobj(source, stream)
