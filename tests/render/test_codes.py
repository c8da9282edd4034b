"""On a Japanese page no verdict stands without its code: OK, NG, ERR or NA."""

from __future__ import annotations

import re
from html import unescape

import pytest

from qmtestbed.render import page, summary
from qmtestbed.render.terms import STATES
from qmtestbed.render.words import CODES, SYMBOLS, TABLES

# The words of these two are those of other things as well: a level that is reached, and nothing at all.
SHARED = {"reached", "missing"}
BARE = {STATES[f"verdict.{v}"][1]: v for v in CODES if v not in SHARED}
SIGNS = re.escape("".join({*SYMBOLS.values()}))


def without_code(text: str) -> set[str]:
    """Find verdicts that stand alone as a text, a title or a label."""
    pieces = re.findall(r">([^<>]+)<", text) + re.findall(r'(?:title|aria-label)="([^"]*)"', text)
    pieces += [cell for line in text.splitlines() if line.startswith("|") for cell in line.split("|")]
    return {p for p in (re.sub(f"^[{SIGNS} ]+|[：: ]+$", "", unescape(p)) for p in pieces) if p in BARE}


@pytest.fixture(scope="module")
def japanese(sample, template) -> dict[str, str]:
    made = {id: page(*sample, template.parent / id, "ja") for id in ("quality", "summary", "model_card", "audit")}
    return {**made, "summary.md": summary(*sample, "ja")}


def test_the_search_finds_a_bare_word() -> None:
    assert without_code("<b>✗ 未達</b>") == {"未達"} == without_code("| ✗ 未達 | x |")
    assert without_code('<b title="判定不能">✗ 未達（NG）</b>') == {"判定不能"}


@pytest.mark.parametrize("name", ["quality", "summary", "model_card", "audit", "summary.md"])
def test_no_verdict_is_without_its_code(japanese, name) -> None:
    assert without_code(japanese[name]) == set()
    shown = {code for code in ("OK", "NG", "ERR", "NA") if f"（{code}）" in japanese[name]}
    assert shown == {"OK", "NG", "ERR", "NA"}


@pytest.mark.parametrize("name", ["quality", "summary", "model_card", "audit"])
def test_each_mark_bears_the_code_of_its_verdict(japanese, name) -> None:
    marks = re.findall(
        r'<span class="(?:pill|sign) v-(\w+)"(?: title="([^"]*)")?[^>]*>(.*?)</span>([^<]*)', japanese[name]
    )
    assert marks
    for verdict, *said in marks:
        assert TABLES["ja"][f"verdict.{verdict}"] in " ".join(said), (verdict, said)
