"""Files and folders that Python and the libraries read, wherever they are installed."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
    "/nix/store", "/gnu/store",
    # for the loader, time zones, names of users and hosts, certificates
    "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ld.so.preload",
    "/etc/localtime", "/etc/timezone", "/etc/locale.alias", "/etc/locale.conf",
    "/etc/nsswitch.conf", "/etc/passwd", "/etc/group", "/etc/host.conf", "/etc/hosts", "/etc/gai.conf",
    "/etc/os-release", "/etc/debian_version", "/etc/lsb-release", "/etc/mime.types", "/etc/fonts",
    "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/tls/certs", "/etc/pki/ca-trust", "/etc/crypto-policies",
    "/proc",
    # how many processors there are, and how much of them this group of processes may use
    "/sys/devices/system/cpu", "/sys/devices/system/node", "/sys/fs/cgroup",
    "/sys/kernel/mm/transparent_hugepage", "/sys/kernel/mm/hugepages",
    "/dev/null", "/dev/full", "/dev/random", "/dev/urandom",
)  # fmt: skip
"""``/dev/zero`` is not among them: mapped as shared, it is memory that no limit counts."""

WITHIN_PREFIX = ("bin", "lib", "lib64", "share", "ssl", "etc", "pyvenv.cfg")
PACKAGE_FOLDERS = {"site-packages", "dist-packages", "lib-dynload"}


@cache
def standard() -> tuple[str, ...]:
    """Give the existing ones, with links resolved, none inside another; the same for the life of a process."""
    kept: list[Path] = []
    for path in sorted({path.resolve() for path in (*map(Path, SYSTEM), *_installed()) if _is_there(path)}):
        if not any(path.is_relative_to(folder) for folder in kept):
            kept.append(path)
    return tuple(map(str, kept))


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except OSError:  # absent, or in a folder of somebody else: what can't be reached needs no rule
        return False
    return True


def _installed() -> list[Path]:
    """Folders of the interpreter and its packages.

    Not the prefix itself: it may be a home folder. Not the other entries of ``sys.path`` either: a package installed
    as editable puts its whole checkout there; who needs one has to name it.
    """
    prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    within = [Path(prefix, name) for prefix in prefixes for name in WITHIN_PREFIX]
    packages = [Path(entry) for entry in sys.path if Path(entry).name in PACKAGE_FOLDERS]
    own = Path(__file__).resolve().parents[2]
    return [*within, *packages, Path(os.__file__).parent, Path(sys.executable), own]
