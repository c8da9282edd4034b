"""Every flavour with a really logged model: one run inside the sandbox, each answer compared with the model's own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.ipc
import pytest

import qmtestbed
from qmtestbed import pipeline
from qmtestbed.ait import Roles
from qmtestbed.errors import ModelFault
from qmtestbed.execute.inputs import load_handle
from qmtestbed.execute.launcher import OF_FLAVOUR
from qmtestbed.execute.models import load_model
from qmtestbed.execute.models.boosted_model import with_categories
from qmtestbed.execute.models.packages import install_command
from qmtestbed.execute.models.unpacking import is_trusted
from qmtestbed.resolve.jobs import _OF_FLAVOUR as IN_THE_KEY
from qmtestbed.resolve.models import FLAVOURS
from qmtestbed.types.job import JobInput
from tests.conftest import Store

for library in ("onnxruntime", "skl2onnx", "xgboost", "lightgbm"):
    pytest.importorskip(library, reason=f"{library} is not installed")

LOGGING = """
import json, logging, pickle, sys
from pathlib import Path
import lightgbm, mlflow, numpy as np, pandas as pd, xgboost
import mlflow.lightgbm, mlflow.onnx, mlflow.pyfunc, mlflow.xgboost
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
logging.getLogger("mlflow").setLevel(logging.ERROR)
here = Path(sys.argv[1])
rng = np.random.default_rng(0)
x = pd.DataFrame(rng.normal(size=(300, 3)), columns=["a", "b", "c"])
score = x["a"] + 0.5 * x["b"] ** 2 + rng.normal(0, 0.5, 300)
y = pd.Series(np.where(score > 0.5, "yes", "no"))
code = (y == "yes").astype(int)
train, test = x[:200], x[200:]
x.assign(y=y, score=score)[200:].to_csv(here / "test.csv", index=False)
test = pd.read_csv(here / "test.csv")[["a", "b", "c"]]
oracle, folders = {}, {}

def log(name, module, model, **how):
    requirements = how.pop("pip_requirements", ["scikit-learn"])
    info = module.log_model(model, name=name, pip_requirements=requirements, **how)
    folders[name] = mlflow.artifacts.download_artifacts(info.model_uri)

one = lambda kind, **more: kind(n_estimators=20, n_jobs=-1, **more)
linear = make_pipeline(StandardScaler(), LogisticRegression()).fit(train, y[:200])
forest = RandomForestClassifier(20, n_jobs=-1, random_state=0).fit(train, y[:200])

(here / "helping").mkdir()
(here / "helping" / "helping_scores.py").write_text("def doubled(x):\\n    return 2 * x\\n")
sys.path.insert(0, str(here / "helping"))
import helping_scores
custom = make_pipeline(FunctionTransformer(helping_scores.doubled), LogisticRegression()).fit(train, y[:200])

class Scores(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        with open(context.artifacts["forest"], "rb") as stream:
            self.model = pickle.load(stream)
    def predict(self, context, model_input, params=None):
        import helping_scores
        p = self.model.predict_proba(helping_scores.doubled(model_input) / 2)
        return pd.DataFrame(p, columns=self.model.classes_)

(here / "forest.pkl").write_bytes(pickle.dumps(forest))
(here / "from_code.py").write_text('''
import mlflow
class Rule(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return ["yes" if a > 0 else "no" for a in model_input["a"]]
mlflow.models.set_model(Rule())
''')
(here / "absent_package.py").write_text("")
(here / "needs_more.py").write_text("import absent_package\\n" + (here / "from_code.py").read_text())
sys.path.insert(0, str(here))
columns = x.assign(d=np.where(x["c"] > 0, "high", "low"))
encoded = make_pipeline(make_column_transformer((OneHotEncoder(), ["d"]), ("passthrough", ["a"])),
                        LogisticRegression()).fit(columns[:200], y[:200])
types = [("d", StringTensorType([None, 1])), ("a", FloatTensorType([None, 1]))]
xgb = one(xgboost.XGBClassifier, random_state=0).fit(train, code[:200])
xgb_values = one(xgboost.XGBRegressor, random_state=0).fit(train, score[:200])
lgb = one(lightgbm.LGBMClassifier, verbose=-1).fit(train, y[:200])
f32 = train.to_numpy(np.float32)
forest32 = RandomForestClassifier(20, random_state=0).fit(f32, y[:200])
line32 = LinearRegression().fit(f32, score[:200])

with mlflow.start_run():
    log("skops", mlflow.sklearn, linear)
    log("cloudpickle", mlflow.sklearn, forest, serialization_format="cloudpickle")
    log("pickle", mlflow.sklearn, custom, serialization_format="pickle",
        code_paths=[str(here / "helping" / "helping_scores.py")])
    log("custom", mlflow.sklearn, custom, serialization_format="skops",
        skops_trusted_types=["helping_scores.doubled"])
    log("onnx", mlflow.onnx, to_onnx(forest32, f32[:1]))
    log("onnx_rows", mlflow.onnx, to_onnx(forest32, f32[:1], options={"zipmap": False}))
    log("onnx_values", mlflow.onnx, to_onnx(line32, f32[:1]))
    log("xgboost", mlflow.xgboost, xgb, model_format="ubj")
    log("xgboost_values", mlflow.xgboost, xgb_values, model_format="json")
    log("xgboost_booster", mlflow.xgboost, xgb.get_booster())
    log("lightgbm", mlflow.lightgbm, lgb, serialization_format="cloudpickle")
    log("lightgbm_skops", mlflow.lightgbm, lgb)
    log("lightgbm_booster", mlflow.lightgbm, lgb.booster_)
    log("pyfunc", mlflow.pyfunc, None, python_model=Scores(), artifacts={"forest": str(here / "forest.pkl")},
        code_paths=[str(here / "helping" / "helping_scores.py")])
    log("onnx_columns", mlflow.onnx, to_onnx(encoded, initial_types=types))
    log("needs_more", mlflow.pyfunc, None, python_model=str(here / "needs_more.py"),
        pip_requirements=["absent-package==1.2.3"])
    log("from_code", mlflow.pyfunc, None, python_model=str(here / "from_code.py"))

t32 = test.to_numpy(np.float32)
oracle = {
    "skops": linear.predict_proba(test), "cloudpickle": forest.predict_proba(test),
    "pickle": custom.predict_proba(test),
    "onnx": forest32.predict_proba(t32), "onnx_rows": forest32.predict_proba(t32), "onnx_values": line32.predict(t32),
    "xgboost": xgb.predict_proba(test), "xgboost_booster": xgb.predict_proba(test),
    "xgboost_values": xgb_values.predict(test),
    "lightgbm": lgb.predict_proba(test), "lightgbm_booster": lgb.predict_proba(test),
    "pyfunc": forest.predict_proba(test), "from_code": np.where(test["a"] > 0, "yes", "no"),
}
columns = columns[200:]
columns.to_parquet(here / "columns.parquet")
oracle["onnx_columns"] = encoded.predict_proba(columns)
(here / "oracle.json").write_text(json.dumps({k: v.tolist() for k, v in oracle.items()}))
(here / "folders.json").write_text(json.dumps(folders))
"""

DECLARED = {
    "onnx_rows": "classes: ['no', 'yes']",
    "xgboost": "classes: ['no', 'yes']",
    "xgboost_booster": "outputs: probabilities, classes: ['no', 'yes']",
    "lightgbm_booster": "outputs: probabilities, classes: ['no', 'yes']",
}
VALUES = ("onnx_values", "xgboost_values")
IN_THE_RUN = (
    "skops", "cloudpickle", "pickle", "onnx", "onnx_rows", "onnx_values", "xgboost", "xgboost_values",
    "xgboost_booster", "lightgbm", "lightgbm_booster", "pyfunc", "from_code",
)  # fmt: skip


@pytest.fixture(scope="module")
def shelf(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the test rows, what each model says of them, and where each was logged."""
    folder = tmp_path_factory.mktemp("flavours")
    command = [sys.executable, "-W", "ignore", "-c", LOGGING, str(folder)]
    environment = {**store.environment, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=store.folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def folders(shelf: Path) -> dict[str, Path]:
    return {name: Path(path) for name, path in json.loads((shelf / "folders.json").read_text()).items()}


@pytest.fixture(scope="module")
def outcome(shelf: Path, folders: dict[str, Path]) -> pipeline.Outcome:
    models = "".join(f"  {n}: {{uri: {folders[n]}, {DECLARED.get(n, '')}}}\n" for n in IN_THE_RUN)
    checks = "".join(
        f"  {n}: {{ait: {'regression' if n in VALUES else 'classification'}_performance, "
        f"with: {{model: {n}, data: {'values' if n in VALUES else 'test'}}}, "
        f"expect: [{'r2' if n in VALUES else 'accuracy'} >= 0.1]}}\n"
        for n in IN_THE_RUN
    )
    (shelf / "plan.yaml").write_text(
        "schema: qmtestbed/plan/v1\ncomponent: flavours\ninventories:\n"
        "  test: {uri: test.csv, label: y, ignore: [score]}\n"
        "  values: {uri: test.csv, label: score, ignore: [y], task: regression}\n"
        f"{models}checks:\n{checks}",
        "utf-8",
    )
    return qmtestbed.run(shelf / "plan.yaml", out=shelf / "out", jobs=2)


def predictions(outcome: pipeline.Outcome, check: str) -> pd.DataFrame:
    record = outcome.evidence.record_of(check)
    assert record is not None and record.status == "measured", record and record.error
    (used,) = [i.job for i in record.inputs.values() if i.job]
    stored = outcome.evidence.records[used].resources["predictions"]
    path = outcome.folder / "resources" / f"{stored.sha256}.arrow"
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all().to_pandas()


def said(shelf: Path, name: str) -> np.ndarray:
    """What the model itself answered before it was logged."""
    return np.array(json.loads((shelf / "oracle.json").read_text())[name])


@pytest.mark.parametrize("name", IN_THE_RUN)
def test_each_answers_in_the_sandbox_as_the_model_that_was_logged(
    outcome: pipeline.Outcome, shelf: Path, name: str
) -> None:
    found, expected = predictions(outcome, name), said(shelf, name)
    if expected.ndim == 2:
        np.testing.assert_allclose(found[["p0", "p1"]], expected, atol=1e-5)
        clear = np.abs(expected[:, 1] - expected[:, 0]) > 1e-3
        assert clear.mean() > 0.9
        assert list(found["predicted"][clear]) == list(np.where(expected[clear, 1] > 0.5, "yes", "no"))
    elif name in VALUES:
        np.testing.assert_allclose(found["predicted"], expected, rtol=1e-5, atol=1e-5)
    else:
        assert list(found["predicted"]) == list(expected)


def test_the_page_says_what_was_scanned_and_what_contained_it(outcome: pipeline.Outcome) -> None:
    notes, page = outcome.evidence.info.notes, outcome.page.read_text("utf-8")
    assert len(notes) == 5  # cloudpickle, pickle, lightgbm, pyfunc, from_code
    assert all("runs code. modelscan " in n and "It was loaded in" in n for n in notes)
    assert any("python_model.pkl, artifacts/forest.pkl: nothing dangerous found; code of its own" in n for n in notes)
    assert "model.pkl: nothing dangerous found" in page and "from_code.py" in page
    probes = [r for r in outcome.evidence.records.values() if r.kind == "probe"]
    assert len(probes) == len(IN_THE_RUN) and sum("scanned" in r.facts for r in probes) == 5


def test_the_job_key_names_the_library_that_loads(outcome: pipeline.Outcome) -> None:
    libraries = {
        r.inputs["model"].flavour: set(r.environment.libraries)
        for r in outcome.evidence.records.values()
        if r.kind == "probe" and r.facts.get("scanned", "") == ""
    }
    assert "onnxruntime" in libraries["onnx"] and "lightgbm" in libraries["lightgbm"]
    assert {"xgboost", "xgboost-cpu"} & libraries["xgboost"] and "modelscan" not in libraries["xgboost"]
    pickled = next(r for r in outcome.evidence.records.values() if "model.pkl" in r.facts.get("scanned", ""))
    assert "modelscan" in pickled.environment.libraries


def test_every_flavour_is_known_everywhere() -> None:
    assert set(OF_FLAVOUR) == set(FLAVOURS) == {*IN_THE_KEY, "sklearn"}


def model(folders: dict[str, Path], name: str, **more: Any) -> JobInput:
    lines = (folders[name] / "MLmodel").read_text("utf-8")
    flavour = next(f for f in FLAVOURS if f"\n  {f}:" in lines)
    return JobInput("model", name, "0" * 64, str(folders[name]), flavour=flavour, **more)


def test_rows_of_probabilities_count_only_where_classes_are_declared(folders: dict[str, Path], shelf: Path) -> None:
    x = pd.read_csv(shelf / "test.csv")[["a", "b", "c"]]
    bare = load_model(model(folders, "onnx_rows")).answer(x, "classification")
    assert bare.probabilities is None and set(bare.predicted) == {"no", "yes"}
    turned = load_model(model(folders, "onnx_rows", classes=("yes", "no")))
    with pytest.raises(ModelFault, match="do not agree") as fault:
        turned.answer(x, "classification")
    assert "in the order of the columns" in fault.value.do
    labels = load_model(model(folders, "onnx_rows", outputs="labels")).answer(x, "classification")
    assert labels.probabilities is None and list(labels.predicted) == list(bare.predicted)


def test_an_onnx_model_with_an_input_for_each_column(folders: dict[str, Path], shelf: Path) -> None:
    x = pd.read_parquet(shelf / "columns.parquet")
    loaded = load_model(model(folders, "onnx_columns"))
    assert loaded.names_features and loaded.kind == "classification"
    answer = loaded.answer(x, "classification")
    assert answer.probabilities is not None and answer.classes == ("no", "yes")
    np.testing.assert_allclose(answer.probabilities, said(shelf, "onnx_columns"), atol=1e-5)
    x.assign(y="no").to_csv(shelf / "columns.csv", index=False)
    data = JobInput("table", "t", "", str(shelf / "columns.csv"), roles=Roles(label="y"))
    handle = load_handle(model(folders, "onnx_columns"), data, ["probabilities"])
    assert handle.classes == ("no", "yes")  # it tells them with an answer only
    with pytest.raises(ModelFault, match="not there") as fault:
        loaded.answer(x.drop(columns="d"), "classification")
    assert "'d'" in fault.value.found
    with pytest.raises(ModelFault, match="takes tensor\\(string\\)"):
        loaded.answer(x.assign(d=x["d"].where(x["a"] > 0)), "classification")


def graph(folder: Path, shape: list[int | None], kind: int) -> JobInput:
    """A model that doubles what it is given, written by hand."""
    from onnx import helper, save

    given, doubled = (helper.make_tensor_value_info(n, kind, shape) for n in ("x", "y"))
    node = helper.make_node("Add", ["x", "x"], ["y"])
    made = helper.make_model(
        helper.make_graph([node], "double", [given], [doubled]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    save(made, folder / "model.onnx")
    (folder / "MLmodel").write_text("flavors: {onnx: {data: model.onnx}}\n")
    return JobInput("model", "double", "0" * 64, str(folder), flavour="onnx")


def test_an_onnx_model_for_a_fixed_number_of_items_gets_just_as_many(tmp_path: Path) -> None:
    loaded = load_model(graph(tmp_path, [4, 1], 1))
    x = pd.DataFrame({"x": np.arange(10.0)})
    assert list(loaded.answer(x, "regression").predicted) == list(range(0, 20, 2))


@pytest.mark.parametrize("bad", [1.5, np.nan, np.inf])
def test_nothing_is_cut_off_to_fit_whole_numbers(tmp_path: Path, bad: float) -> None:
    loaded = load_model(graph(tmp_path, [None, 1], 7))
    assert list(loaded.answer(pd.DataFrame({"x": [1.0, 2.0]}), "regression").predicted) == [2, 4]
    with pytest.raises(ModelFault, match="takes tensor\\(int64\\)"):
        loaded.answer(pd.DataFrame({"x": [1.0, bad]}), "regression")


def test_a_damaged_onnx_file(tmp_path: Path) -> None:
    source = graph(tmp_path, [None, 1], 1)
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(ModelFault, match="can't be loaded") as fault:
        load_model(source)
    assert "beginning b'no model'" in fault.value.found and "running onnxruntime" in fault.value.found


def test_xgboost_keeps_no_names_of_classes(folders: dict[str, Path], shelf: Path) -> None:
    x = pd.read_csv(shelf / "test.csv")[["c", "a", "b"]]  # it chooses by name
    bare = load_model(model(folders, "xgboost"))
    assert bare.classes == ("0", "1") and bare.native.n_jobs == 1
    assert set(bare.answer(x, "classification").predicted) == {"0", "1"}
    with pytest.raises(ModelFault, match="not as many classes"):
        load_model(model(folders, "xgboost", classes=("a", "b", "c")))


def test_a_booster_s_outputs_must_be_declared(folders: dict[str, Path], shelf: Path) -> None:
    x = pd.read_csv(shelf / "test.csv")[["a", "b", "c"]]
    for name in ("xgboost_booster", "lightgbm_booster"):
        with pytest.raises(ModelFault, match="numbers where classes are expected") as fault:
            load_model(model(folders, name)).answer(x, "classification")
        assert "outputs: probabilities" in fault.value.do


def test_a_class_that_mlmodel_names_is_not_looked_up(folders: dict[str, Path], tmp_path: Path) -> None:
    """Its name comes with the model: called as MLflow does it, ``subprocess.Popen`` would do too."""
    shutil.copytree(folders["xgboost"], tmp_path / "m")
    text = (tmp_path / "m" / "MLmodel").read_text()
    (tmp_path / "m" / "MLmodel").write_text(text.replace("xgboost.sklearn.XGBClassifier", "collections.Counter"))
    with pytest.raises(ModelFault, match="not known") as fault:
        load_model(model({"m": tmp_path / "m"}, "m"))
    assert fault.value.found == "collections.Counter"


def test_lightgbm_from_skops(folders: dict[str, Path], shelf: Path) -> None:
    x = pd.read_csv(shelf / "test.csv")[["a", "b", "c"]]
    loaded = load_model(model(folders, "lightgbm_skops"))
    answer = loaded.answer(x, "classification")
    assert loaded.scanned == "" and loaded.native.n_jobs == 1 and answer.classes == ("no", "yes")
    np.testing.assert_allclose(answer.probabilities, said(shelf, "lightgbm"))  # type: ignore[arg-type]


def test_text_is_given_to_boosted_trees_as_categories_by_name() -> None:
    import lightgbm
    import xgboost

    rng = np.random.default_rng(0)
    x = pd.DataFrame({"a": rng.normal(size=300), "c": rng.choice(list("uvw"), 300)})
    y = ((x["c"] == "v") ^ (x["a"] > 0)).astype(int)
    few = x["c"].isin(["w", "v"])
    kinds: list[tuple[Any, dict[str, Any]]] = [
        (xgboost.XGBClassifier, {"enable_categorical": True}),
        (lightgbm.LGBMClassifier, {"verbose": -1}),
    ]
    for kind, more in kinds:
        made = kind(n_estimators=20, n_jobs=1, **more).fit(x.astype({"c": "category"}), y)
        of_all = made.predict_proba(x.astype({"c": "category"}))[few.to_numpy()]
        np.testing.assert_array_equal(made.predict_proba(with_categories(x[few])), of_all)


def test_types_of_one_s_own_in_a_skops_file_are_listed_and_refused(folders: dict[str, Path]) -> None:
    with pytest.raises(ModelFault, match="types that are not trusted") as fault:
        load_model(model(folders, "custom"))
    assert fault.value.found == "helping_scores.doubled" and "pyfunc" in fault.value.do


@pytest.mark.parametrize(
    "name",
    [
        "sklearn.tree._tree.Tree", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor", "numpy.dtype",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer", "scipy.interpolate._bsplines.BSpline",
        "sklearn.feature_selection._univariate_selection.f_classif",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "lightgbm.basic.Booster", "xgboost.sklearn.XGBClassifier", "numpy.mean", "scipy.sparse._csr.csr_matrix",
    ],
)  # fmt: skip
def test_what_estimators_are_made_of_is_trusted(name: str) -> None:
    assert is_trusted(name)


@pytest.mark.parametrize(
    "name",
    [
        "numpy.testing._private.utils.runstring", "numpy.load", "numpy.lib._datasource.DataSource", "__main__.f",
        "numpy.f2py.__main__.main", "sklearn.datasets._base.load_files", "sklearn.utils._testing.TempMemmap", "eval",
        "os.system", "",
        "scipy.io.loadmat", "sklearn_evil.Thing", "numpyish.dtype", "xgboost.core.anything", "sklearn.no_such.Thing",
    ],
)  # fmt: skip
def test_what_could_do_more_than_compute_is_not(name: str) -> None:
    assert not is_trusted(name)


def test_a_missing_package_is_named_with_the_version_it_was_logged_with(folders: dict[str, Path]) -> None:
    with pytest.raises(ModelFault, match="the package absent_package is not installed") as fault:
        load_model(model(folders, "needs_more"))
    assert fault.value.do == "pip install absent-package==1.2.3 (as the model was logged with)"


@pytest.mark.parametrize(
    ("requirements", "said"),
    [
        ("", "pip install foo, or log"),
        ("Foo>=2,<3\n", "pip install 'Foo>=2,<3' (as"),
        ("numpy==2.1\nbar-of-foo==4.5 ; python_version > '3'\n", "pip install 'bar-of-foo==4.5 ; python_version"),
    ],
)
def test_the_command_that_installs_a_package(tmp_path: Path, requirements: str, said: str) -> None:
    (tmp_path / "requirements.txt").write_text(requirements)
    assert install_command("foo", tmp_path).startswith(said)
    assert install_command("PIL", None).startswith("pip install pillow")


@pytest.mark.parametrize(
    ("name", "module", "do"),
    [
        ("xgboost", "xgboost", "pip install xgboost=="),
        ("lightgbm", "lightgbm", "pip install lightgbm=="),
        ("onnx", "onnxruntime", "pip install onnxruntime, or"),
    ],
)
def test_a_flavour_without_its_library_says_so(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, name: str, module: str, do: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModelFault, match=f"needs the package {module}, which is not installed") as fault:
        load_model(model(folders, name))
    assert fault.value.do.startswith(do), fault.value.do
