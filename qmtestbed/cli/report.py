"""``qmtestbed report RUN_DIR``."""

from __future__ import annotations

import argparse
from pathlib import Path

from qmtestbed.cli import common
from qmtestbed.errors import ExitCode

HELP = "render the page, summary and JUnit file of a run again; execute nothing"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="folder of a finished run")
    common.add_language(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Render again."""
    from qmtestbed import pipeline

    print(pipeline.report(arguments.run_dir, common.options_of(arguments)))
    return ExitCode.MET
