"""``qmtestbed log RUN_DIR``."""

from __future__ import annotations

import argparse
from pathlib import Path

from qmtestbed.cli import common
from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode

HELP = "write finished runs to MLflow, beside the model that they are about"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument("run_dirs", type=Path, nargs="+", metavar="RUN_DIR", help="folder of a finished run")
    common.add_require(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Write each run; one that was written already is brought up to date."""
    from qmtestbed import pipeline

    for folder in arguments.run_dirs:
        logged = pipeline.log(folder, common.options_of(arguments))
        say(f"{folder}: {logged.page or f'run {logged.run} in {logged.store}'}")
    return ExitCode.MET
