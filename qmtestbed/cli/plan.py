"""``qmtestbed plan draft|check``: a plan to begin with, and what a plan still lacks; runs no check."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from qmtestbed.cli import common
from qmtestbed.cli.declare import print_standing
from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode, InputError, Problem

if TYPE_CHECKING:
    from qmtestbed.pipeline import Outlook, Subject, Unnamed

HELP = "draft a plan for a target, or check one without running it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    drafting = actions.add_parser("draft", help="write a plan with every requirement of a target; never overwrites")
    drafting.add_argument("--model", help="models:/name@alias, …; without model and data there are placeholders")
    common.add_subject(drafting, data_required=False)
    common.add_guideline(drafting, "guideline to draft for; may be given again (default: mlqm@3)")
    drafting.add_argument("--name", help="name of the component (default: that of the model or file)")
    drafting.add_argument("--out", type=Path, metavar="FILE", help="where to write it (default: print it)")
    common.add_isolation(drafting)
    checking = actions.add_parser("check", help="say what is wrong with a plan, what it asks for, and what is missing")
    checking.add_argument("plan", type=Path, metavar="PLAN")
    common.add_as_of(checking)
    for action in (drafting, checking):
        common.add_language(action)
        common.add_content(action)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Draft or check."""
    from qmtestbed import pipeline
    from qmtestbed.cli.progress import watch

    if arguments.action == "check":
        options = common.options_of(arguments)
        found = pipeline.outlook(arguments.plan, options)
        say(f"{arguments.plan}: can be read; nothing was run")
        _print_measured(found)
        print_standing(found, options.language)
        return ExitCode.MET
    path, arguments.out = arguments.out, None
    options = common.options_of(arguments)
    if path is not None and path.exists():
        raise InputError(Problem("there is a file of that name already", str(path), do="give another --out"))
    about = _about(arguments)
    content, found = pipeline.draft_plan(about, path.parent if path else Path(), options, watch())
    if path is None:
        print(content.decode(), end="")
        return ExitCode.MET
    pipeline.write_new(path, content)
    say(f"{path}: {len(found.loaded.plan.checks)} checks, {len(found.loaded.plan.declarations)} declarations to do")
    if found.placeholders:
        say(f"Name before it can be run: {', '.join(found.placeholders)}")
    return ExitCode.MET


def _about(arguments: argparse.Namespace) -> Subject | Unnamed:
    from qmtestbed.pipeline import Unnamed

    assessed = arguments.model or arguments.predictions
    if assessed and arguments.data:
        return common.subject_of(arguments)
    if assessed or arguments.data:
        do = "give --model (or --predictions) and --data, or neither of them"
        raise InputError(Problem("what fits is told from a model together with its data", do=do))
    task = arguments.task or "classification"
    return Unnamed(arguments.guideline or "mlqm@3", dict(arguments.level), arguments.name, task)


def _print_measured(found: Outlook) -> None:
    from qmtestbed.foreign import inert

    measured = [r for r in found.assessment.requirements if "measured" in r.needs]
    for requirement in measured:
        say(f"{requirement.id:<12} {inert(', '.join(requirement.checks)) or 'no check'}")
    say(f"Measured parts with a check: {sum(bool(r.checks) for r in measured)} of {len(measured)}")
    if found.placeholders:
        say(f"Name before it can be run: {', '.join(found.placeholders)}")
