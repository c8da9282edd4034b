"""The input example that MLflow keeps beside a model, as the values that it was logged with."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from qmtestbed.errors import ModelFault

MOST_ROWS = 100
_DTYPES: Mapping[str, Any] = {"long": np.int64, "integer": np.int32, "double": np.float64, "float": np.float32}


def read_example(folder: Path) -> Any:
    """Read the example of a logged model: a frame or an array of at most :data:`MOST_ROWS` rows.

    MLflow writes it as JSON; types that JSON does not have are those of the signature. Read here and not by MLflow,
    whose import costs a second in children that do not need it.

    Returns
    -------
    frame, array or None
        ``None`` where the model has no example, or one that is neither table nor array.

    Raises
    ------
    ModelFault
        There is an example, and it can't be read.
    """
    description = yaml.safe_load((folder / "MLmodel").read_text("utf-8"))
    info = description.get("saved_input_example_info")
    if not isinstance(info, Mapping) or info.get("type") not in ("dataframe", "ndarray"):
        return None
    try:
        content = json.loads((folder / str(info["artifact_path"])).read_bytes())
        content = content["inputs"] if info.get("params") else content
        inputs = json.loads((description.get("signature") or {}).get("inputs") or "[]")
        return _frame(content, inputs) if info["type"] == "dataframe" else _array(content, inputs)
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        found = f"it can't be read: {type(error).__name__}: {error}"
        raise ModelFault("the input example can't be read", found=found) from None


def _frame(content: Mapping[str, Any], inputs: list[Mapping[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(content["data"][:MOST_ROWS], columns=content.get("columns"))
    types = {i["name"]: i.get("type") for i in inputs if "name" in i}
    for name in frame.columns:
        kind = str(types.get(name))
        if kind == "datetime":
            frame[name] = pd.to_datetime(frame[name])
        elif kind == "binary":
            frame[name] = [None if v is None else base64.b64decode(v) for v in frame[name]]
        elif kind in _DTYPES:
            frame[name] = frame[name].astype(_DTYPES[kind])
    return frame


def _array(content: Any, inputs: list[Mapping[str, Any]]) -> np.ndarray | None:
    """Make an array of the dtype that the signature names; ``None`` for several arrays by name."""
    if isinstance(content, Mapping):
        return None
    spec = inputs[0].get("tensor-spec") if len(inputs) == 1 else None
    return np.array(content[:MOST_ROWS], dtype=spec["dtype"] if spec else None)
