"""A run that is killed goes on where it stopped, and several at once don't disturb each other."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

MANIFEST = """
schema: qmtestbed/ait/v1
id: nap
version: 1.0.0
title: Nap
quality: operation
method: Sleeps for a moment
references: []
informs: {}
inputs: {data: {kind: table}}
parameters: {n: {type: integer, default: 0}}
measures: {rows: {unit: rows, range: [0, null], better: higher}}
"""
PROGRAM = (
    "import time\n\n\ndef measure(data, *, n=0):\n    time.sleep(0.15)\n    return {'rows': len(data.frame) + n}\n"
)
CHECKS = 12
MOMENTS = 12


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "aits" / "nap").mkdir(parents=True)
    (tmp_path / "aits" / "nap" / "ait.yaml").write_text(MANIFEST, "utf-8")
    (tmp_path / "aits" / "nap" / "measure.py").write_text(PROGRAM, "utf-8")
    (tmp_path / "t.csv").write_text("a\n1\n2\n", "utf-8")
    checks = "".join(
        f"  c{n}: {{ait: nap, with: {{data: t}}, params: {{n: {n}}}, expect: [rows >= 1]}}\n" for n in range(CHECKS)
    )
    plan = f"schema: qmtestbed/plan/v1\ncomponent: c\ninventories: {{t: t.csv}}\nchecks:\n{checks}"
    (tmp_path / "plan.yaml").write_text(plan, "utf-8")
    return tmp_path


def command(out: str) -> list[str]:
    return [
        sys.executable, "-m", "qmtestbed", "run", "plan.yaml", "--aits", "aits", "--out", out, "--no-cache",
        "--as-of", "2026-11-20",
    ]  # fmt: skip


def records(folder: Path) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in (folder / "records").glob("*.json")}


def test_killed_at_random_moments_and_resumed(project: Path) -> None:
    moments, killed = random.Random(0), 0
    for _ in range(MOMENTS):
        before = records(project / "out")
        process = subprocess.Popen(command("out"), cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=moments.uniform(0.05, 1.4))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
        after = records(project / "out")
        assert before.items() <= after.items()  # what had a record was not run again, nor lost
    assert killed >= MOMENTS // 4
    assert subprocess.run(command("out"), cwd=project, capture_output=True).returncode == 0
    assert subprocess.run(command("whole"), cwd=project, capture_output=True).returncode == 0
    resumed, whole = (json.loads((project / n / "assessment.json").read_bytes()) for n in ("out", "whole"))
    assert resumed == whole
    assert len(records(project / "out")) == CHECKS
    assert not list((project / "out").rglob(".*.part"))


def test_no_child_survives_a_killed_run(project: Path) -> None:
    (project / "aits" / "nap" / "measure.py").write_text(
        "import time\n\n\ndef measure(data, *, n=0):\n    time.sleep(300)\n"
    )
    mark = f"QMT-RESUME-TEST-{project}"  # another session of these tests may be running beside this one
    marked = {**os.environ, "TZ": mark}  # one of the few variables that children are given
    process = subprocess.Popen(command("out"), cwd=project, env=marked, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 120
        while not any(runs_a_job(pid) for pid in bearing(mark.encode())) and time.monotonic() < until:
            time.sleep(0.1)
        assert time.monotonic() < until, "no job was started"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    until = time.monotonic() + 5
    while bearing(mark.encode()) and time.monotonic() < until:
        time.sleep(0.1)
    assert bearing(mark.encode()) == []


def bearing(mark: bytes) -> list[int]:
    """Processes that were started with a mark in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def runs_a_job(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink().name.startswith("qmt-job-")
    except OSError:  # it has ended
        return False


def test_four_runs_at_once_on_one_store(store: object, tmp_path: Path) -> None:
    import shutil

    folder: Path = store.folder  # type: ignore[attr-defined]
    for name in ("test.parquet", "mlflow.db"):
        shutil.copy(folder / name, tmp_path)
    (tmp_path / "plan.yaml").write_text(
        "schema: qmtestbed/plan/v1\ncomponent: churn\n"
        "inventories: {model: models:/churn@champion, test: {uri: test.parquet, label: churned, ignore: [spend]}}\n"
        "checks: {p: {ait: classification_performance, with: {model: model, data: test}, expect: [accuracy >= 0.5]}}\n"
    )
    base: dict[str, str] = store.environment  # type: ignore[attr-defined]
    environment = {**base, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}"}
    arguments = [sys.executable, "-m", "qmtestbed", "run", "plan.yaml", "--as-of", "2026-11-20", "--out"]
    runs = [
        subprocess.Popen([*arguments, f"out{i}"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
        for i in range(4)
    ]
    ended = [(r.communicate(timeout=240)[1], r.returncode) for r in runs]
    assert [code for _, code in ended] == [0] * 4, ended
    assessments = {(tmp_path / f"out{i}" / "assessment.json").read_bytes() for i in range(4)}
    assert len(assessments) == 1


def test_a_full_disk_is_said_and_the_run_goes_on_when_there_is_room(project: Path) -> None:
    small = project / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small file system can't be mounted here: " + mounted.stderr.decode().strip())
    try:
        full = subprocess.run(command("small/out"), cwd=project, capture_output=True, text=True)
        assert full.returncode == 4 and "No space left on device" in full.stderr, full.stderr
        assert "Traceback" not in full.stderr and "free some space" in full.stderr
        subprocess.run(["mount", "-o", "remount,size=8m", str(small)], check=True)
        again = subprocess.run(command("small/out"), cwd=project, capture_output=True, text=True)
        assert again.returncode == 0, again.stderr
    finally:
        subprocess.run(["umount", str(small)], check=True)
