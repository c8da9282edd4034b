"""A program that misbehaves costs only itself: one run with all of them, and a good check beside them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qmtestbed import pipeline
from qmtestbed.ait import MASK
from qmtestbed.execute.launcher import child_environment
from qmtestbed.types.record import Record

MANIFEST = """
schema: qmtestbed/ait/v1
id: {id}
version: 1.0.0
title: A program that misbehaves
quality: operation
method: For tests
references: []
informs: {{}}
inputs: {{data: {{kind: table}}}}
measures: {{rows: {{unit: rows, range: [0, null], better: higher}}}}
limits: {{timeout: 3s, memory: 600MiB}}
"""

PROGRAMS = {
    "good": "return {'rows': len(data.frame)}",
    "raises": "raise KeyError('no such thing')",
    "exits_quietly": "import os; os._exit(0)",
    "exits_by_system_exit": "raise SystemExit(0)",
    "segfault": "import ctypes; ctypes.string_at(0)",
    "hangs": "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
    "eats_memory": "x = [bytearray(2**24) for _ in range(10**4)]",
    "returns_nan": "return {'rows': float('nan')}",
    "returns_infinity": "return {'rows': float('inf')}",
    "returns_text": "return {'rows': 'three'}",
    "returns_what_it_does_not_declare": "return {'rows': 3, 'columns': 2}",
    "returns_too_little": "return {}",
    "returns_nothing": "return None",
    "huge_message": "raise ValueError('x' * 10**6)",
    "half_a_pair": "from qmtestbed.ait import Undefined; return {'rows': Undefined('x\\ud800')}",
    "odd_message": "raise ValueError('<script>\\ud800\\x00\\u202e\\n::error::')",
    "reads_a_token": "import os; assert 'QMT_SECRET' not in os.environ; return {'rows': 1}",
    "link_as_result": (
        "import os; os.symlink('/etc/hostname', 'record.json'); os._exit(0)"
    ),
    "half_a_result": "open('record.json', 'w').write('{\"status\": \"measured\", '); import os; os._exit(0)",
    "a_made_up_status": "open('record.json', 'w').write('{\"status\": \"perfect\"}'); import os; os._exit(0)",
}  # fmt: skip

EXPECTED = {
    "good": ("measured", ""),
    "raises": ("failed", f"KeyError: '{MASK}'"),  # a key may be what stands in a cell
    "exits_quietly": ("failed", "without leaving a result"),
    "exits_by_system_exit": ("failed", "SystemExit"),
    "segfault": ("failed", "ended before it had a result"),
    "hangs": ("timed_out", "longer than its limit"),
    "eats_memory": ("out_of_memory", "more memory than its limit"),
    "returns_nan": ("failed", "not a finite number"),
    "returns_infinity": ("failed", "not a finite number"),
    "returns_text": ("failed", "rows"),
    "returns_what_it_does_not_declare": ("failed", "its manifest does not declare"),
    "returns_too_little": ("failed", "did not return all its measures"),
    "returns_nothing": ("failed", "must return a mapping"),
    "huge_message": ("failed", "ValueError: xxx"),
    "half_a_pair": ("failed", "UnicodeEncodeError"),
    "odd_message": ("failed", "<script>⟨U+D800⟩⟨U+0000⟩⟨U+202E⟩"),
    "reads_a_token": ("measured", ""),
    "link_as_result": ("failed", "can't be read"),
    "half_a_result": ("failed", "can't be read"),
    "a_made_up_status": ("failed", "can't be read"),
}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> pipeline.Outcome:
    folder = tmp_path_factory.mktemp("faults")
    for id, body in PROGRAMS.items():
        (folder / "aits" / id).mkdir(parents=True)
        (folder / "aits" / id / "ait.yaml").write_text(MANIFEST.format(id=id), "utf-8")
        (folder / "aits" / id / "measure.py").write_text(f"def measure(data):\n    {body}\n", "utf-8")
    (folder / "t.csv").write_text("a,b\n1,x\n2,y\n3,z\n")
    checks = "".join(f"  {id}: {{ait: {id}, with: {{data: t}}, expect: [rows >= 1]}}\n" for id in PROGRAMS)
    plan = f"schema: qmtestbed/plan/v1\ncomponent: faults\ninventories: {{t: t.csv}}\nchecks:\n{checks}"
    (folder / "plan.yaml").write_text(plan, "utf-8")
    os.environ["QMT_SECRET"] = "token"
    try:
        options = pipeline.Options(out=folder / "out", aits=(folder / "aits",), jobs=2)
        return pipeline.run(folder / "plan.yaml", options)
    finally:
        del os.environ["QMT_SECRET"]


def record(outcome: pipeline.Outcome, check: str) -> Record:
    found = outcome.evidence.record_of(check)
    assert found is not None
    return found


@pytest.mark.parametrize("check", sorted(PROGRAMS))
def test_each_has_a_record_that_says_what_happened(outcome: pipeline.Outcome, check: str) -> None:
    status, said = EXPECTED[check]
    found = record(outcome, check)
    assert found.status == status, found.error
    if said:
        assert found.error is not None and said in found.error.what
        assert len(found.error.what) <= 2100 and found.error.do


def test_only_what_was_measured_is_met(outcome: pipeline.Outcome) -> None:
    verdicts = {c.id: c.verdict for c in outcome.assessment.checks}
    assert verdicts == {id: "met" if EXPECTED[id][0] == "measured" else "undetermined" for id in PROGRAMS}
    assert int(outcome.exit_code) == 2


def test_the_good_one_is_right_and_its_cost_is_known(outcome: pipeline.Outcome) -> None:
    good = record(outcome, "good")
    assert good.measures["rows"].value == 3 and good.items is not None and good.items.planned == 3
    assert good.seconds > 0 and good.peak_memory > 10**7
    assert "process" in good.isolation and "environment" in good.isolation


def test_a_failure_names_the_line(outcome: pipeline.Outcome) -> None:
    error = record(outcome, "raises").error
    assert error is not None and error.where == "raises/measure.py:2"


def test_the_page_shows_every_failure_and_no_markup_of_theirs(outcome: pipeline.Outcome) -> None:
    page = outcome.page.read_text("utf-8")
    assert all(f"{id}" in page for id in PROGRAMS)
    assert "<script" not in page and "\u202e" not in page and "\x00" not in page


def test_the_environment_of_a_child_is_an_allow_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    environment = child_environment(tmp_path, 1)
    assert environment["HOME"] == str(tmp_path) and environment["OMP_NUM_THREADS"] == "1"
    assert set(environment) <= {
        "PATH", "LANG", "LC_ALL", "TZ", "HOME", "TMPDIR", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE",
        "MLFLOW_DISABLE_TELEMETRY", "MPLBACKEND", "ORT_DISABLE_TELEMETRY",
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    }  # fmt: skip
