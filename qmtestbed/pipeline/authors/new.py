"""``ait new``: a folder, or a package, that keeps the contract from the start."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template

from qmtestbed.errors import InputError, Problem
from qmtestbed.pipeline.options import Options

_TEMPLATES = Path(__file__).parent / "templates"
_ID = re.compile(r"[a-z][a-z0-9_]*")
_PACKAGE = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


def new_ait(id: str, folder: Path, options: Options, package: str | None = None) -> Path:
    """Write a new AIT.

    Parameters
    ----------
    id
        Its id: lower-case letters, digits and ``_``.
    folder
        Where its folder, or that of the package, is made.
    options
        Where else AITs are whose ids are taken.
    package
        Name of a package to put it into; one that is there already is added to.

    Returns
    -------
    Path
        The folder of the AIT.

    Raises
    ------
    InputError
        A name that can't be used, or something is there already.
    """
    _check_names(id, options, package)
    module = (package or "").replace("-", "_")
    project = folder / package if package else folder
    target = project / module / "aits" / id if package else folder / id
    if target.exists():
        raise InputError(Problem("there is something already", str(target), do="choose another id, or remove it"))
    words = {"id": id, "package": package or "", "module": module}
    if package and not (project / "pyproject.toml").exists():
        _write("package", project, words)
        (project / module / "__init__.py").parent.mkdir(parents=True, exist_ok=True)
        (project / module / "__init__.py").write_text(f'"""AITs of {package}."""\n', "utf-8")
    _write("ait", target, words)
    return target


def _check_names(id: str, options: Options, package: str | None) -> None:
    problems = []
    if not _ID.fullmatch(id):
        do = "use lower-case letters, digits and _, beginning with a letter"
        problems.append(Problem("this can't be an id", "command line", id, do))
    if package is not None and not _PACKAGE.fullmatch(package):
        do = "use lower-case letters and digits, with - or _ between words"
        problems.append(Problem("this can't be the name of a package", "command line", package, do))
    twin = options.catalogue().aits.get(id)
    if twin is not None:
        problems.append(Problem("the id is taken", "command line", f"{twin.owner} ({twin.folder})", "choose another"))
    if problems:
        raise InputError(*problems)


def _write(kind: str, target: Path, words: Mapping[str, str]) -> None:
    for name, text in _files(kind):
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template(text).substitute(words), "utf-8")


def _files(kind: str) -> Iterator[tuple[str, str]]:
    """Give the files of a template; each is called as what it becomes, and ``.txt``."""
    root = _TEMPLATES / kind
    for path in sorted(root.rglob("*.txt")):
        yield path.relative_to(root).as_posix().removesuffix(".txt"), path.read_text("utf-8")
