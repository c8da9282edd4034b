"""Makes the data of this example: readings of pumps, and digits.

Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, CC BY 4.0.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

here = Path(__file__).parent
rng = np.random.default_rng(0)


def readings(n: int) -> pd.DataFrame:
    """Draw readings of four gauges."""
    fault = rng.random(n) < 0.4
    return pd.DataFrame(
        {
            "pressure": rng.normal(3, 0.2, n).round(3),
            "vibration": (rng.gamma(4, 0.08, n) + 0.2 * fault).round(4),
            "temperature": (rng.normal(60, 4, n) + 4 * fault).round(2),
            "current": rng.normal(8, 1, n).round(3),
            "fault": np.where(fault, "yes", "no"),
        }
    )


readings(200).to_csv(here / "train.csv", index=False)
readings(100).to_csv(here / "data.csv", index=False)
images, labels = load_digits().images, load_digits().target
pixels, order = np.rint(images * 255 / 16).astype(np.uint8), rng.permutation(len(images))
for name, at in (("train_digits", order[:200]), ("digits", order[200:260])):
    np.savez_compressed(here / f"{name}.npz", images=pixels[at], labels=labels[at].astype(np.uint8))
