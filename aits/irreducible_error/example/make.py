"""Makes the data of this example: readings of pumps, and whether a fault was found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
n = 240
fault = rng.random(n) < 0.4
frame = pd.DataFrame(
    {
        "pressure": rng.normal(3, 0.2, n).round(2),
        "vibration": (rng.gamma(4, 0.08, n) + 0.35 * fault).round(3),
        "temperature": (rng.normal(60, 4, n) + 7 * fault).round(1),
        "fault": np.where(fault, "yes", "no"),
    }
)
frame.to_csv(Path(__file__).parent / "data.csv", index=False)
