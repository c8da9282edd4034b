from __future__ import annotations

import pickle
import pickletools
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from modelscan.modelscan import ModelScan
from modelscan.settings import DEFAULT_SETTINGS
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from qmtestbed.ait import ModelFile, ModelFiles, Subject
from qmtestbed.errors import ModelFault
from qmtestbed.execute.models.surveying import survey
from qmtestbed.types.job import JobInput

SKLEARN = "flavors:\n  sklearn: {pickled_model: NAME, serialization_format: FORMAT, sklearn_version: 1.9.1}\n"
FITTED = LogisticRegression().fit([[0.0], [1.0]], ["no", "yes"])
GOOD = pickle.dumps(FITTED, 4)
# Written by hand and never loaded: a call of os.system, one of eval, and one of a function that nobody knows.
SYSTEM = b"cposix\nsystem\n(S'true'\ntR."
EVAL = b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R."
UNKNOWN = b"cacme.pumps\nstart\n(S'all'\ntR."


def logged(folder: Path, content: bytes, name: str = "model.pkl", form: str = "pickle") -> ModelFiles:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    if not (folder / "MLmodel").exists():
        (folder / "MLmodel").write_text(SKLEARN.replace("NAME", name).replace("FORMAT", form))
    return surveyed(folder)


def surveyed(folder: Path) -> ModelFiles:
    return survey(JobInput("model_files", "m", "0" * 64, str(folder), flavour="sklearn"))


def counts(found: dict[str, Any]) -> list[int]:
    order = ("dangerous_count", "unscannable_count", "untrusted_type_count", "unscannable_beside_count")
    return [found[n] for n in order] + [found["files_that_run_code"], found["code_of_its_own"]]


def by_modelscan(path: Path) -> set[str]:
    """Ask modelscan itself, by its own choice of scanners, about a file."""
    report = ModelScan(settings=DEFAULT_SETTINGS).scan(path)
    return {f"{issue['module']}.{issue['operator']}" for issue in report["issues"]}


def globals_in(content: bytes) -> set[str]:
    """List whatever a pickle names, by the standard library's own reading of its instructions."""
    names, strings = set(), []
    for op, argument, _ in pickletools.genops(content):
        if op.name == "GLOBAL":
            names.add(str(argument).replace(" ", "."))
        elif op.name == "STACK_GLOBAL":
            names.add(".".join(strings[-2:]))
        elif isinstance(argument, str):
            strings.append(argument)
    return names


@pytest.mark.parametrize("content", [SYSTEM, EVAL, UNKNOWN, GOOD], ids=["system", "eval", "unknown", "good"])
def test_what_is_found_is_what_modelscan_finds_and_the_file_names(ait: Any, tmp_path: Path, content: bytes) -> None:
    files = logged(tmp_path, content)
    found = ait.measure(model=files)
    (pickled,) = (f for f in files.files if f.path == "model.pkl")
    assert set(pickled.dangerous) == by_modelscan(tmp_path / "model.pkl") <= globals_in(content)
    dangerous = content in (SYSTEM, EVAL)
    assert counts(found) == [int(dangerous), 0, 0, 0, 1, 0]
    assert [f.subject for f in found["findings"]] == [Subject(file="model.pkl")] * dangerous
    if dangerous:
        (name,) = globals_in(content)
        finding = found["findings"][0]
        assert (
            finding.kind == "unsafe_file"
            and f"names {name}, known from attacks" in finding.text
            and "(modelscan " in finding.text
        )


def test_formats_that_run_no_code_give_zero(ait: Any, tmp_path: Path) -> None:
    found = ait.measure(model=logged(tmp_path, skops.io.dumps(FITTED), "model.skops", "skops"))
    assert counts(found) == [0] * 6 and found["findings"] == []
    assert [line[:2] + line[3:5] for line in found["files"].rows] == [
        ["MLmodel", "no ending", "runs no code", ""],
        ["model.skops", "skops", "unpacked, types checked", "nothing"],
    ]
    booster = (
        "flavors:\n  xgboost: {data: model.ubj}\n  python_function: {loader_module: mlflow.xgboost, data: model.ubj}\n"
    )
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "MLmodel").write_text(booster)
    assert counts(ait.measure(model=logged(tmp_path / "b", b"{L\x00", "model.ubj"))) == [0] * 6


def test_whatever_is_cut_off_is_never_called_clean(ait: Any, tmp_path: Path) -> None:
    for at in np.linspace(0, len(GOOD) - 1, 12).astype(int):
        found = ait.measure(model=logged(tmp_path, GOOD[:at]))
        assert counts(found)[:2] == [0, 1] and found["findings"][0].measure == "unscannable_count", at
    cut = skops.io.dumps(FITTED)[:-40]
    assert counts(ait.measure(model=logged(tmp_path / "s", cut, "model.skops", "skops")))[:3] == [0, 1, 0]
    (tmp_path / "s" / "model.skops").unlink()
    assert counts(ait.measure(model=surveyed(tmp_path / "s")))[:3] == [0, 1, 0]
    (tmp_path / "model.pkl").unlink()
    found = ait.measure(model=surveyed(tmp_path))
    assert counts(found)[1] == 1 and "no such file" in found["findings"][0].text


def test_types_of_a_skops_file_are_those_that_skops_itself_does_not_trust(ait: Any, tmp_path: Path) -> None:
    content = skops.io.dumps(FunctionTransformer(shutil.rmtree))
    assert skops.io.get_untrusted_types(data=content) == ["shutil.rmtree"]
    found = ait.measure(model=logged(tmp_path, content, "model.skops", "skops"))
    assert counts(found) == [0, 0, 1, 0, 0, 0] and "shutil.rmtree (skops " in found["findings"][0].text


def test_pickles_beside_are_scanned_by_their_first_bytes_whatever_their_name(ait: Any, tmp_path: Path) -> None:
    logged(tmp_path, skops.io.dumps(FITTED), "model.skops", "skops")
    (tmp_path / "notes.txt").write_bytes(EVAL)
    (tmp_path / "old.joblib").write_bytes(b"\x80\x04raw")
    (tmp_path / "text.md").write_text("cposix: not a pickle")
    files = surveyed(tmp_path)
    found = ait.measure(model=files)
    assert counts(found) == [1, 0, 0, 1, 0, 0]
    assert {f.path: f.loading for f in files.files if f.loading == "beside"} == {
        "notes.txt": "beside",
        "old.joblib": "beside",
    }


def test_every_flavour_that_the_model_can_be_loaded_by_is_looked_at(ait: Any, tmp_path: Path) -> None:
    """What is tested is loaded by scikit-learn, what is served by MLflow's pyfunc: they may name different files."""
    logged(tmp_path, skops.io.dumps(FITTED), "model.skops", "skops")
    (tmp_path / "plain.txt").write_bytes(SYSTEM)  # protocol 0: nothing tells it from a text
    pyfunc = "  python_function: {loader_module: mlflow.sklearn, model_path: NAME}\n"
    sklearn = SKLEARN.replace("NAME", "model.skops").replace("FORMAT", "skops")
    for name, dangerous in (("model.skops", 0), ("./model.skops", 0), ("plain.txt", 1)):
        (tmp_path / "MLmodel").write_text(sklearn + pyfunc.replace("NAME", name))
        assert counts(ait.measure(model=surveyed(tmp_path)))[::4] == [dangerous, dangerous]
    (tmp_path / "rule.py").write_text("raise SystemExit")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "mine.py").write_text("raise SystemExit")
    own = "  python_function: {loader_module: mlflow.pyfunc.model, model_code_path: rule.py, code: code}\n  keras: {}\n"
    (tmp_path / "MLmodel").write_text(sklearn + own)
    files = surveyed(tmp_path)
    assert files.code == ("code/", "rule.py", "flavour keras, which is not looked into")
    assert counts(ait.measure(model=files)) == [0, 0, 0, 0, 2, 3]


def test_a_file_outside_the_folder_is_no_file_of_the_model(tmp_path: Path) -> None:
    """No digest of the model covers it."""
    logged(tmp_path / "m", skops.io.dumps(FITTED), "model.skops", "skops")
    (tmp_path / "evil.pkl").write_bytes(SYSTEM)
    text = (tmp_path / "m" / "MLmodel").read_text()
    pyfunc = "  python_function: {loader_module: mlflow.sklearn, data: ../evil.pkl}\n"
    (tmp_path / "m" / "MLmodel").write_text(text + pyfunc)
    with pytest.raises(ModelFault, match="outside the model's folder"):
        surveyed(tmp_path / "m")
    (tmp_path / "m" / "MLmodel").write_text(text)
    (tmp_path / "m" / "linked.pkl").symlink_to(tmp_path / "evil.pkl")
    with pytest.raises(ModelFault, match="outside the model's folder"):
        surveyed(tmp_path / "m")


def test_each_file_counts_once_however_its_name_is_written(ait: Any, tmp_path: Path) -> None:
    for name in ("./model.pkl", "x/../model.pkl", str(tmp_path / "model.pkl")):
        (tmp_path / "model.pkl").write_bytes(EVAL)
        (tmp_path / "MLmodel").write_text(SKLEARN.replace("NAME", name).replace("FORMAT", "pickle"))
        assert counts(ait.measure(model=surveyed(tmp_path))) == [1, 0, 0, 0, 1, 0], name


def test_a_skops_file_is_one_by_what_mlmodel_says_and_not_by_its_ending(ait: Any, tmp_path: Path) -> None:
    content = skops.io.dumps(FunctionTransformer(shutil.rmtree))
    assert counts(ait.measure(model=logged(tmp_path / "a", content, "model.bin", "skops"))) == [0, 0, 1, 0, 0, 0]
    assert counts(ait.measure(model=logged(tmp_path / "b", EVAL, "model.skops", "skops"))) == [1, 1, 0, 0, 0, 0]
    assert counts(ait.measure(model=logged(tmp_path / "c", content, "model.skops"))) == [0, 1, 0, 0, 1, 0]


def test_an_archive_of_torch_is_read_entry_by_entry(ait: Any, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with zipfile.ZipFile(tmp_path / "data" / "model.pth", "w") as archive:
        archive.writestr("m/data.pkl", pickle.dumps({"a": 1}, 2))
        archive.writestr("m/Data.PKL", SYSTEM)
    (tmp_path / "MLmodel").write_text("flavors:\n  pytorch: {model_data: data, pytorch_version: 2.13.0}\n")
    found = ait.measure(model=surveyed(tmp_path))
    assert counts(found) == [1, 0, 0, 0, 1, 0] and "posix.system" in found["findings"][0].text


def test_counts_add_up_and_say_the_same_twice(ait: Any, tmp_path: Path) -> None:
    many = tuple(f"os.f{i}" for i in range(9))
    files = ModelFiles("", ("sklearn",), (ModelFile("a.pkl", 3, "pickle", "unpickled", many, scanner="modelscan 1"),))
    found = ait.measure(model=files)
    assert counts(found) == [9, 0, 0, 0, 1, 0] and found["findings"][0].text.endswith(
        "and 4 more, known from attacks (modelscan 1)."
    )
    logged(tmp_path, SYSTEM)
    assert ait.measure(model=surveyed(tmp_path)) == ait.measure(model=surveyed(tmp_path))


def test_looking_changes_nothing_and_runs_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    logged(tmp_path / "m", f"cposix\nmkdir\n(S'{marker}'\ntR.".encode())
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in (tmp_path / "m").iterdir()}
    (path,) = (f.path for f in surveyed(tmp_path / "m").files if f.dangerous == ("posix.mkdir",))
    assert path == "model.pkl" and not marker.exists()
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in (tmp_path / "m").iterdir()} == before
    with pytest.raises(AttributeError):  # and the pickle would have: it calls what it names
        pickle.loads(b"cposix\nno_such_function\n(tR.")
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
