"""Makes the data and the model of this example: readings of pumps, and which of them had a fault."""

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
    """Draw readings; hot pumps that vibrate fail."""
    frame = pd.DataFrame(
        {
            "temperature": rng.normal(68, 4, n).round(1),
            "pressure": rng.normal(3, 0.2, n).round(2),
            "vibration": rng.gamma(4, 0.08, n).round(3),
        }
    )
    odds = 0.5 * (frame["temperature"] - 68) + 12 * (frame["vibration"] - 0.32)
    return frame.assign(fault=np.where(rng.random(n) < 1 / (1 + np.exp(-odds)), "yes", "no"))


train, test = readings(400), readings(800)
test.to_csv(here / "data.csv", index=False, lineterminator="\n")
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(train.drop(columns="fault"), train["fault"])
(here / "model").mkdir(exist_ok=True)
(here / "model" / "model.pkl").write_bytes(pickle.dumps(model, protocol=4))
(here / "model" / "MLmodel").write_text(
    "flavors:\n  sklearn:\n    pickled_model: model.pkl\n    serialization_format: pickle\n"
    f"    sklearn_version: {sklearn.__version__}\n"
)
