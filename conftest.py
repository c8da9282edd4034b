"""The fixture ``ait``, for the test that lies in the folder of an AIT."""

from __future__ import annotations

import importlib.util
import inspect
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from qmtestbed.ait import RESOURCE_TYPES, Estimate, Finding, Undefined
from qmtestbed.types.codec import decode
from qmtestbed.types.manifest import Manifest, MeasureSpec


class LoadedAit:
    """The AIT in a folder: its manifest, and its function as the worker calls it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = decode(Manifest, yaml.safe_load((folder / "ait.yaml").read_text(encoding="utf-8")))
        spec = importlib.util.spec_from_file_location(f"ait_{folder.name}", folder / "measure.py")
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses look their module up there
        spec.loader.exec_module(module)
        self._function = module.measure

    def measure(self, **given: Any) -> Any:
        """Run the function, check what it returns against the manifest, and hand it back."""
        accepted = inspect.signature(self._function).parameters
        extra = {k: v for k, v in {"seed": 0, "confidence": 0.95}.items() if k in accepted and k not in given}
        defaults = {k: p.default for k, p in self.manifest.parameters.items() if k not in given}
        returned = self._function(**{**defaults, **given, **extra})
        if not isinstance(returned, Undefined):
            self._check(returned, given.get("confidence", 0.95))
        return returned

    def _check(self, returned: Mapping[str, Any], confidence: float) -> None:
        m = self.manifest
        assert set(returned) - {"findings"} == set(m.measures) | set(m.resources)
        for name, spec in m.measures.items():
            self._check_measure(name, spec, returned[name], confidence)
        for name, resource in m.resources.items():
            assert isinstance(returned[name], RESOURCE_TYPES[resource.kind]), name
        for f in returned.get("findings", []):
            assert isinstance(f, Finding) and f.measure in m.measures and math.isfinite(f.value)

    def _check_measure(self, name: str, spec: MeasureSpec, value: Any, confidence: float) -> None:
        keyed = isinstance(value, Mapping)
        assert keyed == bool(spec.per) or isinstance(value, Undefined), name
        low, high = (b if b is not None else s * math.inf for b, s in zip(spec.range, (-1, 1), strict=True))
        for single in value.values() if keyed else [value]:
            if isinstance(single, Undefined):
                continue
            assert isinstance(single, Estimate) == spec.has_interval, name
            numbers = [single.low, single.value, single.high] if isinstance(single, Estimate) else [single]
            assert all(math.isfinite(x) and low <= x <= high for x in numbers), name
            assert numbers == sorted(numbers), name
            if isinstance(single, Estimate):
                assert single.level == confidence and isinstance(single.n, int), name


@pytest.fixture
def ait(request: pytest.FixtureRequest) -> LoadedAit:
    """Load the AIT whose folder holds the requesting test."""
    return LoadedAit(request.path.parent)
