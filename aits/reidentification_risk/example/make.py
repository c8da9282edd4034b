"""Makes the data of this example: visits to a clinic, with age in decades and the first part of the post code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

here = Path(__file__).parent
rng = np.random.default_rng(0)
n = 400
decade = rng.choice(["20-39", "40-59", "60-79"], n)
pd.DataFrame(
    {
        "age": decade,
        "sex": rng.choice(["f", "m"], n),
        "area": rng.choice(["100", "150", "530"], n),
        "visits": rng.poisson(3, n),
        "diagnosis": rng.choice(["asthma", "diabetes", "fracture", "none"], n),
    }
).to_csv(here / "data.csv", index=False)
