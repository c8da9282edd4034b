"""Makes the data of this example: loans, whether they were repaid, and what a model said that errs alike for all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
n = 600
repaid = rng.random(n) < 0.5
chance = 1 / (1 + np.exp(-np.where(repaid, 1.5, -1.5) - rng.normal(0, 1.0, n)))
loans = pd.DataFrame(
    {
        "applicant": [f"a{i:03d}" for i in range(n)],
        "sex": rng.choice(["female", "male"], n),
        "region": rng.choice(["east", "south", "west"], n),
        "repaid": np.where(repaid, "yes", "no"),
        "predicted": np.where(chance > 0.5, "yes", "no"),
        "p[no]": (1 - chance).round(3),
        "p[yes]": chance.round(3),
    }
)
loans["p[no]"] = (1 - loans["p[yes]"]).round(3)
loans.to_csv(Path(__file__).parent / "data.csv", index=False, lineterminator="\n")
