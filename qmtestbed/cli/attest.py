"""``qmtestbed attest RUN_DIR``."""

from __future__ import annotations

import argparse
from pathlib import Path

from qmtestbed.cli import common
from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode

HELP = "write the outcome of a run as an in-toto statement of the type test-result (attestation.json)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="folder of a finished run")
    common.add_require(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Write the statement."""
    from qmtestbed import pipeline

    say(pipeline.attest(arguments.run_dir, common.options_of(arguments)))
    return ExitCode.MET
