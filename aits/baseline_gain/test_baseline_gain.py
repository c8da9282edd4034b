from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, ttest_rel
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import accuracy_score, brier_score_loss, d2_absolute_error_score

from qmtestbed.ait import Estimate, Predictions, Roles, Subject, Table, Undefined

OF_UPDATE = ("update_gain", "clear_update_loss", "negative_flip_rate", "mcnemar_p", "matched_share")


def classified(labels: Any, said: Any, yes: Any = None, **more: Any) -> Predictions:
    truth, predicted = (np.asarray(list(x), dtype=object) for x in (labels, said))
    p = None if yes is None else np.column_stack([1 - np.asarray(yes), np.asarray(yes)])
    classes = tuple(sorted({*truth, *predicted}))
    return Predictions("classification", truth, predicted, p, more.pop("classes", classes), **more)


def valued(labels: Any, said: Any, **more: Any) -> Predictions:
    return Predictions("regression", np.asarray(labels, dtype=float), np.asarray(said, dtype=float), **more)


def table(labels: Any, **roles: Any) -> Table:
    series = pd.Series(labels)
    return Table(pd.DataFrame({"x": range(len(series))}), series, Roles(label="y", **roles))


def screened(seed: int, n: int, share: float, useful: bool = True) -> Predictions:
    """A rare class and calibrated probabilities, so small that the answer is nearly always no."""
    rng = np.random.default_rng(seed)
    odds = np.log(share / (1 - share)) - 0.9 + 1.5 * rng.normal(size=n)
    yes = 1 / (1 + np.exp(-odds))
    truth = np.where(rng.random(n) < yes, "yes", "no")
    yes = yes if useful else rng.permutation(yes)
    return classified(truth, np.where(yes > 0.5, "yes", "no"), yes, classes=("no", "yes"))


def update(seed: int, n: int, now: float, before: float, **more: Any) -> tuple[Predictions, Predictions]:
    rng = np.random.default_rng(seed)
    truth = rng.choice(["a", "b"], size=n)
    other = np.where(truth == "a", "b", "a")
    luck = rng.random(n) * 0.7 + rng.random(n) * 0.3
    said = [np.where(luck + 0.0 * rng.random(n) < q, truth, other) for q in (now, before)]
    return classified(truth, said[0], **more), classified(truth, said[1], **more)


# -- over the trivial model -----------------------------------------------------------------------------------


def test_the_trivial_classifier_is_that_of_scikit_learn(ait):
    p, train = screened(0, 400, 0.3), ["no"] * 70 + ["yes"] * 30
    dummy = DummyClassifier(strategy="prior").fit(np.zeros((100, 1)), train)
    guess, share = dummy.predict(np.zeros((400, 1))), dummy.predict_proba(np.zeros((400, 1)))[:, 1]
    found = ait.measure(predictions=p, train=table(train))
    gain = accuracy_score(p.labels.astype(str), p.predicted.astype(str)) - accuracy_score(p.labels.astype(str), guess)
    assert found["accuracy_gain"].value == pytest.approx(gain)
    truth = p.labels == "yes"
    saved = 1 - brier_score_loss(truth, p.probabilities[:, 1]) / brier_score_loss(truth, share)
    assert found["skill"]["Brier score"].value == pytest.approx(saved)
    assert set(found["skill"]) == {"accuracy", "balanced accuracy", "Brier score", "ranking"}
    assert found["trivial_model"].rows == [("no", 0.7, "training labels"), ("yes", 0.3, "training labels")]


def test_the_trivial_regressor_is_that_of_scikit_learn(ait):
    rng = np.random.default_rng(0)
    y, train = rng.gamma(2, size=150), rng.gamma(2, size=301)
    p = valued(y, y + rng.normal(size=150) * 0.3)
    found = ait.measure(predictions=p, train=table([*train, None]))["skill"]
    mean = DummyRegressor().fit(np.zeros((301, 1)), train).predict(np.zeros((1, 1)))[0]
    assert found["squared error"].value == pytest.approx(1 - ((p.predicted - y) ** 2).mean() / ((mean - y) ** 2).mean())
    alone = ait.measure(predictions=valued(y[:149], p.predicted[:149]))
    assert alone["skill"]["absolute error"].value == pytest.approx(d2_absolute_error_score(y[:149], p.predicted[:149]))
    assert alone["trivial_model"].rows[0][2] == "test labels"


def test_weights_of_both_tables_count(ait):
    y, said, w = np.array([1.0, 2.0, 4.0, 8.0]), np.array([1.5, 2.0, 3.0, 9.0]), np.array([1, 2, 3, 0])
    train = Table(pd.DataFrame({"w": [3.0, 1.0]}), pd.Series([0.0, 4.0]), Roles(label="y", weight="w"))
    weighted = ait.measure(predictions=valued(y, said, weights=w.astype(float)), train=train)["skill"]
    repeated = ait.measure(predictions=valued(np.repeat(y, w), np.repeat(said, w)), train=table([0.0, 0.0, 0.0, 4.0]))
    for name, e in repeated["skill"].items():
        assert weighted[name].value == pytest.approx(e.value)


@pytest.mark.parametrize("seed", range(5))
def test_a_useful_model_of_a_rare_class_is_not_punished(ait, seed):
    found = ait.measure(predictions=screened(seed, 2000, 0.05))
    assert abs(found["accuracy_gain"].value) < 0.03
    assert (found["clear_lack"], found["findings"]) == (0.0, [])


@pytest.mark.parametrize("seed", range(5))
def test_a_useless_model_is_named(ait, seed):
    found = ait.measure(predictions=screened(seed + 10, 2000, 0.3, useful=False))
    assert found["clear_lack"] > 0.8
    (finding,) = found["findings"]
    assert (finding.kind, finding.subject, finding.measure) == ("no_gain", Subject(slice="all rows"), "clear_lack")


def test_a_useless_regressor_is_named_and_a_weak_one_on_few_rows_is_not(ait):
    rng = np.random.default_rng(1)
    y = rng.normal(size=1000)
    assert ait.measure(predictions=valued(y, rng.normal(size=1000) * 0.1))["clear_lack"] > 0.8
    assert ait.measure(predictions=valued(y[:40], 0.5 * y[:40] + rng.normal(size=40) * 0.5))["clear_lack"] == 0.0


def test_a_regressor_in_another_unit_is_worse_than_none_though_it_knows_the_order(ait):
    y = 5 + np.random.default_rng(2).normal(size=300)
    found = ait.measure(predictions=valued(y, 100 * y))
    assert found["skill"]["correlation"].value == pytest.approx(1.0)
    assert found["clear_lack"] > 100


def test_a_weak_regressor_is_not_useless(ait):
    rng, alarms = np.random.default_rng(3), 0
    for _ in range(50):
        x, noise = rng.normal(size=(2, 200))
        alarms += ait.measure(predictions=valued(0.33 * x + noise, 0.33 * x))["clear_lack"] > 0.8
    assert alarms <= 2


def test_answers_without_probabilities_or_of_many_classes(ait):
    labels = np.array(list("abcdef") * 30)
    found = ait.measure(predictions=classified(labels, np.roll(labels, 1)))
    assert set(found["skill"]) == {"accuracy", "balanced accuracy"}
    assert found["clear_lack"] > 1.0
    assert ait.measure(predictions=classified(labels, labels))["clear_lack"] == 0.0


def test_groups_widen_the_intervals(ait):
    p = screened(3, 300, 0.3)
    many = Predictions(
        p.task,
        *(np.repeat(x, 5, axis=0) for x in (p.labels, p.predicted, p.probabilities)),
        p.classes,  # type: ignore[arg-type]
    )
    grouped = replace(many, groups=np.repeat(np.arange(300), 5))
    for name, e in ait.measure(predictions=grouped)["skill"].items():
        once = ait.measure(predictions=p)["skill"][name]
        assert e.value == pytest.approx(once.value)
        assert e.high - e.low == pytest.approx(once.high - once.low, rel=0.05), name


# -- over the previous version --------------------------------------------------------------------------------


def test_the_change_of_an_update_against_closed_forms(ait):
    """3 rows got wrong and 12 right: McNemar's p is 0.035156."""
    truth = np.array(["a"] * 100)
    truth[50:] = "b"
    now, before = truth.copy(), truth.copy()
    now[:3], before[47:59] = "b", np.where(truth[47:59] == "a", "b", "a")
    found = ait.measure(predictions=classified(truth, now), previous=classified(truth, before))
    assert found["mcnemar_p"] == pytest.approx(0.035156, abs=1e-6)
    ci = binomtest(3, 100).proportion_ci(0.95, method="exact")
    assert (found["negative_flip_rate"].low, found["negative_flip_rate"].high) == pytest.approx((ci.low, ci.high))
    paired = ttest_rel(1.0 * (now == truth), 1.0 * (before == truth)).confidence_interval(0.95)
    gain = found["update_gain"]
    assert (gain.value, gain.low, gain.high) == pytest.approx((0.09, paired.low, paired.high))
    assert found["changes"].values == [[85, 3], [12, 0]]
    assert found["clear_update_loss"] == 0.0
    (finding,) = found["findings"]
    assert (finding.kind, finding.measure, finding.subject.rows) == ("negative_flips", "negative_flip_rate", (0, 1, 2))


def test_an_update_that_loses_is_named_with_its_rows(ait):
    now, before = update(0, 600, 0.7, 0.8)
    found = ait.measure(predictions=now, previous=before)
    assert found["clear_update_loss"] == pytest.approx(-found["update_gain"].value)
    of_loss = [f for f in found["findings"] if f.measure == "clear_update_loss"]
    assert [f.kind for f in of_loss] == ["negative_flips", "no_gain"]
    lost = np.flatnonzero((now.predicted != now.labels) & (before.predicted == before.labels))
    assert of_loss[0].subject.rows == tuple(lost)


def test_equally_good_versions_are_seldom_called_worse(ait):
    rng, alarms = np.random.default_rng(0), 0
    truth = np.array(["a"] * 400)
    truth[200:] = "b"
    for _ in range(200):
        said = [np.where(rng.random(400) < 0.8, truth, "x") for _ in "ab"]
        p, q = (classified(truth, s, classes=("a", "b", "x")) for s in said)
        alarms += ait.measure(predictions=p, previous=q, alpha=0.05)["clear_update_loss"] > 0
    assert alarms <= 18


def test_rows_are_matched_by_id_and_their_share_is_told(ait):
    now, before = update(1, 300, 0.7, 0.9)
    ids = np.arange(300).astype(str).astype(object)
    o = np.random.default_rng(0).permutation(300)[:200]
    shuffled = replace(before, labels=before.labels[o], predicted=before.predicted[o], ids=ids[o])
    found = ait.measure(predictions=replace(now, ids=ids), previous=shuffled)
    s = np.sort(o)
    direct = ait.measure(
        predictions=replace(now, labels=now.labels[s], predicted=now.predicted[s]),
        previous=replace(before, labels=before.labels[s], predicted=before.predicted[s]),
    )
    assert found["update_gain"] == direct["update_gain"]
    assert (found["matched_share"], direct["matched_share"]) == (pytest.approx(2 / 3), 1.0)
    assert set(found["findings"][0].subject.rows) <= set(s.tolist())


def test_versions_that_can_not_be_compared_say_why(ait):
    p = classified("abab", "abab")
    for previous in (None, classified("ab", "ab"), classified("abaa", "abab"), valued([1, 2, 3, 4], [1, 2, 3, 4])):
        found = ait.measure(predictions=p, previous=previous)
        assert all(isinstance(found[name], Undefined) for name in OF_UPDATE)


def test_with_groups_or_weights_the_exact_test_does_not_hold(ait):
    now, before = update(2, 400, 0.6, 0.8, groups=np.arange(400) // 4, weights=np.ones(400))
    found = ait.measure(predictions=now, previous=before)
    assert isinstance(found["mcnemar_p"], Undefined)
    assert found["clear_update_loss"] > 0.1


def test_an_update_of_a_regressor(ait):
    rng = np.random.default_rng(0)
    y = rng.normal(size=500)
    good, bad = (valued(y, y + rng.normal(size=500) * s) for s in (0.3, 0.4))
    found = ait.measure(predictions=bad, previous=good)
    assert found["clear_update_loss"] == pytest.approx(
        np.abs(bad.predicted - y).sum() / np.abs(good.predicted - y).sum() - 1
    )
    assert isinstance(found["mcnemar_p"], Undefined)
    assert [f.kind for f in found["findings"]] == ["no_gain"]
    assert ait.measure(predictions=good, previous=bad)["clear_update_loss"] == 0.0


# -- edges ----------------------------------------------------------------------------------------------------


def test_nothing_to_measure(ait):
    assert isinstance(ait.measure(predictions=classified([], [], classes=("a", "b"))), Undefined)
    assert isinstance(ait.measure(predictions=classified(["a"], ["a"], weights=np.zeros(1))), Undefined)


def test_one_row_and_one_class_say_nothing(ait):
    for p in (classified(["a"], ["b"]), classified("aaaa", "aaab"), classified("aaaa", "aaaa")):
        found = ait.measure(predictions=p)
        assert isinstance(found["clear_lack"], Undefined)
        assert isinstance(found["skill"]["balanced accuracy"], Undefined)
    assert isinstance(ait.measure(predictions=valued([1.0], [1.0]))["clear_lack"], Undefined)


def test_constant_labels_leave_nothing_to_gain(ait):
    found = ait.measure(predictions=valued(np.ones(50), np.ones(50)))
    assert all(isinstance(e, Undefined) for e in found["skill"].values())
    assert isinstance(found["clear_lack"], Undefined)


def test_a_perfect_model_of_few_rows_is_no_lack(ait):
    assert ait.measure(predictions=classified(list("ab") * 4, list("ab") * 4))["clear_lack"] == 0.0


@pytest.mark.parametrize(
    "labels",
    [
        pd.Series([None, None], dtype=object),
        pd.Series([], dtype=object),
        pd.Series([np.nan, np.inf]),
    ],
)
def test_training_labels_that_tell_nothing_leave_those_of_the_test(ait, labels):
    found = ait.measure(predictions=valued([1.0, 2.0, 4.0], [1.0, 2.0, 3.0]), train=table(labels))
    assert found["trivial_model"].rows[0] == ("mean", pytest.approx(7 / 3), "test labels")


@pytest.mark.parametrize("dtype", [object, "string", "category"])
def test_training_labels_of_any_type_are_the_same_classes(ait, dtype):
    p = classified(["1", "0", "1", "0"] * 10, ["1", "0", "0", "0"] * 10)
    found = ait.measure(predictions=p, train=table(pd.Series(["1", "1", "0", None], dtype=dtype)))
    whole = ait.measure(predictions=p, train=table(pd.Series([1, 1, 0, None], dtype="Int64")))
    assert found == whole
    assert found["trivial_model"].rows[0] == ("1", pytest.approx(2 / 3), "training labels")


def test_a_class_that_nobody_trained_on(ait):
    p = classified(["a", "b", "c"] * 20, ["a", "b", "a"] * 20)
    found = ait.measure(predictions=p, train=table(["a", "a", "b"]))
    assert isinstance(found["skill"]["accuracy"], Estimate)
    assert found["skill"]["accuracy"].value == pytest.approx(0.5)


def test_the_same_input_gives_the_same_answer(ait):
    now, before = update(5, 200, 0.7, 0.75)
    assert ait.measure(predictions=now, previous=before) == ait.measure(predictions=now, previous=before)


def test_what_so_few_rows_or_no_right_answer_leave_open_is_undefined(ait):
    for labels, said in (("ab", "ba"), ("aab", "bbb"), ("aab", "aab")):
        assert isinstance(ait.measure(predictions=classified(labels, said))["clear_lack"], Undefined)
    upper = classified("AB" * 50, "ab" * 50, classes=("a", "b", "A", "B"))
    assert isinstance(ait.measure(predictions=upper, previous=upper)["clear_update_loss"], Undefined)
