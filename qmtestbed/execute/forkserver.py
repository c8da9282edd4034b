"""A small process with frameworks preloaded that forks one child per job: milliseconds instead of seconds.

Started by :class:`qmtestbed.execute.children.ForkServer` with a clean environment, as ``python -m
qmtestbed.execute.forkserver MODULES``. It reads one JSON request per line from standard input, answers on standard
output, and ends, with every child, when its input is closed. It runs no foreign code itself, and has one thread.

Requests: ``{"start": id, "folder": …, "log": …, "environment": {…}}``, ``{"kill": id}``. Replies: ``{"ready": true}``,
``{"ended": id, "status": wait status, "peak": kilobytes}``.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Any, NoReturn

from qmtestbed.execute.sandbox import prepare

GRACE = 0.3
"""Seconds between asking a job to end and killing it."""


class Server:
    """Forks and reaps; ``out`` is the descriptor for replies."""

    def __init__(self, out: int) -> None:
        self._out = out
        self._wake, self._woken = os.pipe()
        self._ids: dict[int, int] = {}  # process → job
        self._doomed: dict[int, float] = {}  # process → when it is killed, having been asked to end
        os.set_blocking(self._wake, False)
        os.set_blocking(self._woken, False)
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        """Serve until the input is closed; then end every child."""
        selector = selectors.DefaultSelector()
        selector.register(0, selectors.EVENT_READ)
        selector.register(self._wake, selectors.EVENT_READ)
        self._reply({"ready": True})
        rest = b""
        while True:
            for key, _ in selector.select(timeout=GRACE if self._doomed else None):
                if key.fd == 0:
                    part = os.read(0, 65536)
                    if not part:
                        return self._end_all()
                    *lines, rest = (rest + part).split(b"\n")
                    for line in lines:
                        self._handle(json.loads(line))
                else:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self._wake, 65536)
            self._reap()
            self._kill_the_doomed()

    def _handle(self, request: Mapping[str, Any]) -> None:
        if "start" in request:
            pid = os.fork()
            if pid == 0:
                self._become_child(request)
            self._ids[pid] = request["start"]
        elif "kill" in request:
            for pid, job in self._ids.items():
                if job == request["kill"]:
                    # The supervisor of a job in a PID namespace ends last when asked to; killed, it leaves zombies.
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGTERM)
                    self._doomed[pid] = monotonic() + GRACE

    def _kill_the_doomed(self) -> None:
        for pid, deadline in list(self._doomed.items()):
            if monotonic() >= deadline:
                kill_session(pid)
                del self._doomed[pid]

    def _reap(self) -> None:
        while self._ids:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            job = self._ids.pop(pid, None)
            self._doomed.pop(pid, None)
            kill_session(pid, leader=False)  # what it left behind in its session goes with it
            if job is not None:
                self._reply({"ended": job, "status": status, "peak": usage.ru_maxrss})

    def _reply(self, answer: Mapping[str, Any]) -> None:
        # The reader has gone when the parent was killed; the closed input then ends this process.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._out, json.dumps(answer).encode() + b"\n")

    def _end_all(self) -> None:
        for pid in self._ids:
            kill_session(pid)

    def _become_child(self, request: Mapping[str, Any]) -> NoReturn:
        """Turn this fork into the job: its own session, folder, output and environment; never return."""
        code = 1
        try:
            os.setsid()
            die_with_parent()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for descriptor in (self._out, self._wake, self._woken):
                os.close(descriptor)
            null = os.open(os.devnull, os.O_RDONLY)
            log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            for old, new in ((null, 0), (log, 1), (log, 2)):
                os.dup2(old, new)
            os.close(null)
            os.close(log)
            os.chdir(request["folder"])
            os.environ.clear()
            os.environ.update(request["environment"])
            from qmtestbed.execute.worker import main

            main(Path(request["folder"]))
            code = 0
        finally:
            if code:
                traceback.print_exc()
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)  # no clean-up of the server's, and no waiting for threads that a program left running


def die_with_parent() -> None:
    """Have the kernel end this process when the one that forked it ends, however that comes about (Linux)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def adopt_orphans() -> None:
    """Become the parent of whatever a killed child leaves behind, so that it is reaped here (Linux)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER


def kill_session(pid: int, *, leader: bool = True) -> None:
    """End a child's session; also the child itself, should it not have its session yet."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    if leader:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def main(modules: str) -> None:
    """Preload, then serve."""
    out = os.dup(1)
    os.dup2(2, 1)  # nothing that an import prints may get between the replies
    for name in filter(None, modules.split(",")):
        # An extra that is not installed, or lacks a library of the system, is the job's own to report.
        with contextlib.suppress(ImportError, OSError, ValueError):
            importlib.import_module(name)
    prepare()
    adopt_orphans()
    gc.collect()
    gc.freeze()  # keeps the collector from writing to, and so copying, pages that children share
    Server(out).serve()


if __name__ == "__main__":
    main(sys.argv[1])
