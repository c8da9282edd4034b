"""What a published site keeps of each run: all that its history, badges and comparisons are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from qmtestbed.types.assessment import Headlines, LevelVerdict, Require, RunVerdict, Verdict, WaiverState
from qmtestbed.types.codec import Shape


@dataclass(frozen=True, slots=True)
class PublishedInput:
    """A model or data file of a run, by what it was pinned to; ``version`` is a registered model with its version."""

    name: str
    kind: Literal["model", "predictions", "data"]
    sha256: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class PublishedLevel:
    """An external level that was asked for, and how far it was reached."""

    guideline: str
    dimension: str
    target: str
    verdict: LevelVerdict
    reached: str | None = None


@dataclass(frozen=True, slots=True)
class PublishedCriterion:
    """A criterion judged; see :class:`qmtestbed.types.assessment.CriterionVerdict` for its numbers."""

    check: str
    text: str
    verdict: Verdict
    value: float | None = None
    low: float | None = None
    high: float | None = None
    bound: tuple[float | None, float | None] = (None, None)
    key: str | None = None
    n: int | None = None
    waiver: WaiverState | None = None

    @property
    def waived(self) -> bool:
        """As :attr:`qmtestbed.types.assessment.CriterionVerdict.waived`."""
        return self.waiver is not None and self.waiver.state == "waived"


@dataclass(frozen=True, slots=True)
class PublishedPage:
    """A file of the run that lies beside this one."""

    path: str
    template: str
    language: str


@dataclass(frozen=True, slots=True)
class Published:
    """One run in brief (``qmtestbed/published/v1``); ``verdict`` is that of the whole, by what ``require`` looks at."""

    schema: Literal["qmtestbed/published/v1"]
    component: str
    as_of: str
    run: str
    require: Require
    verdict: RunVerdict
    headlines: Headlines
    levels: tuple[PublishedLevel, ...]
    criteria: tuple[PublishedCriterion, ...]
    inputs: tuple[PublishedInput, ...]
    pages: tuple[PublishedPage, ...] = ()


@dataclass(frozen=True, slots=True)
class SiteRun:
    """A run of a site, and the folder in it that holds its pages."""

    component: str
    as_of: str
    run: str
    verdict: RunVerdict
    folder: Annotated[str, Shape(doc="relative to the site")]


@dataclass(frozen=True, slots=True)
class Site:
    """Every run of a published site (``qmtestbed/site/v1``), by component, then oldest first."""

    schema: Literal["qmtestbed/site/v1"]
    runs: tuple[SiteRun, ...]
