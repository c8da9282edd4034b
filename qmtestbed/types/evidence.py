"""What a run folder holds, read back: the input of judge and render."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from qmtestbed.ait import Resource
from qmtestbed.types.assessment import DeclarationState, LeftOut
from qmtestbed.types.codec import Shape
from qmtestbed.types.comparison import Snapshot
from qmtestbed.types.guideline import Guideline
from qmtestbed.types.manifest import Manifest
from qmtestbed.types.plan import Plan
from qmtestbed.types.record import Record


@dataclass(frozen=True)
class InventoryFacts:
    """What an inventory was when the run was made, for the header of the page."""

    uri: str
    sha256: str
    requested: str | None = None
    flavour: str | None = None
    version: Annotated[str | None, Shape(doc="registered model and version, such as churn/3")] = None
    rows: int | None = None
    columns: int | None = None
    page: Annotated[str | None, Shape(doc="its address on the website of the tracking server")] = None


@dataclass(frozen=True)
class RunInfo:
    """What is true of the run as a whole (``qmtestbed/run/v1``; ``run.json``).

    ``run`` is derived from the resolved plan, the evidence digests and ``as_of``: the same evidence has the same id.
    ``checks`` names the record of each check; ``baselines``, for a check compared with the baseline, the record of the
    differences or, where the AIT takes the model itself, of the same measurement of the baseline.
    """

    schema: Literal["qmtestbed/run/v1"]
    run: str
    as_of: str
    checks: Mapping[str, str]
    inventories: Mapping[str, InventoryFacts] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    declarations: tuple[DeclarationState, ...] = ()
    notes: tuple[str, ...] = ()
    baselines: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BundleEntry:
    """One file of the evidence."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Bundle:
    """Every file of the evidence with its digest; this is what gets signed (``qmtestbed/bundle/v1``)."""

    schema: Literal["qmtestbed/bundle/v1"]
    files: tuple[BundleEntry, ...]


@dataclass(frozen=True)
class ViewEntry:
    """One page made from the evidence, with the template and language it was made by."""

    path: str
    template: str
    template_sha256: str
    language: str


@dataclass(frozen=True)
class Views:
    """Every page in the run folder (``qmtestbed/views/v1``)."""

    schema: Literal["qmtestbed/views/v1"]
    views: tuple[ViewEntry, ...]


@dataclass(frozen=True)
class Evidence:
    """A run, read back: frozen values only.

    Attributes
    ----------
    plan
        The resolved plan.
    guidelines, manifests
        Those used, by ``id@edition`` and by AIT id.
    records
        Every record (probe and predict jobs included), by job key.
    resources
        Typed resources by SHA-256; predictions are not among them.
    since
        What there was to compare of an earlier run, where one was named when this run was made.
    """

    info: RunInfo
    plan: Plan
    guidelines: Mapping[str, Guideline]
    manifests: Mapping[str, Manifest]
    records: Mapping[str, Record]
    resources: Mapping[str, Resource]
    since: Snapshot | None = None

    def record_of(self, check: str) -> Record | None:
        """Give the record of a check; ``None`` if it has none."""
        return self.records.get(self.info.checks.get(check, ""))

    def baseline_of(self, check: str) -> Record | None:
        """Give the record by which a check is compared with the baseline; ``None`` if it has none."""
        return self.records.get(self.info.baselines.get(check, ""))
