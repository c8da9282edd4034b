"""What a measure is computed from again: the tables, the model as MLflow gives it, and the parameters of the check."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Case:
    """A run of an example: its plan as it was carried out, and the folder with data and store."""

    run_dir: Path

    @cached_property
    def plan(self) -> dict[str, Any]:
        """Give the plan."""
        return yaml.safe_load((self.run_dir / "plan.yaml").read_text("utf-8"))

    def table(self, name: str) -> pd.DataFrame:
        """Read the table of an inventory."""
        return pd.read_parquet(self.run_dir / self.plan["inventories"][name]["uri"])

    @cached_property
    def test(self) -> pd.DataFrame:
        """Give the test rows."""
        return self.table("test")

    @cached_property
    def train(self) -> pd.DataFrame:
        """Give the training rows."""
        return self.table("train")

    @property
    def label(self) -> str:
        """Give the column of the label."""
        return self.plan["inventories"]["test"]["label"]

    @property
    def sensitive(self) -> list[str]:
        """Give the sensitive columns."""
        return self.plan["inventories"]["test"].get("sensitive", [])

    @cached_property
    def model(self) -> Any:
        """Load the model, as MLflow and skops load it, from the store beside the data."""
        import mlflow

        data = self.run_dir / self.plan["inventories"]["test"]["uri"]
        mlflow.set_tracking_uri(f"sqlite:///{(data.resolve().parents[1] / 'mlflow.db').as_posix()}")
        return mlflow.sklearn.load_model(self.plan["inventories"]["model"]["uri"])

    def ask(self, frame: pd.DataFrame) -> np.ndarray:
        """Give what the model says to rows."""
        return np.asarray(self.model.predict(frame[list(self.model.feature_names_in_)]))

    @cached_property
    def said(self) -> np.ndarray:
        """Give what the model says to the test rows."""
        return self.ask(self.test)

    @cached_property
    def truth(self) -> np.ndarray:
        """Give the labels of the test rows."""
        return self.test[self.label].to_numpy()

    @cached_property
    def positive(self) -> str:
        """Give the positive class."""
        return self.plan["inventories"]["test"]["positive"]

    @cached_property
    def probabilities(self) -> pd.DataFrame:
        """Give the probability of each class for the test rows."""
        said = self.model.predict_proba(self.test[list(self.model.feature_names_in_)])
        return pd.DataFrame(said, columns=self.model.classes_)
