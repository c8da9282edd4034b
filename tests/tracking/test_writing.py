"""What is written back to MLflow: the numbers of the records, linked to model and data, once however often."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import qmtestbed
from qmtestbed.ait import Estimate
from qmtestbed.errors import ExitCode, ModelError
from qmtestbed.pipeline import Outcome
from qmtestbed.pipeline.conclude import conclude
from qmtestbed.tracking.writing import fetch_assessment

from .conftest import Registry


def test_an_assessment_stands_beside_its_model(registry: Registry) -> None:
    outcome = qmtestbed.run("plan.yaml", out="r", log=True)
    assert outcome.logged is not None and outcome.not_logged == "" and outcome.exit_code == ExitCode.MET
    run = registry.client.get_run(outcome.logged.run)
    assert run.info.status == "FINISHED"
    assert run.info.experiment_id == registry.client.get_logged_model(registry.model_id).experiment_id

    record = outcome.evidence.record_of("performance")
    assert record is not None
    accuracy = record.measures["accuracy"].value
    assert isinstance(accuracy, Estimate)
    metrics = run.data.metrics
    prefix = "qmt/performance/accuracy"
    assert [metrics[prefix + e] for e in ("", ".low", ".high", ".n")] == [
        accuracy.value, accuracy.low, accuracy.high, accuracy.n,
    ]  # fmt: skip
    recall = record.measures["recall"].by_key
    assert recall is not None and isinstance(recall["yes"], Estimate)
    assert metrics["qmt/performance/recall/yes"] == recall["yes"].value
    assert (metrics["qmt/criteria_met"], metrics["qmt/criteria_not_met"]) == (2, 0)

    full = registry.client.get_run(outcome.logged.run)
    assert [m.model_id for m in full.inputs.model_inputs] == [registry.model_id]
    (given,) = full.inputs.dataset_inputs
    tags = {t.key: t.value for t in given.tags}
    assert tags == {
        "mlflow.data.context": "test",
        "qmtestbed.sha256": outcome.evidence.info.inventories["test"].sha256,
    }
    linked = {m.key: m for m in registry.client.get_logged_model(registry.model_id).metrics}
    assert linked[prefix].run_id == outcome.logged.run and linked[prefix].dataset_name == "test.parquet"

    left = registry.tags("2")
    assert (left["qmt.verdict"], left["qmt.run"], left["qmt.mlflow_run"]) == (
        "met", outcome.assessment.run, outcome.logged.run,
    )  # fmt: skip
    assert registry.client.get_logged_model(registry.model_id).tags["qmt.verdict"] == "met"
    assert "qmt.verdict" not in registry.tags("1")  # the same logged model, but it was not asked about
    kept = {a.path for a in registry.client.list_artifacts(outcome.logged.run, "qmtestbed")}
    assert {"qmtestbed/report.html", "qmtestbed/bundle.json", "qmtestbed/records"} <= kept
    assert "qmtestbed/logs" not in kept
    assert json.loads(Path("r/mlflow.json").read_text())["run"] == outcome.logged.run
    fetched = fetch_assessment(outcome.logged.run, left["qmt.bundle"])
    assert fetched is not None
    assert qmtestbed.verify("r").whole and qmtestbed.verify(fetched).whole


def test_writing_again_changes_nothing(registry: Registry) -> None:
    outcome = qmtestbed.run("plan.yaml", out="r", log=True)
    before = state_of(registry)
    again = qmtestbed.log("r")
    assert again == outcome.logged
    assert state_of(registry) == before


def state_of(registry: Registry) -> object:
    runs = registry.client.search_runs(["0"], "tags.`qmt.run` != ''")
    linked = registry.client.get_logged_model(registry.model_id).metrics
    return (
        [(r.info.run_id, r.data.metrics, {k: v for k, v in r.data.tags.items() if k.startswith("qmt")}) for r in runs],
        sorted((m.key, m.value, m.timestamp) for m in linked),
        registry.tags("2"),
    )


def test_four_at_once_on_one_file(registry: Registry) -> None:
    """SQLite takes one writer at a time: the others wait, and every assessment is there in full."""
    processes = []
    for seed in range(4):
        Path(f"{seed}.yaml").write_text(f"seed: {seed}{registry.plan().read_text()}", "utf-8")
        command = [sys.executable, "-m", "qmtestbed", "run", f"{seed}.yaml", "--out", f"r{seed}", "--log", "--jobs=1"]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    said = [(*p.communicate(timeout=180), p.returncode) for p in processes]
    assert [code for _, _, code in said] == [0, 0, 0, 0] and not any("not written" in err for _, err, _ in said), said
    runs = registry.client.search_runs(["0"], "tags.`qmt.run` != ''")
    assert len({r.data.tags["qmt.run"] for r in runs}) == len(runs) == 4
    assert {len(r.data.metrics) for r in runs} == {len(runs[0].data.metrics)} and len(runs[0].data.metrics) > 10
    linked = [m for m in registry.client.get_logged_model(registry.model_id).metrics if m.key.startswith("qmt/")]
    assert len(linked) == sum(len(r.data.metrics) for r in runs)


def test_a_server_that_is_down_costs_no_verdict(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    def and_then_the_server_goes(*arguments: Any) -> Outcome:
        outcome = conclude(*arguments)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        return outcome

    monkeypatch.setattr(sys.modules["qmtestbed.pipeline.run"], "conclude", and_then_the_server_goes)
    outcome = qmtestbed.run("plan.yaml", out="r", log=True)
    assert outcome.exit_code == ExitCode.MET and outcome.logged is None
    assert "the tracking server does not answer" in outcome.not_logged
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.uri)
    assert qmtestbed.log("r").run
    assert registry.tags("2")["qmt.verdict"] == "met"


def test_refused_before_anything_runs(registry: Registry, tmp_path: Path) -> None:
    plan = registry.plan("  model: models:/churn@candidate\n", "")
    text = plan.read_text().replace("ait: classification_performance", "ait: data_completeness")
    plan.write_text(text.replace("model: model, ", "").replace('[accuracy >= 0.7 at 95%, "recall[yes] >= 0.5"]', "[]"))
    with pytest.raises(ModelError, match="which model is it about"):
        qmtestbed.run(plan, out="r", log=True)
    assert not (tmp_path / "r").exists()


def test_names_that_mlflow_would_refuse() -> None:
    from qmtestbed.tracking.metrics import free_name, plain

    assert [plain(t) for t in ("a/b", "x[1]", "", "..", "日本 語", "a\nb")] == [
        "a_b",
        "x_1_",
        "_",
        "_",
        "日本 語",
        "a_b",
    ]
    assert free_name("a", {"a", "a:2"}) == "a:3"
    assert len(free_name("x" * 400, {"x" * 242})) <= 250


def test_an_earlier_run_that_is_sent_again_takes_nobodys_place(registry: Registry) -> None:
    qmtestbed.run("plan.yaml", out="a", log=True)
    registry.plan("accuracy >= 0.7", "accuracy >= 0.999")
    later = qmtestbed.run("plan.yaml", out="b", log=True)
    assert later.logged is not None and registry.tags("2")["qmt.verdict"] == "not_met"
    qmtestbed.log("a")
    assert registry.tags("2")["qmt.verdict"] == "not_met"
    assert registry.tags("2")["qmt.mlflow_run"] == later.logged.run


def test_keys_that_look_like_parts_of_an_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes called x, x.low and x.n: each value, and each end of each interval, has a name of its own."""
    from types import SimpleNamespace

    from qmtestbed.tracking import metrics
    from qmtestbed.tracking.history import _measures
    from qmtestbed.types.values import MeasureValue

    keys = ["x", "x.low", "x.n", "x_low", "a/b", "a_b"]
    by_key = {k: Estimate(0.5 + i / 100, 0.4 + i / 100, 0.6 + i / 100, 0.95, 10 + i) for i, k in enumerate(keys)}
    record = SimpleNamespace(measures={"recall": MeasureValue(by_key)}, started="")
    headline = SimpleNamespace(met=0, not_met=0, undetermined=0, waived=None)
    assessment = SimpleNamespace(headlines=SimpleNamespace(criteria=headline), checks=[SimpleNamespace(id="c")])
    plan = SimpleNamespace(checks={"c": SimpleNamespace(with_={"data": "test"})})
    evidence = SimpleNamespace(plan=plan, record_of=lambda _: record)
    numbers = metrics.numbers(evidence, assessment)  # type: ignore[arg-type]
    read = _measures(numbers)
    names = ["x", "x_low", "x_n", "x_low:2", "a_b", "a_b:2"]
    assert {n: (e.value, e.low, e.high, e.n) for n, e in zip(names, by_key.values(), strict=True)} == {
        k.removeprefix("c/recall/"): (v.value, v.low, v.high, v.n) for k, v in read.items() if k.startswith("c/recall/")
    }


def test_a_collision_with_another_client_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.exceptions import MlflowException

    from qmtestbed.tracking import writing

    monkeypatch.setattr(writing, "_PAUSES", (0.0, 0.0))
    said = ["(sqlite3.IntegrityError) UNIQUE constraint failed: datasets.name", "database is locked"]

    def write() -> str:
        if said:
            raise MlflowException(said.pop(0))
        return "written"

    assert writing.despite_others(write) == "written"
    said[:] = ["(psycopg2) duplicate key value"] * 3
    with pytest.raises(MlflowException, match="duplicate key"):
        writing.despite_others(write)
    said[:] = ["no such experiment"]
    with pytest.raises(MlflowException, match="no such experiment"):
        writing.despite_others(write)
    assert said == []


def test_credentials_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    from qmtestbed.tracking.connection import shown_store

    assert shown_store("https://ann:secret@host:5000/x") == "https://***@host:5000/x"
    assert shown_store("sqlite:///a.db") == "sqlite:///a.db"
