"""``qmtestbed guideline list|show|coverage|diff|check|import|export``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode

if TYPE_CHECKING:
    from qmtestbed.catalogue import Catalogue
    from qmtestbed.guidelines.coverage import Coverage
    from qmtestbed.guidelines.diff import Compared, GuidelineDiff
    from qmtestbed.types.guideline import Dimension, Guideline

HELP = "list, show, check and compare guidelines; import and export them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="list every guideline; broken ones with their reason")
    showing = actions.add_parser("show", help="show one guideline: qualities, levels, requirements")
    covering = actions.add_parser("coverage", help="every requirement: the parts it needs, and the AITs that inform it")
    differing = actions.add_parser("diff", help="what is not the same in two guidelines or editions")
    checking = actions.add_parser("check", help="check a guideline file: every fault with its line; exit code 0 or 1")
    importing = actions.add_parser("import", help="read a guideline in Qunomon's JSON form, and write ours")
    exporting = actions.add_parser("export", help="write a guideline in Qunomon's JSON form")
    for action in (showing, covering, exporting):
        action.add_argument("name", metavar="NAME", help="such as mlqm@3")
    differing.add_argument("before", metavar="NAME|FILE", help="such as mlqm@3, or a guideline file")
    differing.add_argument("after", metavar="NAME|FILE")
    checking.add_argument("file", type=Path, metavar="FILE", help="<id>/<edition>.yaml")
    importing.add_argument("file", type=Path, metavar="FILE.json")
    importing.add_argument("--id", required=True, help="what it is to be called, such as mlqm")
    importing.add_argument("--edition", required=True, help="its edition, such as 3")
    importing.add_argument("--to", type=Path, default=Path(), metavar="DIR", help="writes DIR/<id>/<edition>.yaml")
    exporting.add_argument("--to", type=Path, required=True, metavar="FILE.json")
    exporting.add_argument("--lang", choices=("en", "ja"), default="en", help="language of its texts (default: en)")
    for action in (covering, differing):
        action.add_argument("--json", action="store_true", help="print JSON")
    for action in (covering, checking):
        action.add_argument(
            "--aits", type=Path, action="append", default=[], metavar="DIR", help="folder with more AITs"
        )
    for action in actions.choices.values():
        action.add_argument(
            "--guidelines", type=Path, action="append", default=[], metavar="DIR", help="folder with more"
        )


def run(arguments: argparse.Namespace) -> ExitCode:
    """Do what the action says."""
    from qmtestbed.catalogue import Catalogue

    catalogue = Catalogue(getattr(arguments, "aits", ()), arguments.guidelines)
    return _ACTIONS[arguments.action](arguments, catalogue)


def _list(_: argparse.Namespace, catalogue: Catalogue) -> ExitCode:
    width = max((len(name) for name in catalogue.guidelines), default=0)
    for entry in catalogue.guidelines.values():
        if entry.guideline is None:
            say(f"{entry.name:<{width}} BROKEN   " + "; ".join(str(p).replace("\n", " ") for p in entry.broken))
        else:
            count = f"{len(entry.guideline.requirements):>3} requirements"
            say(f"{entry.name:<{width}} {count}  {entry.guideline.title.en}")
    return ExitCode.MET


def _show(arguments: argparse.Namespace, catalogue: Catalogue) -> ExitCode:
    guideline = _installed(arguments.name, catalogue)
    say(f"{guideline.name} — {guideline.title.en}")
    say(f"source: {guideline.source.title}, {guideline.source.publisher} {guideline.source.date or ''}".rstrip())
    if guideline.extends:
        say(f"extends: {guideline.extends}")
    say(f"note:   {guideline.note.en}")
    for key, dimension in guideline.dimensions.items():
        _show_dimension(key, dimension)
    say()
    for id, requirement in guideline.requirements.items():
        by = " or ".join("+".join(a) for a in requirement.informed_by)
        relates = f" ~ {', '.join(requirement.relates)}" if requirement.relates else ""
        needs = " and ".join(requirement.needs)
        mark = " (unverified)" if requirement.unverified else ""
        say(f"{id:<12} needs {needs:<21} {requirement.title.en}{mark}" + (f" [{by}]" if by else "") + relates)
    return ExitCode.MET


def _show_dimension(key: str, dimension: Dimension) -> None:
    say(f"\n{key} ({dimension.kind}): {dimension.title.en}")
    for chain in dimension.chains:
        for level in chain:
            asks = ", ".join(level.asks or level.requirements)
            say(f"  {level.id}: {asks or 'no requirements'}")
    if dimension.requirements:
        say(f"  {', '.join(dimension.requirements)}")


def _coverage(arguments: argparse.Namespace, catalogue: Catalogue) -> ExitCode:
    from qmtestbed.guidelines.coverage import coverage

    usable = {id for id, entry in catalogue.aits.items() if entry.manifest is not None}
    found = coverage(_installed(arguments.name, catalogue), usable)
    if arguments.json:
        _print_json(found)
    else:
        _print_coverage(found)
    return ExitCode.MET


def _print_coverage(found: Coverage) -> None:
    for r in found.requirements:
        by = " or ".join(" + ".join(names) for names in r.alternatives)
        if r.measurable is None:
            by = "nothing to measure"
        elif not by:
            by = "no AIT"
        elif r.lacking:
            by += f" (not installed: {', '.join(r.lacking)})"
        say(f"{r.id:<12} {' and '.join(r.needs):<21} {by}")
    say(
        f"\n{found.guideline}: {len(found.requirements)} requirements; measured parts with AITs "
        f"{found.measurable_parts} of {found.measured_parts}; declared parts {found.declared_parts}"
    )


def _diff(arguments: argparse.Namespace, catalogue: Catalogue) -> ExitCode:
    from qmtestbed.guidelines.diff import diff

    found = diff(_named_or_file(arguments.before, catalogue), _named_or_file(arguments.after, catalogue))
    if arguments.json:
        _print_json(found)
        return ExitCode.MET
    say(f"{found.before} → {found.after}" + (": the same" if found.same else ""))
    for what, compared in (
        ("qualities", found.dimensions), ("levels", found.levels), ("requirements", found.requirements),
    ):  # fmt: skip
        _print_compared(what, compared)
    return ExitCode.MET


def _print_compared(what: str, compared: Compared) -> None:
    for sign, said, ids in (("+", "added", compared.added), ("-", "removed", compared.removed)):
        if ids:
            say(f"\n{what} {said}: {len(ids)}")
            for id in ids:
                say(f"  {sign} {id}")
    if compared.changed:
        say(f"\n{what} changed: {len({c.id for c in compared.changed})}")
        for c in compared.changed:
            values = f": {c.before} → {c.after}" if c.before or c.after else ""
            say(f"  * {c.id} {c.aspect}{values}")


def _check(arguments: argparse.Namespace, catalogue: Catalogue) -> ExitCode:
    problems = catalogue.check_guideline(arguments.file)
    for problem in problems:
        print(problem)
    say(f"{arguments.file}: {len(problems) or 'no'} problem{'' if len(problems) == 1 else 's'}")
    return ExitCode.NOT_MET if problems else ExitCode.MET


def _import(arguments: argparse.Namespace, _: Catalogue) -> ExitCode:
    from qmtestbed.guidelines.qunomon_import import write_imported

    target, imported = write_imported(arguments.file, arguments.id, arguments.edition, arguments.to)
    for line in imported.repairs:
        say(f"  {line}")
    say(f"{imported.guideline.name}: {len(imported.guideline.requirements)} requirements, written to {target}")
    say(f"Next: qmtestbed guideline check {target}")
    return ExitCode.MET


def _export(arguments: argparse.Namespace, catalogue: Catalogue) -> ExitCode:
    from qmtestbed.guidelines.qunomon_export import write_exported

    exported = write_exported(_installed(arguments.name, catalogue), arguments.lang, arguments.to)
    say("Not in this form:")
    for line in exported.lost:
        say(f"  {line}")
    say(f"{arguments.name}: written to {arguments.to}")
    return ExitCode.MET


def _installed(name: str, catalogue: Catalogue) -> Guideline:
    from qmtestbed.errors import ContentError

    entry = catalogue.guideline(name)
    if entry.guideline is None:
        raise ContentError(*entry.broken)
    return entry.guideline


def _named_or_file(name: str, catalogue: Catalogue) -> Guideline:
    if name not in catalogue.guidelines and Path(name).is_file():
        return catalogue.guideline_file(Path(name))
    return _installed(name, catalogue)


def _print_json(value: Coverage | GuidelineDiff) -> None:
    from qmtestbed.types.codec import encode

    print(json.dumps(encode(value), ensure_ascii=False, indent=1))


_ACTIONS: Mapping[str, Callable[[argparse.Namespace, Catalogue], ExitCode]] = {
    "list": _list,
    "show": _show,
    "coverage": _coverage,
    "diff": _diff,
    "check": _check,
    "import": _import,
    "export": _export,
}
