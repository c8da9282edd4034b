from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import d2_absolute_error_score
from sklearn.model_selection import GridSearchCV, GroupKFold, TimeSeriesSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from qmtestbed.ait import Roles, Subject, Table, Undefined, class_name

CLEAR = ("clear_deviation", "clear_gap", "clear_model_gap")


class Handle:
    """A fitted estimator as an AIT gets it."""

    def __init__(self, native: Any) -> None:
        self.native = native
        self.classes = tuple(class_name(c) for c in getattr(native, "classes_", ()))

    def predict(self, x: pd.DataFrame) -> np.ndarray:
        names = getattr(self.native, "feature_names_in_", None)
        said = self.native.predict(x.to_numpy() if names is None else x[list(names)])
        return np.array([class_name(v) for v in said], dtype=object) if self.classes else np.asarray(said, dtype=float)


def table(frame: pd.DataFrame, labels: Any, **roles: Any) -> Table:
    return Table(frame, pd.Series(np.asarray(labels), index=frame.index), Roles(label="y", **roles))


def drawn(n: int, seed: int = 0, noise: float = 1.0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=list("abc"))
    return frame, np.where(frame["a"] - frame["b"] + noise * rng.normal(size=n) > 0, "yes", "no").astype(object)


def given(model: Any = None, n: int = 400, seed: int = 0, m: int = 300) -> dict[str, Any]:
    x, y = drawn(n + m, seed)
    fitted = (LogisticRegression() if model is None else model).fit(x[:n], y[:n])
    return {"model": Handle(fitted), "data": table(x[n:], y[n:]), "train": table(x[:n], y[:n])}


def worst(found: Any) -> dict[str, float]:
    return {m: max(found[m].values()) if isinstance(found[m], dict) else found[m] for m in CLEAR}


# -- other libraries and closed forms -------------------------------------------------------------------------


class Recorder(ClassifierMixin, BaseEstimator):
    """A naive Bayes classifier that keeps which rows each copy was trained on, and asked about."""

    seen: list[tuple[list[Any], np.ndarray]] = []  # noqa: RUF012  # copies share it

    def fit(self, x: pd.DataFrame, y: Any) -> Recorder:
        self.inner_ = GaussianNB().fit(x, y)
        self.classes_, self.feature_names_in_ = self.inner_.classes_, self.inner_.feature_names_in_
        Recorder.seen.append((list(x.index), np.asarray(y)))
        return self

    def predict(self, x: pd.DataFrame) -> Any:
        return self.inner_.predict(x)


def test_each_row_is_left_out_once_and_scored_by_a_copy_that_has_not_seen_it(ait):
    case = given(Recorder(), n=203)
    Recorder.seen = []
    found = ait.measure(**case)
    parts = Recorder.seen
    train = case["train"]
    assert len(parts) == 5
    left_out = [sorted(set(range(203)) - set(rows)) for rows, _ in parts]
    assert sorted(row for out in left_out for row in out) == list(range(203))
    for (rows, labels), out, score in zip(parts, left_out, found["fold_score"].values(), strict=True):
        assert labels.tolist() == train.labels.loc[rows].tolist()
        copy = GaussianNB().fit(train.frame.loc[rows], labels)
        assert score == pytest.approx(copy.score(train.frame.loc[out], train.labels.loc[out]))
        share = (train.labels.loc[out] == "yes").mean()
        assert share == pytest.approx((train.labels == "yes").mean(), abs=0.03)


def test_the_interval_is_the_corrected_one_of_nadeau_and_bengio(ait):
    found = ait.measure(**given(n=200), folds=4, repeats=3)
    scores = np.array(list(found["fold_score"].values()))
    assert len(scores) == 12
    error = np.sqrt((1 / 12 + 50 / 150) * scores.var(ddof=1))
    e = found["cv_score"]
    assert (e.value, e.n) == (pytest.approx(scores.mean()), 200)
    assert e.low == pytest.approx(scores.mean() - student.ppf(0.975, 11) * error)
    assert found["spread"] == pytest.approx(scores.std(ddof=1))


def test_the_copies_and_the_model_on_test_rows(ait):
    case = given(GaussianNB(), n=100)
    found = ait.measure(**case, folds=2)
    model, copies = case["model"].native, found["test_score"].value
    truth = case["data"].labels
    assert found["model_gap"].value == pytest.approx(model.score(case["data"].frame, truth) - copies)
    assert found["held_out_gap"].value == pytest.approx(copies - found["cv_score"].value)


def test_numbers_are_scored_by_the_absolute_error(ait):
    x, _ = drawn(500, 3)
    y = x["a"] * 2 + np.random.default_rng(0).normal(size=500)
    model = LinearRegression().fit(x[:300], y[:300])
    found = ait.measure(model=Handle(model), data=table(x[300:], y[300:]), train=table(x[:300], y[:300]))
    d2 = d2_absolute_error_score(y[:300], model.predict(x[:300]))
    assert found["cv_score"].value == pytest.approx(d2, abs=0.02)
    assert max(worst(found).values()) < 0.01


# -- what it is for -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_clear_where_nothing_is_wrong(ait, seed):
    found = ait.measure(**given(seed=seed), seed=seed)
    assert max(worst(found).values()) <= 0.1
    assert not [f for f in found["findings"] if f.value > 0.1]


@pytest.mark.parametrize("seed", range(2))
def test_a_model_that_has_learnt_the_test_rows_is_named(ait, seed):
    case = given(seed=seed)
    both = [pd.concat([getattr(case[t], part) for t in ("train", "data")]) for part in ("frame", "labels")]
    case["model"] = Handle(RandomForestClassifier(30, random_state=0).fit(*both))
    found = ait.measure(**case)
    assert found["clear_model_gap"] > 0.1
    (finding,) = [f for f in found["findings"] if f.value > 0.1]
    assert (finding.kind, finding.subject) == ("leak", Subject(slice="test rows"))


def test_a_model_that_is_not_what_the_data_give_is_named(ait):
    case = given()
    case["model"] = Handle(LogisticRegression().fit(case["train"].frame, case["train"].labels.to_numpy()[::-1]))
    found = ait.measure(**case)
    assert found["clear_model_gap"] > 0.1
    assert [f.kind for f in found["findings"] if f.measure == "clear_model_gap"] == ["instability"]


def test_test_rows_of_another_kind_are_named(ait):
    case = given()
    case["data"] = table(case["data"].frame.assign(a=-case["data"].frame["a"]), case["data"].labels)
    found = ait.measure(**case)
    assert found["held_out_gap"].high < -0.1
    assert {f.kind for f in found["findings"]} == {"shift"}


class Fickle(RegressorMixin, BaseEstimator):
    """Fails where it is trained without the first row."""

    def fit(self, x: pd.DataFrame, y: Any) -> Fickle:
        self.feature_names_in_ = np.asarray(x.columns)
        self.off_ = 0.0 if 0 in x.index else 9.0
        self.inner_ = LinearRegression().fit(x, y)
        return self

    def predict(self, x: pd.DataFrame) -> Any:
        return self.inner_.predict(x) + self.off_


def test_a_fold_that_fails_is_named(ait):
    x, _ = drawn(300)
    y = x["a"] + 0.1
    found = ait.measure(model=Handle(Fickle().fit(x, y)), data=table(x, y), train=table(x, y))
    (bad,) = [name for name, score in found["fold_score"].items() if score < 0]
    assert found["clear_deviation"][bad] > 1
    named = max((f for f in found["findings"] if f.measure == "clear_deviation"), key=lambda f: f.value)
    assert (named.kind, named.subject) == ("instability", Subject(slice=bad))


def test_from_a_small_part_of_the_rows_only_a_worse_model_counts(ait):
    case = given(DecisionTreeClassifier(random_state=0), n=1500)
    both = [pd.concat([getattr(case[t], part) for t in ("train", "data")]) for part in ("frame", "labels")]
    case["model"] = Handle(DecisionTreeClassifier(random_state=0).fit(*both))
    found = ait.measure(**case, rows=200)
    assert found["model_gap"].low > 0.1
    assert found["clear_model_gap"] == 0.0


# -- how the rows are cut -------------------------------------------------------------------------------------


def test_groups_are_not_torn_apart(ait):
    x, y = drawn(400)
    groups = np.repeat(np.arange(40), 10)
    # Each group is one point, so that a neighbour of the same group would tell the label.
    x, y = x.iloc[groups].reset_index(drop=True), np.random.default_rng(0).permutation(y[:40])[groups]
    model = Handle(KNeighborsClassifier(1).fit(x, y))
    torn = ait.measure(model=model, data=table(x, y), train=table(x, y))
    kept = table(x.assign(g=groups), y, group="g")
    whole = ait.measure(model=model, data=kept, train=kept)
    assert torn["cv_score"].value > 0.95
    assert whole["cv_score"].value < 0.75
    few = [len(set(groups[test])) for _, test in GroupKFold(5).split(x, y, groups)]
    assert [row[2] for row in whole["folds"].rows] == pytest.approx([10 * f for f in few], abs=30)


def test_along_time_later_rows_are_asked(ait):
    x, y = drawn(200)
    order = np.random.default_rng(0).permutation(200)
    timed = table(x.assign(t=pd.Timestamp("2026-01-01") + pd.to_timedelta(order, unit="D")), y, time="t")
    Recorder.seen = []
    model = Handle(Recorder().fit(x, y))
    ait.measure(model=model, data=timed, train=timed)
    parts = [order[rows] for rows, _ in Recorder.seen[1:]]
    expected = [t for t, _ in TimeSeriesSplit(5, test_size=20, max_train_size=100).split(np.zeros(200))]
    assert [sorted(p) for p in parts] == [sorted(e) for e in expected]


def test_wide_tables_get_fewer_folds_and_too_wide_ones_none(ait):
    assert len(ait.measure(**given(), work=54)["fold_score"]) == 3
    assert len(ait.measure(**given(), work=20)["fold_score"]) == 2
    assert len(ait.measure(**given(), work=9)["fold_score"]) == 2
    assert ait.measure(**given(), work=8).reason.endswith("is too much work; raise the parameter work to 9.")


# -- models ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels", [np.array([0, 1]), np.array([False, True]), np.array(["n", "y"]), np.array([1.0, 2.0])]
)
def test_labels_are_learnt_in_the_form_that_the_model_has_learnt(ait, labels):
    case = given(Recorder())
    y = np.where(case["train"].labels == "yes", *labels[::-1])
    case["model"] = Handle(Recorder().fit(case["train"].frame, y))
    for t in ("train", "data"):
        case[t] = table(case[t].frame, [class_name(v) for v in np.where(case[t].labels == "yes", *labels[::-1])])
    Recorder.seen = []
    assert ait.measure(**case)["cv_score"].value > 0.7
    assert all(set(np.unique(y)) == set(labels.tolist()) for _, y in Recorder.seen)


def test_a_search_gives_the_recipe_that_it_found(ait):
    case = given(GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 25]}, cv=3))
    best = given(KNeighborsClassifier(25))
    assert case["model"].native.best_params_ == {"n_neighbors": 25}
    assert ait.measure(**case)["fold_score"] == ait.measure(**best)["fold_score"]


def test_a_pipeline_of_categories_and_missing_values(ait):
    rng = np.random.default_rng(0)
    x, y = drawn(300)
    x = x.assign(k=pd.Series(rng.choice(["u", "v"], 300), dtype="string"), flag=rng.random(300) < 0.5)
    encode = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["k"]), (StandardScaler(), ["a", "b"]))
    model = Handle(make_pipeline(encode, LogisticRegression()).fit(x, y))
    train = table(x, [*y[:-2], None, np.nan])
    assert ait.measure(model=model, data=table(x, y), train=train)["cv_score"].n == 298


def test_without_names_the_columns_with_a_role_stay_aside(ait):
    x, y = drawn(200)
    model = Handle(LogisticRegression().fit(x.to_numpy(), y))
    named = table(x.assign(who=range(200)), y, id="who")
    model.predict = lambda x: model.native.predict(x[list("abc")].to_numpy())  # type: ignore[method-assign]
    assert ait.measure(model=model, data=named, train=named)["cv_score"].value > 0.7
    wrong = table(x.assign(more=1.0), y)
    assert "takes 3 columns" in ait.measure(model=model, data=wrong, train=wrong).reason


@pytest.mark.parametrize(
    "native",
    [None, object(), FrozenEstimator(LogisticRegression().fit(*drawn(50))), lambda x: x],
)
def test_what_can_not_be_trained_anew_says_so(ait, native):
    case = given()
    case["model"].native = native
    assert isinstance(ait.measure(**case), Undefined)


def test_a_model_that_refuses_its_rows_says_so_without_telling_them(ait):
    case = given(OneClassHater())
    found = ait.measure(**case)
    assert found == Undefined("The model can't be trained anew on a part of the rows (ValueError).")


class OneClassHater(GaussianNB):
    """Takes all rows or none."""

    def fit(self, x: Any, y: Any) -> Any:
        if len(y) < 400:
            raise ValueError(f"could not convert {x.iloc[0].to_list()}")
        return super().fit(x, y)


# -- edges ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 19])
def test_too_few_rows(ait, n):
    case = given()
    x, y = drawn(n) if n else (case["train"].frame.iloc[:0], np.empty(0, dtype=object))
    assert isinstance(ait.measure(**{**case, "train": table(x, y)}), Undefined)


def test_labels_that_leave_nothing_to_learn(ait):
    case = given()
    frame = case["train"].frame
    for labels in (["yes"] * 400, [None] * 400, ["maybe", "yes"] * 200):
        assert isinstance(ait.measure(**{**case, "train": table(frame, np.array(labels, dtype=object))}), Undefined)
    assert isinstance(ait.measure(**{**case, "train": Table(frame, None, Roles())}), Undefined)


def test_without_labelled_test_rows_the_folds_remain(ait):
    case = given()
    found = ait.measure(**{**case, "data": table(case["data"].frame, [None] * 300)})
    assert isinstance(found["test_score"], Undefined) and isinstance(found["clear_gap"], Undefined)
    assert found["cv_score"].value > 0.7


def test_a_class_of_one_row_is_never_left_out(ait):
    x, y = drawn(200)
    y[7] = "rare"
    found = ait.measure(model=Handle(GaussianNB().fit(x, y)), data=table(x, y), train=table(x, y))
    assert found["cv_score"].n == 199


def test_always_being_right_is_not_proof_of_certainty(ait):
    x, _ = drawn(200)
    x["a"] += np.where(x["a"] > 0, 5, -5)
    y = np.where(x["a"] > 0, "yes", "no").astype(object)
    found = ait.measure(model=Handle(LogisticRegression().fit(x, y)), data=table(x, y), train=table(x, y))
    assert (found["cv_score"].value, found["cv_score"].high, found["spread"]) == (1.0, 1.0, 0.0)
    assert found["cv_score"].low == pytest.approx(0.025 ** (1 / 200))
    assert max(worst(found).values()) == 0.0


def test_the_seed_decides_everything_also_what_the_model_leaves_open(ait):
    case = given(RandomForestClassifier(10, n_jobs=-1))
    case["model"].native.n_jobs = 1
    one, same, other = (ait.measure(**case, seed=s) for s in (1, 1, 2))
    assert one == same
    assert one["fold_score"] != other["fold_score"]
