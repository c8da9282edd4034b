"""Which files of a logged model run code when the model is loaded: told from its ``MLmodel`` file, nothing is loaded.

Parent and child ask the same question here: the parent refuses such models where the user wants none, the child scans
their files before it loads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qmtestbed.errors import ModelError, Problem
from qmtestbed.modelfiles.exported import doubts

__all__ = ["RunsCode", "code_run_by", "doubts", "member"]

PICKLES = (".pkl", ".pickle", ".p", ".joblib", ".dill", ".cloudpickle", ".pth", ".pt", ".ckpt")
"""Endings of files that are pickles, or archives with a pickle inside."""

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
    match flavour:
        case "sklearn":
            named, safe = str(entry.get("pickled_model", "model.pkl")), entry.get("serialization_format") == "skops"
        case "pytorch":
            data = str(entry.get("model_data", "data"))
            exported = f"{data}/model.pt2"
            safe = member(folder, exported).is_file() and not doubts(folder / exported)
            named = exported if (folder / exported).is_file() else f"{data}/model.pth"
        case "lightgbm":
            named, booster = str(entry.get("data", "model.lgb")), entry.get("model_class", BOOSTER) == BOOSTER
            safe = booster or entry.get("serialization_format") == "skops"
        case "onnx" | "xgboost":
            named, safe = str(entry.get("data", "")), True
        case _:
            return _python_function(folder, entry)
    member(folder, named)
    if safe:
        return RunsCode()
    return RunsCode((named,), code=_brought(folder, entry))


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


def _python_function(folder: Path, entry: Mapping[str, Any]) -> RunsCode:
    pickled = (str(entry[_PYTHON_MODEL]),) if entry.get(_PYTHON_MODEL) else ()
    code = list(_brought(folder, entry))
    if entry.get(_FROM_CODE):
        code.append(Path(str(entry[_FROM_CODE])).name)
    if not pickled and not entry.get(_FROM_CODE):
        code.append(f"loader {entry.get('loader_module', 'unknown')}")
    for name in pickled:
        member(folder, name)
    found = (p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.is_file())
    beside = tuple(n for n in found if n.lower().endswith(PICKLES) and n not in pickled)
    return RunsCode(pickled, beside, tuple(code))


def _brought(folder: Path, entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the folder of code that was logged with the model."""
    code = entry.get("code")
    if not code:
        return ()
    member(folder, str(code))
    return (f"{str(code).rstrip('/')}/",)
