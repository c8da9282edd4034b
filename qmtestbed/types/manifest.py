"""The manifest of an AIT: its only statement of identity, version and contract (``qmtestbed/ait/v1``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from qmtestbed.types.codec import Shape
from qmtestbed.types.text import Text

Quality = Literal[
    "data_quality",
    "correctness",
    "robustness",
    "explainability",
    "fairness",
    "uncertainty",
    "privacy",
    "security",
    "operation",
    "adequacy",
    "generative",
]
InputKind = Literal["table", "images", "items", "texts", "predictions", "model", "model_files", "design", "file"]
Need = Literal[
    "labels",
    "ids",
    "time",
    "groups",
    "weights",
    "sensitive",
    "classification",
    "regression",
    "predict",
    "probabilities",
    "gradient",
    "native",
]
PREDICTED: frozenset[Need] = frozenset({"classification", "regression", "probabilities"})
"""Needs that predictions alone can tell."""
PROBED: frozenset[Need] = PREDICTED | {"predict", "gradient", "native"}
"""Needs that only a loaded model can tell."""
ResourceKind = Literal["table", "matrix", "coverage", "curve", "bars", "histogram", "text", "rows", "images"]
SAMPLE_KINDS: frozenset[ResourceKind] = frozenset({"rows", "images"})
"""Resources that are of single rows or images; how much of them is kept is for ``--samples`` to say."""

_SPECIFIER = r"(===?|~=|!=|<=?|>=?) *[A-Za-z0-9.*+!_-]+"
_SPECIFIERS = rf"{_SPECIFIER}( *, *{_SPECIFIER})*"
_UNITS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600}
_SIZES = {"MiB": 2**20, "GiB": 2**30}


@dataclass(frozen=True)
class Reference:
    """Where a method is published."""

    SHORT: ClassVar[str] = "cite"
    cite: str
    url: str | None = None


@dataclass(frozen=True)
class InputSpec:
    """One argument of the measuring function.

    Attributes
    ----------
    kind
        What it gets: a table, images, either of the two (items), predictions, the model itself, the files of a model
        that is not loaded, a declared design, or the path of a file.
    needs
        What the input must have, or the model must offer.
    optional
        Whether the function can do without it; its default is then None.
    many
        Whether a plan may bind several.
    """

    kind: InputKind
    needs: tuple[Need, ...] = ()
    optional: bool = False
    many: bool = False


@dataclass(frozen=True)
class ParameterSpec:
    """One keyword argument that a plan may set.

    Attributes
    ----------
    default
        What it is where a plan does not set it.
    enum
        The only values that it may have.
    range
        Lowest and highest value; null for none.
    text
        What it does, for pages.
    """

    type: Literal["string", "integer", "number", "boolean", "list", "mapping"]
    default: Any = None
    enum: tuple[Any, ...] | None = None
    range: tuple[float | None, float | None] = (None, None)
    text: Text | None = None


@dataclass(frozen=True)
class MeasureSpec:
    """One number (or one per key) that the function returns.

    Attributes
    ----------
    unit
        Such as ratio, count or s.
    range
        Lowest and highest value that it can have; null for unbounded.
    better
        Which direction is better; criteria in the other one are refused.
    interval
        Name of the method by which its interval is made; none for a bare number.
    per
        What its keys are (class, column, group, slice, …), where it is one number per key.
    sequence
        Whether it is a list of numbers.
    text
        What it is, for pages.
    """

    unit: str
    range: tuple[float | None, float | None]
    better: Literal["higher", "lower", "none"] = "none"
    interval: str = "none"
    per: str | None = None
    sequence: bool = False
    text: Text | None = None

    @property
    def has_interval(self) -> bool:
        """Whether values come with an interval."""
        return self.interval != "none"


@dataclass(frozen=True)
class ResourceSpec:
    """One piece of typed data that the function returns for a figure or table."""

    kind: ResourceKind
    text: Text | None = None


@dataclass(frozen=True)
class Suggestion:
    """A criterion that ``evaluate`` writes into a plan, with its reason and how often it would be a false alarm.

    Attributes
    ----------
    false_alarm
        When it is missed though nothing is wrong, in words.
    rate
        How often that happens on a clean table (measured or derived, see ``docs/false-alarms.md``), in [0, 1]; ``None``
        where the limit is a goal that a model may rightly miss, such as an accuracy.
    inputs
        Optional inputs without which it makes no sense, and is not written.
    """

    criterion: str
    because: Text
    false_alarm: str
    rate: Annotated[float | None, Shape(minimum=0, maximum=1)] = None
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Requirement:
    """A distribution that must be installed, which versions of it, and the extra of qmtestbed that brings it."""

    SHORT: ClassVar[str] = "distribution"
    distribution: Annotated[
        str, Shape(pattern=r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", doc="its name on the index")
    ]
    extra: str | None = None
    version: Annotated[str | None, Shape(pattern=_SPECIFIERS, doc="for example ==1.2.3 or >=1.2,<2")] = None

    def __str__(self) -> str:
        """Give it as pip takes it."""
        return f"{self.distribution}{self.version or ''}"


@dataclass(frozen=True)
class Limits:
    """What one run of the function may take."""

    timeout: Annotated[str, Shape(pattern=r"\d+(ms|s|min|h)", doc="for example 90s or 10min")] = "10min"
    memory: Annotated[str, Shape(pattern=r"\d+(MiB|GiB)", doc="for example 512MiB or 2GiB")] = "2GiB"
    rows: Annotated[int | None, Shape(minimum=1, doc="larger inputs are subsampled with the plan's seed")] = None
    threads: Annotated[int, Shape(minimum=1)] = 1

    @property
    def seconds(self) -> float:
        """Timeout in seconds."""
        number, unit = _split(self.timeout)
        return number * _UNITS[unit]

    @property
    def bytes(self) -> int:
        """Memory in bytes."""
        number, unit = _split(self.memory)
        return number * _SIZES[unit]


def _split(text: str) -> tuple[int, str]:
    m = re.fullmatch(r"(\d+)([A-Za-z]+)", text)
    if not m:
        raise ValueError(f"not a number with a unit: {text!r}")
    return int(m[1]), m[2]


@dataclass(frozen=True)
class Manifest:
    """What an AIT is and promises.

    Attributes
    ----------
    quality
        What it is about.
    method
        How it measures, for readers of pages.
    meaning
        What its numbers tell, and what not.
    references
        Where the method is published.
    informs
        Guideline (such as mlqm@3) to the clauses that its result is shown beside.
    inputs
        Arguments of the measuring function, in their order.
    measures
        What the function returns, by name.
    parameters
        Keyword arguments that a plan may set.
    resources
        Typed data that the function returns for figures and tables.
    suggests
        Default criteria.
    requires
        Distributions that must be installed beside those of qmtestbed.
    environment
        ``isolated``: it runs in a virtual environment of its own, which is made of ``requires`` and what our code needs
        in a child; AITs with the same requirements share one. ``shared``: with what is installed beside qmtestbed.
    limits
        What one run may take.
    random
        Whether it draws at random; it must then take the argument seed.
    volatile
        Whether two runs may differ; its records are never used again, and ``evaluate`` leaves it out.
    information
        Whether its numbers are no ground for a default criterion: it then suggests none.
    """

    schema: Literal["qmtestbed/ait/v1"]
    id: Annotated[str, Shape(pattern=r"[a-z][a-z0-9_]*", doc="lower-case letters, digits and _")]
    version: Annotated[str, Shape(pattern=r"\d+\.\d+\.\d+", doc="for example 1.0.0")]
    title: Text
    quality: Quality
    method: Text
    references: tuple[Reference, ...]
    informs: Mapping[str, tuple[str, ...]]
    inputs: Mapping[str, InputSpec]
    measures: Mapping[str, MeasureSpec]
    meaning: Text | None = None
    threat: Annotated[Text | None, Shape(doc="of an attack: what the attacker knows, may change and wants")] = None
    parameters: Mapping[str, ParameterSpec] = field(default_factory=dict)
    resources: Mapping[str, ResourceSpec] = field(default_factory=dict)
    suggests: tuple[Suggestion, ...] = ()
    requires: tuple[Requirement, ...] = ()
    environment: Literal["shared", "isolated"] = "shared"
    limits: Limits = field(default_factory=Limits)
    random: bool = False
    volatile: bool = False
    information: bool = False

    def suggested(self, criterion: str) -> Suggestion | None:
        """Give the default criterion that this is, whatever blanks it is written with; ``None`` if it is none."""
        return next((s for s in self.suggests if s.criterion.split() == criterion.split()), None)
