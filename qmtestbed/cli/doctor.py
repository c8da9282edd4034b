"""``qmtestbed doctor``."""

from __future__ import annotations

import argparse

from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode

HELP = "say what this host offers: libraries, layers of isolation, store, AITs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take nothing."""


def run(arguments: argparse.Namespace) -> ExitCode:
    """Print the diagnosis."""
    from qmtestbed import pipeline

    for line in pipeline.diagnose():
        say(line)
    return ExitCode.MET
