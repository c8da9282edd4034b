"""Make every number on the pages of the demo anew, without qmtestbed: ``python demo/check_by_hand.py RUN_DIR...``.

Prints a table for each run, and exits 1 where a number of the page and the one made by hand differ, or where none was
made by hand. Needs the libraries of ``pip install qmtestbed[dev]`` and a minute.
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from itertools import groupby
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
os.environ.setdefault("OMP_NUM_THREADS", "1")

from by_hand import verdicts
from by_hand.base import BY_HAND, Case, Run
from hand_check import HandText, Key, Line, compare, report, uncovered

for module in ("files", "images", "leakage", "models", "outlying", "predictions", "refits", "slices", "tables"):
    importlib.import_module(f"by_hand.{module}")  # each adds its AITs to BY_HAND
FEW = 4
"""Keys of one measure that get a line each; more that all agree share one."""
TITLES = {"by-plan": "by plan", "without-plan": "without a plan"}


def numbers(run: Run) -> dict[Key, Any]:
    """Make the numbers of every check; one whose AIT is not covered has none, and its lines disagree."""
    made: dict[Key, Any] = {}
    for check, record in run.records.items():
        ait = record["program"]["id"]
        for name, one in (BY_HAND[ait](Case(run, check)) if ait in BY_HAND else {}).items():
            of_page = isinstance(one, HandText) and not name.startswith("finding")
            made[("", f"{check}: {name}") if of_page else (check, name)] = one
    return made


def together(lines: list[Line]) -> list[Line]:
    """Give one line to the many keys of a measure where all of them agree: the first and the last."""
    found: list[Line] = []
    for (check, measure, how, agrees), group in groupby(
        lines, key=lambda line: (line.check, line.measure.partition("[")[0], line.how, line.agrees)
    ):
        few = list(group)
        if not agrees or len(few) <= FEW or not check or measure.startswith(("criteria table", "criterion")):
            found += few
            continue
        ends = [(line.measure[len(measure) + 1 : -1], line) for line in (few[0], few[-1])]
        page, hand = (" … ".join(f"{key}: {getattr(line, name)}" for key, line in ends) for name in ("page", "by_hand"))
        found.append(Line(check, f"{measure}[{len(few)} keys]", page, hand, how, True))
    return found


def main(folders: list[Path]) -> int:
    """Check the runs; 1 if a number does not agree or none is given."""
    warnings.filterwarnings("ignore")
    failed = int(not folders)
    for folder in folders:
        run = Run(folder)
        made = numbers(run)
        print(f"\n## demo: {run.folder.parent.name} {TITLES.get(folder.name, folder.name)}\n")
        lines = [
            *uncovered(folder, BY_HAND),
            *compare(folder, made | verdicts.texts(run, made)),
            *verdicts.cells(run, made),
        ]
        failed |= report(together(lines))
        print(f"They stand for {len(lines)} comparisons, of which {sum(line.agrees for line in lines)} agree.")
    assert "qmtestbed" not in sys.modules
    return failed


if __name__ == "__main__":
    raise SystemExit(main([Path(a) for a in sys.argv[1:]]))
