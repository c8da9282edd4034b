from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from qmtestbed.ait import Predictions, Roles, Table, Undefined
from qmtestbed.measuring.matching import positions_in

LABELS = np.array(["a", "b", "a", "b"], dtype=object)


def said(labels: np.ndarray, ids: list[str] | None = None) -> Predictions:
    given = None if ids is None else np.array(ids, dtype=object)
    return Predictions("classification", labels, labels, None, ("a", "b"), ids=given)


def table(labels: list[str | None], ids: list[str] | None = None) -> Table:
    frame = pd.DataFrame({"x": range(len(labels))} | ({} if ids is None else {"id": ids}))
    return Table(frame, pd.Series(labels, dtype=object), Roles(label="y", id=None if ids is None else "id"))


def test_rows_are_matched_by_order_and_those_without_a_label_are_passed_over():
    assert positions_in(said(LABELS), table(["a", None, "b", "a", "b"])).tolist() == [0, 2, 3, 4]


def test_rows_are_matched_by_id_in_any_order():
    ids = ["u", "v", "w", "z"]
    assert positions_in(said(LABELS, ids), table(["b", "a", "b", "a"], ids[::-1])).tolist() == [3, 2, 1, 0]


@pytest.mark.parametrize("labels", [["a", "b", "a", "a"], ["a", "b", "a"], ["a", "b", "a", "b", "b"]])
def test_other_rows_are_refused(labels):
    assert isinstance(positions_in(said(LABELS), table(labels)), Undefined)
