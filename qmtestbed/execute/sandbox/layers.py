"""The layers by name, and how a process enters them."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress

from qmtestbed.execute.sandbox.confinement import Confinement

if sys.platform == "linux":
    from qmtestbed.execute.sandbox import (
        landlock,
        limits,
        mounts,
        namespaces,
        paths,
        privileges,
        seccomp,
        supervisor,
    )

LAYERS: Mapping[str, str] = {
    "limits": "bounds on memory, processor time, file size and, in a user namespace, processes",
    "network": "a network of its own with nothing in it",
    "pids": "processes of its own: it can't see or signal others, and whatever it started ends with it",
    "mounts": "all but its folders is read-only, with a /proc and a /dev/shm of its own",
    "filesystem": "opens only its folders, its inputs and what Python and the libraries need (Landlock)",
    "privileges": "no capabilities, and none to be had by running a program",
    "syscalls": "no sockets, no tracing, no mounts, no io_uring and other calls refused (seccomp)",
}
"""Name → what it does, in the order in which they are entered."""

UNAVAILABLE = "not available on this system"


def enter(confinement: Confinement, layers: Collection[str], keep: Collection[int] = ()) -> None:
    """Enter exactly these layers, for good; call it in a freshly forked process with one thread.

    All open files but the standard three become the null device: no layer takes away what a fork has open. Environment,
    working folder and, without "pids", session are for the caller to set before.

    With "pids" this forks and returns in the inner process. The outer one waits for the end of all that it started and
    ends as it ended, by exit code or signal. End it by SIGTERM, and it goes last; by SIGKILL the others end a moment
    later and leave zombies to whoever reaps for it.

    Parameters
    ----------
    confinement
        What the job may use.
    layers
        Names from :data:`LAYERS`. "mounts" needs "pids", and without "privileges" a job could undo it.
    keep
        Files that stay open.

    Raises
    ------
    OSError
        A layer, which it names, can't be entered. The process, maybe the inner one already, has to end.
    ValueError
        No such layer, or one is missing that another needs.
    """
    wanted = frozenset(layers)
    if unknown := wanted - set(LAYERS):
        raise ValueError(f"no such layers: {', '.join(sorted(unknown))}; there are: {', '.join(LAYERS)}")
    if "mounts" in wanted and "pids" not in wanted:
        raise ValueError("the layer mounts needs the layer pids: a /proc is of one set of processes")
    if sys.platform == "linux":
        _enter(confinement, wanted, keep)
    elif wanted:
        raise OSError(f"{', '.join(n for n in LAYERS if n in wanted)}: {UNAVAILABLE}")


def prepare() -> None:
    """Work out, in a server, what every child of it would have to work out again: some milliseconds."""
    if sys.platform == "linux":
        paths.standard()
        with suppress(OSError):  # on a machine without a filter it is for enter and available to say so
            seccomp.assembled()


@contextmanager
def _named(layer: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"layer {layer}: {error.strerror or error}", error.filename) from error


def _enter(confinement: Confinement, wanted: frozenset[str], keep: Collection[int]) -> None:
    supervisor.drop_files(supervisor.open_files() - {0, 1, 2, *keep})
    with _named("/".join(layer for layer in ("network", "pids", "mounts") if layer in wanted)):
        namespaces.unshare(wanted)
    if "pids" in wanted:
        with _named("pids"):
            supervisor.fork_job()
    if "limits" in wanted:
        with _named("limits"):
            limits.set_limits(confinement, wanted)
    if "mounts" in wanted:
        with _named("mounts"):
            mounts.make_private_view(confinement.writable, confinement.devices)
    if "filesystem" in wanted:
        with _named("filesystem"):
            _restrict_files(confinement, wanted)
    if "privileges" in wanted:
        with _named("privileges"):
            privileges.drop()
    if "syscalls" in wanted:  # last, because it refuses what the others are set up with
        with _named("syscalls"):
            seccomp.install()


def _restrict_files(confinement: Confinement, wanted: frozenset[str]) -> None:
    if landlock.version() < landlock.TRUNCATE_SINCE and "mounts" not in wanted:
        raise OSError("this kernel's Landlock can't refuse to cut a file to nothing (it can from Linux 6.2 on)")
    writable = [*confinement.writable, os.devnull]
    if "mounts" in wanted and mounts.SHARED_MEMORY.is_dir():
        writable.append(str(mounts.SHARED_MEMORY))  # without "mounts" it is everybody's
    landlock.restrict(paths.standard(), confinement.readable, writable, confinement.devices)
