"""``qmtestbed cache info|clear``."""

from __future__ import annotations

import argparse

from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode

HELP = "say how much the store of earlier records and of AITs' environments holds, or clear it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("info", help="say where it is and how much it holds")
    actions.add_parser("clear", help="remove every record and environment in it")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Inform or clear."""
    from qmtestbed import pipeline

    options = pipeline.Options()
    store, environments = options.store(), options.environments()
    if store is not None:
        clear = arguments.action == "clear"
        info, kept = (store.clear(), environments.clear()) if clear else (store.info(), environments.kept())
        word = "removed" if clear else "holds"
        say(f"{info.path}: {word} {info.entries} records, {info.size / 2**20:.1f} MB")
        say(f"{info.path}: {word} {kept.entries} environments of AITs, {kept.size / 2**20:.1f} MB")
    return ExitCode.MET
