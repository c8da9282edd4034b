"""Signature and example against the data: real models logged by MLflow, and MLflow and the models as oracles."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, Schema, TensorSpec
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import qmtestbed
from qmtestbed.errors import InputError
from qmtestbed.execute.tables import read_frame
from qmtestbed.resolve.datasets import describe_data
from qmtestbed.resolve.fitting import ENFORCED, Pair, misfits, strangers, training_misfits
from qmtestbed.resolve.models import describe_model
from qmtestbed.types.job import JobInput
from qmtestbed.types.plan import Inventory

MISFITS = "does not fit the signature"


CONSTANT = """
import numpy as np
class Constant:
    def predict(self, x, params=None):
        return np.zeros(len(x))
def _load_pyfunc(path):
    return Constant()
"""
"""A function of MLflow: what is checked is what MLflow lets through to it."""


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    n = 40
    return pd.DataFrame(
        {
            "age": np.arange(n) + 20,
            "visits": np.linspace(0.5, 9, n),
            "plan": ["basic", "plus"] * (n // 2),
            "member": [True, False] * (n // 2),
            "since": pd.date_range("2026-01-01", periods=n),
            "code": np.arange(n) % 5 + 10,
            "churned": np.where(np.arange(n) > 20, "yes", "no"),
        }
    )


Save = Callable[..., Path]


@pytest.fixture(scope="module")
def save(tmp_path_factory: pytest.TempPathFactory) -> Save:
    """Save a model with MLflow, and give its folder; the same once only."""
    root = tmp_path_factory.mktemp("models")
    (root / "constant.py").write_text(CONSTANT)

    def saved(name: str, model: Any = None, **options: Any) -> Path:
        if not (root / name).exists():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if model is None:
                    options |= {"loader_module": "constant", "code_paths": [str(root / "constant.py")]}
                    mlflow.pyfunc.save_model(root / name, pip_requirements=["mlflow"], **options)
                else:
                    mlflow.sklearn.save_model(model, root / name, pip_requirements=["scikit-learn"], **options)
        return root / name

    return saved


@pytest.fixture(scope="module")
def churn(save: Save, frame: pd.DataFrame) -> Path:
    """A pipeline over numbers and text, with the signature that MLflow infers."""
    x = frame[["age", "visits", "plan"]]
    encode = make_column_transformer((OneHotEncoder(), ["plan"]), (StandardScaler(), ["age", "visits"]))
    model = make_pipeline(encode, LogisticRegression()).fit(x, frame["churned"])
    return save("churn", model, signature=infer_signature(x, frame["churned"]))


def said(model: Path, data: Path, **roles: Any) -> list[str]:
    inventory = Inventory(data.name, **{"label": "churned", **roles})
    facts = describe_data("test", inventory, data.parent)
    pair = Pair(describe_model("model", model, model.name, model.name, None), facts, inventory, "here")
    return [str(p) for p in misfits(pair)]


def write(frame: pd.DataFrame, path: Path) -> Path:
    frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path)
    return path


def of_training(model: Path, data: Path, **roles: Any) -> list[str]:
    inventory = Inventory(data.name, **roles)
    facts = describe_data("train", inventory, data.parent)
    pair = Pair(describe_model("model", model, model.name, model.name, None), facts, inventory, "here")
    return [str(p) for p in training_misfits(pair)]


def test_training_data_are_held_to_the_features_of_the_model(tmp_path: Path, churn: Path, frame: pd.DataFrame) -> None:
    more = write(frame.rename(columns={"churned": "left"}).assign(extra=1), tmp_path / "more.csv")
    assert of_training(churn, more, label="left") == []
    (said,) = of_training(churn, write(frame.drop(columns="visits"), tmp_path / "less.csv"), label="churned")
    assert "takes features that less.csv does not have" in said and "'visits'" in said
    (said,) = of_training(churn, write(frame.assign(plan=range(40)), tmp_path / "codes.csv"), label="churned")
    assert "codes.csv does not fit the signature" in said and "'plan'" in said


def test_training_data_of_an_array(tmp_path: Path, save: Save, frame: pd.DataFrame) -> None:
    x = frame[["age", "visits", "code"]].to_numpy(float)
    model = save(
        "fitted_array", LogisticRegression(max_iter=5000).fit(x, frame["churned"]), signature=infer_signature(x)
    )
    train = write(frame[["age", "visits", "churned"]], tmp_path / "narrow.csv")
    (said,) = of_training(model, train, label="churned")
    assert "it takes 3 features, and here are 2: age, visits" in said
    assert of_training(model, write(frame, tmp_path / "wide.csv"), label="churned") == []


@pytest.mark.parametrize(
    ("train", "refused"),
    [("abcd", False), ("abxy", False), ("axyz", True), ("wxyz", True), ("ab", False), ("wx", True)],
)
def test_tables_that_share_few_columns_are_no_test_and_training_data(tmp_path: Path, train: str, refused: bool) -> None:
    tables = []
    for name, columns in (("test", "abcd"), ("train", train)):
        write(pd.DataFrame({c: [1, 2] for c in columns}), tmp_path / f"{name}.csv")
        tables.append(describe_data(name, Inventory(f"{name}.csv"), tmp_path))
    found = [str(p) for p in strangers(tables[0], tables[1], ("test.csv", "train.csv"), "here")]  # type: ignore[arg-type]
    assert bool(found) == refused
    assert not refused or "test.csv and train.csv share too few columns" in found[0]


CHANGES: Mapping[str, tuple[Callable[[pd.DataFrame], Any], str]] = {
    "age": (lambda f: f["age"].astype(str) + " years", "'age': the model takes numbers (long), the data have text"),
    "visits": (
        lambda f: [f"{v:.1f}h" for v in f["visits"]],
        "'visits': the model takes numbers (double), the data have text",
    ),
    "plan": (lambda f: np.arange(len(f)) + 100, "'plan': the model takes text (string), the data have number"),
}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("column", CHANGES)
def test_another_kind_of_column_is_refused_and_the_model_does_refuse_it(
    tmp_path: Path, churn: Path, frame: pd.DataFrame, column: str, suffix: str
) -> None:
    change, found = CHANGES[column]
    path = write(frame.assign(**{column: change(frame)}), tmp_path / f"t{suffix}")
    (problem,) = said(churn, path)
    assert MISFITS in problem and found in problem and "do:" in problem
    model = mlflow.sklearn.load_model(str(churn))
    with pytest.raises((ValueError, TypeError)):
        model.predict(read_frame(JobInput("table", "t", "", str(path)))[["age", "visits", "plan"]])


def test_time_where_a_number_is_taken(tmp_path: Path, churn: Path, frame: pd.DataFrame) -> None:
    (problem,) = said(churn, write(frame.assign(age=frame["since"]), tmp_path / "t.parquet"))
    assert "'age': the model takes numbers (long), the data have time" in problem


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(
    "change",
    [{"age": 30.5}, {"age": True}, {"visits": 3}, {"age": None}, {}],
    ids=["float for whole", "truth for whole", "whole for float", "nothing at all", "as trained"],
)
def test_numbers_stand_for_one_another(
    tmp_path: Path, churn: Path, frame: pd.DataFrame, change: dict[str, Any], suffix: str
) -> None:
    assert said(churn, write(frame.assign(**change), tmp_path / f"t{suffix}")) == []


def test_names_are_still_checked_first(tmp_path: Path, churn: Path, frame: pd.DataFrame) -> None:
    path = write(frame.rename(columns={"visits": "visit"}).assign(age="x"), tmp_path / "t.csv")
    missing, kinds = said(churn, path)
    assert "did you mean 'visit'?" in missing and "'age'" in kinds


def test_evaluate_ends_before_anything_runs(
    tmp_path: Path, churn: Path, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(frame.assign(age="old"), tmp_path / "t.csv")
    with pytest.raises(InputError, match=MISFITS):
        qmtestbed.evaluate(str(churn), data="t.csv", label="churned", out="out")
    assert not Path("out").exists()


# -- pyfunc enforces the signature ----------------------------------------------------------------------------

VALUES: Mapping[str, Any] = {
    "int8": np.array([5, 6, 7], "int8"),
    "int16": np.array([5, 6, 7], "int16"),
    "int32": np.array([5, 6, 7], "int32"),
    "int64": np.array([5, 6, 7]),
    "uint8": np.array([5, 6, 7], "uint8"),
    "uint16": np.array([5, 6, 7], "uint16"),
    "uint32": np.array([5, 6, 7], "uint32"),
    "uint64": np.array([5, 6, 7], "uint64"),
    "float16": np.array([5.5, 6, 7], "float16"),
    "float32": np.array([5.5, 6, 7], "float32"),
    "float64": np.array([5.5, 6, 7]),
    "bool": np.array([True, False, True]),
    "str": ["a", "b", "c"],
    "category": pd.Categorical(["a", "b", "a"]),
    "datetime64": pd.to_datetime(["2026-01-01"] * 3),
    "datetime64tz": pd.to_datetime(["2026-01-01"] * 3).tz_localize("UTC"),
    "missing whole": pd.array([5, None, 7], dtype="Int64"),
    "zeros and ones": [0, 1, 1],
}


@pytest.mark.parametrize("type", ENFORCED)
def test_what_pyfunc_refuses_is_refused(tmp_path: Path, save: Save, type: str) -> None:
    """Oracle: MLflow itself, on the frame that the child reads."""
    folder = save(f"takes-{type}", signature=ModelSignature(Schema([ColSpec(type, "x")])))
    model = mlflow.pyfunc.load_model(str(folder))
    for name, values in VALUES.items():
        path = write(pd.DataFrame({"x": values, "churned": ["a", "b", "a"]}), tmp_path / f"{name}.parquet")
        try:
            with np.errstate(over="ignore"):  # pandas writes a float16 into MLflow's message
                model.predict(read_frame(JobInput("table", "t", "", str(path)))[["x"]])
            refuses = False
        except mlflow.exceptions.MlflowException:
            refuses = True
        problems = said(folder, path)
        if refuses and not problems:  # metadata can't tell it; it fails later, as a record
            assert name == "zeros and ones", type
        assert not problems or refuses, (type, name, problems)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_whole_numbers_where_pyfunc_wants_floats(tmp_path: Path, save: Save, frame: pd.DataFrame, suffix: str) -> None:
    folder = save("takes-floats", signature=ModelSignature(Schema([ColSpec("double", "age"), ColSpec("long", "code")])))
    (problem,) = said(folder, write(frame, tmp_path / f"t{suffix}"))
    assert "pyfunc refuses" in problem and "'age': the signature says double, the data have int64" in problem
    assert "'code'" not in problem
    (problem,) = said(
        folder, write(frame.assign(age=frame["age"] + 0.5, code=[None, *frame["code"][1:]]), tmp_path / f"u{suffix}")
    )
    assert "'code': the signature says long, the data have float64" in problem and "'age'" not in problem


def test_times_in_a_csv_file(tmp_path: Path, save: Save, frame: pd.DataFrame) -> None:
    folder = save("takes-time", signature=ModelSignature(Schema([ColSpec("datetime", "since")])))
    (problem,) = said(folder, write(frame, tmp_path / "t.csv"))
    assert "takes times (datetime), the data have text" in problem and ".parquet" in problem
    assert said(folder, write(frame, tmp_path / "t.parquet")) == []
    (problem,) = said(folder, write(frame.assign(since=3), tmp_path / "u.parquet"))
    assert "the data have number" in problem


# -- arrays ---------------------------------------------------------------------------------------------------


def array_of(width: int, dtype: str = "float64") -> ModelSignature:
    return ModelSignature(Schema([TensorSpec(np.dtype(dtype), (-1, width))]))


def test_an_array_of_another_width(tmp_path: Path, save: Save, frame: pd.DataFrame) -> None:
    folder, numbers = save("array", signature=array_of(2)), frame[["age", "visits", "churned"]]
    assert said(folder, write(numbers, tmp_path / "t.parquet")) == []
    wide = write(numbers.assign(customer=range(40)), tmp_path / "wide.parquet")
    (problem,) = said(folder, wide)
    assert "takes 2 features, and would be given 3: age, visits, customer" in problem
    assert said(folder, wide, id="customer") == []
    (problem,) = said(folder, write(frame[["age", "plan", "churned"]], tmp_path / "text.csv"))
    assert "takes numbers (float64), and 'plan' are none" in problem
    whole = save("whole-array", signature=array_of(2, "int64"))
    (problem,) = said(whole, write(numbers, tmp_path / "t.csv"))
    assert "the signature says int64, and the columns together are float64" in problem


def test_a_sklearn_model_of_an_array_may_choose_among_more_columns(
    tmp_path: Path, save: Save, frame: pd.DataFrame
) -> None:
    x = frame[["age", "visits"]]
    model = LogisticRegression().fit(x, frame["churned"])
    folder = save("by-array", model, signature=infer_signature(x.to_numpy(), frame["churned"]))
    assert said(folder, write(frame, tmp_path / "t.parquet")) == []
    (problem,) = said(folder, write(frame[["age", "churned"]], tmp_path / "narrow.parquet"))
    assert "takes 2 features, and would be given 1: age" in problem


def images(folder: Path, *shape: int) -> Path:
    np.savez(folder / "i.npz", images=np.zeros((5, *shape), np.uint8), labels=np.arange(5))
    return folder / "i.npz"


@pytest.mark.parametrize(
    ("flavour", "shape", "dtype", "size", "found"),
    [
        ("pytorch", (-1, 1, 8, 8), "float32", (8, 8), ""),
        ("pytorch", (-1, 8, 8, 3), "float32", (8, 8, 3), ""),
        ("pytorch", (-1, 64), "float32", (8, 8), ""),
        ("pytorch", (-1, 8, 8), "float32", (8, 8), ""),
        ("pytorch", (-1, -1, 8, 8), "float32", (8, 8, 3), ""),
        ("pytorch", (-1, 1, 28, 28), "float32", (8, 8), "takes (n, 1, 28, 28), the images are (n, 8, 8, 1)"),
        ("pytorch", (-1, 3, 8, 8), "float32", (8, 8), "takes (n, 3, 8, 8)"),
        ("sklearn", (-1, 64), "float64", (8, 8), ""),
        ("sklearn", (-1, 784), "float64", (8, 8), "takes (n, 784), the images are (n, 8, 8, 1)"),
        ("python_function", (-1, 8, 8, 1), "float32", (8, 8), ""),
        ("python_function", (-1, 8, 8), "float32", (8, 8), "takes (n, 8, 8), the images are (n, 8, 8, 1)"),
        ("python_function", (-1, 8, 8, 1), "float64", (8, 8), "the signature says float64"),
    ],
)
def test_images_of_another_shape(
    tmp_path: Path, flavour: str, shape: tuple[int, ...], dtype: str, size: tuple[int, ...], found: str
) -> None:
    signature = ModelSignature(Schema([TensorSpec(np.dtype(dtype), shape)])).to_dict()
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "MLmodel").write_text(
        f"flavors: {{{flavour}: {{}}}}\nsignature: {{inputs: '{signature['inputs']}'}}\n"
    )
    problems = said(tmp_path / "m", images(tmp_path, *size), label="labels")
    assert [found in p for p in problems] == ([True] if found else [])


def test_a_table_for_a_model_of_images(tmp_path: Path, save: Save, frame: pd.DataFrame) -> None:
    folder = save("images", signature=ModelSignature(Schema([TensorSpec(np.dtype("float32"), (-1, 8, 8, 1))])))
    (problem,) = said(folder, write(frame, tmp_path / "t.csv"))
    assert "it takes (n, 8, 8, 1), and the data are a table" in problem


# -- the input example ----------------------------------------------------------------------------------------


def test_an_example_names_features_where_there_is_no_signature(tmp_path: Path, save: Save, frame: pd.DataFrame) -> None:
    example = frame[["age", "plan", "since"]].head(3)
    folder = save("by-example", input_example=example, signature=False)
    facts = describe_model("m", folder, "m", "m", None)
    assert facts.features == ("age", "plan", "since") and facts.takes is not None
    assert [c.type for c in facts.takes.columns] == ["number", "string", ""]  # text in JSON may be a time
    assert said(folder, write(frame, tmp_path / "t.csv")) == []
    (problem,) = said(folder, write(frame.assign(age="old", plan=3), tmp_path / "u.csv"))
    assert "does not fit the input example" in problem and "'age'" in problem and "'plan'" in problem
    (problem,) = said(folder, write(frame.drop(columns="plan"), tmp_path / "v.csv"))
    assert "'plan'" in problem


@pytest.mark.parametrize("content", ["{", "[]", '{"columns": ["a"], "data": [[1, 2]]}', '{"columns": [1], "data": []}'])
def test_an_example_that_says_nothing(tmp_path: Path, content: str) -> None:
    info = "{artifact_path: input_example.json, pandas_orient: split, type: dataframe}"
    (tmp_path / "MLmodel").write_text(f"flavors: {{sklearn: {{}}}}\nsaved_input_example_info: {info}\n")
    (tmp_path / "input_example.json").write_text(content)
    assert describe_model("m", tmp_path, "m", "m", None).takes is None


def test_an_example_outside_the_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "secret.json").write_text('{"columns": ["a"], "data": [[1]]}')
    info = "{artifact_path: ../secret.json, pandas_orient: split, type: dataframe}"
    (tmp_path / "m" / "MLmodel").write_text(f"flavors: {{sklearn: {{}}}}\nsaved_input_example_info: {info}\n")
    assert describe_model("m", tmp_path / "m", "m", "m", None).takes is None
