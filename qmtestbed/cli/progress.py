"""Progress on standard error: plain lines, and in a terminal one live line of what is running below them."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import TextIO

from qmtestbed.cli.terminal import bare
from qmtestbed.foreign import inert, printable
from qmtestbed.types.job import Job
from qmtestbed.types.record import Record

_QUIET = {"measured": "done", "undefined": "undefined"}
_REFRESH = 0.2


def watch(stream: TextIO | None = None) -> Lines:
    """Give the progress that suits a stream, by default standard error: live in a terminal, else plain lines."""
    stream = stream or sys.stderr
    live = stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return Live(stream) if live else Lines(stream)


class Lines:
    """One line per job as it ends, with its time; standard output keeps the result."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._names: dict[str, str] = {}
        self._told: set[str] = set()
        self._total = self._done = self._found = 0
        self._began = monotonic()

    def preparing(self, what: str) -> None:
        """Say what is being made ready."""
        self._print(f"  {inert(what)}")

    def planned(self, jobs: Sequence[Job], checks: Mapping[str, str]) -> None:
        """Take note of what will run, and by what name each job is known."""
        self._total, self._done, self._found, self._began = len(jobs), 0, 0, monotonic()
        named: dict[str, list[str]] = {}
        for check, key in checks.items():
            named.setdefault(key, []).append(check)
        self._names = {job.key: inert(", ".join(named.get(job.key, [f"({job.program.id})"]))) for job in jobs}

    def found(self, job: Job, record: Record) -> None:
        """Say where the record came from, without a time: nothing was run."""
        self._found += 1
        origin = "reused" if record.reused else "kept"
        self._print(f"  {self._names.get(job.key, job.program.id):<32} {origin}")

    def started(self, job: Job) -> None:
        """Say nothing at the start: the line comes with the time."""

    def finished(self, job: Job, record: Record) -> None:
        """Say what ended, how, and how long it took."""
        self._done += 1
        self._print(self._line(job, record))

    def ended(self) -> None:
        """Say how long all of it took."""
        there = f", {self._found} were there" if self._found else ""
        self._print(f"  {self._done} of {self._total} jobs in {monotonic() - self._began:.1f} s{there}")

    def _line(self, job: Job, record: Record) -> str:
        word = _QUIET.get(record.status, record.status.replace("_", " ").upper())
        line = f"  {self._names.get(job.key, job.program.id):<32} {word:<12} {record.seconds:6.1f} s"
        if record.error is not None and record.status not in _QUIET:
            why = f"{inert(record.error.where)}: {inert(record.error.what)}"
            line += "  for the same reason" if why in self._told else f"  {why}"
            self._told.add(why)
        return line

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class Live(Lines):
    """As :class:`Lines`, with what is running now, and for how long, on the last line of the terminal."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(bare(stream))  # the live line is drawn with control characters
        self._running: dict[str, float] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def started(self, job: Job) -> None:
        """Show the job on the live line."""
        with self._lock:
            self._running[job.key] = monotonic()
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._refresh, daemon=True)
            self._thread.start()

    def finished(self, job: Job, record: Record) -> None:
        """Move the job from the live line to a line of its own."""
        with self._lock:
            self._running.pop(job.key, None)
        super().finished(job, record)

    def ended(self) -> None:
        """Take the live line away."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        super().ended()

    def _refresh(self) -> None:
        while not self._stop.wait(_REFRESH):
            with self._lock:
                self._stream.write("\r\x1b[2K" + printable(self._live_line()))
                self._stream.flush()

    def _live_line(self) -> str:
        now = monotonic()
        running = ", ".join(f"{self._names.get(key, '')} {now - since:.0f} s" for key, since in self._running.items())
        line = f"  {self._done} of {self._total} done · running: {running}" if running else ""
        return line[: shutil.get_terminal_size().columns - 1]

    def _print(self, line: str) -> None:
        with self._lock:
            self._stream.write(f"\r\x1b[2K{printable(line)}\n")
            self._stream.flush()
