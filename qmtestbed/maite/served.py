"""A model of MAITE's protocol behind MLflow's one predict function.

This module is pickled by its content into the model's file, with :mod:`qmtestbed.maite.arrays`: what is loaded in a
child is just what was written, and it is part of the model's digest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mlflow.pyfunc.model
import numpy as np

from qmtestbed.maite.arrays import Form, as_array

BATCH = 64


class Served(mlflow.pyfunc.model.PythonModel):  # type: ignore[name-defined, misc]  # MLflow has no stubs for it
    """Asks a model of MAITE's protocol: images (n, height, width, channels) in, rows (n, k) out.

    Parameters
    ----------
    model
        Called with a sequence of images (channels, height, width), gives as many targets (k,).
    form
        In which it is given them.
    """

    def __init__(self, model: Any, form: Form) -> None:
        self.model, self.form = model, form

    def predict(self, context: Any, model_input: np.ndarray, params: Any = None) -> np.ndarray:
        """Ask the model in batches; ``ValueError`` or ``TypeError`` says what is wrong with its targets."""
        pixels = np.moveaxis(model_input, 3, 1)
        parts = [self._asked(pixels[i : i + BATCH]) for i in range(0, len(pixels), BATCH)]
        lengths = {part.shape[1] for part in parts}
        if len(lengths) > 1:
            raise ValueError(f"targets are of different lengths: {sorted(lengths)}")
        return np.concatenate(parts)

    def _asked(self, pixels: np.ndarray) -> np.ndarray:
        targets = list(self.model(list(self._given(pixels))))
        if len(targets) != len(pixels):
            raise ValueError(f"{len(targets)} targets for {len(pixels)} images")
        if any(hasattr(target, "boxes") for target in targets):
            raise TypeError("targets with boxes: a model of detection, and images are classified here")
        arrays = [as_array(target) for target in targets]
        shapes = sorted({array.shape for array in arrays})
        if len(shapes) > 1 or len(shapes[0]) != 1:
            raise ValueError(f"a target is no row of one number per class: shapes {shapes}")
        return np.stack(arrays)

    def _given(self, pixels: np.ndarray) -> Iterator[Any]:
        if self.form.dtype == "uint8":
            pixels = np.rint(pixels * 255)
        pixels = np.ascontiguousarray(pixels.astype(self.form.dtype))
        if not self.form.tensor:
            return iter(pixels)
        import torch

        return iter(torch.from_numpy(pixels))
