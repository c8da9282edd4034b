"""``qmtestbed ci evaluate|summary|comment``: the steps of a CI job; ``action.yml`` and ``ci/gitlab.yml`` call them.

What a user of those gives comes in environment variables and never in shell code:

``QMT_PLAN``, or ``QMT_MODEL`` with ``QMT_DATA`` and ``QMT_LABEL``
    What is evaluated.
``QMT_REQUIRE``, ``QMT_LANG``
    As ``--require`` and ``--lang``.
``QMT_ARGS``
    More arguments, in the quoting of a shell.
``QMT_OUT``
    Run folder; by default ``qmt-run``.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from qmtestbed.cli import common
from qmtestbed.cli.terminal import bare
from qmtestbed.errors import ExitCode, InputError, Problem

HELP = "the steps of a CI job: evaluate, the summary of the step, the text of a comment"

_ENDED = (ExitCode.MET, ExitCode.NOT_MET, ExitCode.UNDETERMINED)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("evaluate", help="run or evaluate as the variables QMT_… say; outputs to $GITHUB_OUTPUT")
    summing = actions.add_parser("summary", help="append the summary of a run to $GITHUB_STEP_SUMMARY")
    commenting = actions.add_parser("comment", help="write what changed against the target branch")
    for action in (summing, commenting):
        action.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="folder of a finished run")
        action.add_argument("--to", type=Path, metavar="FILE", help="file to write")
        common.add_language(action)
    common.add_require(commenting)
    before = commenting.add_mutually_exclusive_group()
    before.add_argument("--against", type=Path, metavar="DIR", help="run folder of the target branch")
    before.add_argument("--site", type=Path, metavar="DIR", help="published site of the target branch")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Do one step."""
    if arguments.action == "evaluate":
        return _evaluate(os.environ)
    return _summary(arguments) if arguments.action == "summary" else _comment(arguments)


def _evaluate(given: Mapping[str, str]) -> ExitCode:
    """Evaluate, and tell the later steps how it went; the exit code is that of the evaluation."""
    import secrets

    from qmtestbed.cli.app import main

    out = Path(given.get("QMT_OUT") or "qmt-run")
    command = command_of(given, out)
    _tell({"run-dir": str(out), "verdict": "error", "page": ""})
    token = secrets.token_hex(16) if given.get("GITHUB_ACTIONS") == "true" else ""
    if token:  # no line that a model, data or an AIT gets into the log is a command to the runner
        print(f"::stop-commands::{token}", file=bare(sys.stdout), flush=True)
    try:
        main(command)
    except SystemExit as ended:
        code = ExitCode(int(str(ended.code)))
    finally:
        if token:
            print(f"::{token}::", file=bare(sys.stdout), flush=True)
    pages = sorted(out.glob("report*.html")) if (out / "bundle.json").is_file() else []
    verdict = _verdict(command, out) if code in _ENDED and pages else "error"
    _tell({"exit-code": str(int(code)), "verdict": verdict, "page": str(pages[0]) if pages else ""})
    return code


def _verdict(command: list[str], out: Path) -> str:
    """Give the verdict in words: met, and met or waived, have one exit code."""
    from qmtestbed import pipeline
    from qmtestbed.cli.app import build_parser

    return pipeline.ci_verdict(out, common.options_of(build_parser().parse_args(command)))


def command_of(given: Mapping[str, str], out: Path) -> list[str]:
    """Give the arguments of the command that the variables ask for.

    Raises
    ------
    InputError
        Neither a plan nor a model with data, both, or arguments whose quotes do not close.
    """
    import shlex

    plan, model, data, label = (given.get(f"QMT_{name}", "") for name in ("PLAN", "MODEL", "DATA", "LABEL"))
    if bool(plan) == bool(model):
        found = "both" if plan else "neither"
        raise InputError(Problem("a plan or a model is needed", "QMT_PLAN, QMT_MODEL", found, "give one of them"))
    if model and not data:
        raise InputError(Problem("a model needs data", "QMT_DATA", "nothing", "give the test data"))
    for name, value in (("QMT_PLAN", plan), ("QMT_MODEL", model)):
        if value.startswith("-"):
            raise InputError(Problem("this would be read as an option", name, repr(value[:80]), "write ./ before it"))
    try:
        more = shlex.split(given.get("QMT_ARGS", ""))
    except ValueError as error:
        raise InputError(Problem("the arguments can't be read", "QMT_ARGS", str(error), "close the quotes")) from None
    command = ["run", plan] if plan else ["evaluate", model, f"--data={data}"]
    command += [f"--label={label}"] if model and label else []
    command += more  # the last one counts: nothing in them changes what is required
    command += [f"--{n.lower()}={given[f'QMT_{n}']}" for n in ("REQUIRE", "LANG") if given.get(f"QMT_{n}")]
    return [*command, f"--out={out}"]


def _summary(arguments: argparse.Namespace) -> ExitCode:
    from qmtestbed import pipeline

    named = arguments.to or os.environ.get("GITHUB_STEP_SUMMARY")
    if not named:
        raise InputError(Problem("no file to write to", "--to, $GITHUB_STEP_SUMMARY", "neither", "give --to FILE"))
    pipeline.ci_summary(arguments.run_dir, Path(named), common.options_of(arguments))
    return ExitCode.MET


def _comment(arguments: argparse.Namespace) -> ExitCode:
    from qmtestbed import pipeline

    options = common.options_of(arguments)
    text = pipeline.ci_comment(arguments.run_dir, arguments.against, arguments.site, options)
    if arguments.to is None:
        sys.stdout.write(text)
        return ExitCode.MET
    arguments.to.parent.mkdir(parents=True, exist_ok=True)
    arguments.to.write_text(text, "utf-8")
    _tell({"comment": str(arguments.to)})
    return ExitCode.MET


def _tell(outputs: Mapping[str, str]) -> None:
    """Append outputs of a step to ``$GITHUB_OUTPUT``, where there is one; no value can end itself early."""
    import hashlib

    target = os.environ.get("GITHUB_OUTPUT")
    if not target:
        return
    with Path(target).open("a", encoding="utf-8", errors="surrogateescape") as stream:
        for name, value in outputs.items():
            mark = f"qmt_{hashlib.sha256(value.encode('utf-8', 'surrogateescape')).hexdigest()}"
            stream.write(f"{name}<<{mark}\n{value}\n{mark}\n")
