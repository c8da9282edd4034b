"""A view of the file system of the job's own: all read-only but its folders, its own /proc and /dev/shm.

Landlock says which files can be read and written; it leaves alone who owns a file, its mode, times and attributes, and
what can be seen of other processes in /proc. This closes those.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from qmtestbed.execute.sandbox.kernel import call, system_call

SHARED_MEMORY = Path("/dev/shm")
SHARED_MEMORY_SIZE = 64 * 2**20
DEVICES = tuple(Path("/dev", name) for name in ("null", "zero", "full", "random", "urandom"))

_NOSUID, _NODEV, _NOEXEC, _BIND, _REC, _PRIVATE = 2, 4, 8, 0x1000, 0x4000, 0x40000
_READ_ONLY = 1
_RECURSIVE = 0x8000
_AT_FDCWD = -100
_MOUNT_SETATTR = 442  # since Linux 5.12; the same number on every architecture


class _Attributes(ctypes.Structure):
    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("user_namespace", ctypes.c_uint64),
    )


def make_private_view(writable: Iterable[str], further: Iterable[str] = ()) -> None:
    """Set up the view; this process has to be in a mount and a PID namespace that no other job is in.

    ``further`` are device files that work in it, besides those of :data:`DEVICES`.
    """
    here, folders = Path.cwd(), [Path(folder).resolve() for folder in writable]
    devices = [device for device in (*DEVICES, *map(Path, further)) if device.exists()]
    _mount(None, Path("/"), None, _REC | _PRIVATE)
    for path in (*folders, *devices):
        _mount(str(path), path, None, _BIND | _REC)
    _mount("proc", Path("/proc"), "proc", _NOSUID | _NODEV | _NOEXEC)
    if SHARED_MEMORY.is_dir():
        size = f"size={SHARED_MEMORY_SIZE},nr_inodes=1k,mode=1777"
        _mount("tmpfs", SHARED_MEMORY, "tmpfs", _NOSUID | _NODEV, size)
        folders.append(SHARED_MEMORY.resolve())
    # no devices either: root may open a disk by its file, and read-only is no bar to that
    _change(Path("/"), _RECURSIVE, add=_READ_ONLY | _NOSUID | _NODEV)
    for path in folders:
        _change(path, 0, remove=_READ_ONLY)
    for path in devices:
        _change(path, 0, remove=_NODEV)
    os.chdir(here)  # the working folder was reached through the mount that is read-only now


def _mount(source: str | None, target: Path, kind: str | None, flags: int, options: str = "") -> None:
    encoded = [os.fsencode(text) if text else None for text in (source, target, kind, options)]
    try:
        call("mount", *encoded[:3], flags, encoded[3])
    except OSError as error:
        raise OSError(error.errno, f"mounting {target}: {os.strerror(error.errno or 0)}") from None


def _change(path: Path, flags: int, add: int = 0, remove: int = 0) -> None:
    attributes = _Attributes(add, remove, 0, 0)
    given = (_AT_FDCWD, os.fsencode(path), flags, ctypes.byref(attributes), ctypes.sizeof(attributes))
    system_call(f"mount_setattr {path}", _MOUNT_SETATTR, *given)
