"""Makes data and models of this example: readings of pumps, whether each failed within the month, and digits.

Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, CC BY 4.0.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
from sklearn.datasets import load_digits
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


def write(fitted: object, name: str) -> None:
    """Write a model as MLflow logs one."""
    (here / name).mkdir(exist_ok=True)
    (here / name / "model.pkl").write_bytes(pickle.dumps(fitted, protocol=4))
    (here / name / "MLmodel").write_text(
        "flavors:\n  sklearn:\n    pickled_model: model.pkl\n    serialization_format: pickle\n"
        f"    sklearn_version: {sklearn.__version__}\n"
    )


train, test = readings(300), readings(100)
test.to_csv(here / "data.csv", index=False)
write(make_pipeline(StandardScaler(), LogisticRegression()).fit(train.drop(columns="failed"), train["failed"]), "model")

images, labels = load_digits().images, load_digits().target
chosen = np.random.default_rng(0).permutation(len(images)) < 40
pixels = np.rint(images * 255 / 16).astype(np.uint8)
np.savez_compressed(here / "digits.npz", images=pixels[chosen], labels=labels[chosen].astype(np.uint8))
flat = pixels.reshape(len(pixels), -1) / 255
write(LogisticRegression(max_iter=1000).fit(flat[~chosen], labels[~chosen].astype(str)), "reader")
