"""What both examples do once their model is trained: write the tables, and log the model to a store of their own."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import mlflow
import pandas as pd

HERE = Path(__file__).resolve().parent


def prepare(example: str, out: Path) -> None:
    """Put the example's plan and declarations into the folder, where its data and its store will be."""
    shutil.copytree(
        HERE / example, out, ignore=shutil.ignore_patterns("train.py", "README*", "__pycache__"), dirs_exist_ok=True
    )
    (out / "data").mkdir(exist_ok=True)


def write_tables(out: Path, **parts: pd.DataFrame) -> None:
    """Write each part to data/NAME.parquet."""
    for name, part in parts.items():
        part.reset_index(drop=True).to_parquet(out / "data" / f"{name}.parquet")


def log_model(out: Path, name: str, model: Any, x: pd.DataFrame, trusted: list[str] | None = None) -> None:
    """Log the model under its name to the store mlflow.db in the folder, with the alias candidate.

    ``trusted`` is what the model holds that skops does not load unless it is named.
    """
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    mlflow.set_tracking_uri(f"sqlite:///{(out.resolve() / 'mlflow.db').as_posix()}")
    client = mlflow.MlflowClient()
    found = client.get_experiment_by_name(name)
    mlflow.set_experiment(
        experiment_id=found.experiment_id
        if found
        else client.create_experiment(name, artifact_location=(out.resolve() / "artifacts").as_uri())
    )
    with mlflow.start_run(run_name="train"):
        mlflow.sklearn.log_model(
            model,
            name="model",
            registered_model_name=name,
            signature=mlflow.models.infer_signature(x, model.predict(x)),
            pip_requirements=["scikit-learn"],
            skops_trusted_types=trusted,
        )
    newest = max(int(v.version) for v in client.search_model_versions(f"name='{name}'"))
    client.set_registered_model_alias(name, "candidate", newest)
