"""What is installed: finds AIT folders, guidelines and report templates, and reads their data files.

No AIT is ever imported here. The search path of each kind, in order: the content shipped with the package, entry
points of the groups ``qmtestbed.aits``, ``qmtestbed.guidelines``, ``qmtestbed.reports``, folders named on the command
line; never the current folder. Something that can't be used is listed as broken, with its reason; an id that two
folders claim is refused for both, naming them.
"""

from __future__ import annotations

import functools
import importlib.machinery
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from qmtestbed.content import content_root, shared_parts
from qmtestbed.documents import Document, decode_document, read_document
from qmtestbed.errors import ContentError, Problem, suggestion
from qmtestbed.types.criterion import parse_criterion
from qmtestbed.types.manifest import Manifest, Requirement

if TYPE_CHECKING:
    from qmtestbed.types.guideline import Guideline
    from qmtestbed.types.report import ReportTemplate

Kind = Literal["aits", "guidelines", "reports"]


@dataclass(frozen=True)
class AitEntry:
    """An AIT found: its manifest, or why it can't be used."""

    id: str
    folder: Path
    owner: str
    manifest: Manifest | None = None
    source: bytes = b""
    broken: tuple[Problem, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """Digest of the manifest and every code or data file beside it, tests and examples left out."""
        from qmtestbed.digests import sha256_of_code

        return sha256_of_code(self.folder)


@dataclass(frozen=True)
class GuidelineEntry:
    """A guideline edition found, or why it can't be used."""

    name: str
    path: Path
    owner: str
    guideline: Guideline | None = None
    source: bytes = b""
    broken: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class ReportEntry:
    """A report template found, or why it can't be used."""

    id: str
    folder: Path
    owner: str
    template: ReportTemplate | None = None
    broken: tuple[Problem, ...] = ()

    @property
    def sha256(self) -> str:
        """Digest of every file that the page may be made from: the folder's, and the parts that all share."""
        from qmtestbed.digests import sha256_of_code, sha256_of_value

        return sha256_of_value([sha256_of_code(self.folder), sha256_of_code(shared_parts())])


@dataclass(frozen=True)
class Place:
    """One folder of the search path and who owns it."""

    folder: Path
    owner: str


def search_path(kind: Kind, extra: Sequence[Path] = ()) -> tuple[Place, ...]:
    """Give the ordered folders in which one kind of content is looked for."""
    places = [Place(content_root() / kind, "qmtestbed")]
    for owner, module in _entry_points(f"qmtestbed.{kind}"):
        places.extend(Place(folder, owner) for folder in _folders_of(module))
    places.extend(Place(Path(folder).resolve(), str(folder)) for folder in extra)
    return tuple(places)


def _entry_points(group: str) -> list[tuple[str, str]]:
    """Owner and module of every entry point of a group, sorted."""
    if not _is_mentioned(f"[{group}]"):
        return []
    import importlib.metadata

    found = importlib.metadata.entry_points(group=group)
    return sorted((entry.dist.name if entry.dist else entry.value, entry.value) for entry in found)


def _is_mentioned(header: str) -> bool:
    """Whether any installed distribution has entry points under a header; a fifth of the time of asking for them."""
    for entry in dict.fromkeys(sys.path):
        path = Path(entry)
        if path.is_file():
            return True  # a zip file: only its importer can tell
        for listed in path.glob("*.*-info/entry_points.txt"):
            if header in listed.read_text("utf-8", errors="replace"):
                return True
    return False


def _folders_of(module: str) -> list[Path]:
    """Folders of a dotted module without importing it: only its first component is looked up."""
    first, *rest = module.split(":")[0].split(".")
    spec = importlib.machinery.PathFinder.find_spec(first, sys.path)
    roots = list(spec.submodule_search_locations or ()) if spec else []
    folders = [Path(root, *rest) for root in roots]
    return list({f.resolve(): f for f in folders}.values())  # a path may be on sys.path twice


class Catalogue:
    """Everything installed, read on first use."""

    def __init__(
        self, aits: Sequence[Path] = (), guidelines: Sequence[Path] = (), reports: Sequence[Path] = ()
    ) -> None:
        for folder in (*aits, *guidelines, *reports):
            if not Path(folder).is_dir():
                raise ContentError(Problem("no such folder", str(folder), do="give a folder that holds the content"))
        self._extra: Mapping[Kind, Sequence[Path]] = {"aits": aits, "guidelines": guidelines, "reports": reports}

    @functools.cached_property
    def aits(self) -> Mapping[str, AitEntry]:
        """Every AIT by id, sorted; broken ones among them."""
        found = [
            read_ait(folder, place.owner)
            for place in search_path("aits", self._extra["aits"])
            for folder in _subfolders(place.folder, "ait.yaml")
        ]
        return {e.id: e for e in sorted(_refuse_twins(found), key=lambda e: e.id)}

    @functools.cached_property
    def guidelines(self) -> Mapping[str, GuidelineEntry]:
        """Every guideline edition by ``id@edition``, sorted; broken ones among them."""
        return {name: _complete(self._drafts[name], self._drafts) for name in sorted(self._drafts)}

    @functools.cached_property
    def _drafts(self) -> Mapping[str, _Draft]:
        found = [
            _read_guideline(path, place.owner)
            for place in search_path("guidelines", self._extra["guidelines"])
            for path in sorted(place.folder.glob("*/*.yaml"))
        ]
        return _refuse_twin_guidelines(found)

    def guideline_file(self, path: Path) -> Guideline:
        """Read a guideline from a file that is not installed; :class:`ContentError` if it can't be read."""
        draft = _read_guideline(path.resolve(), str(path), str(path))
        if draft.entry.guideline is None or draft.document is None:
            raise ContentError(*draft.entry.broken)
        return _whole(draft.entry.guideline, draft.document, self._drafts)

    def check_guideline(self, path: Path) -> tuple[Problem, ...]:
        """Give everything that is wrong with a guideline file, also with what it names elsewhere."""
        from qmtestbed.guidelines.checking import links

        draft = _read_guideline(path.resolve(), str(path), str(path))
        broken = _complete(draft, self._drafts).broken
        own, document = draft.entry.guideline, draft.document
        if own is None or document is None:
            return broken
        try:
            whole = _whole(own, document, self._drafts)
        except ContentError:
            return broken
        aits = {id: entry.manifest for id, entry in self.aits.items()}
        others = {name: entry.guideline for name, entry in self.guidelines.items()}
        return (*broken, *links(own, whole, document, aits, others))

    def ait(self, id: str) -> AitEntry:
        """Give a usable AIT; :class:`ContentError` for an unknown or broken one."""
        entry = self.aits.get(id)
        if entry is None:
            raise ContentError(Problem(f"unknown AIT {id!r}", do=suggestion(id, self.aits)))
        if entry.manifest is None:
            raise ContentError(*entry.broken)
        return entry

    def guideline(self, name: str) -> GuidelineEntry:
        """Give a usable guideline; :class:`ContentError` for an unknown or broken one."""
        entry = self.guidelines.get(name)
        if entry is None:
            raise ContentError(Problem(f"unknown guideline {name!r}", do=suggestion(name, self.guidelines)))
        if entry.guideline is None:
            raise ContentError(*entry.broken)
        return entry

    @functools.cached_property
    def reports(self) -> Mapping[str, ReportEntry]:
        """Every report template by id, sorted; broken ones among them."""
        found = [
            read_report(folder, place.owner)
            for place in search_path("reports", self._extra["reports"])
            for folder in _subfolders(place.folder, "template.yaml")
        ]
        return {e.id: e for e in sorted(_refuse_twins(found), key=lambda e: e.id)}

    def report(self, name: str) -> ReportEntry:
        """Give a usable report template by its id, or by the path of its folder.

        Raises
        ------
        ContentError
            Unknown or broken; or a path to a template that takes the id of one that ships.
        """
        folder = Path(name)
        if name not in self.reports and (folder / "template.yaml").is_file():
            entry = read_report(folder.resolve(), name)
            twin = self.reports.get(entry.id)
            if twin is not None and twin.folder.resolve() != entry.folder:
                found = f"{twin.owner} ({twin.folder}) and {name}"
                raise ContentError(Problem(f"the id {entry.id!r} is claimed twice", name, found, "rename one"))
        elif name in self.reports:
            entry = self.reports[name]
        else:
            do = suggestion(name, self.reports) if os.sep not in name else "give a folder that holds a template.yaml"
            raise ContentError(Problem(f"unknown report template {name!r}", do=do))
        if entry.template is None:
            raise ContentError(*entry.broken)
        return entry


def _subfolders(folder: Path, marker: str) -> list[Path]:
    return sorted(path.parent for path in folder.glob(f"*/{marker}"))


def read_ait(folder: Path, owner: str) -> AitEntry:
    """Read one AIT folder; what is wrong with it becomes part of the entry."""
    try:
        document = read_document(folder / "ait.yaml", f"{folder.name}/ait.yaml", remember=True)
        manifest = decode_document(Manifest, document)
        problems = tuple(_check_manifest(manifest, folder, document))
    except ContentError as error:
        return AitEntry(folder.name, folder, owner, broken=error.problems)
    if problems:
        return AitEntry(manifest.id, folder, owner, broken=problems)
    return AitEntry(manifest.id, folder, owner, manifest, document.source, missing=_not_installed(manifest))


def _check_manifest(manifest: Manifest, folder: Path, document: Document) -> Iterable[Problem]:
    if manifest.id != folder.name:
        yield document.problem(("id",), "the id is not the folder's name", manifest.id, f"rename one: {folder.name!r}")
    if not (folder / "measure.py").is_file():
        yield document.problem((), "there is no measure.py beside it", do="write one with a function measure(…)")
    if "data" not in manifest.inputs and any(i.kind == "model" for i in manifest.inputs.values()):
        do = "add an input data: a model is loaded together with the data that it is asked about"
        yield document.problem(("inputs",), "there is a model and no input 'data'", do=do)
    if not manifest.measures:
        yield document.problem(("measures",), "no measure is declared", do="declare what the function returns")
    for name in {*manifest.measures, *manifest.resources} & {"findings"}:
        yield document.problem(("measures", name), "the name 'findings' is taken", do="choose another name")
    for name in manifest.measures.keys() & manifest.resources.keys():
        yield document.problem(("resources", name), f"{name!r} is a measure too", do="choose another name")
    for name in manifest.inputs.keys() & manifest.parameters.keys():
        yield document.problem(("parameters", name), f"{name!r} is an input too", do="choose another name")
    for i, suggested in enumerate(manifest.suggests):
        try:
            measure_name = parse_criterion(suggested.criterion).measure
        except ValueError as error:
            yield document.problem(("suggests", i), str(error), suggested.criterion)
            continue
        if measure_name not in manifest.measures:
            do = suggestion(measure_name, manifest.measures)
            yield document.problem(("suggests", i), f"there is no measure {measure_name!r}", suggested.criterion, do)
    for name, measure in manifest.measures.items():
        low, high = measure.range
        if low is not None and high is not None and low >= high:
            yield document.problem(("measures", name, "range"), "the range is empty", f"[{low}, {high}]")


def _not_installed(manifest: Manifest) -> tuple[str, ...]:
    """Pip commands for the distributions that the AIT requires and that are not here, in a version that will do."""
    if not manifest.requires or manifest.environment == "isolated":
        return ()
    missing = []
    for need in manifest.requires:
        if not _is_installed(need):
            what = f"qmtestbed[{need.extra}]" if need.extra and not need.version else str(need)
            missing.append(f"pip install '{what}'")
    return tuple(missing)


def _is_installed(need: Requirement) -> bool:
    import importlib.metadata

    try:
        version = importlib.metadata.version(need.distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    if need.version is None:
        return True
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(need.version).contains(version, prereleases=True)


def read_report(folder: Path, owner: str) -> ReportEntry:
    """Read the description of a report template; what is wrong with it becomes part of the entry."""
    from qmtestbed.types.report import ReportTemplate  # here, so that listing AITs does not wait for it

    try:
        document = read_document(folder / "template.yaml", f"{folder.name}/template.yaml")
        template = decode_document(ReportTemplate, document)
        problems = tuple(_check_report(template, folder, document))
    except ContentError as error:
        return ReportEntry(folder.name, folder, owner, broken=error.problems)
    return ReportEntry(template.id, folder, owner, None if problems else template, problems)


def _check_report(template: ReportTemplate, folder: Path, document: Document) -> Iterable[Problem]:
    if template.id != folder.name:
        yield document.problem(("id",), "the id is not the folder's name", template.id, f"rename one: {folder.name!r}")
    if template.id in _TAKEN:
        do = "choose another name"
        yield document.problem(("id",), f"the name {template.id!r} is taken by another file of a run folder", do=do)
    if not (folder / template.entry).is_file():
        yield document.problem(("entry",), "there is no such file beside it", template.entry)


_TAKEN = frozenset({"report"})
"""Ids whose page would be another template's: that of ``quality`` is ``report.html``."""

Entry = TypeVar("Entry", AitEntry, ReportEntry)


def _refuse_twins(found: Sequence[Entry]) -> Iterable[Entry]:
    by_id: dict[str, list[Entry]] = {}
    for entry in found:
        by_id.setdefault(entry.id, []).append(entry)
    for id, entries in by_id.items():
        if len(entries) == 1:
            yield entries[0]
            continue
        owners = " and ".join(f"{e.owner} ({e.folder})" for e in entries)
        problem = Problem(f"the id {id!r} is claimed twice", found=owners, do="rename one, or leave one out")
        yield type(entries[0])(id, entries[0].folder, entries[0].owner, broken=(problem,))


@dataclass(frozen=True)
class _Draft:
    """A guideline file that was read, before it is completed by the one that it extends."""

    entry: GuidelineEntry
    document: Document | None = None


def _read_guideline(path: Path, owner: str, label: str = "") -> _Draft:
    from qmtestbed.types.guideline import Guideline  # here, so that listing AITs does not wait for it

    name = f"{path.parent.name}@{path.stem}"
    try:
        document = read_document(path, label or f"{path.parent.name}/{path.name}")
        guideline = decode_document(Guideline, document)
    except ContentError as error:
        return _Draft(GuidelineEntry(name, path, owner, broken=error.problems))
    return _Draft(GuidelineEntry(name, path, owner, guideline, document.source), document)


def _complete(draft: _Draft, known: Mapping[str, _Draft]) -> GuidelineEntry:
    """Fill in what a guideline takes from the one that it extends; one with a fault is broken."""
    from qmtestbed.guidelines.checking import structure

    entry, own, document = draft.entry, draft.entry.guideline, draft.document
    if own is None or document is None:
        return entry
    if own.name != entry.name:
        do = f"expected {entry.name}"
        problem = document.problem(("id",), "id and edition are not those of the path", own.name, do)
        return replace(entry, guideline=None, broken=(problem,))
    try:
        whole = _whole(own, document, known)
    except ContentError as error:
        return replace(entry, guideline=None, broken=error.problems)
    problems = tuple(structure(own, whole, document))
    return replace(entry, guideline=None, broken=problems) if problems else replace(entry, guideline=whole)


def _whole(own: Guideline, document: Document, known: Mapping[str, _Draft]) -> Guideline:
    """Complete a guideline; :class:`ContentError` at its line if the one that it extends can't be used."""
    from qmtestbed.types.guideline import completed

    try:
        return completed(own, lambda name: known[name].entry.guideline if name in known else None)
    except ContentError as error:
        where = document.where(("extends",))
        raise ContentError(*(replace(p, where=where) for p in error.problems)) from None


def _refuse_twin_guidelines(found: Sequence[_Draft]) -> dict[str, _Draft]:
    by_name: dict[str, list[GuidelineEntry]] = {}
    for draft in found:
        by_name.setdefault(draft.entry.name, []).append(draft.entry)
    drafts = {draft.entry.name: draft for draft in found}
    for name, entries in by_name.items():
        if len(entries) > 1:
            owners = " and ".join(f"{e.owner} ({e.path})" for e in entries)
            problem = Problem(f"the guideline {name} is claimed twice", found=owners, do="rename one, or leave one out")
            drafts[name] = _Draft(GuidelineEntry(name, entries[0].path, entries[0].owner, broken=(problem,)))
    return drafts
