"""An environment of an AIT's own: what is installed in it, and who provides it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Isolated:
    """A virtual environment that holds what one AIT (or several with the same requirements) asked for.

    Attributes
    ----------
    folder
        Where this machine has it.
    libraries
        Every distribution in it, with its version.
    sha256
        Digest over the content of every distribution, as their wheels state it; the same on every machine.
    """

    folder: str
    libraries: Mapping[str, str]
    sha256: str


def interpreter(folder: Path) -> Path:
    """Give the interpreter of the virtual environment in a folder."""
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"


class Environments(Protocol):
    """Who provides environments."""

    def get(self, requirements: Sequence[str]) -> Isolated | str:
        """Give the environment for requirements such as ``fairlearn==0.13``; or say why it can't be made."""
