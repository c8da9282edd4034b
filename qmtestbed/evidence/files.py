"""Writing by rename, so that no reader ever sees half a file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

Content = bytes | Iterable[bytes]


def write(path: Path, content: Content) -> None:
    """Write a file whole or not at all, from its bytes or from pieces of them."""
    with staged([(path, content)]):
        pass


@contextmanager
def staged(contents: Sequence[tuple[Path, Content]]) -> Iterator[list[Path]]:
    """Write files whole, and none of them where making one fails; they appear in the order given, at the end.

    Gives the paths where they wait.
    """
    partials = [(path, path.with_name(f".{path.name}.{os.getpid()}.part")) for path, _ in contents]
    try:
        for (path, partial), (_, content) in zip(partials, contents, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as stream:
                stream.writelines((content,) if isinstance(content, bytes) else content)
        yield [partial for _, partial in partials]
        for path, partial in partials:
            partial.replace(path)
    finally:
        for _, partial in partials:
            partial.unlink(missing_ok=True)


def copy(source: Path, path: Path) -> None:
    """Copy a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    shutil.copyfile(source, partial)
    partial.replace(path)
