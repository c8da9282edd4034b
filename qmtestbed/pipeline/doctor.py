"""``doctor``: what this host offers."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import sys
from collections.abc import Iterator

from qmtestbed.catalogue import Catalogue
from qmtestbed.evidence import Store, default_path
from qmtestbed.execute import LAYERS, available

_LIBRARIES = (
    *("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "mlflow", "skops", "modelscan"),
    *("torch", "onnxruntime", "xgboost", "lightgbm"),
)


def diagnose() -> Iterator[str]:
    """Give lines on Python, libraries, isolation, the store and what is installed."""
    version = importlib.metadata.version("qmtestbed")
    yield f"qmtestbed {version}, Python {platform.python_version()}, {platform.platform()}, {os.cpu_count()} cores"
    yield "libraries: " + ", ".join(_versions())
    yield "layers of isolation:"
    for name, reason in available().items():
        yield f"  {name:<12} {'active' if not reason else 'NOT AVAILABLE: ' + reason}: {LAYERS[name]}"
    yield f"children: {'one fork server per run' if sys.platform == 'linux' else 'fresh interpreters'}"
    info = Store(default_path()).info()
    yield f"store: {info.path}, {info.entries} records, {info.size / 2**20:.1f} MB"
    named = os.environ.get("MLFLOW_TRACKING_URI")
    shown = re.sub(r"//[^/@]*@", "//…@", named) if named else "MLFLOW_TRACKING_URI is not set; ./mlflow.db is meant"
    yield f"MLflow: {shown}"
    aits = Catalogue().aits.values()
    broken = [e.id for e in aits if e.manifest is None]
    lacking = [f"{e.id} ({'; '.join(e.missing)})" for e in aits if e.missing]
    yield f"AITs: {len(aits)}" + (f"; broken: {', '.join(broken)}" if broken else "")
    if lacking:
        yield f"AITs that lack a package: {', '.join(lacking)}"


def _versions() -> Iterator[str]:
    for name in _LIBRARIES:
        found = _version(name) or (_version("xgboost-cpu") if name == "xgboost" else "")
        yield f"{name} {found or 'not installed'}"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
