"""The positive class: the declared one or none, never another in its place."""

from __future__ import annotations

import numpy as np
import pytest

from qmtestbed.ait import Predictions, Undefined
from qmtestbed.measuring.positive import positive_class, positive_column


def given(classes: tuple[str, ...], positive: str | None, columns: int = 2) -> Predictions:
    labels = np.array([classes[0]], dtype=object)
    return Predictions("classification", labels, labels, np.full((1, columns), 1 / columns), classes, positive=positive)


@pytest.mark.parametrize(
    ("classes", "positive", "expected", "column"),
    [
        (("no", "yes"), None, "yes", 1),
        (("no", "yes"), "no", "no", 0),
        (("no", "yes", "maybe"), None, None, 1),  # the labels hold a class that the model does not know
        (("no", "yes", "maybe"), "yes", "yes", 1),
        (("no", "yes", "maybe"), "maybe", "maybe", Undefined),
    ],
)
def test_the_positive_class(classes: tuple[str, ...], positive: str, expected: str, column: object) -> None:
    p = given(classes, positive)
    assert positive_class(p) == expected
    found = positive_column(p)
    assert isinstance(found, Undefined) if column is Undefined else found == column


def test_three_columns_have_no_second_of_two() -> None:
    assert positive_column(given(("a", "b", "c"), None, 3)) is None


@pytest.mark.parametrize("decide", [positive_class, positive_column])
def test_another_spelling_is_no_class(decide: object) -> None:
    with pytest.raises(ValueError, match="the positive class 'Yes' is none of the classes"):
        decide(given(("no", "yes"), "Yes"))  # type: ignore[operator]
