"""Writing an assessment back: one MLflow run per assessment, beside the model that it is about."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from qmtestbed.digests import sha256_of_file
from qmtestbed.errors import ModelError, Problem
from qmtestbed.foreign import visible
from qmtestbed.tracking.connection import (
    connect,
    import_mlflow,
    mlflow_errors,
    scratch,
    tracking_store,
    web_page,
)
from qmtestbed.tracking.datasets import CONTEXT_TAG, SHA256_TAG, input_of, remember_digest
from qmtestbed.tracking.metrics import named
from qmtestbed.tracking.uris import PREFIX, is_logged
from qmtestbed.types.assessment import Assessment, CriteriaHeadline, RunVerdict
from qmtestbed.types.codec import canonical
from qmtestbed.types.evidence import Evidence, InventoryFacts, Logged
from qmtestbed.types.record import Record

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, Metric

T = TypeVar("T")

FOLDER = "qmtestbed"
"""Artifact folder that holds the run folder."""

_BATCH = 500
_PAUSES = (0.2, 0.5, 1.0, 2.0)
_COLLISION = (
    "IntegrityError",
    "UNIQUE constraint",
    "duplicate key",
    "Duplicate entry",
    "database is locked",
    "eadlock",
)
"""What databases say to one of two that write the same at once: SQLite, PostgreSQL, MySQL."""


def log_assessment(folder: Path, evidence: Evidence, assessment: Assessment, verdict: RunVerdict) -> Logged:
    """Write an assessment into the experiment of the model that it is about.

    Doing it again changes nothing: the run is found by our own run id. Metrics are ``qmt/<check>/<measure>``, with
    ``.low``, ``.high`` and ``.n`` beside each estimate and ``/<key>`` for a measure given per class, column, …; each
    is linked to the logged model and to the data of its check, and its step is the number of the version.

    Parameters
    ----------
    folder
        The run folder, kept whole as artifacts.
    evidence, assessment
        What it holds.
    verdict
        Of the whole, as the exit code tells it.

    Raises
    ------
    ModelError
        The run is about no model that MLflow knows, or the store can't be written to.
    """
    facts = assessed_model(evidence.info.inventories, str(folder))
    with _written(folder) as client:
        return despite_others(lambda: _log(client, folder, evidence, assessment, verdict, facts))


def _log(
    client: MlflowClient,
    folder: Path,
    evidence: Evidence,
    assessment: Assessment,
    verdict: RunVerdict,
    facts: InventoryFacts,
) -> Logged:
    model = facts.uri.removeprefix("models:/")
    logged = client.get_logged_model(model)
    run = _run_for(client, logged.experiment_id, assessment)
    datasets = _datasets(client, evidence, folder)
    log_inputs(client, run, model, datasets)
    # MLflow keeps a run's metric once however often it is sent, but refuses to link it to a model again.
    linked = {m.key for m in logged.metrics or () if m.run_id == run}
    metrics = [m for m in _metrics(evidence, assessment, facts, datasets) if m.key not in linked]
    for start in range(0, len(metrics), _BATCH):
        client.log_batch(run, metrics=metrics[start : start + _BATCH])
    tags = _tags(evidence, assessment, verdict, run, facts.version) | _sealed(folder)
    _leave_folder(client, run, folder, tags)
    client.set_terminated(run, "FINISHED")
    _tag_model(client, model, facts, tags)
    return _where(logged.experiment_id, run)


def despite_others(write: Callable[[], T]) -> T:
    """Write again, after a pause, where another client wrote the same at the same moment.

    MLflow looks whether a data set or tag is there and then adds it: of two that do so at once, one is refused by the
    database. ``write`` may be called several times.
    """
    from mlflow.exceptions import MlflowException

    for pause in _PAUSES:
        try:
            return write()
        except MlflowException as error:
            if not any(sign in str(error) for sign in _COLLISION):
                raise
            time.sleep(pause)
    return write()


def log_into(
    run: str, folder: Path, evidence: Evidence, assessment: Assessment, verdict: RunVerdict, model: str | None
) -> Logged:
    """Add an assessment to a run that is somebody else's: run folder and tags, not the metrics.

    Parameters
    ----------
    run
        Id of the MLflow run.
    folder, evidence, assessment, verdict
        As for :func:`log_assessment`.
    model
        Id of the logged model (``m-…``) that the verdict is left with, if there is one.
    """
    with _written(folder) as client:
        tags = _tags(evidence, assessment, verdict, run, None) | _sealed(folder)
        _leave_folder(client, run, folder, tags)
        if model:
            despite_others(lambda: client.set_logged_model_tags(model, _of_model(tags)))
        return _where(client.get_run(run).info.experiment_id, run)


@contextmanager
def _written(folder: Path) -> Iterator[MlflowClient]:
    what, do = "the assessment could not be written to MLflow", f"when the store is up: qmtestbed log {folder}"
    with mlflow_errors(what, str(folder), do):
        yield connect(what, str(folder))


def _where(experiment: str, run: str) -> Logged:
    return Logged(tracking_store(), experiment, run, web_page(f"/experiments/{experiment}/runs/{run}"))


def _leave_folder(client: MlflowClient, run: str, folder: Path, tags: Mapping[str, str]) -> None:
    """Keep the run folder as artifacts, all but what children printed, and the summary as the run's description."""
    from mlflow.entities import RunTag

    for path in sorted(folder.iterdir()):
        if path.is_file():
            client.log_artifact(run, str(path), FOLDER)
        elif path.name != "logs":
            client.log_artifacts(run, str(path), f"{FOLDER}/{path.name}")
    described = {**tags, "mlflow.note.content": (folder / "summary.md").read_text("utf-8")[:7_000]}
    client.log_batch(run, tags=[RunTag(key, value) for key, value in described.items()])


def fetch_assessment(run: str, bundle: str) -> Path | None:
    """Fetch the run folder of an assessment that was written; ``None`` if it is gone, or not the one that was written.

    ``bundle`` is the SHA-256 of its ``bundle.json``, as the version's tags have it.
    """
    mlflow = import_mlflow()
    from mlflow.exceptions import MlflowException

    try:
        path = mlflow.artifacts.download_artifacts(run_id=run, artifact_path=FOLDER, dst_path=str(scratch() / run))
    except (MlflowException, OSError):
        return None
    listed = Path(path, "bundle.json")
    return Path(path) if listed.is_file() and sha256_of_file(listed) == bundle else None


def assessed_model(inventories: Mapping[str, InventoryFacts], where: str) -> InventoryFacts:
    """Give the logged model that a run is about: the inventory called model, else the only one of MLflow.

    Raises
    ------
    ModelError
        There is none, or it can't be told which.
    """
    known = {n: f for n, f in inventories.items() if f.flavour and f.uri.startswith("models:/m-")}
    if "model" in known:
        return known["model"]
    if len(known) == 1:
        return next(iter(known.values()))
    do = "assess a model by models:/… or runs:/…; with several, call the one that the run is about 'model'"
    found = ", ".join(known) or "no model of MLflow"
    raise ModelError(Problem("nothing can be written to MLflow: which model is it about?", where, found, do))


def _run_for(client: MlflowClient, experiment: str, assessment: Assessment) -> str:
    """Give the MLflow run of this assessment, made if there is none."""
    found = client.search_runs([experiment], f"tags.`qmt.run` = '{assessment.run}'", max_results=1)
    if found:
        return str(found[0].info.run_id)
    made = client.create_run(
        experiment, run_name=visible(f"qmtestbed {assessment.component}")[:200], tags={"qmt.run": assessment.run}
    )
    return str(made.info.run_id)


# -- data sets ------------------------------------------------------------------------------------------------


def _datasets(client: MlflowClient, evidence: Evidence, folder: Path) -> dict[str, DatasetInput]:
    """Give every table and images file as a dataset input: the very one that was logged, if it came from MLflow."""
    made = {}
    for name, facts in evidence.info.inventories.items():
        if facts.flavour or facts.rows is None:
            continue
        uri = evidence.plan.inventories[name].uri
        if is_logged(uri):
            made[name] = _logged_before(client, name, uri, facts)
        else:
            made[name] = _as_input(name, facts, (folder / uri).resolve())
    return made


def _logged_before(client: MlflowClient, name: str, uri: str, facts: InventoryFacts) -> DatasetInput:
    from mlflow.entities import DatasetInput, InputTag

    run_id, _, wanted = uri.removeprefix(PREFIX).rpartition("/")
    given = input_of(f"inventory {name!r}", uri, client.get_run(run_id), wanted)
    remember_digest(client, run_id, given.dataset, facts.sha256)
    return DatasetInput(given.dataset, [InputTag(CONTEXT_TAG, name), InputTag(SHA256_TAG, facts.sha256)])


def _as_input(name: str, facts: InventoryFacts, path: Path) -> DatasetInput:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=visible(facts.uri)[:500],
        digest=facts.sha256[:36],
        source_type="local",
        source=json.dumps({"uri": str(path)}),
        profile=json.dumps({"num_rows": facts.rows}),
    )
    return DatasetInput(dataset, [InputTag(CONTEXT_TAG, name), InputTag(SHA256_TAG, facts.sha256)])


def log_inputs(client: MlflowClient, run: str, model: str, datasets: Mapping[str, DatasetInput]) -> None:
    """Link the run to its model and data, each once: MLflow refuses to be told again of a model."""
    from mlflow.entities import LoggedModelInput

    there = client.get_run(run).inputs
    if not (there and there.model_inputs):
        client.log_inputs(run, models=[LoggedModelInput(model)])
    if not (there and there.dataset_inputs):
        client.log_inputs(run, datasets=list(datasets.values()))


# -- metrics --------------------------------------------------------------------------------------------------


def _metrics(
    evidence: Evidence, assessment: Assessment, model: InventoryFacts, datasets: Mapping[str, DatasetInput]
) -> Iterator[Metric]:
    """Give every number of every check, linked to the model and to the data of the check."""
    from mlflow.entities import Metric

    number = (model.version or "").rpartition("/")[2]
    for name, (value, record, bound) in named(evidence, assessment).items():
        data = datasets.get(bound)
        yield Metric(
            name,
            value,
            _milliseconds(record) if record else 0,
            int(number) if number.isdigit() else 0,
            model_id=model.uri.removeprefix("models:/"),
            dataset_name=data.dataset.name if data else None,
            dataset_digest=data.dataset.digest if data else None,
        )


def _milliseconds(record: Record) -> int:
    """Give the time of the measurement: writing it again gives the same metric, and MLflow keeps it once."""
    return int(datetime.fromisoformat(record.started).timestamp() * 1000) if record.started else 0


# -- tags -----------------------------------------------------------------------------------------------------


def _tags(
    evidence: Evidence, assessment: Assessment, verdict: RunVerdict, run: str, version: str | None
) -> dict[str, str]:
    c, e = assessment.headlines.criteria, assessment.headlines.evidence
    evidence_said = f"measured parts {e.measured_supported} of {e.measured_needed}, "
    evidence_said += f"declared parts {e.declared_supported} of {e.declared_needed}"
    layers = [set(r.isolation) for r in evidence.records.values()]
    name, _, number = (version or "").rpartition("/")
    return {
        "qmt.run": assessment.run,
        "qmt.mlflow_run": run,
        "qmt.component": visible(assessment.component)[:500],  # PostgreSQL refuses U+0000
        "qmt.model": name,
        "qmt.version": number,
        "qmt.as_of": assessment.as_of,
        "qmt.verdict": verdict,
        "qmt.criteria": _criteria(c),
        "qmt.evidence": evidence_said if e.level_asked else "no level asked for",
        "qmt.plan": hashlib.sha256(canonical(evidence.plan)).hexdigest()[:12],
        "qmt.data": visible(_data_of(evidence))[:1000],
        "qmt.guidelines": visible(", ".join(assessment.guidelines)),
        "qmt.isolation": ", ".join(sorted(set.intersection(*layers))) if layers else "",
    }


def _criteria(c: CriteriaHeadline) -> str:
    counts = f"{c.met} of {c.judged} met, {c.not_met} not met, {c.undetermined} undetermined"
    return counts + (f"; of these waived: {c.waived.criteria}" if c.waived else "")


def _sealed(folder: Path) -> dict[str, str]:
    return {"qmt.bundle": sha256_of_file(folder / "bundle.json")}


def _data_of(evidence: Evidence) -> str:
    """Name the data that the checks are about, by name and digest."""
    bound = sorted({d for c in evidence.plan.checks.values() if isinstance(d := c.with_.get("data"), str)})
    known = evidence.info.inventories
    return ", ".join(f"{name} {known[name].sha256[:12]}" for name in bound if name in known)


def _of_model(tags: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in tags.items() if k not in ("qmt.model", "qmt.version")}


def _tag_model(client: MlflowClient, model: str, facts: InventoryFacts, tags: Mapping[str, str]) -> None:
    """Leave the verdict, and where it is from, with the logged model and with the version that was assessed.

    Not if a later assessment is there already: an earlier run that is sent once more does not take its place.
    """
    left = _of_model(tags)
    if _is_latest(client, client.get_logged_model(model).tags, tags):
        client.set_logged_model_tags(model, left)
    name, _, number = (facts.version or "").rpartition("/")
    if name and _is_latest(client, client.get_model_version(name, number).tags, tags):
        for key, value in left.items():
            client.set_model_version_tag(name, number, key, value)


def _is_latest(client: MlflowClient, there: Mapping[str, str], tags: Mapping[str, str]) -> bool:
    """Whether no later assessment left its tags: by its day, then by when its MLflow run was made."""
    from mlflow.exceptions import MlflowException

    known, ours = there.get("qmt.mlflow_run"), tags["qmt.mlflow_run"]
    if not known or known == ours:
        return True
    if there.get("qmt.as_of", "") != tags["qmt.as_of"]:
        return there.get("qmt.as_of", "") < tags["qmt.as_of"]
    try:
        made = int(client.get_run(known).info.start_time or 0)
    except MlflowException:  # it was deleted
        return True
    return made <= int(client.get_run(ours).info.start_time or 0)
