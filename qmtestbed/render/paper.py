"""A page's style sheet made ready for paper: what it says of charts is written into the charts themselves.

Styles of a page do not reach into its pictures in WeasyPrint.
"""

from __future__ import annotations

import html as markup
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

_PICTURE = re.compile(r"<svg class=\"([^\"]*)\".*?</svg>", re.DOTALL)
_SHAPE = re.compile(r"<(rect|line|path|circle|text)\b([^>]*?) class=\"([^\"]*)\"")
_TEXT = re.compile(r"<text\b(?![^>]*? class=)")
RULE = re.compile(r"([^{}@;]+)\{([^{}]*)\}")
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
        inner = _SHAPE.sub(shape, _TEXT.sub(lambda _: f"<text{attributes('text', '')}", match[0]))
        return inner.replace("<svg ", '<svg font-size="11" font-family="sans-serif" ', 1)

    return _PICTURE.sub(picture, page)


def printed(style: str) -> str:
    """Leave out of a style sheet its comments and what is for screens."""
    return _SCREEN.sub("", re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL))


def _on_paper(style: str) -> str:
    """Leave out what is for screens, and put the variables of the root in: a tenth of WeasyPrint's time."""
    style = printed(style)
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
    for match in RULE.finditer(style):
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
