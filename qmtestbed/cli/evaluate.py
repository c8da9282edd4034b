"""``qmtestbed evaluate MODEL --data test.parquet --label churned``, or ``--predictions FILE`` in place of MODEL."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from qmtestbed.cli import common
from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode

if TYPE_CHECKING:
    from qmtestbed.pipeline import Draft, Subject

HELP = "evaluate a model on a table with every AIT that fits, without a plan"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument(
        "model", nargs="?", metavar="MODEL", help="models:/name@alias, models:/name/1, models:/m-…, runs:/…"
    )
    parser.add_argument(
        "--predictions", metavar="FILE", help="in place of MODEL: what it said to each row of the data (.parquet, .csv)"
    )
    parser.add_argument("--data", required=True, metavar="FILE", help="test data (.parquet, .csv, .tsv; images: .npz)")
    parser.add_argument("--label", metavar="COLUMN", help="column that holds the truth (images: default labels)")
    parser.add_argument("--train", metavar="FILE", help="training data, with the same columns")
    parser.add_argument("--previous", metavar="MODEL", help="previous version of the model, to compare with")
    parser.add_argument(
        "--baseline", metavar="MODEL",
        help="model that criteria may name (accuracy >= baseline - 0.01); also the previous version if none is given; "
        "the folder of an earlier run means --since",
    )  # fmt: skip
    parser.add_argument("--design", metavar="FILE", help="attribute design: values, exclusions, frequencies (.yaml)")
    parser.add_argument(
        "--level", type=_level, action="append", default=[], metavar="QUALITY=LEVEL",
        help="level asked for, such as performance=AIPL-1; may be given again",
    )  # fmt: skip
    parser.add_argument("--guideline", default="mlqm@3", help="guideline the level is of (default: mlqm@3)")
    parser.add_argument("--name", help="name of the component (default: that of the model or file)")
    roles = parser.add_argument_group("roles of columns")
    roles.add_argument("--positive", metavar="CLASS", help="class that counts as positive")
    for role, what in (
        ("id", "identifies a row"),
        ("time", "says when a row was made"),
        ("group", "rows of one group are not independent"),
        ("weight", "weight of a row"),
    ):
        roles.add_argument(f"--{role}", metavar="COLUMN", help=what)
    roles.add_argument("--sensitive", action="append", default=[], metavar="COLUMN", help="protected attribute")
    roles.add_argument("--ignore", action="append", default=[], metavar="COLUMN", help="given to nobody")
    roles.add_argument("--task", choices=("classification", "regression"), help="where it can't be told")
    roles.add_argument("--class", dest="classes", action="append", metavar="CLASS", help="classes, in their order")
    roles.add_argument(
        "--outputs", choices=("labels", "probabilities", "logits", "values"), help="what the model returns"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: 0)")
    common.add_out(parser)
    common.add_execution(parser)
    common.add_judging(parser)
    common.add_since(parser)
    common.add_content(parser)
    common.add_templates(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="load the model once to see what it can do, print the plan, run no AIT"
    )


def _level(text: str) -> tuple[str, str]:
    quality, sign, level = text.partition("=")
    if not sign or not quality or not level:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form QUALITY=LEVEL, such as performance=AIPL-1")
    return quality, level


def run(arguments: argparse.Namespace) -> ExitCode:
    """Choose a plan and run it, or only print it."""
    from qmtestbed import pipeline
    from qmtestbed.cli.progress import watch

    _tell_baselines_apart(arguments)
    options, subject = common.options_of(arguments), _subject(arguments)
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


def _subject(arguments: argparse.Namespace) -> Subject:
    from qmtestbed.ait import Roles
    from qmtestbed.pipeline import Subject

    roles = Roles(
        label=arguments.label,
        positive=arguments.positive,
        sensitive=tuple(arguments.sensitive),
        id=arguments.id,
        time=arguments.time,
        group=arguments.group,
        weight=arguments.weight,
        ignore=tuple(arguments.ignore),
        classes=tuple(arguments.classes) if arguments.classes else None,
        task=arguments.task,
    )
    return Subject(
        model=arguments.model,
        predictions=arguments.predictions,
        data=arguments.data,
        roles=roles,
        train=arguments.train,
        previous=arguments.previous,
        baseline=arguments.baseline,
        design=arguments.design,
        outputs=arguments.outputs,
        levels=dict(arguments.level),
        guideline=arguments.guideline,
        name=arguments.name,
        seed=arguments.seed,
    )


def _print_draft(draft: Draft) -> None:
    print(draft.loaded.source.decode(), end="")
    for left in draft.left_out:
        say(f"# left out: {left.ait}: {left.why}")
    say("# nothing was run but the probe")
