"""Every kind of page that a run folder may have: its name, what it is made by, and how to make it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import qmtestbed
from qmtestbed.catalogue import Catalogue
from qmtestbed.digests import sha256_of_code, sha256_of_value
from qmtestbed.evidence import RunFolder
from qmtestbed.render import junit, page_pieces, summary
from qmtestbed.render import pdf as as_pdf
from qmtestbed.types.assessment import Assessment
from qmtestbed.types.evidence import Evidence, Remark, ViewEntry
from qmtestbed.types.text import Language

TEMPLATE = "quality"
JUNIT, JUNIT_ACCEPTING = "junit", "junit-accepting-waivers"
"""The two ways to make the JUnit file: what is waived fails, or is skipped. ``views.json`` says which it was."""


@dataclass(frozen=True)
class Asked:
    """Which pages are wanted.

    ``templates`` are ids or folders; ``language`` is that of pages and summary, ``None`` for that of the summary there
    is; with ``pdf`` each page is made as PDF besides. ``accepting`` says whether the JUnit file skips what is waived,
    ``None`` for as it did before.
    """

    templates: tuple[str, ...] = ()
    language: Language | None = None
    pdf: bool = False
    accepting: bool | None = None


@dataclass(frozen=True)
class Maker:
    """Makes the pages of one run: pure functions of evidence, verdicts, remarks, template and language."""

    evidence: Evidence
    assessment: Assessment
    remarks: tuple[Remark, ...]
    catalogue: Catalogue

    def entry(self, template: str, language: Language, *, pdf: bool = False) -> ViewEntry:
        """Say where a page stands and what it is made by; ``pdf`` for the same page as PDF.

        Raises
        ------
        ContentError
            There is no such template here.
        """
        if template in (JUNIT, JUNIT_ACCEPTING):
            return ViewEntry("junit.xml", template, self._code, "en")
        if template == "summary.md":
            return ViewEntry("summary.md", template, self._code, language)
        known = self.catalogue.report(template)
        made_by = sha256_of_value([known.sha256, self._code])
        return ViewEntry(page_name(language, known.id, pdf=pdf), known.id, made_by, language)

    def pieces(self, template: str, language: Language, *, pdf: bool = False) -> Iterable[bytes]:
        """Make a page, piece by piece."""
        if template in (JUNIT, JUNIT_ACCEPTING):
            accepting = template == JUNIT_ACCEPTING
            return [junit(self.evidence, self.assessment, accepting=accepting).encode()]
        if template == "summary.md":
            return [summary(self.evidence, self.assessment, language, self.remarks).encode()]
        known = self.catalogue.report(template)
        start = known.template.entry if known.template else ""
        html = page_pieces(self.evidence, self.assessment, known.folder, language, self.remarks, entry=start)
        return [as_pdf(b"".join(html).decode(), self.assessment)] if pdf else html

    @cached_property
    def _code(self) -> str:
        return sha256_of_code(Path(qmtestbed.__file__).parent / "render")


def page_name(language: Language, template: str = TEMPLATE, *, pdf: bool = False) -> str:
    """Name the page by a template in a language."""
    stem = "report" if template == TEMPLATE else template
    return f"{stem}{'' if language == 'en' else f'.{language}'}.{'pdf' if pdf else 'html'}"


def is_pdf(entry: ViewEntry) -> bool:
    """Whether a page that is listed is a PDF."""
    return entry.path.endswith(".pdf")


def write_views(
    folder: RunFolder,
    evidence: Evidence,
    assessment: Assessment,
    catalogue: Catalogue,
    asked: Asked,
) -> tuple[Path, ...]:
    """Write the pages that are asked for, summary and JUnit file, and every page that is there anew.

    Returns
    -------
    tuple of Path
        The pages that were asked for.
    """
    with folder.locked():
        listed = folder.views()
        told: list[Language] = [v.language for v in listed if v.template == "summary.md"]
        language = asked.language or (told or ["en"])[0]
        maker = Maker(evidence, assessment, folder.remarks(), catalogue)
        kinds = (False, True) if asked.pdf else (False,)
        own = [
            (catalogue.report(t).folder, catalogue.report(t).id, language, k) for t in asked.templates for k in kinds
        ]
        wanted = {(id, x, k): str(place) for place, id, x, k in own}
        there = {(v.template, v.language, is_pdf(v)): v.template for v in listed if v.template in catalogue.reports}
        pages = {**there, **wanted}
        made = [(maker.entry(name, x, pdf=k), maker.pieces(name, x, pdf=k)) for (_, x, k), name in pages.items()]
        skipping = any(v.template == JUNIT_ACCEPTING for v in listed) if asked.accepting is None else asked.accepting
        for name in ("summary.md", JUNIT_ACCEPTING if skipping else JUNIT):
            made.append((maker.entry(name, language), maker.pieces(name, language)))
        folder.write_views(made, maker.remarks)
    return tuple(folder.path / page_name(x, id, pdf=k) for id, x, k in wanted)
