"""Options that mean the same in every command, and what a command prints at its end."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode
from qmtestbed.foreign import inert

if TYPE_CHECKING:
    from qmtestbed.pipeline import Options, Outcome
    from qmtestbed.types.assessment import Assessment, Counts, CriterionVerdict


def add_out(parser: argparse.ArgumentParser) -> None:
    """Add ``--out``."""
    parser.add_argument("--out", type=Path, metavar="DIR", help="run folder (default: qmt-runs/<component>-<n>)")


def add_content(parser: argparse.ArgumentParser) -> None:
    """Add ``--aits`` and ``--guidelines``."""
    parser.add_argument("--aits", type=Path, action="append", default=[], metavar="DIR", help="folder with more AITs")
    parser.add_argument(
        "--guidelines", type=Path, action="append", default=[], metavar="DIR", help="folder with more guidelines"
    )


def add_isolation(parser: argparse.ArgumentParser) -> None:
    """Add ``--jobs``, ``--isolation``, ``--trust`` and ``--no-cache``."""
    parser.add_argument(
        "--isolation",
        choices=("none", "process", "sandbox"),
        default="sandbox",
        help="how children are contained (default: sandbox, all that this host offers; see qmtestbed doctor)",
    )
    parser.add_argument(
        "--trust",
        choices=("strict", "scanned", "any"),
        help="models that run code on loading, such as pickles: strict refuses them, scanned loads those in which a "
        "scan finds nothing dangerous, any loads all (default: scanned; must be said with --isolation none)",
    )
    parser.add_argument("--no-cache", action="store_true", help="use no records of earlier runs, and keep none")
    parser.add_argument(
        "--jobs", type=positive, metavar="N", help="how many checks run at once (default: one per core)"
    )


def add_execution(parser: argparse.ArgumentParser) -> None:
    """Add ``--jobs``, ``--isolation``, ``--no-cache`` and ``--log``."""
    add_isolation(parser)
    parser.add_argument("--log", action="store_true", help="write the assessment to MLflow, beside the model")


def add_require(parser: argparse.ArgumentParser) -> None:
    """Add ``--require``."""
    parser.add_argument(
        "--require",
        choices=("criteria", "measured", "requirements"),
        default="criteria",
        help="what the verdict as a whole looks at (default: criteria)",
    )


def add_since(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add ``--since``, under further names where these mean nothing else."""
    parser.add_argument(
        "--since", *names, dest="since", type=Path, metavar="RUN_DIR",
        help="folder of an earlier run: the page says what changed since",
    )  # fmt: skip


def add_judging(parser: argparse.ArgumentParser) -> None:
    """Add ``--require``, ``--as-of`` and ``--lang``."""
    add_require(parser)
    parser.add_argument(
        "--as-of", type=_date, metavar="DATE", help="day of the assessment, as 2026-11-01 (default: today)"
    )
    add_language(parser)


def add_language(parser: argparse.ArgumentParser) -> None:
    """Add ``--lang``."""
    parser.add_argument("--lang", choices=("en", "ja"), default="en", help="language of the page (default: en)")


def add_templates(parser: argparse.ArgumentParser) -> None:
    """Add ``--template`` and ``--reports``."""
    parser.add_argument(
        "--template",
        action="append",
        default=[],
        metavar="ID|DIR",
        help="report template to make a page by: summary, model_card, audit, …, or its folder; may be given again",
    )
    parser.add_argument(
        "--reports", type=Path, action="append", default=[], metavar="DIR", help="folder with more report templates"
    )


def positive(text: str) -> int:
    """Read a whole number of at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _date(text: str) -> str:
    import datetime

    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2026-11-01") from None


def options_of(arguments: Any) -> Options:
    """Collect the options of a command."""
    from qmtestbed.pipeline import Options

    return Options(
        out=getattr(arguments, "out", None),
        jobs=getattr(arguments, "jobs", None),
        require=getattr(arguments, "require", "criteria"),
        language=getattr(arguments, "lang", "en"),
        aits=tuple(getattr(arguments, "aits", ())),
        guidelines=tuple(getattr(arguments, "guidelines", ())),
        reports=tuple(getattr(arguments, "reports", ())),
        templates=tuple(getattr(arguments, "template", ())),
        pdf=getattr(arguments, "pdf", False),
        as_of=getattr(arguments, "as_of", None),
        cache=not getattr(arguments, "no_cache", False),
        isolation=getattr(arguments, "isolation", "sandbox"),
        log=getattr(arguments, "log", False),
        max_age=getattr(arguments, "max_age", None),
        trust=getattr(arguments, "trust", None),
        since=getattr(arguments, "since", None),
    )


MEANING = {
    ExitCode.MET: "all criteria are met",
    ExitCode.NOT_MET: "something is not met",
    ExitCode.UNDETERMINED: "something is undetermined or missing",
}


def print_outcome(outcome: Outcome) -> None:
    """Print the two headlines, what failed, and where the page is."""
    assessment = outcome.assessment
    say()
    for line in (*headline_lines(assessment), *since_lines(assessment)):
        say(line)
    for check in assessment.checks:
        for criterion in check.criteria:
            if criterion.verdict != "met":
                say(f"  {check.id}: {inert(_line(criterion))}")
    for line in item_lines(outcome):
        say(line)
    for note in outcome.evidence.info.notes:
        say(f"Note:     {inert(note)}")
    if assessment.left_out:
        say(f"Left out: {len(assessment.left_out)}")
        for left in assessment.left_out:
            say(f"  {left.ait}: {inert(left.why)}")
    say(f"Plan:     {outcome.folder / 'plan.source.yaml'}")
    say(f"Page:     {outcome.page}")
    if outcome.logged:
        say(f"MLflow:   {outcome.logged.page or f'run {outcome.logged.run} in {outcome.logged.store}'}")
    if outcome.not_logged:
        print(f"qmtestbed: not written to MLflow: {outcome.not_logged}", file=sys.stderr)
    say(f"Exit code {int(outcome.exit_code)}: {MEANING.get(outcome.exit_code, '')}")


def since_lines(assessment: Assessment) -> list[str]:
    """Say what changed since the run before; nothing where it was not told which that was."""
    since = assessment.since
    if since is None:
        return []
    lines = [f"Since:    {count_text(since.counts)} (run {since.run} of {since.as_of})"]
    for change in since.changes:
        verdicts = " -> ".join(c.verdict.replace("_", " ") if c else "none" for c in (change.before, change.after))
        lines.append(f"  {inert(change.check)}: {change.change.upper()}  {inert(change.text)}: {verdicts}")
    return lines


def count_text(counts: Counts) -> str:
    """Write how many criteria went which way; those that are nowhere are left out."""
    from dataclasses import asdict

    named = {name: n for name, n in asdict(counts).items() if n}
    return ", ".join(f"{n} {name}" for name, n in named.items()) or "no criterion in either run"


def item_lines(outcome: Outcome) -> list[str]:
    """Name each check that could measure only a part of its items, or took a sample of them."""
    lines = []
    for check in outcome.assessment.checks:
        record = outcome.evidence.record_of(check.id)
        items = record.items if record else None
        if items is not None and items.invalid:
            counts = f"{items.invalid} of {items.attempted} items have no label; measured: {items.measured}"
            lines.append(f"Note:     {check.id}: {counts}")
    return lines


def headline_lines(assessment: Assessment) -> list[str]:
    """Give the two headlines as lines of text."""
    c, e = assessment.headlines.criteria, assessment.headlines.evidence
    lines = [f"Criteria: {c.met} of {c.judged} met, {c.not_met} not met, {c.undetermined} undetermined"]
    if e.level_asked:
        lines.append(
            f"Evidence: measured parts {e.measured_supported} of {e.measured_needed}, "
            f"declared parts {e.declared_supported} of {e.declared_needed}"
        )
        reached = [f"{x.target}: {x.reached or 'no level'} reached" for x in assessment.levels if x.kind == "external"]
        lines += [f"Levels:   {'; '.join(reached)}"] if reached else []
    if e.fills_gap:
        lines.append(f"Next:     {e.fills_gap}")
    return lines


def _line(criterion: CriterionVerdict) -> str:
    word = criterion.verdict.replace("_", " ").upper()
    return f"{word}  {criterion.text}: {criterion.reason}"
