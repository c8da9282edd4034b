"""Looks at every file of a logged model, in the child, and loads none: what an AIT gets as :class:`ModelFiles`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from qmtestbed.ait import ModelFile, ModelFiles
from qmtestbed.errors import ModelError, ModelFault
from qmtestbed.execute.models.boundary import Boundary
from qmtestbed.execute.models.scanning import EXPORTED, form_of, scanned, size_of, version_of
from qmtestbed.execute.models.unpacking import foreign_types
from qmtestbed.modelfiles import KNOWN, all_code_run, named_by, within
from qmtestbed.types.job import JobInput

_WITH_SKOPS = ("sklearn", "lightgbm")
"""Flavours that MLflow may write in the format of skops."""


def survey(source: JobInput) -> ModelFiles:
    """Say of each file of a model what loading does with it, and what is found in it.

    Unlike the scan before a model is loaded, this one is for whichever flavour of the model somebody loads, and takes
    in pickles that none of them does.

    Raises
    ------
    ModelFault
        Its ``MLmodel``, or a link in it, names a file outside its folder.
    """
    folder = Path(source.path or "")
    description = yaml.safe_load((folder / "MLmodel").read_text("utf-8"))
    try:
        runs = all_code_run(folder, description)
        seen = {f.path: f for f in scanned(folder, runs)}
        for name, is_skops in _loaded_safely(folder, description).items():
            seen[name] = _loaded(folder / name, name, is_skops, seen.get(name))
    except ModelError as error:
        (problem,) = error.problems
        raise ModelFault(problem.what, found=problem.found, do=problem.do) from None
    for path in (p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        runs_itself = any(name == c or (c.endswith("/") and name.startswith(c)) for c in runs.code)
        seen.setdefault(name, ModelFile(name, size_of(path), form_of(path), "code" if runs_itself else "read"))
    flavours = tuple(map(str, description["flavors"]))
    return ModelFiles(str(folder), flavours, tuple(seen[name] for name in sorted(seen)), runs.code)


def _loaded_safely(folder: Path, description: Mapping[str, Any]) -> dict[str, bool]:
    """Name the files that flavours load and that run no code, and say which of them are in the format of skops."""
    named: dict[str, bool] = {}
    for flavour, entry in description["flavors"].items():
        name, safe = named_by(folder, flavour, entry or {}) if flavour in KNOWN else ("", False)
        if safe:
            named[within(folder, name)] = (entry or {}).get(
                "serialization_format"
            ) == "skops" and flavour in _WITH_SKOPS
    return named


def _loaded(path: Path, name: str, is_skops: bool, before: ModelFile | None) -> ModelFile:
    """Say what is in a file whose loading runs no code; ``before`` is what a scan for pickles found there."""
    found = before or ModelFile(name, size_of(path), form_of(path), "read")
    if not path.is_file():
        return replace(found, loading="checked", unread="no such file")
    if not is_skops:
        return found if before or path.suffix != EXPORTED else replace(found, scanner=version_of("qmtestbed"))
    import skops.io

    try:
        with Boundary(name, "can't be looked through"):
            untrusted = tuple(foreign_types(skops.io.get_untrusted_types(file=path)))
    except ModelFault as error:
        untrusted, found = (), replace(found, unread=error.found)
    return replace(found, loading="checked", untrusted=untrusted, scanner=version_of("skops"))
