"""Plan files of an AIT, run and judged in children as in a real run, without run folder and page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qmtestbed.catalogue import Catalogue
from qmtestbed.digests import sha256_of_value
from qmtestbed.evidence import RunFolder
from qmtestbed.execute import Inline, Launcher, execute
from qmtestbed.judging import judge
from qmtestbed.pipeline.options import Options, Silent
from qmtestbed.pipeline.run import execute_jobs
from qmtestbed.types.assessment import CheckVerdicts
from qmtestbed.types.evidence import Evidence, RunInfo
from qmtestbed.types.job import Job
from qmtestbed.types.record import Record
from qmtestbed.types.resolution import Resolution

_ANY_DAY = "2000-01-01"
"""What is judged here is judged by numbers only; nothing of it depends on the day."""


@dataclass(frozen=True)
class Trial:
    """A plan that was run: what it came to, and every record by the key of its job."""

    resolution: Resolution
    records: Mapping[str, Record]
    checks: tuple[CheckVerdicts, ...]

    def job(self, check: str) -> Job:
        """Give the job of a check."""
        key = self.resolution.checks[check]
        return next(j for j in self.resolution.jobs if j.key == key)

    def record(self, check: str) -> Record:
        """Give the record of a check."""
        return self.records[self.resolution.checks[check]]


class Bench:
    """A folder in which jobs of a few plans are run; what two of them have in common is run once.

    Parameters
    ----------
    catalogue
        What is installed, the AIT among it.
    options
        How children are contained.
    launcher
        Starts them.
    folder
        Empty; for records, resources and logs.
    inline
        Whether to run one job after the other in this thread.
    """

    def __init__(
        self, catalogue: Catalogue, options: Options, launcher: Launcher, folder: Path, inline: bool = False
    ) -> None:
        self._catalogue, self._options, self._launcher, self._inline = catalogue, options, launcher, inline
        self._shelf = RunFolder(folder)

    def run(self, resolution: Resolution) -> Trial:
        """Run a plan's jobs and judge its checks."""
        records = self.records(resolution.jobs)
        used = {check.ait for check in resolution.plan.checks.values()}
        manifests = {id: m for id in used if (m := self._catalogue.ait(id).manifest)}
        info = RunInfo("qmtestbed/run/v1", "", _ANY_DAY, resolution.checks, baselines=resolution.baselines)
        plan = replace(resolution.plan, guideline=(), levels={}, declarations=())
        assessment = judge(Evidence(info, plan, {}, manifests, records, {}))
        return Trial(resolution, records, assessment.checks)

    def records(self, jobs: Sequence[Job]) -> dict[str, Record]:
        """Run jobs, each after those it needs; one that was run here before is not run again."""
        if self._inline:
            execute(jobs, self._shelf, self._launcher, Inline(), 1, Silent())
        else:
            execute_jobs(jobs, self._shelf, self._launcher, self._options, Silent())
        return {job.key: self._shelf.record(job.key) for job in jobs}

    def variants(self, before: Resolution, changed: Iterable[Job]) -> list[Record]:
        """Run jobs that differ from one of a plan in what its key does not tell, or not at all."""
        jobs = [replace(job, key=sha256_of_value([job.key, n, job.limits.rows])) for n, job in enumerate(changed)]
        made = self.records([*before.jobs, *jobs])
        return [made[job.key] for job in jobs]
