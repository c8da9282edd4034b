"""Set up qmtestbed in .venv beside this file, then do one thing in it.

usage: python3 start.py setup           make or mend the environment and print its folder
       python3 start.py test [ARGS...]  ruff, mypy and pytest; ARGS go to pytest
       python3 start.py demo [ARGS...]  qmtestbed demo; ARGS go to it

In CI (CI=true, as root, with apt-get) the packages of apt.txt are installed too; elsewhere missing ones are named.
Needs Python 3.11 or newer with venv, about 3 GB of disk and a reachable package index. When the environment is up to
date nothing is installed. pip's own output goes to .venv/setup.log. Deleting .venv undoes everything.

Exit code: that of the tests or the demo; 3 if the set-up failed, 4 if something is missing or the usage is wrong,
130 if interrupted. Tried on Linux; macOS and Windows are provided for, but untried.
"""

# An old Python must get as far as saying that it is too old, so this file keeps to the grammar of Python 3.6 and to
# the standard library; its messages keep to ASCII, which every terminal can show.

import contextlib
import difflib
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: two runs at once are then not kept apart
    fcntl = None  # type: ignore[assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType

    Command = Sequence[str | Path]

ROOT = Path(__file__).resolve().parent
PYTHON = (3, 11)
PACKAGES = "apt.txt"
STAMPED = ("pyproject.toml", "hatch_build.py", "start.py")
COMMANDS = ("setup", "test", "demo")
GB = 10**9
NEEDED = 3 * GB
NEEDED_WITH_CUDA = 9 * GB
FAILED, UNUSABLE, INTERRUPTED = 3, 4, 130


class StartError(Exception):
    """Something that the reader has to know or do before this can go on."""

    def __init__(self, message: str, code: int = UNUSABLE) -> None:
        super().__init__(message)
        self.code = code


# -- the command line -----------------------------------------------------------------------------------------


def main(arguments: "Sequence[str]") -> int:
    """Carry out one command line and give its exit code."""
    try:
        if sys.version_info[:2] < PYTHON:
            raise StartError(too_old(sys.version.split()[0], sys.executable, newer_pythons()))
        command, rest = parse(arguments)
        if command == "help":
            print(__doc__.strip())
            return 0
        signal.signal(signal.SIGTERM, terminated)
        if command != "demo":
            provide_packages(ROOT)
        venv = set_up(ROOT)
        if command == "test":
            return run_tests(venv, rest)
        if command == "demo":
            return call([venv.program("qmtestbed"), "demo", *rest], venv.variables())
        print(venv.folder)
        return 0
    except StartError as error:
        say(f"start.py: {error}")
        return error.code
    except OSError as error:
        say(f"start.py: {error.filename or 'the operating system'}: {error.strerror}")
        return FAILED
    except KeyboardInterrupt:
        say("\nstart.py: interrupted")
        return INTERRUPTED


def parse(arguments: "Sequence[str]") -> "tuple[str, list[str]]":
    """Split a command line into the command and what is passed on."""
    if not arguments:
        raise StartError("say what to do: setup, test or demo\n\n" + __doc__.strip())
    command, rest = arguments[0], list(arguments[1:])
    if command in ("-h", "--help", "help"):
        return "help", []
    if command not in COMMANDS:
        close = difflib.get_close_matches(command, COMMANDS, n=1)
        meant = f"; did you mean {close[0]}?" if close else ""
        raise StartError(f"no command {command!r}{meant} There are: {', '.join(COMMANDS)}")
    if command == "setup" and rest:
        raise StartError(f"setup takes nothing more, but was given {' '.join(rest)}")
    return command, rest


def too_old(version: str, executable: str, newer: "Sequence[str]") -> str:
    """Say that this Python is too old, and which one to take instead."""
    wanted = ".".join(map(str, PYTHON))
    do = (
        f"this machine has {newer[0]}: run '{newer[0]} start.py' instead"
        if newer
        else f"install Python {wanted} or newer, then run this again with it"
    )
    return f"needs Python {wanted} or newer, but {executable} is Python {version}\n  {do}"


def newer_pythons() -> "list[str]":
    """Give the names of the Pythons on the path that are new enough and run, oldest first."""
    names = (f"python{PYTHON[0]}.{minor}" for minor in range(PYTHON[1], PYTHON[1] + 9))
    return [name for name in names if shutil.which(name) and run_quietly([name, "--version"])[0] == 0]


def terminated(number: int, frame: "FrameType | None") -> None:
    """Leave in the ordinary way, so that what is running is ended too."""
    say("\nstart.py: terminated")
    sys.exit(128 + number)


def say(text: str, end: str = "\n") -> None:
    """Tell the reader at the terminal; standard output is left to the commands."""
    print(text, end=end, file=sys.stderr, flush=True)


# -- the environment ------------------------------------------------------------------------------------------


class Venv:
    """The folder of a virtual environment, and what this script notes in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "setup.log"
        self.stamp = folder / "setup.stamp"
        self.unfinished = folder / "setup.unfinished"

    def program(self, name: str) -> Path:
        """Give the path of a program of the environment."""
        return self.folder / "Scripts" / (name + ".exe") if os.name == "nt" else self.folder / "bin" / name

    def variables(self) -> "dict[str, str]":
        """Give the variables of an activated environment."""
        path = os.pathsep.join([str(self.program("python").parent), os.environ.get("PATH", os.defpath)])
        return {**os.environ, "VIRTUAL_ENV": str(self.folder), "PATH": path, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

    def holds(self, stamp: str) -> bool:
        """Tell whether this is the finished environment of this stamp."""
        return self.program("python").exists() and self.stamped() == stamp

    def stamped(self) -> str:
        """Give the stamp of the last finished set-up; empty if there is none."""
        return self.stamp.read_text(encoding="utf-8") if self.stamp.exists() else ""

    def usable(self) -> bool:
        """Tell whether pip can go on from what is there: made here, by this Python, and not cut off half-way."""
        python = self.program("python")
        if self.unfinished.exists() or not python.exists():
            return False
        if self.stamp.exists() and not self.stamped().endswith(place(self.folder)):
            return False
        ask: Command = [python, "-I", "-c", "import pip, sys; print(sys.implementation.cache_tag)"]
        return run_quietly(ask) == (0, sys.implementation.cache_tag)


def place(folder: Path) -> str:
    """Give the part of a stamp that says where the environment was made: its programs hold that path."""
    return f" in {folder}\n"


def stamp_of(root: Path, tag: "str | None" = sys.implementation.cache_tag) -> str:
    """Give the stamp that a finished environment of this source, Python and place bears."""
    digest = hashlib.sha256(str(tag).encode())
    for name in STAMPED:
        digest.update(hashlib.sha256((root / name).read_bytes()).digest())
    return digest.hexdigest() + place(root / ".venv")


def set_up(root: Path) -> Venv:
    """Make or mend the environment, unless it is up to date already."""
    venv, stamp = Venv(root / ".venv"), stamp_of(root)
    with locked(root / ".venv.lock"):
        if not venv.holds(stamp):
            began = time.monotonic()
            build(venv, root)
            venv.stamp.write_text(stamp, encoding="utf-8")
            say(f"ready after {time.monotonic() - began:.0f} s: {venv.folder}")
    return venv


@contextlib.contextmanager
def locked(path: Path) -> "Iterator[None]":
    """Keep two runs of this script from setting up at the same time."""
    with path.open("a") as file:
        if fcntl:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("waiting for another start.py that is setting up here")
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def build(venv: Venv, root: Path) -> None:
    """Install everything into the environment, made anew if what is there can't be used."""
    if not venv.usable():
        create(venv)
    if venv.stamp.exists():
        venv.stamp.unlink()
    venv.unfinished.touch()  # left behind only where this is cut off, so that pip may have left anything
    try:
        install_torch(venv, torch_requirement(root))
        project = f"{root}[dev]"
        step(venv, "qmtestbed and what it needs", [*pip(venv), "install", "--editable", project])
    except StartError:
        venv.unfinished.unlink()  # pip ended by itself: what it had finished is sound
        raise
    venv.unfinished.unlink()


def create(venv: Venv) -> None:
    """Make an empty environment."""
    if importlib.util.find_spec("ensurepip") is None:
        raise StartError(without_ensurepip())
    if venv.folder.exists():
        say(f"{venv.folder} was made elsewhere, by another Python or only half: it is made anew")
        shutil.rmtree(venv.folder)
    demand_space(venv.folder.parent, NEEDED)
    venv.folder.mkdir()
    base = getattr(sys, "_base_executable", None) or sys.executable  # this may be a Python of the folder just removed
    step(venv, "virtual environment", [base, "-m", "venv", venv.folder])


def without_ensurepip() -> str:
    """Say that this Python can't make an environment with pip in it."""
    version = ".".join(map(str, sys.version_info[:2]))
    return (
        f"{sys.executable} can't make a virtual environment: its module ensurepip is missing\n"
        f"  on Debian and Ubuntu: apt install python{version}-venv; then run this again"
    )


def demand_space(folder: Path, needed: int) -> None:
    """Refuse to fill the disk up."""
    free = shutil.disk_usage(str(folder)).free
    if free < needed:
        raise StartError(
            f"{folder} has {free / GB:.1f} GB free, and about {needed / GB:.0f} GB are needed\n"
            "  free some space, or move this folder to a larger disk"
        )


# -- what the system gives ------------------------------------------------------------------------------------


def provide_packages(root: Path) -> None:
    """See to the system's packages that the tests use: installed in CI, elsewhere only told. Never a reason to fail."""
    missing = missing_packages(root)
    if not missing:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if not may_install(os.environ):
        say(f"start.py: tests that need {', '.join(missing)} are skipped; to have them: sudo {' '.join(command)}")
        return
    say(f"  packages of the system: {', '.join(missing)} ...", end=" ")
    began = time.monotonic()
    for words in (["apt-get", "update"], command):
        code, output = tried(words)
    last = output.splitlines()[-1] if output else ""
    seconds = time.monotonic() - began
    say(f"{seconds:.1f} s" if code == 0 else f"not to be had ({seconds:.1f} s): {last}; their tests are skipped")


def missing_packages(root: Path) -> "list[str]":
    """Give the packages listed in apt.txt that are not installed; none where there is no Debian to have them."""
    if shutil.which("dpkg-query") is None or not (root / PACKAGES).is_file():
        return []
    lines = (line.split("#")[0].strip() for line in (root / PACKAGES).read_text(encoding="utf-8").splitlines())
    ask = ["dpkg-query", "--show", "--showformat", "${db:Status-Status}"]
    return [name for name in lines if name and run_quietly([*ask, name]) != (0, "installed")]


def may_install(environ: "Mapping[str, str]") -> bool:
    """Tell whether this is a machine of CI that lets us install packages."""
    in_ci = environ.get("CI") == "true" or bool(environ.get("GITHUB_ACTIONS"))
    root = getattr(os, "geteuid", lambda: 1)() == 0
    return in_ci and root and shutil.which("apt-get") is not None


def tried(command: "Sequence[str]", seconds: int = 180) -> "tuple[int, str]":
    """Run a command that may fail or hang; give its exit code and all that it said."""
    variables = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        answer = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=variables,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return FAILED, str(error)
    return answer.returncode, answer.stdout.decode(errors="replace").strip()


# -- what goes into it ----------------------------------------------------------------------------------------


def install_torch(venv: Venv, torch: str, platform: str = sys.platform) -> None:
    """Install PyTorch, on Linux its CPU build if there is any way to get it: the ordinary one brings 3 GB of CUDA."""
    # Without an index pip is content with what is installed, else looks where find-links points, else fails at once.
    local = [*pip(venv), "install", "--no-index", "--no-deps", torch]
    if step(venv, "PyTorch from this machine", local, optional=True):
        return
    if platform == "linux":
        if install_torch_with_uv(venv, torch):
            return
        demand_space(venv.folder, NEEDED_WITH_CUDA)
        say("  no CPU build of PyTorch was found: the ordinary one is taken, 3 GB to download and 5.4 GB on disk")
    step(venv, "PyTorch", [*pip(venv), "install", torch])


def install_torch_with_uv(venv: Venv, torch: str) -> bool:
    """Let uv, which knows where the CPU builds are, install PyTorch; tell whether it could."""
    with tempfile.TemporaryDirectory(prefix="start-") as tools:
        if not step(venv, "uv", [*pip(venv), "install", "--target", tools, "uv"], optional=True):
            return False
        uv: Command = [Path(tools, "bin", "uv"), "pip", "install", "--python", venv.program("python")]
        return step(venv, "PyTorch, CPU build", [*uv, "--torch-backend", "cpu", torch], optional=True)


def torch_requirement(root: Path) -> str:
    """Give what the project asks of PyTorch."""
    import tomllib  # not at the top: an old Python has none

    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["optional-dependencies"]["torch"][0])


def pip(venv: Venv) -> "list[str | Path]":
    """Give the start of every pip command."""
    return [venv.program("python"), "-m", "pip", "--no-input"]


def step(venv: Venv, what: str, command: "Command", optional: bool = False) -> bool:
    """Run one step of the set-up into the log, saying how long it took; tell whether it succeeded."""
    say(f"  {what} ...", end=" ")
    began = time.monotonic()
    code, output = logged(command, venv.log)
    seconds = time.monotonic() - began
    if code == 0:
        say(f"{seconds:.1f} s")
        return True
    say(f"{'not to be had' if optional else 'FAILED'} ({seconds:.1f} s)")
    if not optional:
        raise StartError(failure(what, code, output, venv.log), FAILED)
    return False


def logged(command: "Command", log: Path) -> "tuple[int, str]":
    """Run a command with its output added to the log; give its exit code and that output."""
    words = [str(word) for word in command]
    with log.open("a+b") as file:
        file.write(f"\n$ {' '.join(words)}\n".encode())
        file.flush()
        began = file.tell()
        code = subprocess.call(
            words, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, env=for_pip(os.environ)
        )
        file.seek(began)
        return code, file.read().decode(errors="replace")


def run_quietly(command: "Command") -> "tuple[int, str]":
    """Run a command for its answer; give its exit code and what it printed."""
    words = [str(word) for word in command]
    answer = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return answer.returncode, answer.stdout.decode(errors="replace").strip()


def for_pip(environ: "Mapping[str, str]") -> "dict[str, str]":
    """Leave out the variables that would make pip look, or install, outside the environment."""
    astray = ("PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")
    kept = {name: value for name, value in environ.items() if name not in astray}
    return {**kept, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def failure(what: str, code: int, output: str, log: Path) -> str:
    """Say what failed, with the end of the output, and what to do."""
    lines = [line for line in output.splitlines() if line.strip() and not line.startswith(("WARNING", "[notice]"))]
    tail = "\n".join("    " + line for line in lines[-15:])
    return f"installing {what} failed (exit code {code})\n{tail}\n  all of it: {log}\n  what to do: {advice(output)}"


def advice(output: str) -> str:
    """Give the next thing to try, by what pip said."""
    for signs, text in ADVICE:
        if any(sign in output for sign in signs):
            return text
    return "read the lines above; then run this again: it goes on where it can"


ADVICE = (
    (("No space left on device",), f"free some disk space (about {NEEDED / GB:.0f} GB are needed) and run this again"),
    (
        ("NewConnectionError", "NameResolutionError", "ConnectTimeout", "Read timed out", "ProxyError", "SSLError"),
        "the package index can't be reached: check the network, the proxy and 'pip config list', and run this again",
    ),
    (
        ("No matching distribution found", "ResolutionImpossible"),
        "the package index offers no fitting version: check the network, 'pip config list' and the Python version",
    ),
    (("Permission denied",), "give yourself write access to this folder, or copy it to one of yours"),
)


# -- what is done in it ---------------------------------------------------------------------------------------


def run_tests(venv: Venv, arguments: "Sequence[str]") -> int:
    """Run ruff, mypy and pytest; pytest comes last and runs whatever the others say."""
    failed = []
    for check in ("ruff check .", "ruff format --check .", "mypy"):
        print(f"== {check}", flush=True)
        program, *rest = check.split()
        if call([venv.program(program), *rest], venv.variables(), ROOT) != 0:
            failed.append(check)
    # One process per core, a file to each: the tests wait for child processes a good part of their time.
    given = [*(() if arguments else ("-n", "auto", "--dist", "loadfile")), *arguments]
    print(f"== pytest {' '.join(given)}", flush=True)
    code = call([venv.program("python"), "-m", "pytest", *given], venv.variables(), ROOT)
    if failed:
        say(f"start.py: before pytest these failed, see above: {', '.join(failed)}")
    return code or int(bool(failed))


def call(command: "Command", variables: "Mapping[str, str]", folder: "Path | None" = None) -> int:
    """Run a command with the terminal's input and output; give its exit code, 128 + n for signal n."""
    with subprocess.Popen([str(word) for word in command], env=dict(variables), cwd=folder and str(folder)) as process:
        try:
            code = process.wait()
        except KeyboardInterrupt:  # the command got it too, and is given the time to end in its own way
            code = process.wait()
        except SystemExit:  # we alone were terminated
            process.terminate()
            raise
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
