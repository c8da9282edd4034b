"""What lies in a run folder, and whether it may: each file listed, whole, and a plain file inside the folder."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from qmtestbed.digests import sha256_of_file
from qmtestbed.types.evidence import Bundle, BundleEntry
from qmtestbed.types.verification import Fault

DERIVED = (
    "assessment.json", "attestation.json", "bundle.json", "bundle.sig", "mlflow.json", "notes.jsonl", "views.json",
)  # fmt: skip
"""Files that are no evidence, by name; pages are listed in ``views.json``, and ``logs/`` is exempt."""

_RESTORE = "restore it from where the run was made, or run again"


def inside(path: str) -> bool:
    """Whether a path, as a list names it, stays inside the folder and is spelled the one way."""
    pure = PurePosixPath(path)
    odd = "\\" in path or "\0" in path or not path or ".." in pure.parts or pure.is_absolute()
    return not odd and pure.as_posix() == path != "."


def faults_of_files(folder: Path, bundle: Bundle, views: Collection[str]) -> Iterator[Fault]:
    """Find every file that is missing, altered, listed nowhere, or no plain file.

    Parameters
    ----------
    folder
        The run folder.
    bundle
        Its list of evidence.
    views
        Paths of its pages.
    """
    plain, odd = _lying(folder)
    paths = [entry.path for entry in bundle.files]
    if paths != sorted(set(paths)):
        yield Fault("bundle.json", "names a file twice, or not in order", do=_RESTORE)
    yield from (fault for entry in bundle.files if (fault := _fault_of(entry, folder, plain)))
    for path, kind in sorted(odd.items()):
        yield Fault(path, f"is {kind}, and only plain files may lie here", do="remove it")
    for path in sorted(plain - {*paths, *DERIVED, *views}):
        yield Fault(path, "is listed nowhere", do="remove it, if nobody is known to have put it here for a reason")


def _fault_of(entry: BundleEntry, folder: Path, plain: Collection[str]) -> Fault | None:
    if not inside(entry.path) or entry.path in DERIVED or entry.path.startswith("logs/"):
        return Fault(entry.path, "is listed in bundle.json and can't be evidence", do=_RESTORE)
    if entry.path not in plain:
        return Fault(entry.path, "is missing", do=_RESTORE)
    path = folder / entry.path
    size = path.stat().st_size
    if size != entry.size:
        return Fault(entry.path, "is altered", f"{size:,} bytes, listed {entry.size:,}", _RESTORE)
    digest = sha256_of_file(path)
    if digest != entry.sha256:
        return Fault(entry.path, "is altered", f"sha256 {digest[:16]}, listed {entry.sha256[:16]}", _RESTORE)
    return None


def _lying(folder: Path) -> tuple[set[str], dict[str, str]]:
    """Give what lies in a folder, ``logs/`` left out: plain files, and everything else with what it is."""
    plain: set[str] = set()
    odd: dict[str, str] = {}
    for place, folders, names in os.walk(folder):
        here = Path(place)
        if here == folder and "logs" in folders and not (here / "logs").is_symlink():
            folders.remove("logs")
        for path in (here / name for name in (*folders, *names)):
            relative = path.relative_to(folder).as_posix()
            if path.is_symlink():
                odd[relative] = "a link"
            elif path.is_file():
                plain.add(relative)
            elif not path.is_dir():
                odd[relative] = "a device, pipe or socket"
    return plain, odd
