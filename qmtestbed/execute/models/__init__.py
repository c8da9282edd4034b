"""Loads a model, in the child only, behind one small face; the one place of a child that knows ML frameworks."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import yaml

from qmtestbed.ait import Task
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
    """

    native: Any
    classes: tuple[str, ...]
    kind: Task | None
    names_features: bool
    gives_gradient: bool
    written_by: str

    def answer(self, x: Any, task: Task, *, classes_only: bool = False) -> Interpreted:
        """Predict each item, with probabilities where the model gives them.

        ``classes_only`` says that no probabilities are needed, should the model have to be asked again for them.
        """

    def gradient(self, x: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Gradient of each item's cross-entropy loss with respect to the item; ``codes`` are positions in classes."""

    def answer_as_logged(self, x: Any) -> int:
        """Give the model its own input example, in the form it was logged in, and count its answers."""


def load_model(source: JobInput) -> LoadedModel:
    """Load a logged model by its flavour.

    Raises
    ------
    ModelFault
        It can't be loaded: a missing package, an untrusted type, a damaged file; with the versions it was written by.
    """
    folder = Path(source.path or "")
    description = yaml.safe_load((folder / "MLmodel").read_text("utf-8"))
    if source.flavour == "sklearn":
        from qmtestbed.execute.models.sklearn_model import SklearnModel

        return SklearnModel(source, folder, description)
    if source.flavour == "pytorch":
        from qmtestbed.execute.models.torch_model import TorchModel

        return TorchModel(source, folder, description)
    from qmtestbed.execute.models.pyfunc_model import PyfuncModel

    return PyfuncModel(source, folder, description)
