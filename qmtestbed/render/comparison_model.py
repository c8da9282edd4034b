"""The view model of a comparison: what its page may show. Plain frozen values, no mapping, no logic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qmtestbed.render.model import DifferenceView, Digest, FigureView, Ref, WaiverView
from qmtestbed.render.text import Svg
from qmtestbed.types.assessment import Counts, CriteriaHeadline
from qmtestbed.types.text import Language


@dataclass(frozen=True, slots=True)
class RunView:
    """One of the runs: its letter, which stands for it everywhere, and its headline."""

    letter: str
    name: str
    component: str
    run: Digest
    as_of: str
    models: tuple[str, ...]
    criteria: CriteriaHeadline
    bar: Svg
    levels: tuple[str, ...]
    waived: str = ""


@dataclass(frozen=True, slots=True)
class AgainstView:
    """How many criteria of a run went which way, against the first, and of how many measures a difference is shown."""

    letter: str
    counts: Counts
    shown: int


@dataclass(frozen=True, slots=True)
class CellView:
    """A criterion or measure in one run; ``text`` where its limit is another than that of the last run."""

    letter: str
    verdict: str
    found: str
    interval: str
    n: str = ""
    text: str = ""
    reason: str = ""
    waiver: WaiverView | None = None


@dataclass(frozen=True, slots=True)
class ApartView:
    """How far a value is from that of the first run."""

    letter: str
    difference: str
    interval: str
    how: str
    shown: str
    overlap: str


@dataclass(frozen=True, slots=True)
class RowView:
    """A criterion in all runs, with how far its measure is apart."""

    anchor: str
    check: Ref
    text: str
    changes: tuple[tuple[str, str], ...]
    cells: tuple[CellView, ...]
    apart: tuple[ApartView, ...]
    figure: Svg | None


@dataclass(frozen=True, slots=True)
class MeasureView:
    """A measure in all runs."""

    name: str
    key: str
    unit: str
    cells: tuple[CellView, ...]
    apart: tuple[ApartView, ...]


@dataclass(frozen=True, slots=True)
class ShownView:
    """A measure of which an interval shows that it differs from that of the first run."""

    check: Ref
    measure: MeasureView
    apart: ApartView


@dataclass(frozen=True, slots=True)
class SharedCheckView:
    """A check that at least two runs have."""

    id: str
    anchor: str
    ait_title: str
    verdicts: tuple[tuple[str, str], ...]
    differs: tuple[tuple[str, str], ...]
    unpaired: tuple[tuple[str, str], ...]
    measures: tuple[MeasureView, ...]
    measures_left: int
    figures: tuple[FigureView, ...]
    open: bool


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """Everything on the page of a comparison; ``components`` is how many different ones the runs are of."""

    language: Language
    component: str
    runs: tuple[RunView, ...]
    against: tuple[AgainstView, ...]
    changed: tuple[RowView, ...]
    shown: tuple[ShownView, ...]
    shown_left: int
    levels: tuple[tuple[str, tuple[str, ...]], ...]
    inputs: tuple[DifferenceView, ...]
    environment: tuple[DifferenceView, ...]
    checks: Sequence[SharedCheckView]
    hows: tuple[str, ...]
    components: int
    shortened: bool
