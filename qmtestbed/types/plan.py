"""The plan: what is assessed, against what, by which checks (``qmtestbed/plan/v1``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from qmtestbed.ait import Roles, Task, class_name
from qmtestbed.types.codec import Shape
from qmtestbed.types.values import Label

PATH = Shape(pattern=r"[^\x00]*", doc="the name of no file has the character U+0000")
DATE = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
NOT_BLANK = r"\s*\S[\s\S]*"

Outputs = Literal["labels", "probabilities", "logits", "values"]


@dataclass(frozen=True, slots=True)
class Component:
    """The thing under assessment; ``name`` is free text and never part of a path."""

    SHORT: ClassVar[str] = "name"
    name: str
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Inventory:
    """A named input: where it is, what its columns are for, and what it is pinned to."""

    SHORT: ClassVar[str] = "uri"
    uri: Annotated[str, PATH]
    label: Annotated[str | None, Shape(doc="column that holds the truth")] = None
    positive: Annotated[Label | None, Shape(doc="the class that counts as positive")] = None
    sensitive: tuple[str, ...] = ()
    id: str | None = None
    time: str | None = None
    group: str | None = None
    weight: str | None = None
    ignore: Annotated[tuple[str, ...], Shape(doc="columns that are given to nobody")] = ()
    classes: tuple[Label, ...] | None = None
    task: Task | None = None
    outputs: Annotated[Outputs | None, Shape(doc="of a model: what its predictions are")] = None
    sha256: Annotated[str | None, Shape(pattern="[0-9a-f]{64}", doc="digest that the content must have")] = None
    requested: Annotated[str | None, Shape(doc="in a resolved plan: the name that the uri was pinned from")] = None

    @property
    def is_placeholder(self) -> bool:
        """Whether a drafted plan has ``<what belongs here>`` in place of it."""
        return self.uri.startswith("<") and self.uri.endswith(">")

    @property
    def shown(self) -> str:
        """What the user calls it, for messages and pages."""
        return self.requested or self.uri

    @property
    def roles(self) -> Roles:
        """What the columns are for, with classes by their one spelling."""
        return Roles(
            label=self.label,
            positive=None if self.positive is None else class_name(self.positive),
            sensitive=self.sensitive,
            id=self.id,
            time=self.time,
            group=self.group,
            weight=self.weight,
            ignore=self.ignore,
            classes=self.class_names,
            task=self.task,
        )

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The declared classes by their one spelling."""
        return None if self.classes is None else tuple(class_name(c) for c in self.classes)


@dataclass(frozen=True, slots=True)
class Expectation:
    """A criterion as written, and why it is set there.

    Attributes
    ----------
    default
        That its limit is the one that the AIT suggests, and nobody set it for this use; take the line out when you have
        set or confirmed it.
    """

    SHORT: ClassVar[str] = "criterion"
    criterion: str
    because: str | None = None
    default: Literal[True] | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One AIT applied to named inventories, with parameters and criteria.

    Attributes
    ----------
    ait
        Its id, as in qmtestbed ait list.
    params
        Parameters that are not to have their defaults.
    expect
        Criteria, such as accuracy >= 0.9 at 95%; without any the check is reported and not judged.
    """

    ait: str
    with_: Annotated[Mapping[str, str | tuple[str, ...]], Shape(doc="input of the AIT: name of an inventory")] = field(
        default_factory=dict
    )
    params: Mapping[str, Any] = field(default_factory=dict)
    expect: tuple[Expectation, ...] = ()
    for_: Annotated[tuple[str, ...] | None, Shape(doc="clauses this check is meant for")] = None


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """Evidence given by a person, or that a requirement does not apply.

    With ``todo`` it is a stub that somebody still has to fill in: it counts as none, whatever else it says, and is the
    only one that may lack ``by`` and ``date``.
    """

    requirement: str
    todo: Annotated[Literal[True] | None, Shape(doc="take this line out when the rest is filled in")] = None
    statement: str | None = None
    not_applicable: Annotated[str | None, Shape(doc="why the requirement does not apply")] = None
    file: Annotated[str | None, PATH] = None
    sha256: Annotated[str | None, Shape(pattern="[0-9a-f]{64}")] = None
    checklist: Annotated[str | None, Shape(doc="questions with answers (.yaml, .csv, .xlsx)")] = None
    checklist_sha256: Annotated[str | None, Shape(pattern="[0-9a-f]{64}")] = None
    by: Annotated[str | None, Shape(pattern=r"\s*\S.*", doc="who declares it")] = None
    date: Annotated[str | None, Shape(pattern=DATE, doc="a date as 2026-11-01")] = None
    until: Annotated[str | None, Shape(pattern=DATE, doc="a date as 2026-11-01")] = None


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """A person's leave to miss one criterion until a day; it changes no verdict, and nothing that is measured.

    ``criterion`` is one of the check's, as it stands there: leave for one limit is none for another.
    """

    check: str
    criterion: str
    by: Annotated[str, Shape(pattern=NOT_BLANK, doc="who grants it")]
    reason: Annotated[str, Shape(pattern=NOT_BLANK, doc="why the criterion may be missed, and what is done about it")]
    date: Annotated[str, Shape(pattern=DATE, doc="the first day it holds, as 2026-11-01")]
    until: Annotated[str, Shape(pattern=DATE, doc="the last day it holds, as 2027-01-31; there is none without an end")]


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as written (roles, levels and criteria still as the user spelled them).

    Attributes
    ----------
    component
        What is assessed.
    guideline
        Guideline or guidelines that it is assessed against, such as mlqm@3.
    levels
        Quality to the level that it must reach; with several guidelines, by guideline.
    confidence
        Of all intervals.
    seed
        Of everything random.
    inventories
        Models and data, by names of your choice.
    checks
        AITs to run, by names of your choice.
    declarations
        Evidence that people give.
    """

    schema: Literal["qmtestbed/plan/v1"]
    component: Component
    guideline: str | tuple[str, ...] = ()
    levels: Mapping[str, str | Mapping[str, str]] = field(default_factory=dict)
    confidence: Annotated[float, Shape(minimum=0.5, maximum=0.9999)] = 0.95
    seed: Annotated[int, Shape(minimum=0, maximum=4294967295)] = 0
    inventories: Mapping[str, Inventory] = field(default_factory=dict)
    checks: Mapping[str, Check] = field(default_factory=dict)
    declarations: tuple[Declaration, ...] = ()
    waivers: Annotated[tuple[Waiver, ...], Shape(lean=True)] = ()

    @property
    def guidelines(self) -> tuple[str, ...]:
        """The guideline ids, such as ``mlqm@3``."""
        return (self.guideline,) if isinstance(self.guideline, str) else self.guideline

    def targets(self, guideline: str) -> Mapping[str, str]:
        """Levels asked for under one guideline: external dimension → level."""
        if len(self.guidelines) == 1:
            return {d: level for d, level in self.levels.items() if isinstance(level, str)}
        nested = self.levels.get(guideline, {})
        return nested if isinstance(nested, Mapping) else {}


@dataclass(frozen=True, slots=True)
class LoadedPlan:
    """A plan that was read and found good, with the folder that its relative paths start from and its bytes."""

    plan: Plan
    folder: Path
    source: bytes
