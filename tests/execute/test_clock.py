"""A clock that is set back while a run goes on changes the dates it writes, and nothing else."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from qmtestbed import pipeline
from qmtestbed.execute import launcher

MANIFEST = """
schema: qmtestbed/ait/v1
id: count
version: 1.0.0
title: Count
quality: operation
method: For tests
references: []
informs: {}
inputs: {data: {kind: table}}
parameters: {n: {type: integer, default: 0}}
measures: {rows: {unit: rows, range: [0, null], better: higher}}
limits: {timeout: 20s}
"""


def run(folder: Path, out: str) -> pipeline.Outcome:
    (folder / "aits" / "count").mkdir(parents=True, exist_ok=True)
    (folder / "aits" / "count" / "ait.yaml").write_text(MANIFEST, "utf-8")
    program = "def measure(data, *, n=0):\n    return {'rows': len(data.frame)}\n"
    (folder / "aits" / "count" / "measure.py").write_text(program, "utf-8")
    (folder / "t.csv").write_text("a\n1\n2\n3\n", "utf-8")
    checks = "".join(f"  c{n}: {{ait: count, with: {{data: t}}, params: {{n: {n}}}, expect: [rows >= 3]}}\n"
                     for n in range(4))  # fmt: skip
    plan = f"schema: qmtestbed/plan/v1\ncomponent: c\ninventories: {{t: t.csv}}\nchecks:\n{checks}"
    (folder / "plan.yaml").write_text(plan, "utf-8")
    options = pipeline.Options(out=folder / out, aits=(folder / "aits",), jobs=2, cache=False, as_of="2026-11-20")
    return pipeline.run(folder / "plan.yaml", options)


def test_durations_time_limits_and_verdicts_do_not_follow_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = run(tmp_path, "usual")
    hours = itertools.count()

    class SetBack(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]  # one hour earlier at every look
            return datetime(2026, 11, 20, tzinfo=UTC) - timedelta(hours=next(hours))

    monkeypatch.setattr(launcher, "datetime", SetBack)
    late = run(tmp_path, "late")
    records = late.evidence.records.values()
    assert len({r.started for r in records}) == 4 and all(r.started < "2026-11-20T00:01" for r in records)
    assert all(r.status == "measured" and 0 < r.seconds < 20 for r in records)
    assert late.assessment == usual.assessment
    assert {r.evidence_digest for r in records} == {r.evidence_digest for r in usual.evidence.records.values()}
