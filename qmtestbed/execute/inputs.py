"""Every input a measuring function can get, loaded in the child."""

from __future__ import annotations

import functools
from collections.abc import Collection
from pathlib import Path

from qmtestbed.ait import Design, Roles
from qmtestbed.documents import decode_document, read_document
from qmtestbed.execute.examples import load_examples, load_labels
from qmtestbed.execute.handle import Handle
from qmtestbed.execute.images import load_images
from qmtestbed.execute.models import load_model
from qmtestbed.execute.probing import find_task, given
from qmtestbed.execute.tables import load_predictions, load_table
from qmtestbed.types.design import DesignFile
from qmtestbed.types.job import JobInput

__all__ = ["load_design", "load_handle", "load_images", "load_predictions", "load_table"]


def load_handle(source: JobInput, data: JobInput, needs: Collection[str]) -> Handle:
    """Load a model as an AIT gets it: for the task that the probe told, with what the manifest asks for."""
    model = load_model(source)
    roles = data.roles or Roles()
    task, _ = find_task(roles, model, load_labels(data))
    if task == "classification" and not model.classes:  # some tell their classes with an answer only
        first = given(model, source, load_examples(data, 1).x, roles)
        model.classes = model.answer(first, task).classes
    return Handle(model, task, needs, functools.partial(given, model, source, roles=roles))


def load_design(source: JobInput) -> Design:
    """Read a declared attribute design."""
    return decode_document(DesignFile, read_document(Path(source.path or ""), source.name)).design()
