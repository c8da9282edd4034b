"""A page as PDF, by WeasyPrint: the extra ``pdf``. The only room that WeasyPrint has.

Headers, page numbers and colours of the charts are put in here, so that they are the same for every template. Nothing
is fetched: what a page needs is in the page.
"""

from __future__ import annotations

import gc
import hashlib
import html as markup
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO
from typing import Any

from qmtestbed.errors import InputError, Problem
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
    document = weasyprint.HTML(string=coloured(page), url_fetcher=fetcher)
    as_of = datetime.fromisoformat(assessment.as_of).replace(tzinfo=UTC)
    style = weasyprint.CSS(string=_running(assessment))
    out = BytesIO()
    with _warnings() as said, _no_collecting():
        laid_out = document.render(stylesheets=[style])
        metadata = laid_out.metadata
        metadata.authors, metadata.generator = ["qmtestbed"], f"qmtestbed, WeasyPrint {weasyprint.__version__}"
        metadata.created = metadata.modified = as_of.isoformat()
        identifier = hashlib.sha256(page.encode()).digest()[:16]
        laid_out.write_pdf(out, pdf_identifier=identifier, full_fonts=False)
    found = (_MISSING.search(text) for text in said)
    return out.getvalue(), frozenset(chr(int(m[1], 16)) for m in found if m)


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
    """Leave the garbage be: laying pages out makes millions of values that live to the end, a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
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


# -- colours of charts: styles of a page do not reach into its pictures here ---------------------------------------

_PICTURE = re.compile(r"<svg class=\"([^\"]*)\".*?</svg>", re.DOTALL)
_SHAPE = re.compile(r"<(rect|line|path|circle|text)\b([^>]*?) class=\"([^\"]*)\"")
_TEXT = re.compile(r"<text\b(?![^>]*? class=)")
_RULE = re.compile(r"([^{}@;]+)\{([^{}]*)\}")
_SELECTOR = re.compile(r"(?:\.chart )?([a-z]*)((?:\.[\w-]+)*)")
_SHOWN = re.compile(r"(?:fill|stroke|font|text-anchor)[a-z-]*")

Rule = tuple[str, frozenset[str], tuple[tuple[str, str], ...]]


def coloured(page: str) -> str:
    """Write what the page's style sheet says of its charts into the charts themselves, in the colours of print."""
    head, start, rest = page.partition("<style>")
    style, end, rest = rest.partition("</style>")
    rules, page = tuple(_rules(_everywhere(style))), "".join((head, start, _on_paper(style), end, rest))

    @lru_cache(None)
    def attributes(tag: str, names: str) -> str:
        return "".join(f' {name}="{markup.escape(value)}"' for name, value in _applied(rules, tag, names).items())

    def shape(match: re.Match[str]) -> str:
        return f"<{match[1]}{match[2]}{attributes(match[1], match[3])}"

    def picture(match: re.Match[str]) -> str:
        inner = _TEXT.sub(lambda _: f"<text{attributes('text', '')}", _SHAPE.sub(shape, match[0]))
        return inner.replace("<svg ", '<svg font-size="11" font-family="sans-serif" ', 1)

    return _PICTURE.sub(picture, page)


def _on_paper(style: str) -> str:
    """Leave out what is for screens, and put the variables of the root in: a tenth of WeasyPrint's time."""
    style = _SCREEN.sub("", re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL))
    roots = ";".join(match[1] for match in _ROOT.finditer(style)).split(";")
    values = {name.strip(): value.strip() for name, sign, value in (d.partition(":") for d in roots) if sign}
    elsewhere = set(re.findall(r"(--[\w-]+)\s*:", _ROOT.sub("", style)))

    def put_in(match: re.Match[str]) -> str:
        return match[0] if match[1] in elsewhere else values.get(match[1], match[0])

    return re.sub(r"var\((--[\w-]+)\)", put_in, style)


_SCREEN = re.compile(r"@media screen[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
_ROOT = re.compile(r":root\s*\{([^}]*)\}")


def _everywhere(style: str) -> str:
    """Give a style sheet without its comments and its ``@media`` blocks."""
    out, depth = [], 0
    for part in re.findall(r"@media[^{]*\{|[^{}@]+|[{}@]", re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)):
        if part.startswith("@media") or (depth and part == "{"):
            depth += 1
        elif depth and part == "}":
            depth -= 1
        elif not depth:
            out.append(part)
    return "".join(out)


def _rules(style: str) -> Iterator[Rule]:
    for match in _RULE.finditer(style):
        values = [d.partition(":") for d in match[2].split(";") if ":" in d]
        said = tuple((name.strip(), value.strip()) for name, _, value in values)
        for selector in match[1].split(","):
            read = _SELECTOR.fullmatch(selector.strip())
            if selector.strip() == ":root":
                yield "", frozenset(), tuple(s for s in said if s[0].startswith("--"))
            elif read and (read[2] or ".chart " in selector):
                yield read[1], frozenset(read[2].split(".")[1:]), said


def _applied(rules: tuple[Rule, ...], tag: str, names: str) -> Mapping[str, str]:
    """Give what the rules say of one shape, later ones first; variables put in."""
    values: dict[str, str] = {}
    have = set(names.split())
    for element, needed, said in rules:
        if element in ("", tag) and needed <= have:
            values.update(said)

    def resolved(value: str) -> str:
        for _ in range(4):
            value = re.sub(r"var\((--[\w-]+)\)", lambda m: values.get(m[1], "#59626d"), value)
        return value

    return {name: resolved(value) for name, value in values.items() if _SHOWN.fullmatch(name) and name != "font"}
