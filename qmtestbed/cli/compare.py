"""``qmtestbed compare RUN_A RUN_B …``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from qmtestbed.cli import common
from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode
from qmtestbed.foreign import inert

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qmtestbed.types.comparison import ComparedCriterion, Comparison

HELP = "compare finished runs with the first of them: verdicts, measures, and what was not the same"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN_DIR", help="folders of finished runs, two or more")
    parser.add_argument(
        "--out", type=Path, metavar="DIR",
        help="where compare.html and compare.json go (default: qmt-runs/compare-<component>-<n>)",
    )  # fmt: skip
    parser.add_argument(
        "--isolation", choices=("none", "process", "sandbox"), default="sandbox",
        help="how the children are contained that compare item by item (default: sandbox)",
    )  # fmt: skip
    parser.add_argument(
        "--jobs", type=common.positive, metavar="N", help="how many run at once (default: one per core)"
    )
    common.add_language(parser)
    common.add_content(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Compare, and say what changed."""
    from qmtestbed import pipeline
    from qmtestbed.cli.progress import watch

    compared = pipeline.compare(arguments.runs, common.options_of(arguments), watch())
    for line in lines(compared.comparison):
        say(line)
    say(f"Page:     {compared.page}")
    return ExitCode.MET


def lines(comparison: Comparison) -> Iterator[str]:
    """Give the comparison as lines of text, verdict changes first, worst first."""
    for i, run in enumerate(comparison.runs):
        c = run.headlines.criteria
        counts = f": {common.count_text(comparison.counts[i - 1])}" if i else ""
        yield f"[{i + 1}] {inert(run.name)}  {inert(run.component)}, {run.as_of}, {c.met} of {c.judged} met{counts}"
    if len({run.component for run in comparison.runs}) > 1:
        yield "The runs are of different components: no difference is a change for better or worse."
    changed = [c for c in comparison.criteria if set(c.changes) - {"same", "absent"}]
    yield "Verdict changes:" if changed else "No verdict changed."
    for row in changed:
        yield f"  {' / '.join(c.upper() for c in row.changes)}  {inert(row.check)}: {inert(row.text)}: {_verdicts(row)}"
    for level in comparison.levels:
        if len(set(level.reached)) > 1:
            yield f"Level:    {inert(level.dimension)}: {' -> '.join(r or 'none' for r in level.reached)}"
    if comparison.differences:
        yield "What was different:"
    for d in comparison.differences:
        subject = f" {inert(d.subject)}" if d.subject else ""
        yield f"  {d.kind}{subject}: {' -> '.join(inert(v) if v else '-' for v in d.values)}"
    yield from _shown(comparison)


def _verdicts(row: ComparedCriterion) -> str:
    values = (f" ({c.value:.4g})" if c is not None and c.value is not None else "" for c in row.found)
    return " -> ".join(common.verdict_text(c) + value for c, value in zip(row.found, values, strict=True))


def _shown(comparison: Comparison) -> Iterator[str]:
    """Name the measures of which an interval shows that they differ."""
    found = [
        (check, measure, i, apart)
        for check in comparison.checks
        for measure in check.measures
        for i, apart in enumerate(measure.apart, 2)
        if apart is not None and apart.shown in ("better", "worse", "different")
    ]
    if found:
        yield "Measures that are shown to differ from [1] (about one in twenty is by chance at 95 %):"
    for check, measure, i, a in found:
        key = f"[{inert(measure.key)}]" if measure.key else ""
        low, high = a.low or 0.0, a.high or 0.0
        interval = f"{a.difference:+.4g} [{low:.4g}, {high:.4g}]"
        yield f"  [{i}] {inert(check.id)}: {inert(measure.measure)}{key} {a.shown.upper()}  {interval}, {a.how}"
