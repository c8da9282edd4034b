"""The run folder: written as a run goes on, sealed by ``bundle.json``, read back as :class:`Evidence`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from qmtestbed.ait import RESOURCE_TYPES, Resource
from qmtestbed.digests import sha256_of_file, sha256_of_value
from qmtestbed.documents import decode_document, dump_document, parse_document, read_document
from qmtestbed.errors import InputError, IntegrityError, Problem
from qmtestbed.evidence import declarations, files
from qmtestbed.evidence.contents import DERIVED, inside
from qmtestbed.evidence.derived import DerivedFiles
from qmtestbed.evidence.store import REUSABLE, Store
from qmtestbed.types.assessment import DeclarationState
from qmtestbed.types.codec import DecodeError, canonical, decode, encode, lean, parse_json, pretty
from qmtestbed.types.comparison import Snapshot
from qmtestbed.types.evidence import Bundle, BundleEntry, Evidence, RunInfo
from qmtestbed.types.guideline import Guideline, completed
from qmtestbed.types.manifest import Manifest
from qmtestbed.types.plan import LoadedPlan, Plan
from qmtestbed.types.record import Record, StoredResource

T = TypeVar("T")

_ENDINGS = {"predictions": "arrow"}
_SINCE = "since.json"


class RunFolder(DerivedFiles):
    """One run on disk. Writes are whole files, so a killed run goes on where it stopped.

    Parameters
    ----------
    path
        The folder.
    store
        Records of earlier runs.
    not_before
        When a record must have been made to be used again, as an ISO timestamp in UTC; empty for any time.
    """

    def __init__(self, path: Path, store: Store | None = None, not_before: str = "") -> None:
        super().__init__(path)
        self._store = store
        self._not_before = not_before
        self._aside: TemporaryDirectory[str] | None = None

    @property
    def logs(self) -> Path:
        """Folder for what children print; it is no evidence."""
        return self.path / "logs"

    # -- while a run goes on ----------------------------------------------------------------------------------

    def open(self, loaded: LoadedPlan, plan: Plan, content: Mapping[str, bytes]) -> Plan:
        """Begin a run, or go on with it; give the plan as this folder keeps it.

        Parameters
        ----------
        loaded
            The plan as the user wrote it.
        plan
            The resolved plan.
        content
            Exact copies of the guidelines and manifests used, by their path in this folder.

        Raises
        ------
        InputError
            The folder holds another plan, or something that is no run, or a run that is vouched for already.
        """
        existing = self.path / "plan.yaml"
        if self.path.is_dir() and any(self.path.iterdir()) and not existing.is_file():
            do = "give another --out"
            raise InputError(Problem("this folder is not empty and holds no run", str(self.path), do=do))
        pinned = replace(plan, declarations=declarations.collect(plan.declarations, loaded.folder, self.path))
        resolved = dump_document(lean(pinned))
        if existing.is_file() and existing.read_bytes() != resolved:
            do = "give another --out, or remove the folder"
            raise InputError(
                Problem("this folder holds a run of another plan", str(self.path), "plan.yaml differs", do)
            )
        vouched = [name for name in ("notes.jsonl", "bundle.sig") if (self.path / name).exists()]
        if vouched:
            do = "give another --out: what people remarked on or signed stays as it is"
            raise InputError(Problem("this run is finished and vouched for", str(self.path), ", ".join(vouched), do))
        for path, source in content.items():
            files.write(self.path / path, source)
        files.write(self.path / "plan.source.yaml", loaded.source)
        files.write(existing, resolved)
        return pinned

    def existing(self, key: str, isolation: tuple[str, ...]) -> Record | None:
        """Give a record that was kept here before an interruption, else one of the store, if it is whole."""
        here = self._kept(key)
        if here is not None:
            return here if here.isolation == isolation and self._fresh(here) else None
        found = self._store.get(key, isolation) if self._store else None
        return self.keep(*found) if found and self._fresh(found[0]) else None

    def _fresh(self, record: Record) -> bool:
        return record.started >= self._not_before

    def _kept(self, key: str) -> Record | None:
        path = self.path / "records" / f"{key}.json"
        if not path.is_file():
            return None
        try:
            record = decode(Record, json.loads(path.read_bytes()))
        except (DecodeError, ValueError):
            return None
        whole = all(self._is_whole(r.sha256, r.kind) for r in record.resources.values())
        return record if record.key == key and whole else None

    def let_go(self) -> None:
        """Remove what jobs needed of one another and the folder may not hold."""
        if self._aside is not None:
            self._aside.cleanup()
            self._aside = None

    def _is_whole(self, sha256: str, kind: str) -> bool:
        path = self.resource(sha256, kind)
        return path.is_file() and sha256_of_file(path) == sha256

    def keep(self, record: Record, content: Mapping[str, Path]) -> Record:
        """Keep a record; its resources first, so that a record is never there without them.

        Predictions tell of each row what is true of it and what was said. Where nothing of single rows may be kept,
        they lie in a folder apart until :meth:`let_go`; their digest stays in the record.
        """
        withheld = record.samples == "none" and any(r.kind == "predictions" for r in record.resources.values())
        for stored in record.resources.values():
            path, source = self.resource(stored.sha256, stored.kind), content[stored.sha256]
            if withheld and source.is_file() and not path.is_file():  # of a finished run they are gone
                self._aside = self._aside or TemporaryDirectory(prefix="qmt-aside-")
                files.copy(source, self._apart(stored.sha256))
            elif not withheld and not path.is_file():
                files.copy(source, path)
        files.write(self.path / "records" / f"{record.key}.json", canonical(record))
        if self._store and not withheld:
            self._store.put(record, content)
        return record

    def _apart(self, sha256: str) -> Path:
        return Path(self._aside.name if self._aside else "", sha256)

    def record(self, key: str) -> Record:
        """Give a record that is kept here.

        Raises
        ------
        IntegrityError
            It is not there, or not readable.
        """
        return self._json(Record, f"records/{key}.json")

    def reusable(self) -> dict[str, tuple[Record, Mapping[str, Path]]]:
        """Give the records of a finished run that another run may use, marked as reused, with their resources.

        Raises
        ------
        InputError, IntegrityError
            As :meth:`read`.
        """
        return {
            key: (replace(r, reused=True), {s.sha256: self.resource(s.sha256, s.kind) for s in r.resources.values()})
            for key, r in self.read().records.items()
            if r.status in REUSABLE and not r.volatile and all(map(self._has, r.resources.values()))
        }

    def _has(self, stored: StoredResource) -> bool:
        return self.resource(stored.sha256, stored.kind).is_file()

    def resource(self, sha256: str, kind: str) -> Path:
        """Path of a resource by its content."""
        if self._aside is not None and self._apart(sha256).is_file():
            return self._apart(sha256)
        return self.path / "resources" / f"{sha256}.{_ENDINGS.get(kind, 'json')}"

    def declared(self, plan: Plan, as_of: str) -> tuple[DeclarationState, ...]:
        """Say how each declaration of the plan, as this folder keeps it, stands on a day.

        Raises
        ------
        DataError
            A checklist can't be used.
        """
        return tuple(declarations.state(d, self.path, as_of, collected=True) for d in plan.declarations)

    def seal(self, info: RunInfo, keys: Collection[str], since: Snapshot | None = None) -> None:
        """Write what is true of the run as a whole, and the list of all evidence.

        Records of other keys, which an earlier attempt left here, resources of none, and half-written files are removed
        first; so is the snapshot of an earlier run, unless ``since`` is one, and what children printed where nothing
        of single rows may be kept.
        """
        (self.path / _SINCE).unlink(missing_ok=True)
        if since is not None:
            files.write(self.path / _SINCE, pretty(since))
        for stray in (*self.path.glob("records/*.json"), *self.path.rglob(".*.part")):
            if stray.suffix == ".part" or stray.stem not in keys:
                stray.unlink()
        used = {s.sha256 for key in keys for s in self.record(key).resources.values()}
        for path in self.path.glob("resources/*"):
            if path.stem not in used or (info.samples == "none" and path.suffix == f".{_ENDINGS['predictions']}"):
                path.unlink()
        if info.samples == "none":
            shutil.rmtree(self.logs, ignore_errors=True)
        files.write(self.path / "run.json", pretty(info))
        left_out = {*DERIVED, *(v.path for v in self.views())}
        listed = [p for p in sorted(self.path.rglob("*")) if p.is_file() and self._is_evidence(p, left_out)]
        entries = tuple(
            BundleEntry(p.relative_to(self.path).as_posix(), p.stat().st_size, sha256_of_file(p)) for p in listed
        )
        bundle = canonical(Bundle("qmtestbed/bundle/v1", entries))
        place = self.path / "bundle.json"
        if place.is_file() and place.read_bytes() != bundle:
            (self.path / "attestation.json").unlink(missing_ok=True)  # it states the digest of the old one
        files.write(place, bundle)

    def _is_evidence(self, path: Path, left_out: Collection[str]) -> bool:
        relative = path.relative_to(self.path)
        return not (relative.as_posix() in left_out or relative.parts[0] == "logs")

    # -- afterwards -------------------------------------------------------------------------------------------

    def read(self) -> Evidence:
        """Read a run back, every byte of its evidence checked against the bundle.

        Raises
        ------
        InputError
            The folder holds no finished run.
        IntegrityError
            A file of the evidence is missing or altered.
        """
        if not (self.path / "bundle.json").is_file():
            do = "give the folder of a finished run, or finish it with the command that began it"
            raise InputError(Problem("this folder holds no finished run", str(self.path), "no bundle.json", do))
        bundle = self.bundle()
        self._check_bundle(bundle)
        info = self._json(RunInfo, "run.json")
        plan = decode_document(Plan, read_document(self.path / "plan.yaml"))
        found = {p.stem: self._yaml(Guideline, p) for p in sorted(self.path.glob("guidelines/*.yaml"))}
        guidelines = {name: completed(guideline, found.get) for name, guideline in found.items()}
        manifests = {p.stem: self._yaml(Manifest, p) for p in sorted(self.path.glob("manifests/*.yaml"))}
        records = {p.stem: self.record(p.stem) for p in sorted(self.path.glob("records/*.json"))}
        since = self._json(Snapshot, _SINCE) if any(e.path == _SINCE for e in bundle.files) else None
        return Evidence(info, plan, guidelines, manifests, records, self._resources(records), since)

    @property
    def bundle_sha256(self) -> str:
        """Digest of the list of all evidence: the run by its content."""
        return sha256_of_file(self.path / "bundle.json")

    def _check_bundle(self, bundle: Bundle) -> None:
        for entry in bundle.files:
            if not inside(entry.path):
                raise IntegrityError(Problem("evidence is outside of the folder", str(self.path), entry.path[:200]))
            path = self.path / entry.path
            found = sha256_of_file(path) if path.is_file() else "no such file"
            if found != entry.sha256:
                what = "missing" if found == "no such file" else "altered"
                do = "restore it from where the run was made, or run again"
                raise IntegrityError(Problem(f"evidence is {what}", str(path), f"sha256 {found[:16]}", do))

    def _yaml(self, cls: type[T], path: Path) -> T:
        return decode_document(cls, parse_document(path.read_bytes(), path.name))

    def _resources(self, records: Mapping[str, Record]) -> dict[str, Resource]:
        found: dict[str, Resource] = {}
        for record in records.values():
            for stored in record.resources.values():
                if stored.kind in RESOURCE_TYPES:
                    path = self.resource(stored.sha256, stored.kind)
                    found[stored.sha256] = read_resource(path.read_bytes(), str(path))
        return found


def read_resource(content: bytes, where: str) -> Resource:
    """Read a typed resource; :class:`IntegrityError` if it is none."""
    try:
        data = parse_json(content)
        kind = data.pop("kind")
        data.pop("schema")
        return decode(RESOURCE_TYPES[kind], data)
    except (DecodeError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise IntegrityError(Problem("not a resource of ours", where, str(error)[:200])) from None


def run_id(plan: Plan, evidence_digests: Iterable[str], as_of: str) -> str:
    """Derive the id of a run: the same plan, evidence and day have the same id."""
    return sha256_of_value({"plan": encode(plan), "evidence": sorted(evidence_digests), "as_of": as_of})[:16]
