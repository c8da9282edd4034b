"""Time and memory of ``qmtestbed evaluate`` on a table with a gradient-boosting pipeline: all AITs that fit, the page.

usage: python benchmarks/evaluate_table.py [--rows 100000] [--columns 31] [--repeat 3]

Half of the rows are test data, as many again training data. Prints, per repetition: wall seconds of the whole process,
the largest resident set of any one process, and the largest sum of proportional set sizes (PSS) of all its processes,
sampled every 50 ms from /proc (Linux only). Standard library and what qmtestbed needs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic, sleep

PREPARE = """
import logging, os, sys
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
import mlflow, numpy as np, pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
logging.getLogger("mlflow").setLevel(logging.ERROR)
rows, columns = int(sys.argv[1]), int(sys.argv[2])

def table(seed):
    rng = np.random.default_rng(seed)
    numeric = {f"x{i}": rng.normal(size=rows) for i in range(columns - 4)}
    text = {f"c{i}": rng.choice([f"v{j}" for j in range(5 + i)], rows) for i in range(3)}
    frame = pd.DataFrame({**numeric, **text})
    score = frame["x0"] + frame["x1"] * frame["x2"] + (frame["c0"] == "v1") + rng.normal(size=rows)
    frame["x5"] = frame["x5"].mask(rng.random(rows) < 0.02)
    return frame.assign(label=np.where(score > 0.3, "yes", "no"))

train, test = table(1), table(2)
train.to_parquet("train.parquet")
test.to_parquet("test.parquet")
x = train.drop(columns="label")
text = [c for c in x if c.startswith("c")]
encode = make_column_transformer((OrdinalEncoder(), text), remainder="passthrough")
model = make_pipeline(encode, HistGradientBoostingClassifier(random_state=0)).fit(x, train["label"])
mlflow.sklearn.log_model(model, name="model", registered_model_name="bench", pip_requirements=["scikit-learn"],
    signature=mlflow.models.infer_signature(x[:100], model.predict(x[:100])), serialization_format="cloudpickle")
"""


def main() -> None:
    """Prepare once, then measure each repetition."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=31)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--jobs", type=int)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qmt-bench-") as scratch:
        folder = Path(scratch)
        environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}"}
        sizes = [str(options.rows), str(options.columns)]
        prepare = [sys.executable, "-W", "ignore", "-c", PREPARE, *sizes]
        subprocess.run(prepare, cwd=folder, env=environment, check=True, capture_output=True)
        command = [
            sys.executable, "-m", "qmtestbed", "evaluate", "models:/bench/1", "--data", "test.parquet",
            "--train", "train.parquet", "--label", "label", "--level", "performance=AIPL-1", "--no-cache",
        ]  # fmt: skip
        if options.jobs:
            command += ["--jobs", str(options.jobs)]
        print(f"{options.rows:,} rows x {options.columns} columns in each of train and test, {os.cpu_count()} cores")
        measured = [measure([*command, "--out", f"out{i}"], folder, environment) for i in range(options.repeat)]
        for seconds, resident, pss, code in measured:
            sizes = f"largest process {resident / 2**20:5.0f} MB   all {pss / 2**20:5.0f} MB PSS"
            print(f"{seconds:6.1f} s   {sizes}   exit {code}")
        print(f"median {statistics.median(m[0] for m in measured):.1f} s")
        print((folder / "log.txt").read_text("utf-8"))
        for record in sorted((folder / "out0" / "records").glob("*.json")):
            made = json.loads(record.read_bytes())
            print(f"{made['program']['id']:<28} {made['seconds']:6.1f} s  peak {made['peak_memory'] / 2**20:5.0f} MB")


def measure(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[float, int, int, int]:
    """Run a command and watch its process tree: seconds, largest resident set, largest sum of PSS, exit code."""
    begin = monotonic()
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=log)
    resident = pss = 0
    while process.poll() is None:
        sizes = [memory(pid) for pid in tree(process.pid)]
        resident = max([resident, *(r for r, _ in sizes)])
        pss = max(pss, sum(p for _, p in sizes))
        sleep(0.05)
    return monotonic() - begin, resident, pss, process.returncode


def tree(root: int) -> list[int]:
    """Give the ids of a process and all its descendants, in whatever session they are."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue  # it has ended meanwhile
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def memory(pid: int) -> tuple[int, int]:
    """Resident and proportional set size in bytes; zeros for a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0, 0
    sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines[1:] if line.endswith("kB")}
    return sizes.get("Rss", 0), sizes.get("Pss", 0)


if __name__ == "__main__":
    main()
