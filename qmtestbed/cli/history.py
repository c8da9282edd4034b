"""``qmtestbed history NAME``."""

from __future__ import annotations

import argparse
import fnmatch
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from qmtestbed.cli import common
from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode
from qmtestbed.foreign import escaped

if TYPE_CHECKING:
    from qmtestbed.types.history import Assessed, Number

HELP = "verdicts and measures of a registered model over its versions, from MLflow"

_COLUMN = 22


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument("name", metavar="NAME", help="registered model")
    parser.add_argument(
        "--measure", action="append", metavar="PATTERN",
        help="measures to show, such as 'performance/accuracy' or '*recall*'; may be given again",
    )  # fmt: skip
    parser.add_argument(
        "--last", type=common.positive, default=6, metavar="N", help="how many assessments (default: 6)"
    )
    parser.add_argument("--json", action="store_true", help="everything, as JSON")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Print the history."""
    from qmtestbed import pipeline

    found = pipeline.history(arguments.name)
    if arguments.json:
        print(escaped(json.dumps([asdict(a) for a in found], ensure_ascii=False, indent=1)))
        return ExitCode.MET
    if not found:
        say(f"no assessment of {arguments.name} was written to MLflow yet; evaluate, run and gate do with --log")
        return ExitCode.MET
    shown = found[-arguments.last :]
    for line in (*_verdicts(shown), "", *_measures(shown, arguments.measure)):
        say(line)
    if len(shown) < len(found):
        say(f"({len(found) - len(shown)} earlier assessments are not shown; --last {len(found)} shows them)")
    return ExitCode.MET


def _verdicts(shown: Sequence[Assessed]) -> list[str]:
    lines = []
    for a in shown:
        bears = f" @{', @'.join(a.aliases)}" if a.aliases else "" if a.there else " (deleted)"
        lines.append(f"version {a.version}{bears}  {a.as_of}  {a.verdict.replace('_', ' ').upper():<13} {a.criteria}")
        lines.append(f"    plan {a.plan or '?'} · data {a.data or '?'} · {a.page or f'MLflow run {a.run}'}")
    if len({a.data for a in shown}) > 1:
        lines.append("not all of these are of the same data: numbers of different data can't be compared")
    return lines


def _measures(shown: Sequence[Assessed], patterns: Sequence[str] | None) -> list[str]:
    names = list(dict.fromkeys(name for a in shown for name in a.measures))
    if patterns:
        names = [n for n in names if any(fnmatch.fnmatchcase(n, p) for p in patterns)]
    else:
        names = [n for n in names if n.count("/") == 1]  # those with a key are many
    width = max([len(n) for n in names] + [8])
    heads = [f"version {a.version}" + (f" {a.plan[:6]}" if _repeated(a, shown) else "") for a in shown]
    rows = [["measure", *heads], *([n, *(_cell(a.measures.get(n)) for a in shown)] for n in names)]
    return ["".join(f"{cell:<{width}}" if i == 0 else f"  {cell:>{_COLUMN}}" for i, cell in enumerate(r)) for r in rows]


def _repeated(one: Assessed, shown: Sequence[Assessed]) -> bool:
    return sum(a.version == one.version for a in shown) > 1


def _cell(number: Number | None) -> str:
    if number is None:
        return "–"
    if number.low is None or number.high is None:
        return f"{number.value:.4g}"
    return f"{number.value:.3f} [{number.low:.3f}, {number.high:.3f}]"
