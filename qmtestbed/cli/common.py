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
    from qmtestbed.pipeline import Options, Outcome, Subject
    from qmtestbed.types.assessment import Assessment, CheckVerdicts, Counts, CriterionVerdict, WaiverState


def add_subject(parser: argparse.ArgumentParser, data_required: bool = True) -> None:
    """Add what is given to AITs: predictions, data and the roles of their columns, and the seed."""
    parser.add_argument(
        "--predictions", metavar="FILE", help="in place of MODEL: what it said to each row of the data (.parquet, .csv)"
    )
    parser.add_argument(
        "--data", required=data_required, metavar="FILE", help="test data (.parquet, .csv, .tsv; images: .npz)"
    )
    parser.add_argument("--label", metavar="COLUMN", help="column that holds the truth (images: default labels)")
    parser.add_argument("--train", metavar="FILE", help="training data, with the same columns")
    parser.add_argument("--previous", metavar="MODEL", help="previous version of the model, to compare with")
    parser.add_argument("--design", metavar="FILE", help="attribute design: values, exclusions, frequencies (.yaml)")
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


def add_out(parser: argparse.ArgumentParser) -> None:
    """Add ``--out``."""
    parser.add_argument("--out", type=Path, metavar="DIR", help="run folder (default: qmt-runs/<component>-<n>)")


def add_content(parser: argparse.ArgumentParser) -> None:
    """Add ``--aits`` and ``--guidelines``."""
    parser.add_argument("--aits", type=Path, action="append", default=[], metavar="DIR", help="folder with more AITs")
    parser.add_argument(
        "--guidelines", type=Path, action="append", default=[], metavar="DIR", help="folder with more guidelines"
    )


def add_guideline(parser: argparse.ArgumentParser, what: str) -> None:
    """Add ``--guideline`` and ``--level``."""
    parser.add_argument("--guideline", action="append", default=[], metavar="NAME", help=what)
    parser.add_argument(
        "--level", type=_level, action="append", default=[], metavar="QUALITY=LEVEL",
        help="level asked for, such as performance=AIPL-1, or mlqm@3:performance=AIPL-1 where several guidelines have "
        "the quality; may be given again",
    )  # fmt: skip


def _level(text: str) -> tuple[str, str]:
    quality, sign, level = text.partition("=")
    if not sign or not quality or not level:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form QUALITY=LEVEL, such as performance=AIPL-1")
    return quality, level


def add_containment(parser: argparse.ArgumentParser) -> None:
    """Add ``--isolation`` and ``--trust``."""
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
    parser.add_argument(
        "--allow-build",
        action="store_true",
        help="for environments of AITs' own, also build what has no wheel, which runs code of its own",
    )


def add_isolation(parser: argparse.ArgumentParser) -> None:
    """Add ``--jobs``, ``--isolation``, ``--trust`` and ``--no-cache``."""
    add_containment(parser)
    parser.add_argument("--no-cache", action="store_true", help="use no records of earlier runs, and keep none")
    parser.add_argument(
        "--jobs", type=positive, metavar="N", help="how many checks run at once (default: one per core)"
    )


def add_execution(parser: argparse.ArgumentParser) -> None:
    """Add ``--jobs``, ``--isolation``, ``--trust``, ``--no-cache``, ``--samples`` and ``--log``."""
    add_isolation(parser)
    add_samples(parser)
    parser.add_argument("--log", action="store_true", help="write the assessment to MLflow, beside the model")


def add_samples(parser: argparse.ArgumentParser) -> None:
    """Add ``--samples``."""
    parser.add_argument(
        "--samples",
        choices=("none", "ids", "full"),
        default="ids",
        help="how much of single rows is kept: none, nothing of them; ids, the numbers of rows that were found; full, "
        "also what stands in them, columns with the roles id and sensitive masked (default: ids)",
    )


def add_require(parser: argparse.ArgumentParser) -> None:
    """Add ``--require``."""
    parser.add_argument(
        "--require",
        choices=("criteria-or-waived", "criteria", "measured", "requirements"),
        default="criteria",
        help="what the verdict as a whole looks at; criteria-or-waived accepts the plan's waivers (default: criteria)",
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
    add_as_of(parser)
    add_language(parser)


def add_as_of(parser: argparse.ArgumentParser) -> None:
    """Add ``--as-of``."""
    parser.add_argument(
        "--as-of", type=day, metavar="DATE", help="day of the assessment, as 2026-11-01 (default: today)"
    )


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


def day(text: str) -> str:
    """Read a date such as 2026-11-01."""
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
        language=getattr(arguments, "lang", None) or "en",
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
        allow_build=getattr(arguments, "allow_build", False),
        samples=getattr(arguments, "samples", "ids"),
    )


def subject_of(arguments: Any) -> Subject:
    """Collect what is evaluated, and the roles of its columns."""
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
        baseline=getattr(arguments, "baseline", None),
        design=arguments.design,
        outputs=arguments.outputs,
        levels=dict(getattr(arguments, "level", ())),
        guideline=getattr(arguments, "guideline", ()) or "mlqm@3",
        name=getattr(arguments, "name", None),
        seed=arguments.seed,
    )


MEANING = {
    ExitCode.MET: "all criteria are met",
    ExitCode.NOT_MET: "something is not met",
    ExitCode.UNDETERMINED: "something is undetermined or missing",
}


def print_outcome(outcome: Outcome) -> None:
    """Print the two headlines, what to beware of and to do next, what failed, and where the page is."""
    from qmtestbed.pipeline import first_lines

    assessment = outcome.assessment
    say()
    for line in (*headline_lines(assessment), *first_lines(outcome.evidence, assessment), *since_lines(assessment)):
        say(inert(line))
    for check in assessment.checks:
        for line in criterion_lines(check, assessment):
            say(line)
    for line in item_lines(outcome):
        say(line)
    for line in declaration_lines(assessment):
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
    accepted = outcome.verdict == "met_or_waived"
    meaning = "all criteria are met, or waived and accepted" if accepted else MEANING.get(outcome.exit_code, "")
    say(f"Exit code {int(outcome.exit_code)}: {meaning}")


def criterion_lines(check: CheckVerdicts, assessment: Assessment) -> list[str]:
    """Write what is not met, undetermined or waived; the first of the checks that failed for one reason tells it."""
    alike = [c.id for c in assessment.checks if c.fails_like(check)] or [check.id]
    if alike[0] != check.id:
        return []
    lines: list[str] = []
    for criterion in check.criteria:
        if criterion.verdict != "met" or criterion.waiver is not None:
            lines.append(f"  {', '.join(alike)}: {inert(_line(criterion))}")
        if criterion.waiver is not None:
            lines.append(f"    {inert(waiver_line(criterion.waiver))}")
    if check.error is not None and check.error.do:
        lines.append(f"    do: {inert(check.error.do)}")
    return lines


def since_lines(assessment: Assessment) -> list[str]:
    """Say what changed since the run before; nothing where it was not told which that was."""
    since = assessment.since
    if since is None:
        return []
    lines = [f"Since:    {count_text(since.counts)} (run {since.run} of {since.as_of})"]
    for change in since.changes:
        verdicts = " -> ".join(verdict_text(c) for c in (change.before, change.after))
        lines.append(f"  {inert(change.check)}: {change.change.upper()}  {inert(change.text)}: {verdicts}")
    return lines


def verdict_text(c: CriterionVerdict | None) -> str:
    """Write a verdict in words, and that it is waived."""
    return "none" if c is None else c.verdict.replace("_", " ") + (" (waived)" if c.waived else "")


_WAIVERS = {
    "waived": "waived by {by} from {date} until {until}",
    "not_needed": "waiver by {by} until {until}: not needed",
    "expired": "waiver by {by}: expired, it ended on {until}",
    "not_yet_valid": "waiver by {by}: not yet valid, it begins on {date}",
}


def waiver_line(waiver: WaiverState) -> str:
    """Write how a waiver stands."""
    stands = _WAIVERS[waiver.state].format(by=waiver.by, date=waiver.date, until=waiver.until)
    return f"{stands} ({waiver.reason})"


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


def declaration_lines(assessment: Assessment) -> list[str]:
    """Name the requirements whose declaration does not support them; those to do are only counted."""
    from qmtestbed.types.assessment import not_counting

    lines = []
    for standing, ids in not_counting(assessment.requirements).items():
        named = "" if standing == "to_do" else f" ({', '.join(ids)})"
        lines.append(f"Declared: {len(ids)} {standing.replace('_', ' ')}{named}")
    return lines


def headline_lines(assessment: Assessment) -> list[str]:
    """Give the two headlines as lines of text."""
    c, e = assessment.headlines.criteria, assessment.headlines.evidence
    lines = [f"Criteria: {c.met} of {c.judged} met, {c.not_met} not met, {c.undetermined} undetermined"]
    if c.waived is not None:
        counts = ((c.waived.not_met, c.not_met, "not met"), (c.waived.undetermined, c.undetermined, "undetermined"))
        found = " and ".join(f"{n} of {of} {name}" for n, of, name in counts if n)
        lines.append(f"Waived:   {found}, {'until' if c.waived.criteria == 1 else 'the first until'} {c.waived.until}")
    if e.level_asked:
        lines.append(
            f"Evidence: measured parts {e.measured_supported} of {e.measured_needed}, "
            f"declared parts {e.declared_supported} of {e.declared_needed}"
        )
        reached = [f"{x.target}: {x.reached or 'no level'} reached" for x in assessment.levels if x.kind == "external"]
        lines += [f"Levels:   {'; '.join(reached)}"] if reached else []
    return lines


def _line(criterion: CriterionVerdict) -> str:
    word = criterion.verdict.replace("_", " ").upper()
    return f"{word}  {criterion.text}: {criterion.reason}"
