"""Limits that the kernel keeps for each process, and the number of processes."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from qmtestbed.execute.sandbox.confinement import Confinement
from qmtestbed.execute.sandbox.kernel import version

PID_MAX = Path("/proc/sys/kernel/pid_max")
RESERVED_PIDS = 300
"""Numbers that the kernel hands out once only: after a turn it begins at 300 again."""


def set_limits(confinement: Confinement, layers: Collection[str]) -> None:
    """Lower the limits of this process and of all that it starts; none can be raised again without privileges."""
    import resource

    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_DATA, confinement.memory)
    _lower(resource.RLIMIT_FSIZE, confinement.file_size)
    _lower(resource.RLIMIT_CPU, confinement.cpu_seconds, grace=1)  # the first is SIGXCPU, the last SIGKILL
    if {"network", "pids"} & set(layers):
        helpers = 2 if "pids" in layers else 0  # the outer process and the first of the namespace
        # counted for each user namespace; without one of its own the user's other programs would count
        _lower(resource.RLIMIT_NPROC, confinement.processes + helpers)
    if "pids" in layers and os.geteuid() == 0:
        _bound_numbers(confinement.processes)


def _lower(which: int, wanted: int, grace: int = 0) -> None:
    import resource

    _, highest = resource.getrlimit(which)
    if highest != resource.RLIM_INFINITY:
        wanted, grace = min(wanted, highest), min(grace, highest - min(wanted, highest))
    resource.setrlimit(which, (wanted, wanted + grace))


def _bound_numbers(processes: int) -> None:
    """Bound the numbers that processes of this PID namespace can have: root is not held by RLIMIT_NPROC."""
    # before 6.14 the file is one for the whole machine, and root of a user namespace may write it
    if version() >= (6, 14):
        PID_MAX.write_text(str(RESERVED_PIDS + max(processes, 1) + 1))
