"""The end of every run: judge what the folder holds, and render it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import qmtestbed
from qmtestbed.catalogue import Catalogue, ReportEntry
from qmtestbed.digests import sha256_of_code
from qmtestbed.evidence import RunFolder
from qmtestbed.judging import exit_code, judge
from qmtestbed.pipeline.options import Options, Outcome
from qmtestbed.render import junit, page_pieces, pdf, summary
from qmtestbed.types.assessment import Assessment
from qmtestbed.types.evidence import Evidence, ViewEntry

TEMPLATE = "quality"

View = tuple[ViewEntry, bytes | Iterable[bytes]]


def conclude(folder: RunFolder, catalogue: Catalogue, options: Options) -> Outcome:
    """Judge and render what a run folder holds; nothing is executed."""
    evidence = folder.read()
    assessment = judge(evidence)
    folder.write_assessment(assessment)
    page_path, *_ = write_views(folder, evidence, assessment, catalogue, options, (TEMPLATE, *options.templates))
    return Outcome(folder.path, assessment, evidence, exit_code(assessment, options.require), page_path)


def write_views(
    folder: RunFolder,
    evidence: Evidence,
    assessment: Assessment,
    catalogue: Catalogue,
    options: Options,
    templates: Iterable[str],
) -> tuple[Path, ...]:
    """Write a page by each template, the summary and the JUnit file, all or none; give the paths of the pages."""
    language, code = options.language, sha256_of_code(Path(qmtestbed.__file__).parent / "render")
    entries = {entry.id: entry for entry in map(catalogue.report, templates)}.values()
    pages = [view for entry in entries for view in _pages(entry, evidence, assessment, options)]
    views: list[View] = [
        *pages,
        (ViewEntry("summary.md", "summary", code, language), summary(evidence, assessment, language).encode()),
        (ViewEntry("junit.xml", "junit", code, "en"), junit(evidence, assessment).encode()),
    ]
    folder.write_views(views)
    return tuple(folder.path / view.path for view, _ in pages)


def _pages(entry: ReportEntry, evidence: Evidence, assessment: Assessment, options: Options) -> Iterator[View]:
    """Give the page of one template, and the same as PDF where it is asked for."""
    language, start = options.language, entry.template.entry if entry.template else ""
    name = f"{_stem(entry.id)}.html" if language == "en" else f"{_stem(entry.id)}.{language}.html"
    view = ViewEntry(name, entry.id, entry.sha256, language)
    pieces = page_pieces(evidence, assessment, entry.folder, language, entry=start)
    if not options.pdf:
        yield view, pieces
        return
    html = b"".join(pieces)
    yield view, html
    yield replace(view, path=f"{name.removesuffix('.html')}.pdf"), pdf(html.decode(), assessment)


def _stem(id: str) -> str:
    return "report" if id == TEMPLATE else id
