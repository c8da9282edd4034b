"""``qmtestbed publish RUN_DIR… --site DIR``."""

from __future__ import annotations

import argparse
from pathlib import Path

from qmtestbed.cli import common
from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode

HELP = "put finished runs into a static site: their pages, the history of each component, badges"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument("run_dirs", nargs="+", type=Path, metavar="RUN_DIR", help="folder of a finished run")
    parser.add_argument("--site", type=Path, required=True, metavar="DIR", help="folder of the site; made if need be")
    common.add_require(parser)
    common.add_language(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Publish, and say where the site is."""
    from qmtestbed import pipeline

    done = pipeline.publish(arguments.run_dirs, arguments.site, common.options_of(arguments))
    say(f"{len(done.runs)} published, files written: {len(done.written)}")
    say(done.folder / "index.html")
    return ExitCode.MET
