"""How long the page of a run takes: ``python benchmarks/pages.py RUN_DIR``; its checks are repeated up to 50 and 1,000.

Each copy has a record of its own, so nothing is drawn once for all. ``first`` compiles the templates, as a command does
that makes one page; ``again`` has them.
"""

from __future__ import annotations

import dataclasses
import itertools
import statistics
import sys
import time
from pathlib import Path

from qmtestbed.catalogue import Catalogue
from qmtestbed.evidence import RunFolder
from qmtestbed.judging import judge
from qmtestbed.render import html, page
from qmtestbed.types.assessment import Assessment
from qmtestbed.types.evidence import Evidence


def main(run: Path) -> None:
    """Print processor time, as the machine is shared: the best of several, and the median."""
    evidence = RunFolder(run).read()
    for checks, times in ((50, 15), (1000, 3)):
        longer = repeated(evidence, checks)
        assessment = judge(longer)
        size = len(page(longer, assessment, Catalogue().report("quality").folder).encode())
        figures = sum(len(r.resources) for r in longer.records.values())
        print(f"{checks:>5} checks, {figures:>5} resources  {size:>9,} bytes", end="")
        for word, anew in (("first", True), ("again", False)):
            spent = sorted(_milliseconds(longer, assessment, anew) for _ in range(times))
            print(f"  {word}: best {spent[0]:5.0f} ms, median {statistics.median(spent):5.0f} ms", end="")
        print()


def repeated(evidence: Evidence, checks: int) -> Evidence:
    """Give the evidence with its checks over and over, until there are so many of them."""
    planned, records, made = {}, dict(evidence.records), {}
    named = [(name, key) for name, key in evidence.info.checks.items() if key in records]
    for i, (name, key) in enumerate(itertools.islice(itertools.cycle(named), checks)):
        copy = dataclasses.replace(records[key], key=f"{i:064x}")
        planned[f"{name} {i}"], made[copy.key] = evidence.plan.checks[name], copy
    known = {name: record.key for name, record in zip(planned, made.values(), strict=True)}
    plan, info = dataclasses.replace(evidence.plan, checks=planned), dataclasses.replace(evidence.info, checks=known)
    others = {k: r for k, r in records.items() if k not in {key for _, key in named}}
    return dataclasses.replace(evidence, plan=plan, info=info, records={**others, **made})


def _milliseconds(evidence: Evidence, assessment: Assessment, anew: bool) -> float:
    if anew:
        html._environment.cache_clear()
    folder = Catalogue().report("quality").folder
    began = time.process_time()
    page(evidence, assessment, folder)
    return (time.process_time() - began) * 1000


if __name__ == "__main__":
    main(Path(sys.argv[1]))
