"""``qmtestbed keygen FILE``."""

from __future__ import annotations

import argparse
from pathlib import Path

from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode

HELP = "make a pair of Ed25519 keys: a private one in FILE, for you alone, and a public one in FILE.pub"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument("file", type=Path, metavar="FILE", help="where the private key goes; not into a run folder")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Make the keys."""
    from qmtestbed import pipeline

    public, fingerprint = pipeline.keygen(arguments.file)
    say(f"private key: {arguments.file} (keep it)\npublic key:  {public} (hand it out)\nfingerprint: {fingerprint}")
    return ExitCode.MET
