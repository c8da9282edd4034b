"""What every command of the pipeline takes and gives."""

from __future__ import annotations

import html
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from qmtestbed.ait import Samples
from qmtestbed.catalogue import Catalogue
from qmtestbed.environments import VirtualEnvironments
from qmtestbed.errors import ExitCode, InputError, Problem, suggestion
from qmtestbed.evidence import RunFolder, Store, default_path
from qmtestbed.execute import Isolation
from qmtestbed.resolve import Loading
from qmtestbed.types.assessment import Assessment, Require, RunVerdict
from qmtestbed.types.evidence import Evidence, Logged
from qmtestbed.types.job import Job, Trust
from qmtestbed.types.record import Record
from qmtestbed.types.text import Language

_CENTURY = 100 * 365.25 * 86400


def _is_day(text: object) -> bool:
    try:
        return isinstance(text, str) and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


@dataclass(frozen=True)
class Options:
    """How to run, beside what the plan says.

    Attributes
    ----------
    out
        Run folder; by default the next free ``qmt-runs/<component>-<n>``.
    jobs
        How many checks run at once; by default one per core.
    require
        What the exit code looks at.
    language
        Of the page.
    aits, guidelines, reports
        Folders with more of them.
    templates
        Further pages to make: ids of report templates, or paths of their folders.
    pdf
        Whether each page of the command ``report`` is made as PDF, too.
    as_of
        Day of the assessment as an ISO date; by default today.
    cache
        Whether records of earlier runs are used, and those of this one kept for later.
    log
        Whether the assessment is written to MLflow at the end.
    max_age
        How old evidence may be to be used again, in seconds; by default any age.
    isolation
        ``sandbox``: every layer that this host offers; ``process``: limits only; ``none``: a child process, no more.
    trust
        Of models that run code on loading: ``strict`` refuses them, ``scanned`` loads those in which a scan finds
        nothing dangerous, ``any`` loads all; ``None`` is ``scanned``, but refuses them with the isolation ``none``.
    since
        Folder of an earlier run; the page says what changed since.
    allow_build
        Whether an environment of an AIT's own may hold distributions without a wheel: building them runs their code.
    samples
        How much of single rows the run folder may hold: ``none``, nothing; ``ids``, which rows they are, by their
        number; ``full``, also what stands in them, but for columns with the roles id and sensitive.
    """

    out: Path | None = None
    jobs: int | None = None
    require: Require = "criteria"
    language: Language = "en"
    aits: tuple[Path, ...] = ()
    guidelines: tuple[Path, ...] = ()
    reports: tuple[Path, ...] = ()
    templates: tuple[str, ...] = ()
    pdf: bool = False
    as_of: str | None = None
    cache: bool = True
    isolation: Isolation = "sandbox"
    trust: Trust | None = None
    log: bool = False
    max_age: float | None = None
    since: Path | None = None
    allow_build: bool = False
    samples: Samples = "ids"

    def __post_init__(self) -> None:
        """Refuse what is no option: a misspelt requirement or isolation would ask for less than was meant.

        Raises
        ------
        InputError
            With every value that can't be used.
        """
        problems = [*self._unknown_words(), *self._wrong_numbers()]
        if problems:
            raise InputError(*problems)

    def _unknown_words(self) -> Iterator[Problem]:
        words = {"require": Require, "language": Language, "isolation": Isolation, "trust": Trust, "samples": Samples}
        for name, hint in words.items():
            value, known = getattr(self, name), typing.get_args(hint)
            if value not in known and not (name == "trust" and value is None):
                yield Problem(f"{name}: unknown value {value!r}", "options", do=suggestion(str(value), known))

    def _wrong_numbers(self) -> Iterator[Problem]:
        if self.jobs is not None and not (isinstance(self.jobs, int) and self.jobs >= 1):
            yield Problem("jobs: not a whole number of at least 1", "options", repr(self.jobs))
        if self.max_age is not None and not (isinstance(self.max_age, (int, float)) and 0 <= self.max_age <= _CENTURY):
            yield Problem("max_age: not a number of seconds in [0, 100 years]", "options", repr(self.max_age))
        if self.as_of is not None and not _is_day(self.as_of):
            yield Problem("as_of: not a date such as 2026-11-01", "options", repr(self.as_of))

    def run_folder(self, path: Path) -> RunFolder:
        """Give a run's folder that takes what it may from the store."""
        if self.max_age is None:
            return RunFolder(path, self.store())
        oldest = datetime.now(UTC) - timedelta(seconds=self.max_age)
        return RunFolder(path, self.store(), oldest.isoformat(timespec="milliseconds"))

    def store(self) -> Store | None:
        """Records of earlier runs, if they may be used."""
        return Store(default_path()) if self.cache else None

    def environments(self, tell: Callable[[str], None] = lambda _: None) -> VirtualEnvironments:
        """Environments of AITs that have one of their own; kept whether or not records are."""
        return VirtualEnvironments(default_path(), self.allow_build, tell)

    def loading(self) -> Loading:
        """Which models may be loaded that run code on loading."""
        return Loading(self.trust, contained=self.isolation != "none")

    def catalogue(self) -> Catalogue:
        """Everything installed, and what the options add; :class:`ContentError` if a template can't be used."""
        catalogue = Catalogue(self.aits, self.guidelines, self.reports)
        for name in self.templates:
            catalogue.report(name)  # before anything is measured
        return catalogue


@dataclass(frozen=True)
class Outcome:
    """A finished run: where it is, what it found, and what to tell the shell.

    ``verdict`` is that of the whole, in words; where waivers were accepted the exit code alone would call it met.
    ``logged`` is where it was written to in MLflow, ``not_logged`` why it could not be.
    """

    folder: Path
    assessment: Assessment
    evidence: Evidence
    exit_code: ExitCode
    verdict: RunVerdict
    page: Path
    logged: Logged | None = None
    not_logged: str = ""

    def _repr_html_(self) -> str:
        """Show the page inside a notebook; its styles stay inside a frame of its own."""
        page = html.escape(self.page.read_text("utf-8"), quote=True)
        style = "width:100%;height:48rem;border:1px solid #8888"
        return f'<iframe srcdoc="{page}" sandbox="" title="qmtestbed report" style="{style}"></iframe>'


class Silent:
    """Progress that tells nobody."""

    def preparing(self, what: str) -> None:
        """Tell nothing."""

    def planned(self, jobs: Sequence[Job], checks: Mapping[str, str]) -> None:
        """Tell nothing."""

    def found(self, job: Job, record: Record) -> None:
        """Tell nothing."""

    def started(self, job: Job) -> None:
        """Tell nothing."""

    def finished(self, job: Job, record: Record) -> None:
        """Tell nothing."""

    def ended(self) -> None:
        """Tell nothing."""
