"""The templates that ship beside the quality report, and those of a user: what they say, and what they can't do."""

from __future__ import annotations

import dataclasses
import itertools
import re
from pathlib import Path

import pytest

from qmtestbed.catalogue import Catalogue
from qmtestbed.errors import ContentError
from qmtestbed.evidence import files
from qmtestbed.render import page, page_pieces

OTHERS = ("summary", "model_card", "audit", "plant_safety")
LANGUAGES = ("en", "ja")


@pytest.fixture(scope="module")
def made(sample, checkout):
    return {(id, lang): page(*sample, checkout / "reports" / id, lang) for id in OTHERS for lang in LANGUAGES}


@pytest.fixture(params=[(id, lang) for id in OTHERS for lang in LANGUAGES], ids="-".join)
def html(request, made, read_html):
    return read_html(made[request.param])


def test_each_is_one_file_whose_links_lead_somewhere(html) -> None:
    assert not {"script", "link", "img", "iframe", "object", "embed", "form", "base"} & set(html.tags())
    ids = html.every("id")
    assert len(ids) == len(set(ids))
    assert {h[1:] for h in html.every("href") if h.startswith("#")} <= set(ids)
    assert [html.tags().count(t) for t in ("main", "h1", "footer")] == [1, 1, 1]
    levels = [int(t[1]) for t in html.tags() if re.fullmatch("h[1-6]", t)]
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))


@pytest.mark.parametrize("id", OTHERS)
def test_strings_that_want_to_be_more_stay_text(sample, poisoned, made, read_html, checkout, id) -> None:
    text = page(poisoned(sample[0]), poisoned(sample[1]), checkout / "reports" / id)
    html, calm = read_html(text), read_html(made[id, "en"])
    assert set(html.tags()) <= set(calm.tags()) | {"ul", "li", "p"}
    assert "<script" not in text
    assert all(h.startswith(("#", "https://", "data:image/png;base64,")) for h in html.every("href"))


def test_the_summary_says_what_against_what_how_far_and_what_is_missing(made, read_html) -> None:
    words = read_html(made["summary", "en"]).text
    for said in (
        "Claims triage",
        "claims-triage/7",
        "Machine Learning Quality Management Guideline",
        "4 of 7 met",
        "4 of 15",
        "3 of 19",
        "0.645 [0.549, 0.734]",
        "shift gave no result",
        "no evidence",
        "20 November 2026",
        "Declarations by M. Sato, K. Ito",
    ):
        assert said in words, said


def test_the_audit_has_every_requirement_in_order_with_digests_and_nothing_folded(sample, made, read_html) -> None:
    evidence, assessment = sample
    text = made["audit", "en"]
    shown = re.findall(r'<article class="clause v-\w+" id="req-mlqm-3_([\w-]+)"', text)
    assert shown == list(evidence.guidelines["mlqm@3"].requirements)
    assert "no_evidence" in {r.verdict for r in assessment.requirements}
    assert re.findall(r"<details (?![^>]*\bopen>)", text) == []
    clause = "<article " + text.split('id="req-mlqm-3_C-1-L1-1"')[1].split("</article>")[0] + "</article>"
    words = read_html("<article><header>" + clause.split("<header>", 1)[1]).text
    record = evidence.record_of("performance")
    for said in ("recall >= 0.80 at 95%", "0.645", record.key, record.evidence_digest, record.program.sha256):
        assert said in words, said
    hazards = text.split('id="req-mlqm-3_A-1-L1-1"')[1].split("</article>")[0]
    assert all(said in hazards for said in ("docs/hazards.md", "M. Sato", "1 November 2026", "1 November 2027"))


def test_the_model_card_states_what_is_known_and_says_where_nothing_is(sample, made, read_html, checkout) -> None:
    words = read_html(made["model_card", "en"]).text
    for said in ("Routes motor insurance claims", "recall theft 0.645 [0.549, 0.734]", "data/train.parquet"):
        assert said in words, said
    ethics = made["model_card", "en"].split('id="ethics"')[1].split("</section>")[0]
    assert "not stated" in ethics
    evidence, assessment = sample
    component = dataclasses.replace(evidence.plan.component, description=None)
    bare = dataclasses.replace(evidence, plan=dataclasses.replace(evidence.plan, component=component))
    use = page(bare, assessment, checkout / "reports" / "model_card").split('id="use"')[1].split("<h3>")[0]
    assert "not stated" in use


# -- a template of a user's own -----------------------------------------------------------------------------------


def template(folder: Path, text: str, description: str = "id: mine\ntitle: Mine\n") -> Path:
    made = folder / "mine"
    made.mkdir(exist_ok=True)
    (made / "template.yaml").write_text(f"schema: qmtestbed/report/v1\n{description}", "utf-8")
    (made / "page.html.j2").write_text(text, "utf-8")
    return made


def test_a_folder_is_found_by_path_and_by_search_path_and_may_use_our_parts(sample, tmp_path) -> None:
    folder = template(tmp_path, '{% import "_macros.html.j2" as m %}<h1>{{ v.component }}</h1>')
    assert Catalogue().report(str(folder)).id == "mine"
    entry = Catalogue(reports=(tmp_path,)).report("mine")
    assert page(*sample, entry.folder) == "<h1>Claims triage</h1>"
    before = entry.sha256
    (folder / "page.html.j2").write_text("other", "utf-8")
    assert Catalogue().report(str(folder)).sha256 != before


@pytest.mark.parametrize(
    ("description", "where", "said"),
    [
        ("id: mine\ntitle: Mine\nentri: x\n", "mine/template.yaml:4", "did you mean 'entry'"),
        ("id: other\ntitle: Mine\n", "mine/template.yaml:2", "not the folder's name"),
        ("id: mine\ntitle: Mine\nentry: none.j2\n", "mine/template.yaml:4", "no such file"),
        ("id: mine\ntitle: Mine\nentry: ../mine/page.html.j2\n", "mine/template.yaml:4", "must match"),
    ],
)
def test_a_description_that_is_wrong_is_named_with_its_line(tmp_path, description, where, said) -> None:
    folder = template(tmp_path, "x", description)
    with pytest.raises(ContentError, match=re.escape(where)) as error:
        Catalogue().report(str(folder))
    assert said in str(error.value)


def test_an_id_that_ships_is_not_taken_over(tmp_path, checkout) -> None:
    (tmp_path / "summary").mkdir()
    (tmp_path / "summary" / "template.yaml").write_bytes((checkout / "reports/summary/template.yaml").read_bytes())
    (tmp_path / "summary" / "page.html.j2").write_text("x")
    for found in (
        lambda: Catalogue().report(str(tmp_path / "summary")),
        lambda: Catalogue(reports=(tmp_path,)).report("summary"),
    ):
        with pytest.raises(ContentError, match="claimed twice"):
            found()


def test_an_installed_package_brings_templates_by_entry_point(tmp_path, monkeypatch) -> None:
    package, info = tmp_path / "house_style", tmp_path / "house_style-1.dist-info"
    package.mkdir()
    info.mkdir()
    template(package, "{{ v.component }}")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: house-style\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[qmtestbed.reports]\nhouse = house_style\n")
    monkeypatch.syspath_prepend(tmp_path)
    entry = Catalogue().report("mine")
    assert (entry.owner, entry.folder) == ("house-style", package / "mine")


def test_an_unknown_template_gets_a_suggestion() -> None:
    with pytest.raises(ContentError, match="did you mean 'summary'"):
        Catalogue().report("sumary")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("<p>\n{{ v.nothing_like_it }}", 2),
        ("<p>\n\n{% if %}", 3),
        ("\n{{ w('no such word') }}", 2),
        ("\n\n{{ 1 / 0 }}", 3),
        ("{{ v.checks[99].id }}", 1),
        ("{{ v.component + 1 }}", 1),
        ("{{ v.__class__.__mro__ }}", 1),
        ("\n{{ w.__init__.__globals__ }}", 2),
        ("\n{% include 'none.j2' %}", 2),
        ("\n{% include '../../../etc/hostname' %}", 2),
        ("{% include '/etc/hostname' %}", 1),
        ("\n{{ v.component|safe }}", 2),
        ("\n{% autoescape false %}{{ v.component }}{% endautoescape %}", 2),
        ("{{ Markup(v.component) }}", 1),
    ],
)
def test_a_mistake_is_named_with_file_and_line_and_leaves_no_file(sample, tmp_path, text, line) -> None:
    folder, out = template(tmp_path, text), tmp_path / "out"
    pages = [(out / "kept.json", b"{}"), (out / "mine.html", page_pieces(*sample, folder))]
    with pytest.raises(ContentError) as error, files.staged(pages):
        pass
    assert error.value.problems[0].where == f"{folder / 'page.html.j2'}:{line}"
    assert list(out.iterdir()) == []


WAYS = ("v.description ~ v.component", "v.component|string", "'%s'|format(v.component)", "[v.component]|join")


@pytest.mark.parametrize("text", WAYS)
def test_no_way_of_writing_a_text_leaves_it_unescaped(sample, tmp_path, text) -> None:
    evidence, assessment = sample
    folder = template(tmp_path, f"{{{{ {text} }}}}")
    assert "<b>" not in page(evidence, dataclasses.replace(assessment, component="<b>x</b>"), folder)
