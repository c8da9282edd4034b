"""Makes the data and the model of this example: readings of pumps, and whether each failed within the month."""

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
    """Draw readings; vibration and starts tell of a failure, pressure does not."""
    frame = pd.DataFrame(
        {
            "pressure": rng.normal(3, 0.2, n).round(2),
            "vibration": rng.gamma(4, 0.08, n).round(3),
            "starts": rng.poisson(12, n),
        }
    )
    odds = 12 * (frame["vibration"] - 0.3) + 0.4 * (frame["starts"] - 12)
    return frame.assign(failed=np.where(rng.random(n) < 1 / (1 + np.exp(-odds)), "yes", "no"))


train, test = readings(200), readings(100)
train.to_csv(here / "train.csv", index=False)
test.to_csv(here / "data.csv", index=False)
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(train.drop(columns="failed"), train["failed"])
(here / "model").mkdir(exist_ok=True)
(here / "model" / "model.pkl").write_bytes(pickle.dumps(model, protocol=4))
(here / "model" / "MLmodel").write_text(
    "flavors:\n  sklearn:\n    pickled_model: model.pkl\n    serialization_format: pickle\n"
    f"    sklearn_version: {sklearn.__version__}\n"
)
