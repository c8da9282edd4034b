"""A model's own input example, as the probe gives it back to the model."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.linear_model import LogisticRegression

from qmtestbed.ait import Roles
from qmtestbed.errors import ModelFault
from qmtestbed.execute.models.example import MOST_ROWS, read_example
from qmtestbed.execute.probing import probe
from qmtestbed.types.job import JobInput

ROWS = pd.DataFrame({"a": np.arange(200), "b": np.linspace(0, 1, 200), "y": ["no", "yes"] * 100})
X = ROWS[["a", "b"]]


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    def saved(**options: Any) -> Path:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = LogisticRegression().fit(X, ROWS["y"])
            mlflow.sklearn.save_model(model, tmp_path / "m", pip_requirements=["scikit-learn"], **options)
        return tmp_path / "m"

    return saved


def told(folder: Path) -> str | None:
    """Probe the model, and give what it says of the example."""
    ROWS.to_parquet(folder.parent / "t.parquet")
    data = JobInput("table", "t", "", str(folder.parent / "t.parquet"), roles=Roles(label="y"))
    facts = probe(JobInput("model", "m", "", str(folder), flavour="sklearn"), data)
    assert facts["task"] == "classification"
    return facts.get("input_example")


@pytest.mark.parametrize(
    ("example", "said"),
    [
        (X.head(5), "answered: 5 rows"),
        (X.head(1), "answered: 1 row"),
        (X, f"answered: {MOST_ROWS} rows"),
        (X.assign(c=1).head(3), "not answered: ValueError: The feature names should match"),
        (X.head(3).astype(str) + "!", "not answered: ValueError: could not convert string to float"),
    ],
)
def test_whether_it_is_answered_is_a_fact_and_no_failure(save: Any, example: pd.DataFrame, said: str) -> None:
    found = told(save(input_example=example, signature=False))
    assert found is not None and found.startswith(said)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
def test_an_array(save: Any) -> None:
    assert told(save(input_example=X.head(4).to_numpy())) == "answered: 4 rows"


@pytest.mark.parametrize("options", [{}, {"input_example": {"a": 1, "b": 2.0}, "signature": False}])
def test_without_a_table_or_array_there_is_nothing_to_tell(save: Any, options: dict[str, Any]) -> None:
    assert told(save(**options)) is None


def test_a_damaged_example_is_told(save: Any) -> None:
    folder = save(input_example=X.head(2))
    (folder / "input_example.json").write_text("{")
    assert (told(folder) or "").startswith("not answered: it can't be read: JSONDecodeError")
    (folder / "input_example.json").unlink()
    with pytest.raises(ModelFault, match="can't be read"):
        read_example(folder)


def test_the_values_are_those_that_mlflow_reads(save: Any) -> None:
    example = X.head(3).assign(
        when=pd.date_range("2026-01-01", periods=3), text=["x", "y", "z"], truth=[True, False, True],
        gap=[1.5, None, 2], short=np.array([1, 2, 3], "int32"), raw=[b"a", b"b", b"c"],
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = save(input_example=example, signature=mlflow.models.infer_signature(example))
        theirs = mlflow.models.Model.load(folder).load_input_example(str(folder))
    ours = read_example(folder)
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False)
    assert {c: ours[c].dtype.kind for c in ours} == {c: example[c].dtype.kind for c in example}
    assert ours["short"].dtype == "int32" and json.loads((folder / "input_example.json").read_text())["columns"]


def test_an_array_of_a_torch_model_keeps_its_layout_and_dtype(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="the extra torch is not installed")
    from qmtestbed.execute.models.torch_model import TorchModel

    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten(), torch.nn.Linear(72, 2))
    (tmp_path / "data").mkdir()
    torch.save(net, tmp_path / "data" / "model.pth")
    spec = json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 1, 8, 8]}}])
    description = {
        "flavors": {"pytorch": {"model_data": "data"}},
        "signature": {"inputs": spec},
        "saved_input_example_info": {"artifact_path": "e.json", "type": "ndarray"},
    }
    (tmp_path / "MLmodel").write_text(yaml.safe_dump(description))
    (tmp_path / "e.json").write_text(json.dumps(np.zeros((3, 1, 8, 8)).tolist()))
    model = TorchModel(JobInput("model", "m", "", str(tmp_path), flavour="pytorch"), tmp_path, description)
    example = read_example(tmp_path)
    assert example.dtype == np.float32 and model.answer_as_logged(example) == 3
    with pytest.raises(ModelFault, match="own input example"):
        model.answer_as_logged(example[:, 0])
