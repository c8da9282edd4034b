"""Train the demo's model and log it, with its data sets, to the MLflow store that MLFLOW_TRACKING_URI names."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import logging

import mlflow
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

NAME = "breast-cancer"
TRUSTED = [
    "sklearn._loss._loss.CyHalfBinomialLoss",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn.tree._tree.Tree",
]
"""What a gradient-boosting model holds that skops does not load unless it is named."""


def main(out: Path) -> None:
    """Write data/train.parquet and data/test.parquet, log the model, and give it the alias candidate."""
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    bunch = load_breast_cancer(as_frame=True)
    table = bunch.data.assign(diagnosis=bunch.target.map({0: "malignant", 1: "benign"}))
    parts = dict(zip(("train", "test"), train_test_split(table, test_size=0.4, random_state=0), strict=True))
    (out / "data").mkdir(parents=True)
    files = {name: out / "data" / f"{name}.parquet" for name in parts}
    for name, part in parts.items():
        part.reset_index(drop=True).to_parquet(files[name])

    x, y = parts["train"].drop(columns="diagnosis"), parts["train"]["diagnosis"]
    model = make_pipeline(StandardScaler(), GradientBoostingClassifier(random_state=0)).fit(x, y)
    with mlflow.start_run(run_name="train"):
        for name, part in parts.items():
            log_data(name, part, files[name])
        mlflow.sklearn.log_model(
            model,
            name="model",
            registered_model_name=NAME,
            signature=mlflow.models.infer_signature(x, model.predict(x)),
            pip_requirements=["scikit-learn"],
            skops_trusted_types=TRUSTED,
        )
    client = mlflow.MlflowClient()
    newest = max(int(v.version) for v in client.search_model_versions(f"name='{NAME}'"))
    client.set_registered_model_alias(NAME, "candidate", newest)


def log_data(name: str, part: pd.DataFrame, file: Path) -> None:
    """Log a data set with a source it can be loaded from again, and a digest over all of its bytes."""
    dataset = mlflow.data.from_pandas(part, source=str(file), targets="diagnosis", name=name)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    tag = mlflow.entities.InputTag("qmt.sha256", digest)
    mlflow.MlflowClient().log_inputs(
        mlflow.active_run().info.run_id,
        datasets=[
            mlflow.entities.DatasetInput(
                dataset._to_mlflow_entity(), [tag, mlflow.entities.InputTag("mlflow.data.context", name)]
            )
        ],
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
