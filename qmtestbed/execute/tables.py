"""Tables and predictions in the child: from files to the values that measuring functions get."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from qmtestbed.ait import Predictions, Roles, Table, Task, class_name
from qmtestbed.errors import JobError
from qmtestbed.execute.agreement import agreement
from qmtestbed.execute.declared import check_positive
from qmtestbed.types.job import JobInput
from qmtestbed.types.layout import Layout, find_layout
from qmtestbed.types.record import Items

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
MAX_INTEGER_CLASSES = 20
TOLERANCE = 1e-4
"""How far a row of probabilities may be from summing to 1."""


def read_frame(source: JobInput, columns: Sequence[str] | None = None, rows: int | None = None) -> pd.DataFrame:
    """Read a table file: all of it, or some columns, or its first rows."""
    path = Path(source.path or "")
    names = None if columns is None else list(columns)
    try:
        if path.suffix.lower() in _SEPARATORS:
            frame = pd.read_csv(
                path,
                sep=_SEPARATORS[path.suffix.lower()],
                usecols=names,
                nrows=rows,
                encoding="utf-8-sig",
                dtype=str,
                keep_default_na=False,
                na_values=[""],
                index_col=False,
            )
            frame = frame if names is None else frame[names]
            return frame.apply(typed) if len(frame.columns) else frame
        table = _first_rows(path, names, rows) if rows else pq.read_table(path, columns=names, use_threads=False)
        # Column by column, each let go of once it is copied: at no time are there two whole tables.
        result: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True, ignore_metadata=True)
        del table
        result = result.drop(columns=[c for c in result.columns if _UNNAMED_INDEX.fullmatch(str(c))])
        pa.default_memory_pool().release_unused()
        return result.copy() if result.shape[1] > _WIDE and result.size <= _MOST_COPIED else result
    except (pa.ArrowException, pd.errors.ParserError, ValueError, OSError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        what, do = f"the table {source.name} can't be read", "write the file again"
        raise JobError(what, found=type(error).__name__, do=do, quotes=first) from None


MISSING_NUMBERS = frozenset({"NA", "N/A", "NaN", "nan", "NULL", "null", "None"})
"""Words that stand for a missing value in a column of numbers; in a column of text they are text."""

_TRUTH = {"True": True, "true": True, "TRUE": True, "False": False, "false": False, "FALSE": False}
_CODE = re.compile(r"[-+]?0\d|.*\d[eE][-+]?\d|.*_")
_WIDE, _MOST_COPIED = 200, 20_000_000
"""A wide table of not too many cells is put together once: taking rows of a thousand single columns is slow."""
_UNNAMED_INDEX = re.compile(r"__index_level_\d+__")


def typed(text: pd.Series[Any]) -> pd.Series[Any]:
    """Give a column of a CSV file its type: numbers or truth values where every value is one, else text as it stands.

    Only the empty cell is missing, and in a column of numbers the words of ``MISSING_NUMBERS``. Codes stay text: ``01``
    and ``1`` are different, and so are ``1E2`` and ``100`` where all others are whole numbers. Whole numbers beside
    missing ones stay whole where a float could not tell them apart.
    """
    words = text.dropna()
    numbers = words[~words.isin(MISSING_NUMBERS)]
    if numbers.empty:
        return text
    if words.isin(list(_TRUTH)).all():
        return text.map(_TRUTH) if len(words) == len(text) else text.map(_TRUTH).astype("boolean")
    values = pd.to_numeric(numbers, errors="coerce")
    if values.isna().any() or _are_codes(numbers):
        return text
    if len(values) == len(text):
        return values
    whole = pd.api.types.is_integer_dtype(values) and values.abs().max() > 2**53
    return values.astype("Int64" if whole else "float64").reindex(text.index)


def _are_codes(numbers: pd.Series[Any]) -> bool:
    """Whether values that look like numbers are codes: with leading zeros, or an exponent among whole numbers."""
    odd = numbers[numbers.str.match(_CODE)]
    if odd.empty:
        return False
    if odd.str.match(r"[-+]?0\d").any() or odd.str.contains("_", regex=False).any():
        return True
    return not numbers.str.contains(".", regex=False).any() and len(odd) < len(numbers)


def _first_rows(path: Path, columns: list[str] | None, rows: int) -> pa.Table:
    batches = pq.ParquetFile(path).iter_batches(rows, columns=columns, use_threads=False)
    return pa.Table.from_batches([next(batches)])


def load_table(source: JobInput, limit: int | None, seed: int) -> tuple[Table, Items]:
    """Load a table, subsampled to ``limit`` rows with the seed where it has more."""
    roles = source.roles or Roles()
    frame = read_frame(source).reset_index(drop=True)
    planned = len(frame)
    ids = digest_of_ids(frame[roles.id] if roles.id else None, planned)
    frame = frame.iloc[subsample(planned, limit, seed)]
    labels = frame[roles.label] if roles.label else None
    features = frame.drop(columns=[c for c in (roles.label,) if c])
    items = Items(planned, len(frame), len(frame), 0, ids)
    return Table(features, labels, roles), items


def subsample(n: int, limit: int | None, seed: int) -> np.ndarray:
    """Positions of a seeded sample without replacement, in order; all positions when ``n`` is within the limit."""
    if limit is None or n <= limit:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, size=limit, replace=False))


def digest_of_ids(ids: pd.Series[Any] | None, n: int) -> str:
    """SHA-256 over the planned items: their ids, or their positions where they have none."""
    if ids is None:
        return hashlib.sha256(f"rows 0 to {n - 1}".encode()).hexdigest()
    return hashlib.sha256("\n".join(map(str, ids)).encode()).hexdigest()


def task_of_labels(labels: pd.Series[Any]) -> tuple[Task, str]:
    """Tell the task from the labels, and why: text, bool or at most 20 integers are classes."""
    known = labels.dropna()
    if not pd.api.types.is_numeric_dtype(known) or pd.api.types.is_bool_dtype(known):
        return "classification", "the labels are text or truth values"
    values = pd.unique(known)
    if len(values) <= MAX_INTEGER_CLASSES and all(float(v).is_integer() for v in values):
        return "classification", f"the labels are {len(values)} different whole numbers"
    return "regression", "the labels are numbers"


def class_names(values: pd.Series[Any]) -> np.ndarray:
    """Give the one spelling of each class as an object array; ``None`` where the value is missing."""
    codes, uniques = pd.factorize(values)
    names = np.array([*(class_name(u) for u in uniques), None], dtype=object)
    return names[codes]  # a missing value has code -1, the last name


# -- predictions ----------------------------------------------------------------------------------------------


def write_predictions(predictions: Predictions, path: Path) -> None:
    """Write predictions as one Arrow file: every row, those without a label included."""
    text = predictions.task == "classification"
    arrays: dict[str, Any] = {}
    for name, values in (("label", predictions.labels), ("predicted", predictions.predicted)):
        array = pa.array(values, type=pa.string() if text else pa.float64(), from_pandas=True)
        arrays[name] = array.dictionary_encode() if text else array
    for name in ("ids", "groups", "weights"):
        if getattr(predictions, name) is not None:
            arrays[name] = pa.array(getattr(predictions, name), from_pandas=True)
    if predictions.probabilities is not None:
        arrays |= {f"p{j}": pa.array(p) for j, p in enumerate(predictions.probabilities.T)}
    facts = {"task": predictions.task, "classes": predictions.classes, "positive": predictions.positive}
    table = pa.table(arrays).replace_schema_metadata({"qmtestbed": json.dumps(facts, ensure_ascii=False)})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def load_predictions(source: JobInput, limit: int | None, seed: int) -> tuple[Predictions, Items]:
    """Load predictions, from the job that made them or from a user's file; rows without a label count as invalid."""
    everything = _from_arrow(source) if source.job else _from_file(source)
    planned = len(everything.predicted)
    ids = digest_of_ids(None if everything.ids is None else pd.Series(everything.ids), planned)
    labels = everything.labels
    chosen = subsample(planned, limit, seed)
    keep = chosen[~pd.isna(labels[chosen])]
    items = Items(planned, len(chosen), len(keep), len(chosen) - len(keep), ids)
    return take(everything, keep), items


def take(p: Predictions, keep: np.ndarray) -> Predictions:
    """Give the predictions at some positions; they still know where they stand in the file."""

    def cut(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else values[keep]

    return Predictions(
        p.task,
        p.labels[keep],
        p.predicted[keep],
        cut(p.probabilities),
        p.classes,
        cut(p.ids),
        cut(p.groups),
        cut(p.weights),
        p.positive,
        keep if p.rows is None else p.rows[keep],
    )


def _from_arrow(source: JobInput) -> Predictions:
    with pa.memory_map(source.path or "") as stream:
        table = pa.ipc.open_file(stream).read_all()
    facts = json.loads(table.schema.metadata[b"qmtestbed"])
    frame = table.to_pandas()
    text = facts["task"] == "classification"
    probabilities = [c for c in frame.columns if c.startswith("p") and c[1:].isdigit()]

    def column(name: str) -> np.ndarray | None:
        return frame[name].to_numpy() if name in frame.columns else None

    return Predictions(
        facts["task"],
        frame["label"].astype(object).where(frame["label"].notna(), None).to_numpy()
        if text
        else frame["label"].to_numpy(dtype=float),
        frame["predicted"].astype(object).to_numpy() if text else frame["predicted"].to_numpy(dtype=float),
        frame[probabilities].to_numpy(dtype=float) if probabilities else None,
        tuple(facts["classes"]),
        column("ids"),
        column("groups"),
        column("weights"),
        facts["positive"],
    )


def _from_file(source: JobInput) -> Predictions:
    """Read a table that holds the truth as well: the label column beside the predictions."""
    roles = source.roles or Roles()
    frame = read_frame(source)
    if roles.label is None:
        found, do = ", ".join(map(str, frame.columns[:8])), "give a column the role label, or bind the data as well"
        raise JobError(f"{source.name} holds predictions without the truth", found=found, do=do)
    layout = layout_in(frame, [c for c in (roles.id, roles.group, roles.weight, roles.time) if c], roles, source.name)
    labels, predicted = frame[roles.label], answers_in(frame, layout, roles, source.name)
    task = roles.task or task_of_labels(labels)[0]
    frames = {n: frame[c].to_numpy() for n, c in (("i", roles.id), ("g", roles.group), ("w", roles.weight)) if c}
    if task == "regression":
        values = labels.to_numpy(dtype=float), values_in(predicted.said, source.name)
        return Predictions(task, *values, ids=frames.get("i"), groups=frames.get("g"), weights=frames.get("w"))
    names, said = class_names(labels), classes_in(predicted.said, source.name)
    known = predicted.classes or roles.classes or ()
    in_labels = sorted({n for n in names if n is not None})
    if in_labels and not set(said) & set(in_labels) and not set(known) & set(in_labels):
        found = f"predicted: {', '.join(sorted(set(said))[:5])}; labels: {', '.join(in_labels[:5])}"
        raise JobError(f"predictions and labels in {source.name} have no class in common", found=found,
                       do="give both the same names")  # fmt: skip
    known = (*(known or sorted({*in_labels, *said})), *(c for c in in_labels if known and c not in known))
    check_positive(roles.positive, known, f"the file {source.name}")
    agreement(said, predicted.probabilities, known, f"the file {source.name}")
    return Predictions(
        task,
        names,
        said,
        predicted.probabilities,
        known,
        frames.get("i"),
        frames.get("g"),
        frames.get("w"),
        roles.positive,
    )


# -- what a user's file says ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """Predictions as a file has them: classes or values as they stand there, probabilities where it has them."""

    said: pd.Series[Any]
    probabilities: np.ndarray | None = None
    classes: tuple[str, ...] = ()


def layout_in(frame: pd.DataFrame, aside: Sequence[str], roles: Roles, name: str) -> Layout:
    """Tell which columns of a file are predictions; :class:`JobError` if that can't be told."""
    columns = [str(c) for c in frame.columns]
    try:
        return find_layout(columns, aside, roles.label)
    except ValueError as error:
        raise JobError(f"{name} holds no predictions", found=", ".join(columns[:8]), do=str(error)) from None


def answers_in(frame: pd.DataFrame, layout: Layout, roles: Roles, name: str) -> Said:
    """Read the columns of predictions; where only probabilities are given, the most probable class is predicted."""
    if not layout.probabilities:
        return Said(frame[layout.predicted])
    said = () if layout.predicted is None else class_names(frame[layout.predicted].dropna())
    classes, probabilities = _probabilities_in(frame, layout.classes, roles, name, said)
    if layout.predicted is not None:
        return Said(frame[layout.predicted], probabilities, classes)
    likeliest = np.array(classes, dtype=object)[probabilities.argmax(axis=1)]
    return Said(pd.Series(likeliest, index=frame.index), probabilities, classes)


def classes_in(said: pd.Series[Any], name: str) -> np.ndarray:
    """Give predicted classes by their one spelling; :class:`JobError` if one is missing."""
    _refuse_rows(name, "are missing", np.flatnonzero(pd.isna(said)))
    return class_names(said)


def values_in(said: pd.Series[Any], name: str) -> np.ndarray:
    """Give predicted values; :class:`JobError` if one is missing or no finite number."""
    values = pd.to_numeric(said, errors="coerce").to_numpy(dtype=float)
    _refuse_rows(name, "are no finite numbers", np.flatnonzero(~np.isfinite(values)))
    return values


def _probabilities_in(
    frame: pd.DataFrame, named: Sequence[str], roles: Roles, name: str, said: Iterable[str]
) -> tuple[tuple[str, ...], np.ndarray]:
    """Give the classes, and the probabilities in their order: matched by name, whatever the order of either."""
    if roles.classes and set(named) != set(roles.classes):
        found = f"columns for {', '.join(named)}; declared: {', '.join(roles.classes)}"
        raise JobError(f"the probabilities in {name} are not of the declared classes", found=found)
    classes = roles.classes or tuple(named)
    values = frame[[f"p[{c}]" for c in classes]].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    off = ~np.isfinite(values).all(axis=1)
    off |= (values < -TOLERANCE).any(axis=1) | (np.abs(values.sum(axis=1) - 1) > TOLERANCE)
    if off.any():
        first = int(np.flatnonzero(off)[0])
        found = f"{int(off.sum())} of {len(values)} rows; the first is row {first}"
        if lacking := sorted({*said} - {*classes}):
            what = f"the probabilities in {name} have no column for a class that is predicted"
            columns = ", ".join(f"p[{c}]" for c in lacking[:5])
            raise JobError(what, found=f"no {columns}", do=f"add {columns}, so that each row sums to 1")
        raise JobError(f"the probabilities in {name} do not sum to 1 in each row", found=found,
                       quotes=f"it is {values[first][:6].tolist()}",
                       do="write probabilities between 0 and 1 that sum to 1")  # fmt: skip
    return classes, values


def _refuse_rows(name: str, what: str, rows: np.ndarray) -> None:
    if len(rows):
        raise JobError(
            f"{len(rows)} predictions in {name} {what}",
            found="the first: " + ", ".join(map(str, rows[:5])),
            do="the model must answer every row; mend it or its input",
        )
