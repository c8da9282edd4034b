"""The third edition of MLQM as encoded in ``guidelines/mlqm/3.yaml``.

Three oracles: tables typed here from ``reference/guidelines.md``, the counts that the contracts state, and, where the
checkout has it beside it, the file of that edition which AIST publishes with Qunomon.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from qmtestbed.types.codec import decode, encode
from qmtestbed.types.guideline import Guideline, Level
from qmtestbed.types.text import Text

FILE = Path(__file__).parents[2] / "guidelines" / "mlqm" / "3.yaml"
AIST = Path(__file__).parents[3] / "shared" / "data" / "qunomon" / "aiqm_guideline_schema.json"

INTERNAL = ("A-1", "A-2", "B-1", "B-2", "B-3", "C-1", "C-2", "D-1", "E-1")
CODES = {"risk_avoidance": "EXT1", "fairness": "EXT2", "performance": "EXT3", "privacy": "EXT4", "security": "EXT5"}
EXTERNAL_LEVELS = {
    "risk_avoidance": ["AISL-0", "AISL-0.1", "AISL-0.2", "AISL-1", "AISL-2", "AISL-3", "AISL-4"],
    "fairness": ["AIFL-0", "AIFL-1", "AIFL-2"],
    "performance": ["AIPL-0", "AIPL-1", "AIPL-2"],
    "privacy": ["AIPrL-0", "AIPrL-1", "AIPrL-2"],
    "security": [],
}
# One row per external level, one column per internal quality in the order of INTERNAL; "-" asks nothing.
ASKS = {
    "AISL-0.1": "L1 L1 L1 LS1 L1 L1 L1 L1 L1",
    "AISL-0.2": "L2 L2 L2 LS2 L2 L2 L2 L2 L2",
    "AISL-1": "L3 L3 L3 LS2 L3 L3 L3 L3 L3",
    "AIFL-1": "L1 L1 L2 LE1 L1 L1 L1 L1 L2",
    "AIFL-2": "L2 L2 L3 LE2 L2 L2 L2 L2 L3",
    "AIPL-1": "L1 L1 L1 LE1 - L1 L1 L1 L1",
    "AIPL-2": "L2 L2 L2 LE2 - L2 L2 L2 L2",
}
NO_REQUIREMENTS = {"AISL-0", "AISL-2", "AISL-3", "AISL-4", "AIFL-0", "AIPL-0", "AIPrL-0", "AIPrL-1", "AIPrL-2"}
DECLARED_ONLY = {
    *("A-1-L1-1", "A-1-L2-1", "A-1-L3-1"),
    *("B-3-L1-1", "B-3-L1-2", "B-3-L1-3", "B-3-L1-4", "B-3-L2-1", "B-3-L2-2", "B-3-L2-3", "B-3-L2-5"),
    *("B-3-L3-1", "B-3-L3-2", "B-3-L3-3"),
    *("C-1-L3-1", "D-1-L1-1", "E-1-L1-1"),
}
MEASURED_ONLY = {"B-1-L2-1", "B-2-LE2-1", "C-2-L2-1"}
COVERAGE = (("attribute_coverage",),)
INFORMED_BY = {
    "A-2-L1-1": COVERAGE,
    "A-2-L2-1": COVERAGE,
    "A-2-L3-1": COVERAGE,
    "B-1-L1-1": (("attribute_coverage", "record_duplicates"),),
    "B-1-L2-1": (("expected_distribution",),),
    "B-2-LE1-1": (("data_completeness", "record_duplicates", "case_sufficiency"),),
    "B-2-LE2-1": (("expected_distribution",),),
    "B-3-L2-6": (("feature_importance",),),
    "C-1-L1-1": (("classification_performance",), ("regression_performance",)),
    "C-1-L2-1": (
        ("classification_performance", "noise_stability"),
        ("classification_performance", "image_corruptions"),
        ("regression_performance", "noise_stability"),
    ),
    "C-2-L1-1": (("noise_stability",), ("image_corruptions",)),
    "C-2-L2-1": (("adversarial_gradient",), ("adversarial_blackbox",), ("noise_stability",)),
    "C-2-L3-1": (("certified_smoothing",), ("verified_bounds",)),
    "D-1-L2-1": (("numeric_equivalence.deployed_disagreement",),),
}


@pytest.fixture(scope="module")
def raw() -> Any:
    """The file as YAML gives it, by the fast loader."""
    return yaml.load(FILE.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


@pytest.fixture(scope="module")
def mlqm(raw: Any) -> Guideline:
    """The file, decoded; a fault of shape fails every test."""
    return decode(Guideline, raw)


@pytest.fixture(scope="module")
def aist() -> Mapping[str, Any]:
    """AIST's own file, where it lies beside the checkout."""
    if not AIST.is_file():
        pytest.skip(f"AIST's file is not beside this checkout: {AIST}")
    guideline: Mapping[str, Any] = json.loads(AIST.read_text(encoding="utf-8"))["guideline"]
    return guideline


def levels(mlqm: Guideline, kind: str) -> Iterator[Level]:
    """Every level of the external or of the internal dimensions."""
    for dimension in mlqm.dimensions.values():
        if dimension.kind == kind:
            for chain in dimension.chains:
                yield from chain


def texts(value: Any, path: str = "") -> Iterator[tuple[str, Text]]:
    """Every text in two languages, and where it stands."""
    if isinstance(value, Text):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts(item, f"{path}/{key}")
    elif isinstance(value, tuple):
        for position, item in enumerate(value):
            yield from texts(item, f"{path}/{position}")
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from texts(getattr(value, name), f"{path}/{name}")


def test_identity(mlqm: Guideline) -> None:
    assert mlqm.name == "mlqm@3"
    assert mlqm.source.date == "2022-08-02"
    assert "AIST" in mlqm.source.publisher


def test_encoded_guideline_decodes_to_an_equal_one(mlqm: Guideline) -> None:
    assert decode(Guideline, encode(mlqm)) == mlqm


def test_external_dimensions_and_their_levels(mlqm: Guideline) -> None:
    external = {key: d for key, d in mlqm.dimensions.items() if d.kind == "external"}
    assert {key: d.code for key, d in external.items()} == CODES
    assert {key: [level.id for chain in d.chains for level in chain] for key, d in external.items()} == EXTERNAL_LEVELS
    assert [len(external[key].chains) for key in CODES] == [1, 1, 1, 1, 0]
    assert not any(level.requirements for level in levels(mlqm, "external"))


def test_internal_dimensions_and_their_chains(mlqm: Guideline) -> None:
    internal = {key: d for key, d in mlqm.dimensions.items() if d.kind == "internal"}
    assert tuple(internal) == INTERNAL
    assert all(d.code == key for key, d in internal.items())
    chains = {key: [[level.id for level in chain] for chain in d.chains] for key, d in internal.items()}
    assert chains.pop("B-2") == [["B-2-LE1", "B-2-LE2"], ["B-2-LS1", "B-2-LS2"]]
    assert chains == {key: [[f"{key}-L1", f"{key}-L2", f"{key}-L3"]] for key in INTERNAL if key != "B-2"}
    assert not any(level.asks for level in levels(mlqm, "internal"))


def test_every_level_id_is_unique(mlqm: Guideline) -> None:
    ids = Counter(level.id for kind in ("external", "internal") for level in levels(mlqm, kind))
    assert {id_: n for id_, n in ids.items() if n > 1} == {}


def test_asks_are_those_of_the_table(mlqm: Guideline) -> None:
    expected: dict[str, tuple[str, ...]] = dict.fromkeys(NO_REQUIREMENTS, ())
    for level, row in ASKS.items():
        cells = zip(INTERNAL, row.split(), strict=True)
        expected[level] = tuple(f"{quality}-{cell}" for quality, cell in cells if cell != "-")
    assert {level.id: level.asks for level in levels(mlqm, "external")} == expected


def test_every_asked_level_exists(mlqm: Guideline) -> None:
    asked = {id_ for level in levels(mlqm, "external") for id_ in level.asks}
    assert asked == {level.id for level in levels(mlqm, "internal")}, "every internal level is asked for by some target"


def test_every_requirement_belongs_to_one_internal_level(mlqm: Guideline) -> None:
    named = Counter(r for level in levels(mlqm, "internal") for r in level.requirements)
    assert named == dict.fromkeys(mlqm.requirements, 1)
    assert all(r.startswith(f"{level.id}-") for level in levels(mlqm, "internal") for r in level.requirements)
    assert all(mlqm.dimension_of(r) == r[:3] for r in mlqm.requirements)


def test_counts(mlqm: Guideline) -> None:
    """The denominators that headlines quote: 38 requirements, 21 measured parts, 35 declared parts."""
    parts = Counter(part for r in mlqm.requirements.values() for part in r.needs)
    assert len(mlqm.requirements) == 38
    assert parts == {"measured": 21, "declared": 35}


def test_needs_are_those_of_the_table(mlqm: Guideline) -> None:
    for id_, requirement in mlqm.requirements.items():
        if id_ in DECLARED_ONLY:
            assert requirement.needs == ("declared",), id_
        elif id_ in MEASURED_ONLY:
            assert requirement.needs == ("measured",), id_
        else:
            assert requirement.needs == ("measured", "declared"), id_
    assert set(mlqm.requirements) >= DECLARED_ONLY | MEASURED_ONLY


def test_informed_by(mlqm: Guideline) -> None:
    """Only AITs of this version are named, and only where there is a measured part to inform."""
    assert {id_: r.informed_by for id_, r in mlqm.requirements.items() if r.informed_by} == INFORMED_BY


def test_missing_measurements_are_stated_not_forgotten(raw: Any) -> None:
    """``informed_by`` stands, if only empty, exactly where a measured part is needed."""
    for id_, requirement in raw["requirements"].items():
        assert ("informed_by" in requirement) == ("measured" in requirement["needs"]), id_


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("A-1-L1", ["A-1-L1-1"]),
        ("A-1-L3", ["A-1-L1-1", "A-1-L2-1", "A-1-L3-1"]),
        ("B-2-LE2", ["B-2-LE1-1", "B-2-LE2-1"]),
        ("B-2-LS2", ["B-2-LS1-1", "B-2-LS2-1"]),
        ("B-3-L1", [f"B-3-L1-{n}" for n in range(1, 5)]),
        ("B-3-L2", [f"B-3-L1-{n}" for n in range(1, 5)] + [f"B-3-L2-{n}" for n in range(1, 7)]),
        (
            "B-3-L3",
            [f"B-3-L1-{n}" for n in range(1, 5)]
            + [f"B-3-L2-{n}" for n in range(1, 7)]
            + [f"B-3-L3-{n}" for n in range(1, 4)],
        ),
    ],
)
def test_levels_are_cumulative_within_their_chain(mlqm: Guideline, level: str, expected: list[str]) -> None:
    assert list(mlqm.requirements_up_to(level)) == expected


def test_every_text_is_in_both_languages(mlqm: Guideline) -> None:
    found = dict(texts(mlqm))
    assert len(found) > 2 * len(mlqm.requirements)
    for where, text in found.items():
        assert text.en.strip() and text.en.isascii(), where
        assert text.ja and re.search(r"[ぁ-んァ-ヶ一-龠]", text.ja), where
        # A space between two Japanese characters is a line of the file folded without its backslash.
        assert not re.search(r"[^\x00-\x7f]\s+[^\x00-\x7f]", text.ja), where


def test_titles_are_short_and_distinct(mlqm: Guideline) -> None:
    titles = [r.title for r in mlqm.requirements.values()]
    assert max(len(t.en) for t in titles) <= 70
    assert max(len(t.ja or "") for t in titles) <= 30
    for language in ("en", "ja"):
        assert max(Counter(t.of(language) for t in titles).values()) == 1


def test_note_says_what_is_left_out(mlqm: Guideline) -> None:
    for word in ("AISL-2", "AISL-4", "AIPrL"):
        assert word in mlqm.note.en and word in (mlqm.note.ja or ""), word
    assert "fourth edition" in mlqm.note.en and "第 4 版" in (mlqm.note.ja or "")


def squeezed(text: str) -> str:
    """The text without white space, so that line breaks hide no copy."""
    return re.sub(r"\s", "", text)


def strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def test_no_sentence_is_copied(mlqm: Guideline, aist: Mapping[str, Any]) -> None:
    """No Japanese sentence of 12 characters or more stands, as it is, anywhere in AIST's file."""
    theirs = "\n".join(squeezed(s) for s in strings(aist))
    names = {mlqm.title.ja, *(d.title.ja for d in mlqm.dimensions.values())}
    ours = [t.ja for _, t in texts(mlqm) if t.ja and t.ja not in names]
    sentences = {squeezed(s) for text in ours for s in text.split("。")}
    assert len(sentences) > 100
    assert [s for s in sentences if len(s) >= 12 and s in theirs] == []


def test_asks_agree_with_aist(mlqm: Guideline, aist: Mapping[str, Any]) -> None:
    theirs = {
        level["id"]: level.get("requirements", [])
        for dimension in aist["quality_dimensions"]
        if dimension["id"].startswith("EXT")
        for level in dimension["levels"]
    }
    assert {level.id: list(level.asks) for level in levels(mlqm, "external")} == theirs


def test_cumulative_requirements_agree_with_aist(mlqm: Guideline, aist: Mapping[str, Any]) -> None:
    theirs = {
        level["id"]: level.get("level_requirements") or level["requirements"]  # the third level has the other key
        for dimension in aist["quality_dimensions"]
        if dimension["id"].startswith("INT")
        for level in dimension["levels"]
    }
    assert {level.id: list(mlqm.requirements_up_to(level.id)) for level in levels(mlqm, "internal")} == theirs
    assert [r["id"] for r in aist["level_requirements"]] == list(mlqm.requirements)
