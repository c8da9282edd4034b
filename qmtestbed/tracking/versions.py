"""Registered models: names, aliases and versions, and the logged model that a version is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qmtestbed.errors import ModelError, Problem, suggestion
from qmtestbed.tracking.connection import connect, mlflow_errors
from qmtestbed.tracking.uris import FORMS, split

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Version:
    """A version of a registered model.

    Attributes
    ----------
    name, number
        The registered model and the version's number.
    source
        URI of its files: of the logged model, where it was registered from one.
    aliases
        Those that point at it now.
    """

    name: str
    number: str
    source: str
    aliases: tuple[str, ...] = ()
    tags: Mapping[str, str] | None = None

    @property
    def shown(self) -> str:
        """``name/number``."""
        return f"{self.name}/{self.number}"

    @property
    def uri(self) -> str:
        """URI of exactly this version."""
        return f"models:/{self.name}/{self.number}"

    @property
    def model_id(self) -> str | None:
        """Id of the logged model (``m-…``), if it is one."""
        last = self.source.removeprefix("models:/")
        return last if last != self.source and last.startswith("m-") else None


def find_version(what: str, uri: str) -> Version:
    """Follow ``models:/name@alias`` or ``models:/name/1`` to the version it names now.

    Parameters
    ----------
    what
        What asks for it, for messages.
    uri
        The name.

    Raises
    ------
    ModelError
        Another form; an unknown name, alias or number; a store that can't be reached.
    """
    parts = split(uri)
    if parts is None:
        do = "write models:/name@alias or models:/name/1"
        raise ModelError(Problem(f"{what}: not the name of a version of a registered model", uri, do=do))
    name, alias, number = parts
    with mlflow_errors(f"{what}: the model can't be found", uri, f"write {FORMS}; MLFLOW_TRACKING_URI names the store"):
        client = connect(what, uri)
        if alias is not None:
            return _by_alias(client, what, uri, name, alias)
        return _by_number(client, what, uri, name, str(number))


def bearer_of(name: str, alias: str) -> Version | None:
    """Give the version that bears an alias now; ``None`` if no version does."""
    what = f"the alias {alias!r} of {name}"
    with mlflow_errors(f"{what} can't be read", f"models:/{name}", "is the tracking server up?"):
        client = connect(what, f"models:/{name}")
        aliases = client.get_registered_model(name).aliases
        return _version(client.get_model_version(name, str(aliases[alias])), aliases) if alias in aliases else None


def _version(found: Any, aliases: Mapping[str, Any]) -> Version:
    bears = tuple(sorted(alias for alias, number in aliases.items() if str(number) == str(found.version)))
    return Version(found.name, str(found.version), found.source, bears, dict(found.tags or {}))


def _by_alias(client: MlflowClient, what: str, uri: str, name: str, alias: str) -> Version:
    aliases = _registered(client, what, uri, name).aliases
    if alias not in aliases:
        do = suggestion(alias, aliases) or f"{name} has no aliases; set one, or name a version"
        raise ModelError(Problem(f"{what}: {name} has no alias {alias!r}", uri, do=do))
    return _version(client.get_model_version(name, str(aliases[alias])), aliases)


def _by_number(client: MlflowClient, what: str, uri: str, name: str, number: str) -> Version:
    from mlflow.exceptions import MlflowException

    aliases = _registered(client, what, uri, name).aliases
    try:
        return _version(client.get_model_version(name, number), aliases)
    except MlflowException:
        known = [str(v.version) for v in client.search_model_versions(f"name='{name}'")]
        do = "known: " + ", ".join(sorted(known, key=lambda v: (len(v), v))[-12:])
        raise ModelError(Problem(f"{what}: {name} has no version {number!r}", uri, do=do)) from None


def _registered(client: MlflowClient, what: str, uri: str, name: str) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        known = [m.name for m in client.search_registered_models(max_results=1000)]
        do = suggestion(name, known) or "the registry is empty: is MLFLOW_TRACKING_URI the right one?"
        raise ModelError(Problem(f"{what}: no registered model {name!r}", uri, do=do)) from None
