"""Makes the data and the model of this example: applications for a loan, and a model that looks at income and debt."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

here = Path(__file__).parent
rng = np.random.default_rng(0)


def loans(n: int) -> pd.DataFrame:
    """Draw applications; whether they are repaid depends on income and debt alone."""
    income, debt = rng.gamma(6, 700, n).round(-1), rng.gamma(2, 900, n).round(-1)
    odds = (income - 4200) / 1200 - (debt - 1800) / 1200
    return pd.DataFrame(
        {
            "sex": rng.choice(["female", "male"], n),
            "age": rng.integers(20, 70, n),
            "income": income,
            "debt": debt,
            "repaid": np.where(rng.random(n) < 1 / (1 + np.exp(-odds)), "yes", "no"),
        }
    )


train, test = loans(2000), loans(300)
test.to_csv(here / "data.csv", index=False, lineterminator="\n")
seen = make_column_transformer(
    (StandardScaler(), ["age", "income", "debt"]), (OneHotEncoder(), ["sex"]), verbose_feature_names_out=False
)
model = make_pipeline(seen, LogisticRegression()).fit(train.drop(columns="repaid"), train["repaid"])
(here / "model").mkdir(exist_ok=True)
(here / "model" / "model.pkl").write_bytes(pickle.dumps(model, protocol=4))
(here / "model" / "MLmodel").write_text(
    "flavors:\n  sklearn:\n    pickled_model: model.pkl\n    serialization_format: pickle\n"
    f"    sklearn_version: {sklearn.__version__}\n"
)
