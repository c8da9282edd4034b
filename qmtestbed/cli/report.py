"""``qmtestbed report RUN_DIR``, ``--template summary``, ``--pdf``; or ``report --list``."""

from __future__ import annotations

import argparse
from pathlib import Path

from qmtestbed.cli import common
from qmtestbed.cli.terminal import say
from qmtestbed.errors import ContentError, ExitCode, Problem

HELP = "render the page, summary and JUnit file of a run again, or other pages of it; execute nothing"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument("run_dir", type=Path, nargs="?", metavar="RUN_DIR", help="folder of a finished run")
    common.add_templates(parser)
    parser.add_argument("--pdf", action="store_true", help="make each page as PDF, too (needs qmtestbed[pdf])")
    parser.add_argument("--list", action="store_true", help="list the report templates that are installed, and end")
    common.add_language(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Render again, and name each page; or list the templates."""
    if arguments.list:
        _list(tuple(arguments.reports))
        return ExitCode.MET
    if arguments.run_dir is None:
        raise ContentError(Problem("no run is named", do="give the folder of a finished run, or --list"))
    from qmtestbed import pipeline

    for path in pipeline.report(arguments.run_dir, common.options_of(arguments)):
        say(path)
    return ExitCode.MET


def _list(reports: tuple[Path, ...]) -> None:
    from qmtestbed.catalogue import Catalogue

    for entry in Catalogue(reports=reports).reports.values():
        said = entry.template.title.en if entry.template else f"BROKEN  {entry.broken[0]}"
        say(f"{entry.id:<16} {said}  ({entry.owner})")
