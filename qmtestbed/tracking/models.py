"""Logged models: from a URI to the files."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from qmtestbed.tracking.connection import connect, import_mlflow, mlflow_errors, scratch, web_page
from qmtestbed.tracking.uris import FORMS, split
from qmtestbed.tracking.versions import find_version

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel


@dataclass(frozen=True)
class Fetched:
    """A logged model whose files are on this machine.

    Attributes
    ----------
    folder
        Its files.
    uri
        What it is pinned to: ``models:/m-…``, or the given URI where it is no logged model of its own.
    version
        ``name/number``, where it was named by a registered model.
    page
        Its page on the website of the tracking server, if there is one.
    """

    folder: Path
    uri: str
    version: str | None
    page: str | None


def fetch_model(what: str, uri: str) -> Fetched:
    """Pin a model, following alias, version or run to the logged model, and fetch its files.

    Parameters
    ----------
    what
        What asks for it, for messages.
    uri
        ``models:/…`` or ``runs:/…``.

    Raises
    ------
    ModelError
        Unknown model, alias, version or run; a store that can't be reached.
    """
    version, pinned = None, uri
    if split(uri) is not None:
        found = find_version(what, uri)
        version, pinned = found.shown, found.source
    with mlflow_errors(f"{what}: the model can't be found", uri, f"write {FORMS}; MLFLOW_TRACKING_URI names the store"):
        client = connect(what, uri)
        model_id = _model_id(pinned)
        if not model_id:
            return Fetched(_downloaded(pinned, None), pinned, version, None)
        logged = client.get_logged_model(model_id)
        page = web_page(f"/experiments/{logged.experiment_id}/models/{model_id}")
        return Fetched(_downloaded(f"models:/{model_id}", logged), f"models:/{model_id}", version, page)


def _model_id(uri: str) -> str | None:
    """Give the id of the logged model that a URI names: the URI itself says it, or its ``MLmodel`` file does.

    MLflow's own ``get_model_info`` would leave a copy of that file behind at every call.
    """
    last = uri.removeprefix("models:/")
    if last != uri and last.startswith("m-"):
        return last
    folder = str(scratch() / hashlib.sha256(uri.encode()).hexdigest()[:16])
    path = import_mlflow().artifacts.download_artifacts(artifact_uri=f"{uri.rstrip('/')}/MLmodel", dst_path=folder)
    found = re.search(r"^model_id: *(m-[0-9a-f]+) *$", Path(path).read_text("utf-8"), re.MULTILINE)
    return found[1] if found else None


def _downloaded(uri: str, logged: LoggedModel | None) -> Path:
    """Download a model's files; those that lie on this machine are read in place."""
    scheme = urlsplit(logged.artifact_location).scheme if logged else ""
    remote = len(scheme) > 1 and scheme != "file"
    target = str(scratch() / uri.removeprefix("models:/")) if remote else None
    return Path(import_mlflow().artifacts.download_artifacts(artifact_uri=uri, dst_path=target)).resolve()
