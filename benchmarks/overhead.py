"""Cost of running checks: overhead per check, speed-up of two slots, an unchanged plan, and memory of the parent.

usage: python benchmarks/overhead.py

All on file inventories and trivial or CPU-bound AITs that it writes itself. Standard library and qmtestbed only.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic

from qmtestbed import pipeline
from qmtestbed.pipeline import Options

MANIFEST = """
schema: qmtestbed/ait/v1
id: {id}
version: 1.0.0
title: {id}
quality: operation
method: For the benchmark
references: []
informs: {{}}
inputs: {{data: {{kind: table}}}}
parameters: {{n: {{type: integer, default: 0}}}}
measures: {{rows: {{unit: rows, range: [0, null], better: higher}}}}
"""
TRIVIAL = "def measure(data, *, n=0):\n    return {'rows': len(data.frame)}\n"
OF_A_MODEL = MANIFEST.replace("{{data: {{kind: table}}}}", "{{predictions: {{kind: predictions}}}}")
COUNTED = "def measure(predictions, *, n=0):\n    return {'rows': len(predictions.predicted)}\n"
BUSY = "def measure(data, *, n=0):\n    x = 0\n    for i in range(4 * 10**7):\n        x += i\n    return {'rows': 3}\n"


def main() -> None:
    """Print every figure."""
    with tempfile.TemporaryDirectory(prefix="qmt-bench-") as scratch:
        folder = Path(scratch)
        os.environ["QMTESTBED_STORE"] = str(folder / "store")
        (folder / "t.csv").write_text("a,b\n1,x\n2,y\n3,z\n")
        for id, manifest, program in (
            ("trivial", MANIFEST, TRIVIAL),
            ("busy", MANIFEST, BUSY),
            ("counted", OF_A_MODEL, COUNTED),
        ):
            (folder / "aits" / id).mkdir(parents=True)
            (folder / "aits" / id / "ait.yaml").write_text(manifest.format(id=id))
            (folder / "aits" / id / "measure.py").write_text(program)
        if len(sys.argv) == 1:
            overhead(folder)
            slots(folder)
            unchanged(folder)
        parent_memory(folder)


def plan(folder: Path, ait: str, count: int) -> Path:
    """Write a plan of ``count`` checks that differ in a parameter."""
    checks = "".join(
        f"  c{i}: {{ait: {ait}, with: {{data: t}}, params: {{n: {i}}}, expect: [rows >= 1]}}\n" for i in range(count)
    )
    path = folder / f"{ait}-{count}.yaml"
    inventories = "{t: t.csv}"
    if ait == "counted":
        inventories = "{t: {uri: t.csv, label: b}, m: models:/bench/1}"
        checks = checks.replace("{data: t}", "{model: m, data: t}")
    path.write_text(f"schema: qmtestbed/plan/v1\ncomponent: bench\ninventories: {inventories}\nchecks:\n{checks}")
    return path


def registered_model(folder: Path) -> None:
    """Log and register a small model in a store of this benchmark."""
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'mlflow.db'}"
    code = (
        "import mlflow, pandas; from sklearn.dummy import DummyClassifier\n"
        "t = pandas.read_csv('t.csv'); model = DummyClassifier().fit(t[['a']], t['b'])\n"
        "with mlflow.start_run(): mlflow.sklearn.log_model(model, name='m', registered_model_name='bench')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=folder)


def overhead(folder: Path) -> None:
    """Seconds of each child as its record tells, over a call that costs nothing; and against a fresh interpreter."""
    options = Options(out=folder / "a", aits=(folder / "aits",), jobs=1, cache=False)
    outcome = pipeline.run(plan(folder, "trivial", 200), options)
    seconds = [r.seconds for r in outcome.evidence.records.values()]
    fresh = []
    for _ in range(5):
        begin = monotonic()
        subprocess.run([sys.executable, "-c", "import numpy, pandas, pyarrow.parquet, scipy.special"], check=True)
        fresh.append(monotonic() - begin)
    median = statistics.median(seconds)
    print(
        f"overhead per check, 200 trivial checks: median {median * 1000:.0f} ms, largest {max(seconds) * 1000:.0f} ms"
    )
    print(f"fresh interpreter with the same libraries: {statistics.median(fresh) * 1000:.0f} ms, "
          f"{statistics.median(fresh) / median:.0f} times as long")  # fmt: skip


def slots(folder: Path) -> None:
    """Wall time of CPU-bound checks with one slot and with two."""
    times = {}
    for jobs in (1, 2):
        options = Options(out=folder / f"slots{jobs}", aits=(folder / "aits",), jobs=jobs, cache=False)
        begin = monotonic()
        pipeline.run(plan(folder, "busy", 16), options)
        times[jobs] = monotonic() - begin
    print(
        f"16 CPU-bound checks: one slot {times[1]:.1f} s, two slots {times[2]:.1f} s, ratio {times[1] / times[2]:.2f}"
    )


def unchanged(folder: Path) -> None:
    """Whole process of a plan whose 40 checks are all in the store."""
    path = plan(folder, "trivial", 40)
    times = []
    for i in range(6):
        command = [sys.executable, "-m", "qmtestbed", "run", str(path), "--out", str(folder / f"u{i}")]
        begin = monotonic()
        done = subprocess.run([*command, "--aits", str(folder / "aits")], capture_output=True)
        times.append(monotonic() - begin)
        if done.returncode:
            raise SystemExit(done.stderr.decode())
    print(f"unchanged plan of 40 checks: median {statistics.median(times[1:]):.2f} s (first run {times[0]:.2f} s)")


def parent_memory(folder: Path) -> None:
    """Largest resident set of the parent alone for 10 and 1,000 checks, each in a process of its own."""
    code = (
        "import resource, sys; from pathlib import Path; from qmtestbed import pipeline\n"
        "plan, out, aits = map(Path, sys.argv[1:])\n"
        "pipeline.run(plan, pipeline.Options(out=out, aits=(aits,), cache=False))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    registered_model(folder)
    for ait, what in (("counted", "of a registered model"), ("trivial", "of a table alone, without MLflow")):
        sizes = {}
        for count in (10, 1000):
            out = str(folder / f"{ait}-{count}")
            arguments = [str(plan(folder, ait, count)), out, str(folder / "aits")]
            done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
            sizes[count] = int(done.stdout) / 1024
        change = sizes[1000] / sizes[10] - 1
        print(f"parent, {what}: {sizes[10]:.0f} MB at 10 checks, {sizes[1000]:.0f} MB at 1,000 ({change:+.0%})")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
