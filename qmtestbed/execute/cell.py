"""Entering the layers of isolation that the parent asks for: the first thing that a child does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from qmtestbed.execute.sandbox import Confinement, enter
from qmtestbed.types.codec import decode

CONFINEMENT = "confinement.json"
"""Which layers of isolation the job is to enter, and what it may use inside of them; written by the parent."""


@dataclass(frozen=True)
class Cell:
    """The layers to enter, and what is to be had inside."""

    layers: tuple[str, ...]
    confinement: Confinement


def confine(folder: Path) -> None:
    """Enter the layers that the parent asks for; a job that can't has no result, so that it never runs without them."""
    cell = decode(Cell, json.loads((folder / CONFINEMENT).read_bytes()))
    enter(cell.confinement, cell.layers)
