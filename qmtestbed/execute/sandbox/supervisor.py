"""The PID namespace: a job in it, a first process that holds it open, and outside the process that waits for both.

::

    fork server ── outer (was called) ─┬─ first process of the namespace: sleeps until the outer is gone
                                       └─ job: ``enter`` returns here

When the first process of a PID namespace ends, the kernel kills all others in it, whatever session or group they
moved to. A job can't be that process itself: the kernel gives it no signal that it has no handler for, so that an
abort would look like a crash and its limit of processor time would not end it.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from qmtestbed.execute.sandbox.kernel import PR_SET_PDEATHSIG, control
from qmtestbed.execute.sandbox.limits import NO_CORE, lower

FAILED = 70
"""Exit code of an outer process that could not do its work (EX_SOFTWARE)."""


def fork_job() -> None:
    """Fork, and return in the job only; this process waits for it, ends as it ended, and takes all with it."""
    reading, alive = os.pipe()
    # neither signals nor what the server does about them may come between: unblocked again when each has its own ways
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # inherited: orphans vanish, and leave no zombies
    first = _start_first(reading, alive)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # or there would be no status to wait for
    # looked up now: the outer process sees the job's mounts, where it has no number in /proc, and /dev comes and goes
    others, null = open_files() - {alive}, os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    job = os.fork()
    if job:
        try:
            replace_files(others, null)  # so that a reader of the job's pipes sees their end when it has closed them
            _supervise(first, job)
        finally:
            os._exit(FAILED)  # never back into the caller's code
    for number in (alive, reading, null):
        os.close(number)
    control(PR_SET_PDEATHSIG, signal.SIGKILL)
    # its parent is not in the namespace, so it has number 0, and a signal to 0 goes to the sender's group
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL if before is None else before)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _start_first(reading: int, alive: int) -> int:
    """Start the first process of the namespace: it reads a pipe that only the outer process holds open.

    ``cat`` does that in 0.3 ms; another fork would copy the page tables of the preloaded libraries, some 10 ms.
    """
    program = shutil.which("cat", path="/usr/bin:/bin")
    if program is None:
        return _fork_first(reading, alive)
    quiet = [(os.POSIX_SPAWN_OPEN, n, os.devnull, os.O_WRONLY, 0) for n in (1, 2)]
    return os.posix_spawn(program, ["cat"], {}, file_actions=[(os.POSIX_SPAWN_DUP2, reading, 0), *quiet])


def _fork_first(reading: int, alive: int) -> int:
    pid = os.fork()
    if pid == 0:
        drop_files(open_files() - {reading})
        try:
            os.read(reading, 1)
        finally:
            os._exit(0)
    return pid


def _supervise(first: int, job: int) -> NoReturn:
    """Wait for the job, then for the end of the namespace, and end like the job."""
    _forget_handlers()
    # asked to end, it ends the namespace first: who then waits for this process knows that nothing of the job is left
    signal.signal(signal.SIGTERM, lambda *_: os.kill(first, signal.SIGKILL))
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    _, status = os.waitpid(job, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.kill(first, signal.SIGKILL)
    os.waitpid(first, 0)
    end_like(os.waitstatus_to_exitcode(status))


def _forget_handlers() -> None:
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)


def end_like(code: int) -> NoReturn:
    """End this process with an exit code, or, if it is negative, by that signal."""
    if code < 0:
        lower(resource.RLIMIT_CORE, NO_CORE)  # the job's own end is what is told, not a second one
        with contextlib.suppress(OSError, ValueError):  # SIGKILL has no handler to set
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code if code >= 0 else 128 - code)


def open_files() -> set[int]:
    """Numbers of the open files."""
    listed = {int(entry.name) for entry in Path("/proc/self/fd").iterdir()}
    return {number for number in listed if _is_open(number)}


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:  # the listing itself
        return False
    return True


def drop_files(numbers: Iterable[int]) -> None:
    """Put the null device in the place of files.

    Closed, their numbers would go to the job's files, and an object that the server left would close one of those when
    it is collected.
    """
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    replace_files(numbers, null)
    os.close(null)


def replace_files(numbers: Iterable[int], by: int) -> None:
    """Put one open file in the place of others."""
    for number in numbers:
        os.dup2(by, number, inheritable=False)
