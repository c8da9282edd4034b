"""What a logged model takes: by the signature in its ``MLmodel`` file, or else by the input example beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

LARGEST_EXAMPLE = 4 * 2**20
_TIME = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class TakenColumn:
    """One column that a model takes.

    ``type`` is MLflow's name of it (``long``, ``double``, ``string``, …), or empty where it says none.
    """

    name: str
    type: str = ""
    required: bool = True


@dataclass(frozen=True)
class Signature:
    """What a model takes: columns with names, or one array of a shape.

    Attributes
    ----------
    columns
        In order; empty for an array.
    shape
        Of the array, -1 for any size; empty for columns.
    dtype
        Of the array, such as ``float32``; empty for columns.
    source
        Whether the model's signature says so, which MLflow's pyfunc enforces, or only its input example.
    """

    columns: tuple[TakenColumn, ...] = ()
    shape: tuple[int, ...] = ()
    dtype: str = ""
    source: Literal["signature", "input example"] = "signature"


def read_signature(description: Mapping[str, Any], folder: Path) -> Signature | None:
    """Tell what a model takes; ``None`` where its ``MLmodel`` file and its example do not."""
    signature = description.get("signature")
    inputs = signature.get("inputs") if isinstance(signature, Mapping) else None
    if isinstance(inputs, str):
        try:
            return _of_inputs(json.loads(inputs))
        except ValueError:
            return None
    return _of_example(description.get("saved_input_example_info"), folder)


def _of_inputs(inputs: Any) -> Signature | None:
    if not isinstance(inputs, list) or not inputs or not all(isinstance(i, Mapping) for i in inputs):
        return None
    if all(isinstance(i.get("name"), str) for i in inputs):
        return Signature(tuple(TakenColumn(i["name"], _type(i), i.get("required") is not False) for i in inputs))
    spec = inputs[0].get("tensor-spec")
    if len(inputs) == 1 and isinstance(spec, Mapping) and isinstance(spec.get("shape"), list):
        return Signature(shape=tuple(int(n) for n in spec["shape"]), dtype=str(spec.get("dtype", "")))
    return None


def _type(taken: Mapping[str, Any]) -> str:
    """Name the type of a column; an array with one number per row is a column of numbers."""
    spec = taken.get("tensor-spec")
    if not isinstance(spec, Mapping):
        return str(taken.get("type", ""))
    one = spec.get("shape") in ([-1], [-1, 1])
    # MLflow casts such a column to the dtype, so that any number will do.
    return "number" if one and str(spec.get("dtype")).startswith(("float", "int", "uint")) else ""


def _of_example(info: Any, folder: Path) -> Signature | None:
    """Names and kinds of the columns of a data frame that was logged as input example."""
    if not isinstance(info, Mapping) or info.get("pandas_orient") != "split":
        return None
    path = (folder / str(info.get("artifact_path"))).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file() or path.stat().st_size > LARGEST_EXAMPLE:
        return None
    try:
        example = json.loads(path.read_bytes())
    except ValueError:
        return None
    if info.get("params") and isinstance(example, Mapping):
        example = example.get("inputs")
    if not isinstance(example, Mapping):
        return None
    names, rows = example.get("columns"), example.get("data")
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        return None
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == len(names) for row in rows):
        return None
    types = (_type_of_values([row[i] for row in rows]) for i in range(len(names)))
    return Signature(tuple(TakenColumn(n, t) for n, t in zip(names, types, strict=True)), source="input example")


def _type_of_values(values: Sequence[Any]) -> str:
    """Name the type of a column by values as JSON has them: text there may stand for a time."""
    known = [v for v in values if v is not None]
    if known and all(isinstance(v, (bool, int, float)) for v in known):
        return "number"
    if known and all(isinstance(v, str) and not _TIME.match(v) for v in known):
        return "string"
    return ""
