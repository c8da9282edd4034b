"""Remarks on the page: how many on the first screen, at what they are about, and all in a list; escaped."""

from __future__ import annotations

import re

import pytest

from qmtestbed.render import page, summary
from qmtestbed.types.evidence import Remark


def remark(n: int, text: str, **about: str) -> Remark:
    return Remark("qmtestbed/remark/v1", n, "2026-11-21T08:30:00Z", f"person {n}", text, "0" * 64, **about)


REMARKS = (
    remark(1, "Thefts are being labelled again.", check="performance"),
    remark(2, "The owner has seen it.", requirement="C-1-L1-1"),
    remark(3, "Released for the pilot."),
    remark(4, "About a check that is no more.", check="gone"),
)


@pytest.mark.parametrize(("language", "count"), [("en", "4 remarks"), ("ja", "コメント 4 件")])
def test_they_stand_on_the_first_screen_at_their_subject_and_in_the_list(
    sample, template, read_html, language, count
) -> None:
    text = page(*sample, template, language, REMARKS)
    assert f'<a href="#remarks">{count}</a>' in text[: text.index("<nav")]
    check = text.split('<details class="check v-not_met" id="check-performance"')[1].split("</details>\n")[0]
    requirement = text.split('id="req-mlqm-3_C-1-L1-1"')[1].split("</article>")[0]
    listed = text.split('<section id="remarks"')[1].split("</section>")[0]
    assert "labelled again" in check and "owner" not in check
    assert "owner" in requirement and "labelled again" not in requirement
    assert re.findall(r'<li id="remark-(\d+)"', listed) == ["1", "2", "3", "4"]
    for r in REMARKS:
        assert r.text in listed and r.by in listed
    day = {"en": "21 November 2026", "ja": "2026年11月21日"}[language]
    assert f"{day} 08:30:00 UTC" in listed
    html = read_html(text)
    ids = html.every("id")
    assert len(ids) == len(set(ids))
    assert {h[1:] for h in html.every("href") if h.startswith("#")} <= set(ids)


def test_without_remarks_nothing_of_them_is_shown(sample, template) -> None:
    text = page(*sample, template)
    assert 'id="remarks"' not in text and "#remark" not in text


@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_people_write_stays_text(sample, template, read_html, poisoned, language) -> None:
    clean = page(*sample, template, language, REMARKS)
    hostile = page(*sample, template, language, poisoned(REMARKS))
    assert read_html(hostile).tags().count("script") == 0
    assert [t for t in read_html(hostile).tags() if t in ("img", "iframe", "form")] == []
    assert "\u202e" not in hostile and "\x1b" not in hostile
    assert read_html(hostile).tags().count("section") == read_html(clean).tags().count("section")
    table = summary(*sample, language, poisoned(REMARKS)).split("\n")
    rows = [line for line in table if "Released for the pilot" in line]
    assert len(rows) == 1 and "<" not in rows[0] and "](" not in rows[0]
    assert len(re.findall(r"(?<!\\)\|", rows[0])) == 5


def test_the_last_are_shown_where_there_are_too_many(sample, template) -> None:
    many = tuple(remark(n, f"said {n}", check="performance") for n in range(1, 251))
    text = page(*sample, template, "en", many)
    assert "250 remarks" in text and "Earlier remarks not shown here: 50" in text
    assert ">said 250<" in text and ">said 51<" in text and ">said 50<" not in text
    assert 'href="#remark-50"' not in text
    assert "250 remarks" in summary(*sample, "en", many)


def test_the_same_remarks_give_the_same_bytes(sample, template) -> None:
    assert page(*sample, template, "ja", REMARKS) == page(*sample, template, "ja", REMARKS)
    assert summary(*sample, "ja", REMARKS) == summary(*sample, "ja", REMARKS)
