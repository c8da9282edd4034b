"""MLflow imported once and quietly, and its errors mapped to ours."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from qmtestbed.errors import InputError, ModelError, Problem

if TYPE_CHECKING:
    from mlflow import MlflowClient

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # Seven attempts, each later than the one before, keep a user waiting for minutes for a server that is down.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
}
"""What is set for MLflow where the user has set nothing."""


def import_mlflow() -> Any:
    """Import MLflow without its telemetry, progress bars and long waits."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    import mlflow

    return mlflow


def connect(what: str, where: str) -> MlflowClient:
    """Give a client of the store that ``MLFLOW_TRACKING_URI`` names.

    Parameters
    ----------
    what, where
        What is wanted of it, for messages.

    Raises
    ------
    ModelError
        There is no such store. A SQLite file that is not there is refused: MLflow would make an empty one.
    """
    mlflow = import_mlflow()
    store = mlflow.get_tracking_uri()
    parts = urlsplit(store)
    if parts.scheme.startswith("sqlite"):
        path = unquote(store.split(":///", 1)[-1])
        if path and not Path(path).exists():
            do = "set MLFLOW_TRACKING_URI to the store that holds the model"
            raise ModelError(Problem(f"{what}: there is no MLflow store here", where, shown_store(store), do))
    return mlflow.MlflowClient()  # type: ignore[no-any-return]  # MLflow comes without types


def shown_store(uri: str) -> str:
    """Give a store's URI without the password or token that it may hold."""
    parts = urlsplit(uri)
    if "@" not in parts.netloc:
        return uri
    return urlunsplit(parts._replace(netloc=f"***@{parts.netloc.rsplit('@', 1)[1]}"))


def tracking_store() -> str:
    """Name the store in use, without credentials."""
    return shown_store(str(import_mlflow().get_tracking_uri()))


@contextmanager
def mlflow_errors(what: str, where: str, do: str, kind: type[InputError] = ModelError) -> Iterator[None]:
    """Map what MLflow and its stores raise to one clear problem that also names the store."""
    import sqlalchemy.exc

    import_mlflow()
    import requests
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, sqlalchemy.exc.SQLAlchemyError, requests.RequestException, OSError) as error:
        raise kind(_problem(error, what, where, do)) from None


def _problem(error: Exception, what: str, where: str, do: str) -> Problem:
    said, store = str(error).strip(), tracking_store()
    if any(sign in said for sign in ("Max retries exceeded", "Connection refused", "Failed to establish")):
        do = "start it, or set MLFLOW_TRACKING_URI to the server that is meant"
        return Problem(f"{what}: the tracking server does not answer", where, store, do)
    if "unsupported URI" in said or "Unsupported URI" in said:
        do = "write http://…, https://… or sqlite:///…"
        return Problem(f"{what}: MLFLOW_TRACKING_URI is not the address of a store", where, store, do)
    # SQLAlchemy's first line is about its own workings; what the database said stands in brackets after it.
    lines = [line for line in said.splitlines() if not line.startswith("(raised as a result of")]
    return Problem(what, where, f"{lines[0][:300] if lines else type(error).__name__} (store: {store})", do)


@functools.cache
def scratch() -> Path:
    """Give a folder for what is downloaded; it is gone when the process ends."""
    path = Path(tempfile.mkdtemp(prefix="qmt-download-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def web_page(path: str) -> str | None:
    """Give the address of a page of the tracking server's own website; ``None`` where the store is a database."""
    parts = urlsplit(str(import_mlflow().get_tracking_uri()))
    if parts.scheme not in ("http", "https"):
        return None
    host = parts.netloc.rsplit("@", 1)[-1]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/") + "/", "", path))
