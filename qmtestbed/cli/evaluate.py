"""``qmtestbed evaluate MODEL --data test.parquet --label churned``, or ``--predictions FILE`` in place of MODEL."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from qmtestbed.cli import common
from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode

if TYPE_CHECKING:
    from qmtestbed.pipeline import Draft

HELP = "evaluate a model on a table with every AIT that fits, without a plan"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument(
        "model", nargs="?", metavar="MODEL", help="models:/name@alias, models:/name/1, models:/m-…, runs:/…"
    )
    common.add_subject(parser)
    parser.add_argument(
        "--baseline", metavar="MODEL",
        help="model that criteria may name (accuracy >= baseline - 0.01); also the previous version if none is given; "
        "the folder of an earlier run means --since",
    )  # fmt: skip
    common.add_guideline(parser, "guideline to judge by; may be given again (default: mlqm@3)")
    parser.add_argument("--name", help="name of the component (default: that of the model or file)")
    common.add_out(parser)
    common.add_execution(parser)
    common.add_judging(parser)
    common.add_since(parser)
    common.add_content(parser)
    common.add_templates(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="load the model once to see what it can do, print the plan, run no AIT"
    )


def run(arguments: argparse.Namespace) -> ExitCode:
    """Choose a plan and run it, or only print it."""
    from qmtestbed import pipeline
    from qmtestbed.cli.progress import watch

    _tell_baselines_apart(arguments)
    options, subject = common.options_of(arguments), common.subject_of(arguments)
    if arguments.dry_run:
        _print_draft(pipeline.draft(subject, options, watch()))
        return ExitCode.MET
    outcome = pipeline.evaluate(subject, options, watch())
    common.print_outcome(outcome)
    return outcome.exit_code


def _tell_baselines_apart(arguments: argparse.Namespace) -> None:
    """Take ``--baseline`` for ``--since`` where it is the folder of a run: no logged model holds a ``bundle.json``."""
    from pathlib import Path

    if arguments.baseline and (Path(arguments.baseline) / "bundle.json").is_file() and arguments.since is None:
        arguments.since, arguments.baseline = Path(arguments.baseline), None


def _print_draft(draft: Draft) -> None:
    print(draft.loaded.source.decode(), end="")
    for left in draft.left_out:
        say(f"# left out: {left.ait}: {left.why}")
    say("# nothing was run but the probe")
