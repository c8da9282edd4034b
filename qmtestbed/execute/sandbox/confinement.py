"""What a job may use: the values that the layers are set up from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Confinement:
    """What one job may use.

    Attributes
    ----------
    writable
        Folders, existing ones, that it may read and change: its own.
    readable
        Files and folders, existing ones, that it may read beyond those that Python and the libraries need: its AIT,
        its inputs, its models.
    devices
        Device files of a GPU that it may open, read, write and control. A driver's interface is large: they are for the
        jobs that use one.
    memory
        Bytes of the data segment of each process (heap, thread stacks and private mappings), preloaded libraries
        included.
    file_size
        Bytes of the longest file that it may write.
    cpu_seconds
        Seconds of processor time of each process; a second later nothing holds it any more. Generous: the wall time
        is what is meant to end a job.
    processes
        Processes and threads that may exist at once, the job's own first thread included. In force only with a layer
        that makes a user namespace ("network", "pids"); as root only with "pids", from Linux 6.14 on, where
        ``/proc/sys`` can be written, and then as 300 more.
    """

    writable: tuple[str, ...]
    readable: tuple[str, ...]
    memory: int
    file_size: int
    cpu_seconds: int
    processes: int
    devices: tuple[str, ...] = ()
