"""What verifying a run folder found: every fault, and what could not be compared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One file that is not what it should be."""

    path: str
    what: str
    found: str = ""
    do: str = ""


@dataclass(frozen=True)
class NotCompared:
    """One file that could not be made again, and why; its digest was compared all the same."""

    path: str
    why: str


@dataclass(frozen=True)
class Verification:
    """A run folder, verified.

    Attributes
    ----------
    files, views, remarks
        How many files of evidence, pages and remarks there are.
    faults
        Everything that is wrong; nothing if the folder is whole.
    not_compared
        Pages that were made by another version, or could not be made again because of a fault.
    signature
        Who signed, and whether that was checked; says so as well if nobody did.
    """

    files: int
    views: int
    remarks: int
    faults: tuple[Fault, ...]
    not_compared: tuple[NotCompared, ...]
    signature: str

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults
