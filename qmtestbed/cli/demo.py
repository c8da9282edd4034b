"""``qmtestbed demo``: trains a small model, logs it to a local MLflow store, and evaluates it."""

from __future__ import annotations

import argparse
from pathlib import Path

from qmtestbed.errors import ExitCode

HELP = "train a small model, log it to a local MLflow store, and evaluate it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: demo/out in the checkout, "
                        "else qmtestbed-demo)")  # fmt: skip


def run(arguments: argparse.Namespace) -> ExitCode:
    """Hand over to the demo that ships with the package."""
    import runpy

    from qmtestbed.content import content_root

    root = content_root()
    out = arguments.out or (root / "demo" / "out" if (root / "start.py").is_file() else Path("qmtestbed-demo"))
    demo = runpy.run_path(str(root / "demo" / "demo.py"))
    return ExitCode(demo["main"](out.resolve()))
