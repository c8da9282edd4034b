"""The model as an AIT gets it: only what its manifest asks for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from qmtestbed.ait import Task
from qmtestbed.errors import AitFault, ModelFault
from qmtestbed.execute.models import LoadedModel


class Handle:
    """Implements :class:`qmtestbed.ait.Model` over a loaded model.

    Parameters
    ----------
    model
        The loaded model.
    task
        What it is asked.
    allowed
        The needs that the manifest states; anything else is refused.
    given
        Turns a table's frame into the columns that the model may see.

    Attributes
    ----------
    told
        What an AIT is told of the words with which a model fails, for they may quote what stands in a row.
    """

    def __init__(self, model: LoadedModel, task: Task, allowed: Collection[str], given: Callable[[Any], Any]) -> None:
        self._model, self._task, self._allowed, self._given = model, task, frozenset(allowed), given
        self.classes = model.classes if task == "classification" else ()
        self.told: Callable[[str], str] = str

    @property
    def native(self) -> Any:
        """The framework's own object."""
        self._ask("native")
        return self._model.native

    def predict(self, x: Any) -> np.ndarray:
        """(n,) class names, or float64 values."""
        self._ask("predict")
        with self._words():
            return self._model.answer(self._given(x), self._task, classes_only=True).predicted

    def probabilities(self, x: Any) -> np.ndarray:
        """(n, k) float64, rows summing to 1, columns in the order of ``classes``."""
        self._ask("probabilities")
        with self._words():
            p = self._model.answer(self._given(x), self._task).probabilities
        if p is None:
            raise ModelFault("the model gives no probabilities")
        return p

    def gradient(self, x: Any, y: Any) -> np.ndarray:
        """Gradient of each item's cross-entropy loss with respect to the item, of the shape of ``x``."""
        self._ask("gradient")
        position = {name: i for i, name in enumerate(self.classes)}
        unknown = sorted({str(name) for name in y} - set(position))
        if unknown:
            raise ModelFault("the loss needs classes that the model knows", found=", ".join(unknown[:5]))
        at = np.array([position[str(name)] for name in y], dtype=int)
        with self._words():
            return self._model.gradient(np.asarray(x, dtype=np.float32), at)

    @contextmanager
    def _words(self) -> Iterator[None]:
        try:
            yield
        except ModelFault as fault:
            fault.found = self.told(fault.found)
            raise

    def _ask(self, need: str) -> None:
        if need not in self._allowed:
            raise AitFault(f"it uses the model's {need}, which its manifest does not ask for",
                           do=f"add {need} to needs of the input model in ait.yaml")  # fmt: skip
