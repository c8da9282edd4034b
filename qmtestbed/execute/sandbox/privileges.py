"""Privileges: none can be had again by running a program, and those there are go."""

from __future__ import annotations

import ctypes

from qmtestbed.execute.sandbox.kernel import PR_SET_NO_NEW_PRIVS, call, control

_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def drop() -> None:
    """Give up every capability for good: also those that a user namespace gave, and that root has anyway."""
    control(PR_SET_NO_NEW_PRIVS, 1)
    header, none = _Header(_VERSION_3, 0), (_Sets * 2)()
    call("capset", ctypes.byref(header), ctypes.byref(none))
