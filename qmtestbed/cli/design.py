"""``qmtestbed design draft|check``: an attribute design to begin with, and one looked through."""

from __future__ import annotations

import argparse
from pathlib import Path

from qmtestbed.cli import common
from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode, InputError, Problem

HELP = "propose an attribute design from a table, or check one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    drafting = actions.add_parser("draft", help="write a design of the values in a table; never overwrites")
    drafting.add_argument("data", type=Path, metavar="DATA", help="table (.parquet, .csv, .tsv)")
    drafting.add_argument("--columns", nargs="+", default=[], metavar="COLUMN", help="look at these (default: all)")
    drafting.add_argument("--label", metavar="COLUMN", help="column that holds the truth, which is no attribute")
    drafting.add_argument("--out", type=Path, metavar="FILE", help="where to write it (default: print it)")
    common.add_isolation(drafting)
    common.add_language(drafting)
    checking = actions.add_parser("check", help="find what is wrong with a design")
    checking.add_argument("design", type=Path, metavar="DESIGN")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Draft or check."""
    from qmtestbed import pipeline
    from qmtestbed.cli.progress import watch

    if arguments.action == "check":
        design = pipeline.check_design(arguments.design)
        sizes = ", ".join(f"{name} ({len(values)})" for name, values in design.values.items())
        say(f"{arguments.design}: can be used; {len(design.values)} attributes: {sizes}")
        say(
            f"{len(design.exclusions)} exclusions, {len(design.risk_cases)} risk cases, "
            f"expected frequencies of {len(design.frequencies)} attributes"
        )
        return ExitCode.MET
    path, arguments.out = arguments.out, None
    if path is not None and path.exists():
        raise InputError(Problem("there is a file of that name already", str(path), do="give another --out"))
    options = common.options_of(arguments)
    drafted = pipeline.draft_design(arguments.data, options, arguments.columns, arguments.label, watch())
    if path is None:
        print(drafted.content.decode(), end="")
        return ExitCode.MET
    pipeline.write_new(path, drafted.content)
    say(f"{path}: {len(drafted.design.values)} attributes; {len(drafted.left_out)} columns left out")
    return ExitCode.MET
