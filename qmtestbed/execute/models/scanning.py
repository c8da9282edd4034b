"""Scans the files of a model that run code on loading, in the child, before anything is loaded.

modelscan reads a pickle's instructions without carrying them out and knows the functions that attacks use: it finds
the known, not the unknown, so that what holds in any case are the layers of isolation. Which bytes are a pickle is told
here and not by the file's ending, as modelscan does by default: it skips a pickle called ``model``, and of a torch file
of the old format it reads the first of five pickles only (0.8.8).
"""

from __future__ import annotations

import importlib.metadata
import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qmtestbed.errors import ModelFault
from qmtestbed.execute.models.boundary import first_bytes
from qmtestbed.execute.models.packages import versions
from qmtestbed.modelfiles import RunsCode, code_run_by, doubts, member
from qmtestbed.types.job import JobInput

MAX_SHOWN = 5
_DO = "log it as skops, pt2 or onnx; if you know what it does, --trust any loads it in the sandbox all the same"
OF_TORCH = (".pth", ".pt", ".ckpt")
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True)
class Scan:
    """What a scan found.

    Attributes
    ----------
    scanner
        Name and version.
    clean
        Files in which nothing dangerous was found.
    dangerous
        ``file: module.function`` each.
    unread
        Files that loading unpickles and that could not be scanned, with the reason.
    unread_beside
        The same of files that only the model's own code may open.
    code
        Code of the model's own, which no scanner reads.
    """

    scanner: str
    clean: tuple[str, ...]
    dangerous: tuple[str, ...]
    unread: tuple[str, ...]
    unread_beside: tuple[str, ...]
    code: tuple[str, ...]

    def __str__(self) -> str:
        parts = []
        if self.dangerous:
            parts.append("dangerous: " + _some(self.dangerous))
        if self.unread or self.unread_beside:
            parts.append("could not be scanned: " + _some((*self.unread, *self.unread_beside)))
        if self.clean:
            parts.append(f"{_some(self.clean)}: nothing dangerous found")
        if self.code:
            parts.append(f"code of its own, not scanned: {_some(self.code)}")
        return f"{self.scanner}: " + "; ".join(parts)


def scan(source: JobInput, folder: Path, description: Mapping[str, Any]) -> Scan | None:
    """Scan whatever of a model runs code on loading; ``None`` if nothing does.

    Raises
    ------
    ModelFault
        With the default trust: something dangerous was found, or a file that loading unpickles could not be scanned.
        With ``any`` it is only told.
    """
    flavour = source.flavour or "python_function"
    runs = code_run_by(folder, flavour, description)
    if runs == RunsCode():
        return None
    found = _scan(folder, runs)
    if source.trust == "any" or not (found.dangerous or found.unread):
        return found
    what = f"the model {source.name} would run dangerous code on loading, and was not loaded"
    said = f"{_some(found.dangerous)} ({found.scanner})"
    if not found.dangerous:
        what = f"the model {source.name} can't be loaded: a file that it unpickles could not be scanned"
        files = "; ".join(first_bytes(member(folder, name)) for name in runs.pickled)
        written = versions(flavour, description["flavors"][flavour] or {})
        said = f"{_some(found.unread)}; {files}; {written} ({found.scanner})"
    fault = ModelFault(what, found=said, do=_DO)
    fault.facts["scanned"] = str(found)
    raise fault


def _scan(folder: Path, runs: RunsCode) -> Scan:
    clean: list[str] = []
    dangerous: list[str] = []
    unread: dict[bool, list[str]] = {True: [], False: []}
    for names, needed in ((runs.pickled, True), (runs.beside, False)):
        for name in names:
            found, reason = _scan_file(member(folder, name))
            dangerous += [f"{name}: {f}" for f in found]
            if reason:
                unread[needed].append(f"{name} ({reason})")
            elif not found:
                clean.append(name)
    scanner = f"modelscan {importlib.metadata.version('modelscan')}"
    return Scan(scanner, tuple(clean), tuple(dangerous), tuple(unread[True]), tuple(unread[False]), runs.code)


def _scan_file(path: Path) -> tuple[list[str], str]:
    """Give the dangerous functions that a file names, and why it could not be scanned, if so."""
    if not path.is_file():
        return [], "no such file"
    if path.suffix == ".pt2":
        return [], "; ".join(doubts(path)[:MAX_SHOWN])
    found: set[str] = set()
    try:
        for label, content in _pickles(path):
            dangerous, reason = _scan_pickle(label, content)
            found.update(dangerous)
            if reason:
                return sorted(found), reason
    except (zipfile.BadZipFile, RuntimeError, ValueError, LookupError, TypeError, OSError) as error:
        return sorted(found), f"{type(error).__name__}: {error}"
    return sorted(found), ""


def _pickles(path: Path) -> Iterator[tuple[str, io.BufferedIOBase]]:
    """Give each pickle of a file: itself, or those in an archive as torch writes it."""
    with path.open("rb") as stream:
        archived = stream.read(len(_ZIP)) == _ZIP
        stream.seek(0)
        if not archived:
            if path.suffix in OF_TORCH:
                raise ValueError("not an archive, as torch has written them since 1.6")
            yield path.name, stream
            return
        with zipfile.ZipFile(stream) as archive:
            # Whatever the case of their names, in which torch finds its entry, and also two of the same name.
            entries = [e for e in archive.infolist() if e.filename.lower().endswith(".pkl")]
            if not entries:
                raise ValueError("an archive without a pickle, where torch writes one")
            for entry in entries:
                yield entry.filename, io.BytesIO(archive.read(entry))


def _scan_pickle(label: str, content: io.BufferedIOBase) -> tuple[list[str], str]:
    from modelscan.model import Model
    from modelscan.scanners.pickle.scan import PickleUnsafeOpScan
    from modelscan.settings import DEFAULT_SETTINGS, SupportedModelFormats

    model = Model(label, content)
    model.set_context("formats", [SupportedModelFormats.PICKLE])
    results = PickleUnsafeOpScan(DEFAULT_SETTINGS).scan(model)
    if results is None or results.skipped:
        return [], "the scanner left it out"
    found = sorted(f"{i.details.module}.{i.details.operator}" for i in results.issues)
    lines = [str(e.message).strip().splitlines()[-1] for e in results.errors]
    return found, "; ".join(lines[:1])


def _some(names: tuple[str, ...]) -> str:
    more = f" … {len(names)} in all" if len(names) > MAX_SHOWN else ""
    return ", ".join(names[:MAX_SHOWN]) + more
