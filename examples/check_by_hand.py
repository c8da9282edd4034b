"""Check every number on the page of an example's run by computing it again without qmtestbed.

Usage: python examples/check_by_hand.py RUN_DIR

The data lie in ``data`` beside RUN_DIR and the model in ``mlflow.db`` there, as ``train.py`` has left them. Prints a
table; exit code 1 on a number that disagrees or that nothing was computed for.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from by_hand import tables
from by_hand.case import Case
from hand_check import (
    HandTable,
    HandText,
    compare,
    concluded,
    first_screen,
    judged,
    records,
    report,
    sample_sizes,
    uncovered,
)

MODULES = {"loans": ("classes", "groups"), "diabetes": ("values",)}
"""Where the functions of each example lie; one that computes an AIT's measures again bears its name."""


def main(run_dir: Path) -> int:
    """Compute, compare, print; 0 if all agrees."""
    case = Case(run_dir)
    rooms = [tables, *(importlib.import_module(f"by_hand.{m}") for m in MODULES[case.plan["component"]["name"]])]
    found: dict[tuple[str, str], Any] = {}
    for check, record in records(run_dir).items():
        for compute in (f for room in rooms if (f := getattr(room, record["program"]["id"], None))):
            claims = compute(case, record["parameters"])
            found |= {(check, measure): claim for measure, claim in claims.items()}
        rows = f"{len(case.test):,}"
        found[check, "items"] = HandText(f"{rows} of {rows} items measured", "rows of test.parquet")
        if record["program"]["id"] == "record_duplicates":
            found[check, "figure examples"] = HandTable([], "no row is repeated")
    for name, table in (("test", case.test), ("train", case.train)):
        size = f"{len(table):,} rows × {len(table.columns)} columns"
        found["", f"data, {name}"] = HandText(f"data/{name}.parquet {size}", f"shape of {name}.parquet")
    verdicts = judged(case.plan, found)
    found |= {**verdicts, **sample_sizes(case.plan, found), **first_screen(case.plan, verdicts)}
    found |= concluded(run_dir, verdicts)
    covered = {name for room in rooms for name in vars(room)}
    return report([*uncovered(run_dir, covered), *compare(run_dir, found)])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
