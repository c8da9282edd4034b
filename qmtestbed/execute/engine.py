"""Runs a graph of jobs: each as soon as those before it are done, so many at once as there are slots."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from qmtestbed.execute.launcher import Finished, Launcher
from qmtestbed.types.job import Job
from qmtestbed.types.manifest import PREDICTED, PROBED
from qmtestbed.types.record import Failure, Record


class Shelf(Protocol):
    """Where records are kept: the run folder."""

    @property
    def logs(self) -> Path:
        """Folder for what children print."""

    def existing(self, key: str, isolation: tuple[str, ...]) -> Record | None:
        """Give a record of the key that is there already, made under just these layers of isolation."""

    def keep(self, record: Record, files: Mapping[str, Path]) -> Record:
        """Keep a record and its resources."""

    def resource(self, sha256: str, kind: str) -> Path:
        """Path of a resource that is kept."""


class Progress(Protocol):
    """Who is told how far a run is."""

    def preparing(self, what: str) -> None:
        """Tell what is being made ready before anything can run, which takes a while."""

    def planned(self, jobs: Sequence[Job], checks: Mapping[str, str]) -> None:
        """Tell what will run, and which job belongs to which check."""

    def found(self, job: Job, record: Record) -> None:
        """Tell that a job has its record already, from this run folder or from the store."""

    def started(self, job: Job) -> None:
        """Tell that a job is running now."""

    def finished(self, job: Job, record: Record) -> None:
        """Tell that a job has its record."""

    def ended(self) -> None:
        """Tell that no more will come."""


def execute(
    jobs: Sequence[Job], shelf: Shelf, launcher: Launcher, executor: Executor, slots: int, progress: Progress
) -> dict[str, str]:
    """Run every job that has no record yet.

    Parameters
    ----------
    jobs
        Each after those it needs.
    shelf
        Keeps records; those it has already are not made again.
    launcher
        Starts children.
    executor
        Its workers wait for children.
    slots
        How many jobs run at once.
    progress
        Is told of each start and end, in this thread.

    Returns
    -------
    The evidence digest of each job's record by job key, one for every job; a failure is a record too. The records
    themselves are on the shelf: in memory are only those that other jobs need.
    """
    needed = {key for job in jobs for key in job.after}
    digests: dict[str, str] = {}
    records: dict[str, Record] = {}

    def made(job: Job, record: Record, tell: Callable[[Job, Record], None]) -> None:
        digests[job.key] = record.evidence_digest
        if job.key in needed:
            records[job.key] = record
        tell(job, record)

    for job in jobs:
        record = shelf.existing(job.key, launcher.isolation)
        if record is not None:
            made(job, record, progress.found)
    waiting = {job.key: job for job in jobs if job.key not in digests}
    running: dict[Future[Finished], Job] = {}
    try:
        while waiting or running:
            for job in _ready(waiting.values(), digests, slots - len(running)):
                del waiting[job.key]
                progress.started(job)
                running[_start(job, records, shelf, launcher, executor)] = job
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=lambda f: running[f].key):
                job, finished = running.pop(future), future.result()
                made(job, shelf.keep(finished.record, finished.files), progress.finished)
                finished.discard()
    finally:
        if running:  # interrupted: at a proper end nothing runs any more
            launcher.cancel()
            for future in running:
                if not future.cancel():
                    future.result().discard()
    return digests


def _ready(waiting: Iterable[Job], made: Collection[str], room: int) -> list[Job]:
    return list(itertools.islice((job for job in waiting if all(key in made for key in job.after)), room))


def _start(
    job: Job, records: Mapping[str, Record], shelf: Shelf, launcher: Launcher, executor: Executor
) -> Future[Finished]:
    refused = _refused(job, [records[key] for key in job.after], launcher)
    if refused is not None:
        future: Future[Finished] = Future()
        future.set_result(refused)
        return future
    return executor.submit(launcher.run, _with_resources(job, records, shelf), shelf.logs)


def _refused(job: Job, before: Iterable[Record], launcher: Launcher) -> Finished | None:
    """Give the record of a job that can't run: something is not installed, not possible, or not made."""
    if job.unavailable:
        what = f"{job.program.id} needs a package that is not installed"
        return launcher.without_running(
            job, "unsupported", Failure(what, job.program.id, do="; ".join(job.unavailable))
        )
    if job.unmade:
        what = f"the environment of {job.program.id} could not be made"
        do = "check requires: in its ait.yaml, the network and pip's settings; --allow-build where there is no wheel"
        return launcher.without_running(job, "failed", Failure(what, job.program.id, job.unmade, do))
    for record in before:
        if record.status != "measured":
            return launcher.without_running(job, "failed", _not_made(record))
        lacking = sorted(set(job.needs) & _told_by(record) - set(record.facts.get("capabilities", ())))
        if lacking:
            return launcher.without_running(job, "unsupported", _denied(job, record, lacking))
    return None


def _not_made(record: Record) -> Failure:
    error = record.error or Failure(record.status)
    if "model" not in record.inputs:
        return replace(error, what=f"the predictions can't be used: {error.what}", where="file of predictions")
    made = "the model could not be probed" if record.kind == "probe" else "the predictions could not be made"
    return replace(error, what=f"{made}: {error.what}", where=f"{record.kind} of {record.inputs['model'].name}")


def _told_by(record: Record) -> Set[str]:
    """Needs that a record tells to be met or not: a probe those of a model, a file of predictions those of its own."""
    if record.kind == "probe":
        return PROBED
    return PREDICTED if "capabilities" in record.facts else frozenset()


def _denied(job: Job, probe: Record, lacking: Sequence[str]) -> Failure:
    task = probe.facts.get("task")
    if {"classification", "regression"} & set(lacking):
        because = probe.facts.get("task_because", "")
        what = f"it is for {lacking[0]}, and the task is {task} ({because})"
        return Failure(what, job.program.id, do="leave it out, or state task: in the plan if that is wrong")
    if "model" not in probe.inputs:
        do = "add a column p[<class>] for each class, or leave it out"
        return Failure(f"the predictions hold no {', '.join(lacking)}", job.program.id, do=do)
    found = f"{probe.inputs['model'].name}: {probe.facts.get('type', '')}"
    return Failure(f"the model does not offer: {', '.join(lacking)}", job.program.id, found)


def _with_resources(job: Job, records: Mapping[str, Record], shelf: Shelf) -> Job:
    """Tell the job where the predictions are that an earlier job made."""

    def found(key: str) -> str:
        stored = records[key].resources["predictions"]
        return str(shelf.resource(stored.sha256, stored.kind).resolve())

    return replace(job, inputs={n: replace(i, path=found(i.job)) if i.job else i for n, i in job.inputs.items()})
