"""A job: plain data that says what a child process has to do. Same key, same record (``qmtestbed/job/v1``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from qmtestbed.ait import Roles, Samples
from qmtestbed.types.manifest import InputKind
from qmtestbed.types.plan import Outputs

JobKind = Literal["probe", "predict", "measure", "difference"]
Trust = Literal["strict", "scanned", "any"]
"""Which models are loaded that run code on loading: none, those in which a scan finds nothing dangerous, or all."""


@dataclass(frozen=True, slots=True)
class Program:
    """The code a job runs: an AIT, or our own probe or predict; ``folder`` is where the child finds it."""

    id: str
    version: str
    sha256: str
    folder: str | None = None


@dataclass(frozen=True, slots=True)
class JobInput:
    """One input of a job, bound.

    ``path`` is where this machine has it; it is no part of the key or the record. ``name`` is what messages call it.
    ``job`` is the key of the job whose resources are the input, for predictions. ``features`` are the columns that
    a model takes, in order, where its signature names them. ``trust`` is set where a model is loaded whatever a scan of
    its files finds, so that such evidence is never taken for evidence on a model that passed. ``device`` is set where
    the model may be moved to an accelerator.
    """

    kind: InputKind
    name: str
    sha256: str
    path: str | None = None
    roles: Roles | None = None
    flavour: str | None = None
    outputs: Outputs | None = None
    classes: tuple[str, ...] | None = None
    features: tuple[str, ...] | None = None
    job: str | None = None
    trust: Literal["any"] | None = None
    device: Literal["cuda"] | None = None


@dataclass(frozen=True, slots=True)
class JobLimits:
    """Limits in plain numbers: seconds, bytes, rows (a declared, seeded subsample), threads."""

    seconds: float
    memory: int
    rows: int | None = None
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Environment:
    """What the result may depend on besides inputs and code; part of the key.

    ``isolated`` is the digest of a virtual environment of its own, whose libraries are then all named.
    """

    python: str
    platform: str
    libraries: Mapping[str, str]
    isolated: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One node of the graph: probe → predict → measure, or difference where a check is compared with a baseline.

    ``after`` are keys of jobs that must come first; ``needs`` are capabilities that only the probe among them can
    tell; ``unavailable`` are pip commands for distributions that are not installed; ``samples`` is how much of single
    rows the record may hold. ``isolated`` is the folder of the virtual environment that it runs in, ``unmade`` why
    there is none though it needs one; neither is part of the key.
    """

    schema: Literal["qmtestbed/job/v1"]
    key: str
    kind: JobKind
    program: Program
    inputs: Mapping[str, JobInput]
    parameters: Mapping[str, Any]
    seed: int
    confidence: float
    limits: JobLimits
    environment: Environment
    after: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    unavailable: tuple[str, ...] = ()
    volatile: bool = False
    isolated: str | None = None
    unmade: str | None = None
    samples: Samples = "ids"
