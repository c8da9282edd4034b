"""Data sets that a run was given: from its dataset inputs to a file on this machine, and what MLflow knows of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from qmtestbed.errors import DataError, IntegrityError, Problem, suggestion
from qmtestbed.tracking.connection import connect, import_mlflow, mlflow_errors, scratch
from qmtestbed.tracking.uris import PREFIX, LoggedData

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Dataset, DatasetInput, Run

SHA256_TAG = "qmtestbed.sha256"
"""Tag of a dataset input that holds the SHA-256 of the whole file."""

COVERED = 10_000
"""Rows of a table (elements of an array) that MLflow's own digest covers."""

CONTEXT_TAG = "mlflow.data.context"
_HOW = (
    'log it with a file as its source: mlflow.log_input(mlflow.data.from_pandas(df, source="data/test.parquet", '
    'targets="label"), context="test")'
)


def find_data(what: str, uri: str, model_run: str | None) -> LoggedData:
    """Find the file of a data set that a run was given.

    Parameters
    ----------
    what
        What asks for it, for messages.
    uri
        ``mlflow:<context or name>`` for a data set of the run that logged the model, or
        ``mlflow:<run id>/<context or name>``.
    model_run
        The run that logged the model.

    Raises
    ------
    DataError
        No such run or data set; one without a source that can be read again; a source that is gone.
    IntegrityError
        The file is not the one that was logged.
    """
    run_id, _, wanted = uri.removeprefix(PREFIX).rpartition("/")
    run_id = run_id or model_run or ""
    if not run_id:
        do = "write mlflow:<run id>/<context>, or take a model that was logged in a run"
        raise DataError(Problem(f"{what}: no run is known that was given this data set", uri, do=do))
    do = "is the run id right? MLFLOW_TRACKING_URI names the store"
    with mlflow_errors(f"{what}: the run of the data set can't be read", uri, do, DataError):
        client = connect(what, uri)
        run = client.get_run(run_id)
    chosen = input_of(what, uri, run, wanted)
    path = _file_of(what, uri, chosen)
    data = LoggedData(path, run_id, _context(chosen) or chosen.dataset.name, chosen.dataset.name,
                      chosen.dataset.digest, _known_digest(run, chosen))  # fmt: skip
    if data.sha256 is None:
        _compare_digests(what, uri, data, chosen)
    return data


def remember_digest(client: MlflowClient, run: str, dataset: Dataset, sha256: str) -> None:
    """Keep the digest of a whole file with the run that was given it, so that a later change of it is seen."""
    client.set_tag(run, _tag_of(dataset), sha256)


def _tag_of(dataset: Dataset) -> str:
    name = re.sub(r"[^\w.\- /]", "_", dataset.name)
    return f"{SHA256_TAG}.{name[:150]}.{dataset.digest}"


def _context(given: DatasetInput) -> str:
    return next((t.value for t in given.tags if t.key == CONTEXT_TAG), "")


def _known_digest(run: Run, given: DatasetInput) -> str | None:
    own = next((t.value for t in given.tags if t.key == SHA256_TAG), None)
    return own or run.data.tags.get(_tag_of(given.dataset))


def input_of(what: str, uri: str, run: Run, wanted: str) -> DatasetInput:
    """Choose a run's input by its context, else by its name; exactly one."""
    inputs = list(run.inputs.dataset_inputs) if run.inputs else []
    by_context = [i for i in inputs if _context(i) == wanted]
    found = by_context or [i for i in inputs if i.dataset.name == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"{i.dataset.name} ({i.dataset.digest})" for i in found)
        do = "name one of them: mlflow:<name>, or log each in a context of its own"
        raise DataError(Problem(f"{what}: several data sets of the run are called {wanted!r}", uri, names, do))
    known = {n for i in inputs for n in (_context(i), i.dataset.name) if n}
    do = suggestion(wanted, known) or _HOW
    what = f"{what}: run {run.info.run_id} was given no data set {wanted!r}"
    raise DataError(Problem(what, uri, "" if known else "the run has no dataset inputs", do))


def _file_of(what: str, uri: str, given: DatasetInput) -> Path:
    """Give the file that a data set was logged from, fetched where it is not on this machine."""
    mlflow = import_mlflow()
    from mlflow.data.filesystem_dataset_source import FileSystemDatasetSource
    from mlflow.data.http_dataset_source import HTTPDatasetSource

    dataset = given.dataset
    gone = f"{what}: the source of the data set {dataset.name!r} can't be read"
    with mlflow_errors(gone, uri, f"restore it; or {_HOW}", DataError):
        source: Any = mlflow.data.get_source(dataset)
        if not isinstance(source, (FileSystemDatasetSource, HTTPDatasetSource)):
            problem = f"{what}: the data set {dataset.name!r} was logged without a source that can be read again"
            raise DataError(Problem(problem, uri, f"a source of type {dataset.source_type!r}", _HOW))
        local = _local(getattr(source, "uri", ""))
        if local is not None and not local.exists():
            raise DataError(Problem(gone, uri, f"no such file: {local}", f"restore it; or {_HOW}"))
        path = local or Path(source.load(dst_path=str(scratch() / f"{dataset.name}-{dataset.digest}")))
    path = path.resolve()
    if path.is_dir():
        files = [p for p in path.rglob("*") if p.is_file()]
        if len(files) != 1:
            problem = f"{what}: the source of the data set {dataset.name!r} is a folder"
            raise DataError(Problem(problem, uri, f"{len(files)} files", "log one file as its source"))
        path = files[0]
    return path


def _local(uri: str) -> Path | None:
    """Give the path that a URI names on this machine; ``None`` for one that names another place."""
    parts = urlsplit(uri)
    return Path(unquote(parts.path)) if uri and parts.scheme in ("", "file") else None


def _compare_digests(what: str, uri: str, data: LoggedData, given: DatasetInput) -> None:
    """Compare MLflow's own digest, where nothing better was logged; arrays have none that could be made again."""
    frame = _read(data.path)
    if frame is None:
        return
    from mlflow.data.digest_utils import compute_pandas_digest

    found = compute_pandas_digest(frame)
    if found != given.dataset.digest:
        raise IntegrityError(
            Problem(
                f"{what}: the data set {data.name!r} is not the one that was logged",
                uri,
                f"{data.path.name} has MLflow's digest {found}, logged was {given.dataset.digest}",
                "restore the file; or, if another part of it was logged on purpose, give the file itself as data",
            )
        )


def _read(path: Path) -> Any:
    """Read a table as users do before they log it; ``None`` for a file that is no table."""
    import pandas as pd

    suffix = path.suffix.lower()
    try:
        if suffix in (".parquet", ".pq"):
            return pd.read_parquet(path)
        if suffix in (".csv", ".tsv"):
            return pd.read_csv(path, sep="\t" if suffix == ".tsv" else ",")
    except (ValueError, OSError):
        return None  # what is wrong with it is for those to say who describe it as data
    return None


def unproven(data: LoggedData, rows: int) -> str:
    """Say what of a data set could not be compared with what was logged; an empty text where all was."""
    if data.sha256 is not None:
        return ""
    table = data.path.suffix.lower() in (".parquet", ".pq", ".csv", ".tsv")
    if table and rows <= COVERED:
        return ""
    what = f"rows after the {COVERED:,}th" if table else "the arrays"
    return (
        f"{data.uri} ({data.name}): {what} could not be compared with what was logged, because MLflow's digest does "
        f"not cover them; log the data set with tags={{{SHA256_TAG!r}: <SHA-256 of the file>}}"
    )
