"""``qmtestbed sign RUN_DIR --key key.pem``."""

from __future__ import annotations

import argparse
from pathlib import Path

from qmtestbed.cli import common
from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode

HELP = "sign the evidence, verdicts and remarks of a run with a private Ed25519 key (bundle.sig)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="folder of a finished run")
    parser.add_argument("--key", type=Path, required=True, metavar="PEM", help="private key (see qmtestbed keygen)")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Verify the run, and sign it."""
    from qmtestbed import pipeline

    signature = pipeline.sign(arguments.run_dir, arguments.key, common.options_of(arguments))
    say(f"{arguments.run_dir}: signed by {signature.key}")
    return ExitCode.MET
