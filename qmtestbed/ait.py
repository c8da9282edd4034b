"""What the author of an AIT imports: the values a measuring function gets and returns. Nothing heavy.

A measuring function gets some of :class:`Table`, :class:`Images`, :class:`Texts`, :class:`Predictions`,
:class:`Design`, a path, or an object with the :class:`Model` protocol, as its manifest asks, and returns a mapping
from the names its manifest declares to

* a number or bool, an :class:`Estimate`, an :class:`Undefined`, a mapping from keys to those (where the manifest
  says ``per``), or a list of them (where it says ``sequence``) for a measure,
* one of :class:`Matrix`, :class:`DataTable`, :class:`Curve`, :class:`Bars`, :class:`Histogram`, :class:`Prose`
  for a resource,
* and, under the name ``findings``, a list of :class:`Finding`.

Returning one :class:`Undefined` instead of the mapping says that nothing could be measured, and why. What a model
raises while it is asked comes as :class:`ModelFault`, whose ``found`` holds its words; left alone, it ends the
measurement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, get_args, runtime_checkable

from qmtestbed.errors import ModelFault

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = [
    "Bars",
    "Curve",
    "DataTable",
    "Design",
    "Estimate",
    "Finding",
    "FindingKind",
    "Histogram",
    "Images",
    "Matrix",
    "Model",
    "ModelFault",
    "Predictions",
    "Prose",
    "Resource",
    "Roles",
    "Subject",
    "Table",
    "Task",
    "Texts",
    "Undefined",
    "class_name",
]

Task = Literal["classification", "regression"]


def class_name(label: Any) -> str:
    """Give the one spelling of a class: ``str(label)``, where 1.0 and 1 are the same class ``"1"``.

    NumPy scalars are taken as the Python values they hold.
    """
    if not isinstance(label, (str, int, float)) and hasattr(label, "item"):
        label = label.item()
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label)


# -- what a measuring function gets ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Roles:
    """What the columns of a table are for; part of what a check is given, and of its job key."""

    label: str | None = None
    positive: str | None = None
    sensitive: tuple[str, ...] = ()
    id: str | None = None
    time: str | None = None
    group: str | None = None
    weight: str | None = None
    ignore: tuple[str, ...] = ()
    classes: tuple[str, ...] | None = None
    task: Task | None = None


@dataclass(frozen=True)
class Table:
    """Rows of features with their labels.

    Attributes
    ----------
    frame
        (n, columns) pandas frame with every column but the label, in the order of the file.
    labels
        (n,) series of labels as in the file, missing ones included; ``None`` without a label role.
    roles
        The roles the plan gives to columns.
    """

    frame: pd.DataFrame
    labels: pd.Series[Any] | None
    roles: Roles

    @property
    def features(self) -> pd.DataFrame:
        """The frame without the columns whose role is id, weight, group or ignore."""
        aside = {self.roles.id, self.roles.weight, self.roles.group, *self.roles.ignore}
        return self.frame[[c for c in self.frame.columns if c not in aside]]


@dataclass(frozen=True)
class Images:
    """Images with labels: float32 array (n, height, width, channels) in ``range``, memory-mapped."""

    pixels: np.ndarray
    labels: np.ndarray | None
    ids: np.ndarray | None
    range: tuple[float, float]


@dataclass(frozen=True)
class Texts:
    """Texts with references and labels, one per item."""

    strings: Sequence[str]
    references: Sequence[str] | None
    labels: Sequence[str] | None
    ids: Sequence[str] | None


@dataclass(frozen=True)
class Predictions:
    """What a model said about each row, beside what is true.

    Attributes
    ----------
    task
        ``classification`` or ``regression``.
    labels, predicted
        (n,) arrays. Classification: class names as text; regression: float64. Rows without a label are not here:
        the record counts them as invalid.
    probabilities
        (n, k) float64, columns in the order of ``classes``, rows summing to 1; ``None`` if the model gives none.
    classes
        The k class names, those of the model first, then labels the model does not know; empty for regression.
    ids, groups, weights
        (n,) arrays by the roles id, group and weight; ``None`` without the role.
    rows
        (n,) where each stands in the file, from 0; ``None`` where they are all its rows.
    """

    task: Task
    labels: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    ids: np.ndarray | None = None
    groups: np.ndarray | None = None
    weights: np.ndarray | None = None
    positive: str | None = None
    rows: np.ndarray | None = None


@dataclass(frozen=True)
class Design:
    """A declared attribute design: attributes with values, exclusions, expected frequencies, risk cases.

    ``bins`` are the edges of attributes that are ranges of numbers; in the table that comes with the design, such a
    column holds the names of the ranges already.
    """

    attributes: Mapping[str, tuple[str, ...]]
    exclusions: tuple[Mapping[str, str], ...] = ()
    frequencies: Mapping[str, Mapping[str, float]] | None = None
    risk_cases: tuple[Mapping[str, str], ...] = ()
    bins: Mapping[str, tuple[float, ...]] | None = None


@runtime_checkable
class Model(Protocol):
    """The model, as far as the manifest asks for it."""

    classes: tuple[str, ...]
    native: Any

    def predict(self, x: Any) -> np.ndarray:
        """(n,) class names as text, or float64 values."""

    def probabilities(self, x: Any) -> np.ndarray:
        """(n, k) float64, rows summing to 1, columns in the order of ``classes``."""

    def gradient(self, x: Any, y: Any) -> np.ndarray:
        """Gradient of the loss at ``(x, y)`` with respect to ``x``, of the shape of ``x``."""


# -- what a measuring function returns ------------------------------------------------------------------------


@dataclass(frozen=True)
class Estimate:
    """A number with an interval.

    Attributes
    ----------
    value, low, high
        Finite; ``low <= high``.
    level
        Confidence of the two-sided interval, in (0, 1); must be the plan's.
    n
        How many independent items it rests on.
    """

    value: float
    low: float
    high: float
    level: float
    n: int


@dataclass(frozen=True)
class Undefined:
    """There is no such number for this input; ``reason`` is a sentence for the page."""

    reason: str


FindingKind = Literal[
    "duplicate_rows",
    "train_test_overlap",
    "label_error",
    "label_conflict",
    "missing_values",
    "missing_combination",
    "shift",
    "new_category",
    "leak",
    "constant",
    "identifier",
    "mixed_type",
    "out_of_range",
    "outlier",
    "outdated",
    "weak_class",
    "weak_slice",
    "miscalibration",
    "instability",
    "unequal_rates",
    "too_few_cases",
    "unexpected_frequency",
    "drift",
    "no_gain",
    "negative_flips",
    "relation_violated",
]
FINDING_KINDS: tuple[str, ...] = get_args(FindingKind)


@dataclass(frozen=True)
class Subject:
    """What a finding is about: one of the fields is set. ``rows`` are positions in the file, from 0."""

    column: str | None = None
    slice: str | None = None
    class_: str | None = None
    pair: tuple[str, str] | None = None
    rows: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Finding:
    """A problem with a named subject.

    It counts only when the criterion on ``measure`` is not met; ``value`` is what was found there, and ``text``
    (English) says it in one sentence.
    """

    kind: FindingKind
    subject: Subject
    measure: str
    value: float
    text: str


@dataclass(frozen=True)
class Matrix:
    """Counts or ratios in a grid, such as a confusion matrix: ``values[i][j]`` is row i, column j."""

    KIND: ClassVar[str] = "matrix"
    values: Sequence[Sequence[float | None]]
    rows: Sequence[str]
    columns: Sequence[str]
    row_title: str = ""
    column_title: str = ""


@dataclass(frozen=True)
class DataTable:
    """Rows of cells under column names; cells are text, numbers, bools or ``None``."""

    KIND: ClassVar[str] = "table"
    columns: Sequence[str]
    rows: Sequence[Sequence[str | float | int | bool | None]]


@dataclass(frozen=True)
class Curve:
    """One or more named lines, each a list of (x, y) points."""

    KIND: ClassVar[str] = "curve"
    series: Mapping[str, Sequence[tuple[float, float]]]
    x_title: str = ""
    y_title: str = ""


@dataclass(frozen=True)
class Bars:
    """One value per label, with an interval where there is one."""

    KIND: ClassVar[str] = "bars"
    labels: Sequence[str]
    values: Sequence[float | None]
    low: Sequence[float | None] | None = None
    high: Sequence[float | None] | None = None
    title: str = ""

    @classmethod
    def of(cls, estimates: Sequence[tuple[str, Estimate]], title: str = "") -> Bars:
        """Make bars with intervals from named estimates, in their order."""
        values = [e for _, e in estimates]
        names = [name for name, _ in estimates]
        return cls(names, [e.value for e in values], [e.low for e in values], [e.high for e in values], title)


@dataclass(frozen=True)
class Histogram:
    """Counts per bin for one or more series; ``edges`` has one entry more than each list of counts."""

    KIND: ClassVar[str] = "histogram"
    edges: Sequence[float]
    counts: Mapping[str, Sequence[float]]
    x_title: str = ""


@dataclass(frozen=True)
class Prose:
    """A text, shown as it is."""

    KIND: ClassVar[str] = "text"
    text: str


Resource = Matrix | DataTable | Curve | Bars | Histogram | Prose
RESOURCE_TYPES: Mapping[str, type[Resource]] = {c.KIND: c for c in get_args(Resource)}
