"""Looks at every file of a logged model, in the child, and loads none: what an AIT gets as :class:`ModelFiles`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from qmtestbed.ait import Loading, ModelFile, ModelFiles
from qmtestbed.errors import ModelFault
from qmtestbed.execute.models.boundary import Boundary
from qmtestbed.execute.models.scanning import EXPORTED, form_of, scanned, size_of, version_of
from qmtestbed.execute.models.unpacking import foreign_types
from qmtestbed.modelfiles import KNOWN, all_code_run, named_by
from qmtestbed.types.job import JobInput

_SKOPS = ".skops"


def survey(source: JobInput) -> ModelFiles:
    """Say of each file of a model what loading does with it, and what is found in it.

    Unlike the scan before a model is loaded, this one is for whichever flavour of the model somebody loads, and takes
    in pickles that none of them does.

    Raises
    ------
    ModelError
        Its ``MLmodel`` names a file outside its folder.
    """
    folder = Path(source.path or "")
    description = yaml.safe_load((folder / "MLmodel").read_text("utf-8"))
    runs = all_code_run(folder, description)
    seen = {f.path: f for f in scanned(folder, runs)}
    exact = _loaded_safely(folder, description)
    others = sorted(p for p in folder.rglob("*") if p.is_file())
    for path in others:
        name = path.relative_to(folder).as_posix()
        if name not in seen:
            seen[name] = _unpickled_by_none(path, name, name in exact, runs.code)
    flavours = tuple(map(str, description["flavors"]))
    return ModelFiles(str(folder), flavours, tuple(seen[name] for name in sorted(seen)), runs.code)


def _loaded_safely(folder: Path, description: Mapping[str, Any]) -> set[str]:
    """Name the files that flavours load and that run no code."""
    entries = ((f, e or {}) for f, e in description["flavors"].items() if f in KNOWN)
    return {named for flavour, entry in entries for named, safe in [named_by(folder, flavour, entry)] if safe}


def _unpickled_by_none(path: Path, name: str, is_loaded: bool, code: tuple[str, ...]) -> ModelFile:
    size, form = size_of(path), form_of(path)
    if is_loaded and path.suffix == _SKOPS:
        return _of_skops(path, name, size)
    scanner = version_of("qmtestbed") if is_loaded and path.suffix == EXPORTED else ""
    runs = any(name == c or (c.endswith("/") and name.startswith(c)) for c in code)
    loading: Loading = "code" if runs else "read"
    return ModelFile(name, size, form, loading, scanner=scanner)


def _of_skops(path: Path, name: str, size: int) -> ModelFile:
    import skops.io

    untrusted: list[str] = []
    unread = ""
    try:
        with Boundary(name, "can't be looked through"):
            untrusted = foreign_types(skops.io.get_untrusted_types(file=path))
    except ModelFault as error:
        unread = error.found
    form, scanner = form_of(path), version_of("skops")
    return ModelFile(name, size, form, "checked", untrusted=tuple(untrusted), unread=unread, scanner=scanner)
