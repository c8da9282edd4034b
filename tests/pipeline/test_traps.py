"""Traps in data that once passed silently: each is refused, or gives the number that another reader gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import qmtestbed
from qmtestbed.errors import InputError, IntegrityError
from qmtestbed.execute.tables import typed
from qmtestbed.pipeline import Outcome
from qmtestbed.types.values import point

PLAN = """
schema: qmtestbed/plan/v1
component: c
inventories: {{p: {{uri: {file}, label: y{more}}}}}
checks: {{c: {{ait: {ait}, with: {{predictions: p}}, expect: ["{expect}"]}}}}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(file: str, expect: str = "accuracy >= 0.1", ait: str = "classification_performance", more: str = "") -> Outcome:
    Path("plan.yaml").write_text(PLAN.format(file=file, expect=expect, ait=ait, more=more), "utf-8")
    return qmtestbed.run("plan.yaml", cache=False)


def measured(outcome: Outcome, name: str) -> Any:
    record = outcome.evidence.record_of("c")
    assert record is not None and record.status == "measured", record and record.error
    return record.measures[name]


def error(outcome: Outcome) -> str:
    record = outcome.evidence.record_of("c")
    assert record is not None and record.error is not None
    return f"{record.error.what} | {record.error.found}"


def both(frame: pd.DataFrame, **options: str) -> list[Outcome]:
    """Run on the same rows as CSV and as parquet."""
    frame.to_csv("t.csv", index=False)
    frame.to_parquet("t.parquet")
    return [run(name, **options) for name in ("t.csv", "t.parquet")]


def test_a_class_called_na_is_a_class() -> None:
    frame = pd.DataFrame({"y": ["EU", "US", "NA"] * 20, "predicted": ["EU", "US", "EU"] * 20})
    for outcome in both(frame, expect="recall >= 0.5"):
        assert point(measured(outcome, "recall").by_key["NA"]) == 0
        assert int(outcome.exit_code) == 1


@pytest.mark.parametrize(("one", "other"), [("01", "1"), ("1E2", "100"), ("1_0", "10")])
def test_codes_that_look_like_one_number_are_two_classes(one: str, other: str) -> None:
    frame = pd.DataFrame({"y": [one, other] * 20, "predicted": [other, one] * 20})
    for outcome in both(frame, expect="accuracy >= 0.5"):
        assert point(measured(outcome, "accuracy").value) == 0


def test_large_whole_numbers_beside_a_missing_one_stay_apart() -> None:
    one, other = "9007199254740992", "9007199254740993"
    Path("t.csv").write_text("y,predicted\n" + f"{one},{other}\n" * 20 + f",{one}\n")
    assert point(measured(run("t.csv", more=", task: classification"), "accuracy").value) == 0


@pytest.mark.parametrize("line", ["no,yes,", "no", "no,yes,1,2"])
def test_lines_of_another_width_are_refused(line: str) -> None:
    Path("t.csv").write_text("y,predicted\nno,no\n" + line + "\n")
    with pytest.raises(InputError, match="not of one width") as caught:
        run("t.csv")
    assert "line 3" in caught.value.problems[0].found


@pytest.mark.parametrize(
    ("words", "dtype", "missing"),
    [
        (["1", "2", "3"], "int64", 0),
        (["1", None, "3"], "float64", 1),
        (["1.5", "NA", "nan"], "float64", 2),
        (["NA", "None", "x"], "object", 0),
        (["NA", "NA"], "object", 0),
        (["True", "false"], "bool", 0),
        (["1e-3", "2.5"], "float64", 0),
        (["007", "008"], "object", 0),
        (["0", "0.5", "-0.25"], "float64", 0),
        ([None, None], "object", 2),
    ],
)
def test_the_type_of_a_csv_column(words: list[str | None], dtype: str, missing: int) -> None:
    made = typed(pd.Series(words, dtype=object))
    assert str(made.dtype) == dtype and int(made.isna().sum()) == missing


def test_probabilities_are_matched_by_name_whatever_the_order() -> None:
    y = np.array(["no", "yes"] * 30)
    p = np.where(y == "yes", 0.8, 0.3)
    pd.DataFrame({"y": y, "predicted": np.where(p > 0.5, "yes", "no"), "p[no]": 1 - p, "p[yes]": p}).to_csv("t.csv")
    pd.read_csv("t.csv", index_col=0).to_csv("t.csv", index=False)
    scores = [
        point(measured(run("t.csv", "brier <= 1.5", "calibration", more), "brier").value)
        for more in ("", ', classes: ["no", "yes"]', ', classes: ["yes", "no"]')
    ]
    assert scores[0] == scores[1] == scores[2] == pytest.approx(np.mean((p - (y == "yes")) ** 2))
    assert "not of the declared classes" in error(run("t.csv", "brier <= 1.5", "calibration", ', classes: ["a", "b"]'))


@pytest.mark.parametrize("p", [["5", "0.1"], ["30", "70"], ["", "1"], ["0.6", "0.6"], ["-0.5", "1.5"]])
def test_what_is_no_probability_is_refused(p: list[str]) -> None:
    Path("t.csv").write_text("y,predicted,p[no],p[yes]\nno,no,0.9,0.1\n" + f"yes,yes,{p[0]},{p[1]}\n")
    assert "do not sum to 1" in error(run("t.csv"))


def test_predictions_and_labels_with_nothing_in_common_are_refused() -> None:
    pd.DataFrame({"y": [True, False] * 9, "predicted": [1, 0] * 9}).to_csv("t.csv", index=False)
    assert "no class in common" in error(run("t.csv"))


def test_the_predictions_are_not_their_own_truth() -> None:
    Path("t.csv").write_text("predicted\nno\nyes\n")
    Path("plan.yaml").write_text(
        PLAN.format(file="t.csv", expect="accuracy >= 0.1", ait="classification_performance", more="").replace(
            "label: y", "label: predicted"
        )
    )
    assert "holds no predictions" in error(qmtestbed.run("plan.yaml"))


def test_another_spelling_of_the_positive_class_is_no_other_class() -> None:
    """Of two classes, the second was once taken in its place, and the verdict was that on the other class."""
    rows = {
        "y": ["no", "yes"] * 30,
        "predicted": ["no", "yes"] * 30,
        "p[no]": [0.9, 0.2] * 30,
        "p[yes]": [0.1, 0.8] * 30,
    }
    pd.DataFrame(rows).to_csv("t.csv", index=False)
    outcome = run("t.csv", "positive_ece <= 0.5", "calibration", ', positive: "No"')
    assert "the positive class 'No' is no class of the file t.csv" in error(outcome)
    assert int(outcome.exit_code) == 2
    assert measured(run("t.csv", "positive_ece <= 0.5", "calibration", ', positive: "no"'), "positive_ece")


@pytest.mark.parametrize("more", [", weight: y", ", ignore: [y]", ", id: y"])
def test_roles_that_exclude_each_other_are_refused(more: str) -> None:
    Path("t.csv").write_text("y,predicted\n1,1\n0,0\n")
    with pytest.raises(InputError, match="exclude each other"):
        run("t.csv", more=more)


def test_a_named_index_of_a_parquet_file_is_a_column() -> None:
    frame = pd.DataFrame({"y": ["a", "b"] * 9, "predicted": ["a", "b"] * 9}).set_index("y")
    frame.to_parquet("t.parquet")
    assert point(measured(run("t.parquet"), "accuracy").value) == 1
    frame.reset_index().iloc[::-1].to_parquet("u.parquet")  # an index without a name is none
    assert point(measured(run("u.parquet"), "accuracy").value) == 1


def test_rows_without_a_label_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    from qmtestbed.cli.common import print_outcome

    Path("t.csv").write_text("y,predicted\n" + "a,a\n" * 3 + ",b\n" * 97)
    print_outcome(run("t.csv"))
    assert "97 of 100 items have no label; measured: 3" in capsys.readouterr().out


def test_a_pin_holds_for_judging_too() -> None:
    Path("t.csv").write_text("y,predicted\n" + "a,a\nb,b\n" * 20)
    folder = run("t.csv").folder
    text = Path("plan.yaml").read_text("utf-8").replace("uri: t.csv,", f"uri: t.csv, sha256: {'a' * 64},")
    Path("pinned.yaml").write_text(text, "utf-8")
    with pytest.raises(IntegrityError, match="other content"):
        qmtestbed.judge(folder, plan="pinned.yaml", out="other")


def test_a_model_that_takes_the_truth_is_refused(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    test = store.folder / "test.parquet"
    with pytest.raises(InputError, match="no model may see") as caught:
        qmtestbed.evaluate("models:/churn@champion", data=test, label="plan")
    assert "'plan' (label)" in caught.value.problems[0].found
    with pytest.raises(InputError, match="no model may see"):
        qmtestbed.evaluate("models:/churn@champion", data=test, label="churned", roles={"ignore": ("age",)})


def test_the_version_of_a_library_that_a_model_names_is_part_of_the_key(tmp_path: Path) -> None:
    from qmtestbed.resolve.models import describe_model

    (tmp_path / "MLmodel").write_text("flavors: {sklearn: {sklearn_version: '1'}}\n")
    (tmp_path / "requirements.txt").write_text("# pinned\nscikit-learn==1.9.1\nPyYAML >= 6\n--hash=x\n")
    assert describe_model("m", tmp_path, "m", "m", None).libraries == ("pyyaml", "scikit-learn")


@pytest.mark.parametrize(("by", "date"), [('""', "2026-01-01"), ("QA", "2026-02-30")])
def test_declarations_by_nobody_or_on_no_day_are_refused(by: str, date: str) -> None:
    Path("t.csv").write_text("y,predicted\na,a\n")
    text = PLAN.format(file="t.csv", expect="accuracy >= 0.1", ait="classification_performance", more="")
    declared = f"guideline: mlqm@3\ndeclarations: [{{requirement: A-1-L1-1, statement: s, by: {by}, date: {date}}}]\n"
    Path("plan.yaml").write_text(text + declared)
    with pytest.raises(InputError):
        qmtestbed.run("plan.yaml")


def test_what_the_page_calls_the_data_is_what_the_user_called_it(
    store: Any, monkeypatch: pytest.MonkeyPatch, only_aits: Any
) -> None:
    only_aits("classification_performance", "data_completeness", "noise_stability")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    pd.read_parquet(store.folder / "test.parquet").to_csv("mine.csv", index=False)
    outcome = qmtestbed.evaluate("models:/churn@champion", data="mine.csv", label="churned", out="deep/er/out")
    info = json.loads((outcome.folder / "run.json").read_bytes())
    assert info["inventories"]["test"]["requested"] == "mine.csv"
    again = qmtestbed.run(outcome.folder / "plan.source.yaml", out="again")
    assert again.assessment.checks == outcome.assessment.checks
