"""Plan + catalogue → jobs: names become digests, and what can't work is refused before anything runs.

Only metadata is read here: no model is loaded and no AIT is imported.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from qmtestbed.catalogue import Catalogue
from qmtestbed.digests import sha256_of_file
from qmtestbed.errors import InputError, IntegrityError, ModelError, PlanError, Problem, suggestion
from qmtestbed.resolve.arrays import ImagesFacts
from qmtestbed.resolve.capabilities import unmet_needs
from qmtestbed.resolve.datasets import TableFacts, describe_data
from qmtestbed.resolve.files import find_file
from qmtestbed.resolve.jobs import Bound, FileFacts, GraphBuilder
from qmtestbed.resolve.models import ModelFacts, is_model
from qmtestbed.resolve.trust import Loading
from qmtestbed.types.evidence import InventoryFacts
from qmtestbed.types.job import Job
from qmtestbed.types.plan import Check, Inventory, LoadedPlan, Plan
from qmtestbed.types.resolution import Resolution

__all__ = ["Loading", "filled_in", "find_inventories", "probe_job", "resolve"]


def resolve(loaded: LoadedPlan, catalogue: Catalogue, run_folder: Path, loading: Loading) -> Resolution:
    """Make a plan exact.

    Parameters
    ----------
    loaded
        A plan that was found good.
    catalogue
        What is installed.
    run_folder
        Where the run will be kept: paths in the resolved plan start there.
    loading
        Which models may be loaded that run code on loading.

    Raises
    ------
    InputError
        With every problem of the models and data that the checks are bound to.
    IntegrityError
        An inventory is not what the plan pins it to.
    """
    plan = loaded.plan
    bound = find_inventories(plan, catalogue, loaded.folder, loading)
    problems = [p for id, check in plan.checks.items() for p in _check_problems(id, check, catalogue, bound)]
    if problems:
        raise PlanError(*problems)
    builder = GraphBuilder(plan, bound, loading)
    checks = {id: builder.measure(check, catalogue.ait(check.ait)).key for id, check in plan.checks.items()}
    pinned = {name: _pinned(b, loaded.folder, run_folder) for name, b in bound.items()}
    resolved = replace(
        plan,
        inventories={**plan.inventories, **pinned},
        checks={id: filled_in(check, catalogue) for id, check in plan.checks.items()},
    )
    facts = {name: _facts(b, plan.inventories[name]) for name, b in bound.items()}
    return Resolution(resolved, builder.jobs, checks, facts)


def probe_job(plan: Plan, bound: Mapping[str, Bound], model: str, data: str, loading: Loading) -> Job:
    """Build the job that tells what a model can do, before there are any checks."""
    return GraphBuilder(plan, bound, loading).probe(model, data)


def find_inventories(plan: Plan, catalogue: Catalogue, folder: Path, loading: Loading) -> dict[str, Bound]:
    """Find every inventory that a check uses (all of them when there are no checks yet).

    Raises
    ------
    InputError
        With the problems of all of them.
    """
    kinds = _kinds(plan, catalogue, folder)
    bound: dict[str, Bound] = {}
    problems: list[Problem] = []
    for name, kind in kinds.items():
        inventory = plan.inventories[name]
        try:
            bound[name] = _find(name, inventory, kind, folder)
        except InputError as error:
            problems.extend(error.problems)
            continue
        found = bound[name].found
        if inventory.sha256 not in (None, found.sha256):
            raise IntegrityError(
                Problem(
                    f"inventory {name!r} is not what the plan pins it to",
                    inventory.uri,
                    f"sha256 {found.sha256[:16]}…, pinned {str(inventory.sha256)[:16]}…",
                    "restore the content, or take sha256 out of the plan to accept the new one",
                )
            )
    if problems:
        raise InputError(*problems)
    for name, found in ((n, b.found) for n, b in bound.items()):
        if isinstance(found, ModelFacts):
            problems.extend(loading.problems(name, found))
    problems.extend(_features_missing(plan, catalogue, bound))
    if problems:
        raise ModelError(*problems)
    return bound


def _kinds(plan: Plan, catalogue: Catalogue, folder: Path) -> dict[str, str]:
    """Say of each inventory in use what it is bound as: a model, a design or other file, or data."""
    if not plan.checks:
        return {name: _BY_NAME.get(name, "data") for name in plan.inventories}
    kinds: dict[str, str] = {}
    for check in plan.checks.values():
        manifest = catalogue.ait(check.ait).manifest
        for name, value in check.with_.items():
            spec = manifest.inputs.get(name) if manifest else None
            kind = spec.kind if spec else ("model" if name == "model" else "data")
            for inventory in (value,) if isinstance(value, str) else value:
                of_a_model = kind == "predictions" and is_model(plan.inventories[inventory].uri, folder)
                kinds[inventory] = "model" if of_a_model else kind
    return kinds


_BY_NAME = {"model": "model", "previous": "model", "design": "design"}
"""What an inventory is bound as where there are no checks yet."""


def _find(name: str, inventory: Inventory, kind: str, folder: Path) -> Bound:
    if kind == "model":
        from qmtestbed.resolve.mlflow import find_model

        return Bound(name, inventory, find_model(name, inventory.uri, folder))
    if kind in ("design", "file"):
        path = find_file(name, inventory, folder)
        return Bound(name, inventory, FileFacts(path, sha256_of_file(path)))
    facts = describe_data(name, inventory, folder)
    if isinstance(facts, ImagesFacts) and inventory.label is None and "labels" in facts.columns:
        inventory = replace(inventory, label="labels")
    return Bound(name, inventory, facts)


def _features_missing(plan: Plan, catalogue: Catalogue, bound: Mapping[str, Bound]) -> Iterator[Problem]:
    """Name features of a model that the data it is applied to do not have."""
    pairs = {
        (names, check.with_["data"])
        for check in plan.checks.values()
        if "data" in check.with_
        for names in check.with_.values()
    } or ({("model", "test"), ("previous", "test")} if not plan.checks else set())
    for model, data in sorted(pairs, key=str):
        if not {model, data} <= bound.keys():
            continue
        facts, table = bound[str(model)].found, bound[str(data)].found
        if not isinstance(facts, ModelFacts) or not isinstance(table, TableFacts) or facts.features is None:
            continue
        roles = bound[str(data)].inventory.roles
        hidden = [f for f in facts.features if f == roles.label or f in roles.ignore]
        if hidden:
            yield Problem(
                f"the model {facts.requested} takes columns that no model may see",
                f"inventories {model!r}, {data!r}",
                ", ".join(f"{f!r} ({'label' if f == roles.label else 'ignore'})" for f in hidden),
                "a model that is given the truth proves nothing: take the role away, or train it without the column",
            )
        missing = [f for f in facts.features if f not in table.columns and f not in facts.optional_features]
        if missing:
            near = suggestion(missing[0], table.columns)
            yield Problem(
                f"the model {facts.requested} takes features that {bound[str(data)].inventory.shown} does not have",
                f"inventories {model!r}, {data!r}",
                ", ".join(repr(f) for f in missing[:8]) + (f" … {len(missing)} in all" if len(missing) > 8 else ""),
                f"add or rename the columns; {near}" if near else "add the columns",
            )


def _check_problems(id: str, check: Check, catalogue: Catalogue, bound: Mapping[str, Bound]) -> Iterator[Problem]:
    manifest = catalogue.ait(check.ait).manifest
    if manifest is None:
        return
    for name, spec in manifest.inputs.items():
        made = spec.kind == "predictions" and name not in check.with_
        source = check.with_.get("data" if made else name)
        if not isinstance(source, str) or spec.kind == "model":
            continue
        found = bound[source].found.kind
        if spec.kind == "predictions" and found == "model":
            if "data" not in check.with_:
                what = f"check {id!r}: the predictions of {source!r} need data"
                yield Problem(what, "plan", do="bind data too")
            continue
        if not made and found != _CARRIER.get(spec.kind, spec.kind):
            what = f"check {id!r}: input {name!r} takes {spec.kind}, and inventory {source!r} is {found}"
            yield Problem(what, "plan", bound[source].inventory.shown, "bind another inventory")
            continue
        for why in unmet_needs(spec, bound[source].inventory):
            do = f"give inventory {source!r} that role, or leave the check out"
            yield Problem(f"check {id!r} can't use inventory {source!r}: {why}", "plan", do=do)
    if any(s.kind == "model" for s in manifest.inputs.values()) and "data" not in check.with_:
        yield Problem(f"check {id!r} binds a model but no data", "plan", do="bind data too: the model is probed on it")


_CARRIER = {"predictions": "table", "design": "file"}
"""What an input of some kinds is carried by."""


def _pinned(bound: Bound, folder: Path, run_folder: Path) -> Inventory:
    """Write an inventory as the resolved plan has it: pinned, and relative to the run folder."""
    written, found = bound.inventory, bound.found
    if isinstance(found, ModelFacts) and ":" in found.uri.split("/")[0]:
        uri = found.uri
    else:
        uri = Path(os.path.relpath((folder / written.uri).resolve(), run_folder.resolve())).as_posix()
    requested = written.requested or (written.uri if uri != written.uri else None)
    return replace(written, uri=uri, sha256=found.sha256, requested=requested)


def filled_in(check: Check, catalogue: Catalogue) -> Check:
    """Give a check with the defaults of the parameters it leaves out."""
    manifest = catalogue.ait(check.ait).manifest
    defaults = {n: p.default for n, p in manifest.parameters.items()} if manifest else {}
    return replace(check, params={**defaults, **check.params})


def _facts(bound: Bound, inventory: Inventory) -> InventoryFacts:
    found = bound.found
    requested = inventory.requested or inventory.uri
    if isinstance(found, ModelFacts):
        return InventoryFacts(found.uri, found.sha256, requested, found.flavour, found.version)
    if isinstance(found, TableFacts):
        return InventoryFacts(found.path.name, found.sha256, requested, rows=found.rows, columns=len(found.columns))
    rows = found.rows if isinstance(found, ImagesFacts) else None
    return InventoryFacts(found.path.name, found.sha256, requested, rows=rows)
