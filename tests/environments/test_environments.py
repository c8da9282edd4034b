"""Virtual environments of AITs: what is in them, who shares one, what fails and how that is told."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qmtestbed import environments
from qmtestbed.catalogue import read_ait
from qmtestbed.environments import VirtualEnvironments, own_needs, site_packages
from qmtestbed.types.environment import Isolated, interpreter

MANIFEST = """
schema: qmtestbed/ait/v1
id: counted
version: 1.0.0
title: Counted
quality: operation
method: Counts rows with a package that is not installed beside qmtestbed
references: []
informs: {}
inputs:
  predictions: {kind: predictions, needs: [labels]}
  model: {kind: model, needs: [predict]}
  data: {kind: table}
measures:
  rows: {unit: rows, range: [0, null], better: higher}
  accuracy: {unit: ratio, range: [0, 1], better: higher, interval: Clopper-Pearson}
requires: [{distribution: qmt-loud, version: "==1.0"}]
environment: isolated
"""
PROGRAM = """
import sys
from importlib.metadata import distributions
import loud
from qmtestbed.measuring.intervals import proportion

def measure(predictions, model, data, *, confidence):
    print("HERE", sys.prefix, sorted(d.name for d in distributions()))
    print("AT START", loud.AT_START)
    return {"rows": loud.count(predictions.labels),
            "accuracy": proportion(predictions.labels == model.predict(data.features), confidence)}
"""


def wheel(folder: Path, name: str, files: Mapping[str, str], version: str = "1.0") -> Path:
    """Write a wheel by hand, with the digests that pip and we read."""
    info = f"{name}-{version}.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {n: base64.urlsafe_b64encode(hashlib.sha256(t.encode()).digest()).rstrip(b"=") for n, t in files.items()}
    record = "".join(f"{n},sha256={d.decode()},{len(files[n].encode())}\n" for n, d in digests.items())
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for n, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(n, text)
    return path


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip finds wheels in, beside whatever index it is set up with."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def alone(index: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No index but the folder, and nothing of ours: an environment is then made in a second."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(environments, "NEEDED", ())
    return index


def made(found: Isolated | str) -> Isolated:
    assert isinstance(found, Isolated), found
    return found


def test_a_child_needs_what_our_own_metadata_bound(checkout: Path) -> None:
    import tomllib

    declared = tomllib.loads((checkout / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert set(own_needs()) == {d for d in declared if d.split(">")[0] in environments.NEEDED}
    assert len(own_needs()) == len(environments.NEEDED)


def test_the_same_requirements_share_one_and_the_digest_is_of_the_content(alone: Path, tmp_path: Path) -> None:
    wheel(alone, "qmt_loud", {"loud.py": "X = 1\n"})
    wheel(alone, "qmt_calm", {"calm.py": ""})
    told: list[str] = []
    here = VirtualEnvironments(tmp_path / "here", tell=told.append)
    first = made(here.get(["qmt-loud==1.0", "qmt-calm"]))
    assert first.libraries == {"qmt-calm": "1.0", "qmt-loud": "1.0"}
    assert here.get(["qmt-calm", "qmt-loud==1.0"]) == first and len(told) == 1 and "qmt-loud==1.0" in told[0]
    assert here.kept().entries == 1
    elsewhere = made(VirtualEnvironments(tmp_path / "elsewhere").get(["qmt-loud==1.0", "qmt-calm"]))
    assert (elsewhere.sha256, elsewhere.libraries) == (first.sha256, first.libraries)
    assert elsewhere.folder != first.folder
    wheel(alone, "qmt_loud", {"loud.py": "X = 2\n"})  # another content by the same name and version
    assert made(VirtualEnvironments(tmp_path / "other").get(["qmt-loud==1.0", "qmt-calm"])).sha256 != first.sha256
    assert here.clear().entries == 1 and here.kept().entries == 0


def test_one_that_is_not_whole_is_made_again(alone: Path, tmp_path: Path) -> None:
    wheel(alone, "qmt_loud", {"loud.py": ""})
    ours = VirtualEnvironments(tmp_path / "ours")
    first = made(ours.get(["qmt-loud"]))
    installed = site_packages(Path(first.folder))
    next(installed.glob("qmt_loud-*.dist-info/RECORD")).unlink()
    assert ours.get(["qmt-loud"]) == first
    interpreter(Path(first.folder)).unlink()
    assert ours.get(["qmt-loud"]) == first and interpreter(Path(first.folder)).exists()


def test_four_at_once_end_with_one(alone: Path, tmp_path: Path) -> None:
    wheel(alone, "qmt_loud", {"loud.py": ""})
    ours = VirtualEnvironments(tmp_path / "ours")
    with ThreadPoolExecutor(4) as pool:
        found = {made(f).folder for f in pool.map(lambda _: ours.get(["qmt-loud"]), range(4))}
    assert len(found) == 1
    assert [p.name for p in (tmp_path / "ours").rglob(".new-*")] == []


def test_what_pip_says_is_the_reason(alone: Path, tmp_path: Path) -> None:
    why = VirtualEnvironments(tmp_path / "ours").get(["qmt-nowhere==3"])
    assert isinstance(why, str) and "qmt-nowhere==3" in why and "\n" not in why
    assert list((tmp_path / "ours").rglob("*.whl")) == [] and VirtualEnvironments(tmp_path / "ours").kept().entries == 0
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert "file" in str(VirtualEnvironments(blocked).get(["qmt-nowhere"]))


def test_nothing_is_built_unless_that_is_allowed(alone: Path, tmp_path: Path) -> None:
    source = tmp_path / "source" / "qmt_built-1.0"
    source.mkdir(parents=True)
    (source / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: qmt-built\nVersion: 1.0\n")
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "back"\nbackend-path = ["."]\n'
    )
    ready = wheel(tmp_path, "qmt_built", {"built.py": ""})
    (source / "back.py").write_text(
        f"import pathlib, shutil\n\n\ndef build_wheel(folder, settings=None, metadata=None):\n"
        f"    pathlib.Path({str(tmp_path / 'ran')!r}).touch()\n"
        f"    return pathlib.Path(shutil.copy({str(ready)!r}, folder)).name\n"
    )
    subprocess.run(["tar", "czf", alone / "qmt_built-1.0.tar.gz", "-C", source.parent, source.name], check=True)
    why = VirtualEnvironments(tmp_path / "strict").get(["qmt-built"])
    assert isinstance(why, str) and "qmt-built" in why and not (tmp_path / "ran").exists()
    built = made(VirtualEnvironments(tmp_path / "allowed", allow_build=True).get(["qmt-built"]))
    assert built.libraries == {"qmt-built": "1.0"} and (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "requirement",
    [
        "-r secrets.txt",
        "git+https://example.org/x.git",
        "./local",
        "x @ file:///x",
        {"distribution": "x", "version": "-r y"},
    ],
)
def test_a_requirement_is_a_name_with_versions_and_nothing_else(requirement: object, tmp_path: Path) -> None:
    folder = tmp_path / "counted"
    folder.mkdir()
    (folder / "measure.py").write_text("def measure(predictions, model):\n    return {}\n")
    text = MANIFEST.replace('[{distribution: qmt-loud, version: "==1.0"}]', json.dumps([requirement]))
    (folder / "ait.yaml").write_text(text)
    entry = read_ait(folder, "test")
    assert entry.manifest is None and "requires" in str(entry.broken[0])


def test_a_version_that_is_not_here_is_missing_where_the_environment_is_shared(tmp_path: Path) -> None:
    folder = tmp_path / "counted"
    folder.mkdir()
    (folder / "measure.py").write_text("def measure(predictions, model):\n    return {}\n")
    shared = MANIFEST.replace("environment: isolated", "").replace("qmt-loud", "numpy")
    (folder / "ait.yaml").write_text(shared)
    assert read_ait(folder, "test").missing == ("pip install 'numpy==1.0'",)
    (folder / "ait.yaml").write_text(shared.replace("==1.0", ">=1.0, <99"))
    assert read_ait(folder, "test").missing == ()


AT_START = """
import os, pathlib
try:
    pathlib.Path({outside!r}).touch()
    AT_START = "free"
except OSError as error:
    AT_START = type(error).__name__
def count(values):
    return len(values)
"""


def test_an_ait_runs_in_its_own_environment_and_nothing_of_it_before_the_layers(
    index: Path, store: object, tmp_path: Path
) -> None:
    """With a model, on real wheels: what it measures there is what others measure here."""
    outside = tmp_path / "outside"
    start = {"loud.py": AT_START.format(outside=str(outside)), "qmt_loud.pth": "import loud\n", "yaml.py": "1 / 0\n"}
    wheel(index, "qmt_loud", {**start, "qmtestbed/__init__.py": "1 / 0\n"})
    folder = tmp_path / "aits" / "counted"
    folder.mkdir(parents=True)
    (folder / "ait.yaml").write_text(MANIFEST)
    (folder / "measure.py").write_text(PROGRAM)
    home: Path = store.folder  # type: ignore[attr-defined]
    bindings = "with: {model: model, data: test}, expect: [accuracy >= 0.5]"
    (tmp_path / "plan.yaml").write_text(
        f"schema: qmtestbed/plan/v1\ncomponent: churn\ninventories: {{model: models:/churn@champion, "
        f"test: {{uri: {home}/test.parquet, label: churned, ignore: [spend]}}}}\n"
        f"checks: {{there: {{ait: counted, {bindings}}}, here: {{ait: classification_performance, {bindings}}}}}\n"
    )
    command = [sys.executable, "-m", "qmtestbed", "run", "plan.yaml", "--aits", "aits", "--out", "out"]
    environment: dict[str, str] = {**store.environment, "PIP_FIND_LINKS": str(index)}  # type: ignore[attr-defined]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "making an environment with qmt-loud==1.0" in done.stderr
    records = {
        r["program"]["id"]: r for r in (json.loads(p.read_bytes()) for p in (tmp_path / "out").glob("records/*"))
    }
    there, here = records["counted"], records["classification_performance"]
    assert there["measures"]["accuracy"] == here["measures"]["accuracy"]
    assert there["isolation"] == here["isolation"]
    assert there["environment"]["libraries"]["qmt-loud"] == "1.0" and len(there["environment"]["isolated"]) == 64
    assert there["environment"]["libraries"]["scikit-learn"] == here["environment"]["libraries"]["scikit-learn"]
    assert "isolated" not in here["environment"]
    log = next((tmp_path / "out" / "logs").glob("counted-*")).read_text()
    assert "mlflow" not in log.split("HERE")[1]
    if "filesystem" in there["isolation"]:
        assert "AT START free" not in log and "AT START" in log and not outside.exists()
