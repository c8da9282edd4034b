"""The parser of all commands, and the one place where an exception becomes an exit code."""

from __future__ import annotations

import argparse
import contextlib
import errno
import gc
import importlib
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, TracebackType
from typing import NoReturn

from qmtestbed.cli.terminal import guarded
from qmtestbed.errors import ExitCode, QmtestbedError
from qmtestbed.foreign import inert

COMMANDS = (
    "run", "evaluate", "plan", "declare", "design", "judge", "report", "compare", "publish", "ci", "verify", "note",
    "attest", "sign", "keygen", "log", "gate", "history", "ait", "guideline", "cache", "doctor", "demo",
)  # fmt: skip
"""In the order of the help; each is a module of its own, imported where it is asked for."""

EXIT_CODES = """exit codes:
  0  at least one criterion was judged and all are met (other commands: done);
     with --require criteria-or-waived: met or waived, and at least one met
  1  a criterion is not met
  2  something is undetermined, or nothing was judged
  3  internal error
  4  wrong usage or bad input
  5  evidence, data or a model is not what it was pinned to
  130  interrupted"""


class _Parser(argparse.ArgumentParser):
    """Wrong usage ends with our code for it: argparse's own 2 means undetermined here."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(ExitCode.USAGE, f"{self.prog}: error: {inert(message, 1000)}\n")


def build_parser(arguments: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """Build the parser of every command; with ``arguments``, of the one that they name."""
    named = next((a for a in arguments or () if not a.startswith("-")), None)
    parser = _Parser(
        prog="qmtestbed",
        description="Show, from measured evidence, which clauses of a quality guideline a model meets.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version and end")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name in (named,) if named in COMMANDS else COMMANDS:
        module = module_of(name)
        module.add_arguments(commands.add_parser(name, help=module.HELP, description=module.HELP))
    return parser


def module_of(command: str) -> ModuleType:
    """Import the module of a command."""
    return importlib.import_module(f"qmtestbed.cli.{command}")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and end the process with its exit code."""
    gc.set_threshold(50_000)  # reading manifests makes many small values, none of them rubbish
    sys.excepthook = _internal_error
    with guarded():
        sys.exit(int(_run(arguments)))


def _run(arguments: Sequence[str] | None) -> ExitCode:
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = build_parser(arguments)
    options = parser.parse_args(arguments)
    if options.version:
        import importlib.metadata

        print("qmtestbed", importlib.metadata.version("qmtestbed"))
        return ExitCode.MET
    if options.command is None:
        parser.print_help()
        return ExitCode.USAGE
    try:
        code: ExitCode = module_of(options.command).run(options)
        sys.stdout.flush()
    except QmtestbedError as error:
        print(f"qmtestbed: error: {error}", file=sys.stderr)
        code = error.exit_code
    except KeyboardInterrupt:
        print("qmtestbed: interrupted; the same command with the same --out goes on", file=sys.stderr)
        code = ExitCode.INTERRUPTED
    except OSError as error:
        code = _host_error(error)
    return code


_OF_THE_HOST = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EROFS: "choose a folder that can be written to with --out",
    errno.EACCES: "choose a folder that can be written to with --out",
    errno.EPERM: "choose a folder that can be written to with --out",
    errno.ENAMETOOLONG: "give a path that this system can have",
}


def _host_error(error: OSError) -> ExitCode:
    """Say what the host refused; anything that is not of the host's making is a fault of ours and goes on."""
    if isinstance(error, BrokenPipeError):
        # The reader of our output has gone; what is left in the buffer has nowhere to go.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.USAGE
    if error.errno not in _OF_THE_HOST:
        raise error
    where = f"{inert(str(error.filename))}: " if error.filename else ""
    print(f"qmtestbed: error: {where}{error.strerror}\n  do:    {_OF_THE_HOST[error.errno]}", file=sys.stderr)
    return ExitCode.USAGE


def _internal_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say that the fault is ours, keep the details in a file, and end with our code for it."""
    descriptor, name = tempfile.mkstemp(prefix="qmtestbed-error-", suffix=".txt")
    os.close(descriptor)
    Path(name).write_text("".join(traceback.format_exception(kind, error, trace)), "utf-8", "backslashreplace")
    print(
        f"qmtestbed: internal error: {kind.__name__}: {inert(str(error))}\n"
        f"  this is a fault of qmtestbed, not yours; the details are in {name}",
        file=sys.stderr,
    )
    raise SystemExit(ExitCode.INTERNAL)
