"""Makes the data of this example: readings of a station over 600 days; the newest are kept for testing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

here = Path(__file__).parent
rng = np.random.default_rng(0)
n = 600
readings = pd.DataFrame(
    {
        "taken": pd.date_range("2024-01-01", periods=n, freq="D").strftime("%Y-%m-%d"),
        "temperature": rng.normal(15, 6, n).round(1),
        "humidity": rng.normal(60, 12, n).round(1),
        "wind": rng.gamma(3, 2, n).round(1),
        "storm": np.where(rng.random(n) < 0.1, "yes", "no"),
    }
)
readings["wind"] = readings["wind"].mask(rng.random(n) < 0.1)
readings.iloc[:400].to_csv(here / "train.csv", index=False)
readings.iloc[400:].to_csv(here / "data.csv", index=False)
