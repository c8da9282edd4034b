"""A declared attribute design as written: what can vary, what can't occur together, what is expected, what is risky."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qmtestbed.ait import Design, class_name
from qmtestbed.types.values import Label


@dataclass(frozen=True)
class DesignFile:
    """The YAML form of :class:`qmtestbed.ait.Design`; values may be written as text, numbers or truth values."""

    attributes: Mapping[str, tuple[Label, ...]]
    exclusions: tuple[Mapping[str, Label], ...] = ()
    frequencies: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    risk_cases: tuple[Mapping[str, Label], ...] = ()

    def design(self) -> Design:
        """Give the design, every value by its one spelling."""
        return Design(
            {name: tuple(class_name(v) for v in values) for name, values in self.attributes.items()},
            tuple({n: class_name(v) for n, v in case.items()} for case in self.exclusions),
            self.frequencies or None,
            tuple({n: class_name(v) for n, v in case.items()} for case in self.risk_cases),
        )
