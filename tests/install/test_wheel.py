"""The wheel that is built from this checkout: what lies in it, and that it works where there is no checkout."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Sequence
from email.parser import Parser
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
KINDS = ("aits", "guidelines", "reports", "demo")


def run(command: Sequence[str | Path], folder: Path, **variables: str) -> str:
    """Run a command of this environment's Python; give what it printed."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def build(target: str, source: Path, folder: Path) -> Path:
    """Build one kind of distribution with hatchling alone."""
    run(["-m", "hatchling", "build", "-t", target, "-d", folder], source)
    (built,) = folder.iterdir()
    return built


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    options = ["--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check"]
    run(["-m", "pip", "install", "--quiet", *options, "--target", target, wheel], target)
    return target


def tracked_like(folder: Path) -> set[str]:
    """Content files of the checkout, by rules written apart from those of the build hook."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
        and not path.name.startswith(("test_", "conftest", "."))
        and not {"__pycache__", "out"} & set(path.relative_to(ROOT).parts)
    }


# -- what lies in it ------------------------------------------------------------------------------------------


def test_the_only_top_level_package_is_ours(wheel: Path) -> None:
    assert {name.split("/")[0] for name in names_in(wheel)} == {"qmtestbed", f"qmtestbed-{VERSION}.dist-info"}


def test_every_module_and_schema_is_in_it(wheel: Path) -> None:
    wanted = [p for s in ("*.py", "*.json", "py.typed") for p in (ROOT / "qmtestbed").rglob(s)]
    assert {path.relative_to(ROOT).as_posix() for path in wanted} <= names_in(wheel)


@pytest.mark.parametrize("kind", KINDS)
def test_the_content_is_in_it_whole(wheel: Path, kind: str) -> None:
    shipped = {name.removeprefix("qmtestbed/_content/") for name in names_in(wheel)}
    wanted = tracked_like(ROOT / kind)
    assert wanted, f"{kind}/ is empty"
    assert {name for name in shipped if name.startswith(f"{kind}/")} == wanted


def test_neither_tests_nor_leftovers_are_in_it(wheel: Path) -> None:
    parts = [name.split("/") for name in names_in(wheel)]
    assert [p for p in parts if p[-1].startswith(("test_", "conftest")) or "__pycache__" in p] == []


def test_its_metadata_are_those_of_the_project(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        info = f"qmtestbed-{VERSION}.dist-info"
        metadata = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
        scripts = archive.read(f"{info}/entry_points.txt").decode()
        licence = archive.read(f"{info}/licenses/LICENSE")
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "qmtestbed = qmtestbed.cli.app:main" in scripts
    assert licence == (ROOT / "LICENSE").read_bytes()


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_hook_leaves_out_tests_and_what_git_ignores(hook: ModuleType, tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_bytes((ROOT / ".gitignore").read_bytes())
    wanted = [
        "aits/a/ait.yaml",
        "aits/a/example/plan.yaml",
        "guidelines/g/1.yaml",
        "reports/r/style.css",
        "demo/p.yaml",
    ]
    left_out = [
        "aits/a/test_a.py",
        "aits/conftest.py",
        "aits/a/__pycache__/measure.cpython-311.pyc",
        "aits/a/.hidden",
        "demo/out/report.html",
        "demo/mlruns/1/x",
        "demo/mlflow.db",
        "elsewhere/file",
    ]
    for name in wanted + left_out:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in hook.content_files(tmp_path)]
    assert sorted(found) == sorted(wanted)


@pytest.mark.parametrize(("version", "copied"), [("standard", True), ("editable", False)])
def test_an_editable_install_gets_no_copy_of_the_content(hook: ModuleType, version: str, copied: bool) -> None:
    build_data: dict[str, dict[str, str]] = {"force_include": {}}
    hook.ContentHook(str(ROOT), {}, None, None, "", "wheel").initialize(version, build_data)
    assert bool(build_data["force_include"]) == copied


def test_the_source_distribution_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(build("sdist", ROOT, tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path, filter="data")
    rebuilt = build("wheel", tmp_path / f"qmtestbed-{VERSION}", tmp_path / "rebuilt")
    assert names_in(rebuilt) == names_in(wheel)


# -- that it works without the checkout -----------------------------------------------------------------------


def test_it_is_the_installed_copy_that_is_run(installed: Path, tmp_path: Path) -> None:
    ask = "import importlib.metadata as m, qmtestbed; print(qmtestbed.__file__); print(m.version('qmtestbed'))"
    file, version = run(["-c", ask], tmp_path, PYTHONPATH=str(installed)).split("\n")[:2]
    assert Path(file).is_relative_to(installed)
    assert version == VERSION


@pytest.mark.parametrize(
    ("command", "expected"), [("ait list", "classification_performance"), ("guideline list", "mlqm@3")]
)
def test_it_finds_its_own_content(installed: Path, tmp_path: Path, command: str, expected: str) -> None:
    printed = run(["-m", "qmtestbed", *command.split()], tmp_path, PYTHONPATH=str(installed))
    assert expected in printed.split()
