"""The end of every run: judge what the folder holds, and render it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import qmtestbed
from qmtestbed.catalogue import Catalogue
from qmtestbed.digests import sha256_of_code
from qmtestbed.evidence import RunFolder
from qmtestbed.judging import exit_code, judge
from qmtestbed.pipeline.options import Options, Outcome
from qmtestbed.render import junit, page_pieces, summary
from qmtestbed.types.assessment import Assessment
from qmtestbed.types.evidence import Evidence, ViewEntry
from qmtestbed.types.values import Language

TEMPLATE = "quality"


def conclude(folder: RunFolder, catalogue: Catalogue, options: Options) -> Outcome:
    """Judge and render what a run folder holds; nothing is executed."""
    evidence = folder.read()
    assessment = judge(evidence)
    folder.write_assessment(assessment)
    page_path = write_views(folder, evidence, assessment, catalogue, options.language)
    return Outcome(folder.path, assessment, evidence, exit_code(assessment, options.require), page_path)


def write_views(
    folder: RunFolder, evidence: Evidence, assessment: Assessment, catalogue: Catalogue, language: Language
) -> Path:
    """Write page, summary and JUnit file; give the path of the page."""
    template = catalogue.report(TEMPLATE)
    name = "report.html" if language == "en" else f"report.{language}.html"
    code = sha256_of_code(Path(qmtestbed.__file__).parent / "render")
    views: list[tuple[ViewEntry, bytes | Iterable[bytes]]] = [
        (ViewEntry(name, TEMPLATE, sha256_of_code(template), language),
         page_pieces(evidence, assessment, template, language)),
        (ViewEntry("summary.md", "summary", code, language), summary(evidence, assessment, language).encode()),
        (ViewEntry("junit.xml", "junit", code, "en"), junit(evidence, assessment).encode()),
    ]  # fmt: skip
    folder.write_views(views)
    return folder.path / name
