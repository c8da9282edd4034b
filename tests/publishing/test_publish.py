"""A published site: what is in it, that nothing changes without need, and that no name gets out of it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from qmtestbed import pipeline
from qmtestbed.errors import InputError, IntegrityError
from qmtestbed.pipeline import Options

Runs = Mapping[str, Path]


def state(site: Path) -> dict[str, tuple[str, int]]:
    """Digest and time of change of every file."""
    return {
        p.relative_to(site).as_posix(): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns)
        for p in sorted(site.rglob("*"))
        if p.is_file()
    }


def digests(site: Path) -> dict[str, str]:
    return {name: digest for name, (digest, _) in state(site).items()}


@pytest.fixture(scope="module")
def site(run_dirs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All four runs, published one by one, oldest first."""
    folder = tmp_path_factory.mktemp("site") / "site"
    for name in ("met", "not_met", "open", "better"):
        pipeline.publish([run_dirs[name]], folder, Options())
    return folder


def test_what_lies_in_it(site: Path, run_dirs: Runs) -> None:
    names = set(digests(site))
    assert {"index.html", "site.json", "churn/index.html", "churn/badge.svg", "churn/badge.json"} <= names
    ids = {json.loads((run_dirs[n] / "run.json").read_text())["run"] for n in run_dirs}
    for run in ids:
        for page in ("report.html", "summary.md", "junit.xml", "published.json"):
            assert f"runs/churn/{run}/{page}" in names
    assert len(names) == 5 + 4 * 4
    listed = json.loads((site / "site.json").read_text("utf-8"))
    assert [r["as_of"] for r in listed["runs"]] == ["2026-10-01", "2026-10-08", "2026-10-15", "2026-11-03"]
    assert [r["verdict"] for r in listed["runs"]] == ["met", "not_met", "undetermined", "met"]
    assert {r["run"] for r in listed["runs"]} == ids
    assert all((site / r["folder"] / "report.html").is_file() for r in listed["runs"])
