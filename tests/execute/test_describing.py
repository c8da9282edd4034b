"""What columns hold: few values, ranges of numbers with short edges near the quantiles, or neither."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from qmtestbed.ait import Design, Roles, Table
from qmtestbed.errors import JobError
from qmtestbed.execute.describing import TOLERANCE, describe, short_edges
from qmtestbed.execute.inputs import cut_into_bins, load_design
from qmtestbed.types.design import bin_names
from qmtestbed.types.job import JobInput


def test_edges_are_short_and_near_the_quantiles() -> None:
    rng = np.random.default_rng(0)
    assert short_edges(np.arange(1, 1001.0)) == [300, 500, 800]
    normal = rng.normal(0, 1, 4000)
    for x in (normal, np.exp(10 + normal), rng.uniform(-3e-7, 9e-7, 4000), 1e9 + normal):
        edges = short_edges(x)
        for edge, p in zip(edges, (0.25, 0.5, 0.75), strict=True):
            assert abs(np.mean(x < edge) - p) <= TOLERANCE  # the empirical distribution function, counted
            assert len(f"{edge:g}".replace("1e+09", "")) <= 8


@given(arrays.arrays(np.float64, st.integers(1, 300), elements=st.floats(-1e6, 1e6, width=32)))
def test_every_range_holds_its_share(x: np.ndarray) -> None:
    edges = short_edges(x)
    assert all(a < b for a, b in pairwise(edges))
    shares = [np.mean((x >= a) & (x < b)) for a, b in pairwise([-np.inf, *edges, np.inf])]
    assert sum(shares) == pytest.approx(1) and (not edges or min(shares) >= TOLERANCE - 1e-12)


def test_numbers_that_are_nearly_all_one_have_no_edges() -> None:
    assert short_edges(np.array([0.0] * 97 + [1.0, 2.0, 3.0])) == []
    assert short_edges(np.full(9, np.inf)) == []


N = 400
COLUMNS = {
    "sex": ["F", "M"] * (N // 2),
    "truth": [True, False] * (N // 2),
    "stars": [1, 2, 3, None] * (N // 4),
    "age": [18 + i % 70 for i in range(N)],
    "id": range(N),
    "name": [f"person {i}" for i in range(N)],
    "note": ["a long remark that says a good deal about what was seen there", "short"] * (N // 2),
    "town": [f"t{i % 40}" for i in range(N)],
    "one": 1,
    "none": None,
    "day": pd.Timestamp("2026-01-01"),
    "rare": [0.0] * (N - 12) + [float(i) for i in range(1, 13)],
}


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_each_kind_of_column(tmp_path: Path, suffix: str) -> None:
    frame, path = pd.DataFrame(COLUMNS), tmp_path / f"t.{suffix}"
    frame.to_parquet(path) if suffix == "parquet" else frame.to_csv(path, index=False)
    found = describe(JobInput("table", path.name, "", str(path)), [*COLUMNS])
    assert found["rows"] == N
    assert found["attributes"]["sex"] == [("F", N // 2), ("M", N // 2)]
    assert {v for v, _ in found["attributes"]["truth"]} == {"True", "False"}
    assert found["attributes"]["stars"] == [("1", 100), ("2", 100), ("3", 100)]
    assert found["missing"] == {"stars": 100}
    assert sum(found["bins"]["age"]["rows"]) == N and len(found["bins"]["age"]["rows"]) == 4
    why = found["left_out"]
    assert set(why) == {"id", "name", "note", "town", "one", "none", "day", "rare"}
    assert why["id"] == "it numbers the rows" and "a value of its own (400 of 400)" in why["name"]
    assert "free text" in why["note"] and "40 different" in why["town"] and why["none"] == "it is empty"
    assert why["one"] == "it has one value" and "hold one number" in why["rare"]
    assert describe(JobInput("table", path.name, "", str(path)), [*COLUMNS]) == found


def test_numbers_are_cut_into_the_ranges_of_a_design() -> None:
    table = Table(
        pd.DataFrame({"age": [17, 18, 44.9, 45, np.nan, np.inf], "sex": list("FMFMFM")}),
        pd.Series([1.5, 0, 0, 0, 2, 2]),
        Roles(label="y"),
    )
    cut = cut_into_bins(table, Design({}, bins={"age": (18, 45), "y": (1.0,), "absent": (1.0,)}))
    low, middle, high = bin_names((18, 45))
    assert cut.frame["age"].tolist() == [low, middle, middle, high, None, high]
    assert cut.labels is not None and cut.labels.tolist() == ["1 or more", *["below 1"] * 3, "1 or more", "1 or more"]
    assert cut.frame["sex"].tolist() == list("FMFMFM") and table.frame["age"].tolist()[0] == 17
    with pytest.raises(JobError, match="'sex', which holds categories"):
        cut_into_bins(table, Design({}, bins={"sex": (1.0,)}))


def test_a_design_whose_bins_can_t_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d.yaml").write_text("bins: {age: [45, 18]}\n")
    with pytest.raises(JobError, match=r"d\.yaml:1: .*edges must be increasing"):
        load_design(JobInput("design", "d.yaml", "", str(tmp_path / "d.yaml")))
