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
    """A criterion as written, and why it is set there."""

    SHORT: ClassVar[str] = "criterion"
    criterion: str
    because: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One AIT applied to named inventories, with parameters and criteria."""

    ait: str
    with_: Annotated[Mapping[str, str | tuple[str, ...]], Shape(doc="input of the AIT: name of an inventory")] = field(
        default_factory=dict
    )
    params: Mapping[str, Any] = field(default_factory=dict)
    expect: tuple[Expectation, ...] = ()
    for_: Annotated[tuple[str, ...] | None, Shape(doc="clauses this check is meant for")] = None


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """Evidence given by a person, or that a requirement does not apply."""

    requirement: str
    statement: str | None = None
    not_applicable: Annotated[str | None, Shape(doc="why the requirement does not apply")] = None
    file: Annotated[str | None, PATH] = None
    sha256: Annotated[str | None, Shape(pattern="[0-9a-f]{64}")] = None
    by: Annotated[str, Shape(pattern=r"\s*\S.*", doc="who declares it")]
    date: Annotated[str, Shape(pattern=DATE, doc="a date as 2026-11-01")]
    until: Annotated[str | None, Shape(pattern=DATE, doc="a date as 2026-11-01")] = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as written (roles, levels and criteria still as the user spelled them)."""

    schema: Literal["qmtestbed/plan/v1"]
    component: Component
    guideline: str | tuple[str, ...] = ()
    levels: Mapping[str, str | Mapping[str, str]] = field(default_factory=dict)
    confidence: Annotated[float, Shape(minimum=0.5, maximum=0.9999)] = 0.95
    seed: Annotated[int, Shape(minimum=0, maximum=4294967295)] = 0
    inventories: Mapping[str, Inventory] = field(default_factory=dict)
    checks: Mapping[str, Check] = field(default_factory=dict)
    declarations: tuple[Declaration, ...] = ()

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
