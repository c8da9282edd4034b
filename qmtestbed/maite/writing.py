"""From objects to files: what of the inputs of an evaluation is an object, and where its file is written."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qmtestbed.digests import sha256_of_file, sha256_of_model
from qmtestbed.errors import InputError, Problem

if TYPE_CHECKING:
    from qmtestbed.maite.datasets import ImageSet

DATA, MODELS = ("data", "train"), ("model", "previous", "baseline")
_HAS = {
    **dict.fromkeys(DATA, ("__len__", "__getitem__", "metadata")),
    **dict.fromkeys(MODELS, ("__call__", "metadata")),
}
"""What an object must offer, by the name of the input."""
_SHOWN = 12
"""Letters of a digest in a name."""


@dataclass(frozen=True)
class Written:
    """Inputs of an evaluation, all of them as paths and URIs.

    Attributes
    ----------
    inputs
        By name.
    classes
        Their names in the order of a model's outputs; ``None`` where no object tells them.
    """

    inputs: Mapping[str, str | None]
    classes: tuple[str, ...] | None = None


def is_object(value: Any) -> bool:
    """Whether an input is an object rather than a path, a URI or nothing."""
    return value is not None and not isinstance(value, (str, Path))


def write(inputs: Mapping[str, Any], folder: Path) -> Written:
    """Write every input that is an object into a folder, which is made: by content, so that nothing is overwritten.

    Parameters
    ----------
    inputs
        By the names ``model``, ``data``, ``train``, ``previous``, ``baseline``: objects, or paths and URIs, which stay.
    folder
        Where the files go: ``data-<digest>.npz``, ``train-<digest>.npz``, and a folder ``<name>-<digest>`` for a model.

    Raises
    ------
    InputError
        An object follows no protocol of MAITE, its values can't be right, or the objects do not fit each other.
    """
    objects = {name: value for name, value in inputs.items() if is_object(value)}
    problems = [p for name, value in objects.items() for p in _lacking(name, value)]
    if not problems and len({is_object(inputs[n]) for n in DATA if inputs.get(n) is not None}) > 1:
        do = "give both as objects, or both as files"
        problems.append(Problem("one of data and train is an object and the other a file", "evaluate", do=do))
    if problems:
        raise InputError(*problems)
    sets = _read_sets(objects)
    models = {name: value for name, value in objects.items() if name in MODELS}
    classes = _classes(sets, models)
    paths = {n: None if v is None else str(v) for n, v in inputs.items() if n not in objects}
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".writing-", dir=folder) as scratch:
        for name, found in sets.items():
            saved = _save(found, Path(scratch, name))
            paths[name] = _kept(saved, folder / f"{name}-{sha256_of_file(saved)[:_SHOWN]}.npz")
        for name, model in models.items():
            saved = _log(model, Path(scratch, name), name, sets)
            paths[name] = _kept(saved, folder / f"{name}-{sha256_of_model(saved)[:_SHOWN]}")
    return Written(paths, classes)


def _log(model: Any, folder: Path, name: str, sets: Mapping[str, ImageSet]) -> Path:
    from qmtestbed.maite.arrays import Form
    from qmtestbed.maite.models import write_model

    write_model(model, folder, sets["data"].form if "data" in sets else Form(), name)
    return folder


def _kept(made: Path, place: Path) -> str:
    """Move what was made to its place; where its content is there already, that stays."""
    if not place.exists():
        made.rename(place)
    return str(place)


def _lacking(name: str, value: Any) -> list[Problem]:
    if name not in _HAS:
        return [
            Problem(f"{name} is no path", "evaluate", type(value).__qualname__, "write it to a file and give its path")
        ]
    kind = "a data set" if name in DATA else "a model"
    lacking = [a for a in _HAS[name] if not hasattr(value, a)]
    if not lacking and not isinstance(value.metadata, Mapping):
        lacking = ["metadata as a mapping"]
    if not lacking:
        return []
    found = f"{type(value).__module__}.{type(value).__qualname__}, which lacks {', '.join(lacking)}"
    do = f"give a path or URI, or an object that follows the protocol of {kind} in maite.protocols.image_classification"
    return [Problem(f"{name} is neither a path nor {kind} of MAITE's protocol", "evaluate", found, do)]


def _read_sets(objects: Mapping[str, Any]) -> dict[str, ImageSet]:
    given = {name: value for name, value in objects.items() if name in DATA}
    if not given:
        return {}
    from qmtestbed.maite.datasets import read_dataset

    sets = {name: read_dataset(value, name) for name, value in given.items()}
    first = next(iter(sets.values()))
    for name, other in sets.items():
        differing = [
            f"{what}: {a} and {b}"
            for what, a, b in (
                ("form", first.form, other.form),
                ("size of images", first.pixels.shape[1:], other.pixels.shape[1:]),
                ("classes", first.classes, other.classes),
            )
            if a != b
        ]
        if differing:
            do = "give data sets of one kind"
            raise InputError(Problem("data and train do not go together", name, "; ".join(differing), do))
    return sets


def _classes(sets: Mapping[str, ImageSet], models: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Give the names of the classes; :class:`InputError` where model and data name them differently."""
    told = next(iter(sets.values())).classes if sets else None
    for name, model in models.items():
        if model.metadata.get("index2label") is None:
            continue
        from qmtestbed.maite.datasets import names_of

        own = names_of(model.metadata, None, name)
        if told is not None and own != told:
            do = "give model and data the same index2label"
            found = f"{name}: {', '.join(own)}; before: {', '.join(told)}"
            raise InputError(Problem("model and data name the classes differently", "index2label", found, do))
        told = own
    return told


def _save(found: ImageSet, path: Path) -> Path:
    import numpy as np

    with path.open("wb") as stream:
        np.savez_compressed(stream, images=found.pixels, labels=found.labels, ids=found.ids)
    return path
