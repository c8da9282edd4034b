"""Makes the data and the model of this example: readings of pumps, and whether a fault followed."""

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
        "temperature": rng.normal(65 + 6 * fault, 3).round(1),
        "pressure": rng.normal(3, 0.2, n).round(2),
        "vibration": rng.gamma(4, 0.05 + 0.06 * fault).round(3),
        "starts": rng.poisson(12, n),
        "painter": rng.choice(["A", "B"], n),
        "fault": np.where(fault, "yes", "no"),
    }
    return pd.DataFrame(columns)


train, test = readings(400), readings(160)
test.to_csv(here / "data.csv", index=False)
x = train[["temperature", "pressure", "vibration", "starts"]]
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, train["fault"])
(here / "model").mkdir(exist_ok=True)
(here / "model" / "model.pkl").write_bytes(pickle.dumps(model, protocol=4))
(here / "model" / "MLmodel").write_text(
    "flavors:\n  sklearn:\n    pickled_model: model.pkl\n    serialization_format: pickle\n"
    f"    sklearn_version: {sklearn.__version__}\n"
)
