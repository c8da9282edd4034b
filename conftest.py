"""The fixture ``ait``, for the test that lies in the folder of an AIT."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from qmtestbed.catalogue import read_ait
from qmtestbed.execute.returned import check_returned
from qmtestbed.execute.worker import load_function


class AitUnderTest:
    """The AIT in a folder: its manifest, and its function called and checked as the worker does it."""

    def __init__(self, folder: Path) -> None:
        entry = read_ait(folder, "test")
        assert entry.manifest is not None, [str(p) for p in entry.broken]
        self.folder, self.manifest = folder, entry.manifest
        self._function = load_function(folder)

    def measure(self, *, seed: int = 0, confidence: float = 0.95, **given: Any) -> Any:
        """Run the function with its defaults, check what it returns against the manifest, and hand it back."""
        defaults = {name: p.default for name, p in self.manifest.parameters.items()}
        named = inspect.signature(self._function).parameters
        offered = {n: v for n, v in {"seed": seed, "confidence": confidence}.items() if n in named}
        returned = self._function(**{**defaults, **given, **offered})
        check_returned(self.manifest, returned, confidence)
        return returned


@pytest.fixture
def ait(request: pytest.FixtureRequest) -> AitUnderTest:
    """Load the AIT whose folder holds the requesting test."""
    return AitUnderTest(request.path.parent)


_FIRST = (
    "test_every_ait.py",
    "test_notebook.py",
    "test_pages.py",
    "test_evaluate.py",
    "test_contained.py",
    "test_gate.py",
)
"""Files that take longest: begun first, no process is left with them at the end while the others have nothing to do."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first."""
    items.sort(key=lambda item: item.path.name not in _FIRST)
