"""Standard output and error for as long as a command runs: nothing that others wrote acts on a terminal or a CI log."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from qmtestbed.foreign import inert, printable


class Guarded:
    """A text stream that makes all that is written to it inert; characters it can't encode are named, too."""

    def __init__(self, stream: TextIO) -> None:
        self.bare = stream
        self._begins = True

    def write(self, text: str) -> int:
        """Write ``text``, inert."""
        shown, encoding = printable(text, begins=self._begins), self.bare.encoding or "utf-8"
        self.bare.write(shown.encode(encoding, "backslashreplace").decode(encoding))
        _, feed, last = text.rpartition("\n")
        self._begins = not last.strip() and (bool(feed) or self._begins)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        """Be the stream in everything else."""
        return getattr(self.bare, name)


@contextmanager
def guarded() -> Iterator[None]:
    """Guard standard output and error; inside of another ``guarded`` they are already."""
    kept = sys.stdout, sys.stderr
    if not isinstance(sys.stdout, Guarded):
        sys.stdout, sys.stderr = (cast(TextIO, Guarded(stream)) for stream in kept)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = kept


def bare(stream: TextIO) -> TextIO:
    """Give the stream behind a guarded one: for what we ourselves mean to act."""
    return stream.bare if isinstance(stream, Guarded) else stream


def say(line: object = "") -> None:
    """Print one line, whatever is in it: no text of others can pass for a line of ours."""
    print(inert(str(line), 4000))
