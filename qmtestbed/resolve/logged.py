"""Data sets of MLflow runs: which run is meant, and whether the file is the one that was logged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from qmtestbed.errors import IntegrityError, Problem
from qmtestbed.resolve.jobs import Bound
from qmtestbed.tracking.uris import LoggedData
from qmtestbed.types.plan import Inventory, Plan


def run_of_model(name: str, plan: Plan, bound: Mapping[str, Bound]) -> str | None:
    """Give the run that logged the model which is bound together with a data set; ``None`` if that is not one run."""
    if not plan.checks:
        beside = {"model"}
    else:
        uses = [c.with_ for c in plan.checks.values() if name in c.with_.values()] or [{"model": "model"}]
        beside = {n for with_ in uses for n in with_.values() if isinstance(n, str)}
    models = {n: b.found.run for n, b in bound.items() if n in beside and b.found.kind == "model"}
    runs = {models["model"]} if "model" in models else set(models.values())
    return runs.pop() if len(runs) == 1 else None


def locate(name: str, inventory: Inventory, model_run: str | None) -> LoggedData:
    """Find the file of a data set; see :func:`qmtestbed.tracking.datasets.find_data`."""
    from qmtestbed.tracking.datasets import find_data

    return find_data(f"inventory {name!r}", inventory.uri, model_run)


def compared(bound: Bound, data: LoggedData) -> Bound:
    """Compare a file with what was logged, as far as that can be told; what can't be is noted.

    Raises
    ------
    IntegrityError
        It is another file.
    """
    from qmtestbed.tracking.datasets import unproven

    if data.sha256 not in (None, bound.found.sha256):
        raise IntegrityError(
            Problem(
                f"inventory {bound.name!r}: the data set {data.name!r} is not the one that was logged",
                bound.inventory.shown,
                f"{data.path.name} has sha256 {bound.found.sha256[:16]}…, logged was {str(data.sha256)[:16]}…",
                "restore the file, or log the new one as another data set",
            )
        )
    note = unproven(data, getattr(bound.found, "rows", 0))
    return replace(bound, logged=data, notes=(note,) if note else ())
