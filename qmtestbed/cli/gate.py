"""``qmtestbed gate models:/churn@candidate --plan plan.yaml --promote champion``."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from qmtestbed.cli import common
from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode

if TYPE_CHECKING:
    from qmtestbed.pipeline import GateOutcome

HELP = "assess a version of a registered model, and move an alias to it only if the requirement is met"

_UNITS = {"min": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365.25 * 86400}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument("model", metavar="MODEL", help="models:/name@alias or models:/name/1")
    parser.add_argument("--plan", type=Path, required=True, metavar="PLAN", help="plan that the version has to meet")
    parser.add_argument("--promote", required=True, metavar="ALIAS", help="alias to move, such as champion")
    parser.add_argument(
        "--max-age", type=_age, metavar="AGE", help="how old evidence may be to be used again, such as 7d or 12h"
    )
    parser.add_argument("--by", metavar="NAME", help="who asks, for the tags (default: the user of this machine)")
    parser.add_argument("--dry-run", action="store_true", help="assess, but write nothing to MLflow")
    common.add_out(parser)
    common.add_isolation(parser)
    common.add_samples(parser)
    common.add_judging(parser)
    common.add_since(parser, "--baseline")
    common.add_content(parser)


def _age(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(min|h|d|w)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not an age such as 30min, 12h, 7d or 2w")
    seconds = float(found[1]) * _UNITS[found[2]]
    if seconds > 100 * _UNITS["y"]:
        raise argparse.ArgumentTypeError(f"{text!r} is longer than a hundred years")
    return seconds


def run(arguments: argparse.Namespace) -> ExitCode:
    """Ask the gate, and say what it decided."""
    from qmtestbed import pipeline
    from qmtestbed.cli.progress import watch

    asked = pipeline.Gate(arguments.model, arguments.plan, arguments.promote, arguments.dry_run, arguments.by)
    decided = pipeline.gate(asked, common.options_of(arguments), watch())
    common.print_outcome(decided.outcome)
    for note in decided.notes:
        say(f"Evidence: {note}")
    say(f"Gate:     {_said(decided, arguments.promote)}")
    if decided.exit_code != decided.outcome.exit_code:
        say(f"Exit code {int(decided.exit_code)}: not promoted")
    return decided.exit_code


def _said(decided: GateOutcome, alias: str) -> str:
    who = f"{decided.version.name} version {decided.version.number}"
    bearer = f"version {decided.before.number}" if decided.before else "no version"
    if decided.decision == "not promoted":
        return f"{who} is not promoted: {decided.why}; {alias} stays with {bearer}"
    if decided.decision == "bears it already":
        return f"{who} is {alias} already, and may be"
    if decided.decision == "would be promoted":
        return f"{who} would be {alias} (now {bearer}); nothing was written"
    return f"{who} is {alias} now (before: {bearer})"
