"""Assessments of a registered model over its versions, from what was written to MLflow and nothing else."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Container, Iterator, Mapping
from typing import TYPE_CHECKING

from qmtestbed.errors import ModelError, Problem, suggestion
from qmtestbed.tracking.connection import connect, mlflow_errors, web_page
from qmtestbed.types.history import Assessed, Number

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_PAGE = 1000


def history(name: str) -> tuple[Assessed, ...]:
    """List every assessment of a registered model, oldest version first, and by time within a version.

    Raises
    ------
    ModelError
        No such model, or a store that can't be reached.
    """
    if name.startswith("models:"):
        bare = re.split("[@/]", name.removeprefix("models:/"))[0]
        raise ModelError(
            Problem("the history is that of a registered model, not of one version", name, do=f"give {bare}")
        )
    what, where = f"the history of {name}", f"models:/{name}"
    with mlflow_errors(f"{what} can't be read", where, "MLFLOW_TRACKING_URI names the store"):
        client = connect(what, where)
        aliases = _aliases(client, name)
        there = {str(v.version) for v in client.search_model_versions(f"name='{_quoted(name)}'")}
        runs = sorted(_runs(client, name), key=_order)
        return tuple(_assessed(run, aliases, there) for run in runs)


def _aliases(client: MlflowClient, name: str) -> Mapping[str, str]:
    from mlflow.exceptions import MlflowException

    try:
        return {alias: str(number) for alias, number in client.get_registered_model(name).aliases.items()}
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
    known = [m.name for m in client.search_registered_models(max_results=_PAGE)]
    do = suggestion(name, known) or "the registry is empty: is MLFLOW_TRACKING_URI the right one?"
    raise ModelError(Problem(f"no registered model {name!r}", f"models:/{name}", do=do))


def _runs(client: MlflowClient, name: str) -> Iterator[Run]:
    """Find the runs of assessments in the experiments that the versions' models were logged in."""
    experiments = sorted(_experiments(client, name))
    token = None
    while experiments:
        found = client.search_runs(
            experiments, f"tags.`qmt.model` = '{_quoted(name)}'", max_results=_PAGE, page_token=token
        )
        yield from found
        token = found.token
        if not token:
            return


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _experiments(client: MlflowClient, name: str) -> set[str]:
    from mlflow.exceptions import MlflowException

    experiments = set()
    for version in client.search_model_versions(f"name='{_quoted(name)}'"):
        model = (version.source or "").removeprefix("models:/")
        with contextlib.suppress(MlflowException):  # one that was deleted has no assessments to show
            if model.startswith("m-"):
                experiments.add(str(client.get_logged_model(model).experiment_id))
    return experiments


def _order(run: Run) -> tuple[int, str, int]:
    number = run.data.tags.get("qmt.version", "")
    return (int(number) if number.isdigit() else 0, run.data.tags.get("qmt.as_of", ""), int(run.info.start_time or 0))


def _assessed(run: Run, aliases: Mapping[str, str], there: Container[str]) -> Assessed:
    tags = run.data.tags
    version = tags.get("qmt.version", "")
    return Assessed(
        version=version,
        there=version in there,
        aliases=tuple(sorted(a for a, number in aliases.items() if number == version)),
        as_of=tags.get("qmt.as_of", ""),
        verdict=tags.get("qmt.verdict", ""),
        criteria=tags.get("qmt.criteria", ""),
        component=tags.get("qmt.component", ""),
        plan=tags.get("qmt.plan", ""),
        data=tags.get("qmt.data", ""),
        measures=_measures(run.data.metrics),
        run=run.info.run_id,
        page=web_page(f"/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"),
    )


def _measures(metrics: Mapping[str, float]) -> dict[str, Number]:
    """Put the parts of each estimate together again."""
    ours = {k.removeprefix("qmt/"): v for k, v in metrics.items() if k.startswith("qmt/") and math.isfinite(v)}
    names = [k for k in ours if not any(k.endswith(e) and k.removesuffix(e) in ours for e in (".low", ".high", ".n"))]
    return {
        k: Number(
            ours[k], ours.get(f"{k}.low"), ours.get(f"{k}.high"), int(ours[f"{k}.n"]) if f"{k}.n" in ours else None
        )
        for k in sorted(names)
    }
