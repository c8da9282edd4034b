"""``qmtestbed ait list|show``: reads manifests, imports no AIT; the other actions are in ``authors.py``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from qmtestbed.cli import authors
from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode

if TYPE_CHECKING:
    from qmtestbed.catalogue import AitEntry
    from qmtestbed.types.manifest import Manifest

HELP = "list or show AITs; write, check, run and document one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="list every AIT; broken ones with their reason")
    showing = actions.add_parser("show", help="show one AIT")
    showing.add_argument("id", metavar="ID")
    for action in (listing, showing):
        action.add_argument("--aits", type=Path, action="append", default=[], metavar="DIR", help="folder with more")
    authors.add_actions(actions)


def run(arguments: argparse.Namespace) -> ExitCode:
    """List or show, or do what authors do."""
    if arguments.action in authors.ACTIONS:
        return authors.ACTIONS[arguments.action](arguments)
    from qmtestbed.catalogue import Catalogue

    catalogue = Catalogue(aits=arguments.aits)
    if arguments.action == "list":
        for entry in catalogue.aits.values():
            say(_line(entry))
        return ExitCode.MET
    entry = catalogue.ait(arguments.id)
    if entry.manifest is not None:
        _show(entry, entry.manifest)
    return ExitCode.MET


def _line(entry: AitEntry) -> str:
    if entry.manifest is None:
        return f"{entry.id:<28} BROKEN   " + "; ".join(str(p) for p in entry.broken)
    m = entry.manifest
    missing = f"  (unavailable: {'; '.join(entry.missing)})" if entry.missing else ""
    owner = "" if entry.owner == "qmtestbed" else f"  [{entry.owner}]"
    return f"{m.id:<28} {m.version:<8} {m.quality:<14} {m.title.en}{owner}{missing}"


def _show(entry: AitEntry, m: Manifest) -> None:
    say(f"{m.id} {m.version} — {m.title.en}" + (f" ({m.title.ja})" if m.title.ja else ""))
    say(f"quality   {m.quality}")
    say(f"method    {m.method.en}")
    if m.meaning:
        say(f"meaning   {m.meaning.en}")
    for guideline, clauses in m.informs.items():
        say(f"informs   {guideline}: {', '.join(clauses)}")
    for name, spec in m.inputs.items():
        needs = f", needs {', '.join(spec.needs)}" if spec.needs else ""
        say(f"input     {name}: {spec.kind}{needs}{' (optional)' if spec.optional else ''}")
    for name, parameter in m.parameters.items():
        say(f"parameter {name}: {parameter.type}, default {parameter.default!r}")
    for name, measure in m.measures.items():
        low, high = ("unbounded" if x is None else f"{x:g}" for x in measure.range)
        per = f" per {measure.per}" if measure.per else ""
        say(f"measure   {name}{per}: {measure.unit} in [{low}, {high}], better: {measure.better}, "
              f"interval: {measure.interval}")  # fmt: skip
    for need in m.requires:
        say(f"requires  {need}" + (", in an environment of its own" if m.environment == "isolated" else ""))
    for suggestion in m.suggests:
        say(f"suggests  {suggestion.criterion}: {suggestion.because.en}")
    for reference in m.references:
        say(f"source    {reference.cite}" + (f" <{reference.url}>" if reference.url else ""))
    say(f"folder    {entry.folder}")
    if entry.missing:
        say(f"missing   {'; '.join(entry.missing)}")
