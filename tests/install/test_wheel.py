"""The wheel that is built from this checkout: what lies in it, that it works where there is no checkout, and that a
package of somebody else's is found beside it."""

from __future__ import annotations

import importlib.util
import os
import shutil
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


def run(command: Sequence[str | Path], folder: Path, code: int = 0, **variables: str) -> str:
    """Run a command of this environment's Python that ends with ``code``; give what it printed."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == code, done.stderr + done.stdout
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


def install(wheels: Sequence[Path], target: Path) -> Path:
    """Install wheels into a folder for ``PYTHONPATH``; whatever they require is there already."""
    options = ["--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check"]
    run(["-m", "pip", "install", "--quiet", *options, "--target", target, *wheels], target)
    return target


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install([wheel], tmp_path_factory.mktemp("site"))


def tracked_like(folder: Path) -> set[str]:
    """Content files of the checkout, by rules written apart from those of the build hook."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
        and not path.name.startswith(("test_", "conftest", "check_by_hand", "."))
        and not {"__pycache__", "out", "by_hand"} & set(path.relative_to(ROOT).parts)
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
        "demo/by_hand/tables.py",
        "demo/check_by_hand.py",
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


# -- a package of somebody else's beside it -------------------------------------------------------------------

ACME = ROOT / "tests" / "packages" / "acme-quality"


@pytest.fixture(scope="module")
def beside(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both wheels installed into one folder, and a run of the package's plan there."""
    acme = build("wheel", ACME, tmp_path_factory.mktemp("acme"))
    return install([wheel, acme], tmp_path_factory.mktemp("both"))


def test_its_aits_guideline_and_template_are_found(beside: Path, tmp_path: Path) -> None:
    path = {"PYTHONPATH": str(beside)}
    aits = run(["-m", "qmtestbed", "ait", "list"], tmp_path, **path)
    assert [line.split()[0] for line in aits.splitlines() if "[acme-quality]" in line] == [
        "acme_negative_values",
        "acme_top_share",
    ]
    assert "acme_rules@1" in run(["-m", "qmtestbed", "guideline", "list"], tmp_path, **path)
    assert "acme_sheet" in run(["-m", "qmtestbed", "report", "--list"], tmp_path, **path)


def test_its_aits_keep_the_contract(beside: Path, tmp_path: Path) -> None:
    command = ["-m", "qmtestbed", "ait", "check", "acme_negative_values", "acme_top_share"]
    assert run(command, tmp_path, PYTHONPATH=str(beside)).count("12 of 12 rules hold") == 2


def test_its_guideline_is_judged_and_its_page_made(beside: Path, tmp_path: Path) -> None:
    shutil.copytree(ACME, tmp_path, dirs_exist_ok=True)
    command = ["-m", "qmtestbed", "run", "plan.yaml", "--out", "out", "--template", "acme_sheet", "--no-cache"]
    said = run([*command, "--require", "requirements"], tmp_path, PYTHONPATH=str(beside))
    assert "R1: R1 reached" in said and "measured parts 2 of 2" in said
    assert "Acme release sheet: churn" in (tmp_path / "out" / "acme_sheet.html").read_text("utf-8")


@pytest.fixture
def faulty(beside: Path, tmp_path: Path) -> Path:
    """A second package, of which nothing can be used; give the folder that holds it."""
    aits = tmp_path / "faulty" / "aits"
    for id in ("acme_top_share", "broken", "lacking", "unimportable"):
        shutil.copytree(ACME / "acme_quality" / "aits" / "acme_negative_values", aits / id)
        for path in (aits / id).rglob("*.yaml"):
            path.write_text(path.read_text("utf-8").replace("acme_negative_values", id), "utf-8")
    (aits / "broken" / "ait.yaml").write_text("schema: qmtestbed/ait/v1\nid: broken\nmesures: {}\n")
    with (aits / "lacking" / "ait.yaml").open("a") as stream:
        stream.write("requires: [no-such-library]\n")
    (aits / "unimportable" / "measure.py").write_text(
        'import no_such_module\n\n\ndef measure(data, *, confidence=0.95):\n    """Nothing."""\n'
    )
    info = tmp_path / "faulty-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[qmtestbed.aits]\nfaulty = faulty.aits\n")
    return tmp_path


def test_what_is_wrong_with_a_package_is_said_by_name(beside: Path, faulty: Path) -> None:
    path = {"PYTHONPATH": os.pathsep.join([str(beside), str(faulty)])}
    lines = {x.split()[0]: x for x in run(["-m", "qmtestbed", "ait", "list"], faulty, **path).splitlines() if x}
    twice = lines["acme_top_share"]
    assert "BROKEN" in twice and "claimed twice" in twice and "acme-quality (" in twice and "faulty (" in twice
    assert "BROKEN" in lines["broken"] and "broken/ait.yaml:3" in lines["broken"] and "mesures" in lines["broken"]
    assert "unavailable: pip install 'no-such-library'" in lines["lacking"]
    assert "BROKEN" not in lines["acme_negative_values"]
    table = ACME / "acme_quality" / "aits" / "acme_negative_values" / "example" / "good.csv"
    said = run(["-m", "qmtestbed", "ait", "run", "unimportable", "--data", table], faulty, code=1, **path)
    assert "ModuleNotFoundError: No module named 'no_such_module'" in said and "unimportable/measure.py:1" in said
    said = run(["-m", "qmtestbed", "ait", "check", "unimportable"], faulty, code=1, **path)
    assert "FAULT  output" in said and "no_such_module" in said
