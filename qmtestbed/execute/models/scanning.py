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

from qmtestbed.ait import Loading, ModelFile
from qmtestbed.errors import ModelFault
from qmtestbed.execute.models.boundary import first_bytes
from qmtestbed.execute.models.packages import versions
from qmtestbed.modelfiles import RunsCode, code_run_by, doubts, member, protocol_of
from qmtestbed.types.job import JobInput

MAX_SHOWN = 5
_DO = "log it as skops, pt2 or onnx; if you know what it does, --trust any loads it in the sandbox all the same"
EXPORTED = ".pt2"
OF_TORCH = (".pth", ".pt", ".ckpt")
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True)
class Scan:
    """What a scan found in the files of a model that run code on loading.

    Attributes
    ----------
    files
        Those that loading unpickles, and those beside them that only the model's own code may open.
    code
        Code of the model's own, which no scanner reads.
    """

    files: tuple[ModelFile, ...]
    code: tuple[str, ...] = ()

    @property
    def dangerous(self) -> tuple[str, ...]:
        """``file: module.function`` each."""
        return tuple(f"{f.path}: {name}" for f in self.files for name in f.dangerous)

    @property
    def unread(self) -> tuple[str, ...]:
        """Files that loading unpickles and that could not be scanned, with the reason."""
        return self._unread("unpickled")

    def _unread(self, loading: Loading) -> tuple[str, ...]:
        return tuple(f"{f.path} ({f.unread})" for f in self.files if f.unread and f.loading == loading)

    def __str__(self) -> str:
        parts = []
        unread = (*self.unread, *self._unread("beside"))
        clean = tuple(f.path for f in self.files if not f.dangerous and not f.unread)
        if self.dangerous:
            parts.append("dangerous: " + _some(self.dangerous))
        if unread:
            parts.append("could not be scanned: " + _some(unread))
        if clean:
            parts.append(f"{_some(clean)}: nothing dangerous found")
        if self.code:
            parts.append(f"code of its own, not scanned: {_some(self.code)}")
        return f"{_scanner()}: " + "; ".join(parts)


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
    found = Scan(scanned(folder, runs), runs.code)
    if source.trust == "any" or not (found.dangerous or found.unread):
        return found
    what = f"the model {source.name} would run dangerous code on loading, and was not loaded"
    said = f"{_some(found.dangerous)} ({_scanner()})"
    if not found.dangerous:
        what = f"the model {source.name} can't be loaded: a file that it unpickles could not be scanned"
        files = "; ".join(first_bytes(member(folder, name)) for name in runs.pickled)
        written = versions(flavour, description["flavors"][flavour] or {})
        said = f"{_some(found.unread)}; {files}; {written} ({_scanner()})"
    fault = ModelFault(what, found=said, do=_DO)
    fault.facts["scanned"] = str(found)
    raise fault


def scanned(folder: Path, runs: RunsCode) -> tuple[ModelFile, ...]:
    """Scan the files of a model that are pickles; none is loaded."""
    roles: tuple[tuple[Loading, tuple[str, ...]], ...] = (("unpickled", runs.pickled), ("beside", runs.beside))
    return tuple(_scanned(folder, name, loading) for loading, names in roles for name in names)


def _scanned(folder: Path, name: str, loading: Loading) -> ModelFile:
    path = member(folder, name)
    dangerous, unread = _scan_file(path)
    scanner = version_of("qmtestbed") if path.suffix == EXPORTED else _scanner()
    return ModelFile(name, size_of(path), form_of(path), loading, tuple(dangerous), unread=unread, scanner=scanner)


def form_of(path: Path) -> str:
    """Say what a file is, by its first bytes or its ending."""
    if not path.is_file():
        return "missing"
    if zipfile.is_zipfile(path):
        return {".skops": "skops", EXPORTED: "torch.export"}.get(path.suffix, "archive")
    protocol = protocol_of(path)
    return path.suffix.lstrip(".") or "no ending" if protocol is None else f"pickle, protocol {protocol}"


def size_of(path: Path) -> int:
    """Size of a file in bytes; 0 if there is none."""
    return path.stat().st_size if path.is_file() else 0


def version_of(distribution: str) -> str:
    """Name a distribution with its version."""
    return f"{distribution} {importlib.metadata.version(distribution)}"


def _scanner() -> str:
    return version_of("modelscan")


def _scan_file(path: Path) -> tuple[list[str], str]:
    """Give the dangerous functions that a file names, and why it could not be scanned, if so."""
    if not path.is_file():
        return [], "no such file"
    if path.suffix == EXPORTED:
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
