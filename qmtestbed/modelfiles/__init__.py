"""Which files of a logged model run code when the model is loaded: told from its ``MLmodel`` file, nothing is loaded.

Parent and child ask the same question here: the parent refuses such models where the user wants none, the child scans
their files before it loads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import HIGHEST_PROTOCOL
from typing import Any

from qmtestbed.errors import ModelError, Problem
from qmtestbed.modelfiles.exported import doubts

__all__ = [
    "RunsCode",
    "all_code_run",
    "code_run_by",
    "doubts",
    "looks_pickled",
    "member",
    "named_by",
    "protocol_of",
    "within",
]

PICKLES = (".pkl", ".pickle", ".p", ".joblib", ".dill", ".cloudpickle", ".pth", ".pt", ".ckpt")
"""Endings of files that are pickles, or archives with a pickle inside."""

KNOWN = ("sklearn", "pytorch", "onnx", "xgboost", "lightgbm")
"""Flavours of which it is known what loading them reads."""

PYFUNC = "python_function"
BOOSTER = "lightgbm.basic.Booster"
_FROM_CODE, _PYTHON_MODEL = "model_code_path", "python_model"


@dataclass(frozen=True)
class RunsCode:
    """What of a model's folder runs code on loading.

    Attributes
    ----------
    pickled
        Files that loading unpickles: paths within the folder.
    beside
        Other pickles, which code of the model's own may open.
    code
        Code of the model's own: files, folders, or the loader that reads the model.
    """

    pickled: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    code: tuple[str, ...] = ()


def code_run_by(folder: Path, flavour: str, description: Mapping[str, Any]) -> RunsCode:
    """Say what runs code when a model is loaded by a flavour.

    Parameters
    ----------
    folder
        The logged model.
    flavour
        One that its ``MLmodel`` names.
    description
        The content of that file.

    Raises
    ------
    ModelError
        It names a file outside the folder.
    """
    entry = description["flavors"][flavour] or {}
    if flavour not in KNOWN:
        return _python_function(folder, entry)
    named, safe = named_by(folder, flavour, entry)
    member(folder, named)
    if safe:
        return RunsCode()
    return RunsCode((named,), code=_brought(folder, entry))


def named_by(folder: Path, flavour: str, entry: Mapping[str, Any]) -> tuple[str, bool]:
    """Give the file that a known flavour loads, and whether loading it runs no code.

    Raises
    ------
    ModelError
        It is not inside the folder.
    """
    skops = entry.get("serialization_format") == "skops"
    match flavour:
        case "sklearn":
            return str(entry.get("pickled_model", "model.pkl")), skops
        case "pytorch":
            data = str(entry.get("model_data", "data"))
            exported = f"{data}/model.pt2"
            safe = member(folder, exported).is_file() and not doubts(folder / exported)
            return exported if (folder / exported).is_file() else f"{data}/model.pth", safe
        case "lightgbm":
            return str(entry.get("data", "model.lgb")), skops or entry.get("model_class", BOOSTER) == BOOSTER
        case _:
            return str(entry.get("data", "")), True


def all_code_run(folder: Path, description: Mapping[str, Any]) -> RunsCode:
    """Say what runs code when a model is loaded by whichever of the flavours that its ``MLmodel`` names.

    Each pickle that none of them loads is named as lying beside, by its ending or its first bytes: another program may
    open it. A flavour that is not known here is named among the code, as nothing tells what it runs.

    Raises
    ------
    ModelError
        It names a file outside the folder.
    """
    flavours = {name: entry or {} for name, entry in description["flavors"].items()}
    every = [_loaded_by(folder, name, flavours) for name in flavours]
    pickled = tuple(dict.fromkeys(within(folder, name) for runs in every for name in runs.pickled))
    code = tuple(dict.fromkeys(name for runs in every for name in runs.code))
    beside = tuple(n for n in _files(folder) if n not in pickled and looks_pickled(folder / n))
    return RunsCode(pickled, beside, code)


def _loaded_by(folder: Path, name: str, flavours: Mapping[str, Mapping[str, Any]]) -> RunsCode:
    entry = flavours[name]
    if name == PYFUNC and str(entry.get("loader_module", "")).removeprefix("mlflow.") in flavours:
        # It reads what the flavour of that name does, unless it is told to unpickle another file.
        known = {within(folder, named_by(folder, f, e)[0]) for f, e in flavours.items() if f in KNOWN}
        told = (within(folder, str(entry[key])) for key in ("data", "model_path") if entry.get(key))
        return RunsCode(tuple(n for n in told if n not in known and (folder / n).is_file()))
    if name not in (*KNOWN, PYFUNC):
        return RunsCode(code=(f"flavour {name}, which is not looked into",))
    return code_run_by(folder, name, {"flavors": flavours})


def looks_pickled(path: Path) -> bool:
    """Whether a file is a pickle by its ending or its first bytes."""
    return path.name.lower().endswith(PICKLES) or protocol_of(path) is not None


def protocol_of(path: Path) -> int | None:
    """Give the protocol of a pickle by its first two bytes; ``None`` for any other file, and below protocol 2."""
    with path.open("rb") as stream:
        first = stream.read(2)
    return first[1] if len(first) == 2 and first[0] == 0x80 and 2 <= first[1] <= HIGHEST_PROTOCOL else None


def member(folder: Path, name: str) -> Path:
    """Path of a file that ``MLmodel`` names.

    Raises
    ------
    ModelError
        It is not inside the folder, so that no digest of the model covers it.
    """
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ModelError(Problem("MLmodel names a file outside the model's folder", str(folder), name, "log it again"))
    return path


def within(folder: Path, name: str) -> str:
    """Spell a file that ``MLmodel`` names the one way, as its path inside the folder; else :class:`ModelError`."""
    return member(folder, name).relative_to(folder.resolve()).as_posix()


def _python_function(folder: Path, entry: Mapping[str, Any]) -> RunsCode:
    pickled = (str(entry[_PYTHON_MODEL]),) if entry.get(_PYTHON_MODEL) else ()
    code = list(_brought(folder, entry))
    if entry.get(_FROM_CODE):
        code.append(Path(str(entry[_FROM_CODE])).name)
    if not pickled and not entry.get(_FROM_CODE):
        code.append(f"loader {entry.get('loader_module', 'unknown')}")
    for name in pickled:
        member(folder, name)
    beside = tuple(n for n in _files(folder) if n.lower().endswith(PICKLES) and n not in pickled)
    return RunsCode(pickled, beside, tuple(code))


def _files(folder: Path) -> Iterator[str]:
    return (p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.is_file())


def _brought(folder: Path, entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the folder of code that was logged with the model."""
    code = entry.get("code")
    if not code:
        return ()
    member(folder, str(code))
    return (f"{str(code).rstrip('/')}/",)
