"""Virtual environments for AITs that say ``environment: isolated``: made once per set of requirements, and kept.

Each holds what the AIT asks for and the few libraries that our own code needs in a child, within the bounds that
qmtestbed itself declares for them. Our own code is not installed into it: the child finds it by a link, so that it is
always the code that runs here. Nothing of an environment is imported before the child is inside its layers.

Installing runs pip in the parent. From wheels alone that executes nothing of theirs; building from source would, and
happens only if it is allowed.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qmtestbed.digests import sha256_of_value
from qmtestbed.types.codec import canonical
from qmtestbed.types.environment import Isolated, interpreter

NEEDED = ("numpy", "pandas", "pyarrow", "pyyaml", "scikit-learn", "scipy")
"""What a child needs for reading inputs and for the kernels in ``qmtestbed.measuring``."""

_FOLDER = "environments-v1"
_FACTS = "environment.json"
_LONGEST = 600
_ASTRAY = ("PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV")
"""Variables that would make pip look, or install, somewhere else."""


@dataclass(frozen=True)
class Kept:
    """How many environments there are, and how many bytes they take."""

    entries: int
    size: int


class VirtualEnvironments:
    """Environments in a folder of the user's cache; implements :class:`qmtestbed.types.environment.Environments`.

    Parameters
    ----------
    root
        Folder of the store, which they are kept in.
    allow_build
        Whether a distribution without a wheel may be built, which runs code of its own outside every layer.
    tell
        Is told, in a sentence, when one is being made: that takes a while.
    """

    def __init__(self, root: Path, allow_build: bool = False, tell: Callable[[str], None] = lambda _: None) -> None:
        self._root, self._allow_build, self._tell = root / _FOLDER, allow_build, tell

    def get(self, requirements: Sequence[str]) -> Isolated | str:
        """Give the environment of some requirements, made if there is none yet; or say why it can't be made."""
        wanted = sorted({*own_needs(), *requirements})
        folder = self._root / self._name(wanted)
        found = _read(folder)
        if found is not None:
            return found
        self._tell(f"making an environment with {', '.join(requirements) or 'no requirements of its own'} …")
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            made = Path(tempfile.mkdtemp(prefix=".new-", dir=self._root))
        except OSError as error:
            return f"{self._root}: {error.strerror}"
        try:
            why = _install(made, wanted, self._allow_build)
            if not why:
                _write_facts(made, wanted)
                _appear(made, folder)
        except (OSError, subprocess.SubprocessError) as error:
            why = str(error)
        finally:
            shutil.rmtree(made, ignore_errors=True)
        return why or _read(folder) or "it is not whole once it is made"

    def kept(self) -> Kept:
        """Count environments and bytes."""
        entries = [p for p in self._root.glob("*") if not p.name.startswith(".")]
        return Kept(len(entries), sum(f.lstat().st_size for e in entries for f in e.rglob("*") if f.is_file()))

    def clear(self) -> Kept:
        """Remove every environment; give what there was."""
        before = self.kept()
        shutil.rmtree(self._root, ignore_errors=True)
        return before

    def _name(self, wanted: Sequence[str]) -> str:
        python = [*sys.version_info[:2], sys.platform, platform.machine()]
        return sha256_of_value({"wanted": list(wanted), "python": python, "build": self._allow_build})[:32]


def own_needs() -> tuple[str, ...]:
    """Requirements of our code in a child, as qmtestbed's own metadata state them."""
    stated = (re.match(r"([A-Za-z0-9._-]+)\s*([^;]*)", r) for r in importlib.metadata.requires("qmtestbed") or ())
    bounds = {m[1].lower(): m[2].replace(" ", "") for m in stated if m and "extra ==" not in m.string}
    return tuple(f"{name}{bounds.get(name, '')}" for name in NEEDED)


def _install(folder: Path, wanted: Sequence[str], allow_build: bool) -> str:
    """Make an environment; give why that failed, or an empty text."""
    own_pip = importlib.util.find_spec("pip") is not None
    venv.create(folder, symlinks=os.name != "nt", with_pip=not own_pip)
    python = str(interpreter(folder))
    pip = [sys.executable, "-m", "pip", "--python", python] if own_pip else [python, "-m", "pip"]
    wheels = ["--prefer-binary"] if allow_build else ["--only-binary", ":all:"]
    quiet = ["--quiet", "--no-input", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "install", *quiet, *wheels, "--", *wanted], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        errors="replace", env={n: v for n, v in os.environ.items() if n not in _ASTRAY}, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else _reason(done.stdout + done.stderr)


def _reason(output: str) -> str:
    """Pick the line of pip's output that says what is wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return ("; ".join(dict.fromkeys(errors)) or " ".join(lines[-1:]) or "pip failed and said nothing")[:_LONGEST]


def _appear(made: Path, folder: Path) -> None:
    """Put an environment in its place by a rename; one that is not whole makes room, one that is stays."""
    if folder.exists() and _read(folder) is None:
        shutil.rmtree(folder)
    try:
        made.rename(folder)
    except OSError:
        if _read(folder) is None:
            raise


def _write_facts(folder: Path, wanted: Sequence[str]) -> None:
    libraries, sha256 = _content(folder)
    facts = {"requirements": list(wanted), "libraries": libraries, "sha256": sha256}
    (folder / _FACTS).write_bytes(canonical(facts))


def _read(folder: Path) -> Isolated | None:
    """Give an environment that is whole: its interpreter is there, and it holds what it held when it was made."""
    try:
        sha256 = json.loads((folder / _FACTS).read_bytes())["sha256"]
        libraries, found = _content(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Isolated(str(folder), libraries, found) if found == sha256 and interpreter(folder).exists() else None


def site_packages(folder: Path) -> Path:
    """Give the folder of an environment that its distributions are in."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return folder / "Lib" / "site-packages" if os.name == "nt" else folder / "lib" / version / "site-packages"


def _content(folder: Path) -> tuple[Mapping[str, str], str]:
    """Names and versions of what is installed, and a digest over the digests that the wheels came with."""
    digest = hashlib.sha256()
    libraries: dict[str, str] = {}
    found = importlib.metadata.distributions(path=[str(site_packages(folder))])
    for distribution in sorted(found, key=lambda d: d.name.lower()):
        libraries[distribution.name] = distribution.version
        digest.update(f"{distribution.name}=={distribution.version}\n".encode())
        for line in sorted(_stated(distribution.read_text("RECORD") or "")):
            digest.update(f"{line}\n".encode())
    return libraries, digest.hexdigest()


def _stated(record: str) -> Iterator[str]:
    """Lines of a RECORD about files of the wheel: not what installing made, such as scripts that name this folder."""
    made = ("../", "INSTALLER,", "REQUESTED,", "direct_url.json,")
    for line in record.splitlines():
        name = line.split("/", 1)[-1] if ".dist-info/" in line else line
        if "sha256=" in line and not name.startswith(made) and not line.startswith("../"):
            yield line
