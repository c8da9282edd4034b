"""Which accelerators this machine has, told from files and names alone: nothing is loaded.

A job with a PyTorch model uses a GPU of NVIDIA's where there is one, unless its AIT looks into the model. The device is
part of the job's key, and the sandbox lets such a job reach the GPU's files. ``CUDA_VISIBLE_DEVICES`` set to nothing
turns it off, as everywhere.
"""

from __future__ import annotations

import importlib.metadata
import os
import stat
from collections.abc import Mapping
from pathlib import Path

__all__ = ["CUDA", "VISIBLE", "gpu", "gpu_files"]

CUDA = "cuda"
VISIBLE = "CUDA_VISIBLE_DEVICES"
_NONE = {"", "-1", "none", "void", "nodevfiles"}


def gpu_files(folder: Path = Path("/dev")) -> tuple[str, ...]:
    """Give the device files of NVIDIA's GPUs, sorted; empty where there is no GPU."""
    found = [path for path in sorted(folder.glob("nvidia*")) if _is_device(path)]
    numbered = any(path.name.removeprefix("nvidia").isdigit() for path in found)
    return tuple(str(path) for path in found) if numbered else ()


def gpu(environment: Mapping[str, str] = os.environ, folder: Path = Path("/dev")) -> bool:
    """Whether PyTorch, as it is installed here, could use a GPU of this machine."""
    if VISIBLE in environment and environment[VISIBLE].strip().lower() in _NONE:
        return False
    try:
        built = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return False
    return not built.endswith("+cpu") and bool(gpu_files(folder))


def _is_device(path: Path) -> bool:
    try:
        return stat.S_ISCHR(path.stat().st_mode)
    except OSError:
        return False
