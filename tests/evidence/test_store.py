"""The store: what is used again, what never is, and that a damaged entry is no entry."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import qmtestbed
from qmtestbed.evidence import Store
from qmtestbed.pipeline import Outcome

PLAN = """
schema: qmtestbed/plan/v1
component: c
inventories: {t: {uri: t.csv, label: y}}
checks:
  gaps: {ait: data_completeness, with: {data: t}, expect: [value_completeness >= 0.5]}
  twins: {ait: record_duplicates, with: {data: t}, expect: [duplicate_count <= 5]}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.yaml").write_text(PLAN, "utf-8")
    (tmp_path / "t.csv").write_text("a,y\n" + "".join(f"{i},{i % 2}\n" for i in range(50)), "utf-8")
    return tmp_path


def reused(outcome: Outcome) -> dict[str, bool]:
    return {c: outcome.evidence.records[k].reused for c, k in outcome.evidence.info.checks.items()}


def run(out: str, **options: object) -> Outcome:
    return qmtestbed.run("plan.yaml", out=out, **options)


def test_a_second_run_executes_nothing_and_says_so(project: Path) -> None:
    first, second = run("a"), run("b")
    assert reused(first) == {"gaps": False, "twins": False}
    assert reused(second) == {"gaps": True, "twins": True}
    assert first.assessment == second.assessment  # where a record came from changes no verdict, and not the run's id
    assert "reused" in (project / "b" / "report.html").read_text("utf-8")


def test_a_changed_threshold_executes_nothing(project: Path) -> None:
    run("a")
    (project / "plan.yaml").write_text(PLAN.replace(">= 0.5", ">= 0.75"), "utf-8")
    assert all(reused(run("b")).values())


def test_a_changed_parameter_or_table_executes_what_it_concerns(project: Path) -> None:
    run("a")
    changed = PLAN.replace("{data: t}, expect: [value", "{data: t}, params: {also_missing: ['1']}, expect: [value")
    (project / "plan.yaml").write_text(changed, "utf-8")
    assert reused(run("b")) == {"gaps": False, "twins": True}
    with (project / "t.csv").open("a") as table:
        table.write("51,1\n")
    assert reused(run("c")) == {"gaps": False, "twins": False}


def test_a_changed_ait_executes_only_itself(project: Path) -> None:
    folder = project / "aits" / "mine"
    folder.mkdir(parents=True)
    (folder / "ait.yaml").write_text(MANIFEST, "utf-8")
    (folder / "measure.py").write_text("def measure(data):\n    return {'rows': len(data.frame)}\n")
    text = PLAN + "  mine: {ait: mine, with: {data: t}, expect: [rows >= 1]}\n"
    (project / "plan.yaml").write_text(text, "utf-8")
    aits = (project / "aits",)
    run("a", aits=aits)
    (folder / "measure.py").write_text("def measure(data):\n    return {'rows': len(data.frame) + 0}\n")
    assert reused(run("b", aits=aits)) == {"gaps": True, "twins": True, "mine": False}
    (folder / "ait.yaml").write_text(MANIFEST + "volatile: true\n", "utf-8")
    run("c", aits=aits)
    assert reused(run("d", aits=aits)) == {"gaps": True, "twins": True, "mine": False}  # volatile is never reused


def test_failures_are_never_reused(project: Path) -> None:
    folder = project / "aits" / "mine"
    folder.mkdir(parents=True)
    (folder / "ait.yaml").write_text(MANIFEST, "utf-8")
    (folder / "measure.py").write_text("def measure(data):\n    raise ValueError\n")
    text = PLAN + "  mine: {ait: mine, with: {data: t}, expect: [rows >= 1]}\n"
    (project / "plan.yaml").write_text(text, "utf-8")
    for out in ("a", "b"):
        outcome = run(out, aits=(project / "aits",))
        assert outcome.evidence.record_of("mine").status == "failed" and not reused(outcome)["mine"]


def test_no_cache(project: Path, own_store: Path) -> None:
    run("a", cache=False)
    assert Store(own_store).info().entries == 0
    run("b")
    assert not any(reused(run("c", cache=False)).values())


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: (entry / "record.json").write_bytes(b"{}"),
        lambda entry: (entry / "record.json").unlink(),
        lambda entry: (entry / "evidence.sha256").write_text("0" * 64),
        lambda entry: next(p for p in entry.iterdir() if len(p.name) == 64).write_bytes(b"x"),
        lambda entry: next(p for p in entry.iterdir() if len(p.name) == 64).unlink(),
        lambda entry: (entry / "record.json").write_bytes(
            (entry / "record.json").read_bytes().replace(b'"seed":0', b'"seed":1')
        ),
    ],
)
def test_a_damaged_entry_is_no_entry_and_is_mended(
    project: Path, own_store: Path, damage: Callable[[Path], object]
) -> None:
    key = run("a").evidence.info.checks["twins"]
    damage(own_store / "v1" / key[:2] / key)
    assert reused(run("b")) == {"gaps": True, "twins": False}
    assert reused(run("c")) == {"gaps": True, "twins": True}


def test_records_under_other_isolation_are_not_reused(project: Path, own_store: Path) -> None:
    outcome = run("a")
    record = outcome.evidence.record_of("gaps")
    assert record is not None
    store = Store(own_store)
    assert store.get(record.key, record.isolation) is not None
    assert store.get(record.key, ("process",)) is None
    assert store.get("0" * 64, record.isolation) is None


def test_many_writers_of_one_entry_leave_one_good_entry(project: Path, own_store: Path) -> None:
    outcome = run("a", cache=False)
    record = outcome.evidence.record_of("gaps")
    assert record is not None
    files = {r.sha256: outcome.folder / "resources" / f"{r.sha256}.json" for r in record.resources.values()}
    store = Store(own_store)
    threads = [threading.Thread(target=store.put, args=(record, files)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = store.get(record.key, record.isolation)
    assert found is not None and replace(found[0], reused=False) == record
    assert store.info().entries == 1


def test_two_runs_at_once_on_one_store(project: Path) -> None:
    command = [sys.executable, "-m", "qmtestbed", "run", "plan.yaml", "--out"]
    runs = [
        subprocess.Popen([*command, f"out{i}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for i in (1, 2)
    ]
    assert [r.wait(timeout=120) for r in runs] == [0, 0]
    one, two = (json.loads((project / f"out{i}" / "assessment.json").read_bytes()) for i in (1, 2))
    assert one == two


def test_a_store_that_can_t_be_written_to_is_no_error(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "file").write_text("no folder")
    monkeypatch.setenv("QMTESTBED_STORE", str(project / "file"))
    assert int(run("a").exit_code) == 0


def test_the_command(project: Path, own_store: Path) -> None:
    def cache(action: str) -> str:
        command = [sys.executable, "-m", "qmtestbed", "cache", action]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    run("a")
    assert "holds 2 records" in cache("info") and str(own_store) in cache("info")
    assert "removed 2 records" in cache("clear")
    assert "holds 0 records" in cache("info")


MANIFEST = """
schema: qmtestbed/ait/v1
id: mine
version: 1.0.0
title: Mine
quality: operation
method: Counts
references: []
informs: {}
inputs: {data: {kind: table}}
measures: {rows: {unit: rows, range: [0, null], better: higher}}
"""
