"""Finished runs compared item by item: the AIT of a check on the predictions of both, in a child, where they match."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qmtestbed.ait import Roles
from qmtestbed.catalogue import AitEntry, Catalogue
from qmtestbed.digests import sha256_of_file
from qmtestbed.evidence import RunFolder
from qmtestbed.execute import Progress, launcher_for
from qmtestbed.judging import Pairing
from qmtestbed.pipeline.options import Options
from qmtestbed.pipeline.run import execute_jobs
from qmtestbed.resolve.jobs import difference_job
from qmtestbed.types.assessment import Assessment
from qmtestbed.types.baseline import BASELINE
from qmtestbed.types.comparison import Snapshot
from qmtestbed.types.environment import Environments
from qmtestbed.types.evidence import Evidence
from qmtestbed.types.job import Environment, Job, JobInput, JobLimits, Program
from qmtestbed.types.record import Record, UsedInput

PREDICTIONS = "predictions"


@dataclass(frozen=True)
class Finished:
    """A finished run as it is compared."""

    folder: RunFolder
    evidence: Evidence
    assessment: Assessment
    snapshot: Snapshot


def pair(
    runs: Sequence[Finished], catalogue: Catalogue, options: Options, progress: Progress, logs: Path
) -> dict[tuple[int, str], Pairing]:
    """Compare item by item whatever runs have in common with the first.

    Nothing is taken from the store of records and nothing is put there: that predictions in a run folder are what its
    records say they are is not known here.

    Returns
    -------
    dict
        For the position of a run and a check: the differences, that run less the first, or why there are none.
    """
    environments = options.environments(progress.preparing)
    found: dict[tuple[int, str], Pairing] = {}
    jobs: dict[tuple[int, str], Job] = {}
    for i, run in enumerate(runs[1:], 1):
        for check in [c for c in run.evidence.plan.checks if c in runs[0].evidence.plan.checks]:
            made = _job(runs[0], run, check, catalogue, environments)
            if isinstance(made, Job):
                jobs[i, check] = made
            elif made:
                found[i, check] = made
    if not jobs:
        return found
    shelf = _Shelf(runs, logs)
    graph = {job.key: job for job in (*shelf.predicted(), *jobs.values())}
    named = {f"{check} ({runs[i].folder.path.name})": job.key for (i, check), job in jobs.items()}
    progress.planned(list(jobs.values()), named)
    launcher = launcher_for(jobs.values(), options.isolation)
    try:
        execute_jobs(list(graph.values()), shelf, launcher, options, progress)
    finally:
        launcher.close()
    return {**found, **{place: _told(shelf.records[job.key]) for place, job in jobs.items()}}


def _told(record: Record) -> Pairing:
    if record.status == "measured":
        return record.measures
    error = record.error
    return " – ".join(x for x in (error.what, error.found) if x) if error else record.status.replace("_", " ")


def _job(first: Finished, other: Finished, check: str, catalogue: Catalogue, environments: Environments) -> Job | str:
    """Build the job that compares a check of two runs; or say why their items can't be compared one by one.

    An empty text where that needs no saying: one of the two was not measured, or not in the same way, or both are one
    record, or it is not measured on predictions.
    """
    a, b = first.evidence.record_of(check), other.evidence.record_of(check)
    if a is None or b is None or a.key == b.key or {a.status, b.status} != {"measured"}:
        return ""
    if (a.program, dict(a.parameters), a.confidence) != (b.program, dict(b.parameters), b.confidence):
        return ""
    if PREDICTIONS not in a.inputs or PREDICTIONS not in b.inputs:
        return "it is not measured on predictions alone"
    entry = catalogue.aits.get(b.program.id)
    if entry is None or entry.manifest is None or entry.sha256 != b.program.sha256:
        return f"the AIT {b.program.id} that is installed here is not the one that measured it"
    why = _other_items(first, other, a, b)
    if why:
        return why
    return _built(first, other, check, entry, environments)


def _built(first: Finished, other: Finished, check: str, entry: AitEntry, environments: Environments) -> Job | str:
    a, b = first.evidence.record_of(check), other.evidence.record_of(check)
    if a is None or b is None:
        return ""
    inputs: dict[str, JobInput] = {}
    for name, used in b.inputs.items():
        found = _found(name, used, check, other)
        if isinstance(found, str):
            return found
        inputs[name] = found
    theirs = _found(PREDICTIONS, a.inputs[PREDICTIONS], check, first)
    if isinstance(theirs, str):
        return theirs
    return difference_job(entry, b, inputs, replace(theirs, name=BASELINE), environments)


def _other_items(first: Finished, other: Finished, a: Record, b: Record) -> str:
    """Say why the items of two records can't be the same; an empty text where they may be."""
    ours, theirs = b.inputs[PREDICTIONS], a.inputs[PREDICTIONS]
    if ours.job and ours.job == theirs.job:
        return "both are measured on the same predictions"
    beside = {n for n in (*a.inputs, *b.inputs) if n != PREDICTIONS}
    unlike = sorted(n for n in beside if _content(a.inputs.get(n)) != _content(b.inputs.get(n)))
    if unlike:
        return f"another input is not the same: {', '.join(unlike)}"
    items = [_items_of(run.evidence, used) for run, used in ((first, theirs), (other, ours))]
    if None in items:
        return "it is not told which items the predictions are of"
    by_position = len({(of[0], of[1].label) for of in items if of}) == 1
    if not by_position and not all(of and of[1].id for of in items):
        return "the data are not the same, and no column has the role id to tell which items are"
    return ""


def _content(used: UsedInput | None) -> tuple[str, Roles | None] | None:
    return None if used is None else (used.sha256, used.roles)


def _items_of(evidence: Evidence, used: UsedInput) -> tuple[str, Roles] | None:
    """Give the data that predictions are of, and their roles: those of the job that made them, or their own file."""
    if used.job:
        made = evidence.records.get(used.job)
        of = made.inputs.get("data") if made else None
    else:
        of = used
    return None if of is None else (of.sha256, of.roles or Roles())


def _found(name: str, used: UsedInput, check: str, run: Finished) -> JobInput | str:
    """Find an input of a record again, predictions in the run folder, a file where it was; or say why that can't be."""
    if used.job:
        made = run.evidence.records.get(used.job)
        stored = made.resources.get(PREDICTIONS) if made else None
        if stored is None or not _is(run.folder.resource(stored.sha256, stored.kind), stored.sha256):
            return f"the folder {run.folder.path} does not hold its predictions"
        return JobInput("predictions", name, used.job, job=used.job)
    if used.kind not in ("table", "predictions"):
        return f"it is given the {used.kind} itself"
    bound = run.evidence.plan.checks[check].with_.get(name)
    inventory = run.evidence.plan.inventories.get(bound) if isinstance(bound, str) else None
    path = (run.folder.path / inventory.uri).resolve() if inventory else None
    if path is None or not _is(path, used.sha256):
        return f"the file {used.name} is not where it was any more, or is another now"
    return JobInput(used.kind, used.name, used.sha256, str(path), roles=used.roles)


def _is(path: Path, sha256: str) -> bool:
    return path.is_file() and sha256_of_file(path) == sha256


class _Shelf:
    """The predictions of several runs, to be read only, and what comes of comparing them, in memory."""

    def __init__(self, runs: Sequence[Finished], logs: Path) -> None:
        self.logs = logs
        self.records: dict[str, Record] = {}
        self._predicted = {k: (r, run.folder) for run in runs for k, r in run.evidence.records.items() if _predicts(r)}
        self._paths = {
            s.sha256: folder.resource(s.sha256, s.kind)
            for record, folder in self._predicted.values()
            for s in record.resources.values()
        }

    def predicted(self) -> Iterator[Job]:
        """Give a job for each record of predictions: it is there, and is never run."""
        for key, (r, _) in self._predicted.items():
            program = Program(r.program.id, r.program.version, r.program.sha256)
            limits, nowhere = JobLimits(0, 0), Environment("", "", {})
            yield Job("qmtestbed/job/v1", key, "predict", program, {}, {}, 0, 0.95, limits, nowhere)

    def existing(self, key: str, isolation: tuple[str, ...]) -> Record | None:
        """Give a record of predictions, whatever layers of isolation it was made under."""
        return self._predicted[key][0] if key in self._predicted else None

    def keep(self, record: Record, files: Mapping[str, Path]) -> Record:
        """Keep the record of a comparison."""
        self.records[record.key] = record
        return record

    def resource(self, sha256: str, kind: str) -> Path:
        """Path of predictions."""
        return self._paths[sha256]


def _predicts(record: Record) -> bool:
    return record.kind == "predict" and record.status == "measured"
