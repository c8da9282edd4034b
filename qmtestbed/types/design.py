"""A declared attribute design (``qmtestbed/design/v1``): what can vary and how, what is expected or risky."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from qmtestbed.ait import Design, class_name
from qmtestbed.errors import suggestion
from qmtestbed.types.codec import Fault, Shape
from qmtestbed.types.values import Label

ROUNDING = 0.01
"""How far expected frequencies of one attribute may be from summing to 1."""

Case = Mapping[str, Label]


@dataclass(frozen=True)
class DesignFile:
    """The YAML form of :class:`qmtestbed.ait.Design`; values may be written as text, numbers or truth values."""

    schema: Literal["qmtestbed/design/v1"] = "qmtestbed/design/v1"
    attributes: Annotated[
        Mapping[str, tuple[Label, ...]], Shape(doc="column, or the label: the values that it can have")
    ] = field(default_factory=dict)
    bins: Annotated[
        Mapping[str, tuple[float, ...]],
        Shape(doc="column of numbers: increasing edges; its values are then those of bin_names"),
    ] = field(default_factory=dict)
    exclusions: Annotated[tuple[Case, ...], Shape(doc="combinations that can't occur")] = ()
    frequencies: Annotated[
        Mapping[str, Mapping[str, float]], Shape(doc="attribute: the share expected of each value in use")
    ] = field(default_factory=dict)
    risk_cases: Annotated[tuple[Case, ...], Shape(doc="combinations that are risky")] = ()

    @property
    def values(self) -> dict[str, tuple[str, ...]]:
        """The values of each attribute by their one spelling, those of bins included."""
        named = {name: tuple(class_name(v) for v in values) for name, values in self.attributes.items()}
        return {**named, **{name: bin_names(edges) for name, edges in self.bins.items()}}

    def design(self) -> Design:
        """Give the design, every value by its one spelling."""
        return Design(
            self.values,
            tuple(_spelled(case) for case in self.exclusions),
            self.frequencies or None,
            tuple(_spelled(case) for case in self.risk_cases),
            self.bins or None,
        )

    def faults(self) -> Iterator[Fault]:
        """Find what can't be: values named twice or never declared, bins out of order, shares that are none."""
        if not self.attributes and not self.bins:
            yield Fault((), "it declares no attribute", do="add attributes: {<column>: [<value>, …]}")
        yield from self.bin_faults()
        for name, values in self.attributes.items():
            spelled = [class_name(v) for v in values]
            if not spelled or len(set(spelled)) < len(spelled):
                yield Fault(("attributes", name), "its values must be there, and each once", ", ".join(spelled))
        for place, cases in (("exclusions", self.exclusions), ("risk_cases", self.risk_cases)):
            for i, case in enumerate(cases):
                yield from self._case_faults((place, i), _spelled(case))
        for name, shares in self.frequencies.items():
            yield from self._share_faults(name, shares)

    def bin_faults(self) -> Iterator[Fault]:
        """Find bins that can't be: of an attribute that has values as well, or without increasing edges."""
        for name, edges in self.bins.items():
            if name in self.attributes:
                yield Fault(("bins", name), "the attribute has values as well", do="keep its values or its bins")
            ordered = all(a < b for a, b in itertools.pairwise(edges))
            if not edges or not ordered or not all(map(math.isfinite, edges)):
                yield Fault(("bins", name), "edges must be increasing numbers", ", ".join(map(class_name, edges)))

    def _case_faults(self, place: tuple[str | int, ...], case: Mapping[str, str]) -> Iterator[Fault]:
        known = self.values
        if not case:
            yield Fault(place, "it names no attribute")
        for name, value in case.items():
            if name not in known and place[0] == "exclusions":
                yield Fault((*place, name), f"unknown attribute {name!r}", do=suggestion(name, known))
            elif name in known and value not in known[name]:
                yield Fault((*place, name), f"{name} has no value {value!r}", do=suggestion(value, known[name]))

    def _share_faults(self, name: str, shares: Mapping[str, float]) -> Iterator[Fault]:
        place = ("frequencies", name)
        if not all(math.isfinite(s) and s >= 0 for s in shares.values()) or abs(sum(shares.values()) - 1) > ROUNDING:
            yield Fault(place, "shares must be numbers from 0 on that sum to 1", f"sum {sum(shares.values()):.6g}")
        known = self.values.get(name, tuple(shares))  # of a column that is no attribute, any value will do
        for value in shares:
            if value not in known:
                yield Fault((*place, value), f"{name} has no value {value!r}", do=suggestion(value, known))


def bin_names(edges: Sequence[float]) -> tuple[str, ...]:
    """Name the ranges between edges; each holds its lower edge and not its upper one.

    >>> bin_names([30, 45])
    ('below 30', '30 to below 45', '45 or more')
    """
    if not edges:
        return ()
    named = [class_name(float(edge)) for edge in edges]
    inner = [f"{a} to below {b}" for a, b in itertools.pairwise(named)]
    return (f"below {named[0]}", *inner, f"{named[-1]} or more")


def _spelled(case: Case) -> dict[str, str]:
    return {name: class_name(value) for name, value in case.items()}
