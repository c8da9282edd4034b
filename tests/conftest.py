"""Fixtures for all tests: a catalogue, a real MLflow store with logged models, and the command line as a process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qmtestbed.catalogue import Catalogue

CHECKOUT = Path(__file__).resolve().parents[1]

# No test uses or fills the user's own store; those with a run of their own per module share this one.
os.environ["QMTESTBED_STORE"] = tempfile.mkdtemp(prefix="qmt-store-")

# ONNX Runtime reads it when it is imported: nothing is sent from here.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


@pytest.fixture(autouse=True)
def own_store(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a store of its own."""
    path = tmp_path_factory.mktemp("qmt-store")
    monkeypatch.setenv("QMTESTBED_STORE", str(path))
    return path


@pytest.fixture(scope="session")
def shared_records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records for tests that are not about how they are made: nothing need be measured twice for them."""
    return tmp_path_factory.mktemp("records")


@pytest.fixture
def shared_store(own_store: Path, shared_records: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Take the shared records in place of a store of the test's own."""
    monkeypatch.setenv("QMTESTBED_STORE", str(shared_records))
    return shared_records


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The root of the checkout."""
    return CHECKOUT


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """What ships with the package."""
    return Catalogue()


@pytest.fixture
def only_aits(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Let the catalogue hold the AITs named and no others: ``evaluate`` runs all that fit, some forty of them."""

    def choose(*ids: str) -> Path:
        content = tmp_path_factory.mktemp("content")
        for kind in ("guidelines", "reports"):
            (content / kind).symlink_to(CHECKOUT / kind)
        for id in ids:
            left = shutil.ignore_patterns("example", "__pycache__")
            shutil.copytree(CHECKOUT / "aits" / id, content / "aits" / id, ignore=left)
        monkeypatch.setattr("qmtestbed.catalogue.content_root", lambda: content)
        return content

    return choose


@dataclass(frozen=True)
class Store:
    """A SQLite MLflow store with two registered models, and the tables they were trained and are tested on."""

    folder: Path
    uri: str

    @property
    def environment(self) -> dict[str, str]:
        """Environment that points MLflow at this store."""
        return {**os.environ, "MLFLOW_TRACKING_URI": self.uri, "MLFLOW_DISABLE_TELEMETRY": "true"}


def churn_table(rows: int, seed: int) -> pd.DataFrame:
    """A small table whose label follows from two of its columns, with noise; one column is text."""
    rng = np.random.default_rng(seed)
    age, visits = rng.integers(18, 80, rows), rng.normal(5, 2, rows)
    plan = rng.choice(["basic", "plus"], rows)
    score = 0.05 * (age - 45) + 0.6 * (visits - 5) + (plan == "plus") + rng.normal(0, 0.7, rows)
    return pd.DataFrame(
        {
            "customer": [f"c{i}" for i in range(rows)],
            "age": age,
            "visits": visits.round(3),
            "plan": plan,
            "churned": np.where(score > 0.5, "yes", "no"),
            "spend": (20 + 3 * visits + (age - 45) * 0.2 + rng.normal(0, 1, rows)).round(3),
        }
    )


LOGGING = """
import logging, os, sys
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
import mlflow, pandas as pd
from mlflow.models import infer_signature
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
logging.getLogger("mlflow").setLevel(logging.ERROR)
train = pd.read_parquet("train.parquet")
x = train[["age", "visits", "plan"]]
encode = lambda: make_column_transformer((OneHotEncoder(), ["plan"]), remainder="passthrough")
classifier = make_pipeline(encode(), LogisticRegression(max_iter=2000)).fit(x, train["churned"])
regressor = make_pipeline(encode(), LinearRegression()).fit(x, train["spend"])

class Scores(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        import pickle
        with open(context.artifacts["model"], "rb") as stream:
            self.model = pickle.load(stream)
    def predict(self, context, model_input, params=None):
        return self.model.predict_proba(model_input)

import pickle
with open("model.pkl", "wb") as stream:
    pickle.dump(classifier, stream)
client = mlflow.MlflowClient()
for name, model, y in (("churn", classifier, "churned"), ("spend", regressor, "spend")):
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(
            model, name="model", registered_model_name=name, pip_requirements=["scikit-learn"],
            signature=infer_signature(x, model.predict(x)),
            serialization_format="cloudpickle" if name == "spend" else "skops")
        open(f"{name}.txt", "w").write(f"{run.info.run_id} {info.model_id}")
    client.set_registered_model_alias(name, "champion", 1)
with mlflow.start_run():
    mlflow.pyfunc.log_model(name="model", python_model=Scores(), registered_model_name="scores",
                            artifacts={"model": "model.pkl"}, pip_requirements=["scikit-learn"])
client.set_registered_model_alias("scores", "champion", 1)
"""


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store made once: models churn (skops), spend (cloudpickle), scores (pyfunc), all with alias champion."""
    folder = tmp_path_factory.mktemp("store")
    for name, rows, seed in (("train", 600, 1), ("test", 300, 2)):
        churn_table(rows, seed).to_parquet(folder / f"{name}.parquet")
    churn_table(300, 2).to_csv(folder / "test.csv", index=False)
    made = Store(folder, f"sqlite:///{folder / 'mlflow.db'}")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOGGING],
        cwd=folder,
        env=made.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return made


PLAN = """
schema: qmtestbed/plan/v1
component: churn
guideline: mlqm@3
levels: {performance: AIPL-1}
inventories:
  model: models:/churn@champion
  test: {uri: test.parquet, label: churned, positive: "yes", id: customer, ignore: [spend]}
  train: {uri: train.parquet, label: churned, positive: "yes", id: customer, ignore: [spend]}
checks:
  performance:
    ait: classification_performance
    with: {model: model, data: test}
    expect: [accuracy >= 0.7 at 95%, "recall[yes] >= 0.5"]
  completeness:
    ait: data_completeness
    with: {data: test}
    expect: [value_completeness >= 0.99]
declarations:
  - {requirement: A-1-L1-1, statement: Hazards were listed, file: hazards.md, by: QA, date: 2026-01-01}
  - {requirement: C-1-L1-1, statement: Limits were fixed before the test, by: QA, date: 2026-01-01, until: 2027-01-01}
"""


@pytest.fixture
def project(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as a user has it: plan.yaml, its tables and a declared file; MLflow points at the store."""
    for name in ("train.parquet", "test.parquet", "test.csv"):
        shutil.copy(store.folder / name, tmp_path)
    (tmp_path / "plan.yaml").write_text(PLAN, "utf-8")
    (tmp_path / "hazards.md").write_text("# Hazards\n", "utf-8")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    monkeypatch.chdir(tmp_path)
    return tmp_path


Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    """Run ``python -m qmtestbed …`` as a process in the test's folder."""

    def call(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "qmtestbed", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=180,
        )

    yield call


@pytest.fixture
def cli_here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run the command line in this process and folder: MLflow is imported once and not with every call."""
    from qmtestbed.cli.app import main

    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # put back what main replaces

    def call(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(a) for a in arguments])
        said = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, int(str(ended.value.code)), said.out, said.err)

    return call


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--update-golden``."""
    parser.addoption("--update-golden", action="store_true", help="write golden files anew, on purpose")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are written anew."""
    return bool(request.config.getoption("--update-golden"))
