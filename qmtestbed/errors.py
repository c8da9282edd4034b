"""Every exception that qmtestbed raises on purpose, and the exit codes.

::

    QmtestbedError                       exit 3
    ├── InputError                       exit 4   wrong usage or bad input; carries all problems at once
    │   ├── PlanError                             a plan, or a criterion in it
    │   ├── ContentError                          an AIT, guideline or template that can't be used
    │   ├── ModelError                            a model that can't be found or read, or does not fit the data
    │   └── DataError                             a data file that can't be found, read or used
    ├── IntegrityError                   exit 5   evidence, data or a model is not what it was pinned to
    └── JobError                         (none)   raised in a child only; becomes the error of a record
        ├── ModelFault                            the model at fault: can't be loaded, wrong outputs
        ├── AitFault                              the AIT at fault: broke its contract
        └── NeedNotMet                            a capability that only loading could tell; status unsupported

Foreign exceptions are mapped at two boundaries only: the outermost frame of the worker, and the place that
calls the foreign library (``resolve`` for MLflow and files, ``execute.loading`` for models).
"""

from __future__ import annotations

import difflib
import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qmtestbed.foreign import inert


class ExitCode(enum.IntEnum):
    """What a command tells the shell."""

    MET = 0
    NOT_MET = 1
    UNDETERMINED = 2
    INTERNAL = 3
    USAGE = 4
    INTEGRITY = 5
    INTERRUPTED = 130


LONGEST = 1000
"""Characters of each part of a problem that are told."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: what, where, what was found, what to do; told as inert text, a line for each part."""

    what: str
    where: str = ""
    found: str = ""
    do: str = ""

    def __str__(self) -> str:
        what, where, found, do = (inert(part, LONGEST) for part in (self.what, self.where, self.found, self.do))
        lines = [f"{where}: {what}" if where else what]
        if found:
            lines.append(f"  found: {found}")
        if do:
            lines.append(f"  do:    {do}")
        return "\n".join(lines)


class QmtestbedError(Exception):
    """Base of all; an error that is none of the kinds below is a fault of ours."""

    exit_code = ExitCode.INTERNAL


class InputError(QmtestbedError):
    """Wrong usage or bad input: holds every problem that was found, not only the first."""

    exit_code = ExitCode.USAGE

    def __init__(self, *problems: Problem) -> None:
        self.problems: tuple[Problem, ...] = problems
        super().__init__("\n".join(str(p) for p in problems))


class PlanError(InputError):
    """A plan, or a criterion in it, that can't be used."""


class ContentError(InputError):
    """An AIT, guideline or report template that can't be used."""


class ModelError(InputError):
    """A model that can't be found or read; or it, or predictions in its place, do not fit the data."""


class DataError(InputError):
    """A data file that can't be found, read or used."""


class IntegrityError(QmtestbedError):
    """Something is not what it was pinned to."""

    exit_code = ExitCode.INTEGRITY

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


SEE_LOG = "see its log in the run folder"


def see_log(samples: str) -> str:
    """Say where the log of a child is: nowhere, where nothing of single rows is kept."""
    return "run it with --samples ids to have its log" if samples == "none" else SEE_LOG


class JobError(QmtestbedError):
    """What went wrong inside a job; the worker turns it into the error of a record, with any facts found so far."""

    usual_do = SEE_LOG

    def __init__(self, what: str, *, found: str = "", do: str = "", quotes: str = "") -> None:
        """Take what went wrong; ``quotes`` is what single rows hold, and told only where that may be kept."""
        self.what, self.found, self.do, self.quotes = what, found, do or self.usual_do, quotes
        self.facts: dict[str, object] = {}
        super().__init__(what)


class ModelFault(JobError):
    """The model can't be loaded here, or its outputs can't be used."""

    usual_do = "mend the model, or what the plan says of it"


class AitFault(JobError):
    """The AIT broke its contract: an undeclared name, a wrong type, a value out of range."""

    usual_do = "mend measure.py, or what its ait.yaml declares"


class NeedNotMet(JobError):
    """The model or the data lack something the AIT needs, and only loading them could tell."""

    usual_do = "leave the check out, or bind what it needs"


def nearest(name: str, known: Iterable[str]) -> str:
    """Ask for the nearest of ``known``; an empty text where none is near, or where all are told already."""
    names: Sequence[str] = sorted(set(known))
    spelled = [n for n in names if n.casefold() == name.casefold()]
    near = spelled or difflib.get_close_matches(name, names, n=2, cutoff=0.6)
    return "did you mean " + " or ".join(repr(n) for n in near) + "?" if near else ""


def suggestion(name: str, known: Iterable[str]) -> str:
    """Name the nearest of ``known``, or all of them when few, as an instruction for the reader."""
    names: Sequence[str] = sorted(set(known))
    if near := nearest(name, names):
        return near
    if not names:
        return ""
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"known: {shown}"
