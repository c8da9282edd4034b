"""Estimators with the scikit-learn interface out of their files: skops, else pickle."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from qmtestbed.errors import ModelFault
from qmtestbed.execute.models.boundary import Boundary, add_code, first_bytes

WITH_CLASSES = (
    "sklearn.",
    "numpy.random.",
    "numpy.ma.",
    "numpy._core.",
    "numpy.polynomial.",
    "scipy.interpolate.",
    "scipy.sparse.",
    "scipy.spatial.",
    "scipy.stats.",
)
"""Packages whose classes a skops file may name; of NumPy's own, those at its top too."""

WITH_FUNCTIONS = ("sklearn.feature_selection.", "sklearn.metrics.", "sklearn.cluster.", "scipy.stats.")
"""Packages whose functions it may name too: scores, distances and the like, which only compute."""

TRUSTED_TYPES = frozenset(
    {
        "collections.OrderedDict",
        "collections.defaultdict",
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMRegressor",
        "numpy.abs",
        "numpy.clip",
        "numpy.max",
        "numpy.mean",
        "numpy.median",
        "numpy.min",
        "numpy.nan_to_num",
        "numpy.sum",
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        "xgboost.core.Booster",
        "xgboost.sklearn.XGBClassifier",
        "xgboost.sklearn.XGBRFClassifier",
        "xgboost.sklearn.XGBRFRegressor",
        "xgboost.sklearn.XGBRegressor",
    }
)
"""Others, one by one."""

_NOT_FOR_MODELS = {"testing", "tests", "test_common", "conftest", "datasets", "externals"}


def unpack(path: Path, entry: Mapping[str, Any], name: str, written: str, folder: Path) -> Any:
    """Unpack an estimator.

    Parameters
    ----------
    path
        The file.
    entry
        What ``MLmodel`` says of the flavour: the format, and code that a pickle may need.
    name
        What messages call the model.
    written
        Versions that wrote it and that run here.
    folder
        The logged model.

    Raises
    ------
    ModelFault
        It can't be unpacked, or a skops file names types that are not trusted.
    """
    with Boundary(name, "can't be loaded", f"{first_bytes(path)}; {written}", folder):
        if entry.get("serialization_format") == "skops":
            return _unpack_skops(path, name)
        import pickle

        add_code(folder, entry)
        with path.open("rb") as stream:
            return pickle.load(stream)


def _unpack_skops(path: Path, name: str) -> Any:
    import skops.io

    named = skops.io.get_untrusted_types(file=path)
    foreign = foreign_types(named)
    if foreign:
        more = f" … {len(foreign)} in all" if len(foreign) > 8 else ""
        raise ModelFault(
            f"the model {name} holds types that are not trusted",
            found=", ".join(foreign[:8]) + more,
            do="log it without them: classes of scikit-learn, NumPy and SciPy are loaded, and estimators of xgboost "
            "and lightgbm; functions of your own belong into a pyfunc",
        )
    return skops.io.load(path, trusted=named)


def foreign_types(named: Iterable[str]) -> list[str]:
    """Choose the types of a skops file that are not trusted."""
    return [t for t in named if not is_trusted(t)]


def is_trusted(name: str) -> bool:
    """Whether a skops file may name a type: a class of a trusted package, or one of few functions.

    The name of the package alone would trust too much: ``numpy.testing`` has a function that runs a text,
    ``numpy.load`` unpickles, and a ``DataSource`` of ``numpy.lib`` removes a folder when it goes. Skops itself trusts
    scikit-learn's estimators and NumPy's universal functions already.
    """
    if name in TRUSTED_TYPES:
        return True
    module, _, last = name.rpartition(".")
    below = f"{module}."
    if module != "numpy" and not below.startswith(WITH_CLASSES):
        return False
    if any(p.strip("_") in _NOT_FOR_MODELS or p[:2] == "__" for p in module.split(".")):
        return False
    try:
        found = getattr(importlib.import_module(module), last, None)
    except ImportError:
        return False
    return isinstance(found, type) or (callable(found) and below.startswith(WITH_FUNCTIONS))
