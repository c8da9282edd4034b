"""Strings that want to be more than text, wherever a user, data, model or AIT can put one."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from qmtestbed.ait import Bars, Curve, Histogram, Matrix
from qmtestbed.render import junit, page, summary
from qmtestbed.render.charts import draw
from qmtestbed.render.words import Words

UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
PAYLOADS = {
    "script": "<script>alert(1)</script>",
    "end of everything": "]]></svg></title></style></script>--><h1>",
    "attribute": "\" onclick='alert(1)' x=\"",
    "link": "javascript:alert(1)",
    "direction": "\u202egnp.exe\u2066\u200f",
    "terminal": "\x1b[31m\x1b]0;title\x07\x9b",
    "control": "".join(map(chr, range(0x20))) + "\x7f\x85\u2028",
    "workflow": "\n::error::x\n::set-output name=a::b",
    "formula": "=1+1",
    "template": "{{ 7*7 }}{% raw %}{# x #}${x}",
    "format": "{key} {0} %s {",
    "long": "x" * 10_000,
    "long words": "wide 語" * 2000,
    "stacked": "a" + "\u0301" * 300,
    "noncharacter": "\ufffe\uffff",
}


@pytest.fixture(params=list(PAYLOADS))
def hostile(request, sample, poisoned):
    payload = PAYLOADS[request.param]
    return payload, poisoned(sample[0], payload), poisoned(sample[1], payload)


def test_the_page_holds_them_as_text_only(hostile, template, pages, read_html) -> None:
    _, evidence, assessment = hostile
    text = page(evidence, assessment, template)
    assert len(text.encode()) < 2_000_000
    assert not UNSAFE.search(text)
    html, calm = read_html(text), read_html(pages["en"])
    assert set(html.tags()) == set(calm.tags()), "no element that the template does not write"
    assert {k for _, a in html.elements for k in a} <= {k for _, a in calm.elements for k in a} | {"title"}
    assert all(h.startswith(("#", "https://", "data:image/png;base64,")) for h in html.every("href"))
    ids = html.every("id")
    assert len(ids) == len(set(ids))
    assert {h[1:] for h in html.every("href") if h.startswith("#")} <= set(ids)
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", i) for i in ids)


def test_the_names_are_still_told_apart(sample, poisoned, template, read_html) -> None:
    words = read_html(page(poisoned(sample[0]), poisoned(sample[1]), template)).text
    for said in ("<script>alert(1)</script>", "⟨U+202E⟩evil", "⟨U+001B⟩[31m", "⟨U+0000⟩"):
        assert said in words


def test_what_was_cut_is_counted(sample, poisoned, template, read_html) -> None:
    evidence, assessment = (poisoned(x, PAYLOADS["long"]) for x in sample)
    assert re.search(r"x… \[\+\d,\d{3}\]", read_html(page(evidence, assessment, template)).text)


def test_junit_stays_well_formed(hostile) -> None:
    _, evidence, assessment = hostile
    text = junit(evidence, assessment)
    root = ET.fromstring(text)
    assert not UNSAFE.search(text)
    assert {e.tag for e in root.iter()} <= {"testsuites", "testsuite", "testcase", "failure", "error", "skipped"}
    assert (root.get("failures"), root.get("errors")) == ("1", "2")


def test_the_summary_stays_one_document(hostile) -> None:
    _, evidence, assessment = hostile
    text = summary(evidence, assessment)
    assert len(text.encode()) < 1_000_000
    assert not UNSAFE.search(text) and "<" not in text
    assert text.startswith("# Quality report")
    assert sum(line.startswith("#") for line in text.splitlines()) == 5


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_charts_stay_well_formed(payload) -> None:
    resources = [
        Matrix(((1.0, 2.0),), (payload,), (payload, payload + "2"), payload, payload),
        Bars((payload, "b"), (1.0, None), title=payload),
        Curve({payload: ((0.0, 1.0), (1.0, 2.0)), "b": ((0.0, 0.0),)}, payload, payload),
        Histogram((0.0, 1.0), {payload: (3.0,), "b": (1.0,)}, payload),
    ]
    for resource in resources:
        svg = draw(resource, payload, Words("en"))
        root = ET.fromstring(svg)
        assert {e.tag for e in root.iter()} <= {"svg", "title", "text", "rect", "line", "path", "circle"}
        assert not {k for e in root.iter() for k in e.attrib} & {"href", "style", "onclick", "onload"}
        assert len(svg) < 12_000
        assert not UNSAFE.search(svg)
