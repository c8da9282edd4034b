"""Each layer holds what it says: real attempts in a forked process that entered it, as root and as a plain user.

A server is played by a small interpreter of its own: pytest's may have threads, and what is entered is never left.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from qmtestbed.execute import sandbox
from qmtestbed.execute.sandbox import LAYERS, landlock, layers, paths, seccomp, trial
from qmtestbed.execute.sandbox.kernel import version

PACKAGE = Path(sandbox.__file__).parents[2]
EVERY = tuple(LAYERS)
NOBODY = 65534
ROOT = os.geteuid() == 0 if sys.platform == "linux" else False

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the layers are Linux only")

SERVER = """
import ctypes, errno, gc, json, os, signal, socket, subprocess, sys, time, types
from pathlib import Path
asked = json.loads(sys.argv[1])
if not asked["heavy"]:  # what the package itself imports may not be readable for another user's interpreter
    for name in ("qmtestbed", "qmtestbed.execute"):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = [os.path.join(asked["package"], *name.split(".")[1:])]
from qmtestbed.execute.sandbox import Confinement, available, enter, LAYERS
libc = ctypes.CDLL(None, use_errno=True)

def refused(attempt, *arguments):
    try:
        result = attempt(*arguments)
    except OSError as error:
        return error.errno
    raise AssertionError(f"it was allowed: {result!r}")

def gone(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"

def soon(condition, seconds=5):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()

def start_job(code=asked["job"]):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setsid()
            os.chdir(asked["folder"])
            enter(Confinement(**asked["confinement"]), asked["layers"], asked["keep"])
            exec(compile(code, "<job>", "exec"), globals())
            status = 0
        except SystemExit as error:
            status = error.code
        except BaseException:
            import traceback
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(status)
    return child

exec(compile(asked["before"], "<before>", "exec"))
if asked["job"]:
    child = start_job()
    exec(compile(asked["during"], "<during>", "exec"))
    _, status, usage = os.wait4(child, 0)
    code = os.waitstatus_to_exitcode(status)
    exec(compile(asked["after"], "<after>", "exec"))
    print(f"@{code}")
"""


@dataclass(frozen=True)
class Ended:
    """How a job ended, as its server saw it, and what both wrote."""

    code: int
    out: str
    err: str

    @property
    def fine(self) -> bool:
        assert self.code == 0, f"{self.code}: {self.out}\n{self.err}"
        return True


@dataclass(frozen=True)
class Place:
    """A folder that belongs to whoever plays the server, and that interpreter.

    There are a job's folder, another job's, a home folder with a secret and an input.
    """

    root: Path
    command: tuple[str, ...]
    user: int

    @property
    def job(self) -> Path:
        return self.root / "job"

    def server(self, **asked: Any) -> Ended:
        """Let a server run one job."""
        confinement: dict[str, Any] = {
            "writable": [str(self.job)],
            "readable": [str(self.root / "input.txt"), str(self.root / "model")],
            "memory": 4 * 2**30,
            "file_size": 2**20,
            "cpu_seconds": 60,
            "processes": 30,
        }
        confinement |= asked.pop("confinement", {})
        given: dict[str, Any] = {
            **dict.fromkeys(("job", "before", "during", "after"), ""),
            **{"package": str(PACKAGE), "folder": str(self.job), "layers": (), "keep": (), "heavy": False},
            **asked,
            "confinement": confinement,
        }
        done = subprocess.run(
            [*self.command, "-c", f"HERE = {str(self.root)!r}\n{SERVER}", json.dumps(given)],
            capture_output=True,
            text=True,
            timeout=120,
            env={
                **{"PATH": os.environ["PATH"], "HOME": str(self.job), "TMPDIR": str(self.job), "OMP_NUM_THREADS": "1"},
                **({"PYTHONPATH": sysconfig.get_path("purelib")} if self.command[0] != sys.executable else {}),
            },
        )
        assert done.returncode == 0, done.stdout + done.stderr
        out, at, code = done.stdout.rpartition("@")
        return Ended(int(code), out, done.stderr) if at else Ended(0, done.stdout, done.stderr)


def furnish(root: Path) -> None:
    for folder in ("job", "other", "home", "model"):
        root.joinpath(folder).mkdir()
    for name in ("other/record.json", "home/secret", "input.txt", "beside.txt", "model/weights"):
        root.joinpath(name).write_text(f"content of {name}")


def other_interpreter() -> str | None:
    """An interpreter that every user may run, as ours may be in root's home."""
    for name in (sys.executable, "/usr/bin/python3"):
        # setpriv itself may still start what the user that it turns into can't reach
        same = f"sys.version_info[:2] == {sys.version_info[:2]}"
        test = f"import os, sys; assert {same} and os.access({name!r}, os.X_OK)"
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", name, "-c", test]
        with contextlib.suppress(OSError):
            if subprocess.run(command, capture_output=True).returncode == 0:
                return name
    return None


@pytest.fixture(scope="module", params=["the user of the tests", "nobody"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A fresh place; each test finds it as the one before left it."""
    command: tuple[str, ...] = (sys.executable,)
    user = os.geteuid()
    if request.param == "nobody":
        if not ROOT or shutil.which("setpriv") is None:
            pytest.skip("only root can be another user, with setpriv")
        interpreter = other_interpreter()
        if interpreter is None:
            pytest.skip("no Python 3.11 that another user may run")
        command = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", interpreter)
        user = NOBODY
    with tempfile.TemporaryDirectory(prefix="qmt-place-") as folder:
        root = Path(folder).resolve()
        furnish(root)
        for path in (root, *root.rglob("*")):
            os.chown(path, user, -1)
        yield Place(root, command, user)


@pytest.fixture(scope="module")
def usable(place: Place) -> dict[str, str]:
    return dict(json.loads(place.server(before="print(json.dumps(dict(available())))").out))


@pytest.fixture
def run(place: Place, usable: dict[str, str]) -> Callable[..., Ended]:
    """Run code in a job that entered some layers; skips where one is not available."""

    def run_in(layers: tuple[str, ...], job: str, **more: Any) -> Ended:
        for layer in layers:
            if usable[layer]:
                pytest.skip(f"layer {layer}: {usable[layer]}")
        for path in place.job.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        return place.server(layers=layers, job=job, **more)

    return run_in


Run = Callable[..., Ended]


# --- as a whole


def test_tells_of_every_layer_whether_it_works_and_leaves_the_caller_alone(
    place: Place, usable: dict[str, str]
) -> None:
    assert list(usable) == list(LAYERS)
    # TMPDIR is this place's own: in /tmp the trials of tests that run beside this one come and go
    facts = """
import tempfile
assert tempfile.gettempdir() == os.environ["TMPDIR"]
def facts():
    names = {n.name: os.readlink(n) for n in Path("/proc/self/ns").iterdir()}
    kept = ("Cap", "NoNewPrivs", "Seccomp", "Uid", "Gid", "Threads")
    return names, [l for l in Path("/proc/self/status").read_text().splitlines() if l.startswith(kept)]
before, files = facts(), sorted(os.listdir("/proc/self/fd"))
found = available()
assert facts() == before
assert sorted(os.listdir("/proc/self/fd")) == files
assert available() is found
assert not [p for p in os.listdir(tempfile.gettempdir()) if p.startswith("qmt-trial-")]
"""
    assert place.server(before=facts).code == 0


def test_says_that_it_is_not_available_on_other_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert set(trial.available.__wrapped__().values()) == {"not available on this system"}
    nothing = sandbox.Confinement((), (), 0, 0, 0, 0)
    with pytest.raises(OSError, match="network, syscalls: not available on this system"):
        sandbox.enter(nothing, ("syscalls", "network"))
    sandbox.enter(nothing, ())


def test_a_layer_that_the_host_refuses_is_told_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise OSError(errno.EPERM, "unshare: Operation not permitted")

    monkeypatch.setattr("qmtestbed.execute.sandbox.namespaces.unshare", forbidden)
    assert trial._try(["limits", "network"]) == "unshare: Operation not permitted"
    monkeypatch.setitem(trial._EFFECTS, "limits", lambda: False)
    monkeypatch.undo()
    monkeypatch.setitem(trial._EFFECTS, "limits", lambda: False)
    assert trial._try(["limits"]) == "it was accepted, but has no effect"
    monkeypatch.setitem(trial._EFFECTS, "limits", lambda: os._exit(0))
    assert trial._try(["limits"]) == "the process that tried it ended without an answer"


def test_a_host_without_user_namespaces_has_the_other_layers(place: Place, usable: dict[str, str]) -> None:
    if place.user != os.geteuid() or shutil.which("unshare") is None or usable["network"]:
        pytest.skip("it takes a user namespace to play such a host, and unshare")
    asked = "import json; from qmtestbed.execute.sandbox import available; print(json.dumps(dict(available())))"
    ban = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", ban, "sh", sys.executable, "-c", asked]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=place.root)
    found = json.loads(done.stdout)
    assert found["network"] == found["pids"] == "this host allows no more user namespaces (user.max_user_namespaces)"
    assert found["mounts"] == "it needs the layer pids, which is not available"
    assert {n: found[n] for n in ("limits", "filesystem", "privileges", "syscalls")} == {
        n: usable[n] for n in ("limits", "filesystem", "privileges", "syscalls")
    }


@pytest.mark.parametrize(
    ("named", "message"),
    [(("seccomp",), "no such layers: seccomp; there are: limits,"), (("mounts",), "mounts needs the layer pids")],
)
def test_refuses_layers_that_can_not_be(named: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sandbox.enter(sandbox.Confinement((), (), 0, 0, 0, 0), named)


def test_names_the_layer_that_could_not_be_entered_and_the_job_ends(run: Run) -> None:
    ended = run(EVERY, "print('it ran')", confinement={"readable": ["/no/such/input"]})
    assert ended.code == 1
    assert "layer filesystem: No such file or directory: '/no/such/input'" in ended.err
    assert "it ran" not in ended.out


@pytest.mark.parametrize("entered", [(), *((layer,) for layer in EVERY if layer != "mounts"), EVERY])
def test_enters_the_named_layers_only(run: Run, place: Place, entered: tuple[str, ...]) -> None:
    seen = run(
        entered,
        """
names = {n: os.readlink(f"/proc/self/ns/{n}") != outside[n] for n in outside}
facts = dict(l.split(":\\t", 1) for l in Path("/proc/self/status").read_text().splitlines() if ":\\t" in l)
import resource
def opens(path):
    try:
        os.close(os.open(path, os.O_RDONLY))
        return True
    except PermissionError:
        return False
print(json.dumps({
    "limits": resource.getrlimit(resource.RLIMIT_FSIZE)[1] == 2**20, "network": names["net"], "pids": names["pid"],
    "mounts": names["mnt"], "filesystem": not opens(HERE), "syscalls": facts["Seccomp"] == "2",
    "privileges": facts["NoNewPrivs"] == "1" and int(facts["CapPrm"], 16) == 0, "user": names["user"],
}))
""",
        before="outside = {n: os.readlink(f'/proc/self/ns/{n}') for n in ('net', 'pid', 'mnt', 'user')}",
    )
    assert seen.fine
    found = json.loads(seen.out)
    assert found.pop("user") == bool({"network", "pids"} & set(entered))
    if place.user:  # has none to lose, and two other layers need that it gets none
        found.pop("privileges")
    assert {layer for layer, active in found.items() if active} == set(entered) & set(found)


def test_user_and_group_are_themselves_and_groups_can_not_be_given_up(run: Run, place: Place) -> None:
    ended = run(
        ("network",),
        """
assert Path("/proc/self/setgroups").read_text().strip() == "deny"
maps = [Path(f"/proc/self/{n}_map").read_text().split() for n in ("uid", "gid")]
assert maps == [[str(os.getuid())] * 2 + ["1"], [str(os.getgid())] * 2 + ["1"]], maps
refused(os.setgroups, [])
assert os.stat(".").st_uid == os.getuid() == os.stat("/proc/self").st_uid
""",
    )
    assert ended.fine


def test_files_of_the_server_are_not_the_jobs(run: Run) -> None:
    """Nor are their numbers, which the server's objects would close."""
    ended = run(
        EVERY,
        """
assert os.read(lost[0], 9) == b"" and os.stat(lost[1]) == os.stat("/dev/null") == os.stat(listener.fileno())
os.write(writing, b"kept")
number, opened = lost[0], open("mine", "w")
held = None
gc.collect()
opened.write("whole")
opened.close()
assert Path("mine").read_text() == "whole"
""",
        before="""
reading, writing = os.pipe()
asked["keep"] = [writing]
lost = os.pipe()
held = os.fdopen(os.dup(lost[0]))
listener = socket.socket()
os.set_blocking(lost[0], False)
""",
        after="print(os.read(reading, 9))",
    )
    assert ended.fine
    assert "b'kept'" in ended.out


def test_many_in_turn_all_work(run: Run) -> None:
    ended = run(
        EVERY,
        "sys.exit(5)",
        before="""
for _ in range(60):
    assert os.waitstatus_to_exitcode(os.waitpid(start_job(), 0)[1]) == 5
""",
    )
    assert ended.code == 5
    assert not ended.err


# --- network, sockets


@pytest.fixture
def heard() -> Iterator[tuple[dict[str, Any], Callable[[], list[str]]]]:
    """Sockets that listen: where they are, and a function that tells which of them heard something."""
    name = f"\0qmt-{os.getpid()}-{time.monotonic_ns()}"
    kinds = {
        "tcp": (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
        "udp": (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
        "abstract": (socket.AF_UNIX, socket.SOCK_STREAM, name),
        "datagrams": (socket.AF_UNIX, socket.SOCK_DGRAM, f"{name}-datagrams"),
    }
    with contextlib.ExitStack() as stack:
        sockets = {}
        for kind, (family, type_, address) in kinds.items():
            sockets[kind] = stack.enter_context(socket.socket(family, type_))
            sockets[kind].bind(address)
            if type_ == socket.SOCK_STREAM:
                sockets[kind].listen()
        where = {
            k: s.getsockname()[1] if s.family == socket.AF_INET else s.getsockname().decode()
            for k, s in sockets.items()
        }

        def tell() -> list[str]:
            ready = select.select(list(sockets.values()), [], [], 0.2)[0]
            return sorted(kind for kind, s in sockets.items() if s in ready)

        yield where, tell


CALLS = """
where = json.loads({where!r})
def stream(family, address):
    with socket.socket(family) as s: s.settimeout(3); s.connect(address); return s.sendall(b"secret")
def datagram(family, address):
    with socket.socket(family, socket.SOCK_DGRAM) as s: return s.sendto(b"secret", address)
attempts = {{
    "tcp": lambda: stream(socket.AF_INET, ("127.0.0.1", where["tcp"])),
    "udp": lambda: datagram(socket.AF_INET, ("127.0.0.1", where["udp"])),
    "abstract": lambda: stream(socket.AF_UNIX, where["abstract"]),
    "datagrams": lambda: datagram(socket.AF_UNIX, where["datagrams"]),
}}
for kind in {kinds!r}: refused(attempts[kind])
"""
SOCKETS = ("tcp", "udp", "abstract", "datagrams")


def test_without_a_layer_the_listeners_hear_a_job(run: Run, heard: Any) -> None:
    where, tell = heard
    run((), CALLS.format(where=json.dumps(where), kinds=()) + "for a in attempts.values(): a()").fine  # noqa: B018
    assert tell() == sorted(SOCKETS)


@pytest.mark.parametrize(
    ("entered", "kinds"),
    [
        (("network",), SOCKETS),
        (("syscalls",), SOCKETS),
        (("filesystem",), ("abstract", "datagrams")),
        (EVERY, SOCKETS),
    ],
)
def test_nobody_outside_hears_a_job(run: Run, heard: Any, entered: tuple[str, ...], kinds: tuple[str, ...]) -> None:
    if entered == ("filesystem",) and landlock.version() < landlock.SCOPES_SINCE:
        pytest.skip("this kernel's Landlock leaves sockets alone")
    where, tell = heard
    assert run(entered, CALLS.format(where=json.dumps(where), kinds=kinds)).fine
    assert tell() == []


def test_names_of_hosts_are_not_asked_for(run: Run) -> None:
    ended = run(
        EVERY,
        """
for host in ("example.com", "localhost.example.org"):
    try:
        print(socket.getaddrinfo(host, 80))
        raise AssertionError("it was answered")
    except socket.gaierror: pass
for family in "INET INET6 UNIX NETLINK VSOCK ALG PACKET".split():
    family = getattr(socket, f"AF_{family}")
    assert refused(socket.socket, family, socket.SOCK_DGRAM) == errno.EPERM
""",
    )
    assert ended.fine


def test_a_network_of_its_own_has_no_way_out(run: Run) -> None:
    ended = run(
        ("network",),
        """
assert {n for _, n in socket.if_nameindex()} == {"lo"} or all(refused(datagram) for _ in "x")
assert len(Path("/proc/net/route").read_text().splitlines()) <= 1
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    assert refused(s.sendto, b"x", ("192.0.2.1", 53)) == errno.ENETUNREACH
""",
    )
    assert ended.fine


def test_a_socket_with_a_path_of_the_host_is_out_of_reach_and_pairs_work(run: Run, place: Place) -> None:
    ended = run(
        EVERY,
        """
import asyncio
refused(lambda: socket.socket(socket.AF_UNIX).connect(HERE + "/docker.sock"))
assert refused(socket.socketpair, socket.AF_UNIX, socket.SOCK_DGRAM) == errno.EPERM
for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
    one, two = socket.socketpair(socket.AF_UNIX, kind)
    one.send(b"x"); assert two.recv(9) == b"x"
    refused(one.connect, HERE + "/docker.sock")
async def add(): await asyncio.sleep(0.01); return await asyncio.to_thread(lambda: 3)
assert asyncio.run(add()) == 3
""",
        before="listening = socket.socket(socket.AF_UNIX); listening.bind(HERE + '/docker.sock'); listening.listen()",
        after="os.unlink(HERE + '/docker.sock')",
    )
    assert ended.fine


# --- files


def test_reads_its_inputs_and_nothing_of_anybody(run: Run) -> None:
    ended = run(
        ("filesystem",),
        """
read = lambda p: Path(HERE, p).read_text()
assert read("input.txt") == "content of input.txt" and read("model/weights") == "content of model/weights"
for path in ("home/secret", "other/record.json", "beside.txt"): assert refused(read, path) == errno.EACCES
for folder in ("", "home", "other", "/", "/root", "/tmp", "/home", "/var", "/run", "/etc", "/sys", "/dev"):
    if os.path.isdir(os.path.join(HERE, folder)): assert refused(os.listdir, os.path.join(HERE, folder)) == errno.EACCES
for path in ("/etc/shadow", "/etc/ssh", "/etc/machine-id", "/dev/mem", "/dev/tty", "/dev/zero"):
    if os.path.exists(path): refused(os.open, path, os.O_RDONLY)
refused(read, "/proc/self/root" + HERE + "/home/secret")
os.symlink(HERE + "/home/secret", "link"); assert refused(read, "job/link") == errno.EACCES
refused(os.link, HERE + "/home/secret", "hard")
refused(os.rename, HERE + "/home/secret", "moved")
""",
    )
    assert ended.fine


@pytest.mark.parametrize("entered", [("filesystem",), ("pids", "mounts"), EVERY])
def test_devices_that_a_job_is_given_work_and_no_others(run: Run, entered: tuple[str, ...]) -> None:
    """Those of a GPU are; here one that every machine has and no other job may open stands for them."""
    read = "assert os.read(os.open('/dev/zero', os.O_RDWR), 3) == bytes(3)"
    assert run(entered, read, confinement={"devices": ["/dev/zero"]}).fine
    others = f"{read}\nif 'filesystem' in {entered!r}: assert refused(os.open, '/dev/tty', os.O_RDONLY) == errno.EACCES"
    assert run(entered, others, confinement={"devices": ["/dev/zero"]}).fine
    if "filesystem" in entered:
        assert run(entered, "assert refused(os.open, '/dev/zero', os.O_RDONLY) == errno.EACCES").fine


def test_what_python_and_its_libraries_need_is_readable_but_no_home_folder() -> None:
    given = paths.standard()
    homes = {Path(p).resolve() for p in ("/root", "/home", "/tmp", "/var", "/", tempfile.gettempdir(), Path.home())}
    assert not homes & {Path(p) for p in given}
    for needed in (os.__file__, sys.executable, pytest.__file__, sandbox.__file__, "/proc"):
        assert any(Path(needed).resolve().is_relative_to(p) for p in given), needed
    assert not any(Path(__file__).resolve().is_relative_to(p) for p in given), "the whole checkout is readable"


def outside(place: Place) -> dict[Path, tuple[object, ...]]:
    """State of all files but the job's."""
    found = {p: p.stat() for p in place.root.rglob("*") if not p.is_relative_to(place.job)}
    return {p: (s.st_mode, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_nlink) for p, s in found.items()}


def test_writes_in_its_folder_and_nowhere_else(run: Run, place: Place) -> None:
    before = outside(place)
    ended = run(
        ("filesystem",),
        """
Path("a").mkdir(); Path("a/file").write_text("x"); Path("a/file").rename("b"); Path("b").rename("a/c")
Path("a/c").unlink()
os.symlink("x", "link"); os.unlink("link"); Path("a").rmdir(); os.mkfifo("pipe")
open("/dev/null", "w").write("x"); print("said")
outside = HERE + "/outside"
refused(Path(outside).write_text, "x"); refused(os.mkdir, outside); refused(os.symlink, "x", outside)
for name in ("input.txt", "model/weights", "other/record.json", "home/secret"):
    path = os.path.join(HERE, name)
    refused(lambda: open(path, "a").write("x")); refused(os.truncate, path, 0); refused(os.unlink, path)
    refused(os.open, path, os.O_RDONLY | os.O_TRUNC); refused(os.rename, path, "mine"); refused(os.link, path, "mine")
refused(os.mkdir, HERE + "/model/cache"); refused(os.open, HERE, os.O_TMPFILE | os.O_RDWR)
for target in (outside, HERE + "/home/secret"):
    os.symlink(target, "way out"); refused(lambda: open("way out", "w")); os.unlink("way out")
os.symlink(HERE + "/other", "folder"); refused(Path("folder/record.json").write_text, "forged")
Path("result").write_text("x"); refused(os.rename, "result", outside); refused(os.link, "result", outside)
for path in "self/oom_score_adj sys/kernel/core_pattern sysrq-trigger".split():
    refused(os.open, "/proc/" + path, os.O_WRONLY)
for path in ("/etc/qmt", "/usr/qmt", "/dev/shm/qmt", "/dev/full"):
    refused(os.open, path, os.O_WRONLY | os.O_CREAT)
""",
    )
    assert ended.fine
    assert "said" in ended.out
    assert outside(place) == before
    assert not (place.root / "outside").exists()


def test_all_but_its_folder_is_read_only_down_to_modes_and_times(run: Run, place: Place) -> None:
    before = outside(place)
    ended = run(
        ("pids", "mounts"),
        """
secret = HERE + "/home/secret"
for attempt in (
    lambda: open(secret, "a"), lambda: os.chmod(secret, 0o666), lambda: os.utime(secret, (0, 0)),
    lambda: os.truncate(secret, 0), lambda: os.chown(secret, os.getuid(), os.getgid()),
    lambda: os.setxattr(secret, "user.x", b"1"), lambda: os.unlink(secret),
    lambda: os.mkdir(HERE + "/x"), lambda: os.link(secret, HERE + "/x"), lambda: os.rename(secret, HERE + "/x"),
):
    assert refused(attempt) in {errno.EROFS, errno.ENOTSUP}
Path("x").write_text("x"); os.chmod("x", 0o600); os.utime("x", (0, 0)); os.rename("x", "y")
assert os.getcwd() == os.path.realpath(HERE + "/job") and Path(HERE, "job/y").read_text() == "x"
open("/dev/null", "w").write("x"); assert len(os.urandom(3)) == len(open("/dev/urandom", "rb").read(3)) == 3
""",
    )
    assert ended.fine
    assert outside(place) == before
    assert (place.job / "y").read_text() == "x"


@pytest.mark.skipif(not ROOT, reason="only root could open a disk")
def test_root_can_not_open_disks(run: Run, place: Place) -> None:
    disks = [p for p in Path("/dev").glob("[vs]d?") if p.is_block_device()]
    if not disks or place.user:
        pytest.skip("no disk, or not root")
    for entered in (("pids", "mounts"), ("filesystem",)):
        assert run(entered, f"refused(os.open, {str(disks[0])!r}, os.O_RDONLY)").fine


def test_shared_memory_is_its_own_and_bounded(run: Run) -> None:
    ended = run(
        EVERY,
        """
import multiprocessing, multiprocessing.shared_memory
assert os.listdir("/dev/shm") == []
assert not os.path.exists(mine)
with multiprocessing.Lock(): pass
written = 0
try:
    for i in range(100): Path(f"/dev/shm/{i}").write_bytes(b"x" * 2**20); written = i + 1
except OSError as error: assert error.errno == errno.ENOSPC
assert 32 <= written <= 64, written
""",
        before="import tempfile; fd, mine = tempfile.mkstemp(dir='/dev/shm')",
        after="assert os.path.exists(mine); os.unlink(mine)",
    )
    assert ended.fine


# --- other processes


@pytest.mark.parametrize("entered", [("network",), ("filesystem", "privileges"), ("pids", "mounts"), EVERY])
def test_the_environment_of_its_server_can_not_be_read(run: Run, entered: tuple[str, ...]) -> None:
    ended = run(
        entered,
        """
for name in ("environ", "mem", "maps", "cwd/x", "fd/0", "root/etc/passwd"):
    refused(os.open, f"/proc/{server}/{name}", os.O_RDONLY)
""",
        before="server = os.getpid()",
    )
    assert ended.fine


def test_sees_no_processes_but_its_own(run: Run) -> None:
    ended = run(
        EVERY,
        """
seen = sorted(int(p) for p in os.listdir("/proc") if p.isdigit())
assert seen == [1, 2] and os.getpid() == 2, seen
assert Path("/proc/1/comm").read_text() == "cat\\n" and os.readlink("/proc/self") == "2"
assert os.cpu_count() and "MemTotal" in Path("/proc/meminfo").read_text()
""",
    )
    assert ended.fine


GRANDCHILD = """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 3)
        for n in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}: signal.signal(n, signal.SIG_IGN)
        while True:
            Path("heartbeat").write_text(str(time.monotonic_ns())); time.sleep(0.01)
    os._exit(0)
os.wait()
while not os.path.exists("heartbeat"): time.sleep(0.01)
"""


def heartbeat_stopped(place: Place) -> bool:
    first = (place.job / "heartbeat").read_text()
    time.sleep(0.15)
    return (place.job / "heartbeat").read_text() == first


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("", 0),
        ("os._exit(0)", 0),
        ("sys.exit(7)", 7),
        ("os._exit(255)", 255),
        ("os.abort()", -signal.SIGABRT),
        ("ctypes.string_at(0)", -signal.SIGSEGV),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
        ("os.kill(-1, signal.SIGKILL); os.kill(os.getpid(), 9)", -signal.SIGKILL),
        ("os.kill(1, signal.SIGKILL); os.kill(1, signal.SIGTERM); os._exit(4)", 4),
    ],
)
def test_what_it_started_ends_with_it_and_its_end_is_told(run: Run, place: Place, ending: str, code: int) -> None:
    assert run(("pids",), GRANDCHILD + ending).code == code
    if "kill(-1" not in ending:
        assert heartbeat_stopped(place)


def test_without_the_layer_what_it_started_goes_on(run: Run, place: Place) -> None:
    """So that the test above shows something."""
    running = GRANDCHILD.replace("while True:", "end = time.monotonic() + 1\n        while time.monotonic() < end:")
    assert run((), running).fine
    assert not heartbeat_stopped(place)
    time.sleep(1)


@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM"])
def test_ending_the_outer_process_ends_all(run: Run, place: Place, how: str) -> None:
    ended = run(
        EVERY,
        GRANDCHILD + "time.sleep(60)",
        during=f"""
beating = Path(asked["folder"], "heartbeat")
assert soon(beating.exists)
os.killpg(child, signal.{how})
""",
        after="""
if "SIGKILL" in asked["during"]: time.sleep(0.3)
last = beating.read_text(); time.sleep(0.15); assert beating.read_text() == last
""",
    )
    assert ended.code == -signal.SIGKILL


def test_what_the_server_does_about_signals_is_not_in_the_way(run: Run, place: Place) -> None:
    ended = run(
        EVERY,
        "assert signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN; subprocess.run(['true']); os._exit(6)",
        before="""
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.signal(signal.SIGTERM, lambda *_: print("the server's handler", flush=True))
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
""",
        during="""
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
second = start_job("assert signal.SIGUSR1 in signal.pthread_sigmask(signal.SIG_BLOCK, ()); time.sleep(60)")
time.sleep(0.3)
os.kill(second, signal.SIGTERM)
assert os.waitstatus_to_exitcode(os.waitpid(second, 0)[1]) == -signal.SIGKILL
""",
    )
    assert ended.code == 6
    assert "handler" not in ended.out


def test_dies_with_its_server_if_that_was_asked_for(run: Run, place: Place) -> None:
    ended = run(
        EVERY,
        "assert True",
        before="""
middle = os.fork()
if middle == 0:
    code = GRANDCHILD + "time.sleep(60)"
    child = os.fork()
    if child == 0:
        libc.prctl(1, signal.SIGKILL)
        os.chdir(asked["folder"])
        enter(Confinement(**asked["confinement"]), asked["layers"])
        exec(code)
    time.sleep(60)
beating = Path(asked["folder"], "heartbeat")
assert soon(beating.exists)
os.kill(middle, signal.SIGKILL); os.waitpid(middle, 0)
time.sleep(0.3)
last = beating.read_text(); time.sleep(0.15); assert beating.read_text() == last
""".replace("GRANDCHILD", repr(GRANDCHILD)),
    )
    assert ended.fine


@pytest.mark.parametrize("entered", [("pids",), EVERY])
def test_killing_its_parent_harms_nobody(run: Run, entered: tuple[str, ...]) -> None:
    ended = run(
        entered,
        """
assert os.getppid() == 0 and os.getsid(0) == os.getpid()
for pid in (server, neighbour): refused(os.kill, pid, signal.SIGKILL)
os.kill(os.getppid(), signal.SIGKILL)  # number 0 means its own group
""",
        before="server = os.getpid(); neighbour = start_job('time.sleep(1.5)')",
        after="assert os.waitpid(neighbour, 0)[1] == 0; print('unharmed')",
    )
    assert ended.code == -signal.SIGKILL
    assert "unharmed" in ended.out


def test_without_processes_of_its_own_landlock_still_keeps_its_signals_in(run: Run) -> None:
    if landlock.version() < landlock.SCOPES_SINCE:
        pytest.skip("this kernel's Landlock leaves signals alone")
    assert run(("filesystem",), "assert refused(os.kill, os.getppid(), signal.SIGKILL) == errno.EPERM").fine


def test_the_first_process_can_be_a_fork_where_there_is_no_cat(run: Run, place: Place) -> None:
    ended = run(
        EVERY,
        GRANDCHILD + "assert 'python' in Path('/proc/1/comm').read_text(); os._exit(9)",
        before="from qmtestbed.execute.sandbox import supervisor; supervisor.shutil.which = lambda *_, **__: None",
    )
    assert ended.code == 9
    assert heartbeat_stopped(place)


def test_the_server_is_told_the_memory_that_the_job_took(run: Run) -> None:
    ended = run(EVERY, "x = bytearray(300 * 2**20)", after="print(usage.ru_maxrss // 1024)")
    assert ended.fine
    assert 300 <= int(ended.out) <= 400


# --- limits


def test_processes_are_bounded_and_the_machines_own_bound_stays(run: Run, place: Place) -> None:
    if place.user == 0 and version() < (6, 14):
        pytest.skip("root's processes can't be counted before Linux 6.14")
    bound = Path("/proc/sys/kernel/pid_max").read_text()
    ended = run(
        EVERY,
        """
started = 0
try:
    while started < 2000:
        if os.fork() == 0: time.sleep(30); os._exit(0)
        started += 1
except BlockingIOError: pass
print(started)
""",
    )
    assert ended.fine
    assert int(ended.out) <= 30 + (300 if place.user == 0 else 0)
    assert int(ended.out) >= 29
    assert Path("/proc/sys/kernel/pid_max").read_text() == bound


def test_one_after_another_it_may_start_many_processes(run: Run) -> None:
    assert run(EVERY, "for _ in range(700):\n    if os.fork() == 0: os._exit(0)\n    os.wait()").fine


def test_memory_is_bounded(run: Run) -> None:
    ended = run(
        ("limits", "syscalls"),
        """
import mmap
try:
    x = [bytearray(2**24) for _ in range(100)]
    raise AssertionError("1.6 GB")
except MemoryError: x = None
assert refused(mmap.mmap, -1, 2**30) == errno.EPERM  # shared and without a file: no limit counts it
mmap.mmap(-1, 2**20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
assert refused(os.memfd_create, "x") == errno.EPERM
with open("file", "wb+") as f: f.truncate(4096); mmap.mmap(f.fileno(), 4096)
""",
        confinement={"memory": 500 * 2**20},
    )
    assert ended.fine


def test_files_are_bounded_in_length(run: Run) -> None:
    ended = run(
        ("limits",),
        "assert refused(Path('x').write_bytes, bytes(2**21)) == errno.EFBIG; assert os.stat('x').st_size == 2**20",
    )
    assert ended.fine


@pytest.mark.parametrize("entered", [("limits",), EVERY])
@pytest.mark.parametrize(("way", "code"), [("", -signal.SIGXCPU), ("SIG_IGN", -signal.SIGKILL)])
def test_processor_time_is_bounded(run: Run, entered: tuple[str, ...], way: str, code: int) -> None:
    ignore = "signal.signal(signal.SIGXCPU, signal.SIG_IGN)\n" if way else ""
    assert run(entered, f"{ignore}while True: pass", confinement={"cpu_seconds": 1}).code == code


def test_there_is_no_core_file_and_no_flood_of_open_files(run: Run) -> None:
    ended = run(
        ("limits",),
        """
import resource
assert resource.getrlimit(resource.RLIMIT_CORE)[1] <= 1  # 1 means none, even for a program that takes them
held = []
def flood():
    while True: held.extend(os.pipe())
assert refused(flood) == errno.EMFILE and len(held) < 1024
""",
    )
    assert ended.fine


def test_limits_can_not_be_raised_again(run: Run) -> None:
    ended = run(
        ("limits", "privileges"),
        """
import resource
for which in (resource.RLIMIT_DATA, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU, resource.RLIMIT_CORE):
    soft, hard = resource.getrlimit(which)
    try: resource.setrlimit(which, (hard, hard + 1)); raise AssertionError(which)
    except ValueError: pass
""",
    )
    assert ended.fine


def test_a_limit_that_is_lower_already_stays(run: Run) -> None:
    ended = run(
        ("limits",),
        "for n in lowered: assert resource.getrlimit(n) == (3, 3)",
        before="""
import resource
lowered = (resource.RLIMIT_CPU, resource.RLIMIT_FSIZE)
for n in lowered: resource.setrlimit(n, (3, 3))
""",
    )
    assert ended.fine


# --- privileges and kernel calls


@pytest.mark.parametrize("entered", [("privileges",), EVERY])
def test_no_privileges_are_left_nor_to_be_had(run: Run, entered: tuple[str, ...]) -> None:
    ended = run(
        entered,
        """
own = Path("/proc/self/status").read_text()
started = subprocess.run(["cat", "/proc/self/status"], capture_output=True, text=True, check=True).stdout
for text in (own, started):
    facts = dict(l.split(":\\t", 1) for l in text.splitlines() if ":\\t" in l)
    assert [int(facts[n], 16) for n in ("CapPrm", "CapEff", "CapInh", "CapAmb")] == [0] * 4
    assert facts["NoNewPrivs"] == "1"
refused(os.setuid, 1234); refused(os.mknod, "disk", 0o60600, os.makedev(8, 0)); refused(os.chroot, ".")
""",
    )
    assert ended.fine


def test_kernel_calls_that_nobody_needs_are_refused(run: Run) -> None:
    ended = run(
        ("syscalls",),
        """
def system_call(number, *values):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(v) for v in values])
    if result < 0: raise OSError(ctypes.get_errno(), "")
    return result
from qmtestbed.execute.sandbox import seccomp
place = seccomp.ARCHITECTURES[os.uname().machine][0]
for name, numbers in seccomp.REFUSED.items():
    if numbers[place] is not None: assert refused(system_call, numbers[place], *[0] * 6) == errno.EPERM, name
assert refused(system_call, seccomp.EXAMINED["clone3"][place], 0, 0) == errno.ENOSYS
assert refused(system_call, seccomp.EXAMINED["clone"][place], 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0) == errno.EPERM
if os.uname().machine == "x86_64": assert refused(system_call, 0x40000000 | 39) == errno.EPERM
master, slave = os.openpty()
import fcntl
assert refused(fcntl.ioctl, slave, 0x5412, b"x") == errno.EPERM
subprocess.run(["sh", "-c", "true | cat"], check=True)
import threading
thread = threading.Thread(target=print, args=("threads work",)); thread.start(); thread.join()
""",
    )
    assert ended.fine
    assert "threads work" in ended.out


def header(path: str) -> dict[str, int]:
    if not Path(path).exists():
        pytest.skip("no kernel headers here")
    found = re.finditer(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", Path(path).read_text())
    return {match[1]: int(match[2]) for match in found}


@pytest.mark.parametrize(
    ("place", "path"),
    [(0, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), (1, "/usr/include/asm-generic/unistd.h")],
)
def test_numbers_of_kernel_calls_are_those_of_the_headers(place: int, path: str) -> None:
    known = header(path)
    for name, numbers in {**seccomp.REFUSED, **seccomp.EXAMINED}.items():
        if name in known or numbers[place] is None:
            assert known.get(name) == numbers[place], name
    assert len(known) > 300


def decide(program: list[tuple[int, int, int, int]], architecture: int, number: int, *arguments: int) -> int:
    """What a filter answers, worked out as the kernel does, so that the filter for another machine is tested too."""
    data = {0: number, 4: architecture, **{16 + 8 * i: a & 0xFFFFFFFF for i, a in enumerate(arguments)}}
    accumulator, at = 0, 0
    while True:
        code, then, otherwise, value = program[at]
        at += 1
        match code:
            case 0x20:
                accumulator = data.get(value, 0)
            case 0x54:
                accumulator &= value
            case 0x06:
                return value
            case 0x15:
                at += then if accumulator == value else otherwise
            case 0x35:
                at += then if accumulator >= value else otherwise
            case 0x45:
                at += then if accumulator & value else otherwise
            case _:
                raise AssertionError(code)


@pytest.mark.parametrize("machine", list(seccomp.ARCHITECTURES))
def test_the_filter_refuses_what_it_should_and_lets_the_rest_pass(machine: str) -> None:
    allow, refuse, unknown = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
    place, architecture = seccomp.ARCHITECTURES[machine]
    program = seccomp.build(machine)
    refused = {numbers[place] for numbers in seccomp.REFUSED.values()}
    clone, clone3, pair, mmap, ioctl = (numbers[place] for numbers in seccomp.EXAMINED.values())
    answers = {number: decide(program, architecture, number) for number in range(500)}
    assert {n for n, answer in answers.items() if answer == refuse} == (refused | {pair}) - {None}
    assert {n for n, answer in answers.items() if answer == unknown} == {clone3}
    assert set(answers.values()) == {allow, refuse, unknown}
    cases = [
        (allow, clone, 0x003D0F00), (allow, clone, 17), (refuse, clone, 0x10000011), (refuse, clone, 0x00020000),
        (allow, pair, 1, 1), (allow, pair, 1, 1 | 0x80000), (allow, pair, 1, 5),
        (refuse, pair, 1, 2), (refuse, pair, 1, 3),
        (allow, mmap, 0, 9, 3, 0x22), (allow, mmap, 0, 9, 3, 0x1),
        (refuse, mmap, 0, 9, 3, 0x21), (refuse, mmap, 0, 9, 3, 0x8023),
        (allow, ioctl, 0, 0x5401), (refuse, ioctl, 0, 0x5412), (refuse, ioctl, 0, 0x541C),
        (refuse, ioctl, 0, 0xFF00005412),
    ]  # fmt: skip
    for expected, *call in cases:
        assert decide(program, architecture, *call) == expected, call
    assert decide(program, 0x40000003, 20) == refuse, "calls by another architecture's numbers"
    if machine == "x86_64":
        assert decide(program, architecture, 0x40000000 + 1) == refuse
    assert len(program) < 4096 and all(then < 256 and otherwise < 256 for _, then, otherwise, _ in program)


def test_there_is_no_filter_for_a_machine_that_is_not_known() -> None:
    with pytest.raises(OSError, match="no filter for riscv64"):
        seccomp.build("riscv64")


# --- what has to go on working

LIBRARIES = """
import numpy, pandas, pyarrow.parquet, scipy.linalg, scipy.stats, sklearn.ensemble, sklearn.linear_model
try:
    import torch
except ModuleNotFoundError:
    torch = None
"""

WORK = """
import concurrent.futures, datetime, getpass, locale, multiprocessing, platform, tempfile, zoneinfo
frame = pandas.read_parquet(HERE + "/input.parquet")
assert frame.shape == (200, 5) and pyarrow.parquet.read_table(HERE + "/input.parquet").num_rows == 200
x, y = frame.drop(columns="label").to_numpy(), frame["label"].to_numpy()
assert numpy.linalg.svd(x)[1].shape == (4,) and scipy.linalg.lstsq(x, y)[0].shape == (4,)
assert 0 <= scipy.stats.ks_2samp(x[:, 0], x[:, 1]).pvalue <= 1
assert sklearn.ensemble.RandomForestClassifier(10, random_state=0).fit(x, y).score(x, y) > 0.9
assert sklearn.ensemble.HistGradientBoostingClassifier(max_iter=5).fit(x, y).score(x, y) > 0.9
assert sklearn.linear_model.LogisticRegression().fit(x, y).predict_proba(x).shape == (200, 2)
assert sklearn.ensemble.RandomForestClassifier(10, n_jobs=2, random_state=0).fit(x, y).score(x, y) > 0.9
frame.to_parquet("out.parquet"); frame.to_csv("out.csv"); numpy.save("out.npy", x)
assert numpy.load("out.npy", mmap_mode="r").shape == x.shape
if torch is not None:
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(4 * 36, 3))
    net(torch.rand(8, 1, 8, 8)).sum().backward()
    torch.save(net.state_dict(), "net.pt"); net.load_state_dict(torch.load("net.pt", weights_only=True))
    assert torch.linalg.svd(torch.rand(5, 5))[1].shape == (5,)
with tempfile.TemporaryFile() as f: f.write(b"x")
assert getpass.getuser() and platform.platform() and datetime.datetime.now(zoneinfo.ZoneInfo("Asia/Tokyo"))
with concurrent.futures.ThreadPoolExecutor(2) as pool: assert list(pool.map(abs, [-1, -2])) == [1, 2]
fork = multiprocessing.get_context("fork")
with concurrent.futures.ProcessPoolExecutor(2, fork) as pool: assert list(pool.map(abs, [-1])) == [1]
subprocess.run([sys.executable, "-c", "import numpy, csv, ssl"], check=True)
print("worked")
"""

PARQUET = """
import numpy, pandas
x = numpy.random.default_rng(0).normal(size=(200, 4))
pandas.DataFrame(x, columns=list("abcd")).assign(label=(x[:, 0] > 0).astype(int)).to_parquet(HERE + "/input.parquet")
"""


@pytest.mark.parametrize("imported", ["before", "inside"])
def test_libraries_work_inside(run: Run, place: Place, imported: str) -> None:
    place.server(before=PARQUET)
    first, then = (LIBRARIES, "") if imported == "before" else ("", LIBRARIES)
    ended = run(
        EVERY,
        then + WORK,
        before=first,
        confinement={"readable": [str(place.root / "input.parquet")], "file_size": 2**26, "processes": 100},
    )
    assert ended.fine
    assert "worked" in ended.out
    assert "Warning" not in ended.err, ended.err


def test_the_package_itself_goes_on_importing_its_modules_inside(run: Run, place: Place) -> None:
    if place.command[0] != sys.executable:
        pytest.skip("installed as editable, it is not there for the other user's interpreter")
    assert run(EVERY, "import qmtestbed.execute.worker, qmtestbed.measuring.intervals", heavy=True).fine


def test_a_server_can_prepare(run: Run) -> None:
    ended = run(
        EVERY,
        "assert (paths.standard.cache_info().currsize, seccomp.assembled.cache_info().currsize) == (1, 1)",
        before="from qmtestbed.execute.sandbox import paths, prepare, seccomp; prepare()",
    )
    assert ended.fine


def test_every_layer_is_described_and_tried() -> None:
    assert set(trial._EFFECTS) == set(LAYERS)
    assert layers.LAYERS is LAYERS
    assert all(LAYERS.values())
