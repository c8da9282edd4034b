"""Makes the data of this example: photographs of animals, and a model that is less sure where it is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
n, classes = 400, np.array(["bird", "cat", "dog"])
true = rng.integers(0, 3, n)
logits = rng.normal(size=(n, 3))
logits[np.arange(n), true] += 2
p = np.exp(1.8 * logits)
p = (p / p.sum(axis=1, keepdims=True)).round(3)
p[:, 2] = (1 - p[:, 0] - p[:, 1]).round(3)
animals = pd.DataFrame(
    {"image": [f"i{i:03d}" for i in range(n)], "species": classes[true], "predicted": classes[p.argmax(axis=1)]}
    | {f"p[{c}]": p[:, j] for j, c in enumerate(classes)}
)
animals.to_csv(Path(__file__).parent / "data.csv", index=False, lineterminator="\n")
