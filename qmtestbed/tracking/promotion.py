"""Moving an alias: only if nobody else moved anything meanwhile, and one at a time."""

from __future__ import annotations

import getpass
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from qmtestbed.errors import IntegrityError, ModelError, Problem
from qmtestbed.foreign import escaped
from qmtestbed.tracking.connection import connect, mlflow_errors
from qmtestbed.tracking.versions import Version, bearer_of, find_version

if TYPE_CHECKING:
    from mlflow import MlflowClient

LOCK = "qmtestbed-gate"


def user() -> str:
    """Name who is at work."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user need not have a name
        return "unknown"


def promote(requested: str, version: Version, alias: str, before: Version | None, state: Mapping[str, str]) -> None:
    """Let ``alias`` point at ``version``, and leave who, when and on what grounds with the version.

    Parameters
    ----------
    requested
        How the version was named; it must still name the same one.
    version
        The version that was assessed.
    alias
        The alias to move.
    before
        Who bore it when the assessment began; it must be the same still.
    state
        What goes into the tags: by, run, require, verdict and the like.

    Raises
    ------
    IntegrityError
        Either alias was moved meanwhile, or another gate is at it.
    ModelError
        The store can't be reached.
    """
    what = f"{alias!r} of {version.name} could not be moved"
    with mlflow_errors(what, requested, "run the gate again when the store is up"), _alone(version.name, alias):
        _unmoved(requested, version, alias, before)
        client = connect(what, requested)
        client.set_registered_model_alias(version.name, alias, version.number)
        _leave(client, version, alias, state)


def refuse(version: Version, alias: str, state: Mapping[str, str]) -> None:
    """Leave with a version that it was not promoted, by whom, when and why."""
    what = "the outcome of the gate could not be written to MLflow"
    with mlflow_errors(what, version.uri, "run the gate again when the store is up"):
        _leave(connect(what, version.uri), version, alias, state)


def _leave(client: MlflowClient, version: Version, alias: str, state: Mapping[str, str]) -> None:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    text = escaped(json.dumps({"at": at, **state}, ensure_ascii=False, sort_keys=True))
    client.set_model_version_tag(version.name, version.number, f"qmt.gate.{alias}", text)


def _unmoved(requested: str, version: Version, alias: str, before: Version | None) -> None:
    now = find_version("the gate", requested)
    if now.number != version.number:
        raise IntegrityError(
            Problem(
                f"{requested} names another version than the one that was assessed",
                version.name,
                f"version {now.number} now, version {version.number} was assessed; nothing was moved",
                "run the gate again",
            )
        )
    bearer = bearer_of(version.name, alias)
    if (bearer and bearer.number) != (before and before.number):
        found = f"{_shown(bearer)} bears it now, {_shown(before)} did when the assessment began; nothing was moved"
        do = "somebody else moved it; see the tags of that version, and run the gate again"
        raise IntegrityError(
            Problem(f"the alias {alias!r} of {version.name} was moved meanwhile", requested, found, do)
        )


def _shown(version: Version | None) -> str:
    return f"version {version.number}" if version else "no version"


@contextmanager
def _alone(name: str, alias: str) -> Iterator[None]:
    """Hold the one lock on an alias while it is compared and moved.

    MLflow has no way to move an alias only if it still points where it did. Of all that can be written to every kind of
    store, only the name of a registered model is unique: whoever makes it has the lock, and takes it away again.
    """
    from mlflow.exceptions import MlflowException

    lock = f"{LOCK}.{name}.{alias}"
    client = connect("the gate", name)
    text = f"held by {user()} since {datetime.now(UTC).isoformat(timespec='seconds')} while the alias is moved"
    try:
        client.create_registered_model(lock, description=text)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        raise IntegrityError(_held(client, name, alias, lock)) from None
    try:
        yield
    finally:
        with suppress(MlflowException):  # the next gate says how to take it away; what was done is done
            client.delete_registered_model(lock)


def _held(client: MlflowClient, name: str, alias: str, lock: str) -> Problem:
    from mlflow.exceptions import MlflowException

    try:
        found = str(client.get_registered_model(lock).description)
    except MlflowException:
        found = "it has just ended"
    do = f"run the gate again; if no gate is at work any more, delete the registered model {lock!r}"
    return Problem(f"another gate is moving {alias!r} of {name}; nothing was moved", lock, found, do)


def check_name(alias: str, version: Version) -> None:
    """Refuse an alias that MLflow reserves or that can't be one."""
    if not re.fullmatch(r"[\w.-]+", alias) or re.fullmatch(r"latest|v\d+|\d+", alias, re.IGNORECASE):
        do = "choose another, such as champion"
        raise ModelError(Problem(f"{alias!r} can't be the alias of a version", version.uri, do=do))
