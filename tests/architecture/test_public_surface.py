"""What users and authors import is pinned here: a change of it is a change of the contract."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import qmtestbed
import qmtestbed.ait
from qmtestbed import errors


def test_the_python_api() -> None:
    assert qmtestbed.__all__ == [
        "ExitCode", "InputError", "IntegrityError", "QmtestbedError",
        "attest", "compare", "evaluate", "gate", "history", "judge", "log", "note", "report", "run", "sign", "verify",
    ]  # fmt: skip
    assert list(inspect.signature(qmtestbed.evaluate).parameters) == [
        "model", "data", "predictions", "label", "train", "level", "out", "roles", "options",
    ]  # fmt: skip


def test_no_module_takes_the_place_of_a_function() -> None:
    """Importing ``qmtestbed.x`` sets the name ``x`` of the package: none of ours may be that of the API."""
    modules = {p.stem for p in Path(qmtestbed.__file__).parent.iterdir()}
    assert not modules & set(qmtestbed.__all__)


def test_what_an_author_imports() -> None:
    assert qmtestbed.ait.__all__ == [
        "Bars", "Coverage", "Curve", "DataTable", "Design", "Estimate", "Finding", "FindingKind", "Histogram", "Images",
        "Matrix", "Model", "ModelFault", "ModelFile", "ModelFiles", "Predictions", "Prose", "Resource", "Roles",
        "SampleImages", "SampleRows", "Samples", "Subject", "Table", "Task", "Texts", "Undefined", "class_name",
    ]  # fmt: skip


def test_exit_codes() -> None:
    assert {c.name: int(c) for c in errors.ExitCode} == {
        "MET": 0, "NOT_MET": 1, "UNDETERMINED": 2, "INTERNAL": 3, "USAGE": 4, "INTEGRITY": 5, "INTERRUPTED": 130,
    }  # fmt: skip


def test_the_exception_tree_is_the_one_drawn_in_its_docstring() -> None:
    drawn = set(re.findall(r"\w+(?:Error|Fault|NotMet)\b", errors.__doc__ or ""))
    real = {n for n, c in vars(errors).items() if inspect.isclass(c) and issubclass(c, errors.QmtestbedError)}
    assert drawn == real


def test_import_is_silent_and_light() -> None:
    """No output, no heavy library, no file written."""
    code = (
        "import sys, qmtestbed, qmtestbed.ait, qmtestbed.cli.app\n"
        "heavy = {'numpy', 'pandas', 'mlflow', 'torch', 'sklearn', 'scipy', 'pyarrow', 'jinja2', 'yaml'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
