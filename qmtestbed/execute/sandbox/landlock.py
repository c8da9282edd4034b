"""Landlock: which files this process and all that it starts can still open, and how.

Done here by hand: the packages that do it (landlock, py-landlock, landlockpy) are each one author's, before their first
stable release, and need the same lists of rights and paths from us; what they would save are the forty lines below.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable, Iterator

from qmtestbed.execute.sandbox.kernel import PR_SET_NO_NEW_PRIVS, control, system_call

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_CHAR, MAKE_BLOCK = 1 << 6, 1 << 11
TRUNCATE, IOCTL_DEVICE = 1 << 14, 1 << 15
KNOWN_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""Version of the interface since which → the rights that it knows of."""

READ = READ_FILE | READ_DIR
RUN = READ | EXECUTE
FOR_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEVICE
OPERATE = READ_FILE | WRITE_FILE | IOCTL_DEVICE
NEVER = EXECUTE | MAKE_CHAR | MAKE_BLOCK | IOCTL_DEVICE
"""What even a job's own folder gives no right to."""

SCOPES_SINCE = 6
TRUNCATE_SINCE = 3
ABSTRACT_SOCKETS, SIGNALS = 1, 2
_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same numbers on every architecture
_VERSION, _BENEATH = 1, 1


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"  # said aloud because Python 3.14 wants it with _pack_
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def version() -> int:
    """Give the version of the interface that this kernel has.

    Raises
    ------
    OSError
        It has none, or it was not switched on when the machine started.
    """
    return system_call("landlock_create_ruleset", _CREATE, None, 0, _VERSION)


def restrict(
    runnable: Iterable[str], readable: Iterable[str], writable: Iterable[str], devices: Iterable[str] = ()
) -> None:
    """Take from this process the right to open any file but these.

    From version 6 on, signals and abstract sockets of processes outside are out of reach too.

    Parameters
    ----------
    runnable
        Files and folders to read, and to run programs from.
    readable
        Files and folders to read.
    writable
        Folders to read and change, and devices to write.
    devices
        Device files to read, write and control.
    """
    known = version()
    handled = max(rights for since, rights in KNOWN_RIGHTS.items() if since <= known)
    scopes = ABSTRACT_SOCKETS | SIGNALS if known >= SCOPES_SINCE else 0
    attributes = _Ruleset(handled, 0, scopes)
    size = ctypes.sizeof(attributes) if scopes else ctypes.sizeof(ctypes.c_uint64)
    ruleset = system_call("landlock_create_ruleset", _CREATE, ctypes.byref(attributes), size, 0)
    try:
        given = ((runnable, RUN), (readable, READ), (writable, handled & ~NEVER), (devices, OPERATE))
        for paths, rights in given:
            for folder, path in _opened(paths):
                _allow(ruleset, folder, path, rights & handled)
        control(PR_SET_NO_NEW_PRIVS, 1)  # without it only root may restrict itself
        system_call("landlock_restrict_self", _RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _opened(paths: Iterable[str]) -> Iterator[tuple[int, str]]:
    for path in paths:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            yield descriptor, path
        finally:
            os.close(descriptor)


def _allow(ruleset: int, descriptor: int, path: str, rights: int) -> None:
    if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
        rights &= FOR_FILES  # a right for folders makes a rule for a file invalid
    rule = _Beneath(rights, descriptor)
    system_call(f"landlock_add_rule {path}", _ADD, ruleset, _BENEATH, ctypes.byref(rule), 0)
