"""Loads a model, in the child only, behind one small face; the one place of a child that knows ML frameworks."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import yaml

from qmtestbed.ait import Task, class_name
from qmtestbed.errors import JobError, ModelFault
from qmtestbed.execute.outputs import Interpreted, interpret
from qmtestbed.types.job import JobInput

TRUSTED_PREFIXES = ("sklearn.", "numpy.", "scipy.")
"""Packages whose types a skops file may name; every other type is listed and refused."""


class LoadedModel(Protocol):
    """A model that answers rows of a table."""

    native: Any
    classes: tuple[str, ...]
    kind: Task | None
    gives_probabilities: bool
    names_features: bool
    written_by: str

    def answer(self, frame: pd.DataFrame, task: Task) -> Interpreted:
        """Predict each row."""


def load_model(source: JobInput) -> LoadedModel:
    """Load a logged model by its flavour.

    Raises
    ------
    ModelFault
        It can't be loaded: a missing package, an untrusted type, a damaged file; with the versions it was written by.
    """
    folder = Path(source.path or "")
    flavours = yaml.safe_load((folder / "MLmodel").read_text("utf-8"))["flavors"]
    if source.flavour == "sklearn":
        return SklearnModel(source, folder, flavours["sklearn"])
    return PyfuncModel(source, folder, flavours["python_function"])


class SklearnModel:
    """A scikit-learn estimator or pipeline."""

    def __init__(self, source: JobInput, folder: Path, flavour: Mapping[str, Any]) -> None:
        import sklearn

        self.written_by = f"scikit-learn {flavour.get('sklearn_version', 'unknown')}"
        code = flavour.get("code")
        if code:
            sys.path.insert(0, str(folder / code))
        path = folder / str(flavour.get("pickled_model", "model.pkl"))
        written = f"written by {self.written_by}, running {sklearn.__version__}"
        self.native = _unpack(path, str(flavour.get("serialization_format", "cloudpickle")), source.name, written)
        self._source = source
        self._features = getattr(self.native, "feature_names_in_", None)
        self.names_features = self._features is not None
        self.classes = tuple(class_name(c) for c in _classes(self.native))
        self.gives_probabilities = hasattr(self.native, "predict_proba") and bool(self.classes)
        self.kind: Task | None = "classification" if self.classes else None
        if self.kind is None and sklearn.base.is_regressor(self.native):
            self.kind = "regression"

    def answer(self, frame: pd.DataFrame, task: Task) -> Interpreted:
        """Predict with ``predict``, and ``predict_proba`` where there is one."""
        x = self._input(frame)
        with _Boundary(self._source.name, "can't answer these rows"):
            raw = self.native.predict(x)
        read = interpret(raw, task, self._source.outputs, self._source.classes or self.classes or None)
        if task == "regression" or not self.gives_probabilities:
            return read
        with _Boundary(self._source.name, "can't answer these rows"):
            p = np.asarray(self.native.predict_proba(x), dtype=float)
        return Interpreted(read.predicted, p, self.classes)

    def _input(self, frame: pd.DataFrame) -> Any:
        if self._features is None:
            x = _model_input(frame, self._source)
            return x.to_numpy() if all(pd.api.types.is_numeric_dtype(t) for t in x.dtypes) else x
        missing = [f for f in self._features if f not in frame.columns]
        if missing:
            found = ", ".join(map(repr, missing[:8]))
            raise ModelFault("the model takes features that the data do not have", found=found, do="add the columns")
        return frame[list(self._features)]


class PyfuncModel:
    """Any other MLflow model, through MLflow's one predict function."""

    names_features = False

    def __init__(self, source: JobInput, folder: Path, flavour: Mapping[str, Any]) -> None:
        import mlflow.pyfunc

        self.written_by = f"loader {flavour.get('loader_module', 'unknown')}"
        self._source = source
        with _Boundary(source.name, "can't be loaded", self.written_by):
            self.native = mlflow.pyfunc.load_model(str(folder))
        self.classes = source.classes or ()
        self.gives_probabilities = source.outputs in ("probabilities", "logits")
        self.kind: Task | None = "classification" if source.classes or source.outputs in _OF_CLASSES else None

    def answer(self, frame: pd.DataFrame, task: Task) -> Interpreted:
        """Predict with ``predict``; what it returns is read as declared."""
        with _Boundary(self._source.name, "can't answer these rows"):
            raw = self.native.predict(_model_input(frame, self._source))
        return interpret(raw, task, self._source.outputs, self._source.classes)


_OF_CLASSES = ("labels", "probabilities", "logits")


def _model_input(frame: pd.DataFrame, source: JobInput) -> pd.DataFrame:
    """Columns that a model without names of its own is given: those of its signature, else all without a role."""
    if source.features is not None:
        return frame[list(source.features)]
    return frame


def _classes(native: Any) -> Any:
    try:
        return native.classes_
    except AttributeError:
        return ()


def _unpack(path: Path, form: str, name: str, written: str) -> Any:
    with _Boundary(name, "can't be loaded", f"{_first_bytes(path)}; {written}"):
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


def _first_bytes(path: Path) -> str:
    if not path.is_file():
        return f"no file {path.name}"
    with path.open("rb") as stream:
        return f"{path.name}, {path.stat().st_size:,} bytes beginning {stream.read(8)!r}"


class _Boundary:
    """The one place where what a model raises, which is foreign code, becomes a :class:`ModelFault`."""

    def __init__(self, name: str, what: str, extra: str = "") -> None:
        self._name, self._what, self._extra = name, what, extra

    def __enter__(self) -> None:
        """Enter foreign code."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Map whatever came out of it, but for our own errors and a lack of memory."""
        if not isinstance(error, Exception) or isinstance(error, (JobError, MemoryError)):
            return
        lines = str(error).strip().splitlines()
        found = f"{type(error).__name__}: {lines[0] if lines else ''}"
        do = "load and call it in a plain Python session with the same packages"
        if isinstance(error, ModuleNotFoundError):
            do = f"install the package {error.name}, or log the model with its code (code_paths)"
        shown = f"{found}; {self._extra}" if self._extra else found
        raise ModelFault(f"the model {self._name} {self._what}", found=shown, do=do) from error
