"""``run``: a plan, from its file to verdicts and pages."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

from qmtestbed.catalogue import Catalogue
from qmtestbed.errors import InputError, Problem
from qmtestbed.evidence import RunFolder, run_id
from qmtestbed.execute import Launcher, Progress, Shelf, execute, launcher_for
from qmtestbed.pipeline.conclude import conclude
from qmtestbed.pipeline.notes import notes_on_agreement, notes_on_loading, notes_on_matching
from qmtestbed.pipeline.options import Options, Outcome, Silent
from qmtestbed.pipeline.since import snapshot_of
from qmtestbed.pipeline.write_back import logged
from qmtestbed.plan import load_plan
from qmtestbed.resolve import resolve
from qmtestbed.types.assessment import LeftOut
from qmtestbed.types.evidence import RunInfo
from qmtestbed.types.job import Job
from qmtestbed.types.plan import LoadedPlan, Plan
from qmtestbed.types.record import Record
from qmtestbed.types.resolution import Resolution

Kept = tuple[Record, Mapping[str, Path]]
"""A record and its resources by SHA-256."""


def run(plan_file: Path, options: Options, progress: Progress | None = None) -> Outcome:
    """Run a plan file from end to end; a folder that holds the same plan is gone on with."""
    catalogue = options.catalogue()
    return run_loaded(load_plan(plan_file, catalogue), catalogue, options, progress or Silent())


def resolve_only(plan_file: Path, options: Options) -> Resolution:
    """Read and resolve a plan without running anything."""
    catalogue = options.catalogue()
    loaded = load_plan(plan_file, catalogue)
    path = options.out or next_folder(loaded.plan)
    return resolve(loaded, catalogue, path, options.loading(), options.environments(), options.samples)


def run_loaded(
    loaded: LoadedPlan,
    catalogue: Catalogue,
    options: Options,
    progress: Progress,
    left_out: Sequence[LeftOut] = (),
    made: Mapping[str, Kept] | None = None,
    launcher: Launcher | None = None,
) -> Outcome:
    """Run a plan that was read; ``made`` are records that exist, by job key, ``launcher`` one that is warm already."""
    folder = _collect(loaded, catalogue, options, progress, left_out, made or {}, launcher)
    # From here on everything is read back from the folder: plan and jobs need not stay in memory.
    outcome = conclude(folder, catalogue, options)
    return logged(outcome, options) if options.log else outcome


def _collect(
    loaded: LoadedPlan,
    catalogue: Catalogue,
    options: Options,
    progress: Progress,
    left_out: Sequence[LeftOut],
    made: Mapping[str, Kept],
    launcher: Launcher | None,
) -> RunFolder:
    """Execute what a plan asks for; give the sealed folder with all evidence."""
    if not loaded.plan.checks:
        raise InputError(Problem("the plan has no checks", do="add at least one under checks:"))
    path = options.out or next_folder(loaded.plan)
    since = snapshot_of(options.since) if options.since else None
    environments = options.environments(progress.preparing)
    resolution = resolve(loaded, catalogue, path, options.loading(), environments, options.samples)
    if options.log:
        _can_be_logged(resolution, path)
    folder = options.run_folder(path)
    plan = folder.open(loaded, resolution.plan, content_used(loaded.plan, catalogue))
    for job in resolution.jobs:
        if job.key in made:
            folder.keep(*made[job.key])
    compared = {f"{check} (baseline)": key for check, key in resolution.baselines.items()}
    progress.planned(resolution.jobs, {**resolution.checks, **compared})
    warm = launcher or launcher_for(resolution.jobs, options.isolation)
    try:
        digests = execute_jobs(resolution.jobs, folder, warm, options, progress)
    finally:
        warm.close()
        folder.let_go()
    as_of = options.as_of or date.today().isoformat()
    info = RunInfo(
        schema="qmtestbed/run/v1",
        run=run_id(plan, digests.values(), as_of),
        as_of=as_of,
        checks=resolution.checks,
        baselines=resolution.baselines,
        inventories=resolution.inventories,
        left_out=tuple(left_out),
        declarations=folder.declared(plan, as_of),
        notes=(
            *resolution.notes,
            *notes_on_loading(folder.record(job.key) for job in resolution.jobs if job.kind == "probe"),
            *notes_on_matching(folder.record(job.key) for job in resolution.jobs if job.kind == "predict"),
            *notes_on_agreement(folder.record(job.key) for job in resolution.jobs if job.kind == "predict"),
        ),
        samples=options.samples,
    )
    folder.seal(info, digests.keys(), since)
    return folder


def _can_be_logged(resolution: Resolution, path: Path) -> None:
    """Refuse before anything runs what could not be written to MLflow at the end."""
    from qmtestbed.tracking.writing import assessed_model

    assessed_model(resolution.inventories, str(path))


def execute_jobs(
    jobs: Sequence[Job], folder: Shelf, launcher: Launcher, options: Options, progress: Progress
) -> dict[str, str]:
    """Run jobs on as many slots as the options say; give the evidence digest of each one's record by job key."""
    slots = options.jobs or max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2)
    try:
        with ThreadPoolExecutor(slots, thread_name_prefix="slot") as executor:
            return execute(jobs, folder, launcher, executor, slots, progress)
    finally:
        progress.ended()


def content_used(plan: Plan, catalogue: Catalogue) -> dict[str, bytes]:
    """Exact copies of the guidelines and manifests that a plan uses, by their path in the run folder."""
    names = dict.fromkeys(n for name in plan.guidelines for n in _with_extended(name, catalogue))
    guidelines = {f"guidelines/{name}.yaml": catalogue.guideline(name).source for name in names}
    used = sorted({check.ait for check in plan.checks.values()})
    return {**guidelines, **{f"manifests/{id}.yaml": catalogue.ait(id).source for id in used}}


def _with_extended(name: str, catalogue: Catalogue) -> Iterator[str]:
    """Give a guideline and, where it is a profile, those that it rests on."""
    following: str | None = name
    while following is not None:
        yield following
        guideline = catalogue.guideline(following).guideline
        following = guideline.extends if guideline else None


def next_folder(plan: Plan) -> Path:
    """Choose the next free ``qmt-runs/<component>-<n>``."""
    return free_folder(plan.component.name)


def free_folder(name: str, before: str = "") -> Path:
    """Choose the next free ``qmt-runs/<before><name>-<n>``, of a name that is free text."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "run"
    n = 1
    while (path := Path("qmt-runs", f"{before}{slug}-{n}")).exists():
        n += 1
    return path
