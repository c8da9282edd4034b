"""Inputs of an evaluation that are objects of Python: written to files beside the run folder, which stay there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from qmtestbed.ait import Roles, class_name
from qmtestbed.errors import InputError, Problem
from qmtestbed.maite import is_object, write
from qmtestbed.pipeline.evaluate import Subject, name_of
from qmtestbed.pipeline.options import Options
from qmtestbed.pipeline.run import free_folder

FOLDER = "qmt-inputs"


def subject_of(
    given: Mapping[str, Any], roles: Roles, about: Mapping[str, Any], options: Options
) -> tuple[Subject, Options]:
    """Say what to evaluate and where, with every object in a file.

    Parameters
    ----------
    given
        Models, data and predictions by the names of :class:`Subject`: paths, URIs, or objects that follow MAITE's
        protocols.
    roles
        Of the columns or arrays of the data.
    about
        All else of the subject.
    options
        Where the run goes, and so the files of objects: a folder beside it.

    Raises
    ------
    InputError
        An object can't be used, or goes with other roles than are given.
    """
    if not any(map(is_object, given.values())):
        paths: dict[str, Any] = {name: None if value is None else str(value) for name, value in given.items()}
        return Subject(roles=roles, **paths, **about), options
    if is_object(given["data"]) and (roles.label is not None or roles.id is not None):
        do = "leave label and id out: targets and ids of a data set that is an object are known"
        raise InputError(Problem("roles are given for a data set that has its own", "label, id", do=do))
    name = about.get("name") or _name(given)
    out = options.out or free_folder(name)
    written = write(given, out.parent / FOLDER)
    told: dict[str, Any] = {**about, **written.inputs, "name": name}
    if is_object(given["model"]):
        told["outputs"] = about.get("outputs") or "probabilities"
    subject = Subject(roles=_roles(given, roles, written.classes), **told)
    return subject, replace(options, out=out)


def _name(given: Mapping[str, Any]) -> str:
    """Take the name of the model, which is what an object calls itself, for that of the component."""
    model = given["model"]
    if is_object(model):
        metadata = getattr(model, "metadata", None)
        return str(metadata.get("id", "model")) if isinstance(metadata, Mapping) else "model"
    return name_of(model, given["predictions"])


def _roles(given: Mapping[str, Any], roles: Roles, classes: tuple[str, ...] | None) -> Roles:
    if classes is not None and roles.classes is not None and tuple(map(class_name, roles.classes)) != classes:
        found = f"{', '.join(map(str, roles.classes))}; index2label: {', '.join(classes)}"
        what = "classes are given in other words than by index2label"
        raise InputError(Problem(what, "classes", found, "leave them out"))
    if is_object(given["data"]):
        roles = replace(roles, label="labels", id="ids")
    return replace(roles, classes=classes or roles.classes)
