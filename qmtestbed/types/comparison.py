"""Runs side by side: what of a run can be compared, and what the comparison found (``qmtestbed/comparison/v1``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from qmtestbed.ait import Roles
from qmtestbed.types.assessment import (
    Assessment,
    Change,
    CheckVerdict,
    Counts,
    CriterionVerdict,
    Difference,
    DifferenceKind,
    Headlines,
)
from qmtestbed.types.values import MeasureValue

Better = Literal["higher", "lower", "none"]
How = Literal["same", "paired", "unpaired", "values"]
"""How two values are set against one another.

``same``: they are of one record. ``paired``: item by item, over the same items. ``unpaired``: from both intervals, as
if of samples that have nothing to do with each other. ``values``: only the numbers, since nothing says how sure they
are, or they were not measured in the same way.
"""
Shown = Literal["better", "worse", "different", "not_shown"]
"""Whether the interval of a difference leaves 0 on one side, and which side is the good one."""


@dataclass(frozen=True, slots=True)
class InventoryState:
    """A model, a file of predictions or data as a run had it."""

    kind: Literal["model", "predictions", "data"]
    shown: str
    sha256: str
    roles: Roles = field(default_factory=Roles)


@dataclass(frozen=True, slots=True)
class CheckState:
    """How a check was measured, and what came of it.

    ``bound`` are the inventories given to it; ``expect`` its criteria as the plan has them; ``better`` says which
    direction is the good one. ``record`` is empty, and there are no measures, where nothing was measured.
    """

    ait: str
    record: str = ""
    version: str = ""
    code: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    confidence: float = 0.0
    bound: tuple[str, ...] = ()
    expect: tuple[str, ...] = ()
    measures: Mapping[str, MeasureValue] = field(default_factory=dict)
    better: Mapping[str, Better] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a run's results may depend on besides its inputs: every value that occurs among its records."""

    python: tuple[str, ...] = ()
    platform: tuple[str, ...] = ()
    libraries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    isolation: tuple[str, ...] = ()
    qmtestbed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All of a run that another can be compared with; a run keeps that of an earlier one as ``since.json``.

    ``bundle`` is the SHA-256 of the ``bundle.json`` that the run was sealed with.
    """

    schema: Literal["qmtestbed/since/v1"]
    bundle: str
    assessment: Assessment
    levels: Mapping[str, str]
    seed: int
    confidence: float
    inventories: Mapping[str, InventoryState]
    checks: Mapping[str, CheckState]
    circumstances: Circumstances


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One of the runs, by the name it was given as."""

    name: str
    run: str
    as_of: str
    component: str
    bundle: str
    headlines: Headlines


@dataclass(frozen=True, slots=True)
class ComparedCriterion:
    """A criterion in each run; ``changes`` are those of the second run and further ones against the first."""

    check: str
    ait: str
    text: str
    found: tuple[CriterionVerdict | None, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Apart:
    """How far a value is from that of the first run; ``overlap`` says of their own intervals only that they do."""

    how: How
    difference: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    shown: Shown = "not_shown"
    overlap: bool | None = None


@dataclass(frozen=True, slots=True)
class ComparedMeasure:
    """A measured value in each run, and how far those of the second and further ones are from the first.

    ``sequence`` says that ``key`` is a position, from 0; such values have no difference.
    """

    measure: str
    unit: str
    better: Better
    values: tuple[MeasureValue | None, ...]
    apart: tuple[Apart | None, ...]
    key: str | None = None
    sequence: bool = False


@dataclass(frozen=True, slots=True)
class ComparedCheck:
    """A check that at least two runs have.

    ``differs`` are the kinds of differences that touch it, and ``unpaired`` why its items were not compared one by one,
    both for the second and further runs against the first.
    """

    id: str
    ait: str
    verdicts: tuple[CheckVerdict | None, ...]
    differs: tuple[tuple[DifferenceKind, ...], ...]
    unpaired: tuple[str, ...]
    measures: tuple[ComparedMeasure, ...]


@dataclass(frozen=True, slots=True)
class ComparedLevel:
    """The level that each run reached."""

    guideline: str
    dimension: str
    reached: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs in the order given, each against the first; criteria stand worst first."""

    schema: Literal["qmtestbed/comparison/v1"]
    runs: tuple[ComparedRun, ...]
    counts: tuple[Counts, ...]
    criteria: tuple[ComparedCriterion, ...]
    levels: tuple[ComparedLevel, ...]
    differences: tuple[Difference, ...]
    checks: tuple[ComparedCheck, ...]
