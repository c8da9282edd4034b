"""Reasons of the judge in Japanese: every piece it can write is known, and nothing is lost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qmtestbed.ait import Estimate
from qmtestbed.judging.elements import judge_element
from qmtestbed.judging.parts import declared_part
from qmtestbed.render import page
from qmtestbed.render.reasons import reason_text
from qmtestbed.render.text import spoken
from qmtestbed.types.assessment import Against, DeclarationState
from qmtestbed.types.checklist import ChecklistItem
from qmtestbed.types.criterion import parse_criterion


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("measured: no check; declared: no declaration", "測定：検査なし；申告：申告なし"),
        ("measured: a, b met", "測定：a, b が達成"),
        (
            "declared: the declaration by K. Ito expired on 2026-11-01",
            "申告：K. Ito の申告は2026年11月1日に期限切れ",
        ),
        (
            "class yes: found 0.8, limit >= 0.9; not shown at 95 %",
            "クラス yes：測定値 0.8、基準値 >= 0.9、信頼水準 95 % では示されない",
        ),
        ("found 3, limit in [1, 2]; 2 of 5 not met", "測定値 3、基準値 1 以上 2 以下、5 件中 2 件が未達"),
        ("add a check with a and b for C-1-L1-1", "C-1-L1-1 について a and b による検査を追加"),
    ],
)
def test_what_is_said(reason: str, said: str) -> None:
    assert reason_text(reason, "ja") == said
    assert reason_text(reason, "en") == reason


@pytest.mark.parametrize(
    "reason", ["", "undefined: no rows", "found 1, limit >= 2; for reasons of its own", "measured: odd"]
)
def test_what_is_not_known_stays_as_a_whole(reason: str) -> None:
    assert reason_text(reason, "ja") == reason


@pytest.mark.parametrize(
    ("criterion", "value", "low", "high"),
    [
        ("a >= 0.8 at 95%", 0.9, 0.7, 0.95),
        ("a >= 0.8 at 95%", 0.7, 0.6, 0.95),
        ("a <= 0.8 at 95%", 0.9, 0.7, 0.95),
        ("a >= 0.8 at 95%", 0.8, 0.7, 0.9),
        ("a >= 0.8 at 95%", 0.80000001, 0.7, 0.9),
        ("a in [0.1, 0.2] at 95%", 0.15, 0.05, 0.3),
        ("a >= 0.8 at 90%", 0.9, 0.85, 0.95),
        ("a >= baseline - 0.01 at 95%", -0.06, -0.1, -0.02),
        ("a > baseline", 0.06, 0.01, 0.1),
    ],
)
@pytest.mark.parametrize("how", ["paired", "unpaired", "same"])
def test_all_that_is_said_of_a_value_is_known(criterion, value, low, high, how) -> None:
    parsed = parse_criterion(criterion)
    against = Against(0.6, 0.66, "models:/m/1", how) if parsed.baseline else None
    for single in (Estimate(value, low, high, 0.95, 300), value):
        reason = judge_element(parsed, None, single, against).reason
        assert spoken(reason_text(reason, "ja")) == "ja", reason
        shown = re.findall(r"\d+(?:\.\d+)?", reason_text(reason, "ja"))
        lost = set(re.findall(r"\d+(?:\.\d+)?", reason)) - set(shown)
        assert how == "same" or not lost, (reason, lost)


def test_all_that_is_said_of_a_declaration_is_known() -> None:
    given = {"requirement": "A-1-L1-1", "by": "QA", "date": "2026-01-01"}
    states = [DeclarationState(**given, state=s, statement="x") for s in ("valid", "expired", "not_yet_valid")]  # type: ignore[arg-type]
    states += [DeclarationState(**given, state=s, file="f") for s in ("file_missing", "file_altered")]  # type: ignore[arg-type]
    states.append(DeclarationState(**given, state="valid", statement="x", answered_no="is it?"))
    states.append(DeclarationState(**given, state="expired", statement="x", until="2026-02-01"))
    states.append(DeclarationState(**given, state="to_do"))
    for answer in (None, "not_applicable"):
        item = ChecklistItem("1", "Is it?", answer)  # type: ignore[arg-type]
        states.append(DeclarationState(**given, state="valid", checklist="c.csv", items=(item,)))
    for found in ([], *([s] for s in states)):
        reason = f"declared: {declared_part(found)[1]}"
        assert reason_text(reason, "ja").startswith("申告："), reason


def test_foreign_text_says_its_language(sample, template: Path) -> None:
    english, japanese = page(*sample, template, "en"), page(*sample, template, "ja")
    assert 'lang="ja"' not in english and '<html lang="ja">' in japanese
    for text in re.findall(r'<(?!html)[^>]* lang="en"[^>]*>([^<]+)<', japanese):
        assert spoken(text) == "en", text
