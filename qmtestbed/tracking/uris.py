"""How things of MLflow are named in plans; light, so that a run without MLflow does not import it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FORMS = "models:/name@alias, models:/name/1, models:/m-<id>, runs:/<run id>/<name>, or the folder of a logged model"
"""How a model may be named."""

PREFIX = "mlflow:"
"""How the name of a data set of a run begins."""


def in_mlflow(uri: str) -> bool:
    """Whether a URI names something that MLflow has, rather than a file or folder."""
    return uri.startswith(("models:", "runs:", PREFIX))


def is_logged(uri: str) -> bool:
    """Whether a URI names a data set of a run rather than a file."""
    return uri.startswith(PREFIX)


def split(uri: str) -> tuple[str, str | None, str | None] | None:
    """Split ``models:/name@alias`` or ``models:/name/1`` into name, alias and number; ``None`` for anything else."""
    path = uri.removeprefix("models:/")
    if path == uri:
        return None
    if "@" in path:
        name, alias = path.rsplit("@", 1)
        return name, alias, None
    if "/" in path:
        name, number = path.rsplit("/", 1)
        return name, None, number
    return None


@dataclass(frozen=True)
class LoggedData:
    """A data set of a run.

    Attributes
    ----------
    path
        Its file on this machine.
    run, context, name, digest
        Which run was given it and as what, and what MLflow calls it. The digest is MLflow's, a name and no evidence.
    sha256
        Digest of the whole file that was logged with it or at an earlier assessment, if one was.
    """

    path: Path
    run: str
    context: str
    name: str
    digest: str
    sha256: str | None

    @property
    def uri(self) -> str:
        """URI of exactly this input."""
        return f"{PREFIX}{self.run}/{self.context}"
