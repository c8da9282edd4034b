"""Every exit code, run for real as a user runs it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., subprocess.CompletedProcess[str]]


def replace_in(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def quiet(done: subprocess.CompletedProcess[str]) -> str:
    """Give the output, and make sure that no traceback is in it."""
    output = done.stdout + done.stderr
    assert "Traceback" not in output
    return output


@pytest.fixture
def data_only(project: Path) -> Path:
    """A plan without a model: quick to run."""
    text = (project / "plan.yaml").read_text("utf-8")
    begin, end = text.index("  performance:\n"), text.index("  completeness:\n")
    (project / "plan.yaml").write_text(text[:begin] + text[end:], "utf-8")
    return project


def test_0_when_all_is_met_and_1_under_a_harder_limit(project: Path, cli: Cli) -> None:
    done = cli("run", "plan.yaml", "--out", "out")
    output = quiet(done)
    assert done.returncode == 0, output
    assert "Criteria: 3 of 3 met" in output and "Exit code 0" in output
    written = {p.name for p in (project / "out").iterdir()}
    assert written >= {
        "assessment.json", "bundle.json", "declared", "guidelines", "junit.xml", "logs", "manifests",
        "plan.source.yaml", "plan.yaml", "records", "report.html", "resources", "run.json", "summary.md", "views.json",
    }  # fmt: skip

    replace_in(project / "plan.yaml", "recall[yes] >= 0.5", "recall[yes] >= 0.999")
    judged = cli("judge", "out", "--plan", "plan.yaml", "--out", "harder")
    assert judged.returncode == 1, quiet(judged)
    verdicts = json.loads((project / "harder" / "assessment.json").read_text("utf-8"))
    counts = {"judged": 3, "met": 2, "not_met": 1, "undetermined": 0, "rated": 0, "false_alarms": 0.0}
    assert verdicts["headlines"]["criteria"] == counts
    for folder in ("out", "harder"):
        assert cli("verify", folder).returncode == 0


def test_2_when_the_sample_is_too_small_to_tell(data_only: Path, cli: Cli) -> None:
    replace_in(data_only / "plan.yaml", "expect: [value_completeness >= 0.99]", "expect: []")
    done = cli("run", "plan.yaml", "--out", "out")
    assert done.returncode == 2, quiet(done)  # nothing was judged


def test_3_for_a_fault_of_ours(tmp_path: Path) -> None:
    code = (
        "from qmtestbed.cli import app, run\n"
        "def boom(arguments): raise ZeroDivisionError('x')\n"
        "run.run = boom\n"
        "app.main(['run', 'plan.yaml'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 3
    assert "internal error: ZeroDivisionError: x" in quiet(done)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "usage"),
        (("nope",), "invalid choice"),
        (("run",), "required"),
        (("run", "nope.yaml"), "can't be read"),
        (("run", "plan.yaml", "--jobs", "0"), "at least 1"),
        (("evaluate", "models:/churn@champion"), "required"),
        (("evaluate", "m", "--data", "d", "--label", "y", "--level", "x"), "QUALITY=LEVEL"),
        (("judge", "."), "no finished run"),
        (("report", "."), "no finished run"),
        (("ait", "show", "data_completness"), "did you mean 'data_completeness'"),
        (("guideline", "show", "mlqm"), "did you mean 'mlqm@3'"),
        (("ait", "list", "--aits", "nowhere"), "no such folder"),
    ],
)
def test_4_for_wrong_usage(tmp_path: Path, cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    done = cli(*arguments)
    assert done.returncode == 4
    assert said in quiet(done)
    assert not list(tmp_path.iterdir())  # nothing is written half


def test_5_when_evidence_was_altered(data_only: Path, cli: Cli) -> None:
    assert cli("run", "plan.yaml", "--out", "out").returncode == 0
    record = next((data_only / "out" / "records").iterdir())
    record.write_bytes(record.read_bytes().replace(b'"value":', b'"value": ', 1) + b" ")
    done = cli("judge", "out")
    assert done.returncode == 5
    assert "evidence is altered" in quiet(done)


def test_5_when_pinned_data_changed(data_only: Path, cli: Cli) -> None:
    assert cli("run", "plan.yaml", "--out", "out").returncode == 0
    again = cli("run", "out/plan.yaml", "--out", "again")
    assert again.returncode == 0, quiet(again)
    (data_only / "test.parquet").write_bytes((data_only / "train.parquet").read_bytes())
    changed = cli("run", "out/plan.yaml", "--out", "third")
    assert changed.returncode == 5
    assert "is not what the plan pins it to" in quiet(changed)
    assert not (data_only / "third").exists()


def test_130_when_interrupted_and_the_same_command_goes_on(data_only: Path, cli: Cli) -> None:
    slow = data_only / "aits" / "slow"
    slow.mkdir(parents=True)
    (slow / "ait.yaml").write_text(SLOW, "utf-8")
    (slow / "measure.py").write_text("import time, pathlib\n\ndef measure(data):\n    time.sleep(60)\n", "utf-8")
    with (data_only / "plan.yaml").open("a", encoding="utf-8") as plan:
        plan.write("")
    replace_in(data_only / "plan.yaml", "declarations:", "  wait: {ait: slow, with: {data: test}}\ndeclarations:")
    command = [sys.executable, "-m", "qmtestbed", "run", "plan.yaml", "--out", "out", "--aits", "aits", "--jobs", "2"]
    # A shell starts its background jobs, and so perhaps these tests, with interrupts ignored: not so for a user's run.
    process = subprocess.Popen(
        command,
        cwd=data_only,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    until = time.monotonic() + 60
    while not list((data_only / "out").glob("records/*.json")) and time.monotonic() < until:
        time.sleep(0.1)
    children = [pid for p in Path(f"/proc/{process.pid}/task").glob("*/children") for pid in p.read_text().split()]
    assert children
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    try:
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert time.monotonic() - begin < 2
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    kept = list((data_only / "out").glob("records/*.json"))
    assert len(kept) == 1 and not (data_only / "out" / "bundle.json").exists()

    (slow / "measure.py").write_text("def measure(data):\n    return {'rows': len(data.frame)}\n", "utf-8")
    before = kept[0].stat().st_mtime_ns
    done = cli("run", "plan.yaml", "--out", "out", "--aits", "aits")
    assert done.returncode == 0, quiet(done)
    assert kept[0].stat().st_mtime_ns == before  # what had a record was not run again


SLOW = """
schema: qmtestbed/ait/v1
id: slow
version: 1.0.0
title: Slow
quality: operation
method: Waits
references: []
informs: {}
inputs: {data: {kind: table}}
measures: {rows: {unit: count, range: [0, null]}}
"""
