"""Declarations on pages: those that do not count stand on the first screen; checklists in short, in the audit whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qmtestbed.judging import judge
from qmtestbed.render import page, summary
from qmtestbed.types.assessment import DeclarationState
from qmtestbed.types.checklist import ChecklistItem

ITEMS = (
    ChecklistItem("q0", "Was it reviewed?", "no", "next month <b>", "minutes.pdf"),
    *(ChecklistItem(f"q{i}", f"Open question {i}") for i in range(1, 15)),
    ChecklistItem("q15", "Is it written down?", "yes"),
    ChecklistItem("q16", "Is a camera used?", "not_applicable"),
)


def state(requirement: str, found: str = "valid", **more: object) -> DeclarationState:
    return DeclarationState(requirement, "K. Ito", "2026-10-12", found, **more)  # type: ignore[arg-type]


@pytest.fixture
def declared(sample):
    evidence, _ = sample
    checklist = {"checklist": "declared/checklists/01-q.xlsx", "checklist_sha256": "0" * 64, "items": ITEMS}
    states = (
        state("A-1-L1-1", answered_no="Was it reviewed?", **checklist),
        state("C-1-L1-1", "file_altered", file="declared/02-a.md", at_fault="declared/02-a.md"),
        state("C-2-L1-1", "expired", statement="Done", until="2026-11-01"),
        state("D-1-L1-1", **{**checklist, "items": ITEMS[1:]}),
        state("E-1-L1-1", **{**checklist, "items": ITEMS[-1:]}),
        DeclarationState("B-1-L1-1", "", "", "to_do"),
    )
    evidence = replace(evidence, info=replace(evidence.info, declarations=states))
    return evidence, judge(evidence)


@pytest.mark.parametrize(("language", "said"), [("en", "declarations, {}: 1"), ("ja", "申告（{}）：1 件")])
def test_those_that_do_not_count_stand_on_the_first_screen(declared, template, read_html, language, said) -> None:
    text = page(*declared, template, language)
    first = text[: text.index("<nav")]
    words = {
        "en": ["answered no", "file altered", "expired", "open questions", "no question applies", "to do"],
        "ja": ["「いいえ」あり", "ファイルに変更あり", "期限切れ", "未回答あり", "該当する質問なし", "未申告"],
    }[language]
    places = [first.index(said.format(word)) for word in words]
    assert places == sorted(places)
    assert '<a href="#req-mlqm-3_C-2-L1-1">C-2-L1-1</a>' in first
    read_html(text)
    short = summary(*declared, language)
    assert all(said.format(word) in short for word in words) and "C-2-L1-1" in short[: short.index("##")]


def test_the_page_has_what_presses_and_the_audit_everything(declared, checkout, template, read_html) -> None:
    short = page(*declared, template).split('id="declaration-A-1-L1-1')[1].split("</tr>")[0]
    assert "17 questions: yes 1, no 1, not applicable 1, open 14" in short
    assert "next month &lt;b&gt;" in short and "Open question 9" in short and "and 5 more" in short
    assert "Open question 10" not in short and "Is it written down?" not in short
    whole = page(*declared, checkout / "reports" / "audit")
    clause = whole.split('id="req-mlqm-3_A-1-L1-1"')[1].split("</article>")[0]
    for item in ITEMS:
        assert item.question in clause
    assert "minutes.pdf" in clause and "next month &lt;b&gt;" in clause
    read_html(whole)


def test_what_each_is_worth(declared) -> None:
    needing = [r for r in declared[1].requirements if "declared" in r.needs]
    found = {r.id: (r.parts["declared"], r.reason.split("declared: ")[1]) for r in needing}
    assert found["A-1-L1-1"] == ("contradicted", "the checklist answers no: Was it reviewed?")
    assert found["C-1-L1-1"] == ("missing", "the declared file declared/02-a.md was altered")
    assert found["D-1-L1-1"] == ("missing", "14 of 16 questions of the checklist are open")
    assert found["E-1-L1-1"] == ("missing", "no question of the checklist applies")
    assert found["B-1-L1-1"] == ("missing", "to do: nobody has declared it yet")
