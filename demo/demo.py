"""The demo: a real model in a local MLflow store, evaluated twice, by a plan and without one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from time import monotonic

HERE = Path(__file__).resolve().parent
MARK = ".qmtestbed-demo"
MODEL = "models:/breast-cancer@candidate"


def main(out: Path) -> int:
    """Write everything under ``out``; 0 if every run ended as it is meant to."""
    import qmtestbed
    from qmtestbed.cli.common import print_outcome
    from qmtestbed.cli.progress import watch
    from qmtestbed.pipeline import Options, Subject
    from qmtestbed.pipeline import evaluate as evaluate_subject
    from qmtestbed.pipeline import run as run_plan

    begin = monotonic()
    _fresh(out)
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{(out / 'mlflow.db').as_posix()}"
    print("1. Train a gradient-boosting pipeline on scikit-learn's breast-cancer data and log it to MLflow")
    subprocess.run([sys.executable, str(HERE / "train.py"), str(out)], check=True)
    for name in ("plan.yaml", "declarations"):
        (shutil.copytree if (HERE / name).is_dir() else shutil.copy)(HERE / name, out / name)

    print("\n2. qmtestbed run plan.yaml")
    planned = run_plan(out / "plan.yaml", Options(out=out / "by-plan"), watch())
    print_outcome(planned)

    print(f"\n3. qmtestbed evaluate {MODEL} --data test.parquet --label diagnosis --train train.parquet")
    roles = qmtestbed.ait.Roles(label="diagnosis", positive="malignant")
    data = out / "data"
    subject = Subject(MODEL, str(data / "test.parquet"), roles, str(data / "train.parquet"))
    chosen = evaluate_subject(subject, Options(out=out / "without-plan"), watch())
    print_outcome(chosen)

    intended = {"by plan": (planned, 0), "without a plan": (chosen, 0)}
    print(f"\nThe demo took {monotonic() - begin:.0f} s.")
    for name, (outcome, code) in intended.items():
        word = "as intended" if outcome.exit_code == code else f"UNEXPECTED, {code} was meant"
        print(f"  {name}: exit code {int(outcome.exit_code)} ({word}), page {outcome.page}")
    return 0 if all(outcome.exit_code == code for outcome, code in intended.values()) else 1


def _fresh(out: Path) -> None:
    """Empty the folder of an earlier demo; a folder that is not ours is left alone."""
    if out.exists() and any(out.iterdir()) and not (out / MARK).is_file():
        raise SystemExit(f"demo: {out} is not empty and not of an earlier demo; give another --out")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / MARK).touch()
