"""The record: the immutable result of one job, measured values or the failure (``qmtestbed/record/v1``)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from qmtestbed.ait import Finding, Roles, Samples
from qmtestbed.types.codec import canonical
from qmtestbed.types.job import Environment, JobKind
from qmtestbed.types.manifest import InputKind, ResourceKind
from qmtestbed.types.plan import Outputs
from qmtestbed.types.values import MeasureValue

Status = Literal["measured", "undefined", "unsupported", "failed", "timed_out", "out_of_memory", "cancelled"]

NOT_THE_LIKELIEST = "not_the_likeliest"
"""Fact of a record of predictions: in how many rows, of how many, the predicted class is not the likeliest."""
INPUT_REFUSED = "input_refused"
"""Fact of a failed probe or match: what was given can't be used, so no measurement would say anything of it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, where, what was found and what to do about it."""

    what: str
    where: str = ""
    found: str = ""
    do: str = ""


@dataclass(frozen=True, slots=True)
class Items:
    """How many items were planned, tried, measured, and not usable; ``sha256`` is over the planned ids.

    An attempt that failed stays in the denominator; ``invalid`` are items without a label or value to measure.
    """

    planned: int
    attempted: int
    measured: int
    invalid: int
    sha256: str


@dataclass(frozen=True, slots=True)
class StoredResource:
    """A resource in the run folder, by its content."""

    kind: ResourceKind | Literal["predictions"]
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class UsedProgram:
    """The AIT (or probe, or predict) that made the record."""

    id: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class UsedInput:
    """An input by its content and roles."""

    kind: InputKind
    name: str
    sha256: str
    roles: Roles | None = None
    flavour: str | None = None
    outputs: Outputs | None = None
    classes: tuple[str, ...] | None = None
    job: str | None = None
    trust: Literal["any"] | None = None
    device: Literal["cuda"] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a child states about its job; everything else in the record is the parent's (``qmtestbed/outcome/v1``)."""

    status: Status
    measures: Mapping[str, MeasureValue] = field(default_factory=dict)
    resources: Mapping[str, ResourceKind | Literal["predictions"]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    items: Items | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    error: Failure | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One job's result with everything that it rests on; ``samples`` is how much of single rows it may hold."""

    schema: Literal["qmtestbed/record/v1"]
    key: str
    kind: JobKind
    status: Status
    program: UsedProgram
    inputs: Mapping[str, UsedInput]
    parameters: Mapping[str, Any]
    seed: int
    confidence: float
    environment: Environment
    isolation: tuple[str, ...]
    measures: Mapping[str, MeasureValue] = field(default_factory=dict)
    resources: Mapping[str, StoredResource] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    items: Items | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    error: Failure | None = None
    volatile: bool = False
    samples: Samples = "ids"
    started: str = ""
    seconds: float = 0.0
    peak_memory: int = 0
    reused: bool = False

    @property
    def evidence_digest(self) -> str:
        """SHA-256 over all but when it was made, how long it took, what it used and whether it was reused."""
        bare = replace(self, started="", seconds=0.0, peak_memory=0, reused=False)
        return hashlib.sha256(canonical(bare)).hexdigest()
