"""Whether the data fit the model that is applied to them: its columns by name and kind, or its array by shape.

Refused is only what can't work. Whole numbers, floats and truth values stand for one another: scikit-learn and torch
take any of them as numbers. MLflow's pyfunc enforces the signature and is stricter: what it refuses is refused here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from qmtestbed.ait import Roles
from qmtestbed.errors import Problem, suggestion
from qmtestbed.resolve.arrays import ImagesFacts
from qmtestbed.resolve.columns import ColumnType, Kind
from qmtestbed.resolve.datasets import TableFacts
from qmtestbed.resolve.models import ModelFacts
from qmtestbed.resolve.signatures import Signature, TakenColumn
from qmtestbed.types.plan import Inventory

MOST_NAMED = 8


@dataclass(frozen=True)
class Pair:
    """A model and the data that it is applied to; ``where`` names their inventories for messages."""

    model: ModelFacts
    data: TableFacts | ImagesFacts
    inventory: Inventory
    where: str

    def problem(self, found: str, do: str) -> Problem:
        """Say that the two do not fit."""
        told = self.model.takes.source if self.model.takes else "signature"
        what = f"{self.inventory.shown} does not fit the {told} of the model {self.model.requested}"
        return Problem(what, self.where, found, do)

    def refusal(self, found: str, do: str) -> Problem:
        """Say that MLflow's pyfunc refuses the data for the model."""
        what = f"MLflow's pyfunc refuses {self.inventory.shown} for the model {self.model.requested}"
        return Problem(what, self.where, found, do)


def misfits(pair: Pair) -> Iterator[Problem]:
    """Say why a model can't be applied to data; nothing where it can, or where metadata can't tell."""
    takes, data = pair.model.takes, pair.data
    if takes is None:
        return
    if isinstance(data, ImagesFacts):
        yield from _shape_of_images(pair, takes, data)
    elif takes.columns:
        yield from _hidden(pair, takes)
        yield from _missing(pair, takes, data)
        yield from _other_kinds(pair, takes, data)
        yield from _refused_by_pyfunc(pair, takes, data)
    else:
        yield from _width(pair, takes, data)


def training_misfits(pair: Pair) -> Iterator[Problem]:
    """Say why a model can't have been trained on a table: it lacks features, or holds other kinds of values.

    Labels may have another name there, and there may be more columns. Whether MLflow's pyfunc would take it does not
    count: most AITs do not apply the model to it.
    """
    takes, data = pair.model.takes, pair.data
    if takes is None or isinstance(data, ImagesFacts):
        return
    if takes.columns:
        yield from _missing(pair, takes, data)
        yield from _other_kinds(pair, takes, data)
        return
    seen, _ = _seen_and_given(pair.inventory.roles, data.columns)
    if len(takes.shape) == 2 and len(seen) < takes.shape[1]:
        found = f"it takes {takes.shape[1]} features, and here are {len(seen)}: {_listed(seen)}"
        yield pair.problem(found, "give the table all columns that it was trained with")


def strangers(data: TableFacts, train: TableFacts, shown: tuple[str, str], where: str) -> Iterator[Problem]:
    """Refuse two tables as test and training data where fewer than half of the columns of the narrower are in both."""
    common = [c for c in data.columns if c in train.columns]
    if 2 * len(common) < min(len(data.columns), len(train.columns)):
        both = f"in both: {_listed(common)}" if common else "in both: none"
        found = f"{both}; in {shown[1]} alone: {_listed([c for c in train.columns if c not in data.columns])}"
        what = f"{shown[0]} and {shown[1]} share too few columns to be test and training data"
        yield Problem(what, where, found, "give the data that the model was trained on, with the same names of columns")


# -- columns by name ------------------------------------------------------------------------------------------


def _hidden(pair: Pair, takes: Signature) -> Iterator[Problem]:
    roles = pair.inventory.roles
    hidden = [c.name for c in takes.columns if c.name == roles.label or c.name in roles.ignore]
    if hidden and takes.source == "signature":
        yield Problem(
            f"the model {pair.model.requested} takes columns that no model may see",
            pair.where,
            ", ".join(f"{f!r} ({'label' if f == roles.label else 'ignore'})" for f in hidden),
            "a model that is given the truth proves nothing: take the role away, or train it without the column",
        )


def _missing(pair: Pair, takes: Signature, data: TableFacts) -> Iterator[Problem]:
    missing = [c.name for c in takes.columns if c.required and c.name not in data.columns]
    if missing:
        near = suggestion(missing[0], data.columns)
        yield Problem(
            f"the model {pair.model.requested} takes features that {pair.inventory.shown} does not have",
            pair.where,
            _listed([repr(f) for f in missing]),
            f"add or rename the columns; {near}" if near else "add the columns",
        )


_NUMBERS: tuple[Kind, ...] = ("number", "truth", "other")
_TAKEN: Mapping[str, tuple[Kind, ...]] = {
    **dict.fromkeys(("number", "long", "integer", "double", "float", "boolean"), _NUMBERS),
    "string": ("text", "other"),
    "datetime": ("time", "other"),
}
"""MLflow's type of a column → kinds of values that it can be given; types that are not here can be given any."""

_SMALL = ("int8", "int16", "int32", "uint8", "uint16")
ENFORCED: Mapping[str, tuple[str, ...]] = {
    "long": (*_SMALL, "uint32", "int64"),
    "integer": _SMALL,
    "double": (*_SMALL, "uint32", "float16", "float32", "float64"),
    "float": ("float16", "float32"),
    "boolean": ("bool",),
    "string": ("str",),
    "binary": ("str",),
    "datetime": ("datetime64",),
}
"""MLflow's type of a column → dtypes that pyfunc takes for it (found by running MLflow 3.17.2; a test compares)."""


_Typed = tuple[TakenColumn, ColumnType]


def _there(takes: Signature, data: TableFacts) -> tuple[list[_Typed], list[_Typed]]:
    """Columns that the data have, with their types: those of a kind that the model can take, and the others."""
    there = [(c, data.types.get(c.name, ColumnType("other"))) for c in takes.columns if c.name in data.columns]
    wrong = [(c, t) for c, t in there if t.kind not in _TAKEN.get(c.type, (t.kind,))]
    return [pair for pair in there if pair not in wrong], wrong


def _other_kinds(pair: Pair, takes: Signature, data: TableFacts) -> Iterator[Problem]:
    _, wrong = _there(takes, data)
    if wrong:
        found = [f"{c.name!r}: the model takes {_WORD.get(c.type, c.type)}, the data have {t.kind}" for c, t in wrong]
        yield pair.problem(_listed(found), _do(wrong, data))


def _refused_by_pyfunc(pair: Pair, takes: Signature, data: TableFacts) -> Iterator[Problem]:
    if pair.model.flavour != "python_function" or takes.source != "signature":
        return
    fitting, _ = _there(takes, data)
    strict = [(c, t) for c, t in fitting if t.dtype and t.dtype not in ENFORCED.get(c.type, (t.dtype,))]
    if strict:
        found = [f"{c.name!r}: the signature says {c.type}, the data have {t.dtype}" for c, t in strict]
        yield pair.refusal(_listed(found), _REWRITE)


_REWRITE = "write the columns with the dtype of the signature, or log the model with the signature that it needs"

_WORD: Mapping[str, str] = {
    **{t: f"numbers ({t})" for t in ("long", "integer", "double", "float")},
    "number": "numbers",
    "boolean": "truth values (boolean)",
    "string": "text (string)",
    "datetime": "times (datetime)",
}


def _do(wrong: Iterable[tuple[TakenColumn, ColumnType]], data: TableFacts) -> str:
    if data.path.suffix.lower() not in (".csv", ".tsv"):
        return "write the columns as the model takes them, or log it with the signature that it needs"
    if any(c.type == "datetime" for c, _ in wrong):
        return "times in a CSV file are text: give the table as .parquet"
    return "a word that is no number makes a CSV column text, and codes such as 12 are numbers: .parquet is exact"


# -- arrays by shape ------------------------------------------------------------------------------------------


def _width(pair: Pair, takes: Signature, data: TableFacts) -> Iterator[Problem]:
    """Compare the columns that the model would be given with the features of the one array that it takes."""
    if len(takes.shape) > 2 and pair.model.flavour != "sklearn":
        yield pair.problem(f"it takes {_shape(takes.shape)}, and the data are a table", "give it images (.npz)")
    if len(takes.shape) != 2:
        return
    width, (seen, given) = takes.shape[1], _seen_and_given(pair.inventory.roles, data.columns)
    if pair.model.flavour == "sklearn":
        # A pipeline may choose its columns by name, which the signature of an array does not tell: more may be right.
        if len(seen) < width:
            found = f"it takes {width} features, and would be given {len(seen)}: {_listed(seen)}"
            yield pair.problem(found, "give the table all columns that it was trained with")
    elif width not in (-1, len(given)):
        found = f"it takes {width} features, and would be given {len(given)}: {_listed(given)}"
        yield pair.problem(found, _LEAVE_OUT)
    else:
        yield from _array_of(pair, takes.dtype, {c: data.types.get(c, ColumnType("other")) for c in given})


_LEAVE_OUT = "leave columns out: ignore them, or give them the role id, group, weight or time"


def _seen_and_given(roles: Roles, columns: Iterable[str]) -> tuple[list[str], list[str]]:
    """Columns that a model may see, and those of them that it is given where it does not name its features."""
    seen = [c for c in columns if c != roles.label and c not in roles.ignore]
    return seen, [c for c in seen if c not in (roles.id, roles.group, roles.weight, roles.time)]


def _array_of(pair: Pair, dtype: str, types: Mapping[str, ColumnType]) -> Iterator[Problem]:
    """Say why columns do not make an array of a dtype."""
    if not dtype.startswith(("float", "int", "uint")):
        return
    text = [repr(c) for c, t in types.items() if t.kind in ("text", "time")]
    if text:
        yield pair.problem(f"it takes numbers ({dtype}), and {_listed(text)} are none", _LEAVE_OUT)
    elif pair.model.flavour == "python_function" and _common(types.values()) not in ("", dtype):
        made = _common(types.values())
        yield pair.refusal(f"the signature says {dtype}, and the columns together are {made}", _REWRITE)


def _common(types: Iterable[ColumnType]) -> str:
    """Name the dtype of the array that columns of numbers make together; empty where that is not plain."""
    found = {t.dtype for t in types}
    if len(found) == 1:
        return found.pop()
    return "float64" if "float64" in found and found <= {"float64", "float32", "int64", "int32"} else ""


def _shape_of_images(pair: Pair, takes: Signature, data: ImagesFacts) -> Iterator[Problem]:
    size = (*data.shape[1:], 1)[:3]
    if takes.columns:
        if takes.source == "signature" and len(takes.columns) != prod(size):
            found = f"it takes {len(takes.columns)} features, and an image has {prod(size)} numbers"
            yield pair.problem(found, "give the data that it was trained on")
    elif not _can_be_given(pair.model.flavour, takes.shape[1:], size):
        found = f"it takes {_shape(takes.shape)}, the images are {_shape((-1, *size))}"
        yield pair.problem(found, "give images of that size")
    elif pair.model.flavour == "python_function" and takes.dtype != "float32":
        found = f"the signature says {takes.dtype}, and images are given as float32 in [0, 1]"
        yield pair.refusal(found, "log the model with a signature of float32")


def _can_be_given(flavour: str, wanted: Sequence[int], size: tuple[int, ...]) -> bool:
    """Whether images of (height, width, channels) can be given in the shape that is taken."""
    height, width, channels = size
    flat, first = (prod(size),), (channels, height, width)
    ways: tuple[tuple[int, ...], ...] = (size,)
    if flavour == "sklearn":
        # It is given flat rows; where it takes more dimensions, a step of its own may shape them.
        return len(wanted) != 1 or wanted[0] in (-1, *flat)
    if flavour == "pytorch":
        ways = (flat, size, first, *([(height, width)] if channels == 1 else []))
    return any(len(w) == len(wanted) and all(a in (-1, b) for a, b in zip(wanted, w, strict=True)) for w in ways)


def _shape(shape: Iterable[int]) -> str:
    return "(" + ", ".join("n" if n == -1 else str(n) for n in shape) + ")"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (f" … {len(names)} in all" if len(names) > MOST_NAMED else "")
