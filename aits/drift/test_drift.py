from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.signal import lfilter

from qmtestbed.ait import Roles, Table, Undefined

N = 1000


def table(columns: Any, labels: Any = None, **roles: Any) -> Table:
    frame = pd.DataFrame(columns)
    frame = frame if "when" in frame else frame.assign(when=np.arange(len(frame)))
    series = None if labels is None else pd.Series(labels)
    return Table(frame, series, Roles(label=None if labels is None else "y", time="when", **roles))


def steady(n: int = N, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "x": rng.normal(size=n),
        "amount": rng.lognormal(0, 1.5, n),
        "count": rng.poisson(2, n),
        "gaps": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
        "flag": rng.random(n) < 0.3,
        "group": rng.choice(["a", "b", "c"], n),
        "when": rng.permutation(n),
    }


@pytest.mark.parametrize("seed", range(4))
def test_rows_that_do_not_depend_on_time_give_no_alarm(ait, seed):
    columns = steady(seed=seed)
    if seed % 2:
        columns["when"] = columns["when"] * 5 // N + 2020  # years
    found = ait.measure(data=table(columns, np.random.default_rng(seed).choice(["u", "v"], N)))
    assert set(found["clear_drift"]) == {"x", "amount", "count", "gaps", "flag", "group", "y"}
    assert not found["findings"] and set(found["late_categories"].values()) == {0.0}


@pytest.mark.parametrize("r", [0.9, 0.99])
def test_columns_that_depend_on_the_row_before_give_no_alarm(ait, r):
    series = lfilter([1], [1, -r], np.random.default_rng(1).normal(size=(4, N + 2000)))[:, 2000:]
    assert not ait.measure(data=table(dict(zip("abcd", series, strict=True))))["findings"]


def test_a_step_is_found_in_its_column_and_dated(ait):
    columns = steady()
    columns["when"] = np.arange(N)
    columns["x"][N // 2 :] += 1
    found = ait.measure(data=table(columns))
    (finding,) = found["findings"]
    assert (finding.kind, finding.subject.column, finding.measure) == ("drift", "x", "clear_drift")
    at = int(finding.text.split("from ")[1].split(" on")[0])
    assert abs(at - N // 2) <= 75
    assert found["clear_drift"]["x"] == pytest.approx(0.38, abs=0.08)


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("amount", lambda v, f: v * np.where(f > 0.5, 3, 1)),
        ("x", lambda v, f: v + 2 * f),
        ("gaps", lambda v, f: np.where((f > 0.6) & (np.arange(N) % 2 == 0), np.nan, v)),
        ("flag", lambda v, f: v | ((f > 0.5) & (np.arange(N) % 2 == 0))),
        ("group", lambda v, f: np.where((f > 0.5) & (np.arange(N) % 2 == 0), "a", v)),
    ],
)
def test_changes_of_other_forms_are_found(ait, column, change):
    columns = steady()
    columns[column] = change(columns[column], columns["when"] / N)
    found = ait.measure(data=table(columns))
    assert {f.subject.column for f in found["findings"]} == {column}


def test_the_distances_agree_with_scipy_and_by_hand(ait):
    """Oracle: at the cut that is told, over values few enough to need no bins."""
    rng = np.random.default_rng(2)
    columns = {"n": rng.integers(0, 20, N), "c": rng.choice(["a", "b", "c"], N), "when": np.arange(N)}
    columns["n"][700:] += 3
    found = ait.measure(data=table(columns))
    at = {line[0]: int(line[4]) for line in found["columns"].rows}
    early, late = columns["n"][: at["n"]], columns["n"][at["n"] :]
    assert found["drift"]["n"] == pytest.approx(stats.ks_2samp(early, late).statistic, abs=1e-5)
    shares = [pd.Series(p).value_counts(normalize=True) for p in (columns["c"][: at["c"]], columns["c"][at["c"] :])]
    assert found["drift"]["c"] == pytest.approx((shares[0] - shares[1]).abs().sum() / 2, abs=1e-5)


def test_a_category_that_appears_late_is_found_and_named(ait):
    columns = steady()
    columns["when"] = pd.date_range("2026-01-01", periods=N, freq="h").strftime("%Y-%m-%d %H:%M").to_numpy()
    new = (np.arange(N) >= 600) & (np.arange(N) % 20 == 0)
    columns["group"] = np.where(new, "new", columns["group"])
    found = ait.measure(data=table(columns))
    (finding,) = found["findings"]
    assert (finding.subject.column, finding.measure) == ("group", "late_categories")
    assert found["late_categories"]["group"] == new.sum() / 400
    assert "from 2026-01-26 00:00 on" in finding.text and "('new')" in finding.text


def test_lateness_agrees_with_the_hypergeometric_distribution(ait):
    """Oracle: 12 of 40 blocks hold it, none of them among the first 24: 1 in 3e6; among the first 10: 1 in 64."""
    for first in (10, 24):
        group = np.full(N, "a", dtype=object)
        group[np.linspace(first, 39, 12).astype(int) * 25 + 3] = "z"
        p = stats.hypergeom.pmf(0, 40, 12, first)
        found = ait.measure(data=table({"g": group}))
        assert (found["late_categories"]["g"] > 0) == (p < 0.001 / 2)


def test_rare_categories_are_not_called_late(ait):
    rng = np.random.default_rng(0)
    weights = 1 / np.arange(1, 301)
    names = rng.choice([f"p{i}" for i in range(300)], N, p=weights / weights.sum())
    assert not ait.measure(data=table({"product": names}))["findings"]


class Model:
    native = None

    def __init__(self, classes: tuple[str, ...] = ()) -> None:
        self.classes = classes

    def predict(self, x: pd.DataFrame) -> np.ndarray:
        return np.where(x["x"] > 0, "v", "u").astype(object) if self.classes else x["x"].to_numpy()


@pytest.mark.parametrize("classes", [("u", "v"), ()])
def test_a_rising_error_is_found_and_a_steady_or_falling_one_is_not(ait, classes):
    columns, rng = steady(), np.random.default_rng(1)
    x, f = columns["x"], columns["when"] / N
    model = Model(classes)

    def labels(noise: Any) -> Any:
        if classes:
            return np.where((x > 0) ^ (rng.random(N) < noise), "v", "u")
        return x + rng.normal(size=N) * noise * 2

    for noise, rises in ((np.full(N, 0.1), False), (np.where(f > 0.6, 0.4, 0.1), True), (0.4 - 0.35 * f, False)):
        found = ait.measure(data=table(columns, labels(noise)), model=model)
        errors = [q for q in found["findings"] if q.measure == "clear_error_drift"]
        assert (found["clear_error_drift"] > 0.05) == rises == bool(errors)
        assert found["error_in_time"].series
    assert "the model's error is" in errors[0].text if errors else True


def test_rows_without_a_label_do_not_count_in_the_error(ait):
    columns = steady()
    labels = np.where(columns["x"] > 0, "v", "u").astype(object)
    labels[::2] = None
    found = ait.measure(data=table(columns, labels), model=Model(("u", "v")))
    assert found["clear_error_drift"] == 0
    labels[50:] = None
    assert isinstance(ait.measure(data=table(columns, labels), model=Model(("u", "v")))["clear_error_drift"], Undefined)
    assert isinstance(ait.measure(data=table(columns), model=Model())["clear_error_drift"], Undefined)
    assert isinstance(ait.measure(data=table(columns, labels))["clear_error_drift"], Undefined)
    assert isinstance(ait.measure(data=table(columns, [1.0] * N), model=Model())["clear_error_drift"], Undefined)


def test_times_and_empty_columns_are_named_and_left_out(ait):
    columns = {**steady(), "day": pd.date_range("2026-01-01", periods=N), "none": [None] * N, "one": 1, "id": range(N)}
    columns["when"] = np.arange(N)
    found = ait.measure(data=table(columns, id="id"))
    assert not {"day", "none", "id", "when"} & set(found["drift"]) and found["drift"]["one"] == 0
    assert [line[0] for line in found["columns"].rows[-2:]] == ["day", "none"]


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "object", "category", "float32"])
def test_content_counts_not_the_type(ait, dtype):
    values = pd.Series(np.random.default_rng(0).integers(0, 5, N) + 3 * (np.arange(N) > 500))
    plain = ait.measure(data=table({"x": values}))
    assert ait.measure(data=table({"x": values.astype(dtype)}))["clear_drift"]["x"] == pytest.approx(
        plain["clear_drift"]["x"], abs=0.3
    )
    assert plain["clear_drift"]["x"] > 0.3


def test_infinite_values_and_gaps_in_the_time_do_no_harm(ait):
    columns = steady()
    columns["x"][:10] = np.inf
    columns["when"] = np.where(np.arange(N) % 7 == 0, np.nan, columns["when"])
    assert not ait.measure(data=table(columns))["findings"]


def test_nothing_to_compare_is_undefined(ait):
    few = {k: v[:40] for k, v in steady().items()}
    for columns in ({"x": [], "when": []}, {"x": [1.0]}, few, {"x": np.arange(N), "when": 1}, {"when": range(N)}):
        assert isinstance(ait.measure(data=table(columns)), Undefined)
    assert isinstance(ait.measure(data=Table(pd.DataFrame(steady()), None, Roles())), Undefined)
    with pytest.raises(ValueError, match="permutations"):
        ait.measure(data=table(steady()), permutations=99)


def test_the_same_seed_gives_the_same_and_rows_bound_the_look(ait):
    data = table(steady(3000))
    assert ait.measure(data=data, rows=500) == ait.measure(data=data, rows=500)


def test_an_error_that_can_not_rise_is_not_called_steady(ait):
    columns = steady()
    right = np.where(columns["x"] > 0, "v", "u").astype(object)
    spelled = np.array([name.upper() for name in right], dtype=object)
    assert isinstance(
        ait.measure(data=table(columns, spelled), model=Model(("u", "v")))["clear_error_drift"], Undefined
    )
    assert ait.measure(data=table(columns, right), model=Model(("u", "v")))["clear_error_drift"] == 0
    gone = columns | {"x": np.full(N, np.nan)}
    found = ait.measure(data=table(gone, np.arange(N, dtype=float)), model=Model())
    assert "finite" in found["clear_error_drift"].reason
