"""A model of MAITE's protocol, written as MLflow keeps one: a folder with ``MLmodel`` and the pickled model."""

from __future__ import annotations

import functools
import importlib.metadata
import pickle
import pickletools
import platform
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

from qmtestbed.errors import ModelError, Problem
from qmtestbed.maite.arrays import Form

_FILE = "python_model.pkl"


def write_model(model: Any, folder: Path, form: Form, name: str) -> None:
    """Write a model as MLflow's flavour ``python_function``, with its code as far as that is not installed.

    Parameters
    ----------
    model
        Called with a sequence of images, gives as many targets.
    folder
        Where; it is made.
    form
        In which the model is given its images.
    name
        What messages call it.

    Raises
    ------
    ModelError
        It can't be pickled.
    """
    content = _pickled(model, form, name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _FILE).write_bytes(content)
    (folder / "requirements.txt").write_text("".join(f"{line}\n" for line in _requirements(content)), "utf-8")
    (folder / "MLmodel").write_text(
        "flavors:\n  python_function:\n    loader_module: mlflow.pyfunc.model\n"
        f"    python_model: {_FILE}\n    cloudpickle_version: {importlib.metadata.version('cloudpickle')}\n"
        f"    python_version: {platform.python_version()}\n",
        "utf-8",
    )


def _pickled(model: Any, form: Form, name: str) -> bytes:
    import cloudpickle

    from qmtestbed.maite.served import Served

    with ExitStack() as by_value:
        for module in _not_installed():
            cloudpickle.register_pickle_by_value(module)
            by_value.callback(cloudpickle.unregister_pickle_by_value, module)
        try:
            content: bytes = cloudpickle.dumps(Served(model, form), protocol=4)
        except (pickle.PicklingError, TypeError, AttributeError, ValueError, RecursionError, RuntimeError) as error:
            found = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            do = "make it without open files, locks and connections: a child is given a copy of it"
            raise ModelError(Problem("the model can't be pickled", name, found, do)) from error
    return content


def _not_installed() -> Iterator[ModuleType]:
    """Give the modules that a child could not import, or that must be those of now: the user's own, and ours for this.

    What is pickled of them is pickled by its content.
    """
    paths = sysconfig.get_paths()
    installed = [Path(paths[key]).resolve() for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    ours = __name__.partition(".")[0]
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is None or getattr(module, "__name__", None) != name or name == "__main__":
            continue
        own = name.startswith(f"{ours}.maite.")
        path = Path(file).resolve()
        if own or (name.partition(".")[0] != ours and not any(path.is_relative_to(p) for p in installed)):
            yield module


def _requirements(content: bytes) -> list[str]:
    """Name the distributions whose modules a pickle names, with their versions: its answers may depend on them."""
    texts = {a for _, a, _ in pickletools.genops(content) if isinstance(a, str)}
    tops = {t.partition(".")[0] for t in texts if t in sys.modules}
    names = sorted({d for top in tops for d in _distributions().get(top, ())} - {__name__.partition(".")[0]})
    return [f"{name}=={importlib.metadata.version(name).partition('+')[0]}" for name in names]


@functools.cache
def _distributions() -> Mapping[str, list[str]]:
    """Say which distributions bring a module; to ask takes half a second."""
    return importlib.metadata.packages_distributions()
