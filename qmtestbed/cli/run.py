"""``qmtestbed run plan.yaml``."""

from __future__ import annotations

import argparse
from pathlib import Path

from qmtestbed.cli import common
from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode

HELP = "run a plan: measure, judge, and write the page"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument("plan", type=Path, metavar="PLAN", help="plan file (YAML)")
    common.add_out(parser)
    common.add_execution(parser)
    common.add_judging(parser)
    common.add_since(parser, "--baseline")
    common.add_content(parser)
    common.add_templates(parser)
    parser.add_argument("--dry-run", action="store_true", help="check the plan and list its jobs; run nothing")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Run the plan, or only say what would run."""
    from qmtestbed import pipeline
    from qmtestbed.cli.progress import watch

    options = common.options_of(arguments)
    if arguments.dry_run:
        resolution = pipeline.resolve_only(arguments.plan, options)
        for job in resolution.jobs:
            named = [check for check, key in resolution.checks.items() if key == job.key]
            say(f"{job.kind:<8} {job.program.id:<28} {job.key[:12]}  {', '.join(named)}")
        say(f"{len(resolution.jobs)} jobs for {len(resolution.checks)} checks; nothing was run")
        return ExitCode.MET
    outcome = pipeline.run(arguments.plan, options, watch())
    common.print_outcome(outcome)
    return outcome.exit_code
