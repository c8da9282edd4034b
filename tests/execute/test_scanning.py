"""Model files that run code on loading: scanned and refused by default, and where they are loaded, contained."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import shutil
import socket
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import qmtestbed
from qmtestbed.errors import InputError, ModelError, ModelFault
from qmtestbed.execute import available
from qmtestbed.execute.models import load_model
from qmtestbed.execute.models.scanning import _scan_file as scan_file
from qmtestbed.modelfiles import RunsCode, code_run_by, doubts
from qmtestbed.resolve.models import describe_model
from qmtestbed.types.job import JobInput

SKLEARN = "flavors:\n  sklearn: {pickled_model: model.pkl, serialization_format: pickle, sklearn_version: 1.9.1}\n"


class Runs:
    """A pickle of this calls a function with arguments when it is loaded."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> Any:
        return self.function, self.arguments


def write(folder: Path, content: bytes, description: str = SKLEARN, name: str = "model.pkl") -> JobInput:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    (folder / "MLmodel").write_text(description, "utf-8")
    flavour = description.split()[1].rstrip(":")
    return JobInput("model", "m", "0" * 64, str(folder), flavour=flavour)


GOOD = pickle.dumps(LogisticRegression().fit([[0.0], [1.0]], ["no", "yes"]))


# -- which files run code ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flavour", "entry", "files", "expected"),
    [
        ("sklearn", {"pickled_model": "model.skops", "serialization_format": "skops", "code": "code"}, [], RunsCode()),
        ("sklearn", {"pickled_model": "model.pkl", "code": None}, [], RunsCode(("model.pkl",))),
        ("sklearn", {"pickled_model": "estimator", "code": "code"}, [], RunsCode(("estimator",), code=("code/",))),
        ("pytorch", {"model_data": "data"}, ["data/model.pth", "data/x.pkl"], RunsCode(("data/model.pth",))),
        ("onnx", {"data": "model.onnx", "code": "code"}, ["extra.pkl"], RunsCode()),
        ("xgboost", {"data": "model.ubj"}, [], RunsCode()),
        ("lightgbm", {"data": "model.lgb", "serialization_format": "cloudpickle"}, [], RunsCode()),
        ("lightgbm", {"data": "model.pkl", "model_class": "lightgbm.sklearn.LGBMClassifier"}, [],
         RunsCode(("model.pkl",))),
        ("lightgbm", {"data": "m", "model_class": "lightgbm.sklearn.LGBMClassifier", "serialization_format": "skops"},
         [], RunsCode()),
        ("python_function", {"python_model": "model.pkl", "code": "code"}, ["model.pkl", "artifacts/A.PKL"],
         RunsCode(("model.pkl",), ("artifacts/A.PKL",), ("code/",))),
        ("python_function", {"model_code_path": "/home/me/rule.py"}, ["rule.py"], RunsCode(code=("rule.py",))),
        ("python_function", {"loader_module": "mlflow.statsmodels", "data": "d"}, ["d"],
         RunsCode(code=("loader mlflow.statsmodels",))),
    ],
)  # fmt: skip
def test_what_of_a_model_runs_code(
    tmp_path: Path, flavour: str, entry: dict[str, Any], files: list[str], expected: RunsCode
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert code_run_by(tmp_path, flavour, {"flavors": {flavour: entry}}) == expected


@pytest.mark.parametrize("name", ["../model.pkl", "/etc/passwd", "data/../../x"])
def test_a_file_outside_the_model_s_folder_is_refused(tmp_path: Path, name: str) -> None:
    """The digest of the model covers the files of its folder only."""
    write(tmp_path / "m", GOOD, SKLEARN.replace("model.pkl", name), "model.pkl")
    with pytest.raises(ModelError, match="outside the model's folder"):
        describe_model("m", tmp_path / "m", "m", "m", None)


def test_the_parent_knows_what_will_be_unpickled(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    facts = describe_model("m", tmp_path, "m", "m", None)
    assert facts.pickled == ("model.pkl",) and facts.code == ()


# -- what a scan finds -------------------------------------------------------------------------------------------


def test_a_model_without_danger_is_scanned_and_loaded(tmp_path: Path) -> None:
    model = load_model(write(tmp_path, GOOD))
    assert model.scanned.startswith("modelscan ") and model.scanned.endswith("model.pkl: nothing dangerous found")


@pytest.mark.parametrize(
    ("function", "arguments", "said"),
    [
        (os.system, ("true",), "model.pkl: posix.system"),
        (eval, ("1",), "model.pkl: builtins.eval"),
        (subprocess.check_output, (["true"],), "model.pkl: subprocess.check_output"),
        (socket.create_connection, (("127.0.0.1", 9),), "model.pkl: socket.create_connection"),
        (shutil.rmtree, ("/nowhere",), "model.pkl: shutil.rmtree"),
    ],
)
def test_a_pickle_that_runs_code_is_refused_by_module_and_function(
    tmp_path: Path, function: Any, arguments: tuple[Any, ...], said: str
) -> None:
    with pytest.raises(ModelFault, match="was not loaded") as fault:
        load_model(write(tmp_path, pickle.dumps(Runs(function, *arguments))))
    assert fault.value.found.startswith(said) and "(modelscan " in fault.value.found
    assert said in str(fault.value.facts["scanned"]) and "--trust any" in fault.value.do


@pytest.mark.parametrize("protocol", range(6))
def test_whatever_the_protocol_and_the_name_of_the_file(tmp_path: Path, protocol: int) -> None:
    """By its ending modelscan leaves out a file called ``estimator``; what MLmodel names is scanned all the same."""
    description = SKLEARN.replace("model.pkl", "estimator")
    hidden = pickle.dumps({"model": [Runs(os.system, "true")]}, protocol)
    with pytest.raises(ModelFault, match="was not loaded"):
        load_model(write(tmp_path, hidden, description, "estimator"))


@pytest.mark.parametrize(
    "content",
    [
        b"", b"no pickle", pickle.dumps(Runs(os.system, "true"))[:-1],
        b"cposix\nsystem\n(S'true'\ntR\xff", b"PK\x03\x04" + GOOD, b"\x1f\x8b" + GOOD,
    ],
    ids=["empty", "text", "cut", "call, then nonsense", "zip", "gzip"],
)  # fmt: skip
def test_what_can_t_be_scanned_is_not_called_clean(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ModelFault, match=r"was not loaded|could not be scanned") as fault:
        load_model(write(tmp_path, content))
    assert "model.pkl" in fault.value.found and "nothing dangerous" not in str(fault.value.facts["scanned"])


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    source = write(tmp_path, GOOD)
    (tmp_path / "model.pkl").unlink()
    with pytest.raises(ModelFault) as fault:
        load_model(source)
    assert "no such file" in fault.value.found


def test_with_trust_in_any_it_is_told_and_loaded(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    source = write(tmp_path / "m", pickle.dumps(Runs(os.mkdir, str(marker))))
    with pytest.raises(ModelFault):
        load_model(source)
    assert not marker.exists()
    with pytest.raises(ModelFault, match="no estimator") as fault:  # what os.mkdir returns is none
        load_model(dataclasses.replace(source, trust="any"))
    assert marker.exists() and "dangerous: model.pkl: posix.mkdir" in str(fault.value.facts["scanned"])


PYTORCH = "flavors:\n  pytorch: {model_data: data, pytorch_version: 2.13.0}\n"


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for name, content in members.items():
            made.writestr(name, content)
    return path


EVIL = pickle.dumps(Runs(os.system, "true"), 2)
PLAIN = pickle.dumps({"a": 1}, 2)


@pytest.mark.parametrize(
    ("members", "dangerous", "reason"),
    [
        ({"m/data.pkl": PLAIN, "m/data/0": b"raw"}, 0, ""),
        ({"m/data.pkl": EVIL}, 1, ""),
        ({"m/DATA.PKL": EVIL}, 1, ""),
        ({"m/data.pkl": PLAIN, "m/Data.pkl": EVIL}, 1, ""),
        ({"m/data.pkl": EVIL, "n/data.pkl": PLAIN}, 1, ""),
        ({"m/data.pkl": PLAIN, "m/constants.pkl": PLAIN}, 0, ""),
        ({"m/version": b"3"}, 0, "without a pickle"),
    ],
)
def test_an_archive_of_torch(tmp_path: Path, members: dict[str, bytes], dangerous: int, reason: str) -> None:
    found, why = scan_file(archive(tmp_path / "model.pth", members))
    assert len(found) == dangerous and (reason in why if reason else not why)


def test_a_damaged_archive_of_torch(tmp_path: Path) -> None:
    """With one wrong bit Python refuses what torch would still load: that is no reason to call it clean."""
    path = archive(tmp_path / "model.pth", {"m/data.pkl": EVIL})
    content = bytearray(path.read_bytes())
    content[content.index(b"posix")] ^= 1
    path.write_bytes(content)
    assert "BadZipFile" in scan_file(path)[1]


def test_torch_s_old_format_is_not_scanned_by_its_first_pickle_alone(tmp_path: Path) -> None:
    """modelscan 0.8.8 reads the first of five and finds nothing."""
    torch = pytest.importorskip("torch", reason="the extra torch is not installed")
    (tmp_path / "data").mkdir()
    torch.save(Runs(os.system, "true"), tmp_path / "data" / "model.pth", _use_new_zipfile_serialization=False)
    source = write(tmp_path, (tmp_path / "data" / "model.pth").read_bytes(), PYTORCH, "data/model.pth")
    with pytest.raises(ModelFault, match="could not be scanned") as fault:
        load_model(source)
    assert "not an archive" in fault.value.found


def test_pickles_beside_a_pyfunc_are_scanned_and_those_that_can_t_be_are_told(tmp_path: Path) -> None:
    """A joblib file holds raw arrays between its instructions; whether it is opened is for the model's code to say."""
    import joblib

    joblib.dump(LogisticRegression().fit([[0.0], [1.0]], ["no", "yes"]), tmp_path / "estimator.joblib")
    (tmp_path / "rule.py").write_text(
        "import mlflow\nimport pandas as pd\n\nclass Rule(mlflow.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input: pd.DataFrame, params=None):\n"
        "        return [1.0] * len(model_input)\n\n"
        "mlflow.models.set_model(Rule())\n"
    )
    description = (
        "flavors:\n  python_function: {loader_module: mlflow.pyfunc.model, model_code_path: rule.py, "
        "python_version: 3.11.0}\n"
    )
    source = write(tmp_path, GOOD, description, "artifacts/good.pkl")
    said = load_model(source).scanned
    assert "could not be scanned: estimator.joblib" in said and "artifacts/good.pkl: nothing dangerous" in said
    assert said.endswith("code of its own, not scanned: rule.py")
    write(tmp_path, EVIL, description, "artifacts/evil.pickle")
    with pytest.raises(ModelFault, match="was not loaded") as fault:
        load_model(source)
    assert fault.value.found.startswith("artifacts/evil.pickle: posix.system")


# -- what torch.export holds -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch = pytest.importorskip("torch", reason="the extra torch is not installed")
    path = tmp_path_factory.mktemp("exported") / "model.pt2"
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.ReLU()).eval()
    shapes = ({0: torch.export.Dim.AUTO},)
    torch.export.save(torch.export.export(net, (torch.zeros(2, 3),), dynamic_shapes=shapes), path)
    return path


def test_an_ordinary_exported_program_runs_no_code(exported: Path) -> None:
    assert doubts(exported) == ()
    (exported.parent / "data").mkdir()
    shutil.copy(exported, exported.parent / "data" / "model.pt2")
    assert code_run_by(exported.parent, "pytorch", {"flavors": {"pytorch": {"model_data": "data"}}}) == RunsCode()


def call_of(name: str) -> Callable[[Any], None]:
    def change(graph: Any) -> None:
        graph["graph_module"]["graph"]["nodes"][0]["target"] = name

    return change


def expression(text: str) -> Callable[[Any], None]:
    def change(graph: Any) -> None:
        values = graph["graph_module"]["graph"]["tensor_values"]
        next(iter(values.values()))["sizes"][0] = {"as_expr": {"expr_str": text, "hint": None}}

    return change


def guard(text: str) -> Callable[[Any], None]:
    def change(graph: Any) -> None:
        graph["guards_code"] = [text]

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (call_of("torch.os.system"), "a call of torch.os.system"),
        (call_of("torch.hub.load"), "a call of torch.hub.load"),
        (expression("__import__('os').system('true')"), "the expression"),
        (expression("exec('1')"), "the expression"),
        (guard("L['x'].size()[0] >= 2"), ""),
        (guard("__import__('os').system('true')"), "the guard"),
        (guard("open('x')"), "the guard"),
    ],
)
def test_texts_that_torch_would_run_are_found(
    exported: Path, tmp_path: Path, change: Callable[[Any], None], said: str
) -> None:
    with zipfile.ZipFile(exported) as old:
        members = {n: old.read(n) for n in old.namelist()}
    (name,) = (n for n in members if n.endswith("models/model.json"))
    graph = json.loads(members[name])
    change(graph)
    found = doubts(archive(tmp_path / "model.pt2", {**members, name: json.dumps(graph).encode()}))
    assert bool(found) == bool(said) and all(said in f for f in found)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("data/aotinductor/model/x.so", b"ELF", "compiled library"),
        ("data/constants/opaque_obj_0", EVIL, "none of the usual"),
        ("data/weights/model.pt", EVIL, "none of the usual"),
        ("models/Other.JSON", b"{}", "none of the usual"),
        ("Models/model.json", b"{}", "two entries of one name"),
        ("data/weights/model_weights_config.json", b'{"config": {"w": {"path_name": "weight_0", "use_pickle": true}}}',
         "weight_0, which is pickled"),
        ("data/sample_inputs/model.pt", EVIL, "it can't be read"),
    ],
)  # fmt: skip
def test_pickles_and_libraries_inside_are_found(
    exported: Path, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    with zipfile.ZipFile(exported) as old:
        members = {n: old.read(n) for n in old.namelist()}
        top = old.namelist()[0].partition("/")[0]
    found = doubts(archive(tmp_path / "model.pt2", {**members, f"{top}/{name}": content}))
    assert any(said in f for f in found), found


def test_a_pickle_of_more_than_tensors_as_example_inputs(exported: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(exported) as old:
        members = {n: old.read(n) for n in old.namelist()}
    (name,) = (n for n in members if "sample_inputs" in n)
    inner = archive(tmp_path / "inner.pt", {"archive/data.pkl": EVIL}).read_bytes()
    found = doubts(archive(tmp_path / "model.pt2", {**members, name: inner}))
    assert found == ("data/sample_inputs/model.pt, a pickle of more than tensors",)


def test_an_exported_program_in_doubt_is_not_loaded(exported: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(exported) as old:
        members = {n: old.read(n) for n in old.namelist()}
    content = archive(tmp_path / "evil.pt2", {**members, "model/data/constants/opaque_obj_0": EVIL}).read_bytes()
    with pytest.raises(ModelFault, match="could not be scanned") as fault:
        load_model(write(tmp_path / "m", content, PYTORCH, "data/model.pt2"))
    assert "opaque_obj_0" in fault.value.found
    assert describe_model("m", tmp_path / "m", "m", "m", None).pickled == ("data/model.pt2",)


# -- the whole way: a pickle that reaches for what is not its own ------------------------------------------------

REACHING = """
import json, os, pathlib, pwd, socket
tried = {}
def attempt(name, what):
    try:
        what()
        tried[name] = "done"
    except BaseException as error:
        tried[name] = type(error).__name__
home = pathlib.Path(pwd.getpwuid(os.getuid()).pw_dir)
attempt("home", lambda: (home / ".qmt-reached").write_text("x"))
attempt("plan", lambda: pathlib.Path(@PLAN@, "reached.txt").write_text("x"))
attempt("model", lambda: pathlib.Path(@MODEL@, "reached.txt").write_text("x"))
attempt("token", lambda: os.environ["QMT_TOKEN"])
attempt("network", lambda: socket.create_connection(("127.0.0.1", @PORT@), 2).sendall(b"x"))
pathlib.Path("tried.json").write_text(json.dumps(tried))
print("TRIED", json.dumps(tried), flush=True)
"""


@pytest.fixture
def listener() -> Iterator[tuple[int, list[str]]]:
    """A server on loopback, and who called."""
    calls: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        closing = threading.Event()

        def serve() -> None:
            while not closing.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    calls.append("called")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], calls
        closing.set()
        thread.join()


PLAN = """
schema: qmtestbed/plan/v1
component: hostile
inventories:
  model: {uri: model}
  test: {uri: test.csv, label: y}
checks:
  performance: {ait: classification_performance, with: {model: model, data: test}, expect: [accuracy >= 0.1]}
"""


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listener: tuple[int, list[str]]) -> Path:
    """A folder with a plan whose model works, and reaches for home, plan, token and network when it is loaded."""
    monkeypatch.setenv("QMT_TOKEN", "secret")
    monkeypatch.chdir(tmp_path)
    values = {"@PLAN@": str(tmp_path), "@MODEL@": str(tmp_path / "model")}
    code = REACHING.replace("@PORT@", str(listener[0]))
    for name, value in values.items():
        code = code.replace(name, repr(value))
    table = pd.DataFrame({"a": np.arange(20.0), "y": ["no"] * 10 + ["yes"] * 10})
    table.to_csv("test.csv", index=False)
    estimator = LogisticRegression().fit(table[["a"]], table["y"])
    estimator.note_ = Runs(exec, code, {})
    write(tmp_path / "model", pickle.dumps(estimator))
    (tmp_path / "plan.yaml").write_text(PLAN, "utf-8")
    return tmp_path


def run(folder: Path, out: str, **options: Any) -> Any:
    return qmtestbed.run(folder / "plan.yaml", out=folder / out, **options)


def reached(folder: Path) -> list[Path]:
    home = Path.home() / ".qmt-reached"
    return [p for p in (home, folder / "reached.txt", folder / "model" / "reached.txt") if p.exists()]


def printed(out: Path) -> list[str]:
    return [line for p in sorted((out / "logs").iterdir()) for line in p.read_text("utf-8").splitlines()]


def test_a_pickle_that_runs_code_touches_nothing_outside_the_child(
    hostile: Path, listener: tuple[int, list[str]], cli_here: Any
) -> None:
    lacking = [layer for layer in ("network", "filesystem") if available().get(layer)]
    if lacking:
        pytest.skip(f"this host does not offer the layers {', '.join(lacking)}")
    files = {p: p.read_bytes() for p in hostile.rglob("*") if p.is_file()}
    trusted = run(hostile, "any", trust="any")
    logs = printed(hostile / "any")
    tried = json.loads(next(line for line in logs if line.startswith("TRIED")).removeprefix("TRIED"))
    assert tried.pop("token") == "KeyError" and "done" not in tried.values(), tried  # it did run, and got nowhere
    assert not reached(hostile) and not listener[1]
    assert {p: p.read_bytes() for p in files} == files
    assert trusted.evidence.record_of("performance").measures["accuracy"].value.value == 1  # and the model works
    probe = next(r for r in trusted.evidence.records.values() if r.kind == "probe")
    assert probe.inputs["model"].trust == "any" and "dangerous: model.pkl: builtins.exec" in probe.facts["scanned"]
    (note,) = trusted.evidence.info.notes
    assert "builtins.exec" in note and "--trust any" in note and "network" in note

    # What was measured so is never taken for what a scan let pass, though folder and store hold it.
    again = run(hostile, "any")
    keys = {r.key for r in trusted.evidence.records.values()} & {r.key for r in again.evidence.records.values()}
    assert not keys
    error = again.evidence.record_of("performance").error
    assert "was not loaded" in error.what and "model.pkl: builtins.exec (modelscan " in error.found
    assert int(again.exit_code) == 2 and "builtins.exec" in again.page.read_text("utf-8")
    assert printed(hostile / "any") == logs  # it was not loaded, so it printed nothing more

    for arguments, said in (
        (("--trust", "strict"), "--trust strict loads no such model"),
        (("--isolation", "none"), "--isolation none contains nothing"),
    ):
        done = cli_here("run", "plan.yaml", "--out", "no", *arguments)
        assert done.returncode == 4 and said in done.stderr and "model.pkl" in done.stderr, done.stderr
        assert "Traceback" not in done.stderr and not Path("no").exists()
    assert not reached(hostile) and not listener[1]


def test_trust_that_is_said_goes_with_no_isolation(hostile: Path) -> None:
    outcome = run(hostile, "out", trust="scanned", isolation="none")
    assert "was not loaded" in outcome.evidence.record_of("performance").error.what
    assert "without layers of isolation" in outcome.evidence.info.notes[0] and not reached(hostile)


@pytest.mark.parametrize("trust", ["strict", None])
def test_evaluate_refuses_what_run_refuses(hostile: Path, trust: Any) -> None:
    isolation = "sandbox" if trust else "none"
    with pytest.raises(InputError, match="loading this model runs code") as refused:
        qmtestbed.evaluate("model", data="test.csv", label="y", trust=trust, isolation=isolation)
    (problem,) = refused.value.problems
    assert problem.found == "model.pkl" and ("skops" in problem.do if trust else "--trust scanned" in problem.do)


def test_strict_loads_what_runs_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And its key does not depend on the trust: there is nothing to trust."""
    import skops.io

    from qmtestbed.pipeline import Options
    from qmtestbed.pipeline.run import resolve_only

    monkeypatch.chdir(tmp_path)
    estimator = LogisticRegression().fit(pd.DataFrame({"a": [0.0, 1.0]}), ["no", "yes"])
    write(tmp_path / "model", skops.io.dumps(estimator), SKLEARN.replace("format: pickle", "format: skops"))
    (tmp_path / "test.csv").write_text("a,y\n0,no\n1,yes\n")
    (tmp_path / "plan.yaml").write_text(PLAN, "utf-8")
    keys = [
        [j.key for j in resolve_only(tmp_path / "plan.yaml", Options(out=tmp_path / "o", trust=t, isolation=i)).jobs]
        for t, i in (("strict", "sandbox"), ("any", "sandbox"), (None, "none"))
    ]
    assert keys[0] == keys[1] == keys[2]
