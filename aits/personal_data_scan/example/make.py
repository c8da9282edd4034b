"""Makes the data of this example: repairs, with codes and long numbers that are nobody's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

here = Path(__file__).parent
rng = np.random.default_rng(0)
n = 300
words = np.array(["bearing worn", "seal leaks since 2024", "noise at 1200 rpm", "部品 12-345 を交換", "no fault found"])
pd.DataFrame(
    {
        "machine": [f"M-{i:04d}" for i in rng.integers(0, 50, n)],
        "serial": rng.integers(10**11, 10**12, n),
        "note": rng.choice(words, n),
        "hours": rng.gamma(3, 2, n).round(1),
        "day": [
            f"2026-{m:02d}-{d:02d} 09:15:00"
            for m, d in zip(rng.integers(1, 13, n), rng.integers(1, 28, n), strict=True)
        ],
    }
).to_csv(here / "data.csv", index=False)
