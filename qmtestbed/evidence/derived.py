"""What is made from the evidence and lies beside it: verdicts, pages, remarks, who vouches, where it was written to.

No list has the digests of these files, so each has to be exactly as it was written, and says itself what it rests on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from qmtestbed.digests import sha256_of_file
from qmtestbed.errors import IntegrityError, Problem
from qmtestbed.evidence import files, remarks, signatures
from qmtestbed.types.assessment import Assessment
from qmtestbed.types.codec import DecodeError, canonical, decode, parse_json, pretty
from qmtestbed.types.evidence import Bundle, Logged, Remark, Signature, ViewEntry, Views, last_digest

T = TypeVar("T")


class DerivedFiles:
    """The part of a run folder that is no evidence."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def bundle(self) -> Bundle:
        """Give the list of all evidence.

        Raises
        ------
        IntegrityError
            It can't be read, or is not as it was written.
        """
        return self._exact(Bundle, "bundle.json", canonical)

    def write_assessment(self, assessment: Assessment) -> None:
        """Write the verdicts."""
        files.write(self.path / "assessment.json", pretty(assessment))

    def write_logged(self, logged: Logged) -> None:
        """Write where in MLflow this run is."""
        files.write(self.path / "mlflow.json", pretty(replace(logged, sha256=logged.digest)))

    def logged(self) -> Logged | None:
        """Say where in MLflow this run is; ``None`` if it is not.

        Raises
        ------
        IntegrityError
            What says so was altered.
        """
        if not (self.path / "mlflow.json").exists():
            return None
        logged = self._exact(Logged, "mlflow.json", pretty)
        if logged.sha256 != logged.digest:
            do = "write it again: qmtestbed log"
            raise IntegrityError(Problem("is altered", str(self.path / "mlflow.json"), do=do))
        return logged

    def write_attestation(self, content: bytes) -> Path:
        """Write the statement on the outcome for a supply chain; give its path."""
        files.write(self.path / "attestation.json", content)
        return self.path / "attestation.json"

    def write_signature(self, signature: Signature) -> None:
        """Write who vouches for this run."""
        files.write(self.path / signatures.NAME, canonical(signature))

    def signature(self) -> Signature | None:
        """Say who vouches for this run; ``None`` if nobody does. Whether it is genuine is not looked at.

        Raises
        ------
        IntegrityError
            It can't be read, or is not as it was written.
        """
        if not (self.path / signatures.NAME).exists():
            return None
        return self._exact(Signature, signatures.NAME, canonical)

    def statement(self) -> Signature:
        """Say what is to be signed: evidence, verdicts and remarks as they are."""
        said = self.remarks()
        bundle, assessment = (sha256_of_file(self.path / n) for n in ("bundle.json", "assessment.json"))
        return Signature("qmtestbed/signature/v1", "Ed25519", "", "", bundle, assessment, len(said), last_digest(said))

    def remarks(self) -> tuple[Remark, ...]:
        """Give what people said of this run.

        Raises
        ------
        IntegrityError
            A remark was altered, taken out or moved.
        """
        return remarks.read(self.path, self.listed_views())

    def locked(self) -> AbstractContextManager[None]:
        """Keep others from adding remarks and writing pages meanwhile; not to be nested."""
        return remarks.locked(self.path)

    def add_remark(
        self, *, at: str, by: str, text: str, check: str | None = None, requirement: str | None = None
    ) -> tuple[Remark, ...]:
        """Add a remark after all that are there; give all. The pages know nothing of it yet.

        Raises
        ------
        IntegrityError
            As :meth:`remarks`.
        """
        with self.locked():
            there = self.remarks()
            previous = last_digest(there) or sha256_of_file(self.path / "bundle.json")
            n = len(there) + 1
            added = Remark("qmtestbed/remark/v1", n, at, by, text, previous, check, requirement)
            remarks.write(self.path, [*there, added])
        return (*there, added)

    def write_views(
        self, views: Sequence[tuple[ViewEntry, bytes | Iterable[bytes]]], shown: Sequence[Remark] = ()
    ) -> None:
        """Write pages, all or none, and the list of them with what they show; others that are there stay listed."""
        written = {entry.path for entry, _ in views}
        listed = [v for v in self.views() if v.path not in written and (self.path / v.path).is_file()]
        with files.staged([(self.path / entry.path, content) for entry, content in views]) as waiting:
            pairs = zip(views, waiting, strict=True)
            listed += [replace(entry, sha256=sha256_of_file(path)) for (entry, _), path in pairs]
            listed.sort(key=lambda v: v.path)
            made = Views("qmtestbed/views/v1", tuple(listed), len(shown), last_digest(shown))
            # The list appears first: a page that nobody lists would pass for evidence when the run is gone on with.
            files.write(self.path / "views.json", pretty(replace(made, sha256=made.digest)))

    def listed_views(self) -> Views | None:
        """Give the list of pages; ``None`` if none was made.

        Raises
        ------
        IntegrityError
            It can't be read, or was altered.
        """
        if not (self.path / "views.json").exists():
            return None
        views = self._exact(Views, "views.json", pretty)
        if views.sha256 != views.digest:
            do = "restore it from where the run was made"
            raise IntegrityError(Problem("is altered", str(self.path / "views.json"), do=do))
        return views

    def views(self) -> tuple[ViewEntry, ...]:
        """Pages that are here."""
        views = self.listed_views()
        return views.views if views else ()

    def _json(self, cls: type[T], name: str) -> T:
        try:
            return decode(cls, parse_json((self.path / name).read_bytes()))
        except (DecodeError, ValueError, OSError) as error:
            raise IntegrityError(Problem("can't be read", str(self.path / name), str(error)[:200])) from None

    def _exact(self, cls: type[T], name: str, form: Callable[[Any], bytes]) -> T:
        """Read a file of ours that no list has the digest of: it has to be as we write it, byte by byte."""
        value = self._json(cls, name)
        if form(value) != (self.path / name).read_bytes():
            raise IntegrityError(Problem("is not as it was written", str(self.path / name)))
        return value
