"""What ``mlflow.models.evaluate`` hands to an evaluator, as files that a plan can name; and what it wants back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qmtestbed.errors import DataError, Problem

if TYPE_CHECKING:
    from mlflow.models import EvaluationResult

LABEL = "label"
PREDICTED = "predicted"


def write_table(dataset: Any, label: str, path: Path) -> None:
    """Write features and labels as one parquet file.

    Parameters
    ----------
    dataset
        MLflow's ``EvaluationDataset``: features as a frame or an array (n, k), labels (n,).
    label
        Name for the column of the labels.
    path
        The file.

    Raises
    ------
    DataError
        Features that are no table, or a feature that has the label's name.
    """
    import pandas as pd

    features = dataset.features_data
    if not isinstance(features, pd.DataFrame):
        if getattr(features, "ndim", 0) != 2:
            found = f"shape {getattr(features, 'shape', None)}"
            raise DataError(Problem("only tables can be evaluated through MLflow", "data", found, "write a plan"))
        features = pd.DataFrame(features, columns=[str(n) for n in dataset.feature_names])
    frame = features.rename(columns=str)
    if dataset.has_targets:
        if label in frame.columns:
            do = "give targets= another name, or leave it out of the features"
            raise DataError(Problem(f"a feature is called {label!r}, like the labels", "data", do=do))
        frame = frame.assign(**{label: dataset.labels_data})
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(path, index=False)


def write_predictions(predictions: Any, path: Path) -> None:
    """Write predicted classes or values, one per row of the data, as a parquet file."""
    import pandas as pd

    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame({PREDICTED: list(predictions)}).to_parquet(path, index=False)


def logged_model_of(model: Any, model_id: str | None) -> str | None:
    """Give the id of the logged model, also where MLflow does not tell it: it forgets it for ``models:/name@alias``."""
    found = model_id or getattr(getattr(model, "metadata", None), "model_id", None)
    return str(found) if found else None


def as_result(run: str, metrics: Mapping[str, float], page: Path, uri: str) -> EvaluationResult:
    """Build what MLflow wants back: metrics, and the page as an artifact."""
    from mlflow.models.evaluation import EvaluationResult
    from mlflow.models.evaluation.artifacts import TextEvaluationArtifact

    build: Any = TextEvaluationArtifact
    artifact = build(f"{uri}/{page.name}", page.read_text("utf-8"))
    return EvaluationResult(  # type: ignore[no-untyped-call]  # MLflow's own is not typed
        metrics=dict(metrics), artifacts={"qmtestbed_report": artifact}, run_id=run
    )
