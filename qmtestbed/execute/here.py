"""The one exception to children: a measuring function in the calling process, so that a debugger stops in it.

Nothing is contained. Probe and predict jobs go to children all the same; a model that the function itself asks is
loaded here.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import Executor, Future
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import ParamSpec, TypeVar

from qmtestbed.execute.launcher import Finished, Launcher, finish
from qmtestbed.types.job import Job

P = ParamSpec("P")
T = TypeVar("T")


class InProcess(Launcher):
    """Runs measuring functions here, and all other jobs as ``launcher`` does.

    What a function raises that is no error of ours is not caught: a debugger or a traceback shows where it was.
    """

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher
        self.isolation = launcher.isolation

    def run(self, job: Job, logs: Path) -> Finished:
        """Run a job; its record names no layer of isolation where it ran here."""
        if job.kind != "measure":
            return self._launcher.run(job, logs)
        from qmtestbed.execute import worker

        folder = Path(tempfile.mkdtemp(prefix="qmt-job-"))
        started, clock = datetime.now(UTC).isoformat(timespec="milliseconds"), monotonic()
        with contextlib.ExitStack() as left_behind:
            left_behind.callback(shutil.rmtree, folder, ignore_errors=True)
            worker.write_outcome(worker.attempt(job, folder, worker.mask_of(job)), folder)
            left_behind.pop_all()
        return finish(job, folder, None, (started, monotonic() - clock, 0), ())

    def cancel(self) -> None:
        """End every running child, and start no more."""
        self._launcher.cancel()

    def close(self) -> None:
        """Let go of what the children needed."""
        self._launcher.close()


class Inline(Executor):
    """Runs what is submitted at once, in the calling thread: a debugger's breakpoints hold in that thread only."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run ``fn`` and give its result; what it raises is raised here."""
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future
