from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fair

from qmtestbed.ait import Estimate, Predictions, Roles, Subject, Table, Undefined
from qmtestbed.execute.worker import load_function

NAMES = np.array(["no", "yes"], dtype=object)


def given(seed: int, n: int, values: tuple[int, ...], gap: float = 0.0, **more: Any) -> dict[str, Any]:
    """A model that is right in eight of ten rows, in the cell of all first values less by ``gap``."""
    rng = np.random.default_rng(seed)
    codes = np.column_stack([rng.integers(0, k, n) for k in values])
    true = rng.random(n) < 0.4
    right = rng.random(n) < 0.8 - gap * (codes == 0).all(axis=1)
    labels, said = NAMES[true.astype(int)], NAMES[(true == right).astype(int)]
    frame = pd.DataFrame({f"c{j}": [f"v{v}" for v in column] for j, column in enumerate(codes.T)})
    roles = Roles(label="y", sensitive=tuple(frame.columns))
    predictions = Predictions("classification", labels, said, None, ("no", "yes"), **more)
    return {"predictions": predictions, "data": Table(frame, pd.Series(labels), roles)}


# -- oracles --------------------------------------------------------------------------------------------------


def test_with_one_column_it_is_the_gap_between_its_groups(ait):
    one = given(0, 400, (3,))
    of_groups = load_function(Path(ait.folder).parent / "group_rate_gap")(**one)
    found = ait.measure(**one)
    for name in ("gap", "ratio", "clear_gap"):
        assert found[name] == {key.removeprefix("c0: "): value for key, value in of_groups[name].items()}
    assert found["rate"] == of_groups["rate"]
    assert set(found["added_gap"].values()) == {0.0}


def test_rates_of_cells_are_those_of_fairlearn(ait):
    both = given(1, 900, (2, 3))
    p, frame = both["predictions"], both["data"].frame
    cells = fair.MetricFrame(
        metrics={"tpr": fair.true_positive_rate, "fpr": fair.false_positive_rate},
        y_true=(p.labels == "yes").astype(int),
        y_pred=(p.predicted == "yes").astype(int),
        sensitive_features=frame,
    )
    found = ait.measure(**both)
    for rate in ("tpr", "fpr"):
        assert found["gap"][rate].value == pytest.approx(cells.difference()[rate])
        for (a, b), value in cells.by_group[rate].items():
            assert found["rate"][f"c0 = {a} and c1 = {b}: {rate}"].value == pytest.approx(value)


def test_where_no_cell_differs_few_gaps_are_clear(ait):
    found = [ait.measure(**given(s, 600, (2, 3)), alpha=0.05) for s in range(30)]
    assert np.mean([max(f["clear_gap"].values()) > 0 for f in found]) <= 0.05 + 3 * np.sqrt(0.05 / 30)
    gaps = [f["gap"]["tpr"] for f in found]
    assert np.mean([e.low == 0 for e in gaps]) >= 0.9  # though the mean of the largest gap is far above 0
    assert np.mean([e.value for e in gaps]) > 0.1


def test_a_planted_cell_is_named_though_each_column_alone_shows_less(ait):
    found = ait.measure(**given(0, 3000, (2, 3), gap=0.4))
    assert found["clear_gap"]["tpr"] == found["gap"]["tpr"].value > 0.25
    assert found["added_gap"]["tpr"] > 0.1
    assert {f.subject for f in found["findings"]} == {Subject(slice="c0 = v0 and c1 = v0")}
    assert found["worst_rates"].labels[0 if found["worst_rates"].title == "tpr" else -1] == "c0 = v0 and c1 = v0"


# -- properties and what can't be measured --------------------------------------------------------------------


def test_only_combinations_that_occur_are_cells_and_small_ones_are_undefined(ait):
    both = given(2, 300, (2, 2))
    both["data"].frame.loc[:9, "c0"] = "rare"
    both["data"].frame.loc[10, "c1"] = None
    found = ait.measure(**both)
    small = found["rate"]["c0 = rare and c1 = v0: accuracy"]
    assert isinstance(small, Undefined) and "20 are needed" in small.reason
    assert found["share_compared"] == pytest.approx(289 / 300)
    assert ("a sensitive column is missing", "left out", 1, None, None, None) in found["cells"].rows


def test_no_two_cells_are_large_enough(ait):
    found = ait.measure(**given(3, 30, (3, 3)))
    assert isinstance(found["gap"]["tpr"], Undefined) and isinstance(found["clear_gap"]["tpr"], Undefined)
    assert found["share_compared"] == 0 and found["findings"] == []


def test_the_order_of_columns_changes_names_only(ait):
    both = given(4, 500, (2, 3))
    data = both["data"]
    turned = Table(data.frame, data.labels, Roles(label="y", sensitive=("c1", "c0")))
    a, b = ait.measure(**both), ait.measure(predictions=both["predictions"], data=turned)
    assert a["gap"] == b["gap"] and a["clear_gap"] == b["clear_gap"]
    assert isinstance(b["rate"]["c1 = v0 and c0 = v0: tpr"], Estimate)


def test_rows_that_do_not_belong_together_are_refused(ait):
    a, b = given(0, 50, (2,)), given(1, 50, (2,))
    assert isinstance(ait.measure(predictions=a["predictions"], data=b["data"]), Undefined)
