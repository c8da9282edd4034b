"""Which row of a table each prediction belongs to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qmtestbed.ait import Predictions, Table, Undefined
from qmtestbed.measuring.columns import names_of

__all__ = ["positions_in"]


def positions_in(predictions: Predictions, data: Table) -> NDArray[np.intp] | Undefined:
    """Find the row of each prediction by id where the table has one, else by order; the labels must agree.

    Parameters
    ----------
    predictions
        Of n labelled rows.
    data
        The table that they should be of, with labels.

    Returns
    -------
    array or Undefined
        (n,) positions in the table; undefined, with the reason, where the rows are not its rows.
    """
    if data.labels is None:
        return Undefined("The data have no labels, so that the predictions can't be matched with their rows.")
    at = np.flatnonzero(data.labels.notna())
    if predictions.ids is not None and data.roles.id is not None:
        ids = pd.Index(data.frame[data.roles.id])
        if ids.is_unique:
            at = ids.get_indexer(pd.Index(predictions.ids))
    n = len(predictions.labels)
    if len(at) != n or (at < 0).any() or not _agree(predictions, data.labels.iloc[at]):
        return Undefined(f"The {n} predictions are not of the {len(data.frame)} rows of the data.")
    return at


def _agree(p: Predictions, labels: pd.Series[Any]) -> bool:
    if p.task == "classification":
        return bool((names_of(labels) == p.labels).all())
    return bool((pd.to_numeric(labels, errors="coerce").to_numpy(dtype=float) == p.labels).all())
