"""Makes the data and the model of this example: readings of patients, and whether they came back within the month."""

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


def patients(n: int) -> pd.DataFrame:
    """Draw patients; age and days tell something of a return, pulse does not."""
    frame = pd.DataFrame(
        {
            "age": rng.normal(60, 12, n).round(1),
            "days": rng.gamma(3, 2, n).round(1),
            "pulse": rng.normal(75, 9, n).round(1),
        }
    )
    odds = 0.06 * (frame["age"] - 60) + 0.4 * (frame["days"] - 6)
    return frame.assign(returned=np.where(rng.random(n) < 1 / (1 + np.exp(-odds)), "yes", "no"))


train, test = patients(400), patients(400)
train.to_csv(here / "train.csv", index=False)
test.to_csv(here / "data.csv", index=False)
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(train.drop(columns="returned"), train["returned"])
(here / "model").mkdir(exist_ok=True)
(here / "model" / "model.pkl").write_bytes(pickle.dumps(model, protocol=4))
(here / "model" / "MLmodel").write_text(
    "flavors:\n  sklearn:\n    pickled_model: model.pkl\n    serialization_format: pickle\n"
    f"    sklearn_version: {sklearn.__version__}\n"
)
