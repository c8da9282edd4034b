"""xgboost and lightgbm models: with scikit-learn's interface as such, else the booster itself; one thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qmtestbed.ait import Task
from qmtestbed.errors import ModelFault
from qmtestbed.execute.models.boundary import Boundary, chosen, columns_given, first_bytes
from qmtestbed.execute.models.sklearn_model import SklearnModel
from qmtestbed.execute.models.unpacking import unpack
from qmtestbed.execute.outputs import Interpreted, interpret
from qmtestbed.types.job import JobInput

_OF_CLASSES = ("labels", "probabilities", "logits")
_XGBOOST = ("XGBClassifier", "XGBRegressor", "XGBRFClassifier", "XGBRFRegressor", "XGBRanker")


def load_xgboost(source: JobInput, folder: Path, description: Mapping[str, Any]) -> SklearnModel | BoosterModel:
    """Load a model that was logged with ``mlflow.xgboost``: its file is data only, UBJSON or JSON.

    Raises
    ------
    ModelFault
        A class that is none of xgboost's own, or a damaged file.
    """
    import xgboost

    entry = description["flavors"]["xgboost"]
    written_by = f"xgboost {entry.get('xgb_version', 'unknown')}"
    path = folder / str(entry.get("data", "model.ubj"))
    module, _, name = str(entry.get("model_class", "xgboost.core.Booster")).rpartition(".")
    if module.partition(".")[0] != "xgboost" or name not in ("Booster", *_XGBOOST):
        do = f"log one of {', '.join(_XGBOOST)} or a Booster; a class of your own belongs into a pyfunc"
        raise ModelFault(f"the model {source.name} is of a class that is not known", found=f"{module}.{name}", do=do)
    written = f"{first_bytes(path)}; written by {written_by}, running {xgboost.__version__}"
    with Boundary(source.name, "can't be loaded", written, folder):
        native = getattr(xgboost, name)()
        native.load_model(path)
    if name != "Booster":
        return _CategoriesModel(source, native, written_by, folder, codes=True)  # it keeps no names of classes
    native.set_param({"nthread": 1})
    names = tuple(native.feature_names or ())

    def predict(x: Any) -> Any:
        return native.predict(xgboost.DMatrix(x, enable_categorical=True, nthread=1))

    return BoosterModel(source, native, names, predict, written_by, folder)


def load_lightgbm(source: JobInput, folder: Path, description: Mapping[str, Any]) -> SklearnModel | BoosterModel:
    """Load a model that was logged with ``mlflow.lightgbm``: a booster is a text file, an estimator skops or pickle.

    Raises
    ------
    ModelFault
        Untrusted types, or a damaged file.
    """
    import lightgbm

    entry = description["flavors"]["lightgbm"]
    written_by = f"lightgbm {entry.get('lgb_version', 'unknown')}"
    path = folder / str(entry.get("data", "model.lgb"))
    written = f"written by {written_by}, running {lightgbm.__version__}"
    if entry.get("model_class", "lightgbm.basic.Booster") != "lightgbm.basic.Booster":
        native = unpack(path, entry, source.name, written, folder)
        return _CategoriesModel(source, native, written_by, folder)
    with Boundary(source.name, "can't be loaded", f"{first_bytes(path)}; {written}", folder):
        booster = lightgbm.Booster(model_file=path)
        names = tuple(booster.feature_name())

    def predict(x: Any) -> Any:
        return booster.predict(x, num_threads=1)

    return BoosterModel(source, booster, names, predict, written_by, folder)


class _CategoriesModel(SklearnModel):
    """Takes text as categories, as these libraries do."""

    def answer_as_logged(self, x: Any) -> int:
        """Predict with ``predict``, all columns as they are."""
        return super().answer_as_logged(with_categories(x) if isinstance(x, pd.DataFrame) else x)

    def _input(self, x: Any) -> Any:
        given = super()._input(x)
        return with_categories(given) if isinstance(given, pd.DataFrame) else given


class BoosterModel:
    """A booster, of which only raw outputs are known; they are read as the plan declares."""

    gives_gradient = False
    scanned = ""

    def __init__(
        self,
        source: JobInput,
        native: Any,
        features: tuple[str, ...],
        predict: Callable[[Any], Any],
        written_by: str,
        folder: Path,
    ) -> None:
        self.native, self.written_by = native, written_by
        self._source, self._predict, self._folder = source, predict, folder
        self._features = () if all(f == f"Column_{i}" for i, f in enumerate(features)) else features
        self.names_features = bool(self._features)
        self.classes = source.classes or ()
        self.kind: Task | None = "classification" if source.classes or source.outputs in _OF_CLASSES else None

    def answer(self, x: Any, task: Task, *, classes_only: bool = False) -> Interpreted:
        """Predict raw outputs: values, probabilities or margins, whatever it was trained for."""
        with Boundary(self._source.name, "can't answer these rows", folder=self._folder):
            raw = self._predict(self._input(x))
        return interpret(raw, task, self._source.outputs, self._source.classes)

    def answer_as_logged(self, x: Any) -> int:
        """Predict raw outputs, all columns as they are."""
        with Boundary(self._source.name, "can't answer its own input example", folder=self._folder):
            return len(self._predict(with_categories(x) if isinstance(x, pd.DataFrame) else x))

    def gradient(self, x: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Refuse: trees have none."""
        raise ModelFault("a booster gives no gradient")

    def _input(self, x: Any) -> Any:
        if isinstance(x, np.ndarray):
            return x.reshape(len(x), -1)
        if self._features:
            return with_categories(chosen(x, self._features))
        return with_categories(columns_given(x, self._source)) if self._source.features else x.to_numpy()


def with_categories(frame: pd.DataFrame) -> pd.DataFrame:
    """Make columns of text categories; the model knows them by name, whatever their order here."""
    text = [c for c in frame.columns if not pd.api.types.is_numeric_dtype(frame[c].dtype)]
    return frame.astype(dict.fromkeys(text, "category")) if text else frame
