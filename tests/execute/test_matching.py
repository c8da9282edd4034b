"""Predictions from a file: matched with their data, and refused where they can't be what they say."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qmtestbed.ait import Predictions, Roles
from qmtestbed.errors import JobError
from qmtestbed.execute.matching import match
from qmtestbed.types.job import JobInput
from qmtestbed.types.layout import find_layout
from qmtestbed.types.record import INPUT_REFUSED, NOT_THE_LIKELIEST

DATA = pd.DataFrame({"who": ["a", "b", "c", "d"], "x": [1, 2, 3, 4], "y": ["no", "yes", "no", None], "w": [1, 2, 3, 4]})
SAID = pd.DataFrame({"who": ["a", "b", "c", "d"], "predicted": ["no", "no", "no", "yes"],
                     "p[no]": [0.9, 0.6, 0.8, 0.1], "p[yes]": [0.1, 0.4, 0.2, 0.9]})  # fmt: skip
ROLES = Roles(label="y", id="who", weight="w", positive="yes")


@pytest.fixture
def matched(tmp_path: Path) -> Any:
    def call(said: pd.DataFrame, data: pd.DataFrame = DATA, roles: Roles = ROLES, suffix: str = ".parquet") -> Any:
        paths = [tmp_path / f"said{suffix}", tmp_path / f"data{suffix}"]
        for frame, path in zip((said, data), paths, strict=True):
            frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
        inputs = [JobInput(k, p.name, "", str(p), roles=r) for k, p, r in
                  zip(("predictions", "table"), paths, (Roles(), roles), strict=True)]  # fmt: skip
        return match(*inputs)

    return call


def plain(p: Predictions) -> dict[str, Any]:
    return {n: v.tolist() if isinstance(v, np.ndarray) else v for n, v in vars_of(p).items()}


def vars_of(p: Predictions) -> dict[str, Any]:
    return {n: getattr(p, n) for n in p.__dataclass_fields__}


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_labels_ids_and_weights_come_from_the_data(matched: Any, suffix: str) -> None:
    p, facts, items = matched(SAID, suffix=suffix)
    assert p.labels.tolist() == ["no", "yes", "no", None] and p.predicted.tolist() == ["no", "no", "no", "yes"]
    assert p.probabilities.tolist() == SAID[["p[no]", "p[yes]"]].to_numpy().tolist() and p.classes == ("no", "yes")
    assert p.ids.tolist() == list("abcd") and p.weights.tolist() == [1, 2, 3, 4] and p.positive == "yes"
    assert (items.planned, items.measured, items.invalid) == (4, 3, 1)
    assert facts["matched"] == "by the column who"
    assert facts["capabilities"] == ["classification", "probabilities"]
    assert facts["task_because"] == "the predictions have probabilities of 2 classes"


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_the_order_of_ids_changes_nothing(matched: Any, suffix: str) -> None:
    first, facts, items = matched(SAID, suffix=suffix)
    for seed in range(3):
        again, same, counted = matched(SAID.sample(frac=1, random_state=seed), suffix=suffix)
        assert plain(again) == plain(first) and (same, counted) == (facts, items)


def test_without_ids_in_the_file_rows_match_by_order(matched: Any) -> None:
    first, _, _ = matched(SAID)
    for said in (SAID.drop(columns="who"), SAID[["p[yes]", "p[no]", "predicted"]].assign(note="n")):
        p, facts, _ = matched(said)
        assert p.predicted.tolist() == first.predicted.tolist() and facts["matched"] == "by the order of the rows"
        assert p.probabilities[:, p.classes.index("yes")].tolist() == SAID["p[yes]"].tolist()


def test_ids_are_compared_as_they_are_written(matched: Any) -> None:
    p, _, _ = matched(SAID.assign(who=["4", "3", "2", "1"]), DATA.assign(who=[1, 2, 3, 4]))
    assert p.predicted.tolist() == SAID["predicted"].tolist()[::-1]


@pytest.mark.parametrize(
    ("theirs", "ours", "found"),
    [
        ("abcz", None, "ids of the data without a prediction: 1 (d); ids that the data do not have: 1 (z)"),
        ("abcc", None, "ids more than once in said.parquet: 1 (c); ids of the data without a prediction: 1 (d)"),
        (["a", "b", "c", None], None, "missing ids in said.parquet: 1; ids of the data without a prediction: 1 (d)"),
        (None, "aacd", "ids more than once in data.parquet: 1 (a); ids that the data do not have: 1 (b)"),
        ("efgh", None, "ids of the data without a prediction: 4 (a, b, c, d)"),
    ],
)  # fmt: skip
def test_ids_that_do_not_match_are_counted_and_named(matched: Any, theirs: Any, ours: Any, found: str) -> None:
    with pytest.raises(JobError, match="can't be matched with data") as caught:
        matched(SAID.assign(who=list(theirs or "abcd")), DATA.assign(who=list(ours or "abcd")))
    assert re.sub(r" \(.*?\)", "", found) in caught.value.found  # the ids themselves stand apart, and may be left out
    for what, ids in re.findall(r"(ids [^:]*): \d+ \((.*?)\)", found):
        assert f"{what}: {ids}" in caught.value.quotes


@pytest.mark.parametrize("columns", [["predicted"], ["who", "predicted"]])
def test_another_number_of_rows(matched: Any, columns: list[str]) -> None:
    with pytest.raises(JobError):
        matched(SAID[columns].iloc[:3])


@pytest.mark.parametrize(
    ("change", "what", "found"),
    [
        ({"p[no]": 0.5}, "do not sum to 1", "4 of 4 rows; the first is row 0"),
        ({"p[no]": None}, "do not sum to 1", "4 of 4 rows"),
        ({"predicted": "maybe"}, "the file said.parquet predicts classes that nobody declared", "maybe in 4 of 4 rows"),
        ({"predicted": [None, "no", "no", "no"]}, "1 predictions in said.parquet are missing", "the first: 0"),
    ],
)
def test_what_can_t_be_predictions_is_refused(matched: Any, change: dict[str, Any], what: str, found: str) -> None:
    with pytest.raises(JobError) as caught:
        matched(SAID.assign(**change))
    assert what in caught.value.what and found in caught.value.found


@pytest.mark.parametrize("positive", ["Yes", "No", "maybe"])
def test_a_positive_class_that_is_none_is_refused(matched: Any, positive: str) -> None:
    with pytest.raises(JobError) as caught:
        matched(SAID, roles=replace(ROLES, positive=positive))
    assert caught.value.what == f"the positive class {positive!r} is no class of the file said.parquet or of the labels"
    assert caught.value.found == "classes: no, yes" and caught.value.facts == {INPUT_REFUSED: True}
    assert ("did you mean" in caught.value.do) == (positive != "maybe")


def test_a_positive_class_that_no_row_is_of_can_be_declared(matched: Any) -> None:
    said, data = pd.DataFrame({"predicted": ["no"] * 4}), DATA.assign(y="no")
    with pytest.raises(JobError) as caught:
        matched(said, data)
    assert "declare the classes" in caught.value.do
    assert matched(said, data, replace(ROLES, classes=("no", "yes")))[0].positive == "yes"


def test_a_positive_class_of_the_labels_alone_is_one(matched: Any) -> None:
    p, _, _ = matched(SAID, DATA.assign(y=["no", "yes", "maybe", None]), replace(ROLES, positive="maybe"))
    assert p.positive == "maybe" and p.classes == ("no", "yes", "maybe")


def test_a_class_that_is_predicted_and_has_no_column_is_named(matched: Any) -> None:
    said = SAID.assign(predicted=["no", "maybe", "no", "yes"]).rename(columns={"p[no]": "p[may be]"})
    with pytest.raises(JobError, match="no column for a class that is predicted") as caught:
        matched(said.assign(**{"p[yes]": 0.1}))
    assert caught.value.found == "no p[maybe], p[no]" and "add p[maybe], p[no]" in caught.value.do


def test_classes_against_probabilities_are_counted(matched: Any) -> None:
    _, facts, _ = matched(SAID.assign(predicted=["no", "yes", "no", "yes"]))
    assert facts[NOT_THE_LIKELIEST] == (1, 4)
    assert NOT_THE_LIKELIEST not in matched(SAID)[1]


def test_classes_are_those_declared_or_those_of_the_labels(matched: Any) -> None:
    said = SAID[["predicted"]].assign(predicted=["no", "yes", "maybe", "no"])
    with pytest.raises(JobError, match="nobody declared"):
        matched(said)
    p, _, _ = matched(said, roles=Roles(label="y", classes=("no", "yes", "maybe")))
    assert p.classes == ("no", "yes", "maybe") and p.probabilities is None
    with pytest.raises(JobError, match="nothing in common"):
        matched(SAID.rename(columns={"p[no]": "p[0]", "p[yes]": "p[1]"}).assign(predicted=[0, 0, 0, 1]))


def test_probabilities_alone_mean_the_most_probable_class(matched: Any) -> None:
    p, _, _ = matched(SAID[["p[no]", "p[yes]"]])
    assert p.predicted.tolist() == ["no", "no", "no", "yes"]


@pytest.mark.parametrize(
    ("labels", "said", "task", "because"),
    [
        ([5, 6, 7, 5], [5.2, 6.0, 6.9, 5.1], "regression", "the predictions are fractions"),
        ([5, 6, 7, 5], [5, 6, 6, 5], "classification", "the labels are 3 different whole numbers"),
        ([5.5, 6, 7, 5], [5, 6, 6, 5], "regression", "the labels are numbers"),
        (["a", "b", "a", "b"], ["a", "a", "a", "a"], "classification", "the labels are text or truth values"),
        ([None] * 4, ["a", "a", "a", "a"], "classification", "the labels are"),
    ],
)
def test_the_task(matched: Any, labels: Any, said: Any, task: str, because: str) -> None:
    p, facts, _ = matched(pd.DataFrame({"predicted": said}), DATA.assign(y=labels), replace(ROLES, positive=None))
    assert (p.task, facts["task"]) == (task, task) and because in facts["task_because"]
    if task == "regression":
        assert p.predicted.tolist() == said and p.labels.tolist() == labels


def test_without_labels_the_predictions_tell_the_task(matched: Any) -> None:
    p, facts, items = matched(SAID[["predicted"]], roles=Roles())
    assert p.task == "classification" and facts["task_because"] == "the predictions are text or truth values"
    assert items.invalid == 4


@pytest.mark.parametrize("said", [[1.5, None, 2, 3], ["1", "2", "x", "4"], [1, 2, 3, np.inf]])
def test_values_must_be_finite_numbers(matched: Any, said: Any) -> None:
    with pytest.raises(JobError, match="no finite numbers"):
        matched(pd.DataFrame({"predicted": said}), DATA.assign(y=[1.5, 2, 3, 4]), Roles(label="y"))


def test_images_match_by_order_or_by_their_ids(tmp_path: Path) -> None:
    np.savez(tmp_path / "i.npz", images=np.zeros((3, 2, 2), np.uint8), labels=[7, 8, 7], name=["a", "b", "c"])
    pd.DataFrame({"name": ["c", "b", "a"], "predicted": [7, 8, 8]}).to_csv(tmp_path / "p.csv", index=False)
    source = JobInput("predictions", "p.csv", "", str(tmp_path / "p.csv"))
    for id, said in ((None, ["7", "8", "8"]), ("name", ["8", "8", "7"])):
        data = JobInput("images", "i.npz", "", str(tmp_path / "i.npz"), roles=Roles(label="labels", id=id))
        p, facts, _ = match(source, data)
        assert p.predicted.tolist() == said and p.labels.tolist() == ["7", "8", "7"]
        assert facts["task"] == "classification"


@pytest.mark.parametrize(
    ("columns", "predicted"),
    [
        (["predicted", "x"], "predicted"),
        (["prediction", "x"], "prediction"),
        (["who", "answer"], "answer"),
        (["answer", "p[a]", "p[b]"], None),
        (["p[a]", "predicted", "p[b]"], "predicted"),
    ],
)
def test_the_column_of_predictions(columns: list[str], predicted: str | None) -> None:
    assert find_layout(columns, ["who"], "y").predicted == predicted


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (["x", "answer"], "needs a column 'predicted'"),
        (["who"], "needs a column 'predicted'"),
        (["predicted", "prediction"], "both"),
        (["who", "y"], "needs a column 'predicted'"),  # a column named as the truth may be the truth
    ],
)
def test_where_it_can_t_be_told_nothing_is_guessed(columns: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        find_layout(columns, ["who"], "y")
