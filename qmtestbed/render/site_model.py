"""The view model of a published site: plain frozen values, as :mod:`qmtestbed.render.model` has them for a report."""

from __future__ import annotations

from dataclasses import dataclass

from qmtestbed.render.model import Digest, WaiverView
from qmtestbed.render.text import Svg
from qmtestbed.types.text import Language


@dataclass(frozen=True, slots=True)
class Link:
    """A link to a file of the site."""

    text: str
    href: str


@dataclass(frozen=True, slots=True)
class NamedInput:
    """A model or data file as one assessment had it; ``changed`` says whether the one before had another."""

    name: str
    version: str
    digest: Digest
    changed: bool


@dataclass(frozen=True, slots=True)
class RunView:
    """One assessment: its verdict, its two headlines, the levels reached, and its files."""

    as_of: str
    run: Digest
    verdict: str
    required: str
    criteria: str
    measured: str
    declared: str
    levels: tuple[str, ...]
    models: tuple[NamedInput, ...]
    data: tuple[NamedInput, ...]
    page: Link | None
    files: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class PointView:
    """One criterion in one assessment."""

    as_of: str
    verdict: str
    text: str
    found: str
    interval: str
    limit: str
    n: str
    waiver: WaiverView | None = None


@dataclass(frozen=True, slots=True)
class CriterionHistory:
    """One criterion over assessments; ``points`` are newest first."""

    check: str
    latest: PointView
    svg: Svg
    points: tuple[PointView, ...]


@dataclass(frozen=True, slots=True)
class CriterionGroup:
    """Criteria that stand under one heading."""

    title: str
    criteria: tuple[CriterionHistory, ...]


@dataclass(frozen=True, slots=True)
class ComponentRow:
    """A component on the first page."""

    link: Link
    latest: RunView
    runs: int
    svg: Svg


@dataclass(frozen=True, slots=True)
class IndexView:
    """The first page."""

    language: Language
    components: tuple[ComponentRow, ...]


@dataclass(frozen=True, slots=True)
class HistoryView:
    """The page of one component; ``runs`` are newest first, ``groups`` those that failed in the latest first."""

    language: Language
    component: str
    latest: RunView
    runs: tuple[RunView, ...]
    total: int
    groups: tuple[CriterionGroup, ...]
    drawn: int
