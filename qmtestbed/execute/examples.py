"""Items to predict, whatever they are: rows of a table or images, with labels, ids, groups and weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from qmtestbed.ait import Roles
from qmtestbed.execute.images import PIXELS, as_pixels, read_arrays
from qmtestbed.execute.tables import read_frame
from qmtestbed.types.job import JobInput


@dataclass(frozen=True)
class Examples:
    """Items with what stands beside them; ``x`` is a frame or an array (n, height, width, channels)."""

    x: Any
    labels: pd.Series[Any] | None = None
    ids: np.ndarray | None = None
    groups: np.ndarray | None = None
    weights: np.ndarray | None = None

    def __len__(self) -> int:
        """Count the items."""
        return len(self.x)


def load_examples(source: JobInput, rows: int | None = None) -> Examples:
    """Load all items, or the first ``rows``."""
    roles = source.roles or Roles()
    if source.kind == "images":
        return _images(source, roles, rows)
    return _rows(read_frame(source, rows=rows), roles)


def _rows(frame: pd.DataFrame, roles: Roles) -> Examples:
    frame = frame.reset_index(drop=True)

    def column(name: str | None) -> np.ndarray | None:
        return frame[name].to_numpy() if name else None

    labels = frame[roles.label] if roles.label else None
    return Examples(frame, labels, column(roles.id), column(roles.group), column(roles.weight))


def load_labels(source: JobInput) -> pd.Series[Any] | None:
    """Load the labels alone."""
    label = (source.roles or Roles()).label
    if label is None:
        return None
    if source.kind == "images":
        return pd.Series(read_arrays(source, [label])[label])
    return read_frame(source, [label])[label]


def load_beside(source: JobInput) -> Examples:
    """Load what stands beside the items; ``x`` is good for counting them only."""
    roles = source.roles or Roles()
    if source.kind == "images":
        return _images(source, roles, None, as_they_are=True)
    columns = dict.fromkeys(c for c in (roles.label, roles.id, roles.group, roles.weight) if c)
    return _rows(read_frame(source, list(columns) or None), roles)


def _images(source: JobInput, roles: Roles, rows: int | None, *, as_they_are: bool = False) -> Examples:
    beside = {role: name for role in ("label", "id", "group", "weight") if (name := getattr(roles, role))}
    arrays = {n: a[:rows] for n, a in read_arrays(source, [PIXELS, *beside.values()]).items()}
    found = {role: arrays[name] for role, name in beside.items()}
    return Examples(
        arrays[PIXELS] if as_they_are else as_pixels(arrays[PIXELS], source.name),
        pd.Series(found["label"]) if "label" in found else None,
        found.get("id"),
        found.get("group"),
        found.get("weight"),
    )
