from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import cross_val_predict

from qmtestbed.ait import Predictions, Undefined


def predictions(labels: Any, p: Any, classes: Any = None, **more: Any) -> Predictions:
    p = np.asarray(p, dtype=float)
    classes = tuple(classes or (f"c{j}" for j in range(p.shape[1])))
    predicted = np.array([classes[j] for j in p.argmax(1)], dtype=object) if len(p) else np.empty(0, dtype=object)
    return Predictions("classification", np.asarray(labels, dtype=object), predicted, p, classes, **more)


def binary(seed: int, n: int, scale: float, flipped: float = 0.0, distortion: float = 1.0) -> tuple[Any, np.ndarray]:
    """Rows with a score whose logistic is the truth, said more or less boldly; and which labels were flipped."""
    rng = np.random.default_rng(seed)
    score = scale * rng.normal(size=n)
    truth = rng.random(n) < expit(score)
    flips = rng.random(n) < flipped
    p = expit(score * distortion)
    return predictions(np.where(truth ^ flips, "c1", "c0"), np.stack([1 - p, p], axis=1)), flips


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    x, y = load_digits(return_X_y=True)
    return y, cross_val_predict(LinearDiscriminantAnalysis(solver="lsqr"), x, y, cv=3, method="predict_proba")


def test_clean_digits_are_left_alone_though_confident_learning_suspects_many(ait, digits):
    y, p = digits
    found = ait.measure(predictions=predictions([f"c{c}" for c in y], p))
    assert found["confident_errors"] > 30
    assert found["clear_noise"] == 0.0
    assert found["noise_floor"].value < 0.02
    assert found["findings"] == []


def test_flipped_labels_are_found_and_named(ait):
    given, flips = binary(0, 1500, 8.0, flipped=0.08)
    found = ait.measure(predictions=given)
    assert found["clear_noise"] == pytest.approx(flips.mean(), abs=0.02)
    assert found["noise_floor"].low < flips.mean() < found["noise_floor"].high
    (finding,) = found["findings"]
    assert (finding.kind, finding.measure, finding.value) == ("label_error", "clear_noise", found["clear_noise"])
    named = np.zeros(1500, dtype=bool)
    named[list(finding.subject.rows)] = True
    assert flips[named].mean() > 0.85 and named[flips].mean() > 0.7
    assert found["suspects"].rows[0] == finding.subject.rows[0]  # the worst first


@pytest.mark.parametrize("distortion", [0.2, 1.0, 5.0])
@pytest.mark.parametrize("scale", [0.7, 2.5, 8.0])
def test_classes_that_overlap_and_bold_or_timid_models_are_no_error(ait, scale, distortion):
    for seed in range(3):
        found = ait.measure(predictions=binary(seed, 1000, scale, distortion=distortion)[0])
        assert found["clear_noise"] == 0.0 and not found["findings"]


def test_boldness_changes_nothing(ait):
    a, b = (ait.measure(predictions=binary(1, 800, 6.0, 0.1, d)[0]) for d in (0.5, 2.0))
    assert a["clear_noise"] == pytest.approx(b["clear_noise"], abs=0.001)
    assert a["clear_noise"] > 0.05
    assert a["noise_floor"].low == pytest.approx(b["noise_floor"].low, abs=0.001)


def test_agrees_with_cleanlab(ait, digits):
    count, rank = pytest.importorskip("cleanlab.count"), pytest.importorskip("cleanlab.rank")
    y, p = digits
    found = ait.measure(predictions=predictions([f"c{c}" for c in y], p))
    assert found["confident_errors"] == count.num_label_issues(y, p)
    joint = count.estimate_joint(y, p)
    theirs = 1 - joint.diagonal() / joint.sum(axis=1)
    assert list(found["class_noise"].values()) == pytest.approx(theirs.tolist(), abs=0.005)  # theirs is in whole rows
    assert (np.array(found["confident_joint"].values) == count.compute_confident_joint(y, p, calibrate=False)).all()
    order = rank.order_label_issues(np.ones(len(y), dtype=bool), y, p, rank_by="normalized_margin").tolist()
    places = [order.index(row) for row in found["suspects"].rows]
    assert places == sorted(places)


def test_groups_count_as_what_they_are(ait):
    given, _ = binary(3, 600, 8.0, flipped=0.08)
    one = ait.measure(predictions=given)
    many = {n: np.repeat(getattr(given, n), 20, axis=0) for n in ("labels", "probabilities")}
    again = predictions(*many.values(), groups=np.repeat(np.arange(600), 20))
    grouped, naive = ait.measure(predictions=again), ait.measure(predictions=predictions(*many.values()))
    assert grouped["noise_floor"].n == 600
    width = {k: f["noise_floor"].high - f["noise_floor"].low for k, f in (("1", one), ("g", grouped), ("n", naive))}
    assert width["g"] == pytest.approx(width["1"], rel=0.2)
    assert width["n"] < width["1"] / 3
    single = ait.measure(predictions=predictions(given.labels, given.probabilities, groups=np.zeros(600)))
    assert single["clear_noise"] == 0.0


def test_labels_that_the_model_does_not_know_are_left_out_and_counted(ait):
    given, _ = binary(4, 300, 5.0)
    p = np.column_stack([given.probabilities, np.zeros(300)])
    labels = given.labels.copy()
    labels[[5, 7]] = "new"
    found = ait.measure(predictions=predictions(labels, p, ("c0", "c1", "new")))
    assert found["unknown_labels"] == 2
    assert set(found["class_noise"]) == {"c0", "c1"}
    assert ait.measure(predictions=predictions(labels, given.probabilities, ("c0", "c1")))["unknown_labels"] == 2
    rows = found["suspects"].rows
    assert all(labels[i] != given.classes[given.probabilities[i].argmax()] for i in rows)  # positions are of the file


@pytest.mark.parametrize(("share", "passed"), [(0.0, True), (0.02, True), (0.03, False), (0.6, False)])
def test_too_many_labels_that_the_model_does_not_know_are_no_clean_labels(ait, share, passed):
    given, _ = binary(4, 300, 5.0)
    labels = given.labels.copy()
    labels[: round(300 * share)] = [str(name).upper() for name in labels[: round(300 * share)]]
    found = ait.measure(predictions=predictions(labels, given.probabilities, ("c0", "c1")))
    assert found["unknown_labels"] == round(300 * share)
    assert found["clear_noise"] == 0 if passed else "never gives" in found["clear_noise"].reason


def test_a_model_that_is_worse_than_one_answer_finds_no_clean_labels(ait):
    given, _ = binary(4, 300, 5.0)
    turned = predictions(given.labels, given.probabilities[:, ::-1], ("c0", "c1"))
    found = ait.measure(predictions=turned)
    assert found["disagreement"] > 0.5 and "can't tell wrong labels" in found["clear_noise"].reason


def test_nothing_to_measure_is_undefined(ait):
    given, _ = binary(5, 200, 5.0)
    p = given.probabilities
    assert isinstance(ait.measure(predictions=Predictions("classification", given.labels, given.predicted)), Undefined)
    assert isinstance(ait.measure(predictions=predictions([], np.empty((0, 2)))), Undefined)
    assert isinstance(ait.measure(predictions=predictions(["c0"], [[0.6, 0.4]])), Undefined)
    assert isinstance(ait.measure(predictions=predictions(["c0"] * 200, p)), Undefined)
    assert isinstance(ait.measure(predictions=predictions(["x"] * 200, p)), Undefined)
    assert isinstance(ait.measure(predictions=predictions(given.labels, np.ones((200, 1)))), Undefined)


@pytest.mark.parametrize(("n", "reason"), [(29, "30 rows or more"), (40, "equally sure")])
def test_where_no_floor_can_be_seen_it_is_undefined_and_not_passed(ait, n, reason):
    p = np.full((n, 2), 0.5) if n == 40 else binary(6, n, 3.0)[0].probabilities
    found = ait.measure(predictions=predictions(["c0", "c1"] * (n // 2) + ["c0"] * (n % 2), p))
    for name in ("clear_noise", "noise_floor", "flat_share"):
        assert reason in found[name].reason
    assert isinstance(found["disagreement"], float) and "by_sureness" not in found
    assert {*found["suspects"].told["chance that it is wrong"]} == {None}


def test_a_perfect_model_and_a_useless_one(ait):
    y = np.arange(200) % 2
    p = np.where(y[:, None] == [0, 1], 1.0 - np.linspace(0, 0.3, 200)[:, None], np.linspace(0, 0.3, 200)[:, None])
    perfect = ait.measure(predictions=predictions([f"c{c}" for c in y], p))
    assert (perfect["clear_noise"], perfect["confident_errors"], perfect["noise_floor"].value) == (0.0, 0, 0.0)
    useless = ait.measure(predictions=predictions(np.random.default_rng(0).permutation([f"c{c}" for c in y]), p))
    assert useless["clear_noise"] == 0.0


def test_many_classes_are_shown_in_part(ait):
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.full(70, 0.05), size=3000)
    found = ait.measure(predictions=predictions([f"c{rng.choice(70, p=row / row.sum())}" for row in p], p))
    assert len(found["confident_joint"].rows) == 50 == len(found["suspects"].rows)
    assert set(found["class_noise"]) <= {f"c{j}" for j in range(70)}


def test_it_is_deterministic(ait):
    given, _ = binary(7, 400, 4.0, 0.1)
    assert repr(ait.measure(predictions=given)) == repr(ait.measure(predictions=given))


def test_rows_are_positions_in_the_file(ait):
    plain, _ = binary(0, 2000, 8.0, flipped=0.08)
    known = np.delete(np.arange(2100), np.arange(0, 2100, 21))  # every 21st row of the file has no label
    (here,) = ait.measure(predictions=plain)["findings"]
    (there,) = ait.measure(predictions=replace(plain, rows=known))["findings"]
    assert there.subject.rows == tuple(int(known[i]) for i in here.subject.rows)
