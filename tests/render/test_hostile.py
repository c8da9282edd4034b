"""Strings that want to be more than text, wherever a user, data, a model or an AIT can put one.

Each page is held against one whose texts are as long and harmless: it must be of the same elements and attributes.
"""

from __future__ import annotations

import dataclasses
import io
import json
import re
import typing
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from markdown_it import MarkdownIt

from qmtestbed import ait
from qmtestbed.ait import Bars, Curve, Histogram, Matrix
from qmtestbed.judging import compare, judge, snapshot
from qmtestbed.render import (
    badge_json,
    badge_svg,
    comment,
    comparison_page,
    history_view,
    index_view,
    junit,
    page,
    pdf,
    published,
    site_page,
    summary,
)
from qmtestbed.render.charts import draw
from qmtestbed.render.text import clean
from qmtestbed.render.words import Words
from qmtestbed.types.assessment import Assessment, WaiverState
from qmtestbed.types.codec import canonical, decode, parse_json
from qmtestbed.types.comparison import Comparison
from qmtestbed.types.evidence import Evidence, Remark
from qmtestbed.types.published import Published

UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
PAYLOADS = {
    "script": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "end of everything": "]]></svg></title></style></textarea></script>--><h1>",
    "attribute": "\" onclick='alert(1)' x=\"",
    "link": "javascript:alert(1)",
    "direction": "\u202egnp.exe\u2066\u200f",
    "terminal": "\x1b[31m\x1b]0;title\x07\x9b",
    "control": "".join(map(chr, range(0x20))) + "\x7f\x85\u2028",
    "workflow": "\n::error::x\n##[error]y\n::set-output name=a::b",
    "formula": "=1+1|'cmd'!A0",
    "template": "{{ 7*7 }}{% raw %}{# x #}${x}",
    "format": "{key} {0} %s {",
    "markdown": " @octocat #1 ![x](http://e.example) http://e.example www.e.example `a` | b **c** _d_ ~~e~~ $f$ \\",
    "long": "x" * 10_000,
    "long words": "wide 語" * 2000,
    "stacked": "a" + "\u0301" * 300,
    "noncharacter": "\ufffe\uffff\U000e0041",
}
ALL = "".join(p for p in PAYLOADS.values() if len(p) < 1000)

ENTRY_POINTS: dict[str, dict[str, str]] = {
    "a plan": {
        "Component": "name description",
        "Plan": "guideline levels inventories checks",
        "Inventory": "uri label positive sensitive id time group weight ignore classes sha256 requested",
        "Roles": "label positive sensitive id time group weight ignore classes",
        "Check": "ait with_ params for_",
        "Expectation": "criterion because",
        "Declaration": "requirement statement not_applicable file sha256 checklist checklist_sha256 by date until",
        "Waiver": "check criterion by reason date until",
    },
    "a note": {"Remark": "at by text previous check requirement"},
    "a guideline": {
        "Guideline": "id edition dimensions requirements extends",
        "GuidelineRequirement": "informed_by relates",
        "Dimension": "code requirements levels_of",
        "Level": "id requirements asks",
        "Source": "title publisher date url",
        "Text": "en ja",
    },
    "a manifest of an AIT": {
        "Manifest": "id version informs inputs measures parameters resources",
        "MeasureSpec": "unit interval per",
        "ParameterSpec": "default enum",
        "Limits": "timeout memory",
        "Reference": "cite url",
        "Requirement": "distribution extra version",
        "Suggestion": "criterion false_alarm inputs",
    },
    "what an AIT returns": {
        "MeasureValue": "value",
        "Undefined": "reason",
        "Finding": "measure text",
        "Subject": "column slice class_ pair file",
        "Matrix": "rows columns row_title column_title",
        "Coverage": "rows columns row_title column_title",
        "SampleRows": "told beside cells of",
        "SampleImages": "captions states population pixels",
        "DataTable": "columns rows",
        "Curve": "series x_title y_title",
        "Bars": "labels title",
        "Histogram": "counts x_title",
        "Prose": "text",
    },
    "a record, made by a child": {
        "Record": "key inputs parameters isolation measures resources facts started",
        "Failure": "what where found do",
        "Items": "sha256",
        "Environment": "python platform libraries isolated",
        "StoredResource": "sha256",
        "UsedInput": "name sha256 flavour classes job",
        "UsedProgram": "id version sha256",
    },
    "a run folder of somebody else": {
        "Evidence": "guidelines manifests records resources",
        "RunInfo": "run as_of checks inventories notes baselines",
        "InventoryFacts": "uri sha256 requested flavour version page",
        "LeftOut": "ait why",
        "DeclarationState": "requirement by date statement not_applicable file sha256 until answered_no at_fault "
        "checklist checklist_sha256",
        "ChecklistItem": "id question comment evidence",
        "Snapshot": "bundle levels inventories checks",
        "InventoryState": "shown sha256",
        "CheckState": "ait record version code parameters bound expect measures better units",
        "Circumstances": "python platform libraries isolation qmtestbed",
    },
    "an assessment": {
        "Assessment": "as_of run component guidelines reported",
        "CheckVerdicts": "id ait record clauses related baseline",
        "CriterionVerdict": "text reason measure key because",
        "Against": "name",
        "WaiverState": "by reason date until",
        "WaivedHeadline": "until",
        "JudgedFinding": "check measure text",
        "RequirementState": "id guideline dimension parts reason checks related records",
        "LevelState": "guideline dimension target reached measured_side",
        "EvidenceHeadline": "fills_gap",
        "SinceLast": "run as_of component",
        "CriterionChange": "check text",
        "LevelChange": "guideline dimension before after",
        "Difference": "subject values",
    },
    "a comparison": {
        "ComparedRun": "name run as_of component bundle",
        "ComparedCheck": "id ait unpaired",
        "ComparedCriterion": "check ait text",
        "ComparedMeasure": "measure unit key",
        "ComparedLevel": "guideline dimension reached",
    },
    "a published site": {
        "Published": "component as_of run",
        "PublishedCriterion": "check text key",
        "PublishedInput": "name sha256 version",
        "PublishedLevel": "guideline dimension target reached",
        "PublishedPage": "path template language",
    },
}
"""Who can write it → type → fields that hold texts of theirs. Every one is poisoned below, whoever writes it."""


def _texts(hint: Any, found: dict[str, str]) -> bool:
    """Whether a type can hold any text; what the dataclasses in it can hold is put into ``found``."""
    if hint is str or hint is Any:
        return True
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if hint.__name__ not in found:
            found[hint.__name__] = ""
            hints = typing.get_type_hints(hint, include_extras=True)
            found[hint.__name__] = " ".join(
                f.name for f in dataclasses.fields(hint) if _texts(hints[f.name], found)
            )  # fmt: skip
        return False
    inner = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Annotated:
        inner = inner[:1]
    return typing.get_origin(hint) is not typing.Literal and sum(_texts(h, found) for h in inner) > 0


def test_every_text_that_others_can_write_is_on_the_list() -> None:
    found: dict[str, str] = {}
    for cls in (Evidence, Assessment, Remark, Comparison, Published, ait.Finding):
        _texts(cls, found)
    listed = {name: fields for named in ENTRY_POINTS.values() for name, fields in named.items()}
    assert {k: v for k, v in found.items() if v} == listed, (
        "say in ENTRY_POINTS who can write it, and look at the pages"
    )


def harmless(payload: str) -> str:
    """Give a text that is laid out as the payload is: as long, as wide, as many lines."""
    shown = clean(payload, 100_000)
    return "".join(c if c.isspace() else "語" if unicodedata.east_asian_width(c) in "WF" else "x" for c in shown)


def skeleton(html: Any) -> list[tuple[Any, ...]]:
    """Give elements, classes and names of attributes, less what hangs on how long a text is or whether it is a link."""
    return [
        (tag, a.get("class"), a.get("rel"), *sorted(a.keys() - {"title"}))
        for tag, a in html.elements
        if tag != "title" and a.get("class") != "notice" and "external" not in (a.get("rel") or "")
    ]


def waived(sample: tuple[Evidence, Assessment]) -> tuple[Evidence, Assessment]:
    """Give a sample in which what is not met is waived."""
    evidence, assessment = sample
    waiver = WaiverState("M. Sato", "new data in January", "2026-11-01", "2027-01-31", "waived")
    checks = tuple(
        dataclasses.replace(
            check,
            criteria=tuple(
                dataclasses.replace(c, waiver=waiver) if c.verdict == "not_met" else c for c in check.criteria
            ),
        )
        for check in assessment.checks
    )
    return evidence, dataclasses.replace(assessment, checks=checks)


@pytest.fixture(params=list(PAYLOADS))
def hostile(request, sample, poisoned):
    """The sample with a payload in every text, and one with harmless texts in their place."""
    return tuple(
        tuple(poisoned(x, p) for x in waived(sample))
        for p in (PAYLOADS[request.param], harmless(PAYLOADS[request.param]))
    )


def inert_page(text: str, calm: str, read_html: Callable[[str], Any]) -> None:
    """Hold a page against the harmless one."""
    assert not UNSAFE.search(text)
    text.encode()
    html = read_html(text)
    assert skeleton(html) == skeleton(read_html(calm)), "the same elements and attributes as of a harmless run"
    assert all(h.startswith(("#", "https://", "data:image/png;base64,")) for h in html.every("href"))
    assert not html.every("src")
    assert re.findall(r"<style>.*?</style>", text, re.S) == re.findall(r"<style>.*?</style>", calm, re.S)
    ids = html.every("id")
    assert len(ids) == len(set(ids)) and all(re.fullmatch(r"[A-Za-z0-9_.-]+", i) for i in ids)
    assert {h[1:] for h in html.every("href") if h.startswith("#")} <= set(ids)


def test_the_page_holds_them_as_text_only(hostile, template, read_html) -> None:
    text, calm = (page(*run, template) for run in hostile)
    assert len(text.encode()) < 2_000_000
    inert_page(text, calm, read_html)


@pytest.mark.parametrize("name", ["summary", "model_card", "audit"])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_pages_by_other_templates(sample, poisoned, template, read_html, name, language) -> None:
    remark = Remark("qmtestbed/remark/v1", 1, "2026-11-21T00:00:00Z", "QA", "seen", "0" * 64, "performance")
    made = []
    for payload in (ALL, harmless(ALL)):
        evidence, assessment = (poisoned(x, payload) for x in sample)
        made.append(page(evidence, assessment, template.parent / name, language, [poisoned(remark, payload)]))
    inert_page(*made, read_html)


def test_a_parser_as_browsers_have_it_finds_the_same(sample, poisoned, template) -> None:
    tinyhtml5 = pytest.importorskip("tinyhtml5")

    def tree(payload: str) -> list[tuple[str, tuple[str, ...]]]:
        text = page(*(poisoned(x, payload) for x in sample), template)
        elements = list(tinyhtml5.parse(text, namespace_html_elements=False).iter())
        assert all(isinstance(e.tag, str) for e in elements), "no comment"
        kept = [e for e in elements if not e.tag.endswith("title") and "external" not in e.get("rel", "")]
        return [(e.tag, tuple(sorted(set(e.keys()) - {"title"}))) for e in kept]

    assert tree(ALL) == tree(harmless(ALL))


def test_the_page_of_a_comparison(sample, poisoned, template, read_html) -> None:
    comparison = compare([snapshot(e, judge(e)) for e in (sample[0], sample[0])], ["first", "second"])
    made = [
        comparison_page(poisoned(comparison, p), [poisoned(sample[0], p)] * 2, template.parent / "compare")
        for p in (ALL, harmless(ALL))
    ]
    inert_page(*made, read_html)


def test_the_pages_of_a_site_and_its_badge(sample, poisoned, template, read_html) -> None:
    brief = published(*sample, "not_met", "criteria")
    made = []
    for payload in (ALL, harmless(ALL)):
        runs = [poisoned(brief, payload)] * 3
        views = [(index_view({"a": runs}, "en"), "index.html.j2"), (history_view(runs, "en"), "component.html.j2")]
        made.append([site_page(v, template.parent / "site", entry).decode() for v, entry in views])
        badge, data = ET.fromstring(badge_svg(runs[0])), badge_json(runs[0])
        assert float(badge.get("width") or "inf") < 500 and not UNSAFE.search(str(data["message"]))
        assert {e.tag.split("}")[1] for e in badge.iter()} <= {"svg", "title", "clipPath", "rect", "g", "text"}
    for hostile_page, calm in zip(*made, strict=True):
        inert_page(hostile_page, calm, lambda text: _with_folders(read_html(text)))


def _with_folders(html: Any) -> Any:
    """Take links into the site for links within the page: folders are named by ``folder_name``, which has its test."""
    for _, attributes in html.elements:
        if re.fullmatch(r"(\.\./|[a-z0-9][a-z0-9_-]*/)*index\.html", attributes.get("href") or ""):
            del attributes["href"]
    return html


def test_the_names_are_still_told_apart(sample, poisoned, template, read_html) -> None:
    words = read_html(page(poisoned(sample[0]), poisoned(sample[1]), template)).text
    for said in ("<script>alert(1)</script>", "⟨U+202E⟩evil", "⟨U+001B⟩[31m", "⟨U+0000⟩"):
        assert said in words


def test_what_was_cut_is_counted(sample, poisoned, template, read_html) -> None:
    evidence, assessment = (poisoned(x, PAYLOADS["long"]) for x in sample)
    html = read_html(page(evidence, assessment, template))
    assert re.search(r"x… \[\+\d,\d{3}\]", html.text)
    assert max(map(len, html.text.split())) <= 2100
    assert "overflow-wrap" in (template.parent / "_shared" / "style.css").read_text("utf-8")


def test_junit_stays_well_formed(hostile) -> None:
    text, calm = (junit(*run) for run in hostile)
    root = ET.fromstring(text)
    assert not UNSAFE.search(text)
    assert [(e.tag, sorted(e.attrib)) for e in root.iter()] == [
        (e.tag, sorted(e.attrib)) for e in ET.fromstring(calm).iter()
    ]
    assert max(len(e.get("name", "")) for e in root.iter()) < 3000
    assert (root.get("failures"), root.get("errors")) == ("1", "2")


MARKUP = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def tokens(markdown: str) -> list[str]:
    """Give the elements of a Markdown text, in order, those inside of lines with them."""
    return [t.type for block in MARKUP.parse(markdown) for t in (block, *(block.children or ())) if t.type != "text"]


def test_the_summary_stays_one_document(hostile) -> None:
    text, calm = (summary(*run) for run in hostile)
    assert len(text.encode()) < 1_000_000
    assert not UNSAFE.search(text) and "<" not in text
    assert text.startswith("# Quality report")
    assert tokens(text) == tokens(calm)
    assert not {"html_inline", "html_block", "link_open", "image", "code_inline"} & set(tokens(text))
    assert not re.search(r"(?m)^\s*::|##\[|(?<!\\)[@$#](?![# ])|(?<!\\)://|www\.|\W\\(@\w|#\d)", unescape(text))


def test_the_comment_stays_one_document(sample, poisoned) -> None:
    brief = published(*sample, "not_met", "criteria")
    for before in (None, brief):
        text, calm = (comment(poisoned(brief, p), before and poisoned(before, p + "x")) for p in (ALL, harmless(ALL)))
        assert not UNSAFE.search(text) and not re.search(r"(?m)^\s*(::|/)", text)
        assert tokens(text) == tokens(calm)


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


def test_json_is_read_back_the_same(sample, poisoned) -> None:
    written = poisoned(sample[1], ALL)
    assert decode(Assessment, parse_json(canonical(written))) == written
    with pytest.raises(ValueError, match="surrogates"):
        parse_json(json.dumps({"half a pair": "\ud800"}).encode())


def test_a_pdf_shows_them_and_does_nothing(sample, poisoned, template) -> None:
    pypdf, _ = pytest.importorskip("pypdf"), pytest.importorskip("weasyprint")
    evidence, assessment = (poisoned(x, ALL) for x in sample)
    assessment = dataclasses.replace(assessment, as_of=sample[1].as_of)
    content = pdf(page(evidence, assessment, template.parent / "summary"), assessment)
    document = pypdf.PdfReader(io.BytesIO(content))
    text = "".join(sheet.extract_text() for sheet in document.pages)
    assert "<script>alert(1)" in text and not UNSAFE.search(text)
    assert not re.search(rb"/(JavaScript|JS|OpenAction|Launch|AA|EmbeddedFile)\b", content)
    linked = [a.get_object().get("/A", {}) for p in document.pages for a in p.get("/Annots", [])]
    assert all(str(a.get("/URI", "https://")).startswith("https://") for a in linked)
