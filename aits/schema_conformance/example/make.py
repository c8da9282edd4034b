"""Makes the data of this example: orders of a workshop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

here = Path(__file__).parent
rng = np.random.default_rng(0)


def orders(n: int, first: int) -> pd.DataFrame:
    """Draw orders; the number of an order names the row, and has the role id."""
    return pd.DataFrame(
        {
            "order": [f"A-{first + i:05d}" for i in range(n)],
            "weight": rng.lognormal(1, 0.8, n).round(2),
            "pieces": rng.poisson(4, n),
            "material": rng.choice(["steel", "brass", "copper"], n, p=[0.6, 0.3, 0.1]),
            "express": rng.random(n) < 0.2,
            "late": np.where(rng.random(n) < 0.3, "yes", "no"),
        }
    )


orders(300, 1).to_csv(here / "train.csv", index=False)
orders(200, 301).to_csv(here / "data.csv", index=False)
