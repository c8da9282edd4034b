"""``qmtestbed ait new|check|run|docs``: what somebody needs who writes an AIT."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qmtestbed.cli import common
from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode

if TYPE_CHECKING:
    from qmtestbed.pipeline.authors import Checked, Measured
    from qmtestbed.types.text import Language
    from qmtestbed.types.values import Single

LANGUAGES: tuple[Language, ...] = ("en", "ja")


def add_actions(actions: Any) -> None:
    """Add the actions and what each takes."""
    new = actions.add_parser("new", help="write a new AIT that passes the check, to be changed into your own")
    new.add_argument("id", metavar="ID", help="its id: lower-case letters, digits and _")
    new.add_argument("--package", metavar="NAME", help="put it into an installable package, made where there is none")
    new.add_argument("--to", type=Path, default=Path(), metavar="DIR", help="where its folder is made (default: here)")
    check = actions.add_parser("check", help="check AITs against the contract, rule by rule; exit 0 or 1")
    check.add_argument("ait", nargs="+", metavar="ID|DIR", help="id of an AIT, or its folder")
    check.add_argument("--lang", choices=LANGUAGES, help="ask for texts in this language only (default: both)")
    run = actions.add_parser("run", help="run one AIT on data, without a plan, a run folder and a page")
    run.add_argument("ait", metavar="ID|DIR", help="id of the AIT, or its folder")
    run.add_argument("--model", metavar="MODEL", help="models:/name@alias, models:/name/1, models:/m-…, runs:/…")
    common.add_subject(run)
    run.add_argument(
        "--param", type=_pair, action="append", default=[], metavar="NAME=VALUE", help="a parameter, as YAML"
    )
    run.add_argument(
        "--in-process", action="store_true",
        help="run its function in this process, so that breakpoints hold; nothing is contained then",
    )  # fmt: skip
    docs = actions.add_parser("docs", help="write the pages of AITs, as Markdown; without an id those of all")
    docs.add_argument("ait", nargs="*", metavar="ID|DIR", help="id of an AIT, or its folder")
    docs.add_argument("--out", type=Path, metavar="DIR", help="folder to write to (default: print one page)")
    docs.add_argument("--lang", choices=LANGUAGES, help="this language only (default: both; printed: en)")
    for action in (new, check, run, docs):
        common.add_content(action)
    for action in (check, run, docs):
        common.add_containment(action)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE, such as bins=10")
    return name, value


def _new(arguments: argparse.Namespace) -> ExitCode:
    from qmtestbed.pipeline import authors

    folder = authors.new_ait(arguments.id, arguments.to, common.options_of(arguments), arguments.package)
    say(f"{folder}/ait.yaml and measure.py: change the lines marked with <-")
    say(f"Next:     qmtestbed ait check {folder}")
    if arguments.package:
        say(f"Then:     pip install -e {arguments.to / arguments.package}")
    return ExitCode.MET


def _check(arguments: argparse.Namespace) -> ExitCode:
    from qmtestbed.pipeline import authors

    languages = (arguments.lang,) if arguments.lang else LANGUAGES
    passed = True
    options = common.options_of(arguments)
    for id in arguments.ait:
        checked = authors.check_ait(id, options, languages)
        _print_checked(checked)
        passed = passed and checked.passed
    return ExitCode.MET if passed else ExitCode.NOT_MET


def _print_checked(checked: Checked) -> None:
    from qmtestbed.foreign import inert

    say(f"{checked.entry.id} ({checked.entry.folder})")
    for rule in checked.rules:
        if rule.holds:
            say(f"  ok     {rule.name:<12} {inert(rule.note)}")
        elif not rule.checked:
            say(f"  -      {rule.name:<12} not checked: mend what is above first")
        for fault in rule.faults:
            first, *more = str(fault).splitlines()
            say(f"  FAULT  {rule.name:<12} {inert(first)}")
            for line in more:
                say(f"{'':<22}{inert(line)}")
    held, n = sum(rule.holds for rule in checked.rules), len(checked.rules)
    unseen = sum(not rule.checked for rule in checked.rules)
    others = f", {unseen} not checked" if unseen else ""
    say(f"{held} of {n} rules hold{others}" + ("" if checked.passed else "; mend the others"))


def _run(arguments: argparse.Namespace) -> ExitCode:
    from qmtestbed.pipeline import authors

    if arguments.in_process:
        print("In this process: nothing contains the AIT, nor a model that it asks.", file=sys.stderr)
        sys.excepthook = sys.__excepthook__  # what the AIT raises is its author's to see
    parameters = authors.parameters_of(arguments.param)
    subject, options = common.subject_of(arguments), common.options_of(arguments)
    measured = authors.run_ait(arguments.ait, subject, parameters, options, arguments.in_process)
    _print_measured(measured)
    return ExitCode.MET if measured.record.status in ("measured", "undefined") else ExitCode.NOT_MET


def _print_measured(found: Measured) -> None:
    from qmtestbed.foreign import inert

    record = found.record
    say(f"{found.manifest.id} {found.manifest.version}: {record.status} in {record.seconds:.2f} s")
    if record.error is not None:
        say(f"  {inert(record.error.what)}")
        for label, text in (("where", record.error.where), ("found", record.error.found), ("do", record.error.do)):
            if text:
                say(f"    {label + ':':<6} {inert(text)}")
    for name, measure in record.measures.items():
        for key, value in measure.singles():
            say(f"  {inert(name if key is None else f'{name}[{key}]'):<40} {inert(_value(value))}")
    for criterion in found.verdicts.criteria if record.status == "measured" else ():
        say(f"  {criterion.verdict.replace('_', ' ').upper():<12} {inert(criterion.text)}: {inert(criterion.reason)}")
    for finding in record.findings[:20]:
        say(f"  finding      {finding.kind}: {inert(finding.text)}")
    if found.log.strip():
        say("  what it printed:")
        for line in found.log.strip().splitlines()[-40:]:
            say(f"    {inert(line)}")


def _value(value: Single) -> str:
    from qmtestbed.ait import Estimate, Undefined

    if isinstance(value, Undefined):
        return f"undefined: {value.reason}"
    if isinstance(value, Estimate):
        return f"{value.value:.4g} ({value.low:.4g} to {value.high:.4g} at {value.level:.0%}, n = {value.n})"
    return str(value) if isinstance(value, bool) else f"{value:.6g}"


def _docs(arguments: argparse.Namespace) -> ExitCode:
    from qmtestbed.errors import InputError, Problem
    from qmtestbed.pipeline import authors

    if arguments.out is None and len(arguments.ait) != 1:
        do = "add --out DIR, or name one AIT to print its page"
        raise InputError(Problem("several pages can't be printed", "command line", do=do))
    languages = (arguments.lang,) if arguments.lang else LANGUAGES if arguments.out else LANGUAGES[:1]
    for name, text in authors.ait_docs(arguments.ait, common.options_of(arguments), languages):
        if arguments.out is None:
            print(text, end="")
            continue
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / name).write_text(text, "utf-8")
        say(arguments.out / name)
    return ExitCode.MET


ACTIONS: Mapping[str, Callable[[argparse.Namespace], ExitCode]] = {
    "new": _new,
    "check": _check,
    "run": _run,
    "docs": _docs,
}
