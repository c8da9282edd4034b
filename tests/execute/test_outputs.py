"""What a model returned: read as declared; what could mean several things is refused with the line to add."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from qmtestbed.errors import ModelFault
from qmtestbed.execute.outputs import interpret

P = np.array([[0.9, 0.1], [0.2, 0.8]])


def test_labels() -> None:
    for raw in (["no", "yes"], np.array(["no", "yes"]), pd.Series(["no", "yes"]), pd.DataFrame({"y": ["no", "yes"]})):
        assert list(interpret(raw, "classification", None, None).predicted) == ["no", "yes"]
    assert list(interpret(np.array([0.0, 1.0]), "classification", None, None).predicted) == ["0", "1"]
    assert list(interpret(np.array([0.5, 1.5]), "classification", "labels", None).predicted) == ["0.5", "1.5"]


def test_probabilities_need_names_for_their_columns() -> None:
    read = interpret(P, "classification", None, ("no", "yes"))
    assert list(read.predicted) == ["no", "yes"] and np.array_equal(read.probabilities, P)  # type: ignore[arg-type]
    named = interpret(pd.DataFrame(P, columns=["a", "b"]), "classification", None, None)
    assert named.classes == ("a", "b")
    with pytest.raises(ModelFault, match="not known which class"):
        interpret(P, "classification", None, None)
    with pytest.raises(ModelFault, match="not known which class"):
        interpret(P, "classification", "probabilities", ("a", "b", "c"))


def test_one_probability_per_item() -> None:
    read = interpret(np.array([0.1, 0.8]), "classification", "probabilities", ("no", "yes"))
    assert list(read.predicted) == ["no", "yes"]
    with pytest.raises(ModelFault, match="two declared classes"):
        interpret(np.array([0.1, 0.8]), "classification", "probabilities", None)


def test_logits_are_the_softmax_of_them() -> None:
    logits = np.array([[1.0, 3.0, 2.0], [1000.0, 0.0, 0.0]])
    read = interpret(logits, "classification", "logits", ("a", "b", "c"))
    expected = np.exp([1.0, 3.0, 2.0]) / np.exp([1.0, 3.0, 2.0]).sum()
    assert read.probabilities is not None
    assert np.allclose(read.probabilities[0], expected) and np.allclose(read.probabilities[1], [1, 0, 0])
    one = interpret(np.array([0.0, 2.0]), "classification", "logits", ("no", "yes"))
    assert one.probabilities is not None and np.allclose(one.probabilities[:, 1], [0.5, 1 / (1 + np.exp(-2))])


@pytest.mark.parametrize(
    "raw",
    [P * 1.001, P - 0.2, np.array([[1.0, float("nan")]]), np.array([[2.0, -1.0]])],
)
def test_rows_that_are_no_probabilities_are_refused_with_the_line_to_add(raw: Any) -> None:
    with pytest.raises(ModelFault) as caught:
        interpret(raw, "classification", None, ("no", "yes"))
    assert "sum to 1" in caught.value.what and "outputs:" in caught.value.do and "rows" in caught.value.found


def test_rounding_of_probabilities_is_forgiven() -> None:
    interpret(P + 4e-5, "classification", None, ("no", "yes"))


@pytest.mark.parametrize(
    ("raw", "task", "outputs", "said"),
    [
        (np.array([0.3, 0.7]), "classification", None, "numbers where classes"),
        (P, "classification", "labels", "declared as labels"),
        (np.zeros((2, 2, 2)), "classification", None, "neither one value"),
        (P, "regression", None, "one number per item"),
        (np.array(["a"]), "regression", None, "text where numbers"),
    ],
)
def test_refused(raw: Any, task: Any, outputs: Any, said: str) -> None:
    with pytest.raises(ModelFault, match=said):
        interpret(raw, task, outputs, ("no", "yes") if outputs == "labels" else None)
