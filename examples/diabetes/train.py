"""Train a forest on scikit-learn's diabetes data and log it to a store in the folder given.

Usage: python examples/diabetes/train.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from into_mlflow import log_model, prepare, write_tables
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import train_test_split

TRUSTED = ["sklearn.tree._tree.Tree"]


def main(out: Path) -> None:
    """Write data/train.parquet and data/test.parquet, log the model, and give it the alias candidate."""
    prepare("diabetes", out)
    bunch = load_diabetes(as_frame=True, scaled=False)  # in the units that were measured
    data = bunch.data.assign(progression=bunch.target)
    train, test = train_test_split(data, test_size=0.4, random_state=0)
    write_tables(out, train=train, test=test)
    x, y = train.drop(columns="progression"), train["progression"]
    model = RandomForestRegressor(100, min_samples_leaf=5, max_features=0.5, random_state=0).fit(x, y)
    log_model(out, "diabetes", model, x, TRUSTED)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
