"""SHA-256 over files, folders and values: what evidence is pinned by.

MLflow's own data set digest covers only the first 10,000 rows, so it is a name and never evidence; these cover
every byte.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from qmtestbed.types.codec import canonical

# MLflow writes this file into a model's folder when the model is loaded by its registered name.
_NOT_CONTENT = frozenset({"registered_model_meta", "__pycache__"})
_TESTS = frozenset({"__pycache__", "example"})


def sha256_of_file(path: Path) -> str:
    """Digest of every byte of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of_value(value: Any) -> str:
    """Digest of a value in its canonical form."""
    return hashlib.sha256(canonical(value)).hexdigest()


def sha256_of_model(folder: Path) -> str:
    """Digest of a logged model: relative paths and contents of all its files, but for what loading adds."""
    return _tree(folder, _NOT_CONTENT, tests=True)


def sha256_of_code(folder: Path) -> str:
    """Digest of an AIT: its manifest, code and data files; tests, examples and caches left out."""
    return _tree(folder, _TESTS, tests=False)


def _tree(folder: Path, left_out: Collection[str], *, tests: bool) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if not path.is_file() or not relative.parts or set(left_out) & set(relative.parts):
            continue
        if not tests and relative.name.startswith("test_"):
            continue
        digest.update(relative.as_posix().encode() + b"\0" + bytes.fromhex(sha256_of_file(path)))
    return digest.hexdigest()


@functools.cache
def sha256_of_measuring_code() -> str:
    """Digest of our own code that a measured number depends on."""
    package = Path(__file__).parent
    digest = hashlib.sha256((package / "ait.py").read_bytes())
    for folder in ("measuring", "execute"):
        digest.update(bytes.fromhex(_tree(package / folder, _TESTS, tests=False)))
    return digest.hexdigest()
