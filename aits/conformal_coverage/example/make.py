"""Makes the data of this example: photographs of parts, one in ten faulty, and what a model said to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
n = 400
fault = rng.random(n) < 0.07
odds = -2.6 + 2.2 * (rng.normal(0, 1, n) + 2.2 * fault)
chance = (1 / (1 + np.exp(-odds))).round(3)
parts = pd.DataFrame(
    {
        "part": [f"p{i:03d}" for i in range(n)],
        "fault": np.where(fault, "yes", "no"),
        "predicted": np.where(chance > 0.5, "yes", "no"),
        "p[no]": (1 - chance).round(3),
        "p[yes]": chance,
    }
)
parts.to_csv(Path(__file__).parent / "data.csv", index=False, lineterminator="\n")
