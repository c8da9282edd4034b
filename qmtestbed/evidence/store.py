"""The store: records of earlier runs by job key, so that nothing is computed twice.

Only measured and undefined records are kept, never failures and never those of an AIT that says it is volatile. An
entry is a folder that appears by one rename, so that runs at the same time don't disturb each other. What is read is
hashed again; an entry that is damaged is no entry.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from qmtestbed.digests import sha256_of_file
from qmtestbed.types.codec import DecodeError, canonical, decode
from qmtestbed.types.record import Record

VERSION = "v1"
REUSABLE = ("measured", "undefined")


@dataclass(frozen=True)
class StoreInfo:
    """How much a store holds."""

    path: Path
    entries: int
    size: int


def default_path() -> Path:
    """``$QMTESTBED_STORE``, else a folder in the user's cache."""
    named = os.environ.get("QMTESTBED_STORE")
    if named:
        return Path(named)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "qmtestbed"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qmtestbed"


class Store:
    """Records by job key, in a folder that only the parent writes to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._root = path / VERSION

    def get(self, key: str, isolation: tuple[str, ...]) -> tuple[Record, Mapping[str, Path]] | None:
        """Give a record made under just these layers of isolation, marked as reused, and its resources by SHA-256."""
        folder = self._entry(key)
        try:
            record = decode(Record, json.loads((folder / "record.json").read_bytes()))
            whole = (folder / "evidence.sha256").read_text("ascii") == record.evidence_digest
        except (OSError, ValueError, DecodeError):
            return None
        files = {r.sha256: folder / r.sha256 for r in record.resources.values()}
        whole = whole and all(path.is_file() and sha256_of_file(path) == sha256 for sha256, path in files.items())
        if not whole or record.key != key or record.isolation != isolation:
            return None
        return replace(record, reused=True), files

    def put(self, record: Record, files: Mapping[str, Path]) -> None:
        """Keep a record, if it is of a kind that may be used again; a store that can't be written to is no error."""
        folder = self._entry(record.key)
        if record.status not in REUSABLE or record.volatile or record.reused:
            return
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            made = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
        except OSError:
            return
        try:
            for stored in record.resources.values():
                shutil.copyfile(files[stored.sha256], made / stored.sha256)
            (made / "record.json").write_bytes(canonical(record))
            (made / "evidence.sha256").write_text(record.evidence_digest, "ascii")
            self._appear(made, folder)
        except OSError:
            shutil.rmtree(made, ignore_errors=True)

    def _appear(self, made: Path, folder: Path) -> None:
        """Put an entry in its place by a rename; one that is there already is replaced, for it was not usable."""
        try:
            made.rename(folder)
        except OSError:
            old = Path(tempfile.mkdtemp(prefix=".old-", dir=folder.parent))
            folder.rename(old / "entry")
            made.rename(folder)
            shutil.rmtree(old, ignore_errors=True)

    def info(self) -> StoreInfo:
        """Count entries and bytes."""
        entries = list(self._entries())
        size = sum(p.stat().st_size for entry in entries for p in entry.iterdir())
        return StoreInfo(self.path, len(entries), size)

    def clear(self) -> StoreInfo:
        """Remove every entry; give what there was."""
        before = self.info()
        shutil.rmtree(self._root, ignore_errors=True)
        return before

    def _entry(self, key: str) -> Path:
        return self._root / key[:2] / key

    def _entries(self) -> Iterator[Path]:
        yield from (p for p in self._root.glob("??/*") if not p.name.startswith("."))
