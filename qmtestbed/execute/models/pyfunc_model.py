"""Any other MLflow model, through MLflow's one predict function."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from qmtestbed.ait import Task
from qmtestbed.errors import ModelFault
from qmtestbed.execute.models.boundary import Boundary, columns_given
from qmtestbed.execute.outputs import Interpreted, interpret
from qmtestbed.types.job import JobInput

_OF_CLASSES = ("labels", "probabilities", "logits")


class PyfuncModel:
    """A model of which only ``predict`` is known; what it returns is read as the plan declares."""

    names_features = False
    gives_gradient = False
    scanned = ""

    def __init__(self, source: JobInput, folder: Path, description: Mapping[str, Any]) -> None:
        import mlflow.pyfunc

        flavour = description["flavors"]["python_function"]
        self.written_by = f"loader {flavour.get('loader_module', 'unknown')}"
        self._source, self._folder = source, folder
        with Boundary(source.name, "can't be loaded", self.written_by, folder):
            self.native = mlflow.pyfunc.load_model(str(folder))
        self.classes = source.classes or ()
        self.kind: Task | None = "classification" if source.classes or source.outputs in _OF_CLASSES else None

    def answer(self, x: Any, task: Task, *, classes_only: bool = False) -> Interpreted:
        """Predict with ``predict``."""
        given = x if isinstance(x, np.ndarray) else columns_given(x, self._source)
        with Boundary(self._source.name, "can't answer these rows", folder=self._folder):
            raw = self.native.predict(given)
        return interpret(raw, task, self._source.outputs, self._source.classes)

    def answer_as_logged(self, x: Any) -> int:
        """Predict with ``predict``."""
        with Boundary(self._source.name, "can't answer its own input example"):
            return len(self.native.predict(x))

    def gradient(self, x: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Refuse: a function has none."""
        raise ModelFault("a model of this flavour gives no gradient")
