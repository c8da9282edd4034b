"""Models as metadata: the ``MLmodel`` file of a logged model says its flavour and what it takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from qmtestbed.digests import sha256_of_model
from qmtestbed.documents import read_document
from qmtestbed.errors import ContentError, ModelError, Problem
from qmtestbed.modelfiles import code_run_by
from qmtestbed.resolve.files import place_of
from qmtestbed.resolve.signatures import Signature, read_signature
from qmtestbed.tracking.uris import FORMS

FLAVOURS = ("sklearn", "pytorch", "onnx", "xgboost", "lightgbm", "python_function")
"""Flavours that can be loaded, best first."""


@dataclass(frozen=True)
class ModelFacts:
    """A logged model: where its files are, what it is pinned to, and what its ``MLmodel`` says.

    ``takes`` is ``None`` where neither signature nor input example tell; ``libraries`` are the distributions that its
    requirements name: its answers may depend on them. ``run`` is the id of the MLflow run that logged it, ``page`` its
    address on the website of the tracking server. ``pickled`` are the files that loading unpickles, or that code of its
    own may, and ``code`` is that code: both run in the child that loads the model.
    """

    folder: Path
    uri: str
    requested: str
    sha256: str
    flavour: str
    takes: Signature | None
    version: str | None = None
    libraries: tuple[str, ...] = ()
    run: str | None = None
    page: str | None = None
    pickled: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    kind: Literal["model"] = "model"

    @property
    def features(self) -> tuple[str, ...] | None:
        """Names of its inputs in order; ``None`` where nothing names them."""
        return tuple(c.name for c in self.takes.columns) if self.takes and self.takes.columns else None


def is_model(uri: str, folder: Path) -> bool:
    """Whether a URI names a model rather than a file of data."""
    return uri.startswith(("models:", "runs:")) or place_of(f"{uri}/MLmodel", folder).is_file()


def find_model(name: str, uri: str, folder: Path) -> ModelFacts:
    """Pin a model and fetch its files.

    Parameters
    ----------
    name
        What the plan calls it, for messages.
    uri
        ``models:/…``, ``runs:/…`` or the path of a logged model's folder.
    folder
        Where a relative path starts from.

    Raises
    ------
    ModelError
        Unknown model, alias, version or run; a store that can't be reached; files that are no MLflow model.
    """
    if not uri.startswith(("models:", "runs:")):
        path = (folder / uri).resolve()
        if not path.is_dir():
            raise ModelError(Problem(f"inventory {name!r}: no such model", uri, do=f"write {FORMS}"))
        return describe_model(name, path, uri, uri, None)
    from qmtestbed.tracking.models import fetch_model

    found = fetch_model(f"inventory {name!r}", uri)
    return replace(describe_model(name, found.folder, found.uri, uri, found.version), page=found.page)


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
    takes = read_signature(data, folder)
    libraries = _libraries(folder / "requirements.txt")
    runs = code_run_by(folder, flavour, data)
    return ModelFacts(
        folder,
        uri,
        requested,
        sha256_of_model(folder),
        flavour,
        takes,
        version,
        libraries,
        run=data.get("run_id") if isinstance(data.get("run_id"), str) else None,
        pickled=(*runs.pickled, *runs.beside),
        code=runs.code,
    )


def _libraries(requirements: Path) -> tuple[str, ...]:
    """Names of the distributions in a requirements file."""
    if not requirements.is_file():
        return ()
    lines = requirements.read_text("utf-8", errors="replace").splitlines()
    found = (re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", line) for line in lines)
    return tuple(sorted({m[1].lower() for m in found if m}))
