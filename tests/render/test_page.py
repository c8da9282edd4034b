"""The page: what it says, where it leads, and what it needs (nothing)."""

from __future__ import annotations

import dataclasses
import itertools
import re

import pytest

from qmtestbed.errors import ContentError
from qmtestbed.render import page

LANGUAGES = ("en", "ja")


@pytest.fixture(params=LANGUAGES)
def html(request, pages, read_html):
    return read_html(pages[request.param])


# -- what it needs --------------------------------------------------------------------------------------------


def test_it_is_one_file_without_script_or_network(html) -> None:
    assert not {"script", "link", "img", "iframe", "object", "embed", "form", "base"} & set(html.tags())
    assert html.every("src") == html.every("srcset") == html.every("background") == []
    policy = next(a["content"] for _, a in html.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert [k for _, a in html.elements for k in a if k.startswith("on")] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_style_loads_nothing(pages, language) -> None:
    style = pages[language].split("<style>")[1].split("</style>")[0]
    assert "url(" not in style and "@import" not in style
    assert "@media print" in style and "prefers-color-scheme: dark" in style


def test_what_leaves_the_page_are_plain_links_to_https(html) -> None:
    outside = [h for h in html.every("href") if not h.startswith(("#", "data:image/png;base64,"))]
    assert outside and all(h.startswith("https://") for h in outside)
    links = [a for tag, a in html.elements if tag == "a" and not (a["href"] or "").startswith("#")]
    assert all("noreferrer" in (a["rel"] or "") for a in links)


@pytest.mark.parametrize("language", LANGUAGES)
def test_same_input_same_bytes(sample, template, pages, language) -> None:
    assert page(*sample, template, language) == pages[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_size(pages, language) -> None:
    assert len(pages[language].encode()) < 200_000


def test_a_run_that_is_far_too_large_is_cut_short_and_says_so(sample, template) -> None:
    evidence, assessment = sample
    resources = {
        k: dataclasses.replace(r, rows=tuple((f"{i} {'x' * 250}", i, i, i, i) for i in range(5000)))
        if type(r).__name__ == "DataTable"
        else r
        for k, r in evidence.resources.items()
    }
    checks = tuple(
        dataclasses.replace(c, id=f"{c.id} {i}", criteria=c.criteria * 5) for i in range(15) for c in assessment.checks
    )
    huge = dataclasses.replace(assessment, checks=checks)
    text = page(dataclasses.replace(evidence, resources=resources), huge, template)
    size, says_so = len(text.encode()), "are cut short here" in text
    assert size < 2_000_000
    assert says_so


# -- its structure --------------------------------------------------------------------------------------------


def test_ids_are_unique_and_every_link_inside_leads_somewhere(html) -> None:
    ids = html.every("id")
    assert len(ids) == len(set(ids))
    inside = [h[1:] for h in html.every("href") if h.startswith("#")]
    assert len(inside) > 60
    assert set(inside) <= set(ids)
    for attribute in ("aria-labelledby",):
        assert set(html.every(attribute)) <= set(ids)


@pytest.mark.parametrize("language", LANGUAGES)
def test_language_and_landmarks(pages, read_html, language) -> None:
    html = read_html(pages[language])
    assert html.elements[0] == ("html", {"lang": language})
    tags = html.tags()
    assert [tags.count(t) for t in ("main", "nav", "h1", "footer")] == [1, 1, 1, 1]
    skip = next(a for tag, a in html.elements if tag == "a")
    assert skip == {"class": "skip", "href": "#content"}


def test_headings_do_not_skip_a_level(html) -> None:
    levels = [int(t[1]) for t in html.tags() if re.fullmatch("h[1-6]", t)]
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))


def test_every_header_cell_says_what_it_heads_and_every_box_that_scrolls_can_be_reached(html) -> None:
    heads = [a for tag, a in html.elements if tag == "th"]
    assert heads and all(a.get("scope") in ("col", "row", "rowgroup", "colgroup") for a in heads)
    boxes = [a for _, a in html.elements if a.get("class") == "scroll"]
    assert boxes and all(a.get("tabindex") == "0" and a.get("aria-label") for a in boxes)


def test_every_figure_has_a_name_and_its_data(html) -> None:
    charts = [a for tag, a in html.elements if tag == "svg"]
    assert len(charts) > 12
    assert all(a["role"] == "img" and a["aria-label"] for a in charts)
    figures = [a for tag, a in html.elements if tag == "figure"]
    drawn = [a for a in figures if a.get("class") != "wide"]
    assert len(figures) == 12
    assert len(drawn) == [a.get("class") for tag, a in html.elements if tag == "details"].count("behind")


# -- what it says ---------------------------------------------------------------------------------------------


def test_every_requirement_of_the_target_is_there_with_its_verdict(sample, html) -> None:
    ids = set(html.every("id"))
    for r in sample[1].requirements:
        assert f"req-mlqm-3_{r.id}" in ids
        assert html.every("href").count(f"#req-mlqm-3_{r.id}") >= 1, "the matrix leads to it"
        assert r.id in html.text


def test_evidence_leads_back_to_requirements_and_requirements_to_evidence(pages) -> None:
    text = pages["en"]
    requirement = text.split('id="req-mlqm-3_C-1-L2-1"')[1].split("</article>")[0]
    assert 'href="#check-performance"' in requirement and 'href="#check-calibration"' in requirement
    check = text.split('id="check-performance"')[1].split("</details>\n")[0]
    assert text.split('id="check-calibration"')[1].index("req-mlqm-3_C-1-L2-1") > 0
    assert 'href="#record-' in check
    declaration = text.split('<tr id="declaration-')[1].split("</tr>")[0]
    assert 'href="#req-mlqm-3_A-1-L1-1"' in declaration


def test_the_first_screen_says_what_was_assessed_and_never_mixes_the_headlines(pages, read_html, sample) -> None:
    text = pages["en"]
    first = text[: text.index("<nav")] + "</div></body></html>"
    words = read_html(first).text
    for said in (
        "Claims triage",
        "models:/claims-triage@champion",
        "claims-triage/7",
        "sklearn",
        "8,000 rows × 15 columns",
        "1,000 rows",
        "Machine Learning Quality Management Guideline",
        "Risk avoidance AISL-0.2",
        "20 November 2026",
        "4 of 7 met",
        "7 criteria judged",
        "✗ not met",
        "Accuracy 0.8830 [0.8614, 0.9023] at 95 % · n = 1,000",
        "Verdict of the run: every criterion that is judged must be met",
        "4 of 15",
        "measured parts supported",
        "3 of 19",
        "declared parts supported",
        "AISL-0.2 asked for, reached: none",
        "1 requirement declared not applicable",
        "no time dimension in the inputs",
        "What to do next",
        "no result from shift",
        "qmtestbed plan draft",
    ):
        assert said in words, said
    assert "by chance" not in words and "For 4 of the 7 criteria it is known how often" in read_html(text).text
    evidence, assessment = sample
    digest = evidence.info.inventories["model"].sha256
    assert f'title="{digest}">{digest[:12]}<' in first
    assert f'title="{assessment.run}">{assessment.run[:12]}<' in first
    criteria, evidence_card = first.split('aria-labelledby="headline-evidence"')
    assert "of 15" not in criteria and "of 7" not in evidence_card


def test_failures_come_first_not_met_before_undetermined(pages) -> None:
    text = pages["en"]
    order = [text.index(f'id="{place}"') for place in ("failures", "requirements", "levels", "checks", "appendix")]
    assert order == sorted(order)
    failures = re.findall(r'<article class="failure v-(\w+)" id="failure-(\w+)"', text)
    assert failures == [("not_met", "performance_2"), ("undetermined", "calibration_1"), ("undetermined", "shift")]


def test_a_failure_says_found_limit_how_sure_where_why_and_which_clauses(pages, read_html) -> None:
    article = "<article " + pages["en"].split('<article class="failure')[1].split("</article>")[0] + "</article>"
    words = read_html(article).text
    for said in (
        "recall >= 0.80 at 95%",
        "Found 0.645 [0.549, 0.734] at 95 %",
        "n = 110",
        "theft, which decides among 5",
        "Limit ≥ 0.8",
        "The whole interval misses the limit",
        "class theft weak class 71 of 110 thefts were recognised",
        "slice region = north and vehicle = van",
        "rows 3, 40, 77",
        "and 10 more",
        "a claim that goes to the wrong desk",
        "How often the model is right",
        "C-1-L1-1",
        "C-1-L2-1",
    ):
        assert said.replace("\xa0", " ") in words.replace("\xa0", " "), said


def test_a_check_without_a_result_says_what_went_wrong_and_what_to_do(pages, read_html) -> None:
    article = "<article " + pages["en"].split('<article class="failure')[3].split("</article>")[0] + "</article>"
    words = read_html(article).text
    for said in ("shift gave no result", "out of memory", "2,214 MiB used", "set limits.rows in the manifest"):
        assert said in words


def test_failing_checks_are_open_and_the_others_folded(pages) -> None:
    found = dict(re.findall(r'<details class="check v-\w+" id="check-(\w+)"( open)?>', pages["en"]))
    assert {name for name, is_open in found.items() if is_open} == {"performance", "calibration", "shift"}
    assert set(found) == {"performance", "labels", "calibration", "stability", "shift", "coverage"}


def test_the_appendix_holds_records_declarations_and_assumptions(sample, pages, read_html) -> None:
    evidence, _ = sample
    html = read_html(pages["en"])
    for record in evidence.records.values():
        assert record.key in html.text and record.evidence_digest in html.text
    for said in (
        "Exact intervals presume independent rows. No group role is declared for: test.",
        "fork server, seccomp, no network, rlimits",
        "numpy 2.4.6",
        "K. Ito",
        "1 November 2027",
        "expired",
        "docs/hazards.md",
        "needs images; the data is a table",
        "task: classification, because the model has classes",
        "the model has classes",
    ):
        assert said in html.text, said


def test_the_assumption_is_not_stated_where_a_group_role_is_declared(sample, template) -> None:
    evidence, assessment = sample

    def grouped(record):
        inputs = {
            k: dataclasses.replace(i, roles=dataclasses.replace(i.roles, group="policy")) if i.roles else i
            for k, i in record.inputs.items()
        }
        return dataclasses.replace(record, inputs=inputs)

    records = {k: grouped(r) for k, r in evidence.records.items()}
    assert "presume independent rows" not in page(dataclasses.replace(evidence, records=records), assessment, template)


def test_nothing_judged_is_never_a_success(sample, template, read_html) -> None:
    evidence, assessment = sample
    criteria = dataclasses.replace(assessment.headlines.criteria, judged=0, met=0, not_met=0, undetermined=0)
    empty = dataclasses.replace(
        assessment, checks=(), headlines=dataclasses.replace(assessment.headlines, criteria=criteria)
    )
    words = read_html(page(evidence, empty, template)).text
    assert "nothing was judged" in words
    assert "Every criterion that was judged is met" not in words


def test_an_empty_assessment_renders(sample, template, read_html) -> None:
    evidence, assessment = sample
    bare = dataclasses.replace(
        assessment, checks=(), requirements=(), levels=(), findings=(), left_out=(), guidelines=(), reported=()
    )
    info = dataclasses.replace(evidence.info, checks={}, declarations=(), notes=(), inventories={})
    words = read_html(page(dataclasses.replace(evidence, info=info, records={}), bare, template)).text
    assert "The target holds no requirements" in words and "No check was run" in words


def test_a_requirement_of_a_guideline_that_is_not_at_hand_is_still_shown(sample, template, read_html) -> None:
    evidence, assessment = sample
    text = page(dataclasses.replace(evidence, guidelines={}), assessment, template)
    assert {f"req-mlqm-3_{r.id}" for r in assessment.requirements} <= set(read_html(text).every("id"))


def test_two_guidelines_with_the_same_clauses_do_not_collide(sample, template, read_html) -> None:
    evidence, assessment = sample
    other = [
        dataclasses.replace(r, guideline="other@1", id=f"other@1:{r.id}", dimension=r.dimension)
        for r in assessment.requirements
    ]
    first = [dataclasses.replace(r, id=f"mlqm@3:{r.id}") for r in assessment.requirements]
    both = dataclasses.replace(assessment, requirements=(*first, *other), guidelines=("mlqm@3", "other@1"))
    ids = read_html(page(evidence, both, template)).every("id")
    assert "req-mlqm-3_C-1-L1-1" in ids and "req-other-1_C-1-L1-1" in ids
    assert len(ids) == len(set(ids))


# -- templates ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("<p>\n{{ v.nothing_like_it }}", 2),
        ("<p>\n\n{% if %}", 3),
        ("{{ w('no such word') }}", None),
        ("{{ v.component|safe }}", 1),
        ("{{ v.__class__.__mro__ }}", 1),
    ],
)
def test_a_broken_template_is_named_with_its_line(sample, tmp_path, text, line) -> None:
    (tmp_path / "page.html.j2").write_text(text)
    with pytest.raises((ContentError, KeyError)) as error:
        page(*sample, tmp_path)
    if line is not None:
        assert isinstance(error.value, ContentError)
        assert error.value.problems[0].where == f"{tmp_path / 'page.html.j2'}:{line}"


def test_a_missing_template_is_named(sample, tmp_path) -> None:
    with pytest.raises(ContentError, match=r"page\.html\.j2"):
        page(*sample, tmp_path)


def test_a_template_can_not_switch_escaping_off(sample, tmp_path) -> None:
    (tmp_path / "page.html.j2").write_text(
        "{{ v.description }}{% autoescape false %}{{ v.component }}{% endautoescape %}"
    )
    evidence, assessment = sample
    with pytest.raises(ContentError, match="autoescape"):
        page(evidence, dataclasses.replace(assessment, component="<b>"), tmp_path)
