"""A user namespace with the namespaces of the wanted layers in it."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection
from pathlib import Path

from qmtestbed.execute.sandbox.kernel import call

NEW_USER = 0x10000000
NEW_MOUNTS = 0x00020000
NEW_IPC = 0x08000000
NEW_PIDS = 0x20000000
NEW_NETWORK = 0x40000000

_FLAGS = {
    "network": NEW_NETWORK,
    "pids": NEW_PIDS | NEW_IPC,  # shared memory of System V outlives its makers, so it goes where they go
    "mounts": NEW_MOUNTS,
}


_REASONS = {
    errno.EPERM: "this host lets nobody make user namespaces, or not this user",
    errno.ENOSPC: "this host allows no more user namespaces (user.max_user_namespaces)",
    errno.EINVAL: "no namespaces of this kind, or the process has threads",
}


def unshare(layers: Collection[str]) -> None:
    """Move this process, or for "pids" its next children, to namespaces of their own.

    A user namespace comes with them: it is what lets a plain user make the others. In it the present user and group
    are themselves and nobody else exists, so that nothing changes in who owns a file; groups can't be given up,
    because giving one up can open a file that denies it.
    """
    wanted = sum(_FLAGS[layer] for layer in _FLAGS if layer in layers)
    if not wanted:
        return
    user, group = os.geteuid(), os.getegid()
    try:
        call("unshare", NEW_USER | wanted)
    except OSError as error:
        raise OSError(error.errno, _REASONS.get(error.errno or 0, error.strerror)) from None
    me = Path("/proc/self")
    me.joinpath("setgroups").write_text("deny")
    me.joinpath("uid_map").write_text(f"{user} {user} 1")
    me.joinpath("gid_map").write_text(f"{group} {group} 1")
