"""``qmtestbed verify RUN_DIR|ZIP [--key public.pem]``."""

from __future__ import annotations

import argparse
from pathlib import Path

from qmtestbed.cli import common
from qmtestbed.cli.terminal import say
from qmtestbed.errors import ExitCode
from qmtestbed.foreign import inert

HELP = "hash, judge and render a run again, and name everything that is not what it was"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument("run", type=Path, metavar="RUN_DIR|ZIP", help="folder of a finished run, or a ZIP file of one")
    parser.add_argument("--key", type=Path, metavar="PEM", help="public key that the run has to be signed with")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Verify, and list every fault."""
    from qmtestbed import pipeline

    found = pipeline.verify(arguments.run, common.options_of(arguments), arguments.key)
    for fault in found.faults:
        say(f"FAULT     {inert(fault.path)}: {inert(fault.what)}")
        for name, text in (("found: ", fault.found), ("do:    ", fault.do)):
            if text:
                say(f"          {name}{inert(text)}")
    for left in found.not_compared:
        say(f"Not compared: {inert(left.path)}: {inert(left.why)}")
    say(f"Looked at: {found.files} files of evidence, {found.views} pages, {found.remarks} remarks")
    if found.signature:
        say(f"Signature: {inert(found.signature)}")
    say(f"{inert(str(arguments.run))}: {'whole' if found.whole else f'not whole, faults: {len(found.faults)}'}")
    return ExitCode.MET if found.whole else ExitCode.INTEGRITY
