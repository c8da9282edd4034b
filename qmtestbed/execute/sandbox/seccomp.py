"""seccomp: kernel calls that no measuring program needs, refused whatever their path or namespace.

A list of refusals, not of permissions: Python, BLAS and torch use some hundred calls, which change with each release.
Done by hand because the one binding that is on PyPI (pyseccomp) needs libseccomp of the host, which is often absent.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Mapping
from functools import cache

from qmtestbed.execute.sandbox.kernel import PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, control

REFUSED: Mapping[str, tuple[int, int | None]] = {
    # every family: a Unix socket of the host, as docker.sock, is a way out as much as the network is, and a
    # network namespace holds neither those with a path nor AF_VSOCK
    "socket": (41, 198),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "process_mrelease": (448, 448), "kcmp": (312, 272), "pidfd_getfd": (438, 438),
    # namespaces and mounts: each gives privileges within it, and with them much more of the kernel to attack
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467), "open_by_handle_at": (304, 265),
    # names of files in folders that Landlock does not let it list
    "fanotify_init": (300, 262), "inotify_add_watch": (254, 27),
    # keys outlive processes and cross namespaces
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    # memory that no limit counts, and that outlives its maker
    "shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180),
    "memfd_create": (319, 279), "memfd_secret": (447, 447),
    # the machine: needed where a job runs as root outside a user namespace
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225),
    "acct": (163, 89), "quotactl": (179, 60), "quotactl_fd": (443, 443), "syslog": (103, 116),
    "sethostname": (170, 161), "setdomainname": (171, 162), "vhangup": (153, 58),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266), "adjtimex": (159, 171),
    "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None),
}  # fmt: skip
"""Name → number on x86_64 and on aarch64."""

EXAMINED: Mapping[str, tuple[int, int]] = {
    "clone": (56, 220), "clone3": (435, 435), "socketpair": (53, 199), "mmap": (9, 222), "ioctl": (16, 29),
}  # fmt: skip
"""Those that are refused only with some arguments."""

ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Machine → its place in the tables and the kernel's number for it."""

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_EQUAL, _AT_LEAST, _ANY_BIT = 0x15, 0x35, 0x45
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_FILTER_MODE = 2
_NAMESPACES = 0x7E020000
_STREAM, _PACKETS, _TYPE_BITS = 1, 5, 0xF
_SHARED_ANONYMOUS = 0x21
_TYPE_INTO_TERMINAL, _PASTE_INTO_TERMINAL = 0x5412, 0x541C
_X32 = 0x40000000

Instruction = tuple[int, int, int, int]


def _load(offset: int) -> Instruction:
    return _LOAD, 0, 0, offset


def _argument(index: int) -> Instruction:
    return _load(_ARGUMENTS + 8 * index)  # the lower half, on a machine that has it first


def _test(kind: int, value: int, then: int, otherwise: int) -> Instruction:
    """Skip ``then`` instructions if it holds, else ``otherwise``."""
    return kind, then, otherwise, value


def _refuse(number: int = errno.EPERM) -> Instruction:
    return _RETURN, 0, 0, _ERROR | number


def _only_for(number: int, body: list[Instruction]) -> list[Instruction]:
    """Examine one call; a body that does not refuse it lets it pass."""
    body = [*body, (_RETURN, 0, 0, _ALLOW)]
    return [_test(_EQUAL, number, 0, len(body)), *body]


def build(machine: str) -> list[Instruction]:
    """Build the filter for a machine.

    Raises
    ------
    OSError
        The numbers of its kernel calls are not known here.
    """
    if machine not in ARCHITECTURES or sys.byteorder != "little" or struct.calcsize("P") != 8:
        raise OSError(errno.ENOSYS, f"no filter for {machine} of {8 * struct.calcsize('P')} bits")
    place, architecture = ARCHITECTURES[machine]
    program = [_load(_ARCHITECTURE), _test(_EQUAL, architecture, 1, 0), _refuse(), _load(_NUMBER)]
    if machine == "x86_64":
        program += [_test(_AT_LEAST, _X32, 0, 1), _refuse()]  # the same calls by other numbers
    for numbers in REFUSED.values():
        if (number := numbers[place]) is not None:
            program += [_test(_EQUAL, number, 0, 1), _refuse()]
    return [*program, *_examine({name: numbers[place] for name, numbers in EXAMINED.items()}), (_RETURN, 0, 0, _ALLOW)]


def _examine(of: Mapping[str, int]) -> list[Instruction]:
    """Refuse some calls by their arguments; ``of`` gives their numbers."""
    # its flags are in memory, where a filter can't look; the C library then uses clone
    program = [_test(_EQUAL, of["clone3"], 0, 1), _refuse(errno.ENOSYS)]
    program += _only_for(of["clone"], [_argument(0), _test(_ANY_BIT, _NAMESPACES, 0, 1), _refuse()])
    # asyncio needs pairs; a pair of datagram sockets can send to any other socket
    kinds = [_test(_EQUAL, _STREAM, 2, 0), _test(_EQUAL, _PACKETS, 1, 0), _refuse()]
    program += _only_for(of["socketpair"], [_argument(1), (_AND, 0, 0, _TYPE_BITS), *kinds])
    # shared memory without a file is not counted by RLIMIT_DATA
    shared = [(_AND, 0, 0, _SHARED_ANONYMOUS), _test(_EQUAL, _SHARED_ANONYMOUS, 0, 1), _refuse()]
    program += _only_for(of["mmap"], [_argument(3), *shared])
    typed = [_test(_EQUAL, _TYPE_INTO_TERMINAL, 1, 0), _test(_EQUAL, _PASTE_INTO_TERMINAL, 0, 1), _refuse()]
    program += _only_for(of["ioctl"], [_argument(1), *typed])
    return program


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


@cache
def assembled() -> bytes:
    """Give the filter for this machine as the kernel wants it; the same for the life of a process."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in build(os.uname().machine))


def install() -> None:
    """Put the filter over this process and all that it starts."""
    code = assembled()
    control(PR_SET_NO_NEW_PRIVS, 1)
    control(PR_SET_SECCOMP, _FILTER_MODE, ctypes.byref(_Program(len(code) // struct.calcsize("=HBBI"), code)))
