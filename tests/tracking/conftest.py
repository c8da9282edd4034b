"""An MLflow store of each test's own, with a second version of the model to promote, and a small plan."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from qmtestbed.errors import IntegrityError
from qmtestbed.tracking.promotion import promote
from qmtestbed.tracking.versions import Version
from tests.conftest import Store

PLAN = """
schema: qmtestbed/plan/v1
component: churn
inventories:
  model: models:/churn@candidate
  test: {uri: test.parquet, label: churned, positive: "yes", id: customer, ignore: [spend]}
checks:
  performance:
    ait: classification_performance
    with: {model: model, data: test}
    expect: [accuracy >= 0.7 at 95%, "recall[yes] >= 0.5"]
"""


@dataclass(frozen=True)
class Registry:
    """A copy of the store: model churn with version 1 (champion) and 2 (candidate); the run that logged it."""

    folder: Path
    uri: str
    client: Any
    run: str
    model_id: str

    def bearer(self, alias: str) -> str:
        """Number of the version that bears an alias."""
        return str(self.client.get_model_version_by_alias("churn", alias).version)

    def tags(self, number: str) -> dict[str, str]:
        """Tags of a version."""
        return dict(self.client.get_model_version("churn", number).tags)

    def move(self, alias: str, number: str) -> None:
        """Let an alias point at a version."""
        self.client.set_registered_model_alias("churn", alias, number)

    def plan(self, old: str = "", new: str = "") -> Path:
        """Write the plan, with one text of it replaced."""
        assert old in PLAN
        path = self.folder / "plan.yaml"
        path.write_text(PLAN.replace(old, new) if old else PLAN, "utf-8")
        return path


@pytest.fixture
def registry(shared_store: Path, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Copy the store, so that a test may write to it."""
    shutil.copy(store.folder / "mlflow.db", tmp_path / "mlflow.db")
    for name in ("train.parquet", "test.parquet", "test.csv"):
        shutil.copy(store.folder / name, tmp_path)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.chdir(tmp_path)
    return with_candidate(store, tmp_path, uri)


def with_candidate(store: Store, folder: Path, uri: str) -> Registry:
    """Register the model once more, as the candidate."""
    import mlflow

    client = mlflow.MlflowClient(uri, uri)
    run, model_id = (store.folder / "churn.txt").read_text().split()
    client.create_model_version("churn", f"models:/{model_id}", run_id=run, model_id=model_id)
    made = Registry(folder, uri, client, run, model_id)
    made.move("candidate", "2")
    made.plan()
    return made


def four_at_once(version: Version, before: Version | None) -> list[str]:
    """Let four gates move champion to the candidate at one moment; give what each was told, or "won"."""
    start, said = threading.Barrier(4), []

    def move(who: str) -> None:
        start.wait()
        try:
            promote(f"models:/{version.name}@candidate", version, "champion", before, {"by": who})
        except IntegrityError as error:
            said.append(str(error))
        else:
            said.append("won")

    threads = [threading.Thread(target=move, args=(str(i),)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return said
