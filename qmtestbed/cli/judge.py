"""``qmtestbed judge RUN_DIR [--plan other.yaml | --guideline NAME … --out DIR]``."""

from __future__ import annotations

import argparse
from pathlib import Path

from qmtestbed.cli import common
from qmtestbed.errors import ExitCode

HELP = "judge the evidence of a run again, by the same plan or another; execute nothing"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="folder of a finished run")
    parser.add_argument("--plan", type=Path, metavar="PLAN", help="judge by this plan, into the folder given by --out")
    what = "judge against this guideline in place of the plan's, into the folder given by --out; may be given again"
    common.add_guideline(parser, what)
    common.add_out(parser)
    common.add_judging(parser)
    common.add_since(parser, "--baseline")
    common.add_content(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Judge again."""
    from qmtestbed import pipeline
    from qmtestbed.errors import InputError, Problem

    options = common.options_of(arguments)
    if arguments.plan is not None and (arguments.guideline or arguments.level):
        raise InputError(Problem("a plan names its guidelines and levels itself", do="give --plan or --guideline"))
    if arguments.plan is not None:
        outcome = pipeline.judge_by(arguments.run_dir, arguments.plan, options)
    elif arguments.guideline:
        levels = dict(arguments.level)
        outcome = pipeline.judge_against(arguments.run_dir, arguments.guideline, levels, options)
    else:
        if options.out or options.as_of or options.since or arguments.level:
            what = "--out, --as-of, --since and --level go with --plan or --guideline; else a run is judged as it was"
            raise InputError(Problem(what, do="give --plan or --guideline, or leave them out"))
        outcome = pipeline.judge_again(arguments.run_dir, options)
    common.print_outcome(outcome)
    return outcome.exit_code
