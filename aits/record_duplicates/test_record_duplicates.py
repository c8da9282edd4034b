from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from qmtestbed.ait import Roles, SampleRows, Table, Undefined


def table(columns: Any, labels: list[Any] | None = None, **roles: Any) -> Table:
    series = None if labels is None else pd.Series(labels, name="label")
    return Table(pd.DataFrame(columns), series, Roles(label=None if labels is None else "label", **roles))


def brute_force(frame: pd.DataFrame, train: pd.DataFrame) -> tuple[list[int], list[int]]:
    """Compare tuples of Python values; missing is one value of its own."""
    mine, theirs = ([tuple("" if pd.isna(v) else v for v in row) for row in f.to_numpy(object)] for f in (frame, train))
    return [i for i, r in enumerate(mine) if r in mine[:i]], [i for i, r in enumerate(mine) if r in theirs]


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_comparing_every_pair_of_rows(ait, seed):
    rng = np.random.default_rng(seed)

    def some(n: int, integers: Any) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "n": pd.Series(rng.integers(3, size=n)).astype(integers),
                "f": rng.choice([0.5, 1.0, np.nan], size=n),
                "s": rng.choice(np.array(["a", "b", None], dtype=object), size=n),
                "b": rng.random(n) < 0.5,
            }
        )

    data, train = some(60, "int64"), some(15, "float64")
    repeats, seen = brute_force(data, train)
    found = ait.measure(data=Table(data, None, Roles()), train=Table(train, None, Roles()))
    assert (found["duplicate_count"], found["overlap_count"]) == (len(repeats), len(seen))
    assert (found["duplicate_share"], found["overlap_share"]) == (len(repeats) / 60, len(seen) / 60)
    assert [f.subject.rows for f in found["findings"]] == [tuple(repeats), tuple(seen)]
    examples = found["examples"]
    for what, row, other in zip(examples.told["finding"], examples.rows, examples.beside["same as row"], strict=True):
        same = (data if what == "repeats an earlier row" else train).iloc[[other]].reset_index(drop=True)
        pd.testing.assert_frame_equal(data.iloc[[row]].reset_index(drop=True), same, check_dtype=False)


def test_planted_duplicates_in_a_large_table_are_found_and_no_others(ait):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=20_000), "name": rng.integers(10**12, size=20_000).astype(str)})
    planted = pd.concat([frame, frame.iloc[:2_500]], ignore_index=True)
    found = ait.measure(data=Table(planted, None, Roles()), train=Table(frame.iloc[:100], None, Roles()))
    assert (found["duplicate_count"], found["overlap_count"]) == (2_500, 200)
    repeats, overlap = found["findings"]
    assert repeats.subject.rows == tuple(range(20_000, 21_000))
    assert repeats.text == "2500 of 22500 rows repeat an earlier row. The first 1000 are listed."
    assert overlap.subject.rows == (*range(100), *range(20_000, 20_100))
    assert len(found["examples"].rows) == 40


def test_the_label_belongs_to_a_duplicate_but_not_to_an_overlap(ait):
    data, train = table({"x": [1, 1, 1]}, ["a", "b", "a"]), table({"x": [1]}, ["c"])
    found = ait.measure(data=data, train=train)
    assert (found["duplicate_count"], found["overlap_count"]) == (1, 3)


def test_columns_set_aside_by_their_role_are_not_compared_and_time_is(ait):
    columns = {"id": [1, 2], "g": [1, 2], "w": [0.1, 0.2], "note": ["p", "q"], "x": [7, 7]}
    roles = {"id": "id", "group": "g", "weight": "w", "ignore": ("note",)}
    assert ait.measure(data=table(columns, **roles))["duplicate_count"] == 1
    assert ait.measure(data=table({**columns, "t": ["mon", "tue"]}, **roles, time="t"))["duplicate_count"] == 0


def test_an_id_that_only_the_training_data_name_is_not_compared(ait):
    data, train = table({"id": [1, 2], "x": [7, 8]}), table({"id": [5], "x": [7]}, id="id")
    assert ait.measure(data=data, train=train)["overlap_count"] == 1


def test_the_columns_to_compare_can_be_chosen(ait):
    data, train = table({"id": [1, 1], "x": [7, 8]}, id="id"), table({"id": [1], "z": [0]}, id="id")
    found = ait.measure(data=data, train=train, columns=["id"])
    assert (found["duplicate_count"], found["overlap_count"]) == (1, 2)
    with pytest.raises(ValueError, match="no column 'idd'"):
        ait.measure(data=data, columns=["idd"])


BIG = 2**53


@pytest.mark.parametrize(
    ("mine", "theirs", "seen"),
    [
        (pd.Series([1, 2]), pd.Series([2.0, np.nan]), [1]),
        (pd.Series([1, None], dtype="Int64"), pd.Series([2.0, np.nan]), [1]),
        (pd.Series([True, False]), pd.Series([1, 2]), [0]),
        (pd.Series([0.0, 0.1]), pd.Series([-0.0]), [0]),
        (pd.Series([BIG, BIG + 1]), pd.Series([float(BIG)]), [0]),
        (pd.Series([BIG + 1, BIG + 3]), pd.Series([BIG + 3]), [1]),
        (pd.Series([2**64 - 1, 2**64 - 2], dtype="uint64"), pd.Series([2**62, 5]), []),
        (pd.Series(["a", None], dtype="str"), pd.Series(["a", None], dtype=object), [0, 1]),
        (pd.Series(["a", "b"], dtype="category"), pd.Series(["b", "a "]), [1]),
        (pd.Series([1, None], dtype="category"), pd.Series([1.0, np.nan]), [0, 1]),
        (pd.Series([None, None], dtype=object), pd.Series(["a", None]), [0, 1]),
        (pd.Series([np.nan, np.nan]), pd.Series(["a", "b"]), []),
        (pd.Series([1, "a"], dtype=object), pd.Series([1, 2]), [0]),
        (pd.to_datetime(pd.Series(["2026-01-01", None])), pd.Series([pd.Timestamp("2026-01-01")]).dt.as_unit("s"), [0]),
    ],
)
def test_content_counts_not_the_type_that_a_file_gave_it(ait, mine, theirs, seen):
    found = ait.measure(data=table({"x": mine}), train=table({"x": theirs}))
    told = zip(found["examples"].told["finding"], found["examples"].rows, strict=True)
    assert [row for what, row in told if what == "occurs in the training data"] == seen


@pytest.mark.parametrize(
    ("mine", "theirs", "reason"),
    [
        ([1, 2], ["1", "2"], "numbers in the one table and text in the other"),
        (pd.to_datetime(pd.Series(["2026-01-01"])), ["2026-01-01"], "times in the one table and text"),
        (pd.Series([1], dtype="category"), ["1"], "numbers in the one table and text"),
    ],
)
def test_columns_that_can_not_be_compared_are_no_proof_of_no_overlap(ait, mine, theirs, reason):
    found = ait.measure(data=table({"x": mine}), train=table({"x": theirs}))
    assert reason in found["overlap_share"].reason
    assert found["duplicate_count"] == 0


def test_missing_equals_missing(ait):
    assert ait.measure(data=table({"x": [None, np.nan, 1.0], "s": ["a", "a", "a"]}))["duplicate_count"] == 1
    assert ait.measure(data=table({"x": [None, None, None]}))["duplicate_count"] == 2


def test_without_usable_training_data_the_overlap_is_undefined(ait):
    data = table({"x": [1, 2], "y": [1, 2]})
    for train in (None, table({"x": [], "y": []}), table({"x": [1]})):
        found = ait.measure(data=data, train=train)
        assert isinstance(found["overlap_share"], Undefined)
        assert isinstance(found["overlap_count"], Undefined)
        assert found["duplicate_share"] == 0.0
    assert "['y']" in ait.measure(data=data, train=table({"x": [1]}))["overlap_share"].reason


def test_nothing_to_compare_is_undefined(ait):
    assert isinstance(ait.measure(data=table({"x": []})), Undefined)
    assert isinstance(ait.measure(data=table({"id": [1, 1]}, ["a", "a"], id="id")), Undefined)


def test_examples_hold_positions_and_no_values(ait):
    found = ait.measure(data=table({"x": ["secret", "secret"]}))
    assert found["examples"] == SampleRows((1,), {"finding": ("repeats an earlier row",)}, {"same as row": (0,)})
