"""Plan + catalogue → jobs: names become digests, and what can't work is refused before anything runs.

Only metadata is read here: no model is loaded and no AIT is imported.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from qmtestbed.ait import Samples
from qmtestbed.catalogue import Catalogue
from qmtestbed.digests import sha256_of_file
from qmtestbed.documents import decode_document, read_document
from qmtestbed.errors import ContentError, InputError, IntegrityError, ModelError, PlanError, Problem
from qmtestbed.resolve import fitting, predictions
from qmtestbed.resolve.arrays import ImagesFacts
from qmtestbed.resolve.capabilities import unmet_needs
from qmtestbed.resolve.datasets import TableFacts, describe_data
from qmtestbed.resolve.files import find_file
from qmtestbed.resolve.jobs import Bound, FileFacts, GraphBuilder
from qmtestbed.resolve.logged import compared, locate, run_of_model
from qmtestbed.resolve.models import ModelFacts, find_model, is_model
from qmtestbed.resolve.trust import Loading
from qmtestbed.tracking.uris import is_logged
from qmtestbed.types.baseline import BASELINE, names_baseline
from qmtestbed.types.design import DesignFile
from qmtestbed.types.environment import Environments
from qmtestbed.types.evidence import InventoryFacts
from qmtestbed.types.job import Job
from qmtestbed.types.manifest import InputSpec, Manifest
from qmtestbed.types.plan import Check, Inventory, LoadedPlan, Plan
from qmtestbed.types.resolution import Resolution

__all__ = ["Loading", "filled_in", "find_inventories", "first_job", "resolve"]


def resolve(
    loaded: LoadedPlan,
    catalogue: Catalogue,
    run_folder: Path,
    loading: Loading,
    environments: Environments,
    samples: Samples = "ids",
) -> Resolution:
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
    environments
        Who provides the environments of AITs that have one of their own.
    samples
        How much of single rows the records may hold.

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
    builder = GraphBuilder(plan, bound, loading, samples, environments)
    checks = {id: builder.measure(check, catalogue.ait(check.ait)).key for id, check in plan.checks.items()}
    baselines = {
        id: builder.compare(check, catalogue.ait(check.ait)).key
        for id, check in plan.checks.items()
        if names_baseline(check)
    }
    pinned = {name: _pinned(b, loaded.folder, run_folder) for name, b in bound.items()}
    resolved = replace(
        plan,
        inventories={**plan.inventories, **pinned},
        checks={id: filled_in(check, catalogue) for id, check in plan.checks.items()},
    )
    facts = {name: _facts(b, plan.inventories[name]) for name, b in bound.items()}
    notes = tuple(note for b in bound.values() for note in b.notes)
    return Resolution(resolved, builder.jobs, checks, facts, baselines, notes)


def first_job(plan: Plan, bound: Mapping[str, Bound], data: str, loading: Loading, samples: Samples = "ids") -> Job:
    """Build the job that tells what there is to measure, before there are any checks.

    It probes the inventory ``model``; without one, it matches the inventory ``predictions`` with the data.
    """
    builder = GraphBuilder(plan, bound, loading, samples)
    return builder.probe("model", data) if "model" in bound else builder.match("predictions", data)


def find_inventories(plan: Plan, catalogue: Catalogue, folder: Path, loading: Loading) -> dict[str, Bound]:
    """Find every inventory that a check uses (all of them when there are no checks yet).

    Raises
    ------
    InputError
        With the problems of all of them.
    """
    kinds = _kinds(plan, catalogue, folder)
    bound: dict[str, Bound] = {}
    problems = [_unnamed(name, plan) for name in kinds if plan.inventories[name].is_placeholder]
    if problems:
        raise PlanError(*problems)
    # Models first: a data set may be named as one of the run that logged the model.
    for name, kind in sorted(kinds.items(), key=lambda item: item[1] != "model"):
        inventory = plan.inventories[name]
        if problems and is_logged(inventory.uri):
            continue  # that its model was not found is said already
        try:
            if kind != "model" and is_logged(inventory.uri):
                bound[name] = _find_logged(name, inventory, kind, run_of_model(name, plan, bound))
            else:
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
        if isinstance(found, ModelFacts) and _is_loaded(name, plan, catalogue):
            problems.extend(loading.problems(name, found))
    problems.extend(_misfits(plan, catalogue, bound))
    problems.extend(dict.fromkeys(_training_misfits(plan, catalogue, bound)))
    if problems:
        raise ModelError(*problems)
    return bound


def _unnamed(name: str, plan: Plan) -> Problem:
    using = [id for id, c in plan.checks.items() if name in (v if isinstance(v, str) else "" for v in c.with_.values())]
    do = f"write what it is under inventories:, or take out the checks that use it: {', '.join(using)}"
    what = f"inventory {name!r} is still a placeholder of the draft"
    return Problem(what, "plan", plan.inventories[name].uri, do)


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
                predicts = kind == "predictions" and is_model(plan.inventories[inventory].uri, folder)
                kinds[inventory] = "model" if predicts or kind == "model_files" else kind
    if any(map(names_baseline, plan.checks.values())):
        kinds[BASELINE] = "model"
    return kinds


def _is_loaded(name: str, plan: Plan, catalogue: Catalogue) -> bool:
    """Whether a check loads a model, and does not look at its files only; without checks yet, any may."""
    for check in plan.checks.values():
        manifest = catalogue.ait(check.ait).manifest
        for given, value in check.with_.items():
            spec = manifest.inputs.get(given) if manifest else None
            if name in ((value,) if isinstance(value, str) else value) and (not spec or spec.kind != "model_files"):
                return True
    return not plan.checks or name == BASELINE


_BY_NAME = {"model": "model", "previous": "model", BASELINE: "model", "design": "design"}
"""What an inventory is bound as where there are no checks yet."""


def _find(name: str, inventory: Inventory, kind: str, folder: Path) -> Bound:
    if kind == "model":
        return Bound(name, inventory, find_model(name, inventory.uri, folder))
    if kind in ("design", "file"):
        path = find_file(name, inventory, folder)
        if kind == "design":
            _check_design(path, inventory)
        return Bound(name, inventory, FileFacts(path, sha256_of_file(path)))
    facts = describe_data(name, inventory, folder)
    if isinstance(facts, ImagesFacts) and inventory.label is None and "labels" in facts.columns:
        inventory = replace(inventory, label="labels")
    return Bound(name, inventory, facts)


def _check_design(path: Path, inventory: Inventory) -> None:
    """Refuse a file that is no attribute design; :class:`InputError`."""
    document = read_document(path, inventory.shown)
    written = decode_document(DesignFile, document)
    faults = [document.fault(f) for f in written.bin_faults()]
    if written == DesignFile():
        do = "write its attributes, or draft it with qmtestbed design draft"
        faults.append(document.problem((), "it declares nothing", do=do))
    if faults:
        raise ContentError(*faults)


def _find_logged(name: str, inventory: Inventory, kind: str, model_run: str | None) -> Bound:
    """Find a data set of an MLflow run, and compare it with what was logged."""
    data = locate(name, inventory, model_run)
    located = replace(inventory, uri=str(data.path), requested=inventory.shown)
    return compared(_find(name, located, kind, Path()), data)


def _misfits(plan: Plan, catalogue: Catalogue, bound: Mapping[str, Bound]) -> Iterator[Problem]:
    """Say of each model or file of predictions why it does not fit the data that it is bound with."""
    for name, data in sorted(_pairs(plan, catalogue)):
        if not {name, data} <= bound.keys():
            continue
        one, found = bound[name], bound[data].found
        if not isinstance(found, (TableFacts, ImagesFacts)):
            continue
        where = f"inventories {name!r}, {data!r}"
        if isinstance(one.found, ModelFacts):
            yield from fitting.misfits(fitting.Pair(one.found, found, bound[data].inventory, where))
        elif one.is_to_match or isinstance(one.found, ImagesFacts):
            yield from predictions.misfits(one, bound[data], where)


def _training_misfits(plan: Plan, catalogue: Catalogue, bound: Mapping[str, Bound]) -> Iterator[Problem]:
    """Say of training data why they are not those of the model, or of another kind than the data beside them."""
    inputs = {i: entry.inputs for i, c in plan.checks.items() if (entry := catalogue.ait(c.ait).manifest)}
    checks = [c.with_ for i, c in plan.checks.items() if "train" in inputs.get(i, ())]
    for given in checks if plan.checks else [_WITHOUT_CHECKS]:
        names = {n: s for n, s in given.items() if isinstance(s, str) and s in bound}
        train, data = (bound[names[n]] if n in names else None for n in ("train", "data"))
        if train is None or not isinstance(train.found, TableFacts):
            continue
        if data is not None and isinstance(data.found, TableFacts):
            shown, where = (data.inventory.shown, train.inventory.shown), f"inventories {data.name!r}, {train.name!r}"
            strange = [*fitting.strangers(data.found, train.found, shown, where)]
            if strange:
                yield from strange
                continue
        for model in (bound[names[n]] for n in ("model", "predictions") if n in names):
            if isinstance(model.found, ModelFacts):
                where = f"inventories {model.name!r}, {train.name!r}"
                yield from fitting.training_misfits(fitting.Pair(model.found, train.found, train.inventory, where))


_WITHOUT_CHECKS = {"model": "model", "data": "test", "train": "train"}
"""What an AIT could be given where there are no checks yet."""


def _pairs(plan: Plan, catalogue: Catalogue) -> set[tuple[str, str]]:
    """Models and files of predictions, each with the data that it is bound with."""
    if not plan.checks:
        return {(name, "test") for name in ("model", "previous", BASELINE, "predictions")}
    pairs: set[tuple[str, str]] = set()
    for check in plan.checks.values():
        manifest, data = catalogue.ait(check.ait).manifest, check.with_.get("data")
        for name, source in check.with_.items():
            spec = manifest.inputs.get(name) if manifest else None
            kind = spec.kind if spec else name
            if kind in ("model", "predictions") and isinstance(source, str) and isinstance(data, str):
                pairs.add((source, data))
        if names_baseline(check) and isinstance(data, str):
            pairs.add((BASELINE, data))
    return pairs


def _check_problems(id: str, check: Check, catalogue: Catalogue, bound: Mapping[str, Bound]) -> Iterator[Problem]:
    manifest = catalogue.ait(check.ait).manifest
    if manifest is None:
        return
    for name, spec in manifest.inputs.items():
        source = check.with_.get(name)
        if spec.kind == "predictions":
            yield from _predictions_problems(id, name, manifest, check, bound)
        elif spec.kind != "model" and isinstance(source, str):
            found = bound[source]
            if found.found.kind in _CARRIERS.get(spec.kind, (spec.kind,)):
                yield from _unmet(id, spec, found, "leave the check out")
            else:
                yield _wrong_kind(id, name, spec, found)
    if any(s.kind == "model" for s in manifest.inputs.values()) and "data" not in check.with_:
        yield Problem(f"check {id!r} binds a model but no data", "plan", do="bind data too: the model is probed on it")


def _predictions_problems(
    id: str, name: str, manifest: Manifest, check: Check, bound: Mapping[str, Bound]
) -> Iterator[Problem]:
    """Say why predictions can't be made by a model, taken from a file, or matched with the data."""
    spec, source, data = manifest.inputs[name], check.with_.get(name), check.with_.get("data")
    if source is None:
        if isinstance(data, str):
            yield from _unmet(id, spec, bound[data], "leave the check out")
        return
    given = bound[str(source)]
    if given.found.kind == "model":
        if data is None:
            yield Problem(f"check {id!r}: the predictions of {source!r} need data", "plan", do="bind data too")
    elif given.found.kind != "table":
        yield _wrong_kind(id, name, spec, given)
    elif name == "predictions" and names_baseline(check):
        what = f"check {id!r}: predictions from a file have no model that the baseline could take the place of"
        do = "bind model and data, or write a number as bound"
        yield Problem(what, "plan", given.inventory.shown, do)
    elif data is None:
        yield from _unmet(id, spec, given, "bind the data that it is about")
    elif given.is_to_match:
        yield from _unmet(id, spec, bound[str(data)], "leave the check out")
    elif "data" not in manifest.inputs:
        what = f"check {id!r}: the predictions of {source!r} have labels of their own, and data besides"
        do = "take away their label, to match them with the data, or the data"
        yield Problem(what, "plan", given.inventory.shown, do)
    else:
        yield from _unmet(id, spec, given, "leave the check out")


def _unmet(id: str, spec: InputSpec, given: Bound, otherwise: str) -> Iterator[Problem]:
    for why in unmet_needs(spec, given.inventory):
        do = f"give inventory {given.name!r} that role, or {otherwise}"
        yield Problem(f"check {id!r} can't use inventory {given.name!r}: {why}", "plan", do=do)


def _wrong_kind(id: str, name: str, spec: InputSpec, given: Bound) -> Problem:
    what = f"check {id!r}: input {name!r} takes {spec.kind}, and inventory {given.name!r} is {given.found.kind}"
    return Problem(what, "plan", given.inventory.shown, "bind another inventory")


_CARRIERS = {
    "predictions": ("table",),
    "design": ("file",),
    "items": ("table", "images"),
    "model_files": ("model",),
}
"""What an input of some kinds may be carried by."""


def _pinned(bound: Bound, folder: Path, run_folder: Path) -> Inventory:
    """Write an inventory as the resolved plan has it: pinned, and relative to the run folder."""
    written, found = bound.inventory, bound.found
    if bound.logged is not None:
        uri = bound.logged.uri
    elif isinstance(found, ModelFacts) and ":" in found.uri.split("/")[0]:
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
        return InventoryFacts(found.uri, found.sha256, requested, found.flavour, found.version, page=found.page)
    if isinstance(found, TableFacts):
        return InventoryFacts(found.path.name, found.sha256, requested, rows=found.rows, columns=len(found.columns))
    rows = found.rows if isinstance(found, ImagesFacts) else None
    return InventoryFacts(found.path.name, found.sha256, requested, rows=rows)
