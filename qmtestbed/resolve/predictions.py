"""Whether a file of predictions can be matched with the data that it is about, as far as metadata tell."""

from __future__ import annotations

from collections.abc import Iterator

from qmtestbed.errors import Problem
from qmtestbed.resolve.arrays import ImagesFacts
from qmtestbed.resolve.datasets import TableFacts
from qmtestbed.resolve.jobs import Bound
from qmtestbed.types.layout import find_layout


def misfits(predictions: Bound, data: Bound, where: str) -> Iterator[Problem]:
    """Say why predictions are not about the data: another number of rows, or no column that holds them."""
    said, about = predictions.found, data.found
    if isinstance(said, ImagesFacts):
        what = f"{predictions.inventory.shown} holds images, and predictions are a table"
        yield Problem(what, where, do="write the predictions as .parquet, .csv or .tsv")
    if not isinstance(said, TableFacts) or not isinstance(about, (TableFacts, ImagesFacts)):
        return
    shown, roles = predictions.inventory.shown, data.inventory.roles
    if said.rows != about.rows:
        yield Problem(
            f"{shown} does not hold one prediction for each row of {data.inventory.shown}",
            where,
            f"{said.rows:,} predictions, {about.rows:,} rows",
            "write one row per row of the data: in its order, or with its column of the role id",
        )
    aside = {c for c in (predictions.inventory.id, roles.id) if c}
    try:
        find_layout(said.columns, aside, roles.label)
    except ValueError as error:
        found = ", ".join(said.columns[:8]) + (", …" if len(said.columns) > 8 else "")
        yield Problem(f"{shown} holds no column that is known to be predictions", where, found, str(error))
