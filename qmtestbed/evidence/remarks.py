"""Remarks of people on a finished run: ``notes.jsonl``, append-only, each line chained to the one before.

The first line names the digest of ``bundle.json`` as what was before it, so that a remark belongs to this evidence and
to no other. What was altered, taken out or put in another order breaks the chain; that the last ones were cut off is
told by ``views.json``, which knows how many the pages show.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from qmtestbed.digests import sha256_of_file
from qmtestbed.errors import IntegrityError, Problem
from qmtestbed.evidence import files
from qmtestbed.types.codec import DecodeError, canonical, decode, parse_json
from qmtestbed.types.evidence import Remark, Views, last_digest

NAME = "notes.jsonl"
_DO = "restore it from where it was written"


def read(folder: Path, views: Views | None) -> tuple[Remark, ...]:
    """Read every remark, checked against the evidence, against each other, and against what the pages show.

    Raises
    ------
    IntegrityError
        A remark is altered, missing, or not where it was.
    """
    path = folder / NAME
    lines = path.read_bytes().splitlines(keepends=True) if path.is_file() else []
    remarks: list[Remark] = []
    previous = sha256_of_file(folder / "bundle.json")
    for n, line in enumerate(lines, 1):
        remark = _remark(line, f"{path}:{n}")
        if (remark.n, remark.previous) != (n, previous):
            what = "the chain of remarks is broken: one before this was altered, or it is not where it was"
            raise IntegrityError(Problem(what, f"{path}:{n}", f"previous {remark.previous[:16]}", _DO))
        remarks.append(remark)
        previous = remark.sha256
    if views is not None and last_digest(remarks[: views.remarks]) != views.remarks_sha256:
        what = "the pages were made with other remarks: one was altered or cut off"
        raise IntegrityError(Problem(what, str(path), f"{len(remarks)} remarks, {views.remarks} on the pages", _DO))
    return tuple(remarks)


def _remark(line: bytes, where: str) -> Remark:
    try:
        remark = decode(Remark, parse_json(line))
    except (DecodeError, ValueError) as error:
        raise IntegrityError(Problem("is no remark", where, str(error)[:200], _DO)) from None
    if canonical(remark) != line:
        raise IntegrityError(Problem("is not as it was written", where, do=_DO))
    return remark


def write(folder: Path, remarks: Sequence[Remark]) -> None:
    """Write all remarks; the file appears whole, or stays what it was."""
    files.write(folder / NAME, [canonical(r) for r in remarks])


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep others from adding a remark or rendering meanwhile: of two at the same time one would be lost.

    The folder itself is locked, as a file for it would be one that nobody lists.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
