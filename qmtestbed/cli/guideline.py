"""``qmtestbed guideline list|show``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode

if TYPE_CHECKING:
    from qmtestbed.types.guideline import Guideline

HELP = "list the guidelines that are installed, or show one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="list every guideline; broken ones with their reason")
    showing = actions.add_parser("show", help="show one guideline: qualities, levels, requirements")
    showing.add_argument("name", metavar="NAME", help="such as mlqm@3")
    for action in (listing, showing):
        action.add_argument(
            "--guidelines", type=Path, action="append", default=[], metavar="DIR", help="folder with more"
        )


def run(arguments: argparse.Namespace) -> ExitCode:
    """List or show."""
    from qmtestbed.catalogue import Catalogue

    catalogue = Catalogue(guidelines=arguments.guidelines)
    if arguments.action == "list":
        for entry in catalogue.guidelines.values():
            if entry.guideline is None:
                say(f"{entry.name:<12} BROKEN   " + "; ".join(str(p) for p in entry.broken))
            else:
                say(f"{entry.name:<12} {len(entry.guideline.requirements):>3} requirements  {entry.guideline.title.en}")
        return ExitCode.MET
    guideline = catalogue.guideline(arguments.name).guideline
    if guideline is not None:
        _show(guideline)
    return ExitCode.MET


def _show(guideline: Guideline) -> None:
    say(f"{guideline.name} — {guideline.title.en}")
    say(f"source: {guideline.source.title}, {guideline.source.publisher} {guideline.source.date or ''}".rstrip())
    say(f"note:   {guideline.note.en}")
    for key, dimension in guideline.dimensions.items():
        say()
        say(f"{key} ({dimension.kind}): {dimension.title.en}")
        for chain in dimension.chains:
            for level in chain:
                asks = ", ".join(level.asks or level.requirements)
                say(f"  {level.id}: {asks or 'no requirements'}")
    say()
    for id, requirement in guideline.requirements.items():
        by = " or ".join("+".join(a) for a in requirement.informed_by)
        say(f"{id:<12} needs {' and '.join(requirement.needs):<21} {requirement.title.en}" + (f" [{by}]" if by else ""))
