"""The judge's reasons in Japanese.

A verdict and its reason are the same whatever language a page has, so the judge writes English. Its sentences are few,
and are put into Japanese here piece by piece; one with a piece that is not known stays as it is, as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from qmtestbed.render.text import date
from qmtestbed.types.text import Language

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_Rules = Sequence[tuple[re.Pattern[str], str]]


def _rules(*pairs: tuple[str, str]) -> _Rules:
    return tuple((re.compile(pattern, re.DOTALL), said) for pattern, said in pairs)


_WHOLE = _rules(
    (r"declared not applicable by (.+) on (\d{4}-\d\d-\d\d): (.+)", "{0} が{1}に適用対象外と申告：{2}"),
    (r"the guideline names no evidence for it", "必要なエビデンスがガイドラインに定められていない"),
    (r"no guideline asked for; name one in the plan", "ガイドラインの指定なし。計画でガイドラインを指定"),
    (r"no level asked for; add (--level \S+)", "目標レベルの指定なし。{0} を追加"),
    (r"add a check with (.+) for (\S+)", "{1} について {0} による検査を追加"),
    (r"add criteria to the check (.+), which is for (\S+)", "{1} を対象とする検査「{0}」に判定基準を追加"),
    (
        r"add a criterion on (.+) to the check (.+), which is for (\S+)",
        "{2} を対象とする検査「{1}」に {0} の判定基準を追加",
    ),
    (r"add a declaration for (.+): (qmtestbed declare .+)", "{0} についての申告を追加（{1}）"),
    (
        r"the guideline has no requirements for (.+); ask for another level",
        "ガイドラインに {0} の要求事項の定めなし。別のレベルを指定",
    ),
)
_PART = _rules(
    (r"(.+) has no criteria", "{0} に判定基準なし"),
    (r"no check", "検査なし"),
    (r"no judged check with (.+)", "{0} による判定済みの検査なし"),
    (r"(.+) not met", "{0} が未達"),
    (r"(.+) met", "{0} が達成"),
    (r"(.+) undetermined", "{0} が判定不能"),
    (r"the checklist answers no: (.+)", "チェックリストの回答が「いいえ」：{0}"),
    (r"declared by (.+) on (\d{4}-\d\d-\d\d)", "{0} が{1}に申告"),
    (r"no declaration", "申告なし"),
    (r"to do: nobody has declared it yet", "未作成（まだ申告されていない）"),
    (r"(\d+) of (\d+) questions of the checklist are open", "チェックリストの {1} 問中 {0} 問が未回答"),
    (r"no question of the checklist applies", "チェックリストに該当する質問なし"),
    (r"(.+) has no criteria on (.+)", "{0} に {1} の判定基準なし"),
    (r"the declaration by (.+) expired on (\d{4}-\d\d-\d\d)", "{0} の申告は{1}に期限切れ"),
    (r"the declaration by (.+) expired", "{0} の申告は期限切れ"),
    (r"the declaration by (.+) starts on (\d{4}-\d\d-\d\d)", "{0} の申告は{1}から有効"),
    (r"the declared file (.+) is missing", "申告されたファイル {0} なし"),
    (r"the declared file (.+) was altered", "申告されたファイル {0} に変更あり"),
    (r"the declaration by (.+) has neither statement nor file", "{0} の申告に内容もファイルもなし"),
)
_TAIL = _rules(
    (r"it has no interval", "信頼区間なし"),
    (r"its interval is at (.+)", "信頼区間の信頼水準は {0}"),
    (r"(\d+) of (\d+) not met", "{1} 件中 {0} 件が未達"),
    (r"(\d+) of (\d+) met", "{1} 件中 {0} 件が達成"),
    (r"(\d+) of (\d+) undetermined", "{1} 件中 {0} 件が判定不能"),
    (r"not shown at this sample size", "この標本サイズでは示されない"),
    (r"not shown at (\S+ %)", "信頼水準 {0} では示されない"),
    (r"(.+) not shown at (\S+ %)", "{0} は信頼水準 {1} では示されない"),
    (r"the estimate itself is below the limit", "点推定値が基準値を下回る"),
    (r"the estimate itself is above the limit", "点推定値が基準値を上回る"),
    (r"the estimate is at the limit", "点推定値が基準値に等しい"),
    (r"no sample size would show it", "標本サイズを増やしても示されない"),
    (
        r"so close to the limit, no practical sample size would show it",
        "基準値に近く、現実的な標本サイズでは示されない",
    ),
    (r"about n = (\S+) would be needed if the estimate holds", "推定値が変わらなければ n = {0} 程度が必要"),
    (r"about n = (\S+) would show that it is missed", "n = {0} 程度で未達と示される見込み"),
)
_FOUND = _rules(
    (
        r"(\S+) against (\S+) of the baseline \((.+)\): (\S+) \[(\S+), (\S+)\], paired over (\S+) items",
        "{3} [{4}, {5}]（モデル {0}、ベースライン（{2}）{1}、対応あり、{6} 件）",
    ),
    (
        r"(\S+) against (\S+) of the baseline \((.+)\): (\S+) \[(\S+), (\S+)\], unpaired",
        "{3} [{4}, {5}]（モデル {0}、ベースライン（{2}）{1}、対応なし）",
    ),
    (
        r"(\S+) against (\S+) of the baseline \((.+)\): (\S+)(?: \[\S+, \S+\], the same model)?",
        "{3}（モデル {0}、ベースライン（{2}）{1}）",
    ),
    (r"(\S+) \((\S+) to (\S+) at (\S+ %), n = (\d+)\)", "{0}（{1} ～ {2}、信頼水準 {3}、n = {4}）"),
    (r"(\S+)", "{0}"),
)
_LIMIT = _rules(
    (r"in \[(\S+), (\S+)\] at (\S+ %)", "{0} 以上 {1} 以下（信頼水準 {2}）"),
    (r"in \[(\S+), (\S+)\]", "{0} 以上 {1} 以下"),
    (r"([<>=]+ .+?) at (\S+ %)", "{0}（信頼水準 {1}）"),
    (r"([<>=]+ .+)", "{0}"),
)
_PER = {
    "case": "ケース",
    "class": "クラス",
    "column": "列",
    "coverage": "カバレッジ",
    "element": "要素",
    "fold": "分割",
    "key": "キー",
    "rate": "率",
    "relation": "関係",
    "scale": "倍率",
    "slice": "データ区分",
    "value": "値",
}


def reason_text(reason: str, language: Language) -> str:
    """Write a reason of the judge in the language of a page; one that is not known stays in English."""
    if language != "ja":
        return reason
    return _said(reason, _WHOLE) or _of_requirement(reason) or _of_criterion(reason) or reason


def _said(text: str, rules: _Rules) -> str | None:
    for pattern, said in rules:
        found = pattern.fullmatch(text)
        if found:
            return said.format(*(date(g, "ja") if g and _DAY.fullmatch(g) else g for g in found.groups()))
    return None


def _of_requirement(reason: str) -> str | None:
    found = re.fullmatch(r"(?:measured: (.+?))??(?:(?:; )?declared: (.+))?", reason, re.DOTALL)
    if not found:
        return None
    parts = [(name, part) for name, part in zip(("測定", "申告"), found.groups(), strict=True) if part]
    said = [(name, _said(part, _PART)) for name, part in parts]
    if not said or any(text is None for _, text in said):
        return None
    return "；".join(f"{name}：{text}" for name, text in said)


def _of_criterion(reason: str) -> str | None:
    found = re.fullmatch(r"(?:(\S+) (.+?): )?found (.+?), limit ([^;]+)((?:; [^;]+)*)", reason, re.DOTALL)
    if not found:
        return None
    per, key, value, limit, tail = found.groups()
    pieces = [_said(value, _FOUND), _said(limit, _LIMIT), *(_said(t, _TAIL) for t in tail.split("; ")[1:])]
    known = [p for p in pieces if p is not None]
    if len(known) < len(pieces):
        return None
    head = f"{_PER.get(per, per)} {key}：" if per else ""
    return head + "、".join(
        (f"測定値 {known[0]}", f"基準値 {known[1].replace('baseline', 'ベースライン')}", *known[2:])
    )
