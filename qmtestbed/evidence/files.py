"""Writing by rename, so that no reader ever sees half a file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path


def write(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file whole or not at all, from its bytes or from pieces of them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    with partial.open("wb") as stream:
        stream.writelines((content,) if isinstance(content, bytes) else content)
    partial.replace(path)


def copy(source: Path, path: Path) -> None:
    """Copy a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    shutil.copyfile(source, partial)
    partial.replace(path)
