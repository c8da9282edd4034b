"""``verify``: hash, judge and render a run folder again, and name everything that is not what it was."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import TypeVar, get_args

from qmtestbed.catalogue import Catalogue
from qmtestbed.digests import sha256_of_file
from qmtestbed.errors import ContentError, DataError, InputError, IntegrityError, Problem, QmtestbedError
from qmtestbed.evidence import RunFolder, opened, run_id, signatures
from qmtestbed.evidence.contents import DERIVED, faults_of_files, inside
from qmtestbed.evidence.remarks import read as read_remarks
from qmtestbed.judging import judge
from qmtestbed.pipeline.attest import statement
from qmtestbed.pipeline.options import Options
from qmtestbed.pipeline.views import Maker, is_pdf, page_name
from qmtestbed.types.assessment import Assessment, Require
from qmtestbed.types.codec import pretty
from qmtestbed.types.evidence import Bundle, Evidence, Remark, Signature, ViewEntry, Views, last_digest
from qmtestbed.types.text import Language
from qmtestbed.types.verification import Fault, NotCompared, Verification

T = TypeVar("T")

_READ_WHOLE = ("guidelines/", "manifests/", "records/")
"""Whatever lies in these folders is read as evidence, so that a file more in them is judged as well."""


def verify(path: Path, options: Options, key: Path | None = None) -> Verification:
    """Verify a run folder, or a ZIP file of one. Nothing is executed or changed.

    Parameters
    ----------
    path
        Run folder or archive.
    options
        Where templates are found.
    key
        Public key that the run has to be signed with; without one, a signature is not checked against anybody.

    Raises
    ------
    InputError
        There is no finished run, or the key is none.
    IntegrityError
        The archive is damaged, or holds what no run folder does.
    """
    trusted = signatures.fingerprint_of(key) if key else None
    with opened(path) as folder:
        return _verified(RunFolder(folder), options.catalogue(), trusted, str(path))


def require_whole(folder: RunFolder, options: Options) -> None:
    """Make sure that a folder is whole, but for a signature that is to be replaced.

    Raises
    ------
    InputError
        There is no finished run.
    IntegrityError
        Names the first fault.
    """
    found = _verified(folder, options.catalogue(), None, str(folder.path))
    faults = [f for f in found.faults if f.path != signatures.NAME]
    if faults:
        do = f"see all of it: qmtestbed verify {folder.path}"
        what = f"the run is not whole ({len(faults)} faults): {faults[0].what}"
        raise IntegrityError(Problem(what, str(folder.path / faults[0].path), faults[0].found, do))


@dataclass
class _Found:
    """What was found so far."""

    faults: list[Fault] = field(default_factory=list)
    not_compared: list[NotCompared] = field(default_factory=list)

    def fault(self, path: str, what: str, found: str = "", do: str = "") -> None:
        self.faults.append(Fault(path, what, found, do))

    def skipped(self, path: str, why: str) -> None:
        self.not_compared.append(NotCompared(path, why))

    def attempt(self, path: str, read: Callable[[], T]) -> T | None:
        """Read a file; if it can't be, that is a fault of it."""
        try:
            return read()
        except IntegrityError as error:
            self.fault(path, error.problem.what, error.problem.found, error.problem.do)
            return None


def _verified(folder: RunFolder, catalogue: Catalogue, trusted: str | None, name: str) -> Verification:
    found = _Found()
    if not (folder.path / "bundle.json").is_file() and not (folder.path / "run.json").is_file():
        do = "give the folder of a finished run, or a ZIP file of one"
        raise InputError(Problem("this is no finished run", name, "no bundle.json", do))
    bundle = found.attempt("bundle.json", folder.bundle)
    if bundle is None:
        found.skipped("everything else", "the list of evidence can't be read")
        return Verification(0, 0, 0, tuple(found.faults), tuple(found.not_compared), "")
    views = found.attempt("views.json", lambda: _views(folder))
    entries = views.views if views else ()
    pages = {v.path for v in entries} if views else {*map(page_name, get_args(Language)), "summary.md", "junit.xml"}
    found.faults += faults_of_files(folder.path, bundle, pages)
    remarks = found.attempt("notes.jsonl", lambda: read_remarks(folder.path, views))
    judged = _judged(folder, bundle, found)
    _compare_assessment(folder, judged, found)
    maker = _maker(judged, views, remarks, catalogue, found)
    for entry in entries:
        _compare_view(folder, entry, {e.path for e in bundle.files}, maker, found)
    _compare_attestation(folder, judged, found)
    signed = _signature(folder, remarks or (), trusted, found)
    counts = len(bundle.files), len(entries), len(remarks or ())
    return Verification(*counts, tuple(found.faults), tuple(found.not_compared), signed)


def _views(folder: RunFolder) -> Views:
    views = folder.listed_views()
    if views is None:
        raise IntegrityError(Problem("is missing", do="render again: qmtestbed report"))
    return views


# -- evidence and verdicts ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Judged:
    """Evidence that is whole, its verdicts, and how these are written."""

    evidence: Evidence
    assessment: Assessment
    written: bytes


def _judged(folder: RunFolder, bundle: Bundle, found: _Found) -> _Judged | None:
    """Read and judge what is whole; ``None`` if it is not."""
    listed = {entry.path for entry in bundle.files}
    if any(f.path in listed or f.path.startswith(_READ_WHOLE) for f in found.faults):
        return None
    try:
        evidence = folder.read()
        names = run_id(evidence.plan, (r.evidence_digest for r in evidence.records.values()), evidence.info.as_of)
        if evidence.info.run != names:
            found.fault("run.json", "the id of the run is not that of its evidence", evidence.info.run, names)
        for key, record in evidence.records.items():
            if record.key != key:
                found.fault(f"records/{key}.json", "is the record of another job", record.key[:16])
        _compare_declarations(folder, evidence, found)
        assessment = judge(evidence)
        return _Judged(evidence, assessment, pretty(assessment))
    except (QmtestbedError, ValueError, RecursionError) as error:
        found.fault("bundle.json", "the evidence that it lists can't be read", str(error)[:300])
        return None


def _compare_declarations(folder: RunFolder, evidence: Evidence, found: _Found) -> None:
    """Read declared files and checklists again: what run.json says of them must follow from them."""
    try:
        again = folder.declared(evidence.plan, evidence.info.as_of)
    except DataError as error:
        found.skipped("declared/", error.problems[0].what)
        return
    if again != evidence.info.declarations:
        found.fault("run.json", "the state of the declarations is not what their files give")


def _compare_assessment(folder: RunFolder, judged: _Judged | None, found: _Found) -> None:
    path = folder.path / "assessment.json"
    if not path.is_file():
        found.fault(path.name, "is missing", do="judge again: qmtestbed judge")
    elif judged is None:
        found.skipped(path.name, "the evidence is not whole")
    elif path.read_bytes() != judged.written:
        do = "was it judged by another version of qmtestbed? judge again: qmtestbed judge"
        found.fault(path.name, "is not what judging the evidence again gives", do=do)


# -- pages ----------------------------------------------------------------------------------------------------


def _maker(
    judged: _Judged | None,
    views: Views | None,
    remarks: tuple[Remark, ...] | None,
    catalogue: Catalogue,
    found: _Found,
) -> Maker | None:
    """Give what makes the pages as they were made; ``None`` if they can't be."""
    if judged is None or views is None or remarks is None:
        return None
    if len(remarks) > views.remarks:
        do = "render again: qmtestbed report"
        found.fault("views.json", "the pages do not show every remark", f"{views.remarks} of {len(remarks)}", do)
    return Maker(judged.evidence, judged.assessment, remarks[: views.remarks], catalogue)


def _compare_view(
    folder: RunFolder, entry: ViewEntry, evidence: Iterable[str], maker: Maker | None, found: _Found
) -> None:
    path = folder.path / entry.path
    if not inside(entry.path) or entry.path.startswith("logs/") or entry.path in {*DERIVED, *evidence}:
        found.fault("views.json", "names a place where no page may be", ascii(entry.path)[:200])
    elif path.is_symlink() or not path.is_file():
        found.fault(entry.path, "is missing", do="render again: qmtestbed report")
    elif sha256_of_file(path) != entry.sha256:
        found.fault(entry.path, "is altered", do="render again: qmtestbed report")
    elif maker is None:
        found.skipped(entry.path, "the evidence or what is beside it is not whole")
    else:
        _render_again(entry, maker, found)


def _render_again(entry: ViewEntry, maker: Maker, found: _Found) -> None:
    try:
        ours = maker.entry(entry.template, entry.language, pdf=is_pdf(entry))
        if entry.path != ours.path:
            found.fault("views.json", "names a page where such a page is not written", ascii(entry.path)[:200])
        elif entry.template_sha256 != ours.template_sha256:
            found.skipped(entry.path, "made by another version of its template")
        elif _digest(maker.pieces(entry.template, entry.language, pdf=is_pdf(entry))) != entry.sha256:
            if is_pdf(entry):
                found.skipped(entry.path, "a PDF made with other fonts or another WeasyPrint has other bytes")
            else:
                found.fault(entry.path, "is not what rendering again gives", do="render again: qmtestbed report")
    except ContentError:
        found.skipped(entry.path, f"there is no usable template {entry.template!r} here")
    except (ValueError, RecursionError) as error:
        found.fault(entry.path, "the evidence can't be rendered", str(error)[:200])


def _digest(pieces: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


# -- what is said of it elsewhere -----------------------------------------------------------------------------


def _compare_attestation(folder: RunFolder, judged: _Judged | None, found: _Found) -> None:
    path = folder.path / "attestation.json"
    logged = found.attempt("mlflow.json", folder.logged)
    if not path.is_file():
        return
    if judged is None:
        found.skipped(path.name, "the evidence is not whole")
        return
    urls = (None, logged.page) if logged and logged.page else (None,)
    made = (
        statement(folder, judged.evidence, judged.assessment, require, url)
        for require, url in product(get_args(Require), urls)
    )
    if path.read_bytes() not in made:
        found.fault(path.name, "is not what attesting again gives", do="attest again: qmtestbed attest")


def _signature(folder: RunFolder, remarks: tuple[Remark, ...], trusted: str | None, found: _Found) -> str:
    """Check who signed; say it in words."""
    before = len(found.faults)
    signature = found.attempt(signatures.NAME, folder.signature)
    if signature is None:
        if len(found.faults) > before:
            return "can't be read"
        if trusted:
            found.fault(signatures.NAME, "is missing: nobody signed this run")
        return "not signed"
    for what in _unsigned(folder, signature, remarks):
        found.fault(signatures.NAME, what, do="find out why, then sign again: qmtestbed sign")
    if signatures.available() and not signatures.is_genuine(signature):
        found.fault(signatures.NAME, "is not genuine: it was not made with the key that it names")
    if trusted and signature.key != trusted:
        found.fault(signatures.NAME, "is of another key", signature.key, f"the key that is asked for is {trusted}")
    if len(found.faults) > before:
        return f"names the key {signature.key}, and is not good"
    later = len(remarks) - signature.remarks
    after = f"; later remarks, not signed: {later}" if later > 0 else ""
    whose = "with the key that was given" if trusted else "not checked (give the public key with --key)"
    return f"signed by {signature.key}, {whose}{after}"


def _unsigned(folder: RunFolder, signature: Signature, remarks: tuple[Remark, ...]) -> Iterator[str]:
    for name, sha256 in (("bundle.json", signature.bundle), ("assessment.json", signature.assessment)):
        path = folder.path / name
        if not path.is_file() or sha256_of_file(path) != sha256:
            yield f"{name} is not what was signed"
    if len(remarks) < signature.remarks or last_digest(remarks[: signature.remarks]) != signature.remarks_sha256:
        yield "the remarks are not those that were signed"
