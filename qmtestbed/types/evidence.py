"""What a run folder holds, read back: the input of judge and render."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from qmtestbed.ait import Resource, Samples
from qmtestbed.types.assessment import DeclarationState, LeftOut
from qmtestbed.types.codec import Shape, canonical
from qmtestbed.types.comparison import Snapshot
from qmtestbed.types.guideline import Guideline
from qmtestbed.types.manifest import Manifest
from qmtestbed.types.plan import Check, Expectation, Plan
from qmtestbed.types.record import Record
from qmtestbed.types.text import Language


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
    differences or, where the AIT takes the model itself, of the same measurement of the baseline. ``samples`` is how
    much of single rows was kept.
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
    samples: Samples = "ids"


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
    """One page made from the evidence: template and language it was made by, and the digest of its bytes.

    ``template_sha256`` is over the template and the code that renders: a page made by others can't be compared.
    """

    path: str
    template: str
    template_sha256: str
    language: Language
    sha256: str = ""


@dataclass(frozen=True)
class Views:
    """Every page in the run folder, and the remarks that they show (``qmtestbed/views/v1``).

    Attributes
    ----------
    remarks, remarks_sha256
        How many remarks there were when the pages were made, and the digest of the last.
    sha256
        Over everything else in this value: a change of it is found without the pages.
    """

    schema: Literal["qmtestbed/views/v1"]
    views: tuple[ViewEntry, ...]
    remarks: int = 0
    remarks_sha256: str = ""
    sha256: str = ""

    @property
    def digest(self) -> str:
        """What ``sha256`` has to be."""
        return hashlib.sha256(canonical(replace(self, sha256=""))).hexdigest()


@dataclass(frozen=True)
class Remark:
    """What a person says of a finished run: one line of ``notes.jsonl`` (``qmtestbed/remark/v1``).

    Attributes
    ----------
    n
        Its place, from 1.
    at
        When, in UTC.
    check, requirement
        What it is about; with neither, the run as a whole.
    previous
        SHA-256 of the line before; of the first, that of ``bundle.json``.
    """

    schema: Literal["qmtestbed/remark/v1"]
    n: int
    at: Annotated[str, Shape(pattern=r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")]
    by: str
    text: str
    previous: str
    check: str | None = None
    requirement: str | None = None

    @property
    def sha256(self) -> str:
        """Digest of its line."""
        return hashlib.sha256(canonical(self)).hexdigest()


def last_digest(remarks: Sequence[Remark]) -> str:
    """Give the digest that stands for a whole chain: that of its last remark, or nothing."""
    return remarks[-1].sha256 if remarks else ""


@dataclass(frozen=True)
class Signature:
    """Who vouches for a run (``qmtestbed/signature/v1``; ``bundle.sig``).

    Attributes
    ----------
    key
        Fingerprint: SHA-256 of the public key (DER, SubjectPublicKeyInfo).
    public_key
        That key, base64 of the DER. It tells that the signature was made with it, not whose it is.
    bundle, assessment
        SHA-256 of ``bundle.json`` and ``assessment.json``.
    remarks, remarks_sha256
        How many remarks there were, and the digest of the last; later ones are not signed.
    signature
        Ed25519, base64; over the canonical form of all the rest.
    """

    schema: Literal["qmtestbed/signature/v1"]
    algorithm: Literal["Ed25519"]
    key: str
    public_key: str
    bundle: str
    assessment: str
    remarks: int
    remarks_sha256: str
    signature: str = ""


@dataclass(frozen=True)
class Logged:
    """Where in MLflow a run was written to (``mlflow.json``); ``sha256`` is over the rest."""

    store: str
    experiment: str
    run: str
    page: str | None = None
    sha256: str = ""

    @property
    def digest(self) -> str:
        """What ``sha256`` has to be."""
        return hashlib.sha256(canonical(replace(self, sha256=""))).hexdigest()


def _all(names: str | tuple[str, ...]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


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

    def is_default(self, check: Check, expected: Expectation) -> bool:
        """Whether a limit is marked as one that nobody set, and is still the one that the AIT suggests."""
        manifest = self.manifests.get(check.ait)
        return bool(expected.default and manifest and manifest.suggested(expected.criterion))

    @property
    def unlabelled(self) -> bool:
        """Whether a model or its predictions were assessed on data of which no column is the truth."""
        bound = [(given, n) for c in self.plan.checks.values() for given, names in c.with_.items() for n in _all(names)]
        answers = any(given in ("model", "predictions") for given, _ in bound)
        used = (self.plan.inventories.get(name) for given, name in bound if given in ("data", "predictions"))
        return answers and not any(inventory is not None and inventory.label for inventory in used)

    def record_of(self, check: str) -> Record | None:
        """Give the record of a check; ``None`` if it has none."""
        return self.records.get(self.info.checks.get(check, ""))

    def baseline_of(self, check: str) -> Record | None:
        """Give the record by which a check is compared with the baseline; ``None`` if it has none."""
        return self.records.get(self.info.baselines.get(check, ""))
