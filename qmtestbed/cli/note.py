"""``qmtestbed note RUN_DIR --check performance "…" --by …``."""

from __future__ import annotations

import argparse
from pathlib import Path

from qmtestbed.cli import common
from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode

HELP = "add a remark to a finished run, and show it on its pages; no verdict changes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="folder of a finished run")
    parser.add_argument("text", metavar="TEXT", help="what is to be said; it stays, and can't be taken back")
    parser.add_argument("--by", required=True, metavar="NAME", help="who says it")
    about = parser.add_mutually_exclusive_group()
    about.add_argument("--check", metavar="ID", help="the check that it is about (default: the run as a whole)")
    about.add_argument("--requirement", metavar="ID", help="the requirement that it is about")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Add the remark."""
    from qmtestbed import pipeline

    said = pipeline.Said(arguments.text, arguments.by, arguments.check, arguments.requirement)
    remark = pipeline.note(arguments.run_dir, said, common.options_of(arguments))
    say(f"{arguments.run_dir}: remark {remark.n}")
    return ExitCode.MET
