"""``ait docs``: the page of an AIT from its manifest, the installed guidelines and its control pair."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from qmtestbed.catalogue import Catalogue
from qmtestbed.errors import ContentError
from qmtestbed.pipeline.authors.check import Checked, check_ait, find_ait
from qmtestbed.pipeline.options import Options
from qmtestbed.render import AitView, Clause, ait_index, ait_page
from qmtestbed.types.manifest import Manifest
from qmtestbed.types.text import Language


def ait_docs(ids: Sequence[str], options: Options, languages: Sequence[Language]) -> Iterator[tuple[str, str]]:
    """Make the pages of AITs, and an index where all that are installed are asked for.

    Parameters
    ----------
    ids
        Ids or folders; none for all.
    options
        Where else AITs and guidelines are, and how their control pairs are contained.
    languages
        English pages are called ``<id>.md``, others ``<id>.<language>.md``.

    Yields
    ------
    Name and text of each file.

    Raises
    ------
    ContentError
        An AIT that is asked for is unknown or broken.
    """
    everything = options.catalogue()
    for id in ids or everything.aits:
        _, catalogue = find_ait(id, options)
        checked = check_ait(id, options, ("en",))
        for language in languages:
            yield page_name(checked.entry.id, language), page_of(checked, catalogue, language)
    if not ids:
        usable = [e.manifest for e in everything.aits.values() if e.manifest is not None]
        for language in languages:
            yield page_name("index", language), ait_index(usable, language)


def page_name(id: str, language: Language) -> str:
    """Name the file of a page."""
    return f"{id}.md" if language == "en" else f"{id}.{language}.md"


def page_of(checked: Checked, catalogue: Catalogue, language: Language) -> str:
    """Render the page of an AIT that was checked; :class:`ContentError` if it is broken."""
    manifest = checked.entry.manifest
    if manifest is None:
        raise ContentError(*checked.entry.broken)
    clauses = tuple(_clauses(manifest, catalogue))
    return ait_page(AitView(manifest, clauses, checked.controls, checked.findings), language)


def _clauses(manifest: Manifest, catalogue: Catalogue) -> Iterable[Clause]:
    """Give the clauses that the manifest names, and those whose guideline names the AIT, in the guideline's order."""
    for name, entry in catalogue.guidelines.items():
        if entry.guideline is None:
            continue
        named = manifest.informs.get(name, ())
        for id, requirement in entry.guideline.requirements.items():
            counts = any(manifest.id in alternative for alternative in requirement.informed_by)
            if counts or id in named:
                yield Clause(name, id, requirement.title, counts)
