"""Every input a measuring function can get, loaded in the child."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qmtestbed.ait import Design, ModelFiles, Roles, Table
from qmtestbed.documents import decode_document, read_document
from qmtestbed.errors import JobError
from qmtestbed.execute.examples import load_examples, load_labels
from qmtestbed.execute.handle import Handle
from qmtestbed.execute.images import load_images
from qmtestbed.execute.models import load_model
from qmtestbed.execute.models.surveying import survey
from qmtestbed.execute.probing import find_task, given
from qmtestbed.execute.tables import digest_of_ids, load_predictions, load_table
from qmtestbed.measuring.columns import kind_of, numbers_of
from qmtestbed.types.design import DesignFile, bin_names
from qmtestbed.types.job import JobInput
from qmtestbed.types.record import Items

__all__ = [
    "cut_into_bins",
    "load_design",
    "load_handle",
    "load_images",
    "load_model_files",
    "load_predictions",
    "load_table",
]


def load_handle(source: JobInput, data: JobInput, needs: Collection[str]) -> Handle:
    """Load a model as an AIT gets it: for the task that the probe told, with what the manifest asks for."""
    model = load_model(source)
    roles = data.roles or Roles()
    task, _ = find_task(roles, model, load_labels(data))
    if task == "classification" and not model.classes:  # some tell their classes with an answer only
        first = given(model, source, load_examples(data, 1).x, roles)
        model.classes = model.answer(first, task).classes
    return Handle(model, task, needs, functools.partial(given, model, source, roles=roles))


def load_model_files(source: JobInput) -> tuple[ModelFiles, Items]:
    """Look at the files of a model without loading it; those that could not be looked through are invalid."""
    files = survey(source)
    n, unread = len(files.files), sum(bool(f.unread) for f in files.files)
    return files, Items(n, n, n - unread, unread, digest_of_ids(pd.Series([f.path for f in files.files]), n))


def load_design(source: JobInput) -> Design:
    """Read a declared attribute design.

    Raises
    ------
    InputError
        It is none.
    JobError
        Its bins can't be.
    """
    document = read_document(Path(source.path or ""), source.name)
    written = decode_document(DesignFile, document)
    for fault in written.bin_faults():
        problem = document.fault(fault)
        raise JobError(f"{problem.where}: {problem.what}", found=problem.found, do=problem.do)
    return written.design()


def cut_into_bins(table: Table, design: Design) -> Table:
    """Give the table as the design sees it: in columns of numbers with bins, each number's range in its place.

    Raises
    ------
    JobError
        A column with bins holds something else than numbers.
    """
    frame, labels = table.frame.copy(deep=False), table.labels
    for name, edges in (design.bins or {}).items():
        if name in frame.columns:
            frame[name] = _ranges(frame[name], name, edges)
        elif labels is not None and name == table.roles.label:
            labels = _ranges(labels, name, edges)
    return Table(frame, labels, table.roles)


def _ranges(column: pd.Series[Any], name: str, edges: Sequence[float]) -> pd.Series[Any]:
    kind = kind_of(column)
    if kind not in ("numbers", "empty"):
        raise JobError(f"the design has bins for the column {name!r}, which holds {kind}", do="give it values instead")
    numbers = numbers_of(column, "numbers")
    names = np.array([*bin_names(edges), None], dtype=object)
    places = np.where(np.isnan(numbers), len(names) - 1, np.searchsorted(np.asarray(edges), numbers, side="right"))
    return pd.Series(names[places], index=column.index, dtype=object)
