from __future__ import annotations

import doctest
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from qmtestbed.ait import Estimate, Undefined
from qmtestbed.measuring import intervals
from qmtestbed.measuring.intervals import (
    clopper_pearson,
    delta_interval,
    mean_interval,
    median_interval,
    proportion,
    r2_interval,
    rms_interval,
)


def ends(e: Estimate | Undefined) -> tuple[float, float]:
    assert isinstance(e, Estimate), e
    return e.low, e.high


def coverage(truth: float, draw: Callable[[], Estimate | Undefined], repeats: int) -> float:
    """Share of simulated data sets whose interval holds the truth."""
    found = [ends(draw()) for _ in range(repeats)]
    return sum(low <= truth <= high for low, high in found) / repeats


# -- shares of independent rows --------------------------------------------------------------------------------


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.95, 0.999])
@pytest.mark.parametrize("n", [1, 2, 7, 100, 100_000])
def test_clopper_pearson_agrees_with_scipy(n, confidence):
    for k in sorted({0, 1, n // 3, n - 1, n}):
        ci = stats.binomtest(k, n).proportion_ci(confidence, method="exact")
        assert ends(clopper_pearson(k, n, confidence)) == pytest.approx((ci.low, ci.high), abs=1e-9)


def test_clopper_pearson_at_published_values():
    assert ends(clopper_pearson(81, 263, 0.95)) == pytest.approx((0.252737, 0.367622), abs=1e-6)
    assert ends(clopper_pearson(0, 10, 0.95)) == pytest.approx((0, 0.308497), abs=1e-6)
    assert ends(clopper_pearson(95, 100, 0.95)) == pytest.approx((0.887, 0.984), abs=5e-4)


def test_no_trials_no_share():
    assert isinstance(clopper_pearson(0, 0, 0.95), Undefined)
    assert isinstance(proportion([], 0.95), Undefined)
    assert isinstance(proportion([True], 0.95, weights=[0]), Undefined)


@pytest.mark.parametrize(("k", "n", "confidence"), [(-1, 3, 0.95), (4, 3, 0.95), (1, 3, 0), (1, 3, 1), (1, 3, 95)])
def test_impossible_counts_and_confidences_are_refused(k, n, confidence):
    with pytest.raises(ValueError, match="found"):
        clopper_pearson(k, n, confidence)


def test_rows_that_are_independent_in_fact_get_the_exact_interval():
    hits = np.arange(50) < 37
    exact = clopper_pearson(37, 50, 0.9)
    assert proportion(hits, 0.9) == exact
    assert proportion(hits, 0.9, groups=np.arange(50)) == exact
    assert proportion(hits, 0.9, weights=np.full(50, 0.3)) == exact
    assert proportion([*hits, False], 0.9, weights=[*np.ones(50), 0.0]) == exact


# -- shares of rows in groups, or with weights -----------------------------------------------------------------


def test_copies_of_a_row_add_nothing_but_the_groups_to_their_number():
    """With m equal rows per group the variance is p (1 - p) / (G - 1): a closed form for the effective trials."""
    group_hits, m = np.arange(30) < 21, 8
    e = proportion(np.repeat(group_hits, m), 0.95, groups=np.repeat(np.arange(30), m))
    trials = 29 * (stats.t.ppf(0.975, 30 * m - 1) / stats.t.ppf(0.975, 29)) ** 2
    low = stats.beta.ppf(0.025, 0.7 * trials, 0.3 * trials + 1)
    high = stats.beta.ppf(0.975, 0.7 * trials + 1, 0.3 * trials)
    assert ends(e) == pytest.approx((low, high))
    assert e.n == 30


def clustered(rng: np.random.Generator, p: float, icc: float, groups: int, size: int) -> tuple[Any, Any]:
    s = (1 - icc) / icc
    sizes = rng.poisson(size - 1, size=groups) + 1
    member = np.repeat(np.arange(groups), sizes)
    return rng.random(len(member)) < rng.beta(p * s, (1 - p) * s, size=groups)[member], member


def percentile_bootstrap(hits: Any, member: Any, rng: np.random.Generator) -> Estimate | Undefined:
    good, all_ = np.bincount(member, weights=hits), np.bincount(member)
    if np.ptp(good / all_) == 0:
        return proportion(hits, 0.95, groups=member)  # nothing varies: the same guard, so that the rest is compared
    rows = rng.integers(len(all_), size=(300, len(all_)))
    low, high = np.quantile(good[rows].sum(axis=1) / all_[rows].sum(axis=1), [0.025, 0.975])
    return Estimate(hits.mean(), low, high, 0.95, len(all_))


@pytest.mark.parametrize(
    ("p", "icc", "groups", "size"),
    [(0.9, 0.1, 5, 20), (0.9, 0.4, 5, 20), (0.9, 0.4, 20, 10), (0.98, 0.1, 20, 10), (0.98, 0.1, 100, 3)],
)
def test_intervals_of_grouped_rows_hold_the_truth(p, icc, groups, size):
    """Also where the usual alternatives do not: rows taken as independent, percentile bootstrap over groups."""
    rng = np.random.default_rng(1)
    samples = [clustered(rng, p, icc, groups, size) for _ in range(400)]
    shares = {}
    for name, interval in {
        "ours": lambda hits, member: proportion(hits, 0.95, groups=member),
        "rows": lambda hits, _: proportion(hits, 0.95),
        "bootstrap": lambda hits, member: percentile_bootstrap(hits, member, rng),
    }.items():
        at = iter(samples)
        shares[name] = coverage(p, lambda at=at, interval=interval: interval(*next(at)), len(samples))
    assert shares["ours"] >= 0.91  # 0.95 less three standard errors of 400 repeats and what few groups cost
    assert shares["rows"] < shares["ours"]
    assert shares["bootstrap"] < shares["ours"]


@pytest.mark.parametrize("p", [0.6, 0.95])
def test_intervals_of_weighted_rows_hold_the_truth(p):
    rng = np.random.default_rng(2)

    def draw() -> Estimate | Undefined:
        return proportion(rng.random(80) < p, 0.95, weights=rng.exponential(size=80))

    assert coverage(p, draw, 800) >= 0.93


@pytest.mark.parametrize("always", [True, False])
def test_agreement_of_all_rows_is_not_proof_of_certainty(always):
    hits = np.full(40, always)
    trials = {"groups": (np.arange(40) // 8, 5), "weights": (np.repeat([1.0, 3.0], 20), 32)}
    for option, (values, n) in trials.items():
        e = proportion(hits, 0.95, **{option: values})
        exact = clopper_pearson(n if always else 0, n, 0.95)
        assert (e.value, e.low, e.high, e.n) == (exact.value, exact.low, exact.high, n), option


def test_groups_that_agree_with_each_other_count_once_each():
    e = proportion([True, False] * 10, 0.95, groups=np.arange(20) // 2)
    assert ends(e) == pytest.approx(ends(clopper_pearson(5, 10, 0.95)))


def test_one_group_tells_next_to_nothing():
    low, high = ends(proportion([True] * 9 + [False], 0.95, groups=["a"] * 10))
    assert low < 0.05
    assert high > 0.99


def test_one_heavy_row_is_one_row():
    low, high = ends(proportion([True, False, False, False], 0.95, weights=[1000, 1, 1, 1]))
    assert (low, high) == (pytest.approx(0.025, abs=0.001), pytest.approx(1, abs=0.001))


some_weight = st.just(0.0) | st.floats(0.001, 100)
rows = st.lists(st.tuples(st.booleans(), st.sampled_from(["a", "b", "c", None]), some_weight), min_size=1, max_size=40)


@settings(deadline=None, max_examples=60)
@given(rows, st.booleans(), st.booleans(), st.randoms(use_true_random=False))
def test_shares_have_an_honest_interval_that_order_and_scale_do_not_change(rows, grouped, weighted, random):
    def share(rows: Any, scale: float = 1.0) -> Estimate | Undefined:
        hits, groups, weights = zip(*rows, strict=True)
        options: dict[str, Any] = {"groups": list(groups)} if grouped else {}
        if weighted:
            options["weights"] = np.array(weights) * scale
        return proportion(np.array(hits), 0.95, **options)

    e = share(rows)
    if isinstance(e, Undefined):
        assert not any(w for _, _, w in rows)
        return
    assert 0 <= e.low <= e.value <= e.high <= 1
    assert e.high - e.low > 0.01
    assert 1 <= e.n <= len(rows)
    shuffled = random.sample(rows, len(rows))
    for other in (share(shuffled), share(rows, scale=0.125)):
        assert isinstance(other, Estimate)
        assert other.n == e.n
        assert (other.value, *ends(other)) == pytest.approx((e.value, *ends(e)), abs=1e-6)


# -- means and what is made of them ----------------------------------------------------------------------------


@pytest.mark.parametrize("confidence", [0.8, 0.95])
@pytest.mark.parametrize("n", [2, 3, 50])
def test_means_of_independent_rows_have_students_interval(n, confidence):
    x = np.random.default_rng(n).normal(5, 2, size=n)
    ci = stats.ttest_1samp(x, 0).confidence_interval(confidence)
    e = mean_interval(x, confidence)
    assert ends(e) == pytest.approx((ci.low, ci.high))
    assert (e.value, e.n) == (pytest.approx(x.mean()), n)


def test_with_groups_of_one_size_it_is_the_interval_of_the_group_means():
    rng = np.random.default_rng(0)
    member = np.repeat(np.arange(12), 7)
    x = rng.normal(size=12)[member] + rng.normal(size=84)
    ci = stats.ttest_1samp(x.reshape(12, 7).mean(axis=1), 0).confidence_interval(0.95)
    shuffled = rng.permutation(84)
    e = mean_interval(x[shuffled], 0.95, groups=member[shuffled].astype(str))
    assert ends(e) == pytest.approx((ci.low, ci.high))
    assert e.n == 12


def test_a_weighted_mean_worked_out_by_hand():
    """Mean 3/4; the weighted deviations are -3/4 and 3/4, so the standard error is sqrt(2 (9/16 + 9/16)) / 4 = 3/8."""
    e = mean_interval([0, 1], 0.95, weights=[1, 3])
    margin = 0.375 * stats.t.ppf(0.975, 1)
    assert (e.value, *ends(e)) == pytest.approx((0.75, 0.75 - margin, 0.75 + margin))
    assert e.n == 1  # 16 / 10


def test_the_range_of_the_values_cuts_the_interval():
    e = mean_interval([0.0, 0.1, 3.0], 0.95, low=0.0)
    assert e.low == 0.0
    assert mean_interval([0.1] * 30, 0.95).value == 0.1


def numerical_influence(statistic: Callable[[Any], float], weights: Any) -> np.ndarray:
    """Derivative of a statistic by the share of weight of each row."""
    step = 1e-6
    total = weights.sum()
    return np.array(
        [
            (statistic(weights + step * total * (np.arange(len(weights)) == i)) - statistic(weights)) / step
            for i in range(len(weights))
        ]
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_delta_intervals_agree_with_a_numerical_derivative(weighted):
    rng = np.random.default_rng(3)
    y = rng.exponential(size=40)
    p = y + rng.normal(scale=0.7, size=40)
    w = rng.uniform(0.5, 2, size=40) if weighted else np.ones(40)
    options = {"weights": w} if weighted else {}
    for ours, statistic in (
        (r2_interval(y, p, 0.95, **options), lambda w: metrics.r2_score(y, p, sample_weight=w)),
        (rms_interval(y - p, 0.95, **options), lambda w: metrics.root_mean_squared_error(y, p, sample_weight=w)),
    ):
        by_hand = delta_interval(statistic(w), numerical_influence(statistic, w), 0.95, **options)
        assert (ours.value, *ends(ours)) == pytest.approx((by_hand.value, *ends(by_hand)), rel=1e-4)


@pytest.mark.parametrize("n", [50, 200])
def test_intervals_of_errors_hold_the_truth(n):
    """Normal truth of variance 1 with normal errors of variance 1/4: R2 3/4, RMSE 1/2, MAE sqrt(2/pi)/2."""
    rng = np.random.default_rng(4)

    def draw() -> tuple[Any, Any]:
        y = rng.normal(size=n)
        return y, y + rng.normal(scale=0.5, size=n)

    def of_errors(kernel: Any, **options: Any) -> Callable[[], Estimate | Undefined]:
        def interval() -> Estimate | Undefined:
            y, p = draw()
            return kernel(abs(p - y), 0.95, **options)

        return interval

    assert 0.92 <= coverage(0.75, lambda: r2_interval(*draw(), 0.95), 1500) <= 0.97
    assert 0.91 <= coverage(0.5, of_errors(rms_interval), 1500) <= 0.97
    assert 0.93 <= coverage(np.sqrt(0.5 / np.pi), of_errors(mean_interval, low=0.0), 1500) <= 0.97
    assert 0.94 <= coverage(0.5 * stats.norm.ppf(0.75), of_errors(median_interval), 1500) <= 0.98


def test_with_groups_too():
    """30 groups of 6 errors that share a part: mean square 1, mean 0, median 0."""
    rng = np.random.default_rng(5)
    member = np.repeat(np.arange(30), 6)

    def errors() -> Any:
        return np.sqrt(0.5) * (rng.normal(size=30)[member] + rng.normal(size=180))

    for kernel, truth in ((rms_interval, 1.0), (mean_interval, 0.0), (median_interval, 0.0)):
        with_groups = coverage(truth, lambda k=kernel: k(errors(), 0.95, groups=member), 1000)
        without = coverage(truth, lambda k=kernel: k(errors(), 0.95), 1000)
        assert without < 0.9 < 0.915 < with_groups < 0.985, kernel.__name__


def test_too_few_items_for_an_interval():
    for e in (
        mean_interval([1.0], 0.95),
        rms_interval([1.0, 2.0], 0.95, groups=["a", "a"]),
        r2_interval([1.0, 2.0], [1.0, 2.0], 0.95, weights=[0, 1]),
        delta_interval(0.0, [], 0.95),
    ):
        assert isinstance(e, Undefined)


def test_no_errors_and_no_spread():
    y, none = np.arange(30), np.zeros(30)
    assert (rms_interval(none, 0.95).value, ends(rms_interval(none, 0.95))) == (0, (0, 0))
    assert (r2_interval(y, y, 0.95).value, ends(r2_interval(y, y, 0.95))) == (1, (1, 1))
    for few in (rms_interval(none[1:], 0.95), r2_interval(y[1:], y[1:], 0.95), mean_interval([0.1] * 29, 0.95)):
        assert isinstance(few, Undefined) and "agree" in few.reason  # agreement of a few is no certainty
    assert isinstance(r2_interval([0.1] * 9, np.arange(9), 0.95), Undefined)


# -- medians ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("n", [8, 9, 40, 1001])
def test_median_intervals_agree_with_scipys_quantile_test(n, confidence):
    x = np.random.default_rng(n).exponential(size=n)
    ci = stats.quantile_test(x, p=0.5).confidence_interval(confidence)
    e = median_interval(x, confidence)
    assert (e.value, *ends(e)) == (np.median(x), ci.low, ci.high)


def test_the_median_of_five_rows_has_no_interval_at_95_percent():
    assert ends(median_interval(range(6), 0.95)) == (0, 5)
    assert median_interval(range(5), 0.95) == Undefined(
        "The interval of a median needs 6 independent items or more; there are 5."
    )
    assert isinstance(median_interval([1.0] * 50, 0.95, groups=np.arange(50) // 10), Undefined)
    assert isinstance(median_interval([], 0.95), Undefined)


def test_intervals_of_weighted_medians_hold_the_truth():
    rng = np.random.default_rng(6)

    def draw() -> Estimate | Undefined:
        return median_interval(rng.exponential(size=60), 0.95, weights=rng.uniform(0.2, 3, size=60))

    assert 0.93 <= coverage(np.log(2), draw, 800) <= 0.985


# -- what is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"values": [1.0, np.nan]}, "finite; 1 of 2"),
        ({"values": [[1.0], [2.0]]}, "one entry per row"),
        ({"values": [1.0, 2.0], "weights": [1.0]}, "one length"),
        ({"values": [1.0, 2.0], "weights": [1.0, -1.0]}, "negative"),
        ({"values": [1.0, 2.0], "weights": [1.0, np.inf]}, "weights must be finite"),
        ({"values": [1.0, 2.0], "groups": ["a"]}, "one length"),
        ({"values": [1.0, 2.0], "groups": [["a"], ["b"]]}, "groups must have one entry per row"),
        ({"values": [1.0, 2.0], "confidence": 95}, "between 0 and 1"),
    ],
)
def test_input_of_the_wrong_form_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        mean_interval(**{"confidence": 0.95, **options})


def test_hits_must_be_true_or_false():
    with pytest.raises(ValueError, match="bool"):
        proportion([0.2, 0.9], 0.95)


def test_rows_without_a_group_form_one():
    assert mean_interval([1.0, 2.0, 3.0, 4.0], 0.95, groups=["a", None, np.nan, None]).n == 2


def test_the_examples_in_the_documentation_run():
    assert doctest.testmod(intervals) == doctest.TestResults(failed=0, attempted=6)
