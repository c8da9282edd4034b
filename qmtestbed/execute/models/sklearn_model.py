"""scikit-learn estimators and pipelines, from skops or pickle files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qmtestbed.ait import Task, class_name
from qmtestbed.errors import ModelFault
from qmtestbed.execute.models.boundary import Boundary, add_code, columns_given, first_bytes
from qmtestbed.execute.outputs import Interpreted, interpret
from qmtestbed.types.job import JobInput

TRUSTED_PREFIXES = ("sklearn.", "numpy.", "scipy.")
"""Packages whose types a skops file may name; every other type is listed and refused."""


class SklearnModel:
    """A scikit-learn estimator or pipeline; images are given to it as flat rows."""

    gives_gradient = False

    def __init__(self, source: JobInput, folder: Path, description: Mapping[str, Any]) -> None:
        import sklearn

        flavour = description["flavors"]["sklearn"]
        self.written_by = f"scikit-learn {flavour.get('sklearn_version', 'unknown')}"
        add_code(folder, flavour)
        path = folder / str(flavour.get("pickled_model", "model.pkl"))
        written = f"written by {self.written_by}, running {sklearn.__version__}"
        self.native = _unpack(path, str(flavour.get("serialization_format", "cloudpickle")), source.name, written)
        self._source = source
        self._features = getattr(self.native, "feature_names_in_", None)
        self.names_features = self._features is not None
        self.classes = tuple(class_name(c) for c in _classes(self.native))
        self._probabilities = hasattr(self.native, "predict_proba") and bool(self.classes)
        self.kind: Task | None = "classification" if self.classes else None
        if self.kind is None and sklearn.base.is_regressor(self.native):
            self.kind = "regression"

    def answer(self, x: Any, task: Task, *, classes_only: bool = False) -> Interpreted:
        """Predict with ``predict``, and ``predict_proba`` where there is one."""
        given = self._input(x)
        with Boundary(self._source.name, "can't answer these rows"):
            raw = self.native.predict(given)
        read = interpret(raw, task, self._source.outputs, self._source.classes or self.classes or None)
        if task == "regression" or not self._probabilities or classes_only:
            return read
        with Boundary(self._source.name, "can't answer these rows"):
            p = np.asarray(self.native.predict_proba(given), dtype=float)
        return Interpreted(read.predicted, p, self.classes)

    def gradient(self, x: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Refuse: these models have none."""
        raise ModelFault("a scikit-learn model gives no gradient")

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
        missing = [f for f in self._features if f not in x.columns]
        if missing:
            found = ", ".join(map(repr, missing[:8]))
            raise ModelFault("the model takes features that the data do not have", found=found, do="add the columns")
        return x[list(self._features)]


def _classes(native: Any) -> Any:
    try:
        return native.classes_
    except AttributeError:
        return ()


def _unpack(path: Path, form: str, name: str, written: str) -> Any:
    with Boundary(name, "can't be loaded", f"{first_bytes(path)}; {written}"):
        if form == "skops":
            return _unpack_skops(path, name)
        import pickle

        with path.open("rb") as stream:
            return pickle.load(stream)


def _unpack_skops(path: Path, name: str) -> Any:
    import skops.io

    named = skops.io.get_untrusted_types(file=path)
    foreign = [t for t in named if not t.startswith(TRUSTED_PREFIXES)]
    if foreign:
        raise ModelFault(
            f"the model {name} holds types that are not trusted",
            found=", ".join(foreign[:8]),
            do="log it without them; only types of scikit-learn, NumPy and SciPy are loaded",
        )
    return skops.io.load(path, trusted=named)
