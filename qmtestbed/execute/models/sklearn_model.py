"""scikit-learn estimators and pipelines, and what has their interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qmtestbed.ait import Task, class_name
from qmtestbed.errors import ModelFault
from qmtestbed.execute.models.boundary import Boundary, chosen, columns_given
from qmtestbed.execute.models.unpacking import unpack
from qmtestbed.execute.outputs import Interpreted, interpret
from qmtestbed.types.job import JobInput


def load_sklearn(source: JobInput, folder: Path, description: Mapping[str, Any]) -> SklearnModel:
    """Load a model that was logged with ``mlflow.sklearn``, from skops or pickle."""
    import sklearn

    entry = description["flavors"]["sklearn"]
    written_by = f"scikit-learn {entry.get('sklearn_version', 'unknown')}"
    path = folder / str(entry.get("pickled_model", "model.pkl"))
    written = f"written by {written_by}, running {sklearn.__version__}"
    return SklearnModel(source, unpack(path, entry, source.name, written, folder), written_by, folder)


class SklearnModel:
    """An estimator or pipeline with scikit-learn's interface; images are given to it as flat rows.

    Parameters
    ----------
    source
        The model as the job names it.
    native
        The estimator.
    written_by
        The library that wrote it, with its version.
    folder
        The logged model.
    codes
        Whether its classes are positions 0 … k-1, which declared classes then give names to.
    """

    gives_gradient = False
    scanned = ""

    def __init__(self, source: JobInput, native: Any, written_by: str, folder: Path, *, codes: bool = False) -> None:
        import sklearn

        self.native, self.written_by = native, written_by
        self._source, self._folder = source, folder
        if not hasattr(native, "predict"):
            found = f"{type(native).__module__}.{type(native).__qualname__}; written by {written_by}"
            raise ModelFault(f"the model {source.name} is no estimator: it has no predict", found=found)
        with Boundary(source.name, "can't be loaded", written_by, folder):
            _use_one_thread(native)
            self._features = getattr(native, "feature_names_in_", None)
            own = tuple(class_name(c) for c in _classes(native))
            self._probabilities = hasattr(native, "predict_proba") and bool(own)
        self.names_features = self._features is not None
        self.classes = named_classes(own, source.classes) if codes else own
        self._names = dict(zip(own, self.classes, strict=True)) if self.classes != own else None
        self.kind: Task | None = "classification" if self.classes else None
        if self.kind is None and sklearn.base.is_regressor(self.native):
            self.kind = "regression"

    def answer(self, x: Any, task: Task, *, classes_only: bool = False) -> Interpreted:
        """Predict with ``predict``, and ``predict_proba`` where there is one."""
        given = self._input(x)
        with self._boundary():
            raw = self.native.predict(given)
        if self._names is not None and task == "classification":
            raw = np.array([self._names[class_name(c)] for c in raw], dtype=object)
            read = Interpreted(raw, classes=self.classes)
        else:
            read = interpret(raw, task, self._source.outputs, self._source.classes or self.classes or None)
        if task == "regression" or not self._probabilities or classes_only:
            return read
        with self._boundary():
            p = np.asarray(self.native.predict_proba(given), dtype=float)
        return Interpreted(read.predicted, p, self.classes)

    def gradient(self, x: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Refuse: these models have none."""
        raise ModelFault("a model with scikit-learn's interface gives no gradient")

    def _boundary(self) -> Boundary:
        return Boundary(self._source.name, "can't answer these rows", folder=self._folder)

    def answer_as_logged(self, x: Any) -> int:
        """Predict with ``predict``, all columns as they are."""
        with Boundary(self._source.name, "can't answer its own input example"):
            return len(self.native.predict(x))

    def _input(self, x: Any) -> Any:
        if isinstance(x, np.ndarray):
            return x.reshape(len(x), -1)
        if self._features is None:
            frame = columns_given(x, self._source)
            return frame.to_numpy() if all(pd.api.types.is_numeric_dtype(t) for t in frame.dtypes) else frame
        return chosen(x, tuple(self._features))


def named_classes(codes: Sequence[str], declared: Sequence[str] | None) -> tuple[str, ...]:
    """Give classes that are positions 0 … k-1 the names that are declared, in their order.

    Raises
    ------
    ModelFault
        Another number of names is declared.
    """
    if declared is None or set(codes) == set(declared):
        return tuple(codes)
    if len(declared) != len(codes):
        found = f"{len(codes)} classes; declared: {', '.join(declared)}"
        raise ModelFault("the model has not as many classes as are declared", found=found, do="declare all, in order")
    return tuple(declared)


def _use_one_thread(native: Any) -> None:
    """Take back what an estimator or its parts ask for: libraries count the processors, and jobs share them."""
    get = getattr(native, "get_params", None)
    if get is not None:
        asked = [n for n in get(deep=True) if n == "n_jobs" or n.endswith("__n_jobs")]
        if asked:
            native.set_params(**dict.fromkeys(asked, 1))


def _classes(native: Any) -> Any:
    try:
        return native.classes_
    except AttributeError:
        return ()
