"""Limits that the kernel keeps for each process, and the number of processes."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Collection
from pathlib import Path

from qmtestbed.execute.sandbox.confinement import Confinement
from qmtestbed.execute.sandbox.kernel import version

PID_MAX = Path("/proc/sys/kernel/pid_max")
OPEN_FILES = 1024
"""What most systems give; the buffers behind each pipe and socket are the kernel's memory, which no limit counts."""

NO_CORE = 1
"""Bytes of a core file that mean none: with 0 a program that the host set up to take them would still get one."""

RESERVED_PIDS = 300
"""Numbers that the kernel hands out once only: after a turn it begins at 300 again."""


def set_limits(confinement: Confinement, layers: Collection[str]) -> None:
    """Lower the limits of this process and of all that it starts; none can be raised again without privileges."""
    lower(resource.RLIMIT_CORE, NO_CORE)
    lower(resource.RLIMIT_DATA, confinement.memory)
    lower(resource.RLIMIT_FSIZE, confinement.file_size)
    lower(resource.RLIMIT_NOFILE, OPEN_FILES)
    lower(resource.RLIMIT_CPU, confinement.cpu_seconds, grace=1)  # the first is SIGXCPU, the last SIGKILL
    if {"network", "pids"} & set(layers):
        helpers = 2 if "pids" in layers else 0  # the outer process and the first of the namespace
        # counted for each user namespace; without one of its own the user's other programs would count
        lower(resource.RLIMIT_NPROC, confinement.processes + helpers)
    if "pids" in layers and os.geteuid() == 0:
        _bound_numbers(confinement.processes)


def lower(which: int, wanted: int, grace: int = 0) -> None:
    """Lower a limit, the hard one to ``grace`` above it; where it is lower already it stays."""
    _, highest = resource.getrlimit(which)
    if highest != resource.RLIM_INFINITY:
        wanted, grace = min(wanted, highest), min(grace, highest - min(wanted, highest))
    resource.setrlimit(which, (wanted, wanted + grace))


def _bound_numbers(processes: int) -> None:
    """Bound the numbers that processes of this PID namespace can have: root is not held by RLIMIT_NPROC."""
    # before 6.14 the file is one for the whole machine, and root of a user namespace may write it
    if version() >= (6, 14):
        with contextlib.suppress(OSError):  # containers have it read-only; the rest of the layer is worth having there
            PID_MAX.write_text(str(RESERVED_PIDS + max(processes, 1) + 1))
