"""Against a real ``mlflow server`` on loopback: artifacts through the server, four clients at once."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest

from qmtestbed.tracking.history import history
from qmtestbed.tracking.versions import bearer_of, find_version
from qmtestbed.tracking.writing import despite_others, log_inputs
from tests.conftest import Store

from .conftest import four_at_once

PLAN = """
schema: qmtestbed/plan/v1
component: visits
seed: {seed}
inventories:
  model: models:/visits@candidate
  test: {{uri: {data}, label: churned, positive: "yes", id: customer}}
checks:
  performance:
    ait: classification_performance
    with: {{model: model, data: test}}
    expect: [accuracy >= 0.5]
"""


@dataclass(frozen=True)
class Server:
    """A server with the registered model visits: version 1 is champion, 2 is candidate."""

    uri: str
    folder: Path
    client: Any


@pytest.fixture(scope="module")
def server(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shutil.copy(store.folder / "mlflow.db", folder / "mlflow.db")  # migrating a fresh one takes seconds
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}",
        "--artifacts-destination", str(folder / "artifacts"),
    ]  # fmt: skip
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    uri = f"http://127.0.0.1:{port}"
    try:
        wait_for(uri, process, folder / "server.log")
        shutil.copy(store.folder / "test.parquet", folder)
        yield Server(uri, folder, filled(uri, store))
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


def wait_for(uri: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(f"{uri}/health", timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"the server did not come up: {log.read_text()[-2000:]}")


def filled(uri: str, store: Store) -> Any:
    """Log a small model twice, its files through the server."""
    from sklearn.linear_model import LogisticRegression

    train = pd.read_parquet(store.folder / "train.parquet")
    x = train[["age", "visits"]]
    client = mlflow.MlflowClient(uri, uri)
    mlflow.set_tracking_uri(uri)
    try:
        experiment = mlflow.create_experiment("through the server")
        for alias in ("champion", "candidate"):
            with mlflow.start_run(experiment_id=experiment):
                made = mlflow.sklearn.log_model(
                    LogisticRegression().fit(x, train["churned"]), name="model", registered_model_name="visits",
                    pip_requirements=["scikit-learn"], signature=mlflow.models.infer_signature(x, train["churned"]),
                )  # fmt: skip
            client.set_registered_model_alias("visits", alias, made.registered_model_version)
    finally:
        mlflow.set_tracking_uri(None)
    return client


def test_four_clients_at_once(server: Server, tmp_path: Path) -> None:
    processes = []
    for seed in range(4):
        (tmp_path / f"{seed}.yaml").write_text(PLAN.format(seed=seed, data=server.folder / "test.parquet"), "utf-8")
        words = ["run", f"{seed}.yaml", "--out", f"r{seed}", "--log", "--jobs=1"]
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", "qmtestbed", *words],
                cwd=tmp_path,
                env={**os.environ, "MLFLOW_TRACKING_URI": server.uri},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    said = [(*p.communicate(timeout=180), p.returncode) for p in processes]
    assert [code for _, _, code in said] == [0, 0, 0, 0], said
    assert all(f"MLflow:   {server.uri}/#/experiments/" in out for out, _, _ in said), [err for _, err, _ in said]
    runs = [r for r in server.client.search_runs(experiments(server)) if r.data.tags.get("qmt.version") == "2"]
    assert len(runs) == 4 and len({r.data.tags["qmt.run"] for r in runs}) == 4
    assert all(r.info.status == "FINISHED" for r in runs)
    whole = [dict(r.data.metrics) for r in runs]
    assert all(w == whole[0] for w in whole) and len(whole[0]) > 10
    path = Path(server.client.download_artifacts(runs[0].info.run_id, "qmtestbed/report.html", str(tmp_path)))
    page = path.read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>") and f'href="{server.uri}/#/experiments/' in page


def experiments(server: Server) -> list[str]:
    return [e.experiment_id for e in server.client.search_experiments()]


def test_the_history_links_to_the_website(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    found = history("visits")
    assert found and all(a.page and a.page.startswith(f"{server.uri}/#/experiments/") for a in found)


def test_of_four_gates_at_once_one_wins(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    version, before = find_version("test", "models:/visits@candidate"), bearer_of("visits", "champion")
    assert before is not None and before.number == "1"
    said = four_at_once(version, before)
    assert said.count("won") == 1 and len(said) == 4, said
    assert str(server.client.get_model_version_by_alias("visits", "champion").version) == "2"


def test_nothing_that_was_downloaded_stays(server: Server, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN.format(seed=9, data=server.folder / "test.parquet"), "utf-8")
    (tmp_path / "tmp").mkdir()
    environment = {**os.environ, "MLFLOW_TRACKING_URI": server.uri, "TMPDIR": str(tmp_path / "tmp")}
    command = [sys.executable, "-m", "qmtestbed", "run", "plan.yaml", "--dry-run"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_data_set_that_four_name_first_at_one_moment(server: Server) -> None:
    """MLflow looks whether it knows a data set and then adds it: of clients that do so at once, some are refused."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    version = server.client.get_model_version("visits", "1")
    model, runs = version.source.removeprefix("models:/"), []
    for attempt in range(6):
        given = DatasetInput(Dataset(f"new {attempt}", f"digest{attempt}", "local", "{}"), [InputTag("a", "b")])
        made = [server.client.create_run(version_experiment(server, model)).info.run_id for _ in range(4)]
        start, said = threading.Barrier(4), []

        def name_it(run: str, given: Any = given, start: threading.Barrier = start, said: list[str] = said) -> None:
            start.wait()
            try:
                despite_others(lambda: log_inputs(server.client, run, model, {"test": given}))
            except mlflow.exceptions.MlflowException as error:
                said.append(str(error))

        threads = [threading.Thread(target=name_it, args=(run,)) for run in made]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert said == []
        runs += made
    assert all(len(server.client.get_run(run).inputs.dataset_inputs) == 1 for run in runs)


def version_experiment(server: Server, model: str) -> str:
    return str(server.client.get_logged_model(model).experiment_id)
