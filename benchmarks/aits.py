"""Seconds of each AIT on its example, on 10,000 rows × 30 columns, and on 1,000 images of MNIST.

usage: python benchmarks/aits.py {examples,table,regression,images} [--only AIT …]

The data are made in a scratch folder, models are logged to MLflow there, and every AIT that fits is run as ``evaluate``
runs it: one thread each, one after the other, in the sandbox. Seconds are those of the records: from the start of the
measuring function's process to its end. Exit 1 if one takes longer than asked (10 s on its example, 60 s else).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from qmtestbed import evaluate, run
from qmtestbed.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE, LARGE = 10.0, 60.0

TABLE = """
import logging, os, sys
import mlflow, numpy as np, pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
logging.getLogger("mlflow").setLevel(logging.ERROR)
rows, kind = 10_000, sys.argv[1]

def table(seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"x{i}": rng.normal(size=rows) for i in range(26)})
    for i in range(3):
        frame[f"c{i}"] = rng.choice([f"v{j}" for j in range(4 + i)], rows)
    score = frame["x0"] + frame["x1"] * frame["x2"] + (frame["c0"] == "v1") + rng.normal(size=rows)
    label = np.where(score > 0.3, "yes", "no") if kind == "table" else score
    return frame.assign(label=label)

train, test = table(1), table(2)
train.to_parquet("train.parquet")
test.to_parquet("test.parquet")
x = train.drop(columns="label")
encode = make_column_transformer((OrdinalEncoder(), ["c0", "c1", "c2"]), remainder="passthrough")
boosting = HistGradientBoostingClassifier if kind == "table" else HistGradientBoostingRegressor
model = make_pipeline(encode, boosting(random_state=0)).fit(x, train["label"])
mlflow.sklearn.log_model(model, name="model", registered_model_name="bench", pip_requirements=["scikit-learn"],
    signature=mlflow.models.infer_signature(x[:100], model.predict(x[:100])), serialization_format="cloudpickle")
"""

IMAGES = """
import sys
import numpy as np, torch, mlflow
sys.path.insert(0, sys.argv[2])
from pathlib import Path
import train
train.main(Path("."))
stored = np.load("data/train.npz")
x = torch.from_numpy(stored["images"][:, None].astype(np.float32) / 255)
y = torch.from_numpy(stored["labels"].astype(np.int64))
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
optimiser = torch.optim.Adam(net.parameters(), 2e-3)
for _ in range(5):
    for batch in torch.randperm(len(x)).split(64):
        optimiser.zero_grad(); torch.nn.functional.cross_entropy(net(x[batch]), y[batch]).backward(); optimiser.step()
shown = np.load("data/test.npz")
np.savez_compressed("data/outside.npz", images=255 - shown["images"], labels=shown["labels"])
mlflow.pytorch.log_model(net.eval(), name="small", registered_model_name="small", input_example=x[:2].numpy(),
                         pip_requirements=["torch"])
"""


PLAN = """
schema: qmtestbed/plan/v1
component: bench
inventories:
  model: {model}
  test: {{uri: {test}, label: {label}}}
  train: {{uri: {train}, label: {label}}}
  outside: {{uri: {outside}, label: {label}}}
checks:
  inside: {{ait: out_of_distribution_detection, with: {{model: model, data: test, train: train, outside: outside}}}}
  cost: {{ait: inference_cost, with: {{model: model, data: test}}}}
"""
"""What ``evaluate`` leaves to plans."""

FOR_TABLES = "  production: {ait: performance_without_labels, with: {model: model, data: test, production: train}}\n"
FOR_IMAGES = """\
  neurons: {ait: neuron_coverage, with: {model: model, data: test, train: train}}
  surprise: {ait: surprise_adequacy, with: {model: model, data: test, train: train}}
"""


def main() -> int:
    """Print seconds by AIT, the slowest first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["examples", "table", "regression", "images"])
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qmt-bench-") as scratch:
        folder = Path(scratch)
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'mlflow.db'}"
        os.environ["QMTESTBED_STORE"] = str(folder / "store")
        if options.what == "examples":
            runs = [_example(p, folder) for p in sorted(ROOT.glob("aits/*/example/plan.yaml"))
                    if not options.only or p.parts[-3] in options.only]  # fmt: skip
        elif options.what == "images":
            runs = _images(folder)
        else:
            runs = _table(folder, options.what)
        return _tell([r for r in runs if r], EXAMPLE if options.what == "examples" else LARGE)


def _example(plan: Path, folder: Path) -> Path | None:
    out = folder / plan.parts[-3]
    try:
        run(plan, out=out, jobs=1)
    except InputError as error:
        print(f"{plan.parts[-3]}: {error}")
        return None
    return out


def _table(folder: Path, kind: str) -> list[Path]:
    _prepare(folder, TABLE, kind)
    roles = {"sensitive": ("c0", "c1")}
    data = {"data": folder / "test.parquet", "train": folder / "train.parquet"}
    evaluate("models:/bench/1", **data, label="label", roles=roles, jobs=1, out=folder / "out")
    if kind != "table":
        return [folder / "out"]
    files = {"test": "test.parquet", "train": "train.parquet", "outside": "train.parquet", "label": "label"}
    return [folder / "out", _by_plan(folder, PLAN.format(model="models:/bench/1", **files) + FOR_TABLES)]


def _images(folder: Path) -> list[Path]:
    _prepare(folder, IMAGES, "images", str(ROOT / "demo" / "digits"))
    data = {"data": folder / "data" / "test.npz", "train": folder / "data" / "train.npz"}
    made = []
    for name in ("digits", "small"):
        out = folder / name
        outputs = {"outputs": "logits", "roles": {"classes": tuple(map(str, range(10)))}}
        evaluate(f"models:/{name}/1", **data, label="labels", jobs=1, out=out, **outputs)
        made.append(out)
    model = "{uri: 'models:/digits/1', outputs: logits, classes: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}"
    files = {name: f"data/{name}.npz" for name in ("test", "train", "outside")}
    return [*made, _by_plan(folder, PLAN.format(model=model, label="labels", **files) + FOR_IMAGES)]


def _by_plan(folder: Path, plan: str) -> Path:
    (folder / "plan.yaml").write_text(plan, "utf-8")
    run(folder / "plan.yaml", out=folder / "by-plan", jobs=1)
    return folder / "by-plan"


def _prepare(folder: Path, script: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, *arguments], cwd=folder, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])


def _tell(runs: list[Path], asked: float) -> int:
    slowest: dict[str, float] = {}
    said: dict[str, set[str]] = {}
    left_out: dict[str, str] = {}
    for folder in runs:
        for path in sorted((folder / "records").glob("*.json")):
            made = json.loads(path.read_bytes())
            name = made["program"]["id"]
            slowest[name] = max(slowest.get(name, 0.0), made["seconds"])
            said.setdefault(name, set()).add(made["status"])
        left_out |= {x["ait"]: x["why"] for x in json.loads((folder / "run.json").read_bytes()).get("left_out", ())}
    for name, seconds in sorted(slowest.items(), key=lambda item: -item[1]):
        long = "  TOO LONG" if seconds > asked else ""
        print(f"{name:<32} {seconds:6.1f} s  {', '.join(sorted(said[name]))}{long}")
    for name in sorted(left_out.keys() - slowest.keys()):
        print(f"left out: {name}: {left_out[name]}")
    most = max(slowest.values())
    print(f"{len(slowest)} programs, the slowest {most:.1f} s, asked at most {asked:.0f} s")
    return 1 if most > asked else 0


if __name__ == "__main__":
    raise SystemExit(main())
