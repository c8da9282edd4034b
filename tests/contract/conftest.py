"""One fork server with every framework for all contract checks, and a new AIT to break."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qmtestbed.execute import Launcher, launcher_for
from qmtestbed.pipeline import Options
from qmtestbed.pipeline.authors import new_ait

OPTIONS = Options(cache=False)


@pytest.fixture(scope="session")
def launcher() -> Iterator[Launcher]:
    models = {f: SimpleNamespace(flavour=f, kind="model") for f in ("sklearn", "pytorch")}
    flavoured: Any = SimpleNamespace(inputs=models)
    made = launcher_for([flavoured])
    yield made
    made.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """Give the folder of an AIT as ``ait new`` writes it."""
    return new_ait("my_ait", tmp_path, OPTIONS)
