"""Tables and predictions in the child, against pandas and by round trip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qmtestbed.ait import Predictions, Roles
from qmtestbed.errors import JobError
from qmtestbed.execute.tables import (
    class_names,
    load_predictions,
    load_table,
    subsample,
    task_of_labels,
    write_predictions,
)
from qmtestbed.types.job import JobInput


def source(path: Path, **roles: object) -> JobInput:
    return JobInput("table", path.name, "0" * 64, str(path), roles=Roles(**roles))  # type: ignore[arg-type]


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame({"a": [1, 2, 3, None], "b": ["x", None, "y", "x"], "label": ["no", "yes", None, "yes"]})


def test_csv_and_parquet_give_the_same_table(tmp_path: Path, frame: pd.DataFrame) -> None:
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_csv(tmp_path / "t.csv", index=False)
    tables = [load_table(source(tmp_path / n, label="label"), None, 0) for n in ("t.parquet", "t.csv")]
    for table, items in tables:
        assert list(table.frame.columns) == ["a", "b"]
        assert table.labels is not None and list(table.labels.isna()) == [False, False, True, False]
        assert (items.planned, items.attempted, items.measured) == (4, 4, 4)
    pd.testing.assert_frame_equal(tables[0][0].frame, tables[1][0].frame, check_dtype=False)


def test_a_bom_and_a_tab_are_read(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_bytes("\ufeff名前\tlabel\nあ\t1\n".encode())
    table, _ = load_table(source(tmp_path / "t.tsv", label="label"), None, 0)
    assert list(table.frame.columns) == ["名前"] and table.frame["名前"][0] == "あ"


def test_subsample_is_seeded_sorted_and_not_the_head() -> None:
    chosen = subsample(1000, 100, 3)
    assert np.array_equal(chosen, subsample(1000, 100, 3)) and not np.array_equal(chosen, subsample(1000, 100, 4))
    assert len(set(chosen)) == 100 and np.all(np.diff(chosen) > 0) and chosen.max() > 500
    assert np.array_equal(subsample(5, 10, 0), np.arange(5))


@pytest.mark.parametrize(
    ("labels", "task"),
    [
        (["a", "b"], "classification"),
        ([True, False], "classification"),
        ([0, 1, 1], "classification"),
        ([0.0, 1.0, None], "classification"),
        (list(range(20)), "classification"),
        (list(range(21)), "regression"),
        ([0.5, 1.5], "regression"),
    ],
)
def test_the_task_by_the_labels(labels: list[object], task: str) -> None:
    assert task_of_labels(pd.Series(labels))[0] == task


def test_class_names_have_one_spelling() -> None:
    assert list(class_names(pd.Series([1.0, 2.0, None, 1.0]))) == ["1", "2", None, "1"]
    assert list(class_names(pd.Series([True, False]))) == ["True", "False"]
    assert list(class_names(pd.Series(["no", None]))) == ["no", None]


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_predictions_survive_their_file(tmp_path: Path, task: str) -> None:
    text = task == "classification"
    labels = np.array(["no", None, "yes"], dtype=object) if text else np.array([1.0, np.nan, 3.0])
    said = np.array(["no", "no", "no"], dtype=object) if text else np.array([1.5, 2.5, 3.5])
    p = np.array([[0.9, 0.1]] * 3) if text else None
    given = Predictions(
        task,  # type: ignore[arg-type]
        labels,
        said,
        p,
        ("no", "yes") if text else (),
        np.array(["c1", "c2", "c3"], dtype=object),
        np.array([1, 1, 2]),
        np.array([1.0, 2.0, 3.0]),
        "yes",
    )
    write_predictions(given, tmp_path / "p.arrow")
    job_input = JobInput("predictions", "p", "0" * 64, str(tmp_path / "p.arrow"), job="k")
    read, items = load_predictions(job_input, None, 0)
    assert (items.planned, items.attempted, items.measured, items.invalid) == (3, 3, 2, 1)  # one row has no label
    assert list(read.labels) == [labels[0], labels[2]] and list(read.predicted) == [said[0], said[2]]
    assert read.rows is not None and list(read.rows) == [0, 2]  # where they stand in the file
    assert read.classes == given.classes and read.task == task and read.positive == "yes"
    assert read.ids is not None and list(read.ids) == ["c1", "c3"]
    assert read.weights is not None and list(read.weights) == [1.0, 3.0]
    assert (read.probabilities is None) == (p is None)


def test_the_same_predictions_are_the_same_bytes(tmp_path: Path) -> None:
    p = Predictions("regression", np.arange(5.0), np.arange(5.0))
    for name in ("a", "b"):
        write_predictions(p, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_predictions_from_a_user_s_file(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("truth,predicted,p[no],p[yes]\nno,no,.9,.1\nyes,no,.6,.4\n")
    job_input = JobInput("predictions", "p", "0" * 64, str(path), roles=Roles(label="truth"))
    read, _ = load_predictions(job_input, None, 0)
    assert read.task == "classification" and read.classes == ("no", "yes")
    assert read.probabilities is not None and read.probabilities.tolist() == [[0.9, 0.1], [0.6, 0.4]]
    path.write_text("truth,predicted\n1.5,\n2.5,3\n")
    with pytest.raises(JobError, match="no finite numbers"):
        load_predictions(job_input, None, 0)
    path.write_text("truth,guess,other\n1,1,1\n")
    with pytest.raises(JobError, match="holds no predictions"):
        load_predictions(job_input, None, 0)
