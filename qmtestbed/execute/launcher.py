"""One job → one child process → one record. The parent owns the state: it never unpickles what a child wrote."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import stat
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from qmtestbed.accelerators import CUDA, VISIBLE, gpu_files
from qmtestbed.errors import see_log
from qmtestbed.execute.children import Children, Ended, ForkServer, FreshInterpreters, Start
from qmtestbed.execute.sandbox import Confinement, available
from qmtestbed.types.codec import DecodeError, canonical, decode
from qmtestbed.types.job import Job, JobInput
from qmtestbed.types.record import Failure, Outcome, Record, Status, StoredResource, UsedInput, UsedProgram

MAX_OUTCOME = 16 * 2**20
MAX_RESOURCE = 8 * 2**20
MAX_LOG = 2**20
MAX_PREDICTIONS = 4 * 2**30
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", VISIBLE)
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_ENDINGS = {"predictions": "arrow"}


@dataclass(frozen=True)
class Finished:
    """A record and the files of its resources, by SHA-256; ``folder`` is to be removed when they are kept."""

    record: Record
    files: Mapping[str, Path]
    folder: Path | None = None

    def discard(self) -> None:
        """Remove the job's folder."""
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


Isolation = Literal["none", "process", "sandbox"]


class Launcher:
    """Turns a job into a record, by a child of whichever kind suits the job, within layers of isolation.

    Attributes
    ----------
    isolation
        What contains every child: a process and an environment of its own, and the layers.
    """

    def __init__(self, children: Children, several_threads: Children, layers: Sequence[str]) -> None:
        self._children, self._several_threads = children, several_threads
        self._layers = tuple(layers)
        self.isolation = ("process", "environment", *self._layers)
        self._cancelled = False

    def run(self, job: Job, logs: Path) -> Finished:
        """Run a job in a child of its own and read what it left; what it printed goes into the folder ``logs``.

        Where nothing of single rows may be kept, what it printed is not kept either: a program may print anything.
        """
        folder = Path(tempfile.mkdtemp(prefix="qmt-job-"))
        started, clock = datetime.now(UTC).isoformat(timespec="milliseconds"), monotonic()
        (folder / "job.json").write_bytes(canonical(job))
        cell = {"layers": self._layers, "confinement": confinement_of(job, folder)}
        (folder / "confinement.json").write_bytes(canonical(cell))
        kept = folder if job.samples == "none" else logs
        kept.mkdir(parents=True, exist_ok=True)
        log = kept.resolve() / f"{job.program.id}-{job.key[:12]}.log"
        log.unlink(missing_ok=True)
        # The libraries of a fork server have read how many threads they may use: one.
        kind = self._children if job.limits.threads == 1 and not job.isolated else self._several_threads
        ended = kind.run(_start(job, folder, log))
        shorten(log)
        cost = started, monotonic() - clock, ended.peak
        return finish(job, folder, _ending(ended, self._cancelled, job), cost, self.isolation)

    def without_running(self, job: Job, status: Status, failure: Failure) -> Finished:
        """Make the record of a job that is not started, because its need or an input of it is not there."""
        started = datetime.now(UTC).isoformat(timespec="milliseconds")
        return Finished(_record(job, Outcome(status, error=failure), {}, (started, 0.0, 0), self.isolation), {})

    def cancel(self) -> None:
        """End every running child, and start no more."""
        self._cancelled = True
        self._children.cancel()
        self._several_threads.cancel()

    def close(self) -> None:
        """Let go of what the children needed."""
        self._children.close()
        self._several_threads.close()


def finish(
    job: Job, folder: Path, ended: Outcome | None, cost: tuple[str, float, int], isolation: tuple[str, ...]
) -> Finished:
    """Make the record of a job that ended, from what lies in its folder.

    Parameters
    ----------
    ended
        The outcome that the way it ended implies; ``None`` where what it wrote counts.
    cost
        When it began, its seconds and its peak of memory in bytes.
    isolation
        The layers that it ran in.
    """
    outcome, resources, files = _read(folder, job, ended)
    return Finished(_record(job, outcome, resources, cost, isolation), files, folder)


PRELOADED = (
    "numpy",
    "pandas",
    "pyarrow.parquet",
    "scipy.special",
    "qmtestbed.execute.worker",
    "qmtestbed.execute.inputs",
    "qmtestbed.execute.returned",
    "qmtestbed.execute.masking",
    "qmtestbed.measuring.intervals",
)
"""What every job uses."""

_SCANNER = "modelscan.scanners.pickle.scan"

OF_FLAVOUR: Mapping[str, tuple[str, ...]] = {
    "sklearn": (
        "sklearn.ensemble",
        "sklearn.linear_model",
        "sklearn.pipeline",
        "sklearn.compose",
        "skops.io",
        _SCANNER,
    ),
    "pytorch": ("torch", "qmtestbed.execute.models.torch_model", _SCANNER),
    "onnx": ("onnxruntime",),
    "xgboost": ("xgboost",),
    "lightgbm": ("lightgbm", _SCANNER),
    "python_function": ("mlflow.pyfunc", _SCANNER),
}
"""What jobs with a model of a flavour use besides."""


def launcher_for(jobs: Iterable[Job], isolation: Isolation = "sandbox") -> Launcher:
    """Give a launcher whose children have the frameworks of these jobs preloaded, where the system can fork.

    Parameters
    ----------
    jobs
        What will run.
    isolation
        ``sandbox``: every layer that this host offers; ``process``: limits only; ``none``: no layer, a child process
        all the same.
    """
    layers = layers_of(isolation)
    fresh = FreshInterpreters()
    if sys.platform != "linux":
        return Launcher(fresh, fresh, layers)
    inputs = [i for job in jobs for i in job.inputs.values()]
    flavours = sorted({i.flavour for i in inputs if i.flavour and i.kind == "model"})
    modules = [*PRELOADED, *(m for f in flavours for m in OF_FLAVOUR.get(f, ()))]
    if any(i.kind == "model_files" for i in inputs):
        modules.append(_SCANNER)
    return Launcher(ForkServer(modules, child_environment(Path("/nonexistent"), 1)), fresh, layers)


def layers_of(isolation: Isolation) -> tuple[str, ...]:
    """Name the layers that this host offers for a degree of isolation."""
    if isolation == "none":
        return ()
    offered = tuple(name for name, reason in available().items() if not reason)
    return offered if isolation == "sandbox" else tuple(n for n in offered if n == "limits")


MAX_FILE = 256 * 2**20
MAX_PROCESSES = 64


def confinement_of(job: Job, folder: Path) -> Confinement:
    """Say what a job may use: its folder, its AIT and its inputs; generous where only a runaway would notice."""
    readable = [p for p in (job.program.folder, job.isolated, *(i.path for i in job.inputs.values())) if p]
    return Confinement(
        writable=(str(folder),),
        readable=tuple(dict.fromkeys(readable)),
        memory=job.limits.memory,
        file_size=MAX_FILE if job.kind in ("measure", "difference") else MAX_PREDICTIONS,
        cpu_seconds=int(2 * job.limits.seconds * job.limits.threads) + 30,
        processes=MAX_PROCESSES,
        devices=gpu_files() if any(i.device == CUDA for i in job.inputs.values()) else (),
    )


def child_environment(folder: Path, threads: int) -> dict[str, str]:
    """Build the allow-listed environment of a child: no tokens, no tracking URI, its folder as home."""
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    fixed = {
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MPLBACKEND": "Agg",
        "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime sends what it does to its maker unless told not to
    }
    return {**passed, **fixed, **dict.fromkeys(_THREADS, str(threads))}


def _start(job: Job, folder: Path, log: Path) -> Start:
    variables = child_environment(folder, job.limits.threads)
    if job.isolated is None:
        return Start(folder, log, variables, job.limits.seconds)
    # Our code, and nothing that is installed beside it, is found by a link: it is the one part that runs before the
    # child is inside its layers.
    own = folder / "own"
    own.mkdir()
    (own / "qmtestbed").symlink_to(Path(__file__).resolve().parents[1], target_is_directory=True)
    variables |= {"PYTHONPATH": str(own), "PYTHONNOUSERSITE": "1"}
    return Start(folder, log, variables, job.limits.seconds, Path(job.isolated))


def _ending(ended: Ended, cancelled: bool, job: Job) -> Outcome | None:
    """Give the outcome that the way it ended implies, whatever it wrote; ``None`` if it ended by itself."""
    status: Status
    if cancelled:
        status, what, found = "cancelled", "the run was interrupted", ""
    elif ended.lost:
        status, what, found = "failed", "it brought down the process that it was started from", ""
    elif ended.timed_out:
        status, what, found = "timed_out", "it took longer than its limit", f"limit {job.limits.seconds:g} s"
    elif ended.code != 0:
        status, what, found = "failed", "its process ended before it had a result", f"exit code {ended.code}"
        if ended.code < 0:
            found = f"signal {signal.Signals(-ended.code).name}"
    else:
        return None
    return Outcome(status, error=Failure(what, job.program.id, found, see_log(job.samples)))


def _read(
    folder: Path, job: Job, ended: Outcome | None
) -> tuple[Outcome, Mapping[str, StoredResource], Mapping[str, Path]]:
    if ended is not None:
        return ended, {}, {}
    try:
        outcome = decode(Outcome, json.loads(read_regular(folder / "record.json", MAX_OUTCOME)))
        resources, files = _read_resources(folder, outcome)
        return outcome, resources, files
    except FileNotFoundError:
        what = "its process ended without leaving a result"
    except (DecodeError, ValueError, OSError, RecursionError) as error:
        what = f"the result it left can't be read: {str(error)[:300]}"
    return Outcome("failed", error=Failure(what, job.program.id, "", see_log(job.samples))), {}, {}


def _read_resources(folder: Path, outcome: Outcome) -> tuple[dict[str, StoredResource], dict[str, Path]]:
    resources: dict[str, StoredResource] = {}
    files: dict[str, Path] = {}
    for name, kind in outcome.resources.items():
        path = folder / "resources" / f"{name}.{_ENDINGS.get(kind, 'json')}"
        if path.parent.is_symlink() or path.name != Path(path.name).name:
            raise ValueError(f"resource {name!r} is not in its folder")
        size, digest = digest_regular(path, MAX_PREDICTIONS if kind == "predictions" else MAX_RESOURCE)
        resources[name] = StoredResource(kind, digest, size)
        files[digest] = path
    return resources, files


def shorten(log: Path) -> None:
    """Keep the beginning and the end of a log that is too long."""
    if not log.is_file() or log.stat().st_size <= MAX_LOG:
        return
    with log.open("r+b") as stream:
        stream.seek(-MAX_LOG // 2, os.SEEK_END)
        end = stream.read()
        stream.seek(MAX_LOG // 2)
        stream.write(b"\n[... left out ...]\n" + end)
        stream.truncate()


def _open_regular(path: Path, limit: int) -> Any:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or facts.st_size > limit:
        os.close(descriptor)
        raise ValueError(f"{path.name} is no regular file of at most {limit:,} bytes ({facts.st_size:,})")
    return os.fdopen(descriptor, "rb")


def read_regular(path: Path, limit: int) -> bytes:
    """Read a regular file, no link, of limited size."""
    with _open_regular(path, limit) as stream:
        return bytes(stream.read(limit + 1))


def digest_regular(path: Path, limit: int) -> tuple[int, str]:
    """Size and SHA-256 of a regular file, no link, of limited size."""
    with _open_regular(path, limit) as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return stream.tell(), digest


def _record(
    job: Job,
    outcome: Outcome,
    resources: Mapping[str, StoredResource],
    cost: tuple[str, float, int],
    isolation: tuple[str, ...],
) -> Record:
    started, seconds, peak = cost
    return Record(
        schema="qmtestbed/record/v1",
        key=job.key,
        kind=job.kind,
        status=outcome.status,
        program=UsedProgram(job.program.id, job.program.version, job.program.sha256),
        inputs={name: _used(i) for name, i in job.inputs.items()},
        parameters=job.parameters,
        seed=job.seed,
        confidence=job.confidence,
        environment=job.environment,
        isolation=isolation,
        measures=outcome.measures,
        resources=resources,
        findings=outcome.findings,
        items=outcome.items,
        facts=outcome.facts,
        error=outcome.error,
        volatile=job.volatile,
        samples=job.samples,
        started=started,
        seconds=round(seconds, 3),
        peak_memory=peak,
    )


def _used(i: JobInput) -> UsedInput:
    return UsedInput(i.kind, i.name, i.sha256, i.roles, i.flavour, i.outputs, i.classes, i.job, i.trust, i.device)
