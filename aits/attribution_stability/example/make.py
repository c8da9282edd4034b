"""Makes the data and the model of this example: readings of pumps, and after how many days each was serviced."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
from sklearn.linear_model import LinearRegression

here = Path(__file__).parent
rng = np.random.default_rng(0)


def readings(n: int) -> pd.DataFrame:
    """Draw readings; vibration matters most, pressure not at all."""
    frame = pd.DataFrame(
        {
            "temperature": rng.normal(68, 4, n).round(1),
            "pressure": rng.normal(3, 0.2, n).round(2),
            "vibration": rng.gamma(4, 0.08, n).round(3),
            "starts": rng.poisson(12, n),
        }
    )
    days = 210 - 1.2 * frame["temperature"] - 160 * frame["vibration"] - 2 * frame["starts"]
    return frame.assign(days=(days + rng.normal(0, 8, n)).round(1))


train, test = readings(400), readings(200)
test.to_csv(here / "data.csv", index=False, lineterminator="\n")
model = LinearRegression().fit(train.drop(columns="days"), train["days"])
(here / "model").mkdir(exist_ok=True)
(here / "model" / "model.pkl").write_bytes(pickle.dumps(model, protocol=4))
(here / "model" / "MLmodel").write_text(
    "flavors:\n  sklearn:\n    pickled_model: model.pkl\n    serialization_format: pickle\n"
    f"    sklearn_version: {sklearn.__version__}\n"
)
