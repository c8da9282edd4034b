"""Values that several boundaries share: measured values as they stand in a record."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qmtestbed.ait import Estimate, Undefined

Single = bool | int | float | Estimate | Undefined
_NUMBER = {"type": ["number", "boolean"]}


@dataclass(frozen=True)
class MeasureValue:
    """What was measured under one name: one value, one per key, or a sequence.

    On the wire: a number or bool as it is; ``{value, low, high, level, n}``; ``{undefined: reason}``;
    ``{by: {key: …}}`` for a measure given per class, column, …; ``[…]`` for a sequence.
    """

    value: Single | Mapping[str, Single] | tuple[Single, ...]

    @property
    def by_key(self) -> Mapping[str, Single] | None:
        """Values per key, or ``None`` if the measure is not keyed."""
        return self.value if isinstance(self.value, Mapping) else None

    def singles(self) -> tuple[tuple[str | None, Single], ...]:
        """Every (key, value); the key is ``None`` for one value, the position for a sequence."""
        if isinstance(self.value, Mapping):
            return tuple(self.value.items())
        if isinstance(self.value, tuple):
            return tuple((str(i), v) for i, v in enumerate(self.value))
        return ((None, self.value),)

    def to_json(self) -> Any:
        """Write the tagged form."""
        if isinstance(self.value, Mapping):
            return {"by": {k: _single_to_json(v) for k, v in self.value.items()}}
        if isinstance(self.value, tuple):
            return [_single_to_json(v) for v in self.value]
        return _single_to_json(self.value)

    @classmethod
    def from_json(cls, data: Any) -> MeasureValue:
        """Read the tagged form; ``ValueError`` if it is none."""
        if isinstance(data, Mapping) and set(data) == {"by"} and isinstance(data["by"], Mapping):
            return cls({str(k): _single_from_json(v) for k, v in data["by"].items()})
        if isinstance(data, Sequence) and not isinstance(data, str):
            return cls(tuple(_single_from_json(v) for v in data))
        return cls(_single_from_json(data))

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """Give the schema of the tagged form."""
        estimate = {
            "type": "object",
            "properties": {
                **{k: {"type": "number"} for k in ("value", "low", "high", "level")},
                "n": {"type": "integer"},
            },
            "required": ["value", "low", "high", "level", "n"],
            "additionalProperties": False,
        }
        undefined = {
            "type": "object",
            "properties": {"undefined": {"type": "string"}},
            "required": ["undefined"],
            "additionalProperties": False,
        }
        single = {"anyOf": [_NUMBER, estimate, undefined]}
        keyed = {
            "type": "object",
            "properties": {"by": {"type": "object", "additionalProperties": single}},
            "required": ["by"],
            "additionalProperties": False,
        }
        return {"anyOf": [single, keyed, {"type": "array", "items": single}]}


def _single_to_json(value: Single) -> Any:
    if isinstance(value, Estimate):
        return {"value": value.value, "low": value.low, "high": value.high, "level": value.level, "n": value.n}
    if isinstance(value, Undefined):
        return {"undefined": value.reason}
    return value


def _single_from_json(data: Any) -> Single:
    if isinstance(data, bool):
        return data
    if isinstance(data, (int, float)):
        if not math.isfinite(data):
            raise ValueError("a measured number must be finite")
        return data
    if isinstance(data, Mapping):
        if set(data) == {"undefined"} and isinstance(data["undefined"], str):
            return Undefined(data["undefined"])
        if set(data) == {"value", "low", "high", "level", "n"}:
            numbers = [data[k] for k in ("value", "low", "high", "level")]
            whole = isinstance(data["n"], int) and not isinstance(data["n"], bool)
            if whole and all(_is_finite(x) for x in numbers) and data["low"] <= data["high"]:
                value, low, high, level = (float(x) for x in numbers)
                return Estimate(value, low, high, level, data["n"])
    raise ValueError("not a measured value: a number, an estimate, an undefined value, or those per key")


def _is_finite(x: Any) -> bool:
    return isinstance(x, (int, float)) and not isinstance(x, bool) and math.isfinite(x)


def point(value: Single) -> float | None:
    """Give the number itself, without its interval; ``None`` if undefined."""
    if isinstance(value, Undefined):
        return None
    return float(value.value if isinstance(value, Estimate) else value)


def minus(a: float, b: float) -> float:
    """Subtract, less the noise of binary fractions: 0.89 less 0.9 is -0.01, as people and their limits have it."""
    largest = max(abs(a), abs(b))
    return round(a - b, _DIGITS - math.ceil(math.log10(largest))) if largest > 0 else 0.0


_DIGITS = 14
"""Digits of the larger number that a difference keeps; a double holds between 15 and 16."""

Label = str | int | float | bool
"""A class as users write it in a plan or as it stands in a file; see :func:`qmtestbed.ait.class_name`."""
