"""Which layers work here: each is tried, in a process that is thrown away, and its effect looked at."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType

from qmtestbed.execute.sandbox.confinement import Confinement
from qmtestbed.execute.sandbox.layers import LAYERS, UNAVAILABLE, enter

_SECONDS = 10
_FILE_SIZE = 2**20
_LONGEST = 1000


@cache
def available() -> Mapping[str, str]:
    """Give, for every layer, the reason why it can't be used here, or "" if it can; tried once in a process.

    Each is tried together with those before it that work, so the working ones also work together. A host's policy may
    accept a call and enforce nothing, so that each also has to show its effect.
    """
    if sys.platform != "linux":
        return MappingProxyType(dict.fromkeys(LAYERS, UNAVAILABLE))
    found: dict[str, str] = {}
    for layer in LAYERS:
        working = [name for name, reason in found.items() if not reason]
        if layer == "mounts" and "pids" not in working:
            found[layer] = "it needs the layer pids, which is not available"
        else:
            found[layer] = _try([*working, layer])
    return MappingProxyType(found)


def _try(layers: Sequence[str]) -> str:
    """Enter the layers in a child; give the reason why the last of them does not work, or ""."""
    reading, writing = os.pipe()
    with tempfile.TemporaryDirectory(prefix="qmt-trial-") as folder:
        child = os.fork()
        if child == 0:
            try:
                _report(folder, layers, writing)
            finally:
                os._exit(1)
        os.close(writing)
        with os.fdopen(reading, "rb") as answers:
            answer = answers.read(_LONGEST).decode("utf-8", "replace")
        os.waitpid(child, 0)
    verdict, _, reason = answer.partition(" ")
    return reason if verdict else "the process that tried it ended without an answer"


def _report(folder: str, layers: Sequence[str], writing: int) -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_SECONDS)
    os.chdir(folder)
    confinement = Confinement((folder,), (), 2**40, _FILE_SIZE, 60, 64)
    try:
        enter(confinement, layers, keep=(writing,))
        reason = "" if _EFFECTS[layers[-1]]() else "it was accepted, but has no effect"
    except OSError as error:
        reason = (error.strerror or str(error)).removeprefix(f"layer {layers[-1]}: ")
        reason += f": {error.filename}" if error.filename else ""
    os.write(writing, f"tried {reason}".encode()[:_LONGEST])


def _has_limits() -> bool:
    import resource

    return resource.getrlimit(resource.RLIMIT_FSIZE)[1] <= _FILE_SIZE


def _has_no_network() -> bool:
    import socket

    return {name for _, name in socket.if_nameindex()} <= {"lo", "tunl0", "sit0", "ip6tnl0", "gre0", "erspan0"}


def _is_alone() -> bool:
    return os.getpid() <= 3  # the first process of the namespace, its children if it has any, this one


def _is_read_only() -> bool:
    processes = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return bool(os.statvfs("/").f_flag & os.ST_RDONLY) and len(processes) <= 3


def _refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except PermissionError:
        return True
    return False


def _can_not_list_root() -> bool:
    return _refused(lambda: list(Path("/").iterdir()))


def _has_no_privileges() -> bool:
    status = Path("/proc/self/status").read_text("utf-8", "replace")
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    return int(facts["CapPrm"], 16) == 0 and int(facts["NoNewPrivs"]) == 1


def _has_no_sockets() -> bool:
    import socket

    return _refused(socket.socket)


_EFFECTS: Mapping[str, Callable[[], bool]] = {
    "limits": _has_limits,
    "network": _has_no_network,
    "pids": _is_alone,
    "mounts": _is_read_only,
    "filesystem": _can_not_list_root,
    "privileges": _has_no_privileges,
    "syscalls": _has_no_sockets,
}
