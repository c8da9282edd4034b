"""A page as a tree for WeasyPrint, which is spared a quarter of its time.

It need not parse the page; it gets nothing that is not printed; and the columns of tables have their widths, estimated
from how long their texts are: WeasyPrint would set the text of every cell twice only to find them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import east_asian_width
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from qmtestbed.render.paper import RULE, printed

SVG = "{http://www.w3.org/2000/svg}svg"
FULL = 118.0
"""How many letters of average width a line of a table holds on A4, with the margins and the font of the style sheet."""
CHART, GAP, LONGEST, ROUND = 24.0, 2.4, 26.0, 5.0
"""In such letters: the width of a chart in a cell, the space between two columns, the longest part of a text that is
never broken, and the ends of a pill."""

_VOID = re.compile(r"<(meta|br|img|link|input|hr|col|wbr)\b([^<>]*?)/?>")
_BARE = re.compile(r'<details((?:\s+[\w-]+(?:="[^"<>]*")?)*)\s*>')
_ATTRIBUTE = re.compile(r'\s+([\w-]+)(="[^"]*")?')
_STYLE = re.compile(r"(<style>)(.*?)(</style>)", re.DOTALL)
_BLOCKS = frozenset({"p", "div", "li", "ul", "dd", "dt", "br"})
_UNBROKEN = frozenset({"num", "nowrap", "apart", "digest"})
_ROUNDED = frozenset({"pill", "chip", "tag"})
_WIDE = frozenset({"mono", "path"})


def parsed(page: str) -> Element | None:
    """Read a page as XML, with the names that HTML gives it; ``None`` if it can't be read so.

    The tree is the one that a parser of HTML makes wherever every element that is opened is closed, and tables have
    their bodies, as in our own pages. Entities of a page's own are not read.
    """
    text = re.sub(r"^\s*<!doctype html>", "", page, flags=re.IGNORECASE)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    text = re.sub(r"<script\b.*?</script>", "", text, flags=re.DOTALL)
    text = _VOID.sub(r"<\1\2/>", text).replace("&nbsp;", "&#160;").replace("<svg ", f'<svg xmlns="{SVG[1:-4]}" ')
    text = _BARE.sub(lambda m: f"<details{_ATTRIBUTE.sub(_valued, m[1])}>", text)
    text = _STYLE.sub(lambda m: m[1] + m[2].replace("&", "&amp;").replace("<", "&lt;") + m[3], text)
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return None
    return root if root.tag == "html" else None


def _valued(match: re.Match[str]) -> str:
    return f" {match[1]}" + (match[2] or '=""')


def leave_out_hidden(root: Element) -> None:
    """Take out what the page's own style does not print: names of elements and classes with ``display: none``."""
    names = _not_printed("\n".join(style.text or "" for style in root.iter("style")))
    for parent in list(root.iter()):
        before: Element | None = None
        for child in list(parent):
            if child.tag in names or any(f".{c}" in names for c in child.get("class", "").split()):
                _remove(parent, before, child)
            else:
                before = child


def _not_printed(style: str) -> frozenset[str]:
    """Give the bare selectors for which the last rule on ``display`` says none."""
    shown: dict[str, bool] = {}
    for selectors, said in RULE.findall(printed(style)):
        display = re.findall(r"(?:^|;)\s*display\s*:\s*([\w-]+)", said)
        for selector in selectors.split(",") if display else ():
            words = selector.split()
            last = re.findall(r"[.]?[\w-]+", words[-1]) if words else []
            for name in last:  # a rule on more than the name alone may show some that bear it
                shown[name] = display[-1] != "none" or len(words) > 1 or len(last) > 1
    return frozenset(name for name, seen in shown.items() if not seen)


def _remove(parent: Element, before: Element | None, child: Element) -> None:
    if child.tail and before is not None:
        before.tail = (before.tail or "") + child.tail
    elif child.tail:
        parent.text = (parent.text or "") + child.tail
    parent.remove(child)


def set_columns(root: Element) -> None:
    """Give each data table of a page the widths of its columns."""
    japanese = root.get("lang") == "ja"
    for table in root.iter("table"):
        classes = table.get("class", "").split()
        if "data" not in classes or table.find("colgroup") is not None:
            continue
        needs = _needs(table, FULL * 1.17 if "tight" in classes else FULL, japanese)
        total = sum(needs)
        if not total:
            continue
        group = Element("colgroup")
        for width in needs:
            ElementTree.SubElement(group, "col", style=f"width:{100 * width / total:.2f}%")
        table.insert(0, group)
        table.set("style", "table-layout:fixed;width:100%")


def widths(least: Sequence[float], whole: Sequence[float], full: float) -> list[float]:
    """Share a line among columns.

    Parameters
    ----------
    least, whole
        (k,) letters that each column needs for its longest part that is not broken, and for its longest text.
    full
        Letters that the line holds.

    Returns
    -------
    list of float
        (k,) letters each: all their texts where the line holds them, else the least and a share of the rest by what
        each lacks. What is left over where all fit is shared by their lengths.
    """
    if sum(whole) <= full:
        return [w * full / sum(whole) for w in whole] if sum(whole) else list(whole)
    spare = full - sum(least)
    if spare <= 0:
        return list(least)
    lacking = sum(whole) - sum(least)
    return [low + (high - low) * spare / lacking for low, high in zip(least, whole, strict=True)]


@dataclass
class _Column:
    least: float = 1.0
    whole: float = 1.0


def _needs(table: Element, full: float, japanese: bool) -> list[float]:
    columns: list[_Column] = []
    for row in table.iter("tr"):
        at = 0
        for cell in row:
            span = int(cell.get("colspan", "1"))
            while len(columns) < at + span:
                columns.append(_Column())
            if span == 1:
                least, whole = _length(cell, japanese)
                columns[at].least = max(columns[at].least, least)
                columns[at].whole = max(columns[at].whole, whole)
            at += span
    return widths([c.least + GAP for c in columns], [c.whole + GAP for c in columns], full)


def _length(cell: Element, japanese: bool) -> tuple[float, float]:
    """Give how many letters a cell needs: for its longest part that is not broken, and for its longest line."""
    head = japanese and cell.tag == "th" and cell.get("scope") == "col"
    lines: list[list[_Part]] = [[]]
    _collect(cell, 1.0, head or bool(_UNBROKEN & set(cell.get("class", "").split())), lines)
    least = max((part.least for line in lines for part in line), default=0.0)
    whole = max(sum(part.whole for part in line) for line in lines)
    return (max(least, CHART), max(whole, CHART)) if cell.find(f".//{SVG}") is not None else (least, whole)


@dataclass(frozen=True)
class _Part:
    least: float
    whole: float


def _collect(element: Element, factor: float, unbroken: bool, lines: list[list[_Part]]) -> None:
    """Add the texts of an element to the last line, or to lines of their own; ``factor``: how wide its letters are."""

    def add(text: str | None) -> None:
        if text and text.strip():
            longest = _letters(text.strip()) if unbroken else min(max(map(_letters, text.split())), LONGEST)
            lines[-1].append(_Part(longest * factor, _letters(" ".join(text.split())) * factor))

    add(element.text)
    for child in element:
        classes = set(child.get("class", "").split())
        apart = child.tag in _BLOCKS or "block" in classes
        if apart:
            lines.append([])
        if _ROUNDED & classes:
            length = _letters("".join(child.itertext()).strip()) + ROUND
            lines[-1].append(_Part(length, length))
        elif child.tag != SVG:
            wide = 1.2 if child.tag == "code" or _WIDE & classes else 1.0
            kept = (unbroken and "block" not in classes) or bool(_UNBROKEN & classes)
            _collect(child, factor * wide * (0.93 if "small" in classes else 1.0), kept, lines)
        if apart:
            lines.append([])
        add(child.tail)


def _letters(text: str) -> float:
    """Give the length of a text in letters of average width."""
    return sum(2.0 if east_asian_width(c) in "WF" else 1.0 for c in text)
