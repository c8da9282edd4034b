"""What the author of an AIT imports: the values a measuring function gets and returns. Nothing heavy.

A measuring function gets some of :class:`Table`, :class:`Images`, :class:`Texts`, :class:`Predictions`,
:class:`Design`, :class:`ModelFiles`, a path, or an object with the :class:`Model` protocol, as its manifest asks, and
returns a mapping from the names its manifest declares to

* a number or bool, an :class:`Estimate`, an :class:`Undefined`, a mapping from keys to those (where the manifest
  says ``per``), or a list of them (where it says ``sequence``) for a measure,
* one of :class:`Matrix`, :class:`Coverage`, :class:`DataTable`, :class:`Curve`, :class:`Bars`, :class:`Histogram`,
  :class:`Prose`, :class:`SampleRows`, :class:`SampleImages` for a resource,
* and, under the name ``findings``, a list of :class:`Finding`.

Single rows of the data stand in :class:`SampleRows`, :class:`SampleImages` and the subjects of findings, and nowhere
else: ``--samples`` says how much of them is kept (see :class:`SampleRows`). All other resources, and every text, hold
what is true of many rows together.

Returning one :class:`Undefined` instead of the mapping says that nothing could be measured, and why. What a model
raises while it is asked comes as :class:`ModelFault`, whose ``found`` holds its words; left alone, it ends the
measurement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, get_args, runtime_checkable

from qmtestbed.errors import ModelFault

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = [
    "Bars",
    "Coverage",
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
    "ModelFile",
    "ModelFiles",
    "Predictions",
    "Prose",
    "Resource",
    "Roles",
    "SampleImages",
    "SampleRows",
    "Samples",
    "Subject",
    "Table",
    "Task",
    "Texts",
    "Undefined",
    "class_name",
]

Task = Literal["classification", "regression"]
Samples = Literal["none", "ids", "full"]
"""How much of single rows is kept: nothing, which rows they are, or also what stands in them."""


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
    """Images with labels: float32 array (n, height, width, channels) in ``range``, memory-mapped.

    ``rows`` is (n,) where each stands in the file, from 0; ``None`` where they are all its images.
    """

    pixels: np.ndarray
    labels: np.ndarray | None
    ids: np.ndarray | None
    range: tuple[float, float]
    rows: np.ndarray | None = None


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


Loading = Literal["unpickled", "beside", "code", "checked", "read"]
"""What loading a model does with a file: unpickles it; leaves it to code of the model's own, or to nobody (a pickle
beside); runs it; unpacks it after a look at the types that it names (skops); only reads it, or does not touch it."""


@dataclass(frozen=True)
class ModelFile:
    """One file of a logged model, as a scan saw it; it was not loaded.

    Attributes
    ----------
    path
        Within the model's folder.
    size
        In bytes; 0 for a file that is named and not there.
    form
        What it is, by its first bytes or its ending.
    loading
        What loading the model does with it.
    dangerous
        Functions as ``module.name`` that it names and that are known from attacks.
    untrusted
        Types as ``module.name`` that it names and that are not loaded.
    unread
        Why it could not be looked through; empty where it was, or where nothing in it can run.
    scanner
        Who looked through it, with version; empty where nobody did.
    """

    path: str
    size: int
    form: str
    loading: Loading
    dangerous: tuple[str, ...] = ()
    untrusted: tuple[str, ...] = ()
    unread: str = ""
    scanner: str = ""


@dataclass(frozen=True)
class ModelFiles:
    """The files of a logged model that was not loaded, and what a scan found in them.

    Attributes
    ----------
    folder
        Where they are, to be read and nothing more.
    flavours
        That its ``MLmodel`` names; the model can be loaded by each.
    files
        All of them, by path.
    code
        Code of the model's own, which no scan reads: files, folders, or the loader that reads the model.
    """

    folder: str
    flavours: tuple[str, ...]
    files: tuple[ModelFile, ...]
    code: tuple[str, ...] = ()


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
    "membership",
    "identifiable",
    "personal_data",
    "unsafe_file",
]
FINDING_KINDS: tuple[str, ...] = get_args(FindingKind)


@dataclass(frozen=True)
class Subject:
    """What a finding is about: one of the fields is set.

    ``rows`` are positions in the file, from 0. With ``--samples none`` they are left out before anything is written,
    and ``row_count`` says how many there were; an AIT does not set it.
    """

    column: str | None = None
    slice: str | None = None
    class_: str | None = None
    pair: tuple[str, str] | None = None
    rows: tuple[int, ...] | None = None
    row_count: int | None = None
    file: str | None = None


@dataclass(frozen=True)
class Finding:
    """A problem with a named subject.

    It counts only when the criterion on ``measure`` is not met; ``value`` is what was found there, and ``text``
    (English) says it in one sentence, without naming a row or quoting what stands in a single one: that is for
    :class:`SampleRows`.
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
class Coverage:
    """How many rows hold each combination of the values of two attributes (or of one, and of several together).

    Attributes
    ----------
    counts
        ``counts[i][j]`` rows hold value i of the one and j of the other; ``None`` where that can't occur.
    rows, columns
        The values.
    row_title, column_title
        The attributes.
    least
        A combination that can occur is missing where fewer rows hold it.
    """

    KIND: ClassVar[str] = "coverage"
    counts: Sequence[Sequence[int | None]]
    rows: Sequence[str]
    columns: Sequence[str]
    row_title: str = ""
    column_title: str = ""
    least: int = 1


Cell = str | float | int | bool | None


@dataclass(frozen=True)
class DataTable:
    """Lines of cells under column names; cells are text, numbers, bools or ``None``. Not for rows of the data.

    A column that bears the name of one with the role id is masked, and so is one with the role sensitive in which a
    value comes twice: such a table is of single rows.
    """

    KIND: ClassVar[str] = "table"
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


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


MASK = "●●●"
"""What stands in place of a value that is not kept."""


@dataclass(frozen=True)
class SampleRows:
    """Some rows of a table as examples, each with what was found about it; at most 200.

    What is kept is decided before anything is written, and no AIT can see it: with ``--samples none`` nothing; with
    ``ids`` (the default) all but ``cells``; with ``full`` also ``cells``, and the other columns of those rows of the
    table ``of``. Columns with the roles id and sensitive are masked always: a row number means something to those
    only who have the file.

    Attributes
    ----------
    rows
        (n,) positions in the file, from 0.
    told
        What was found, by title (n,) cells: numbers and words of the AIT, nothing that stands in the row.
    beside
        Positions of other rows that each goes with, by title (n,), such as the row that it repeats.
    cells
        What stands in the rows, or a model says to them, by column (n,).
    of
        The input that the rows are of.
    """

    KIND: ClassVar[str] = "rows"
    rows: Sequence[int]
    told: Mapping[str, Sequence[Cell]] = field(default_factory=dict)
    beside: Mapping[str, Sequence[int]] = field(default_factory=dict)
    cells: Mapping[str, Sequence[Cell]] = field(default_factory=dict)
    of: str = "data"


@dataclass(frozen=True)
class SampleImages:
    """Some images as examples, each once or in several states; made by :func:`qmtestbed.measuring.strips.strip`.

    With ``--samples none`` nothing of it is kept, with ``ids`` all but pixels and captions.

    Attributes
    ----------
    rows
        (n,) positions in the file, from 0.
    captions
        (n,) what was found about each, such as its class and the model's answer.
    states
        Names of the s states, such as undamaged and damaged.
    total, seed, population
        Out of how many they were drawn, with which seed, and which these are.
    size
        Height, width and channels (1, 3 or 4).
    pixels
        Base64 of n × s × height × width × channels bytes, in that order; empty where they are not kept.
    """

    KIND: ClassVar[str] = "images"
    rows: Sequence[int]
    captions: Sequence[str]
    states: Sequence[str]
    total: int
    seed: int
    population: str = ""
    size: tuple[int, int, int] = (0, 0, 0)
    pixels: str = ""

    @property
    def bytes_expected(self) -> int:
        """How many bytes the pixels are."""
        height, width, channels = self.size
        return len(self.rows) * len(self.states) * height * width * channels


Resource = Matrix | Coverage | DataTable | Curve | Bars | Histogram | Prose | SampleRows | SampleImages
RESOURCE_TYPES: Mapping[str, type[Resource]] = {c.KIND: c for c in get_args(Resource)}
