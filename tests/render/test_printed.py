"""Pages as trees for print: as a parser of HTML reads them, without what is not printed, with widths of columns."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmtestbed.render import page
from qmtestbed.render.paper import coloured
from qmtestbed.render.printed import leave_out_hidden, parsed, set_columns, widths


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("name", ["quality", "summary", "model_card", "audit", "plant_safety"])
def test_the_tree_is_the_one_of_a_parser_of_html(sample, poisoned, checkout, name, language) -> None:
    tinyhtml5 = pytest.importorskip("tinyhtml5")
    for mark in ("", " <b>&amp;</b> ]]> &nbsp; <!-- open hidden"):
        evidence, assessment = (poisoned(x, mark) if mark else x for x in sample)
        text = coloured(page(evidence, assessment, checkout / "reports" / name, language))
        ours, theirs = parsed(text), tinyhtml5.parse(text, namespace_html_elements=False)
        assert ours is not None
        assert flat(ours) == flat(theirs)


def flat(root: ElementTree.Element) -> list[tuple[object, ...]]:
    """Give all elements but scripts with what they hold; blanks between them are of no account."""
    found = []
    for element in root.iter():
        if element.tag == "script" or not isinstance(element.tag, str):
            continue
        held = [" ".join((text or "").split()) for text in (element.text, element.tail)]
        found.append((element.tag, dict(element.attrib), *held))
    return found


@pytest.mark.parametrize(
    "text",
    ["<p>open", "<html><p>1 < 2</p></html>", "<p>no page</p>", "<html>&eacute;</html>",
     '<!DOCTYPE x [<!ENTITY a "b">]><html>&a;</html>'],
)  # fmt: skip
def test_what_is_no_xml_is_left_to_weasyprint(text) -> None:
    assert parsed(text) is None


def test_what_is_not_printed_is_left_out_and_what_stands_beside_it_stays() -> None:
    style = (
        "<style>.a { display: flex } @media screen { .b { display: none } } @media print { .a, nav { display: none }"
        " .c { display: none } .d { display: none } .x .d { display: block } }</style>"
    )
    body = "<nav>0</nav>1<p>2<i class='a'>3</i>4<i class='z a'>5</i>6</p><p class='b'>7</p><p class='c'>8</p>"
    body += "<b class='d'>9</b>"
    root = parsed(f"<html><head>{style}</head><body>{body}</body></html>")
    leave_out_hidden(root)
    assert "".join(root.find("body").itertext()) == "124679"


def test_hidden_parts_of_a_shown_page_go_and_no_others(sample, template) -> None:
    root = parsed(page(*sample, template))
    before = {c for e in root.iter() for c in e.get("class", "").split()}
    leave_out_hidden(root)
    after = {c for e in root.iter() for c in e.get("class", "").split()}
    assert not after & {"hidden", "skip", "up", "behind"} and "hidden" in before and root.find(".//nav") is None
    assert {"failure", "check", "data", "pill", "chart"} <= after


letters = st.floats(1, 300)


@given(st.lists(st.tuples(letters, letters), min_size=1, max_size=12), st.floats(20, 200))
def test_columns_share_the_line(pairs, full) -> None:
    least, whole = [min(p) for p in pairs], [max(p) for p in pairs]
    got = widths(least, whole, full)
    assert all(g >= low - 1e-9 for g, low in zip(got, least, strict=True))
    if sum(least) <= full:
        assert sum(got) == pytest.approx(full)
    if sum(whole) <= full:
        assert all(g >= w - 1e-9 for g, w in zip(got, whole, strict=True))


def test_widths_follow_the_texts() -> None:
    """A verdict is one piece; Japanese letters are twice as wide; a cell over several columns tells nothing of one."""
    cells = "<td><span class='pill'>undetermined</span></td><td>to be found in many words of a long sentence "
    wide = f"<tr>{cells}{'and more ' * 20}</td><td>長い言葉</td></tr><tr><td colspan='3'>{'x' * 200}</td></tr>"
    root = parsed(
        f"<html><body><table class='data'><tbody>{wide}</tbody></table><table><tr><td>1</td></tr></table></body></html>"
    )
    set_columns(root)
    table, other = root.iter("table")
    shares = [float(re.search(r"([\d.]+)%", c.get("style"))[1]) for c in table.iter("col")]
    assert len(shares) == 3 and sum(shares) == pytest.approx(100, abs=0.1)
    assert shares[0] * 118 / 100 >= len("undetermined") + 5
    assert shares[2] * 118 / 100 >= 8
    assert shares[1] == max(shares)
    assert other.find("colgroup") is None


@pytest.mark.parametrize("name", ["quality", "summary", "model_card", "audit"])
def test_nothing_is_cut_on_paper(sample, checkout, name) -> None:
    """What scrolls on a screen is as long as it is on paper: the audit's tables were cut there once."""
    style = re.search(r"<style>(.*?)</style>", page(*sample, checkout / "reports" / name), re.DOTALL)[1]
    style = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)
    style = re.sub(r"@media screen[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", style)
    cut, freed = set(), set()
    for selectors, said in re.findall(r"([^{}@;]+)\{([^{}]*)\}", style):
        for selector in map(str.strip, selectors.split(",")):
            if "max-height: none" in said:
                freed.add(selector)
            elif "max-height:" in said:
                cut.add(selector)
    assert cut <= freed
