"""The files of a model that is refused: they are measured, the model is not loaded, and nothing passes for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import qmtestbed
from qmtestbed import pipeline
from qmtestbed.ait import Roles, Subject
from qmtestbed.pipeline import Options
from qmtestbed.types.values import point

TABLE = "a,y\n" + "".join(f"{i}.5,{'yes' if i % 3 else 'no'}\n" for i in range(30))
MLMODEL = "flavors:\n  sklearn: {pickled_model: model.pkl, serialization_format: pickle, sklearn_version: 1.9.1}\n"
PLAN = """
schema: qmtestbed/plan/v1
component: hostile
inventories:
  model: {uri: model}
  test: {uri: test.csv, label: y}
checks:
  performance: {ait: classification_performance, with: {model: model, data: test}, expect: [accuracy >= 0.1]}
  files: {ait: model_file_safety, with: {model: model}, expect: [dangerous_count <= 0, unscannable_count <= 0]}
"""
ONLY_FILES = PLAN.replace("performance:", "#")


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a plan whose model makes a folder, were it loaded."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.pkl").write_bytes(f"cposix\nmkdir\n(S'{tmp_path / 'marker'}'\ntR.".encode())
    (tmp_path / "model" / "MLmodel").write_text(MLMODEL)
    (tmp_path / "test.csv").write_text(TABLE)
    (tmp_path / "plan.yaml").write_text(PLAN, "utf-8")
    return tmp_path


def test_a_refused_model_is_measured_by_its_files_and_by_nothing_else(hostile: Path) -> None:
    outcome = qmtestbed.run("plan.yaml", out="out", language="ja")
    assert int(outcome.exit_code) == 1
    verdicts = {c.id: c.verdict for c in outcome.assessment.checks}
    assert verdicts == {"performance": "undetermined", "files": "not_met"}
    refused, files = (outcome.evidence.record_of(id) for id in ("performance", "files"))
    assert refused is not None and files is not None
    assert refused.status == "failed" and "was not loaded" in str(refused.error)
    assert files.status == "measured" and point(files.measures["dangerous_count"].value) == 1  # type: ignore[arg-type]
    assert files.items is not None and (files.items.planned, files.items.measured) == (2, 2)
    assert files.environment.libraries.keys() >= {"modelscan", "skops"} and "torch" not in files.environment.libraries
    (finding,) = outcome.assessment.findings
    assert finding.kind == "unsafe_file" and finding.subject == Subject(file="model.pkl")
    assert "model.pkl names posix.mkdir, known from attacks (modelscan " in finding.text
    page = outcome.page.read_text("utf-8")
    assert "安全と言えないファイル" in page and "ファイル model.pkl" in page and "unpickled: runs code" in page
    assert not (hostile / "marker").exists()
    assert qmtestbed.verify("out").whole


def test_nothing_is_loaded_to_look_at_files_so_nothing_need_be_trusted(hostile: Path) -> None:
    Path("plan.yaml").write_text(ONLY_FILES, "utf-8")
    for out, options in (("strict", {"trust": "strict"}), ("bare", {"isolation": "none"})):
        outcome = qmtestbed.run("plan.yaml", out=out, **options)
        assert [r.kind for r in outcome.evidence.records.values()] == ["measure"] and int(outcome.exit_code) == 1
    Path("plan.yaml").write_text(PLAN, "utf-8")
    with pytest.raises(qmtestbed.InputError, match="--trust strict loads no such model"):
        qmtestbed.run("plan.yaml", out="no", trust="strict")
    assert not (hostile / "marker").exists()


def drafted(subject: pipeline.Subject) -> Any:
    return pipeline.draft(subject, Options(cache=False))


def test_evaluate_takes_it_wherever_there_is_a_model(hostile: Path) -> None:
    found = drafted(pipeline.Subject("model", "test.csv", Roles(label="y")))
    assert found.probe.status == "failed" and "posix.mkdir" in str(found.probe.error)
    check = found.loaded.plan.checks["model_file_safety"]
    assert check.with_ == {"model": "model"} and len(check.expect) == 3
    assert found.loaded.plan.checks["classification_performance"].with_["model"] == "model"
    Path("said.csv").write_text("predicted\n" + "yes\n" * 30)
    of_predictions = drafted(pipeline.Subject(None, "test.csv", Roles(label="y"), predictions="said.csv"))
    why = {x.ait: x.why for x in of_predictions.left_out}["model_file_safety"]
    assert why == "it needs the model itself; only predictions were given"
    assert not (hostile / "marker").exists()


def test_what_is_no_model_has_no_files_to_look_at(hostile: Path, cli_here: Any) -> None:
    for bound, said in (("{uri: test.csv}", "no such model"), ("{uri: nowhere}", "no such model")):
        Path("plan.yaml").write_text(ONLY_FILES.replace("{uri: model}", bound), "utf-8")
        done = cli_here("run", "plan.yaml", "--out", "no")
        assert done.returncode == 4 and said in done.stderr, done.stderr
    Path("model/MLmodel").unlink()
    Path("plan.yaml").write_text(ONLY_FILES, "utf-8")
    assert "no MLmodel file" in cli_here("run", "plan.yaml", "--out", "no").stderr
