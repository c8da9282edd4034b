"""Makes the data and the models of this example: readings of two kinds of pumps, and digits with and without 8 and 9.

Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, CC BY 4.0.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

here = Path(__file__).parent
rng = np.random.default_rng(0)


def readings(n: int, *, screw: bool = False) -> pd.DataFrame:
    """Vibration and temperature of rotary pumps; screw pumps lie between the sound ones and those with a fault."""
    fault = rng.random(n) < 0.5
    level = np.full(n, 0.5) if screw else fault * 1.0
    found = {"vibration": 2 + 4 * level, "temperature": 50 + 20 * level, "current": np.full(n, 9.0)}
    spread = {"vibration": 0.6, "temperature": 3.0, "current": 0.5}
    columns = {name: rng.normal(middle, spread[name]).round(2) for name, middle in found.items()}
    return pd.DataFrame({**columns, "fault": np.where(fault, "yes", "no")})


def write(fitted: Any, name: str) -> None:
    """Write a model as MLflow logs one."""
    (here / name).mkdir(exist_ok=True)
    (here / name / "model.pkl").write_bytes(pickle.dumps(fitted, protocol=4))
    (here / name / "MLmodel").write_text(
        "flavors:\n  sklearn:\n    pickled_model: model.pkl\n    serialization_format: pickle\n"
        f"    sklearn_version: {sklearn.__version__}\n"
    )


train = readings(200)
train.to_csv(here / "train.csv", index=False, lineterminator="\n")
readings(120).to_csv(here / "data.csv", index=False, lineterminator="\n")
readings(120, screw=True).drop(columns="fault").to_csv(here / "outside.csv", index=False, lineterminator="\n")
line = make_pipeline(StandardScaler(), LogisticRegression())
write(line.fit(train.drop(columns="fault"), train["fault"]), "model")

images, labels = load_digits().images, load_digits().target
pixels = np.rint(images * 255 / 16).astype(np.uint8)
order = rng.permutation(np.flatnonzero(labels < 8))
parts = {"train_digits": order[:300], "digits": order[300:420], "other_digits": np.flatnonzero(labels >= 8)[:120]}
for name, at in parts.items():
    np.savez_compressed(here / f"{name}.npz", images=pixels[at], labels=labels[at].astype(np.uint8))
