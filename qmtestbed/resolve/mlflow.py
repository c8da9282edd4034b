"""From a model's URI to its files: the only place of the parent that imports MLflow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from qmtestbed.errors import ModelError, Problem, suggestion
from qmtestbed.resolve.models import ModelFacts, describe_model

if TYPE_CHECKING:
    from mlflow import MlflowClient

FORMS = "models:/name@alias, models:/name/1, models:/m-<id>, runs:/<run id>/<name>, or the folder of a logged model"


def find_model(name: str, uri: str, folder: Path) -> ModelFacts:
    """Pin a model: follow alias, version or run to the logged model, and fetch its files.

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
    with _mlflow_errors(name, uri):
        return _find(name, uri)


def _find(name: str, uri: str) -> ModelFacts:
    mlflow = _import_mlflow()
    _store_exists(name, uri, mlflow.get_tracking_uri())
    client = mlflow.MlflowClient()
    version: str | None = None
    pinned = uri
    if uri.startswith("models:/"):
        path = uri.removeprefix("models:/")
        if "@" in path:
            registered, alias = path.rsplit("@", 1)
            found = _by_alias(client, name, uri, registered, alias)
            version, pinned = f"{registered}/{found.version}", found.source
        elif "/" in path:
            registered, number = path.rsplit("/", 1)
            found = _by_version(client, name, uri, registered, number)
            version, pinned = f"{registered}/{found.version}", found.source
    info = mlflow.models.get_model_info(pinned)
    if info.model_id:
        pinned = f"models:/{info.model_id}"
    folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=pinned)).resolve()
    return describe_model(name, folder, pinned, uri, version)


def _import_mlflow() -> Any:
    # Its telemetry and its warnings about the environment are nothing a user of ours asked for.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    import mlflow

    return mlflow


def _store_exists(name: str, uri: str, store: str) -> None:
    """Refuse a SQLite store that is not there: MLflow would make an empty one and then know no model."""
    parts = urlsplit(store)
    if parts.scheme.startswith("sqlite"):
        path = unquote(store.split(":///", 1)[-1])
        if path and not Path(path).exists():
            do = "set MLFLOW_TRACKING_URI to the store that holds the model"
            raise ModelError(Problem(f"inventory {name!r}: there is no MLflow store here", uri, store, do))


def _by_alias(client: MlflowClient, name: str, uri: str, registered: str, alias: str) -> Any:
    from mlflow.exceptions import MlflowException

    _registered(client, name, uri, registered)
    try:
        return client.get_model_version_by_alias(registered, alias)
    except MlflowException:
        aliases = client.get_registered_model(registered).aliases
        do = suggestion(alias, aliases) or f"{registered} has no aliases; set one, or name a version"
        raise ModelError(Problem(f"inventory {name!r}: {registered} has no alias {alias!r}", uri, do=do)) from None


def _by_version(client: MlflowClient, name: str, uri: str, registered: str, number: str) -> Any:
    from mlflow.exceptions import MlflowException

    _registered(client, name, uri, registered)
    try:
        return client.get_model_version(registered, number)
    except MlflowException:
        known = [str(v.version) for v in client.search_model_versions(f"name='{registered}'")]
        do = "known: " + ", ".join(sorted(known, key=lambda v: (len(v), v))[-12:])
        raise ModelError(Problem(f"inventory {name!r}: {registered} has no version {number!r}", uri, do=do)) from None


def _registered(client: MlflowClient, name: str, uri: str, registered: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.get_registered_model(registered)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        known = [m.name for m in client.search_registered_models(max_results=1000)]
        do = suggestion(registered, known) or "the registry is empty: is MLFLOW_TRACKING_URI the right one?"
        raise ModelError(Problem(f"inventory {name!r}: no registered model {registered!r}", uri, do=do)) from None


@contextmanager
def _mlflow_errors(name: str, uri: str) -> Iterator[None]:
    """Map what MLflow and its stores raise to one clear problem."""
    import sqlalchemy.exc

    _import_mlflow()
    import requests
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, sqlalchemy.exc.SQLAlchemyError, requests.RequestException, OSError) as error:
        lines = str(error).strip().splitlines()
        do = f"write {FORMS}; MLFLOW_TRACKING_URI names the store"
        raise ModelError(
            Problem(
                f"inventory {name!r}: the model can't be found", uri, lines[0] if lines else type(error).__name__, do
            )
        ) from None
