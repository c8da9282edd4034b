"""Models as metadata: the ``MLmodel`` file of a logged model says its flavour and what it takes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from qmtestbed.digests import sha256_of_model
from qmtestbed.documents import read_document
from qmtestbed.errors import ContentError, ModelError, Problem
from qmtestbed.modelfiles import code_run_by

FLAVOURS = ("sklearn", "pytorch", "onnx", "xgboost", "lightgbm", "python_function")
"""Flavours that can be loaded, best first."""


@dataclass(frozen=True)
class ModelFacts:
    """A logged model: where its files are, what it is pinned to, and what its ``MLmodel`` says.

    ``features`` are the names of its inputs in order, or ``None`` where it has no signature with names;
    ``libraries`` are the distributions that its requirements name: its answers may depend on them. ``pickled`` are the
    files that loading unpickles, or that code of its own may, and ``code`` is that code: both run in the child that
    loads the model.
    """

    folder: Path
    uri: str
    requested: str
    sha256: str
    flavour: str
    features: tuple[str, ...] | None
    optional_features: frozenset[str] = frozenset()
    version: str | None = None
    libraries: tuple[str, ...] = ()
    pickled: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    kind: Literal["model"] = "model"


def is_model(uri: str, folder: Path) -> bool:
    """Whether a URI names a model rather than a file of data."""
    return uri.startswith(("models:", "runs:")) or (folder / uri / "MLmodel").resolve().is_file()


def describe_model(name: str, folder: Path, uri: str, requested: str, version: str | None) -> ModelFacts:
    """Read the ``MLmodel`` file of a model's folder.

    Raises
    ------
    ModelError
        The folder holds no MLflow model, or none of a flavour that can be loaded.
    """
    if not (folder / "MLmodel").is_file():
        found = ", ".join(sorted(p.name for p in folder.iterdir())[:8]) if folder.is_dir() else "no such folder"
        do = "give the folder or URI of a model logged with MLflow"
        raise ModelError(Problem(f"inventory {name!r}: no MLmodel file, so not an MLflow model", requested, found, do))
    try:
        data = read_document(folder / "MLmodel", f"{requested} (MLmodel)").data
    except ContentError as error:
        raise ModelError(*error.problems) from None
    flavours = data.get("flavors") if isinstance(data, Mapping) else None
    if not isinstance(flavours, Mapping):
        raise ModelError(Problem(f"inventory {name!r}: its MLmodel names no flavours", requested, do="log it again"))
    flavour = next((f for f in FLAVOURS if f in flavours), None)
    if flavour is None:
        found, do = ", ".join(flavours), "log it in one of these flavours: " + ", ".join(FLAVOURS)
        raise ModelError(Problem(f"inventory {name!r}: no flavour that can be loaded here", requested, found, do))
    features, optional = _features(data.get("signature"))
    libraries = _libraries(folder / "requirements.txt")
    runs = code_run_by(folder, flavour, data)
    return ModelFacts(
        folder,
        uri,
        requested,
        sha256_of_model(folder),
        flavour,
        features,
        optional,
        version,
        libraries,
        (*runs.pickled, *runs.beside),
        runs.code,
    )


def _libraries(requirements: Path) -> tuple[str, ...]:
    """Names of the distributions in a requirements file."""
    if not requirements.is_file():
        return ()
    lines = requirements.read_text("utf-8", errors="replace").splitlines()
    found = (re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", line) for line in lines)
    return tuple(sorted({m[1].lower() for m in found if m}))


def _features(signature: Any) -> tuple[tuple[str, ...] | None, frozenset[str]]:
    """Input names of a column-based signature, and those that may be left out."""
    if not isinstance(signature, Mapping) or not isinstance(signature.get("inputs"), str):
        return None, frozenset()
    inputs = json.loads(signature["inputs"])
    if not inputs or not all(isinstance(i, dict) and isinstance(i.get("name"), str) for i in inputs):
        return None, frozenset()
    optional = frozenset(i["name"] for i in inputs if i.get("required") is False)
    return tuple(i["name"] for i in inputs), optional
