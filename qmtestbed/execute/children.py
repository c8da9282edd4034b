"""Starts children, in the parent: from a fork server with frameworks preloaded, or as fresh interpreters."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from qmtestbed.types.environment import interpreter

_PATIENCE = 1.0
"""Seconds that a server gets to end by itself; one that is still importing notices nothing."""

_KILOBYTE = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Start:
    """What a child is started with; ``isolated`` is the folder of a virtual environment of its own."""

    folder: Path
    log: Path
    environment: Mapping[str, str]
    seconds: float
    isolated: Path | None = None


@dataclass(frozen=True)
class Ended:
    """How a child ended; ``lost`` says that its server died under it, so that nothing is known."""

    code: int
    timed_out: bool = False
    peak: int = 0
    lost: bool = False


class Children(Protocol):
    """A way to run children to their end."""

    def run(self, start: Start) -> Ended:
        """Run one child to its end; called from several threads at once."""

    def cancel(self) -> None:
        """End every running child, and start no more."""

    def close(self) -> None:
        """Let go of what the children needed."""


class FreshInterpreters:
    """Every child is an interpreter of its own: slow, and without a common ancestor but us."""

    def __init__(self) -> None:
        self._running: set[int] = set()
        self._cancelled = False
        self._lock = threading.Lock()

    def run(self, start: Start) -> Ended:
        """Run one child in a session of its own."""
        command = _command(start)
        with start.log.open("ab") as output, self._lock:
            if self._cancelled:
                return Ended(-signal.SIGKILL)
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=start.folder,
                env=dict(start.environment), start_new_session=True, close_fds=True,
            )  # fmt: skip
            self._running.add(child.pid)
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            _kill(child.pid)

        timer = threading.Timer(start.seconds, expire)
        timer.daemon = True
        timer.start()
        try:
            _, status, usage = os.wait4(child.pid, 0)
        finally:
            timer.cancel()
            with self._lock:
                self._running.discard(child.pid)
                _kill(child.pid)  # grandchildren of its session go with it
        child.returncode = os.waitstatus_to_exitcode(status)
        return Ended(child.returncode, expired.is_set(), usage.ru_maxrss * _KILOBYTE)

    def cancel(self) -> None:
        """End every running child, and start no more."""
        with self._lock:
            self._cancelled = True
            for pid in self._running:
                _kill(pid)

    def close(self) -> None:
        """Nothing is kept between children."""


def _command(start: Start) -> list[str]:
    if start.isolated is None:
        return [sys.executable, "-P", "-m", "qmtestbed.execute.worker", str(start.folder)]
    return [str(interpreter(start.isolated)), "-S", "-P", "-m", "qmtestbed.execute.isolated", str(start.folder)]


class ForkServer:
    """Children of one small process that has ``modules`` preloaded; it is started with the first child.

    Should a child bring the server down, every child that was running is tried once more on a server of its own: only
    the culprit is lost twice.
    """

    def __init__(self, modules: Sequence[str], environment: Mapping[str, str]) -> None:
        self._modules, self._environment = tuple(modules), dict(environment)
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._private: set[_Server] = set()
        self._cancelled = False

    def run(self, start: Start) -> Ended:
        """Run one child; once more on a private server if the common one died under it."""
        ended = self._common().run(start)
        if not ended.lost or self._cancelled:
            return ended
        private = _Server(self._modules, self._environment)
        with self._lock:
            self._private.add(private)
        try:
            return private.run(start)
        finally:
            private.close()
            with self._lock:
                self._private.discard(private)

    def _common(self) -> _Server:
        with self._lock:
            if self._server is None or self._server.dead:
                self._server = _Server(self._modules, self._environment)
            return self._server

    def cancel(self) -> None:
        """End every running child, and start no more."""
        with self._lock:
            self._cancelled = True
            servers = [*self._private, *([self._server] if self._server else [])]
        for server in servers:
            server.close()

    def close(self) -> None:
        """End the server."""
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.close()


class _Server:
    """One server process, and who waits for which of its children."""

    def __init__(self, modules: Sequence[str], environment: Mapping[str, str]) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="qmt-server-")
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "qmtestbed.execute.forkserver", ",".join(modules)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=self._home.name,
            env={**environment, "HOME": self._home.name, "TMPDIR": self._home.name}, start_new_session=True,
        )  # fmt: skip
        self._waiting: dict[int, queue.SimpleQueue[Ended]] = {}
        self._lock = threading.Lock()
        self._count = 0
        self.dead = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def run(self, start: Start) -> Ended:
        """Start a child and wait for its end; kill it when its time is up."""
        answer: queue.SimpleQueue[Ended] = queue.SimpleQueue()
        with self._lock:
            self._count += 1
            job = self._count
            self._waiting[job] = answer
        request = {"start": job, "folder": str(start.folder), "log": str(start.log)}
        if not self._send({**request, "environment": dict(start.environment)}):
            return Ended(0, lost=True)
        try:
            return answer.get(timeout=start.seconds)
        except queue.Empty:
            self._send({"kill": job})
            ended = answer.get()
            return Ended(ended.code, timed_out=not ended.lost, peak=ended.peak, lost=ended.lost)

    def close(self) -> None:
        """Close its input: it ends its children and itself; kill it should it be slow, and they die with it."""
        with self._lock, contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._home.cleanup()

    def _send(self, request: Mapping[str, Any]) -> bool:
        with self._lock:
            if self.dead or self._process.stdin is None:
                return False
            try:
                self._process.stdin.write(json.dumps(request).encode() + b"\n")
                self._process.stdin.flush()
            except (OSError, ValueError):
                return False
        return True

    def _read(self) -> None:
        """Hand every reply to who waits for it; at the end of the server, tell all who still wait."""
        for line in self._process.stdout or ():
            reply = json.loads(line)
            if "ended" in reply:
                with self._lock:
                    answer = self._waiting.pop(reply["ended"], None)
                if answer is not None:
                    answer.put(Ended(os.waitstatus_to_exitcode(reply["status"]), peak=reply["peak"] * _KILOBYTE))
        with self._lock:
            self.dead = True
            waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            answer.put(Ended(0, lost=True))
        if self._process.stdout is not None:
            self._process.stdout.close()


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
