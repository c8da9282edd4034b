"""By hand: the files of the model, by the programs that read them themselves."""

from __future__ import annotations

import importlib.metadata
import logging
import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from hand_check import HandTable

from by_hand.base import Case, Found, checks, plain

KNOWN = ("numpy", "scipy", "sklearn")
"""Packages whose types a skops file may name: the demo's model is made of nothing else."""
LOADED_BY = {"pickled_model", "model_path"}
"""Under these keys MLmodel names what the flavours of scikit-learn load."""


@checks("model_file_safety")
def model_file_safety(case: Case) -> Found:
    """The files listed from the disk, asked of modelscan and skops; what is loaded from MLmodel itself."""
    folder, files = case.run.model_files, case.run.files
    loaded, own = _of_mlmodel(folder)
    assert not any(_is_pickle(folder / name) for name in files), "pickles are not looked through by hand"
    assert not own, "code that comes with the model is not counted by hand"
    dangerous = {issue for name in files for issue in _by_modelscan(folder / name)}
    foreign = {name: _foreign(folder / name) for name in loaded}
    unread = [name for name in loaded if not _arrays_are_plain(folder / name)]
    assert not dangerous and not any(foreign.values()), "findings are not made by hand"
    by_skops = f"skops {importlib.metadata.version('skops')}"
    rows: list[list[Any]] = []
    for name in files:
        what = ["unpacked, types checked", "nothing", by_skops] if name in loaded else ["runs no code", "", ""]
        rows.append([name, Path(name).suffix[1:] or "no ending", (folder / name).stat().st_size, *what])
    return {
        "dangerous_count": plain(len(dangerous), "modelscan's own ModelScan().scan of each file"),
        "unscannable_count": plain(len(unread), "zipfile; numpy load of each array, without pickle"),
        "untrusted_type_count": plain(sum(map(len, foreign.values())), "skops get_untrusted_types, by package"),
        "unscannable_beside_count": plain(0, "pickletools: no file is a pickle"),
        "files_that_run_code": plain(0, "pickletools: no file is a pickle; MLmodel: skops"),
        "code_of_its_own": plain(len(own), "MLmodel by yaml; no file ends in .py"),
        "figure files": HandTable(rows, "pathlib; MLmodel by yaml; skops"),
    }


def _of_mlmodel(folder: Path) -> tuple[set[str], list[str]]:
    """Name the files that flavours load, and the code that comes with the model."""
    flavours = yaml.safe_load((folder / "MLmodel").read_text("utf-8"))["flavors"]
    assert set(flavours) == {"python_function", "sklearn"}, "other flavours are not covered by hand"
    assert flavours["sklearn"]["serialization_format"] == "skops"
    assert flavours["python_function"]["loader_module"] == "mlflow.sklearn"
    loaded = {entry[key] for entry in flavours.values() for key in LOADED_BY & set(entry)}
    code = [entry[key] for entry in flavours.values() for key in ("code", "model_code_path") if entry.get(key)]
    return loaded, code + [str(p) for p in folder.rglob("*.py")]


def _is_pickle(path: Path) -> bool:
    """Whether the standard library reads a pickle's instructions there, up to the one that ends it."""
    try:
        return [op.name for op, _, _ in pickletools.genops(path.read_bytes())][-1] == "STOP"
    except (ValueError, IndexError, UnicodeDecodeError):
        return False


def _by_modelscan(path: Path) -> Iterator[str]:
    from modelscan.modelscan import ModelScan
    from modelscan.settings import DEFAULT_SETTINGS

    logging.getLogger("modelscan").setLevel(logging.CRITICAL)
    for issue in ModelScan(settings=DEFAULT_SETTINGS).scan(path)["issues"]:
        yield f"{issue['module']}.{issue['operator']}"


def _foreign(path: Path) -> list[str]:
    import skops.io

    return [t for t in skops.io.get_untrusted_types(file=path) if t.split(".")[0] not in KNOWN]


def _arrays_are_plain(path: Path) -> bool:
    """Whether the archive is whole, and each array in it is read without unpickling anything."""
    with zipfile.ZipFile(path) as archive:
        if archive.testzip():
            return False
        for name in archive.namelist():
            with archive.open(name) as entry:
                if name.endswith(".npy"):
                    np.load(entry, allow_pickle=False)
                elif name != "schema.json":
                    return False
    return True
