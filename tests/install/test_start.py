"""start.py without setting anything up: pip and venv are stood in for, the decisions are real."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = (ROOT / "start.py").read_text(encoding="utf-8")


@pytest.fixture
def start() -> ModuleType:
    spec = importlib.util.spec_from_file_location("start", ROOT / "start.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(tmp_path: Path, start: ModuleType) -> Path:
    """A folder with the files that a stamp covers."""
    for name in start.STAMPED:
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


class Commands:
    """Stands in for the programs that a set-up runs: notes them, and fails those that a test names."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.failing: dict[str, str] = {}

    def __call__(self, command: Sequence[str | Path], log: Path) -> tuple[int, str]:
        words = " ".join(str(word) for word in command)
        self.ran.append(words)
        if "-m venv" in words:
            python = log.parent / "bin" / "python"
            python.parent.mkdir()
            python.symlink_to(sys.executable)
        for sign, output in self.failing.items():
            if sign in words:
                return 1, output
        return 0, ""


@pytest.fixture
def commands(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Commands:
    commands = Commands()
    monkeypatch.setattr(start, "logged", commands)
    monkeypatch.setattr(start, "demand_space", lambda folder, needed: None)
    return commands


# -- what the file itself must be -----------------------------------------------------------------------------


def test_an_old_python_can_parse_it() -> None:
    ast.parse(SOURCE, feature_version=(3, 6))
    assert "from __future__ import annotations" not in SOURCE, "Python 3.6 has no such feature"


def test_its_imports_are_of_the_standard_library() -> None:
    imports = [node for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = [getattr(node, "module", None) or alias.name for node in imports for alias in node.names]
    imported = {module.split(".")[0] for module in modules}
    assert imported <= sys.stdlib_module_names


def test_it_names_no_host() -> None:
    assert not re.search(r"https?:|\w\.(org|com|io|net)\b", SOURCE)


def test_any_terminal_can_show_its_messages() -> None:
    assert SOURCE.isascii()


# -- the command line -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["setup"], ("setup", [])),
        (["test", "-k", "x", "--help"], ("test", ["-k", "x", "--help"])),
        (["demo", "--out", "here"], ("demo", ["--out", "here"])),
        (["--help"], ("help", [])),
    ],
)
def test_what_follows_the_command_is_passed_on(
    start: ModuleType, arguments: list[str], expected: tuple[str, list[str]]
) -> None:
    assert start.parse(arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say what to do"),
        (["tset"], "did you mean test?"),
        (["xyzzy"], "There are: setup, test, demo"),
        (["setup", "--fast"], "setup takes nothing more, but was given --fast"),
    ],
)
def test_wrong_usage_ends_with_4(
    start: ModuleType, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert start.main(arguments) == 4
    assert message in capsys.readouterr().err


def test_help_installs_nothing(start: ModuleType, commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    assert start.main(["--help"]) == 0
    assert "usage: python3 start.py setup" in capsys.readouterr().out
    assert commands.ran == []


def test_an_old_python_is_told_which_one_to_take(start: ModuleType) -> None:
    text = start.too_old("3.9.2", "/usr/bin/python3", ["python3.12"])
    assert "needs Python 3.11 or newer, but /usr/bin/python3 is Python 3.9.2" in text
    assert "run 'python3.12 start.py' instead" in text
    assert "install Python 3.11" in start.too_old("3.9.2", "/usr/bin/python3", [])


def test_the_python_asked_for_is_the_one_that_the_package_needs(start: ModuleType) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == ">=" + ".".join(map(str, start.PYTHON))


# -- the stamp ------------------------------------------------------------------------------------------------


def test_a_stamp_stays_while_nothing_changes(start: ModuleType, project: Path) -> None:
    assert start.stamp_of(project) == start.stamp_of(project)


@pytest.mark.parametrize("name", ["pyproject.toml", "hatch_build.py", "start.py"])
def test_each_file_that_decides_on_the_environment_is_in_the_stamp(start: ModuleType, project: Path, name: str) -> None:
    before = start.stamp_of(project)
    with (project / name).open("a") as file:
        file.write("#\n")
    assert start.stamp_of(project) != before


def test_another_python_has_another_stamp(start: ModuleType, project: Path) -> None:
    assert start.stamp_of(project, "cpython-399") != start.stamp_of(project)


def test_another_folder_has_another_stamp(start: ModuleType, project: Path, tmp_path: Path) -> None:
    before = start.stamp_of(project)
    assert start.stamp_of(project.rename(tmp_path.with_name("moved"))) != before


# -- setting up -----------------------------------------------------------------------------------------------


def test_the_second_run_does_nothing(
    start: ModuleType, project: Path, commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    start.set_up(project)
    assert [words.split(" -m ")[1].split()[0] for words in commands.ran] == ["venv", "pip", "pip"]
    capsys.readouterr()
    commands.ran.clear()
    venv = start.set_up(project)
    assert commands.ran == []
    assert capsys.readouterr().err == ""
    assert venv.folder == project / ".venv"


def test_a_changed_project_is_installed_into_the_same_environment(
    start: ModuleType, project: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    start.set_up(project)
    monkeypatch.setattr(start, "run_quietly", lambda command: (0, sys.implementation.cache_tag))
    (project / ".venv" / "mine").touch()
    (project / "hatch_build.py").write_text("")
    commands.ran.clear()
    start.set_up(project)
    assert len(commands.ran) == 2
    assert (project / ".venv" / "mine").exists()


def _cut_off(folder: Path) -> None:
    (folder / "setup.stamp").unlink()
    (folder / "setup.unfinished").touch()


def _without_python(folder: Path) -> None:
    (folder / "bin" / "python").unlink()


def _made_elsewhere(folder: Path) -> None:
    (folder / "setup.stamp").write_text("0123 in /elsewhere/.venv\n")


@pytest.mark.parametrize("damage", [_cut_off, _without_python, _made_elsewhere])
def test_an_environment_that_cannot_be_trusted_is_made_anew(
    start: ModuleType, project: Path, commands: Commands, damage: Callable[[Path], None]
) -> None:
    folder = start.set_up(project).folder
    (folder / "left over").touch()
    damage(folder)
    assert start.set_up(project).holds(start.stamp_of(project))
    assert not (folder / "left over").exists()
    assert not (folder / "setup.unfinished").exists()


def test_after_a_failure_of_pip_the_next_run_goes_on(
    start: ModuleType, project: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "run_quietly", lambda command: (0, sys.implementation.cache_tag))
    commands.failing = {"--editable": "ERROR: No matching distribution found for x"}
    with pytest.raises(start.StartError, match=r"No matching distribution(?s:.*)offers no fitting version") as caught:
        start.set_up(project)
    assert caught.value.code == start.FAILED
    commands.failing = {}
    commands.ran.clear()
    start.set_up(project)
    assert not any("-m venv" in words for words in commands.ran)


def test_without_ensurepip_the_reader_is_told_what_to_install(
    start: ModuleType, project: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(start.StartError, match=r"ensurepip is missing\n.*apt install python3\.\d+-venv"):
        start.set_up(project)
    assert not (project / ".venv").exists()


def test_a_full_disk_is_noticed_before_anything_is_made(
    start: ModuleType, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "NEEDED", 10**18)
    with pytest.raises(start.StartError, match="GB free, and about 1000000000 GB are needed"):
        start.set_up(project)
    assert not (project / ".venv").exists()


@pytest.mark.skipif(os.name == "nt", reason="there is no lock on Windows")
def test_two_runs_do_not_set_up_at_once(start: ModuleType, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order = []

    def second() -> None:
        with start.locked(project / "lock"):
            order.append("second")

    with start.locked(project / "lock"):
        thread = threading.Thread(target=second)
        thread.start()
        deadline = time.monotonic() + 10
        while "waiting for another" not in capsys.readouterr().err and time.monotonic() < deadline:
            time.sleep(0.01)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


# -- PyTorch --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "failing", "expected"),
    [
        ("linux", [], ["--no-index"]),
        ("linux", ["--no-index"], ["--no-index", "--target", "--torch-backend cpu"]),
        ("linux", ["--no-index", "--target"], ["--no-index", "--target", "install torch"]),
        (
            "linux",
            ["--no-index", "--torch-backend"],
            ["--no-index", "--target", "--torch-backend cpu", "install torch"],
        ),
        ("darwin", ["--no-index"], ["--no-index", "install torch"]),
        ("win32", ["--no-index"], ["--no-index", "install torch"]),
    ],
)
def test_the_ways_to_get_torch_are_tried_in_order(
    start: ModuleType,
    tmp_path: Path,
    commands: Commands,
    capsys: pytest.CaptureFixture[str],
    platform: str,
    failing: list[str],
    expected: list[str],
) -> None:
    commands.failing = dict.fromkeys(failing, "ERROR")
    start.install_torch(start.Venv(tmp_path), "torch>=2.13", platform)
    assert len(commands.ran) == len(expected)
    assert all(sign in words for sign, words in zip(expected, commands.ran, strict=True)), commands.ran
    warned = "3 GB to download" in capsys.readouterr().err
    assert warned == (platform == "linux" and expected[-1] == "install torch")


def test_torch_is_asked_for_as_the_project_does(start: ModuleType) -> None:
    assert re.fullmatch(r"torch>=\d+\.\d+", start.torch_requirement(ROOT))


# -- messages -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "advice"),
    [
        ("OSError: [Errno 28] No space left on device", "free some disk space"),
        ("Retrying ... NameResolutionError('...')\nERROR: No matching distribution found", "can't be reached"),
        ("ERROR: No matching distribution found for mlflow", "offers no fitting version"),
        ("something else", "read the lines above"),
    ],
)
def test_a_failure_ends_with_what_to_do(start: ModuleType, output: str, advice: str) -> None:
    assert advice in start.failure("the project", 1, output, Path("log")).splitlines()[-1]


def test_a_failure_shows_the_end_of_the_output_without_noise(start: ModuleType) -> None:
    output = "\n".join(["WARNING: Location is ignored", *(f"line {i}" for i in range(30)), "[notice] newer pip", ""])
    text = start.failure("the project", 2, output, Path("setup.log"))
    assert text.startswith("installing the project failed (exit code 2)\n    line 15\n")
    assert "WARNING" not in text and "[notice]" not in text
    assert "setup.log" in text


def test_what_would_lead_pip_astray_is_left_out(start: ModuleType) -> None:
    given = {"PIP_USER": "1", "PYTHONPATH": "/x", "PIP_FIND_LINKS": "/wheels", "PATH": "/bin"}
    kept = {"PIP_FIND_LINKS": "/wheels", "PATH": "/bin", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    assert start.for_pip(given) == kept


def test_the_log_keeps_the_command_and_its_output(start: ModuleType, tmp_path: Path) -> None:
    log = tmp_path / "log"
    for word in ("one", "two"):
        ask = [sys.executable, "-c", f"import sys; print({word!r}); print('bad', file=sys.stderr); sys.exit(3)"]
        code, output = start.logged(ask, log)
        assert (code, sorted(output.split())) == (3, sorted([word, "bad"]))
    assert log.read_text().count(f"$ {sys.executable} -c") == 2


# -- what is run in the environment ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ({}, 0),
        ({"pytest": 1}, 1),
        ({"pytest": 5}, 5),
        ({"mypy": 1}, 1),
        ({"ruff": 2, "pytest": 3}, 3),
    ],
)
def test_pytest_runs_last_and_whatever_the_others_say(
    start: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    codes: dict[str, int],
    expected: int,
) -> None:
    ran = []

    def call(command: Sequence[str | Path], variables: dict[str, str], folder: Path) -> int:
        words = [Path(command[0]).name, *map(str, command[1:])]
        ran.append(words)
        return next((code for name, code in codes.items() if name in words), 0)

    monkeypatch.setattr(start, "call", call)
    assert start.run_tests(start.Venv(tmp_path), ["-k", "x"]) == expected
    assert [words[:2] for words in ran[:3]] == [["ruff", "check"], ["ruff", "format"], ["mypy"]]
    assert ran[3] == ["python", "-m", "pytest", "-k", "x"]
    assert ("these failed" in capsys.readouterr().err) == bool(set(codes) & {"ruff", "mypy"})


def test_the_environment_comes_first_on_the_path(start: ModuleType, tmp_path: Path) -> None:
    venv = start.Venv(tmp_path)
    assert venv.variables()["PATH"].split(os.pathsep)[0] == str(venv.program("python").parent)
    assert venv.variables()["VIRTUAL_ENV"] == str(tmp_path)


@pytest.mark.parametrize(("action", "code"), [("sys.exit(7)", 7), ("os.kill(os.getpid(), 9)", 137)])
def test_the_exit_code_passes_through(start: ModuleType, action: str, code: int) -> None:
    assert start.call([sys.executable, "-c", f"import os, sys; {action}"], os.environ) == code


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_what_is_running_ends_with_start(tmp_path: Path) -> None:
    flag = tmp_path / "running"
    inner = f"import pathlib, time; pathlib.Path({str(flag)!r}).touch(); time.sleep(60)"
    outer = (
        f"import os, signal, sys; sys.path.insert(0, {str(ROOT)!r}); import start; "
        "signal.signal(signal.SIGTERM, start.terminated); "
        f"start.call([sys.executable, '-c', {inner!r}], os.environ)"
    )
    with subprocess.Popen([sys.executable, "-B", "-c", outer], stderr=subprocess.PIPE, text=True) as process:
        while not flag.exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGTERM
    assert said.strip() == "start.py: terminated"


# -- packages of the system -----------------------------------------------------------------------------------


@pytest.fixture
def debian(start: ModuleType, project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Give a function that sees to the packages on a stand-in for Debian; it gives the commands that were run."""

    def see_to(installed: Sequence[str], *, root: bool = True, code: int = 0, **environ: str) -> list[str]:
        ran = []

        def tried(command: Sequence[str]) -> tuple[int, str]:
            ran.append(" ".join(command))
            return code, "E: Unable to locate package"

        for name in ("CI", "GITHUB_ACTIONS"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(start, "tried", tried)
        monkeypatch.setattr(start.shutil, "which", lambda name: f"/usr/bin/{name}")
        monkeypatch.setattr(start.os, "geteuid", lambda: 0 if root else 1000, raising=False)
        answer = {True: (0, "installed"), False: (1, "")}
        monkeypatch.setattr(start, "run_quietly", lambda command: answer[command[-1] in installed])
        (project / "apt.txt").write_text("# why\nchromium  # tests\n\nfonts-ipaexfont-gothic\n", "utf-8")
        start.provide_packages(project)
        return ran

    return see_to


def test_nothing_is_done_or_said_where_all_packages_are_there(debian, capsys: pytest.CaptureFixture[str]) -> None:
    assert debian(["chromium", "fonts-ipaexfont-gothic"], CI="true") == []
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("environ", [{"CI": "true"}, {"GITHUB_ACTIONS": "true"}])
def test_ci_installs_what_is_missing_and_only_that(debian, environ: dict[str, str]) -> None:
    assert debian(["chromium"], **environ) == [
        "apt-get update",
        "apt-get install --yes --no-install-recommends fonts-ipaexfont-gothic",
    ]


@pytest.mark.parametrize(("root", "environ"), [(True, {}), (False, {"CI": "true"}), (True, {"CI": "false"})])
def test_elsewhere_one_line_says_what_is_missing_and_how_to_get_it(
    debian, capsys: pytest.CaptureFixture[str], root: bool, environ: dict[str, str]
) -> None:
    assert debian([], root=root, **environ) == []
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "sudo apt-get install --yes --no-install-recommends chromium fonts-ipaexfont-gothic" in said


def test_packages_that_cannot_be_had_are_no_reason_to_fail(debian, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(debian([], code=100, CI="true")) == 2
    assert "Unable to locate package; their tests are skipped" in capsys.readouterr().err


def test_without_debian_nothing_is_asked(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start.shutil, "which", lambda name: None)
    assert start.missing_packages(ROOT) == []


def test_a_program_that_is_missing_or_hangs_is_told_and_not_raised(start: ModuleType) -> None:
    assert start.tried(["/no/such/program"])[0] == start.FAILED
    hang = [sys.executable, "-c", "import time; time.sleep(60)"]
    code, said = start.tried(hang, seconds=1)
    assert code == start.FAILED and "timed out" in said


def test_the_listed_packages_have_a_reason_each() -> None:
    lines = (ROOT / "apt.txt").read_text("utf-8").splitlines()
    assert all(re.fullmatch(r"#.*|[a-z0-9.+-]+ +# \S.*", line) for line in lines)
    assert "chromium" in {line.split()[0] for line in lines}
