"""``judge`` and ``report``: the evidence of a run again, by the same plan or another; nothing is executed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from qmtestbed.catalogue import Catalogue
from qmtestbed.documents import dump_document, parse_document
from qmtestbed.errors import InputError, IntegrityError, Problem
from qmtestbed.evidence import RunFolder, run_id
from qmtestbed.judging import judge
from qmtestbed.pipeline.asked import against, asked_of
from qmtestbed.pipeline.conclude import conclude
from qmtestbed.pipeline.options import Options, Outcome
from qmtestbed.pipeline.run import content_used
from qmtestbed.pipeline.since import snapshot_of
from qmtestbed.pipeline.views import TEMPLATE, Asked, write_views
from qmtestbed.plan import check_plan, load_plan
from qmtestbed.resolve import filled_in
from qmtestbed.tracking.uris import in_mlflow
from qmtestbed.types.baseline import BASELINE
from qmtestbed.types.codec import lean
from qmtestbed.types.evidence import Evidence
from qmtestbed.types.plan import Check, Inventory, LoadedPlan, Plan


def judge_again(run_folder: Path, options: Options) -> Outcome:
    """Judge the evidence of a run again: the same evidence gives the same bytes."""
    return conclude(RunFolder(run_folder), options.catalogue(), options)


def report(run_folder: Path, options: Options) -> tuple[Path, ...]:
    """Render pages of a run again, in the language of the options: by its templates, or the page that every run has."""
    folder = RunFolder(run_folder)
    evidence = folder.read()
    asked = Asked(options.templates or (TEMPLATE,), options.language, options.pdf)
    return write_views(folder, evidence, judge(evidence), options.catalogue(), asked)


def judge_by(run_folder: Path, plan_file: Path, options: Options) -> Outcome:
    """Judge the evidence of a run by another plan, into another folder; nothing is executed.

    A check of the other plan has evidence if the run has a check of the same AIT with the same parameters on the
    same inventories (same file or model, same roles), made with the same confidence and seed.
    """
    _own_folder(options)
    catalogue = options.catalogue()
    source, loaded = RunFolder(run_folder), load_plan(plan_file, catalogue)
    return _judge_by(loaded, source, source.read(), catalogue, options)


def judge_against(run_folder: Path, guidelines: Sequence[str], levels: Mapping[str, str], options: Options) -> Outcome:
    """Judge the evidence of a run against other guidelines, into another folder; nothing is executed.

    Checks, criteria and evidence stay as they are. A check's ``for`` and a declaration are kept where a guideline has
    their requirement; what is not kept is noted in the new run.

    Parameters
    ----------
    run_folder
        The finished run.
    guidelines
        Names of those to judge by, in place of the plan's own.
    levels
        As for :func:`asked_of`.
    options
        ``out`` must be given.
    """
    out, catalogue, source = _own_folder(options), options.catalogue(), RunFolder(run_folder)
    evidence = source.read()
    plan, lost = against(evidence.plan, asked_of(guidelines, levels, catalogue), catalogue)
    loaded = check_plan(plan, parse_document(dump_document(lean(plan)), "plan"), run_folder, catalogue)
    loaded = replace(loaded, source=dump_document(lean(_from_folder(plan, run_folder, out))))
    if lost:
        note = f"Left out, as {' and '.join(plan.guidelines)} has no such requirement: {', '.join(lost)}."
        evidence = replace(evidence, info=replace(evidence.info, notes=(*evidence.info.notes, note)))
    return _judge_by(loaded, source, evidence, catalogue, options)


def _own_folder(options: Options) -> Path:
    if options.out is None:
        raise InputError(Problem("judging by another plan needs a folder of its own", do="give --out DIR"))
    return options.out


def _from_folder(plan: Plan, old: Path, new: Path) -> Plan:
    """Give a resolved plan with its paths from another folder, for people to go on with."""
    inventories = {
        name: i if in_mlflow(i.uri) else replace(i, uri=_moved(i.uri, old, new)) for name, i in plan.inventories.items()
    }
    declarations = tuple(
        replace(d, file=_moved(d.file, old, new)) if d.file and (old / d.file).is_file() else d
        for d in plan.declarations
    )
    return replace(plan, inventories=inventories, declarations=declarations)


def _judge_by(
    loaded: LoadedPlan, source: RunFolder, evidence: Evidence, catalogue: Catalogue, options: Options
) -> Outcome:
    out, run_folder = _own_folder(options), source.path
    since = snapshot_of(options.since) if options.since else None
    resolved, checks, baselines = rebound(loaded, evidence, run_folder, out, catalogue)
    folder = RunFolder(out)
    plan = folder.open(loaded, resolved, content_used(loaded.plan, catalogue))
    for record in evidence.records.values():
        folder.keep(record, {s.sha256: source.resource(s.sha256, s.kind) for s in record.resources.values()})
    as_of = options.as_of or evidence.info.as_of
    info = replace(
        evidence.info,
        run=run_id(plan, (r.evidence_digest for r in evidence.records.values()), as_of),
        as_of=as_of,
        checks=checks,
        baselines=baselines,
        declarations=folder.declared(plan, as_of),
        left_out=(),
    )
    folder.seal(info, evidence.records.keys(), since)
    return conclude(folder, catalogue, options)


def rebound(
    loaded: LoadedPlan, evidence: Evidence, run_folder: Path, out: Path, catalogue: Catalogue
) -> tuple[Plan, dict[str, str], dict[str, str]]:
    """Pin another plan to the inventories of a run, and name each check's record and its comparison with the baseline.

    A check that has none is in neither; a comparison is one with the same baseline.
    """
    plan = loaded.plan
    same = {
        name: known
        for name, inventory in plan.inventories.items()
        # Of several that are the same model or file, the one of the same name stands last, and counts.
        for known, pinned in sorted(evidence.plan.inventories.items(), key=lambda item: item[0] == name)
        if _same_inventory(inventory, loaded.folder, pinned, run_folder)
    }
    filled = {id: filled_in(check, catalogue) for id, check in plan.checks.items()}
    comparable = (plan.confidence, plan.seed) == (evidence.plan.confidence, evidence.plan.seed)
    matches = [
        (id, known)
        for id, check in filled.items()
        for known, other in evidence.plan.checks.items()
        if comparable and _same_measurement(check, other, same)
    ]
    records = {id: evidence.info.checks[known] for id, known in matches}
    compared = evidence.info.baselines if same.get(BASELINE) == BASELINE else {}
    baselines = {id: compared[known] for id, known in matches if known in compared}
    inventories = dict(plan.inventories)
    for name, known in same.items():
        pinned = evidence.plan.inventories[known]
        uri = pinned.uri if in_mlflow(pinned.uri) else _moved(pinned.uri, run_folder, out)
        inventories[name] = replace(inventories[name], uri=uri, sha256=pinned.sha256, requested=pinned.requested)
    return replace(plan, inventories=inventories, checks=filled), records, baselines


def _same_inventory(inventory: Inventory, folder: Path, pinned: Inventory, run_folder: Path) -> bool:
    """Whether both name the same model or file and give its columns the same roles."""
    if inventory.uri not in (pinned.uri, pinned.requested) and (
        in_mlflow(inventory.uri) or (folder / inventory.uri).resolve() != (run_folder / pinned.uri).resolve()
    ):
        return False
    if inventory.sha256 not in (None, pinned.sha256):
        found = f"sha256 {str(pinned.sha256)[:16]}…, pinned {str(inventory.sha256)[:16]}…"
        raise IntegrityError(Problem("the run was made on other content than the plan pins", inventory.uri, found))
    return _roles_only(inventory) == _roles_only(pinned)


def _roles_only(inventory: Inventory) -> Inventory:
    return replace(inventory, uri="", sha256=None, requested=None)


def _same_measurement(check: Check, other: Check, same: Mapping[str, str]) -> bool:
    bindings = {n: same.get(v) if isinstance(v, str) else None for n, v in check.with_.items()}
    return (other.ait, dict(other.params), dict(other.with_)) == (check.ait, dict(check.params), bindings)


def _moved(uri: str, old: Path, new: Path) -> str:
    return Path(os.path.relpath((old / uri).resolve(), new.resolve())).as_posix()
