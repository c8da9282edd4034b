"""``qmtestbed cache info|clear``."""

from __future__ import annotations

import argparse

from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode

HELP = "say how much the store of earlier records holds, or clear it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("info", help="say where it is and how much it holds")
    actions.add_parser("clear", help="remove every record in it")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Inform or clear."""
    from qmtestbed import pipeline

    store = pipeline.Options().store()
    if store is not None:
        info = store.clear() if arguments.action == "clear" else store.info()
        word = "removed" if arguments.action == "clear" else "holds"
        say(f"{info.path}: {word} {info.entries} records, {info.size / 2**20:.1f} MB")
    return ExitCode.MET
