"""A data set and a model as MAITE's protocols have them, of arrays of NumPy or tensors of torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

NAMES = {0: "cat", 1: "dog", 2: "eel"}


@dataclass
class Pictures:
    """A data set of lists: whatever stands in them is given."""

    images: list[Any]
    targets: list[Any]
    ids: list[Any]
    metadata: dict[str, Any] = field(default_factory=lambda: {"id": "pictures", "index2label": dict(NAMES)})

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> Any:
        return self.images[i], self.targets[i], {"id": self.ids[i]}


@dataclass
class Guesser:
    """A model that answers by a function of one image."""

    answer: Callable[[Any], Any]
    metadata: dict[str, Any] = field(default_factory=lambda: {"id": "guesser"})

    def __call__(self, batch: Any, /) -> Any:
        return [self.answer(image) for image in batch]


@pytest.fixture
def pictures() -> Pictures:
    """Six images of three channels, of 4 by 5 pixels, in bytes; two of each class."""
    pixels = np.random.default_rng(0).integers(0, 256, (6, 3, 4, 5), dtype=np.uint8)
    return Pictures(list(pixels), list(np.eye(3)[[0, 1, 2, 0, 1, 2]]), list(range(6)))
