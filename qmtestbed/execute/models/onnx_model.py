"""ONNX models, by ONNX Runtime itself, on the CPU with one thread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd

from qmtestbed.ait import Task
from qmtestbed.errors import ModelFault
from qmtestbed.execute.models.boundary import Boundary, chosen, columns_given, first_bytes
from qmtestbed.execute.models.layout import arranged, layout_of
from qmtestbed.execute.outputs import DECLARE, Interpreted, interpret
from qmtestbed.execute.tables import class_names
from qmtestbed.types.job import JobInput

BATCH = 1024

_DTYPES: Mapping[str, type] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(int16)": np.int16,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}
_OF_CLASSES = ("labels", "probabilities", "logits")


class OnnxModel:
    """A graph with one input for all columns or one for each, and one output or a classifier's two.

    A classifier that was converted from scikit-learn answers with its classes and, beside them, with a mapping from
    class to probability per item (ZipMap), or with rows of probabilities without names. Those count only where classes
    are declared and the greatest of each row is the class that was answered: nothing is guessed.
    """

    gives_gradient = False
    scanned = ""

    def __init__(self, source: JobInput, folder: Path, description: Mapping[str, Any]) -> None:
        entry = description["flavors"]["onnx"]
        self.written_by = f"onnx {entry.get('onnx_version', 'unknown')}"
        self._source, self._folder = source, folder
        path = folder / str(entry.get("data", "model.onnx"))
        written = f"{first_bytes(path)}; written by {self.written_by}, running onnxruntime {onnxruntime.__version__}"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        with Boundary(source.name, "can't be loaded", written, folder):
            self.native = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            self._inputs = self.native.get_inputs()
            outputs = self.native.get_outputs()
        self._labels, self._scores = _roles_of_outputs(outputs, source)
        self.names_features = len(self._inputs) > 1
        self.classes = source.classes or ()
        declared = bool(source.classes) or source.outputs in _OF_CLASSES
        self.kind: Task | None = "classification" if declared or (self._labels and self._scores) else None

    def answer(self, x: Any, task: Task, *, classes_only: bool = False) -> Interpreted:
        """Run the graph, batch by batch."""
        asked = [o.name for o in (self._labels, self._scores) if o is not None]
        parts: list[list[Any]] = [[] for _ in asked]
        with Boundary(self._source.name, "can't answer these items", folder=self._folder):
            for feed, count in self._feeds(x):
                for kept, found in zip(parts, self.native.run(asked, feed), strict=True):
                    kept.append(found[:count])
        found = dict(zip(asked, map(_joined, parts), strict=True))
        labels = found.get(self._labels.name) if self._labels else None
        scores = found.get(self._scores.name) if self._scores else None
        if labels is None or task == "regression":
            return interpret(scores if labels is None else labels, task, self._source.outputs, self._source.classes)
        read = interpret(labels, task, "labels", self.classes or None)
        if scores is None or classes_only:
            return read
        return self._with_scores(read, scores)

    def answer_as_logged(self, x: Any) -> int:
        """Run the graph on an array in the layout it was logged in, or on columns."""
        asked = [(self._labels or self._scores).name]
        with Boundary(self._source.name, "can't answer its own input example", folder=self._folder):
            feed = {self._inputs[0].name: _cast(x, self._inputs[0])} if isinstance(x, np.ndarray) else self._arrays(x)
            return len(self.native.run(asked, feed)[0])

    def gradient(self, x: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Refuse: the graph is made for inference."""
        raise ModelFault("an ONNX model gives no gradient")

    def _with_scores(self, read: Interpreted, scores: Any) -> Interpreted:
        """Put probabilities beside the classes that were answered, where it is known which column is which class."""
        classes = self._source.classes or self.classes or None
        if not isinstance(scores, pd.DataFrame) and classes is None:
            return read
        rows = interpret(scores, "classification", "probabilities", classes)
        if rows.probabilities is None:
            return read
        said = np.array([rows.classes.index(c) if c in rows.classes else -1 for c in read.predicted])
        greatest = rows.probabilities.max(axis=1)
        wrong = np.flatnonzero((said < 0) | (rows.probabilities[np.arange(len(said)), said] < greatest - 1e-6))
        if len(wrong):
            i = int(wrong[0])
            shown = np.array2string(rows.probabilities[i][:6], precision=4)
            found = f"{len(wrong)} of {len(said)} rows; row {i}: class {read.predicted[i]!r}, probabilities {shown}"
            do = f"declare the classes in the order of the columns; declared: {', '.join(rows.classes)}"
            raise ModelFault("the model's classes and its probabilities do not agree", found=found, do=do)
        return Interpreted(read.predicted, rows.probabilities.clip(0, 1), rows.classes)  # -1e-7 is rounding

    def _feeds(self, x: Any) -> Iterator[tuple[dict[str, np.ndarray], int]]:
        """Give what the graph takes, batch by batch, and how many items of each are real.

        A graph that was exported for a fixed number of items gets just as many: the last one is repeated.
        """
        arrays = self._arrays(x)
        fixed = self._inputs[0].shape[0] if self._inputs[0].shape else None
        size = fixed if isinstance(fixed, int) and fixed > 0 else None
        step, n = size or BATCH, len(x)
        for start in range(0, n, step):
            count = min(step, n - start)
            feed = {name: a[start : start + step] for name, a in arrays.items()}
            if size and count < size:
                feed = {k: np.concatenate([a, np.repeat(a[-1:], size - count, axis=0)]) for k, a in feed.items()}
            yield feed, count

    def _arrays(self, x: Any) -> dict[str, np.ndarray]:
        first = self._inputs[0]
        if isinstance(x, np.ndarray):
            expected = [d if isinstance(d, int) else -1 for d in first.shape]
            return {first.name: _cast(arranged(x, layout_of(expected or None, x.shape)), first)}
        with Boundary(self._source.name, "can't take these columns", folder=self._folder):
            if not self.names_features:
                return {first.name: _cast(columns_given(x, self._source).to_numpy(), first)}
            frame = chosen(x, tuple(i.name for i in self._inputs))
            return {i.name: _cast(frame[i.name].to_numpy().reshape(len(frame), -1), i) for i in self._inputs}


def _roles_of_outputs(outputs: list[Any], source: JobInput) -> tuple[Any, Any]:
    """Tell which output has the classes and which the numbers: by type and name, and by what the plan declares.

    Raises
    ------
    ModelFault
        There are several and nothing tells them apart.
    """
    if len(outputs) == 1:
        return None, outputs[0]
    labels = [o for o in outputs if o.type in ("tensor(int64)", "tensor(int32)", "tensor(string)")]
    scores = [o for o in outputs if o not in labels and "prob" in o.name.lower()]
    if not scores:
        scores = [o for o in outputs if o not in labels]
    if source.outputs == "labels" and len(labels) == 1:
        return labels[0], None
    if source.outputs in ("probabilities", "logits", "values") and len(scores) == 1:
        return None, scores[0]
    if len(labels) == 1 and len(scores) == 1:
        return labels[0], scores[0]
    found = ", ".join(f"{o.name} ({o.type})" for o in outputs)
    raise ModelFault(f"it is not known which output of the model {source.name} is meant", found=found, do=DECLARE)


def _joined(parts: list[Any]) -> Any:
    """Put the answers of all batches together; mappings become columns named by class."""
    if isinstance(parts[0], list):
        rows = [row for part in parts for row in part]
        frame = pd.DataFrame(rows)
        frame.columns = pd.Index(class_names(pd.Series(list(frame.columns))))
        return frame
    return np.concatenate(parts)


def _cast(array: np.ndarray, given: Any) -> np.ndarray:
    """Give values in the type that an input takes, where that loses nothing but digits.

    Raises
    ------
    ModelFault
        A missing or fractional value for an input of whole numbers, a missing one for an input of text.
    """
    kind = _DTYPES.get(given.type)
    what = f"the model's input {given.name!r} takes {given.type}"
    if kind is None:
        raise ModelFault(what, found="a type that can't be given")
    if kind is np.object_:
        if pd.isna(array).any():
            raise ModelFault(what, found="missing values", do="fill them, or convert the model so that it takes them")
        return np.ascontiguousarray(array.astype(str).astype(object))
    if np.issubdtype(kind, np.integer):
        numbers = array.astype(np.float64)
        if not (np.isfinite(numbers) & (numbers == np.trunc(numbers))).all():
            do = "mend the data, or convert the model so that it takes fractions"
            raise ModelFault(what, found="missing or fractional values", do=do)
    return np.ascontiguousarray(array.astype(kind))
