"""Makes the data and the model of this example: readings of pumps with labels, and later ones without."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

here = Path(__file__).parent
rng = np.random.default_rng(0)


def readings(n: int) -> pd.DataFrame:
    """Draw readings; vibration and temperature are what a fault shows in."""
    fault = rng.random(n) < 0.4
    columns = {
        "temperature": rng.normal(65 + 8 * fault, 3).round(1),
        "vibration": rng.gamma(4, 0.05 + 0.06 * fault).round(3),
        "fault": np.where(fault, "yes", "no"),
    }
    return pd.DataFrame(columns)


train, test, production = readings(600), readings(400), readings(400)
test.to_csv(here / "data.csv", index=False, lineterminator="\n")
production.drop(columns="fault").to_csv(here / "production.csv", index=False, lineterminator="\n")
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(train.drop(columns="fault"), train["fault"])
(here / "model").mkdir(exist_ok=True)
(here / "model" / "model.pkl").write_bytes(pickle.dumps(model, protocol=4))
(here / "model" / "MLmodel").write_text(
    "flavors:\n  sklearn:\n    pickled_model: model.pkl\n    serialization_format: pickle\n"
    f"    sklearn_version: {sklearn.__version__}\n"
)
