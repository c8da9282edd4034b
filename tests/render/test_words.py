"""Words: complete in both languages, all used, none that promises."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter
from typing import get_args, get_type_hints

import pytest

from qmtestbed.ait import FINDING_KINDS, Samples
from qmtestbed.render import ait_phrases, phrases, phrases_compared, site_phrases, terms
from qmtestbed.render.words import CHANGE_SIGNS, CODES, SYMBOLS, TABLES, Words
from qmtestbed.types import assessment as a
from qmtestbed.types.comparison import How, Shown
from qmtestbed.types.job import JobKind
from qmtestbed.types.manifest import Quality
from qmtestbed.types.record import Status

SOURCES = Path(phrases.__file__).parent
JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
SAME_IN_BOTH = {"subject.pair", "role.id", "waived.and"}


def fields(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_both_tables_have_the_same_keys_and_the_same_places_for_values() -> None:
    assert TABLES["en"].keys() == TABLES["ja"].keys()
    for key, text in TABLES["en"].items():
        assert fields(text) == fields(TABLES["ja"][key]), key


def test_no_key_stands_in_two_tables() -> None:
    tables = [phrases.PAGE, phrases.HEADLINES, phrases.WAIVERS, phrases.FAILURES, phrases.REQUIREMENTS, phrases.CHECKS]
    tables += [phrases.APPENDIX, phrases.TEMPLATES, phrases_compared.COMPARED, terms.STATES, terms.KINDS]
    tables += [site_phrases.SITE, site_phrases.BADGE, site_phrases.COMMENT, ait_phrases.AIT]
    assert len({k for t in tables for k in t}) == sum(map(len, tables))


def test_every_text_is_there_and_in_its_language() -> None:
    for key in (k for k in TABLES["en"] if not k.startswith("mark.")):
        assert TABLES["en"][key].strip() and not JAPANESE.search(TABLES["en"][key]), key
        assert key in SAME_IN_BOTH or JAPANESE.search(TABLES["ja"][key]), key


def test_japanese_uses_its_own_punctuation() -> None:
    for key, text in TABLES["ja"].items():
        assert not re.search("[\u3040-\u30ff\u4e00-\u9fff][,.:;()!?]", text), key
        assert not re.search("です(?!。)|ます(?![。）が])", text), key


def test_the_words_of_verdicts_never_promise() -> None:
    for text in [*TABLES["en"].values(), *TABLES["ja"].values()]:
        assert not re.search(r"complian|certif|guarantee|適合して|認証|保証|準拠して", text, re.IGNORECASE)


def test_every_verdict_state_and_kind_has_a_word() -> None:
    verdicts = {
        *(
            v
            for t in (a.Verdict, a.RunVerdict, a.CheckVerdict, a.PartState, a.RequirementVerdict, a.LevelVerdict)
            for v in get_args(t)
        ),
        *get_args(a.Standing),
        *get_args(get_type_hints(a.WaiverState)["state"]),
    }
    assert verdicts == SYMBOLS.keys()
    table = TABLES["en"]
    assert {f"verdict.{v}" for v in verdicts} == {k for k in table if k.startswith("verdict.")}
    assert {f"finding.{k}" for k in FINDING_KINDS} == {k for k in table if k.startswith("finding.")}
    assert {f"status.{s}" for s in (*get_args(Status), "no_record")} == {k for k in table if k.startswith("status.")}
    assert {f"quality.{q}" for q in get_args(Quality)} == {k for k in table if k.startswith("quality.")}
    assert {f"record.kind.{k}" for k in get_args(JobKind)} == {k for k in table if k.startswith("record.kind.")}
    for prefix, kinds in (("change", a.Change), ("difference", a.DifferenceKind), ("how", How), ("shown", Shown)):
        assert {f"{prefix}.{k}" for k in get_args(kinds)} <= table.keys()
    assert {f"how.meaning.{k}" for k in get_args(How)} <= table.keys() and set(
        get_args(a.Change)
    ) == CHANGE_SIGNS.keys()
    assert {f"{prefix}.{s}" for prefix in ("samples", "sample") for s in get_args(Samples)} <= table.keys()
    assert {f"headline.level.{v}" for v in get_args(a.LevelVerdict)} <= table.keys()
    assert {f"require.{r}" for r in get_args(a.Require)} == {k for k in table if k.startswith("require.")}
    assert {f"waiver.{s}" for s in get_args(get_type_hints(a.WaiverState)["state"])} <= table.keys()


def test_every_key_is_used(template) -> None:
    texts = [
        p.read_text()
        for p in (*SOURCES.glob("*.py"), *template.parent.glob("*/*.j2"))
        if p.stem not in ("ait_phrases", "phrases", "phrases_compared", "site_phrases", "terms")
    ]
    used = set(re.findall(r"""["']([a-z_]+(?:\.[a-z_]+)*)["']""", " ".join(texts)))
    made = (
        "verdict.",
        "status.",
        "finding.",
        "quality.",
        "role.",
        "mark.",
        "record.kind.",
        "headline.level.",
        "meaning.",
    )
    made += ("change.", "shown.", "how.", "difference.")
    made += ("part.", "against.", "level.external", "level.internal", "headline.measured", "headline.declared")
    made += (
        "require.",
        "badge.",
        "comment.",
        "ait.better.",
        "answer.",
        "samples.",
        "sample.",
        *(f"waiver.{s}" for s in get_args(get_type_hints(a.WaiverState)["state"])),
    )
    made += ("waived.not_met", "waived.undetermined", "main.", "step.", "site.criteria.")
    unused = {k for k in TABLES["en"] if k.removesuffix(".one") not in used and not k.startswith(made)}
    assert unused == set()


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        Words("en")("no such word")


def test_counted_phrases_and_large_numbers() -> None:
    w = Words("en")
    assert [w.count("n_rows", n) for n in (0, 1, 2, 12_345)] == ["0 rows", "1 row", "2 rows", "12,345 rows"]
    assert Words("ja").count("n_rows", 1) == "1 行"


def test_each_japanese_verdict_bears_its_code_and_no_english_one_does() -> None:
    ja, en = Words("ja"), Words("en")
    judged = {v for t in (a.Verdict, a.PartState, a.RequirementVerdict, a.LevelVerdict) for v in get_args(t)}
    assert judged == CODES.keys() == {*get_args(a.CheckVerdict), *judged} - {"reported"}
    for verdict, code in CODES.items():
        assert ja(f"verdict.{verdict}").endswith(f"（{code}）")
        assert code not in en(f"verdict.{verdict}")
    shown = [ja(f"verdict.{v}") for v in ("met", "not_met", "undetermined", "not_applicable", "reported")]
    assert shown == ["達成（OK）", "未達（NG）", "判定不能（ERR）", "適用対象外（NA）", "参考値"]


def test_a_key_that_is_a_word_of_an_ait_stands_beside_its_japanese() -> None:
    assert [Words(x).key("all rows") for x in ("en", "ja")] == ["all rows", "全行（all rows）"]
    assert Words("ja").key("target=c") == "target=c"


def test_marks_between_parts_are_those_of_the_language() -> None:
    en, ja = Words("en"), Words("ja")
    assert (en.named("a", "b"), en.inside("c"), en.listed("de")) == ("a: b", " (c)", "d, e")
    assert (ja.named("a", "b"), ja.inside("c"), ja.listed("de")) == ("a：b", "（c）", "d、e")


def test_units_have_a_word_in_japanese_and_unknown_ones_stay() -> None:
    assert [Words("ja").unit(u) for u in ("ratio", "furlongs")] == ["割合", "furlongs"]
    assert Words("en").unit("ratio") == "ratio"
