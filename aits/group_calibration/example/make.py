"""Makes the data of this example: loans, and probabilities that come true as often as they say for everybody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
n = 600
chance = rng.beta(1.2, 1.0, n).round(3)
loans = pd.DataFrame(
    {
        "applicant": [f"a{i:03d}" for i in range(n)],
        "sex": rng.choice(["female", "male"], n),
        "region": rng.choice(["east", "south", "west"], n),
        "repaid": np.where(rng.random(n) < chance, "yes", "no"),
        "predicted": np.where(chance > 0.5, "yes", "no"),
        "p[no]": (1 - chance).round(3),
        "p[yes]": chance,
    }
)
loans.to_csv(Path(__file__).parent / "data.csv", index=False, lineterminator="\n")
