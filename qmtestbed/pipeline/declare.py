"""``declare``: what a person says for a requirement, written into the plan with the digests of its files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from qmtestbed.catalogue import Catalogue
from qmtestbed.digests import sha256_of_file
from qmtestbed.documents import Document, decode_document, parse_document
from qmtestbed.errors import InputError, PlanError, Problem, suggestion
from qmtestbed.evidence import files
from qmtestbed.evidence.checklists import read_checklist
from qmtestbed.pipeline.options import Options
from qmtestbed.pipeline.outlook import Outlook, guidelines_of, outlook_of
from qmtestbed.pipeline.plan_text import relative_to_plan, with_declaration
from qmtestbed.plan import check_plan, clauses, load_plan
from qmtestbed.types.plan import LoadedPlan, Plan


@dataclass(frozen=True)
class Declared:
    """What is declared for a requirement, and by whom; paths start from the current folder.

    Attributes
    ----------
    date
        An ISO date; by default today.
    until
        The last day on which it counts.
    replace
        Whether it may take the place of an earlier declaration.
    """

    requirement: str
    by: str
    until: str
    date: str | None = None
    statement: str | None = None
    file: Path | None = None
    checklist: Path | None = None
    not_applicable: str | None = None
    replace: bool = False


def declare(plan_file: Path, said: Declared, options: Options) -> Outlook:
    """Write a declaration into a plan, all else in it left as it is; give how the requirements stand then.

    A stub for the requirement is filled in; an earlier declaration is replaced only where that is asked for.

    Raises
    ------
    InputError
        The plan has problems, or the declaration can't be used: an unknown requirement, a second one, a file that is
        not there, dates in no order. The plan is then as it was.
    """
    catalogue, path = options.catalogue(), plan_file.resolve()
    loaded = load_plan(plan_file, catalogue)
    document = parse_document(loaded.source, str(plan_file))
    problems = [*_problems(said, loaded.plan, catalogue)]
    if problems:
        raise InputError(*problems)
    entry = _entry(said, path)
    content = with_declaration(document, entry, _place(said, loaded.plan, document))
    written = _checked(content, loaded, str(plan_file), catalogue)
    if path.read_bytes() != loaded.source:
        raise PlanError(Problem("the plan was changed meanwhile", str(plan_file), do="declare it again"))
    _write(path, content)
    return outlook_of(written, catalogue, options.as_of or date.today().isoformat())


def _problems(said: Declared, plan: Plan, catalogue: Catalogue) -> Iterator[Problem]:
    known = clauses(guidelines_of(plan, catalogue))
    if said.requirement not in known:
        what = f"unknown requirement {said.requirement!r}"
        yield Problem(what, "--requirement", do=suggestion(said.requirement, known) or "name a guideline in the plan")
    if not (said.statement or said.file or said.checklist or said.not_applicable):
        yield Problem("it says nothing", do="give --statement, --file, --checklist or --not-applicable")
    if said.not_applicable and (said.statement or said.checklist):
        what = "a requirement that does not apply needs neither statement nor checklist"
        yield Problem(what, "--not-applicable", do="give the reason alone")
    for option, given in (("--file", said.file), ("--checklist", said.checklist)):
        if given is not None and not given.is_file():
            near = suggestion(given.name, [p.name for p in given.parent.glob("*")]) if given.parent.is_dir() else ""
            yield Problem("no such file", option, str(given), near or "check the path")
        elif given is not None and option == "--checklist":
            read_checklist(given, str(given))
    if said.until < (said.date or date.today().isoformat()):
        yield Problem("ends before it begins", "--until", said.until, "give a later day")


def _entry(said: Declared, plan_file: Path) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "requirement": said.requirement,
        "statement": said.statement,
        "not_applicable": said.not_applicable,
    }
    for name, given, digest in (("file", said.file, "sha256"), ("checklist", said.checklist, "checklist_sha256")):
        if given is not None:
            entry |= {name: relative_to_plan(given, plan_file), digest: sha256_of_file(given)}
    entry |= {"by": said.by, "date": said.date or date.today().isoformat(), "until": said.until}
    return {name: value for name, value in entry.items() if value is not None}


def _place(said: Declared, plan: Plan, document: Document) -> int | None:
    """Say which declaration the new one takes the place of; :class:`PlanError` if that is one that was made."""
    id = said.requirement.split(":")[-1] if len(plan.guidelines) == 1 else said.requirement
    for i, earlier in enumerate(plan.declarations):
        bare = earlier.requirement.split(":")[-1] if len(plan.guidelines) == 1 else earlier.requirement
        if bare == id:
            if earlier.todo or said.replace:
                return i
            found = f"by {earlier.by} on {earlier.date}" + (f", until {earlier.until}" if earlier.until else "")
            what = f"there is a declaration for {said.requirement} already"
            raise PlanError(Problem(what, document.where(("declarations", i)), found, "renew it with --replace"))
    return None


def _checked(content: bytes, loaded: LoadedPlan, name: str, catalogue: Catalogue) -> LoadedPlan:
    document = parse_document(content, name)
    return check_plan(decode_document(Plan, document, PlanError), document, loaded.folder, catalogue)


def _write(path: Path, content: bytes) -> None:
    """Write the plan whole or not at all, with the permissions that it had."""
    with files.staged([(path, content)]) as (partial,):
        shutil.copymode(path, partial)


def declared_standing(assessed: Outlook) -> Mapping[str, str]:
    """Say in a word how the declared part of each requirement stands that needs one, in the order of the target."""
    found = {}
    for requirement in assessed.assessment.requirements:
        if "declared" in requirement.needs:
            standing = next((d.standing for d in requirement.declarations), "missing")
            found[requirement.id] = "supported" if standing == "valid" else standing
            if requirement.verdict == "not_applicable":
                found[requirement.id] = "not_applicable"
    return found
