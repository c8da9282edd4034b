"""``qmtestbed declare --plan plan.yaml --requirement A-1-L1-1 --statement … --by … --until …``; ``declare --list``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from qmtestbed.cli import common
from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode, InputError, Problem

if TYPE_CHECKING:
    from qmtestbed.pipeline import Outlook
    from qmtestbed.types.text import Language

HELP = "write what a person says for a requirement into a plan, or list how the requirements stand"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument("--plan", required=True, type=Path, metavar="FILE", help="plan to write to, or to list")
    parser.add_argument("--list", action="store_true", help="list every requirement of the target; write nothing")
    parser.add_argument("--requirement", metavar="ID", help="the requirement that it is for, such as A-1-L1-1")
    parser.add_argument("--statement", metavar="TEXT", help="what was done, and with which result")
    parser.add_argument("--file", type=Path, help="the document that shows it; pinned by its digest")
    parser.add_argument("--checklist", type=Path, metavar="FILE", help="questions with answers (.yaml, .csv, .xlsx)")
    parser.add_argument("--not-applicable", metavar="WHY", help="in place of a statement: why it does not apply")
    parser.add_argument("--by", metavar="NAME", help="who declares it")
    parser.add_argument("--date", type=common.day, help="when, as 2026-11-01 (default: today)")
    parser.add_argument("--until", type=common.day, metavar="DATE", help="last day on which it counts")
    parser.add_argument("--replace", action="store_true", help="renew the declaration that is there already")
    common.add_as_of(parser)
    common.add_language(parser)
    parser.add_argument(
        "--guidelines", type=Path, action="append", default=[], metavar="DIR", help="folder with more guidelines"
    )
    parser.add_argument("--aits", type=Path, action="append", default=[], metavar="DIR", help="folder with more AITs")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Write the declaration, or list."""
    from qmtestbed import pipeline

    options = common.options_of(arguments)
    if arguments.list:
        print_standing(pipeline.outlook(arguments.plan, options), options.language)
        return ExitCode.MET
    lacking = [f"--{name}" for name in ("requirement", "by", "until") if not getattr(arguments, name)]
    if lacking:
        raise InputError(Problem(f"a declaration needs {', '.join(lacking)}", do="give it, or --list"))
    said = pipeline.Declared(
        requirement=arguments.requirement,
        by=arguments.by,
        until=arguments.until,
        date=arguments.date,
        statement=arguments.statement,
        file=arguments.file,
        checklist=arguments.checklist,
        not_applicable=arguments.not_applicable,
        replace=arguments.replace,
    )
    found = pipeline.declare(arguments.plan, said, options)
    standing = pipeline.declared_standing(found).get(arguments.requirement, "outside the target of this plan")
    say(f"{arguments.plan}: {arguments.requirement} declared; today: {standing.replace('_', ' ')}")
    return ExitCode.MET


def print_standing(found: Outlook, language: Language) -> None:
    """Print one line per requirement of the target that needs a declaration, and how many are supported."""
    from qmtestbed.foreign import inert
    from qmtestbed.pipeline import declared_standing

    standings = declared_standing(found)
    for requirement in found.assessment.requirements:
        if requirement.id in standings:
            said = next(iter(requirement.declarations), None)
            dates = f"{said.by}, until {said.until or 'any day'}" if said and said.by else ""
            words = standings[requirement.id].replace("_", " ")
            title = found.title(requirement, language)
            say(f"{requirement.id:<12} {words:<18} {inert(dates):<34} {title}".rstrip())
    supported = sum(s == "supported" for s in standings.values())
    applying = sum(s != "not_applicable" for s in standings.values())
    say(f"Declared parts supported: {supported} of {applying}")
    if not standings:
        say("No requirement of the target needs a declaration; is a level asked for?")
