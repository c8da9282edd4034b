"""Packages that a model needs and that are not installed: by name, with the version it was logged with."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from qmtestbed.errors import ModelFault

OF_FLAVOUR = {
    "sklearn": ("sklearn", "scikit-learn", "sklearn_version"),
    "pytorch": ("torch", "torch", "pytorch_version"),
    "onnx": ("onnxruntime", "onnxruntime", ""),
    "xgboost": ("xgboost", "xgboost", "xgb_version"),
    "lightgbm": ("lightgbm", "lightgbm", "lgb_version"),
}
"""Flavour → the module that loads it, its distribution, and where ``MLmodel`` keeps the version."""

_DISTRIBUTIONS = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "PIL": "pillow",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
    "yaml": "pyyaml",
}
"""Modules whose distribution has quite another name."""


def check_library(flavour: str, entry: Mapping[str, Any], name: str, folder: Path) -> None:
    """Refuse a model whose framework is not installed.

    Raises
    ------
    ModelFault
        With the command that installs it, in the version that wrote the model where that is known.
    """
    module, distribution, key = OF_FLAVOUR.get(flavour, ("", "", ""))
    if not module or importlib.util.find_spec(module) is not None:
        return
    version = str(entry.get(key, "")).partition("+")[0]  # a local version such as 2.13.0+cpu is on no index
    found = f"written by {distribution} {version}" if version else f"flavour {flavour}"
    do = f"pip install {distribution}=={version}" if version else install_command(module, folder)
    raise ModelFault(f"the model {name} needs the package {distribution}, which is not installed", found=found, do=do)


def versions(flavour: str, entry: Mapping[str, Any]) -> str:
    """Say what wrote a model and what runs here, for a message."""
    _, distribution, key = OF_FLAVOUR.get(flavour, ("", "mlflow", ""))
    running = importlib.metadata.version(distribution) if _is_installed(distribution) else "none"
    return f"written by {distribution} {entry.get(key, 'unknown')}, running {running}"


def install_command(module: str, folder: Path | None) -> str:
    """Say how to get the distribution of a module, in the version that a model's requirements name."""
    distribution = _DISTRIBUTIONS.get(module, module)
    wanted = dict(_requirements(folder)) if folder else {}
    if _normal(distribution) in wanted:
        return f"pip install {shlex.quote(wanted[_normal(distribution)])} (as the model was logged with)"
    absent = [shlex.quote(line) for name, line in wanted.items() if not _is_installed(name)]
    if absent:
        return f"pip install {' '.join(absent)} (which its requirements name and which are not installed)"
    return f"pip install {distribution}, or log the model with its code (code_paths)"


def _requirements(folder: Path) -> Iterator[tuple[str, str]]:
    """Give each distribution that the model's requirements name, with its line."""
    path = folder / "requirements.txt"
    if not path.is_file():
        return
    for line in path.read_text("utf-8", errors="replace").splitlines():
        bare = line.partition(" #")[0].strip()
        found = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", bare)
        if found:
            yield _normal(found[0]), bare


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
