"""Qunomon's JSON form: each quirk is put right and told; what the form can hold survives there and back."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qmtestbed.catalogue import Catalogue
from qmtestbed.errors import ContentError, InputError
from qmtestbed.guidelines.qunomon_export import export_qunomon, write_exported
from qmtestbed.guidelines.qunomon_import import Imported, import_qunomon, number_of, write_imported
from qmtestbed.types.guideline import Guideline

AIST = Path(__file__).parents[3] / "shared" / "data" / "qunomon" / "aiqm_guideline_schema.json"
SMALL: dict[str, Any] = {
    "quality_dimensions": [
        {
            "id": "EXT1", "name": "Safety", "description": "No harm.\n", "sub_dimensions": ["INT1"],
            "levels": [
                {"id": "S-0", "description": "none", "level": 0},
                {"id": "S-1", "description": "some", "level": 1, "requirements": ["Q-E1", "Q-S1"]},
                {"id": "S-2", "description": "much", "level": 2, "requirements": ["Q-E2", "Q-S1"]},
            ],
        },
        {"id": "EXT2", "name": "Security", "description": "No levels."},
        {
            "id": "INT1", "name": "Data", "measurements": [],
            "levels": [
                {"id": "Q-E1", "name": "E1", "level": 1, "level_requirements": ["Q-E1-1"]},
                {"id": "Q-E2", "name": "E2", "level": 2, "level_requirements": ["Q-E1-1", "Q-E2-1"]},
                {"id": "Q-S1", "name": "S1", "level": 1, "level_requirements": ["Q-S1-1"]},
            ],
        },
    ],
    "measurements": [],
    "level_requirements": [
        {"id": "Q-E1-1", "name": "One", "description": "The first."},
        {"id": "Q-E2-1", "name": "Two", "description": "The second."},
        {"id": "Q-S1-1", "name": "Three", "description": "The third."},
    ],
    "meta_info": [
        {"property": "title", "content": "Small guideline"},
        {"property": "publisher", "content": "Somebody"},
        {"property": "date", "term": "issued", "content": "2026-01-01"},
        {"property": "identifier", "content": "https://example.org/"},
    ],
}  # fmt: skip
NEEDS = "what evidence requirements need is not in this form"


def read(body: dict[str, Any]) -> Imported:
    return import_qunomon(json.dumps({"guideline": body}).encode(), "small.json", "small", "1")


def changed(change: Callable[[dict[str, Any]], object]) -> Imported:
    body = copy.deepcopy(SMALL)
    change(body)
    return read(body)


def levels(body: dict[str, Any], dimension: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body["quality_dimensions"][dimension]["levels"]
    return found


def shape(guideline: Guideline) -> Any:
    return [
        (key, d.kind, [[(x.id, x.asks, x.requirements) for x in chain] for chain in d.chains])
        for key, d in guideline.dimensions.items()
    ]


def test_a_regular_file_is_read_whole() -> None:
    found = read(SMALL)
    assert shape(found.guideline) == [
        ("EXT1", "external", [[("S-0", (), ()), ("S-1", ("Q-E1", "Q-S1"), ()), ("S-2", ("Q-E2", "Q-S1"), ())]]),
        ("EXT2", "external", []),
        ("INT1", "internal", [
            [("Q-E1", (), ("Q-E1-1",)), ("Q-E2", (), ("Q-E2-1",))],
            [("Q-S1", (), ("Q-S1-1",))],
        ]),
    ]  # fmt: skip
    guideline = found.guideline
    assert (guideline.name, guideline.title.en) == ("small@1", "Small guideline")
    source = guideline.source
    assert (source.publisher, source.date, source.url) == ("Somebody", "2026-01-01", "https://example.org/")
    assert guideline.requirements["Q-E2-1"].summary.en == "The second."
    assert all(r.needs == ("measured", "declared") for r in guideline.requirements.values())
    assert len(found.repairs) == 2 and found.repairs[0].startswith("left out: sub_dimensions")
    assert found.repairs[1].startswith(NEEDS)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda b: levels(b, 2)[1].update(requirements=levels(b, 2)[1].pop("level_requirements")),
         "Q-E2: its requirements stand under 'requirements'"),
        (lambda b: levels(b, 0)[0].update(requirements=[]), ""),
        (lambda b: [x.update(level=x["level"] + 1) for x in levels(b, 0)], "S-0: is numbered 1"),
        (lambda b: levels(b, 0)[1]["requirements"].append("Q-X9"), "S-1: asks for Q-X9, which are no levels"),
        (lambda b: levels(b, 2)[0]["level_requirements"].append("Q-X9-1"), "Q-E1: names Q-X9-1"),
        (lambda b: levels(b, 2)[1]["level_requirements"].remove("Q-E1-1"), "Q-E2: does not name Q-E1-1"),
        (lambda b: b["level_requirements"].append({"id": "Q-E1-1", "name": "Again"}), "a second 'Q-E1-1'"),
        (lambda b: b["quality_dimensions"][0].update(sub_dimensions=["INT1", "INT7"]), "EXT1: sub_dimensions and"),
        (lambda b: b.update(scopes=[{"name": "all"}]), "left out: scopes (1)"),
        (lambda b: b.update(extra=1), "left out: the unknown key 'extra'"),
        (lambda b: levels(b, 2)[0].update(description="first"), "left out: names of levels"),
    ],
)  # fmt: skip
def test_each_quirk_is_put_right_and_told(change: Callable[[dict[str, Any]], object], told: str) -> None:
    found, regular = changed(change), read(SMALL)
    assert shape(found.guideline) == shape(regular.guideline)
    news = [line for line in found.repairs if line not in regular.repairs]
    assert any(told in line for line in news) if told else not news


def test_japanese_stands_for_english_too() -> None:
    title = changed(lambda b: b["level_requirements"][0].update(name="要求事項")).guideline.requirements["Q-E1-1"].title
    assert title.en == title.ja == "要求事項"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"{", "is no JSON"),
        (b"[]", "there is no object 'guideline'"),
        (b'{"guideline": {"quality_dimensions": {}}}', "quality_dimensions is not a list"),
        (b'{"guideline": {"quality_dimensions": [{"name": "x"}]}}', "an entry has no id"),
        (b'{"guideline": {"level_requirements": ["x"]}}', "an entry has no id"),
    ],
)
def test_what_is_no_such_file_is_refused(content: bytes, what: str) -> None:
    with pytest.raises(ContentError, match=what):
        import_qunomon(content, "x.json", "small", "1")


@pytest.mark.parametrize(("id", "edition"), [("../up", "1"), ("small", "../1"), ("Small", "1"), ("small", "")])
def test_an_id_that_is_none_is_refused(id: str, edition: str) -> None:
    with pytest.raises(ContentError, match="must match"):
        import_qunomon(json.dumps({"guideline": SMALL}).encode(), "x.json", id, edition)


def test_the_number_of_a_level() -> None:
    assert [number_of(x) for x in ("AISL-0.1", "A-1-L3", "B-2-LE2", "high")] == [0.1, 3, 2, None]


@pytest.mark.parametrize("name", ["mlqm@3", "iso-5259-2@2024", "plant-safety@2", "small@1"])
def test_what_the_form_holds_survives_there_and_back(name: str, catalogue: Catalogue) -> None:
    """Read, written and read again it is the same; so is, but for codes as names, the shape of every guideline."""
    guideline = read(SMALL).guideline if name == "small@1" else catalogue.guideline(name).guideline
    assert guideline is not None
    first = import_qunomon(json.dumps(export_qunomon(guideline, "en").data).encode(), "small.json", "x", "1").guideline
    again = export_qunomon(first, "en").data
    assert import_qunomon(json.dumps(again).encode(), "small.json", "x", "1").guideline == first
    asks = {x.id: x.asks for d in guideline.dimensions.values() for chain in d.chains for x in chain}
    assert {
        x.id: x.asks for d in first.dimensions.values() for chain in d.chains for x in chain if x.id in asks
    } == asks
    assert {id: (r.title.en, r.summary.en) for id, r in first.requirements.items()} == {
        id: (r.title.en, r.summary.en) for id, r in guideline.requirements.items()
    }
    held = {r for d in first.dimensions.values() for chain in d.chains for x in chain for r in x.requirements}
    assert held == set(guideline.requirements)


def test_a_regular_file_comes_back_as_it_was() -> None:
    """Left out are only what import tells of, and what is empty."""
    body = export_qunomon(read(SMALL).guideline, "en").data["guideline"]
    expected = copy.deepcopy(SMALL)
    del expected["quality_dimensions"][0]["sub_dimensions"], expected["quality_dimensions"][2]["measurements"]
    expected["quality_dimensions"][0]["description"] = "No harm."
    expected["quality_dimensions"][1]["levels"] = []
    levels(expected, 0)[0]["requirements"] = []
    for level in levels(expected, 2):
        level["description"] = level.pop("name")
    assert body == {"scopes": [], **expected}


def test_what_the_form_can_not_hold_is_said(catalogue: Catalogue) -> None:
    mlqm, plant = (catalogue.guideline(n).guideline for n in ("mlqm@3", "plant-safety@2"))
    assert mlqm is not None and plant is not None
    lost = export_qunomon(mlqm, "ja").lost
    assert "what evidence a requirement needs (38)" in lost and "texts in the other language than 'ja'" in lost
    assert "AITs that inform a requirement (14)" in lost
    assert any("profile of mlqm@3" in line for line in export_qunomon(plant, "en").lost)


def test_files_are_written_once_and_pass_the_check(tmp_path: Path) -> None:
    source = tmp_path / "small.json"
    source.write_text(json.dumps({"guideline": SMALL}), "utf-8")
    target, imported = write_imported(source, "small", "1", tmp_path)
    installed = Catalogue(guidelines=[tmp_path])
    assert installed.check_guideline(target) == ()
    assert installed.guideline("small@1").guideline == imported.guideline
    before = target.read_bytes()
    with pytest.raises(InputError, match="such a file already"):
        write_imported(source, "small", "1", tmp_path)
    with pytest.raises(InputError, match="such a file already"):
        write_exported(imported.guideline, "en", source)
    assert target.read_bytes() == before
    with pytest.raises(ContentError, match="can't be read"):
        write_imported(tmp_path / "none.json", "small", "2", tmp_path)


def test_the_real_file_has_the_levels_and_requirements_of_ours(catalogue: Catalogue) -> None:
    if not AIST.is_file():
        pytest.skip(f"AIST's file is not beside this checkout: {AIST}")
    theirs, mlqm = import_qunomon(AIST.read_bytes(), AIST.name, "mlqm", "q3"), catalogue.guideline("mlqm@3").guideline
    assert mlqm is not None
    assert [(kind, chains) for _, kind, chains in shape(theirs.guideline)] == [
        (kind, chains) for _, kind, chains in shape(mlqm)
    ]
    said = "\n".join(theirs.repairs)
    assert said.count("stand under 'requirements'") == 8 and said.count("is numbered") == 3
