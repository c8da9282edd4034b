"""``evaluate``: from a model or its predictions, and data, to a plan of every AIT that they fit, and its run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from qmtestbed.ait import Roles
from qmtestbed.catalogue import AitEntry, Catalogue
from qmtestbed.documents import dump_document, parse_document
from qmtestbed.errors import SEE_LOG, InputError, ModelError, PlanError, Problem
from qmtestbed.execute import Launcher, Progress, launcher_for
from qmtestbed.pipeline.asked import asked_of
from qmtestbed.pipeline.options import Options, Outcome, Silent
from qmtestbed.pipeline.run import Kept, execute_jobs, next_folder, run_loaded
from qmtestbed.plan import check_plan
from qmtestbed.resolve import find_inventories, first_job
from qmtestbed.resolve.capabilities import unmet_needs
from qmtestbed.resolve.jobs import Bound
from qmtestbed.tracking.uris import in_mlflow
from qmtestbed.types.assessment import LeftOut
from qmtestbed.types.baseline import BASELINE
from qmtestbed.types.codec import lean
from qmtestbed.types.job import Job
from qmtestbed.types.manifest import PROBED, InputSpec, Manifest
from qmtestbed.types.plan import Check, Component, Expectation, Inventory, LoadedPlan, Outputs, Plan
from qmtestbed.types.record import INPUT_REFUSED, Failure, Record


@dataclass(frozen=True)
class Subject:
    """What to evaluate: a model, or in place of it a file of its predictions, and the data it is judged on.

    Where given, also the data it was trained on, the previous version of the model, the attribute design, and the
    baseline that criteria of the plan may name; without a previous version it is taken for that as well. ``levels`` are
    by quality or, where several guidelines have it, by ``guideline:quality``.
    """

    model: str | None
    data: str
    roles: Roles
    train: str | None = None
    previous: str | None = None
    baseline: str | None = None
    design: str | None = None
    outputs: Outputs | None = None
    levels: Mapping[str, str] = field(default_factory=dict)
    guideline: str | Sequence[str] = "mlqm@3"
    name: str | None = None
    seed: int = 0
    predictions: str | None = None


@dataclass(frozen=True)
class Draft:
    """A plan that was chosen, why AITs were left out of it, and the record that told what there is to measure."""

    loaded: LoadedPlan
    left_out: tuple[LeftOut, ...]
    probe: Record


def evaluate(subject: Subject, options: Options, progress: Progress | None = None) -> Outcome:
    """Choose a plan for a model and its data, and run it."""
    catalogue, watch = options.catalogue(), progress or Silent()
    out = options.out or next_folder(_bare_plan(subject, Path(), catalogue))
    options = replace(options, out=out)
    found = _find(subject, catalogue, out, options)
    launcher = launcher_for([found.probe], options.isolation)
    try:
        chosen = _choose_plan(found, catalogue, launcher, options, watch)
        # A probe that failed is no reason to fail again: it is tried anew, as every failure is. Predictions that were
        # matched are not at hand any more.
        good = chosen.probe.status == "measured" and not chosen.probe.resources
        made: Mapping[str, Kept] = {chosen.probe.key: (chosen.probe, {})} if good else {}
        return run_loaded(chosen.loaded, catalogue, options, watch, chosen.left_out, made, launcher)
    finally:
        launcher.close()


def draft(subject: Subject, options: Options, progress: Progress | None = None) -> Draft:
    """Choose a plan: every AIT whose needs model and data meet, with the criteria it suggests.

    The model is loaded once, in a child, to see what it can do; no AIT runs.
    """
    catalogue = options.catalogue()
    found = _find(subject, catalogue, options.out or Path("qmt-runs", "draft"), options)
    launcher = launcher_for([found.probe], options.isolation)
    try:
        return _choose_plan(found, catalogue, launcher, options, progress or Silent())
    finally:
        launcher.close()


@dataclass(frozen=True)
class _Found:
    """A plan without checks, its inventories found, and the job that tells what there is to measure."""

    plan: Plan
    bound: Mapping[str, Bound]
    probe: Job
    out: Path


def _find(subject: Subject, catalogue: Catalogue, out: Path, options: Options) -> _Found:
    bare, loading = _bare_plan(subject, out, catalogue), options.loading()
    _check_asked(bare, catalogue)
    bound = find_inventories(bare, catalogue, out, loading)
    return _Found(bare, bound, first_job(bare, bound, "test", loading, options.samples), out)


def _check_asked(bare: Plan, catalogue: Catalogue) -> None:
    """Refuse, before anything runs, what no plan can name, and guidelines and levels that are not there."""
    document = parse_document(dump_document(lean(bare)), "plan")
    try:
        check_plan(bare, document, Path(), catalogue)
    except PlanError as error:
        # Nobody wrote this plan: its lines say nothing, and guidelines and levels are all that it can be wrong in.
        option = {True: "--guideline", False: "--level"}
        raise PlanError(
            *(replace(p, where=option[p.what.startswith("unknown guideline")]) for p in error.problems)
        ) from None


def _choose_plan(
    found: _Found, catalogue: Catalogue, launcher: Launcher, options: Options, progress: Progress
) -> Draft:
    progress.planned([found.probe], {})
    with tempfile.TemporaryDirectory(prefix="qmt-probe-") as scratch:
        folder = options.run_folder(Path(scratch))
        execute_jobs([found.probe], folder, launcher, options, progress)
        probe = folder.record(found.probe.key)
        folder.let_go()
    if probe.facts.get(INPUT_REFUSED):
        raise ModelError(_refusal(probe))
    checks, left_out = choose_checks(catalogue, found.bound, _told_by(probe))
    if not checks:
        reasons = "; ".join(f"{x.ait}: {x.why}" for x in left_out)
        raise PlanError(Problem("no AIT fits what is given", found=reasons))
    plan = replace(found.plan, checks=checks)
    document = parse_document(dump_document(lean(plan)), "plan")
    return Draft(check_plan(plan, document, found.out, catalogue), tuple(left_out), probe)


def _refusal(probe: Record) -> Problem:
    """Say why what was given can't be used; the log of the child is gone with its folder."""
    error = probe.error or Failure(probe.status)
    where = probe.inputs["predictions" if probe.kind == "predict" else "model"].name
    do = "" if error.do.startswith(SEE_LOG) else error.do
    return Problem(error.what, where, error.found, do)


@dataclass(frozen=True)
class Told:
    """What is known of the task and of what can be measured; ``capabilities`` are ``None`` where nobody looked."""

    kind: str
    task: str
    capabilities: Collection[str] | None


def _told_by(probe: Record) -> Told:
    measured = probe.status == "measured"
    return Told(probe.kind, str(probe.facts.get("task", "")), probe.facts.get("capabilities", ()) if measured else None)


def choose_checks(
    catalogue: Catalogue, bound: Mapping[str, Bound], told: Told
) -> tuple[dict[str, Check], list[LeftOut]]:
    """Give a check with the criteria it suggests for every AIT that fits, and why the others are left out."""
    checks: dict[str, Check] = {}
    left_out: list[LeftOut] = []
    for entry in catalogue.aits.values():
        why, check = _choose(entry, bound, told)
        if check is not None:
            checks[entry.id] = check
        else:
            left_out.append(LeftOut(entry.id, why))
    return checks, left_out


def _bare_plan(subject: Subject, out: Path, catalogue: Catalogue) -> Plan:
    """Write the plan without checks; its paths start from the run folder, where the plan is kept."""
    _one_subject(subject)
    asked = asked_of(subject.guideline, subject.levels, catalogue)
    return Plan(
        schema="qmtestbed/plan/v1",
        component=Component(subject.name or name_of(subject.model, subject.predictions)),
        guideline=asked.guideline,
        levels=asked.levels,
        seed=subject.seed,
        inventories=inventories_of(subject, out),
    )


def inventories_of(subject: Subject, out: Path) -> dict[str, Inventory]:
    """Give the inventories of a subject by their fixed names, with paths that start from ``out``."""
    inventories = {"test": _table(out, subject.data, subject.roles)}
    if subject.model is not None:
        inventories["model"] = Inventory(_from(out, subject.model), outputs=subject.outputs)
    if subject.predictions is not None:
        inventories["predictions"] = Inventory(_from(out, subject.predictions), requested=subject.predictions)
    if subject.train:
        inventories["train"] = _table(out, subject.train, subject.roles)
    if subject.previous:
        inventories["previous"] = Inventory(_from(out, subject.previous), outputs=subject.outputs)
    if subject.baseline:
        inventories[BASELINE] = Inventory(_from(out, subject.baseline), outputs=subject.outputs)
    if subject.design:
        inventories["design"] = Inventory(_from(out, subject.design), requested=subject.design)
    return inventories


def _one_subject(subject: Subject) -> None:
    """Refuse a subject that is nothing or two things."""
    if subject.model is not None and subject.predictions is not None:
        found, do = f"{subject.model}, {subject.predictions}", "give one of the two: a model makes its own predictions"
        raise InputError(Problem("there is a model and a file of predictions to evaluate", found=found, do=do))
    if subject.model is None and subject.predictions is None:
        do = "give a model, or with --predictions a file of what it said to each row of the data"
        raise InputError(Problem("there is nothing to evaluate", do=do))


def _table(out: Path, path: str, r: Roles) -> Inventory:
    return Inventory(
        _from(out, path),
        r.label,
        r.positive,
        r.sensitive,
        r.id,
        r.time,
        r.group,
        r.weight,
        r.ignore,
        r.classes,
        r.task,
        requested=path,
    )


def _from(out: Path, uri: str) -> str:
    if in_mlflow(uri):
        return uri
    return Path(os.path.relpath(os.path.realpath(uri), out.resolve())).as_posix()


def name_of(model: str | None, predictions: str | None) -> str:
    """``models:/churn@champion`` and ``models:/churn/3`` are about churn, as is ``churn.csv``; else the URI is it."""
    if model is None:
        return Path(predictions or "").stem
    rest = model.removeprefix("models:/")
    name = rest.split("@")[0].split("/")[0]
    return name if rest != model and name else model


_INVENTORY = {"data": "test", **{n: n for n in ("train", "model", "predictions", "previous", "design")}}
"""Which inventory an input is bound to, by the fixed input names."""


def bindings_of(inputs: Mapping[str, InputSpec], inventories: Collection[str]) -> dict[str, str]:
    """Say which inventory each of an AIT's inputs is bound to, and what their predictions are made from."""
    bindings: dict[str, str] = {}
    for name in inputs:
        assessed = "predictions" if "predictions" in inventories else "model"
        names = (assessed, "data") if name == "predictions" else (name,)
        bindings |= {n: inventory_of(n, inventories) for n in names}
    if "previous" in bindings or any(spec.kind == "model" for spec in inputs.values()):
        bindings["data"] = "test"
    return bindings


def inventory_of(name: str, bound: Collection[str]) -> str:
    """Name the inventory of an input by its fixed name; an empty text where there is no such name."""
    if name == "previous" and name not in bound and BASELINE in bound:
        return BASELINE
    return _INVENTORY.get(name, "")


def _choose(entry: AitEntry, bound: Mapping[str, Bound], told: Told) -> tuple[str, Check | None]:
    """Give the check of an AIT, or why it is left out."""
    manifest = entry.manifest
    if manifest is None:
        return "it is broken: " + "; ".join(p.what for p in entry.broken), None
    if entry.missing:
        return "a package is missing: " + "; ".join(entry.missing), None
    if manifest.volatile:
        return "its numbers differ from run to run; write a plan", None
    if manifest.information:
        return "it is for information only and judges nothing; write a plan", None
    usable = {}
    for name, spec in manifest.inputs.items():
        why = _why_not(name, spec, bound, told)
        if why and not spec.optional:
            return why, None
        if not why:
            usable[name] = spec
    bindings = bindings_of(usable, bound)
    expected = expected_of(manifest, bindings)
    if manifest.suggests and not expected:
        lacking = sorted({n for s in manifest.suggests for n in s.inputs if n not in bindings})
        if "model" in lacking and "model" not in bound:
            return _NO_MODEL, None
        return f"it judges nothing without {', '.join(lacking)}; add " + " ".join(f"--{n}" for n in lacking), None
    return "", Check(manifest.id, bindings, expect=expected)


def _why_not(name: str, spec: InputSpec, bound: Mapping[str, Bound], told: Told) -> str:
    """Say why an input can't be bound; an empty text if it can."""
    source = "test" if name == "predictions" else inventory_of(name, bound)
    if source not in bound:
        if source == "model":
            return _NO_MODEL
        if name in _OPTION:
            return f"it needs {_OPTION[name]}; add --{name}"
        return f"it needs {name!r} ({spec.kind}), which evaluate can't bind; write a plan"
    if name == "previous":
        return ""
    if spec.kind in ("table", "images") and bound[source].found.kind != spec.kind:
        return f"it is for {_PLURAL[spec.kind]}, and {source} is {bound[source].found.kind}"
    unmet = [] if spec.kind in ("model", "model_files") else list(unmet_needs(spec, bound[source].inventory))
    asked = PROBED & set(spec.needs)
    wrong_task = ({"classification", "regression"} & asked) - {told.task} if told.task else set()
    unmet += [f"it is for {t}, and the task is {told.task}" for t in sorted(wrong_task)]
    if told.capabilities is not None:
        lacking = sorted(asked - set(told.capabilities) - {"classification", "regression"})
        unmet += [_LACKS[told.kind].format(n) for n in lacking]
    return "; ".join(dict.fromkeys(unmet))


_NO_MODEL = "it needs the model itself; only predictions were given"
_LACKS = {"probe": "the model does not offer {}", "predict": "the predictions hold no {}"}
_OPTION = {
    "train": "the training data",
    "previous": "the previous version of the model",
    "design": "the attribute design",
}
_PLURAL = {"table": "tables", "images": "images"}


def expected_of(manifest: Manifest, bindings: Collection[str]) -> tuple[Expectation, ...]:
    """Give the default criteria that make sense with these inputs, marked as such."""
    fitting = (s for s in manifest.suggests if set(s.inputs) <= set(bindings))
    return tuple(Expectation(s.criterion, s.because.en, default=True) for s in fitting)
