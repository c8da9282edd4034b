"""Every guideline that ships: without a fault, in both languages, and with the ids that the reference names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from qmtestbed.catalogue import Catalogue
from qmtestbed.types.guideline import Guideline
from qmtestbed.types.text import Text

FILES = sorted((Path(__file__).parents[2] / "guidelines").glob("*/*.yaml"))
NAMES = {"mlqm@3", "iso-5259-2@2024", "eu-ai-act@2024-1689", "nist-ai-rmf@1.0", "plant-safety@2"}
ISO = {
    "Acc": 7, "Com": 5, "Con": 4, "Cre": 4, "Cur": 2, "Acs": 3, "Cmp": 1, "Eff": 3, "Pre": 1, "Tra": 3, "Und": 4,
    "Ava": 1, "Por": 2, "Rec": 2, "Aud": 2, "Bal": 8, "Div": 3, "Eft": 3, "Idn": 1, "Rel": 2, "Rep": 1, "Sim": 3,
    "Tml": 1,
}  # fmt: skip
CONFIRMED = {f"Acc-ML-{n}" for n in (1, 2, 6)} | {f"Com-ML-{n}" for n in range(1, 6)}
CONFIRMED |= {"Con-ML-1", "Con-ML-3", "Con-ML-4", "Cur-ML-1", "Cur-ML-2"}
SAME_DEFINITION = {
    "Com-ML-1": "data_completeness.value_completeness",
    "Com-ML-2": "data_completeness.value_occurrence",
    "Com-ML-3": "data_completeness.feature_completeness",
    "Com-ML-4": "data_completeness.record_completeness",
    "Com-ML-5": "data_completeness.label_completeness",
    "Con-ML-1": "record_duplicates.duplicate_share",
    "Con-ML-2": "label_conflicts.label_consistency",
    "Cur-ML-1": "currentness.feature_currentness",
    "Cur-ML-2": "currentness.record_currentness",
    "Idn-ML-1": "reidentification_risk.unique_share",
}
ARTICLES = [f"10(2)({x})" for x in "abcdefgh"] + ["10(3)", "10(4)", "10(5)", "15(1)", "15(3)", "15(4)", "15(5)"]
USE_CASES = ["pipe_thickness", "pipe_images", "equipment_deterioration", "abnormality", "operation"]


@pytest.fixture(scope="module")
def shipped(catalogue: Catalogue) -> dict[str, Guideline]:
    found = {name: catalogue.guideline(name).guideline for name in catalogue.guidelines}
    return {name: g for name, g in found.items() if g is not None}


def test_these_ship(shipped: dict[str, Guideline]) -> None:
    assert set(shipped) == NAMES


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}@{p.stem}")
def test_nothing_is_wrong_with_it(path: Path, catalogue: Catalogue) -> None:
    assert catalogue.check_guideline(path) == ()


def texts(value: Any) -> Iterator[Text]:
    if isinstance(value, Text):
        yield value
    elif is_dataclass(value):
        yield from (text for field in fields(value) for text in texts(getattr(value, field.name)))
    elif isinstance(value, dict):
        yield from (text for item in value.values() for text in texts(item))
    elif isinstance(value, tuple):
        yield from (text for item in value for text in texts(item))


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_text_is_in_both_languages(shipped: dict[str, Guideline], name: str) -> None:
    found = list(texts(shipped[name]))
    assert len(found) > 2 * len(shipped[name].requirements)
    for text in found:
        assert text.en.strip() and text.en.isascii(), text
        assert text.ja and re.search(r"[ぁ-んァ-ヶ一-龠]", text.ja), text
        assert not re.search(r"[^\x00-\x7f]\s+[^\x00-\x7f]", text.ja), text
    titles = Counter(r.title.of(language) for r in shipped[name].requirements.values() for language in ("en", "ja"))
    assert max(titles.values()) == 1


@pytest.mark.parametrize("name", sorted(NAMES))
def test_it_says_its_source_and_what_it_leaves_out(shipped: dict[str, Guideline], name: str) -> None:
    guideline = shipped[name]
    assert guideline.source.date and guideline.source.publisher
    assert re.search("Left out|Not encoded", guideline.note.en) and "収録しない" in (guideline.note.ja or "")


def test_related_clauses_name_one_another(shipped: dict[str, Guideline]) -> None:
    """A profile's clauses relate to their originals, which do not know of it."""
    whole = {n: g for n, g in shipped.items() if g.extends is None}
    pairs = {(f"{n}:{id}", other) for n, g in whole.items() for id, r in g.requirements.items() for other in r.relates}
    assert len(pairs) > 50
    assert pairs == {(b, a) for a, b in pairs}


def test_measures_of_iso_5259_2(shipped: dict[str, Guideline]) -> None:
    iso = shipped["iso-5259-2@2024"]
    assert list(iso.requirements) == [f"{c}-ML-{n}" for c, count in ISO.items() for n in range(1, count + 1)]
    assert len(iso.requirements) == 66
    assert [(k, len(d.requirements)) for k, d in iso.dimensions.items()] == [(f"{c}-ML", n) for c, n in ISO.items()]
    assert all(len(r.needs) == 1 for r in iso.requirements.values())
    assert Counter(r.needs[0] for r in iso.requirements.values()) == {"measured": 37, "declared": 29}
    informed = {id: r.informed_by for id, r in iso.requirements.items() if r.informed_by}
    assert informed == {id: ((by,),) for id, by in SAME_DEFINITION.items()}
    assert not iso.has_targets


def test_what_is_unverified_says_so_item_by_item(shipped: dict[str, Guideline]) -> None:
    marks = {id: r.unverified for id, r in shipped["iso-5259-2@2024"].requirements.items()}
    assert all(marks.values())
    assert {id for id, mark in marks.items() if mark and "two secondary" in mark.en} == CONFIRMED
    assert [id for id, mark in marks.items() if mark and "disagree" in mark.en] == ["Con-ML-2"]
    for name in ("eu-ai-act@2024-1689", "nist-ai-rmf@1.0"):
        assert all(r.unverified for r in shipped[name].requirements.values())
    external = [d for d in shipped["plant-safety@2"].dimensions.values() if d.kind == "external"]
    assert all(d.unverified for d in external)
    assert not any(r.unverified for r in shipped["mlqm@3"].requirements.values())


def test_articles_of_the_ai_act_and_subcategories_of_the_rmf(shipped: dict[str, Guideline]) -> None:
    assert list(shipped["eu-ai-act@2024-1689"].requirements) == ARTICLES
    assert list(shipped["nist-ai-rmf@1.0"].requirements) == [f"MEASURE-2.{n}" for n in range(3, 14)]
    # Poisoning, evasion and confidentiality are more than any set of AITs measures.
    assert shipped["eu-ai-act@2024-1689"].requirements["15(5)"].informed_by == ()


def test_plant_safety_is_a_profile_over_mlqm(shipped: dict[str, Guideline]) -> None:
    plant, mlqm = shipped["plant-safety@2"], shipped["mlqm@3"]
    external = {k: d for k, d in plant.dimensions.items() if d.kind == "external"}
    assert list(external) == [f"{case}_{side}" for case in USE_CASES for side in ("risk", "performance")]
    for key, d in external.items():
        of = "risk_avoidance" if key.endswith("_risk") else "performance"
        assert (d.levels_of, d.chains) == (of, mlqm.dimensions[of].chains)
        assert d.code == f"{USE_CASES.index(key.rpartition('_')[0]) + 1}-{mlqm.dimensions[of].code}"
    assert {k: d for k, d in plant.dimensions.items() if d.kind == "internal"} == {
        k: d for k, d in mlqm.dimensions.items() if d.kind == "internal"
    }
    assert list(plant.requirements) == list(mlqm.requirements)
    for id, requirement in plant.requirements.items():
        assert requirement.relates[0] == f"mlqm@3:{id}"
        assert requirement.informed_by == mlqm.requirements[id].informed_by
