"""Where a job runs, and which versions its result depends on."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace

from qmtestbed.types.environment import Environments
from qmtestbed.types.job import Environment
from qmtestbed.types.manifest import Manifest

_ALWAYS = ("numpy", "scipy", "pandas", "scikit-learn")


@dataclass(frozen=True)
class Place:
    """Where a job runs: what is installed there, and the folder of a virtual environment or why there is none."""

    environment: Environment
    folder: str | None = None
    unmade: str | None = None


def find_place(manifest: Manifest, environments: Environments | None, loaded: Iterable[str]) -> Place:
    """Find where an AIT runs; ``loaded`` are distributions that it takes in the version that is installed here."""
    if manifest.environment == "shared":
        return Place(environment_of(r.distribution for r in manifest.requires))
    pinned = [f"{name}=={version.split('+')[0]}" for name, version in _versions(loaded).items()]
    found = environments.get([*map(str, manifest.requires), *pinned]) if environments else "nobody makes any here"
    if isinstance(found, str):
        return Place(_environment_with(()), unmade=found)
    return Place(replace(_environment_with(()), libraries=found.libraries, isolated=found.sha256), found.folder)


def environment_of(names: Iterable[str]) -> Environment:
    """Give what a result here depends on: the versions that are installed of some distributions, and always of ours."""
    return _environment_with({*_ALWAYS, *names})


def _environment_with(names: Iterable[str]) -> Environment:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return Environment(python, f"{sys.platform}-{platform.machine()}", _versions(names))


def _versions(names: Iterable[str]) -> dict[str, str]:
    """Versions that are installed here, without those that are not."""
    versions: dict[str, str] = {}
    for name in sorted(names):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions
