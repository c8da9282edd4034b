"""Every text that ships is there in Japanese, and written by the rules of docs/ja-terms.md."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from string import Formatter

import pytest

from qmtestbed.catalogue import Catalogue
from qmtestbed.render import terms
from qmtestbed.render.words import TABLES
from qmtestbed.types.values import Text

CATALOGUE = Catalogue()
KANA_OR_KANJI = "[\u3040-\u30fa\u30fc-\u30ff\u4e00-\u9fff]"
WIDE = "[\u3000-\u30ff\u4e00-\u9fff\uff01-\uff5e…]"
POLITE = re.compile(r"(です|ます|ません|ました|でした|ください)$")
SAME_IN_BOTH = {"subject.pair", "role.id"}
IN_SENTENCES = ("method", "meaning", "threat")
# What the rules do not see: names that the guideline writes without a blank, and functions with their parentheses.
NAMES = (("AIパフォーマンス|AIセキュリティ", "名"), (r"(?:sqrt|arctan)\([^)]*\)", "X"))
OTHER_TERMS = re.compile(
    "学習データ|学習行|チェック|証拠|サンプル数|標本数|誤り確率|組み合わせ(?![るたて])|厳密な信頼区間|コンポーネント|証跡|部分集合|"
    "(?:パラメータ|メモリ|カテゴリ|ライブラリ|バイナリ|フォルダ|サーバ|ユーザ)(?!ー)|(?:セキュリティ|プロパティ)ー|クォリティ"
)


def texts(value: object, path: str = "") -> Iterator[tuple[str, Text]]:
    """Find every text in two languages inside a frozen value."""
    if isinstance(value, Text):
        yield path, value
    elif dataclasses.is_dataclass(value):
        for f in dataclasses.fields(value):
            yield from texts(getattr(value, f.name), f"{path}.{f.name}")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(item, f"{path}.{key}")
    elif isinstance(value, (tuple, list)):
        for i, item in enumerate(value):
            yield from texts(item, f"{path}.{i}")


def shipped() -> Iterator[tuple[str, str, str]]:
    kinds = {"ait": CATALOGUE.aits, "guideline": CATALOGUE.guidelines, "report": CATALOGUE.reports}
    for kind, entries in kinds.items():
        for name, entry in entries.items():
            content = {"ait": "manifest", "guideline": "guideline", "report": "template"}[kind]
            for path, text in texts(getattr(entry, content)):
                yield f"{kind} {name}{path}", text.en, text.ja or ""
    for key in TABLES["en"]:
        if not key.startswith("mark."):
            yield f"phrase {key}", TABLES["en"][key], TABLES["ja"][key]
    for en, ja in terms.UNITS.items():
        yield f"unit {en}", en, ja


ALL = list(shipped())


def found(pattern: str, text: str) -> list[str]:
    return [text[max(0, m.start() - 8) : m.end() + 8] for m in re.finditer(pattern, text)]


def sentences(text: str) -> list[str]:
    """Split into sentences; what stands in parentheses or quotation marks is none of its own."""
    for _ in range(3):
        text = re.sub("（[^（）]*）|「[^「」]*」", "", text)
    return [s for s in text.split("。") if s]


def inner(ja: str) -> str:
    for pattern, stands_for in NAMES:
        ja = re.sub(pattern, stands_for, ja)
    return ja


def where(rule) -> dict[str, object]:
    """Apply a rule to all texts; give what it says of those that break it."""
    said = {name: rule(name, en, inner(ja)) for name, en, ja in ALL}
    return {name: s for name, s in said.items() if s}


def test_there_are_texts_of_every_kind() -> None:
    count = {
        kind: sum(name.startswith(kind) for name, _, _ in ALL) for kind in ("ait", "guideline", "report", "phrase")
    }
    assert count["ait"] > 400 and count["guideline"] > 100 and count["report"] >= 6 and count["phrase"] > 300


def test_each_is_there_in_its_language() -> None:
    assert not {n for n, en, ja in ALL if not ja.strip() or re.search(KANA_OR_KANJI, en)}
    lacking = {n for n, _, ja in ALL if not re.search(KANA_OR_KANJI, ja)}
    assert lacking == {f"phrase {key}" for key in SAME_IN_BOTH}


def test_what_stands_in_braces_is_the_same() -> None:
    def braces(text: str) -> list[str]:
        return sorted(re.findall(r"\{.*\}", text))

    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name is not None}

    for name, en, ja in ALL:
        same = fields(en) == fields(ja) if name.startswith("phrase") else braces(en) == braces(ja)
        assert same, name


@pytest.mark.parametrize(
    ("fault", "pattern"),
    [
        ("half-width kana, or full-width letters and digits", "[\uff61-\uff9f\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]"),
        ("ASCII punctuation after Japanese", f"{KANA_OR_KANJI}[,.:;()!?]"),
        ("ASCII punctuation before Japanese", f"[,:;(?!]{KANA_OR_KANJI}"),
        ("a blank inside Japanese", f"{WIDE} {WIDE}"),
        ("no blank between Japanese and Latin", f"{KANA_OR_KANJI}[A-Za-z0-9]|[A-Za-z0-9%]{KANA_OR_KANJI}"),
        ("a blank beside full-width punctuation", "[、。：；（「] | [、。：；）」（]"),
        ("another word for a concept than that of the glossary", OTHER_TERMS.pattern),
        ("a blank at an end, or two", "^ | $|  "),
    ],
)
def test_none_has(fault: str, pattern: str) -> None:
    assert where(lambda name, en, ja: found(pattern, ja)) == {}, fault


def test_explanations_are_polite_and_everything_else_is_plain() -> None:
    """Methods and meanings are sentences to the reader; titles, labels, reasons and clauses are not."""

    def broken(name: str, en: str, ja: str) -> list[str]:
        last = name.rsplit(".", 1)[-1]
        if name.startswith("ait ") and last in IN_SENTENCES:
            return [s for s in sentences(ja) if not POLITE.search(s)]
        return [s for s in sentences(ja) if POLITE.search(s)] if not name.startswith("phrase") else []

    assert where(broken) == {}


def test_no_phrase_mixes_both_styles() -> None:
    def mixed(name: str, en: str, ja: str) -> bool:
        return name.startswith("phrase") and len({bool(POLITE.search(s)) for s in sentences(ja)}) > 1

    assert where(mixed) == {}


def test_reasons_of_limits_end_as_reasons() -> None:
    reasons = [ja for name, _, ja in ALL if name.endswith(".because")]
    assert len(reasons) > 40 and all(re.search("ため(（.*）)?$", r) for r in reasons)


def test_each_unit_has_a_word() -> None:
    manifests = [e.manifest for e in CATALOGUE.aits.values() if e.manifest]
    assert {m.unit for manifest in manifests for m in manifest.measures.values()} <= terms.UNITS.keys()
