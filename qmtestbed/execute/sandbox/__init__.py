"""Containment of a forked process that will run foreign code, in layers; each is used where the host allows it.

Linux only, no privileges needed, nothing installed: namespaces, Landlock, seccomp and resource limits.

What they do **not** contain:

- *Metadata*: whether a file exists, its size and times can be seen by whoever knows its name.
- *Memory in all*: the limit is for each process; so many times as much as there may be processes. Pages of files in
  the job's folder and 64 MiB of /dev/shm come on top. A group of processes as a whole can only be held by a cgroup.
- *Disk in all*: each file is bounded, their number is not.
- *Processes*, where the host allows no user namespace, or as root before Linux 6.14: their number is not bounded.
- *Signals*, where there is neither "pids" nor Landlock of Linux 6.12: a job can end any process of its user.
- *Time*: who started the job ends it.
- *Devices*: graphics processors can't be reached within "filesystem" or "mounts".
- *The kernel*: a fault in it is open to a job as to any program, though "syscalls" takes away much of it.

In root's user namespace root owns what it owned, but its power over the files of others is gone: inputs have to be
readable for root by their mode.
"""

from __future__ import annotations

from qmtestbed.execute.sandbox.confinement import Confinement
from qmtestbed.execute.sandbox.layers import LAYERS, enter, prepare
from qmtestbed.execute.sandbox.trial import available

__all__ = ["LAYERS", "Confinement", "available", "enter", "prepare"]
