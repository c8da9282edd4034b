from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics

from qmtestbed.ait import Estimate, Matrix, Predictions, Subject, Undefined


def predictions(labels: Any, predicted: Any, classes: tuple[str, ...] | None = None, **more: Any) -> Predictions:
    truth, said = np.asarray(labels, dtype=object), np.asarray(predicted, dtype=object)
    return Predictions("classification", truth, said, None, classes or tuple(sorted({*truth, *said})), **more)


def random_predictions(seed: int, n: int, right: float = 0.7, **more: Any) -> Predictions:
    rng = np.random.default_rng(seed)
    names = np.array(["a", "b", "c", "d"])
    truth = rng.choice(names, size=n, p=[0.5, 0.3, 0.15, 0.05])
    return predictions(truth, np.where(rng.random(n) < right, truth, rng.choice(names, size=n)), **more)


@pytest.mark.parametrize("average", ["macro", "weighted"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_values_agree_with_scikit_learn(ait, seed, weighted, average):
    w = np.random.default_rng(seed + 100).exponential(size=300) if weighted else None
    p = random_predictions(seed, 300, weights=w)
    t, s, k = p.labels.astype(str), p.predicted.astype(str), list(p.classes)
    found = ait.measure(predictions=p, average=average)
    assert found["accuracy"].value == pytest.approx(metrics.accuracy_score(t, s, sample_weight=w))
    per_class = metrics.precision_recall_fscore_support(t, s, labels=k, sample_weight=w)
    assert [e.value for e in found["precision"].values()] == pytest.approx(per_class[0])
    assert [e.value for e in found["recall"].values()] == pytest.approx(per_class[1])
    assert list(found["f1"].values()) == pytest.approx(per_class[2])
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(t, s, sample_weight=w))
    assert found["f1_average"] == pytest.approx(metrics.f1_score(t, s, average=average, sample_weight=w))
    assert found["mcc"] == pytest.approx(metrics.matthews_corrcoef(t, s, sample_weight=w))
    matrix = metrics.confusion_matrix(t, s, labels=k, sample_weight=w)
    np.testing.assert_allclose(found["confusion_matrix"].values, matrix)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_intervals_of_independent_rows_are_exact(ait, confidence):
    p = random_predictions(1, 200)
    found = ait.measure(predictions=p, confidence=confidence)

    def check(estimate: Estimate, rows: np.ndarray) -> None:
        hits = int((p.labels == p.predicted)[rows].sum())
        ci = binomtest(hits, int(rows.sum())).proportion_ci(confidence, method="exact")
        assert (estimate.low, estimate.high) == pytest.approx((ci.low, ci.high))
        assert estimate.n == rows.sum()

    check(found["accuracy"], np.ones(200, dtype=bool))
    for name in p.classes:
        check(found["recall"][name], p.labels == name)
        check(found["precision"][name], p.predicted == name)


def test_the_documented_accuracy_of_the_support_vector_machine_on_digits(ait):
    """The example of scikit-learn: half of digits to train, half to test, 0.97."""
    from sklearn.datasets import load_digits
    from sklearn.svm import SVC

    x, y = load_digits(return_X_y=True)
    said = SVC(gamma=0.001).fit(x[:898], y[:898]).predict(x[898:])
    found = ait.measure(predictions=predictions(y[898:].astype(str), said.astype(str)))
    assert found["accuracy"].value == pytest.approx(0.968854, abs=1e-6)
    assert found["accuracy"].low < 0.968854 < found["accuracy"].high


def test_groups_widen_the_intervals_and_are_what_n_counts(ait):
    p = random_predictions(2, 100, right=0.6)
    many = {"labels": np.repeat(p.labels, 10), "predicted": np.repeat(p.predicted, 10)}
    alone = ait.measure(predictions=predictions(*many.values()))["accuracy"]
    grouped = ait.measure(predictions=predictions(*many.values(), groups=np.repeat(np.arange(100), 10)))["accuracy"]
    once = ait.measure(predictions=p)["accuracy"]
    assert (alone.n, grouped.n, once.n) == (1000, 100, 100)
    assert grouped.value == alone.value == once.value
    assert grouped.high - grouped.low == pytest.approx(once.high - once.low, rel=0.02)
    assert alone.high - alone.low < 0.4 * (grouped.high - grouped.low)


def test_rows_of_weight_zero_are_as_if_they_were_not_there(ait):
    labels, said = list("aabb") * 5 + ["c"] * 3, list("aaba") * 5 + ["a"] * 3
    weighted = ait.measure(predictions=predictions(labels, said, weights=np.array([1.0] * 20 + [0.0] * 3)))
    without = ait.measure(predictions=predictions(labels[:20], said[:20], ("a", "b", "c")))
    for name in ("accuracy", "recall", "precision", "f1", "balanced_accuracy", "f1_average", "mcc"):
        assert weighted[name] == without[name], name


def test_a_class_that_the_model_does_not_know_counts_as_errors(ait):
    found = ait.measure(predictions=predictions(["a", "b", "new", "new"], ["a", "b", "a", "b"], ("a", "b")))
    assert found["accuracy"].value == 0.5
    assert (found["recall"]["new"].value, found["f1"]["new"]) == (0.0, 0.0)
    assert isinstance(found["precision"]["new"], Undefined)
    assert found["balanced_accuracy"] == pytest.approx(2 / 3)
    assert found["confusion_matrix"].rows == ["a", "b", "new"]


def test_a_class_without_rows_is_undefined_and_says_why(ait):
    found = ait.measure(predictions=predictions(["a", "b"], ["a", "c"], ("a", "b", "c", "d")))
    assert found["recall"]["c"] == Undefined("There is no row of this class.")
    assert found["recall"]["d"] == found["recall"]["c"]
    assert found["precision"]["b"] == Undefined("The model never predicts this class.")
    assert found["f1"]["b"] == found["f1"]["c"] == 0.0
    assert isinstance(found["f1"]["d"], Undefined)
    assert found["f1_average"] == pytest.approx(1 / 3)


ONE = Undefined("All rows are of one true class, so that there is nothing to tell apart.")


@pytest.mark.parametrize("average", ["macro", "weighted"])
@pytest.mark.parametrize("said", ["aaaa", "aaba", "bbbb", "bcbc"])
def test_with_one_true_class_nothing_that_combines_classes_is_given(ait, said, average):
    found = ait.measure(predictions=predictions(list("aaaa"), list(said), ("a", "b", "c")), average=average)
    assert found["balanced_accuracy"] == found["f1_average"] == found["mcc"] == ONE
    assert found["recall"]["a"].value == found["accuracy"].value == said.count("a") / 4
    assert isinstance(found["f1"]["a"], float)


def test_a_true_class_of_weight_zero_is_not_a_second_one(ait):
    found = ait.measure(predictions=predictions(list("aab"), list("aab"), weights=np.array([1.0, 1.0, 0.0])))
    assert found["balanced_accuracy"] == found["f1_average"] == found["mcc"] == ONE


def test_the_same_answer_for_all_rows_has_correlation_zero(ait):
    assert ait.measure(predictions=predictions(list("aaab"), list("aaaa")))["mcc"] == 0.0


@pytest.mark.parametrize("more", [{}, {"groups": np.arange(40) // 4}, {"weights": np.linspace(1, 2, 40)}])
def test_being_always_right_is_not_proof_of_certainty(ait, more):
    labels = ["a", "b"] * 20
    found = ait.measure(predictions=predictions(labels, labels, **more))
    assert (found["accuracy"].value, found["accuracy"].high, found["mcc"]) == (1.0, 1.0, 1.0)
    assert found["accuracy"].low < 0.92
    assert found["findings"] == []


def test_being_always_wrong(ait):
    found = ait.measure(predictions=predictions(["a", "b"] * 20, ["b", "a"] * 20))
    assert (found["accuracy"].value, found["accuracy"].low, found["mcc"]) == (0.0, 0.0, -1.0)
    assert found["f1_average"] == 0.0


def test_nothing_to_measure(ait):
    assert isinstance(ait.measure(predictions=predictions([], [], ("a", "b"))), Undefined)
    assert isinstance(ait.measure(predictions=predictions(["a"], ["a"], weights=np.zeros(1))), Undefined)


def test_one_row(ait):
    found = ait.measure(predictions=predictions(["a"], ["a"], ("a", "b")))
    assert found["accuracy"].low == pytest.approx(0.025)


def test_findings_name_the_weakest_class_and_those_clearly_below_the_others(ait):
    labels = ["a"] * 200 + ["b"] * 50 + ["c"] * 50 + ["d"] * 4
    said = ["a"] * 200 + ["b"] * 25 + ["a"] * 25 + ["c"] * 10 + ["a"] * 40 + ["d"] * 3 + ["a"]
    findings = ait.measure(predictions=predictions(labels, said))["findings"]
    assert [(f.kind, f.subject, f.measure, f.value) for f in findings] == [
        ("weak_class", Subject(class_="c"), "recall", 0.2),
        ("weak_class", Subject(class_="b"), "recall", 0.5),
    ]
    assert findings[0].text.startswith("Class 'c': recall 0.200 [0.100, 0.337], against an accuracy of 0.783")


def test_of_many_classes_the_matrix_keeps_those_with_errors_and_every_row(ait):
    labels = [f"k{j:03d}" for j in range(200)] * 3
    said = list(labels)
    said[7], said[11] = "k011", "k007"
    found = ait.measure(predictions=predictions(labels, said))
    matrix = found["confusion_matrix"]
    assert isinstance(matrix, Matrix)
    assert len(matrix.rows) == len(matrix.values) == 41
    assert matrix.rows[-1] == "(all others)"
    assert np.sum(matrix.values) == 600
    at = matrix.rows.index
    assert matrix.values[at("k007")][at("k011")] == 1
    assert found["recall_by_class"].labels[:2] == ["k007", "k011"]
    assert len(found["recall_by_class"].labels) == 40
