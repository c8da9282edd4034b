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
from qmtestbed.types.assessment import Assessment
from qmtestbed.types.evidence import Evidence, Remark, ViewEntry
from qmtestbed.types.values import Language

TEMPLATE = "quality"


@dataclass(frozen=True)
class Maker:
    """Makes the pages of one run: pure functions of evidence, verdicts, remarks, template and language."""

    evidence: Evidence
    assessment: Assessment
    remarks: tuple[Remark, ...]
    catalogue: Catalogue

    def entry(self, template: str, language: Language) -> ViewEntry:
        """Say where a page stands and what it is made by.

        Raises
        ------
        ContentError
            There is no such template here.
        """
        if template == "junit":
            return ViewEntry("junit.xml", template, self._code, "en")
        if template == "summary":
            return ViewEntry("summary.md", template, self._code, language)
        made_by = sha256_of_value([sha256_of_code(self.catalogue.report(template)), self._code])
        return ViewEntry(page_name(language), template, made_by, language)

    def pieces(self, template: str, language: Language) -> Iterable[bytes]:
        """Make a page, piece by piece."""
        if template == "junit":
            return [junit(self.evidence, self.assessment).encode()]
        if template == "summary":
            return [summary(self.evidence, self.assessment, language, self.remarks).encode()]
        folder = self.catalogue.report(template)
        return page_pieces(self.evidence, self.assessment, folder, language, self.remarks)

    @cached_property
    def _code(self) -> str:
        return sha256_of_code(Path(qmtestbed.__file__).parent / "render")


def page_name(language: Language) -> str:
    """Name the page of a language."""
    return "report.html" if language == "en" else f"report.{language}.html"


def write_views(
    folder: RunFolder,
    evidence: Evidence,
    assessment: Assessment,
    catalogue: Catalogue,
    language: Language | None,
) -> Path:
    """Write page, summary and JUnit file, and every page that is there in other languages anew.

    Parameters
    ----------
    language
        Of page and summary; ``None``: those that are there.

    Returns
    -------
    Path
        The page.
    """
    with folder.locked():
        listed = folder.views()
        there = [v.language for v in listed if v.template == TEMPLATE]
        told: list[Language] = [v.language for v in listed if v.template == "summary"]
        asked = language or (told or ["en"])[0]
        wanted = [(TEMPLATE, x) for x in dict.fromkeys([asked, *there])]
        maker = Maker(evidence, assessment, folder.remarks(), catalogue)
        made = [(maker.entry(t, x), maker.pieces(t, x)) for t, x in (*wanted, ("summary", asked), ("junit", asked))]
        folder.write_views(made, maker.remarks)
    return folder.path / page_name(asked)
