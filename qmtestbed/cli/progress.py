"""Progress in plain lines: one per job as it ends, with its time."""

from __future__ import annotations

import sys

from qmtestbed.types.job import Job
from qmtestbed.types.record import Record

_MARK = {"measured": "done", "undefined": "undefined"}


class Lines:
    """Writes to standard error, so that standard output keeps the result."""

    def started(self, job: Job) -> None:
        """Say nothing at the start: the line comes with the time."""

    def finished(self, job: Job, record: Record) -> None:
        """Say what ended, how, and how long it took."""
        word = _MARK.get(record.status, record.status.replace("_", " ").upper())
        line = f"  {job.program.id:<28} {word:<12} {record.seconds:6.1f} s"
        if record.error is not None and record.status not in _MARK:
            line += f"  {record.error.what}"
        print(line, file=sys.stderr, flush=True)
