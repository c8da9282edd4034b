"""Loads a model, in the child only, behind one small face; the one place of a child that knows ML frameworks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import yaml

from qmtestbed.ait import Task
from qmtestbed.errors import JobError
from qmtestbed.execute.models.packages import check_library
from qmtestbed.execute.models.scanning import scan
from qmtestbed.execute.outputs import Interpreted
from qmtestbed.types.job import JobInput

__all__ = ["LoadedModel", "load_model"]


class LoadedModel(Protocol):
    """A model that answers items: rows of a frame, or images as an array (n, height, width, channels) in [0, 1].

    Attributes
    ----------
    kind
        The task as far as the model itself tells it.
    names_features
        Whether it picks its columns by name from any frame.
    gives_gradient
        Whether :meth:`gradient` works.
    scanned
        What a scan found in those of its files that run code on loading; empty if none does.
    """

    native: Any
    classes: tuple[str, ...]
    kind: Task | None
    names_features: bool
    gives_gradient: bool
    written_by: str
    scanned: str

    def answer(self, x: Any, task: Task, *, classes_only: bool = False) -> Interpreted:
        """Predict each item, with probabilities where the model gives them.

        ``classes_only`` says that no probabilities are needed, should the model have to be asked again for them.
        """

    def gradient(self, x: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Gradient of each item's cross-entropy loss with respect to the item; ``codes`` are positions in classes."""

    def answer_as_logged(self, x: Any) -> int:
        """Give the model its own input example, in the form it was logged in, and count its answers."""


def load_model(source: JobInput) -> LoadedModel:
    """Load a logged model by its flavour, after a scan of those of its files that run code on loading.

    Raises
    ------
    ModelFault
        It can't be loaded: a missing package, an untrusted type, a damaged file, with the versions it was written by;
        or, unless the job says to trust any, the scan found something dangerous.
    """
    folder, flavour = Path(source.path or ""), source.flavour or "python_function"
    description = yaml.safe_load((folder / "MLmodel").read_text("utf-8"))
    found = scan(source, folder, description)
    check_library(flavour, description["flavors"][flavour] or {}, source.name, folder)
    try:
        model = _load(flavour, source, folder, description)
    except JobError as error:
        if found:
            error.facts["scanned"] = str(found)
        raise
    model.scanned = str(found or "")
    return model


def _load(flavour: str, source: JobInput, folder: Path, description: Mapping[str, Any]) -> LoadedModel:
    """Load by the module of a flavour, which is imported for models of that flavour only."""
    match flavour:
        case "sklearn":
            from qmtestbed.execute.models.sklearn_model import load_sklearn

            return load_sklearn(source, folder, description)
        case "pytorch":
            from qmtestbed.execute.models.torch_model import TorchModel

            return TorchModel(source, folder, description)
        case "onnx":
            from qmtestbed.execute.models.onnx_model import OnnxModel

            return OnnxModel(source, folder, description)
        case "xgboost":
            from qmtestbed.execute.models.boosted_model import load_xgboost

            return load_xgboost(source, folder, description)
        case "lightgbm":
            from qmtestbed.execute.models.boosted_model import load_lightgbm

            return load_lightgbm(source, folder, description)
        case _:
            from qmtestbed.execute.models.pyfunc_model import PyfuncModel

            return PyfuncModel(source, folder, description)
