"""A page as PDF, by WeasyPrint: the extra ``pdf``. The only room that WeasyPrint has.

Headers, page numbers and colours of the charts are put in here, so that they are the same for every template. Nothing
is fetched: what a page needs is in the page.
"""

from __future__ import annotations

import gc
import hashlib
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from qmtestbed.errors import InputError, Problem
from qmtestbed.render.paper import coloured
from qmtestbed.render.printed import leave_out_hidden, parsed, set_columns
from qmtestbed.types.assessment import Assessment

_JAPANESE = re.compile("[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]")
_MISSING = re.compile(r"\(U\+([0-9A-F]{4,6})\)$")


def pdf(page: str, assessment: Assessment) -> bytes:
    """Give a page as PDF; the same page, fonts and version of WeasyPrint give the same bytes.

    Raises
    ------
    InputError
        WeasyPrint is not installed, or no font here has Japanese where the page is Japanese.
    """
    try:
        import weasyprint
    except ImportError:
        do = "pip install 'qmtestbed[pdf]'"
        raise InputError(Problem("a PDF needs WeasyPrint, which is not installed", do=do)) from None
    except OSError as error:  # one of the C libraries that it calls
        found, do = str(error).splitlines()[0][:200], "install Pango, for example: apt install libpangoft2-1.0-0"
        raise InputError(Problem("WeasyPrint can't be loaded", found=found, do=do)) from None
    made, missing = _made(weasyprint, page, assessment)
    japanese = sorted(c for c in missing if _JAPANESE.match(c))
    if japanese:
        found = f"{len(japanese)} characters that no font here has, such as {''.join(japanese[:8])}"
        do = "install a Japanese font, for example: apt install fonts-ipaexfont-gothic"
        raise InputError(Problem("the PDF would show boxes in place of Japanese", found=found, do=do))
    if missing:
        named = {ord(c): f"⟨U+{ord(c):04X}⟩" for c in missing}
        made, _ = _made(weasyprint, page.translate(named), assessment)
    return made


def _made(weasyprint: Any, page: str, assessment: Assessment) -> tuple[bytes, frozenset[str]]:
    """Give the PDF, and the characters that no font has."""
    fetcher = weasyprint.urls.URLFetcher(allowed_protocols=["data"])
    document = _document(weasyprint, coloured(page), fetcher)
    as_of = datetime.fromisoformat(assessment.as_of).replace(tzinfo=UTC)
    style = weasyprint.CSS(string=_running(assessment))
    out = BytesIO()
    with _warnings() as said, _no_collecting():
        laid_out = document.render(stylesheets=[style])
        metadata = laid_out.metadata
        metadata.authors, metadata.generator = ["qmtestbed"], f"qmtestbed, WeasyPrint {weasyprint.__version__}"
        metadata.created = metadata.modified = as_of.isoformat()
        identifier = hashlib.sha256(page.encode()).digest()[:16]
        laid_out.write_pdf(out, finisher=_ungroup_texts, pdf_identifier=identifier, full_fonts=False)
    found = (_MISSING.search(text) for text in said)
    return out.getvalue(), frozenset(chr(int(m[1], 16)) for m in found if m)


def _document(weasyprint: Any, page: str, fetcher: Any) -> Any:
    """Give WeasyPrint the page; where it can be read as XML, as a tree that is made ready for it."""
    tree = parsed(page)
    if tree is None:
        return weasyprint.HTML(string=page, url_fetcher=fetcher)
    from cssselect2 import ElementWrapper

    leave_out_hidden(tree)
    set_columns(tree)
    document = weasyprint.HTML(string="", url_fetcher=fetcher)
    document.wrapper_element = ElementWrapper.from_html_root(tree, content_language=None)
    document.etree_element = tree
    return document


def _ungroup_texts(_: Any, made: Any) -> None:
    """Let texts of charts be drawn straight onto the page.

    WeasyPrint makes a transparency group of each that does not begin at its place, and the viewer of Chromium cuts the
    first letter of such a group at low resolutions.
    """
    for written in made.objects:
        extra = getattr(written, "extra", {})
        if "Group" in extra and b"BT" in written.stream and b"ET" in written.stream:
            del extra["Group"]


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """Collect what WeasyPrint logs: that is where it names the characters that it has no font for."""
    said: list[str] = []
    logger, handler = logging.getLogger("weasyprint"), logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    kept = logger.propagate, logger.handlers[:]
    logger.propagate, logger.handlers[:] = False, [handler]
    try:
        yield said
    finally:
        logger.propagate, logger.handlers[:] = kept


@contextmanager
def _no_collecting() -> Iterator[None]:
    """Leave the garbage be: laying pages out makes millions of values that live to the end, a fifth of the time.

    Afterwards they are put among the old ones unseen: to look through them all once more would take a twentieth.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.freeze()
            gc.unfreeze()
            gc.enable()


def _running(assessment: Assessment) -> str:
    """Give the style of the margins: component and run above, page numbers below."""
    component, run = _quoted(assessment.component[:80]), _quoted(assessment.run[:12])
    quiet = "font: 8pt sans-serif, 'IPAexGothic', 'Noto Sans CJK JP'; color: #59626d;"
    return (
        f"@page {{ @top-left {{ content: {component}; {quiet} }} @top-right {{ content: {run}; {quiet} }}"
        f' @bottom-right {{ content: counter(page) " / " counter(pages); {quiet} }} }}'
    )


def _quoted(text: str) -> str:
    """Write text as a string of CSS in which nothing but letters and digits stands for itself."""
    return '"' + "".join(c if c.isalnum() or c == " " else f"\\{ord(c):06x}" for c in text) + '"'
