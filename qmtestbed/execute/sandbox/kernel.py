"""Calls of the Linux kernel that Python has no name for; each raises ``OSError`` that says what was refused."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def call(function: str, *arguments: Any) -> int:
    """Call a function of the C library.

    Parameters
    ----------
    function
        Its name.
    arguments
        Whole numbers, bytes, ``None`` or references to structures.

    Returns
    -------
    What it returned, 0 or more.

    Raises
    ------
    OSError
        It returned less than 0.
    """
    # a bare Python int would be cut to 32 bits, and the upper half of a variadic argument be left undefined
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = int(getattr(_library(), function)(*wide))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")
    return result


def system_call(name: str, number: int, *arguments: Any) -> int:
    """Call the kernel by number, for what the C library has no function for.

    Raises
    ------
    OSError
        The kernel refused, or does not know the number.
    """
    try:
        return call("syscall", number, *arguments)
    except OSError as error:
        raise OSError(error.errno, f"{name}: {os.strerror(error.errno or 0)}") from None


def control(option: int, *values: Any) -> None:
    """Call ``prctl``; the values that it does not take have to be 0."""
    call("prctl", option, *values, *[0] * (4 - len(values)))


def version() -> tuple[int, int]:
    """Give the kernel's version: (6, 18); (0, 0) if it does not say one."""
    first, _, rest = os.uname().release.partition(".")
    second = rest.partition(".")[0].partition("-")[0]
    return (int(first), int(second)) if first.isdecimal() and second.isdecimal() else (0, 0)
