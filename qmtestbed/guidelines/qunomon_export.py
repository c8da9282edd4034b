"""Our guidelines in the JSON form of AIST's Qunomon, and what that form can't hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qmtestbed.guidelines.qunomon_import import number_of, refuse_to_overwrite
from qmtestbed.types.guideline import Dimension, Guideline, Level
from qmtestbed.types.text import Language


@dataclass(frozen=True)
class Exported:
    """The guideline as JSON values, and what is not in it."""

    data: dict[str, Any]
    lost: tuple[str, ...]


def export_qunomon(guideline: Guideline, language: Language) -> Exported:
    """Write a guideline, completed, in one language.

    Reading the result again gives its dimensions, levels, asks and requirements, with the same ids, order and texts.
    """
    dimensions = [_dimension(d, guideline, language) for d in guideline.dimensions.values()]
    body = {
        "scopes": [],
        "quality_dimensions": dimensions,
        "measurements": [],
        "level_requirements": [
            {"id": id, "name": r.title.of(language), "description": r.summary.of(language)}
            for id, r in guideline.requirements.items()
        ],
        "meta_info": list(_meta(guideline, language)),
    }
    return Exported({"guideline": body}, tuple(_lost(guideline, language)))


def _meta(guideline: Guideline, language: Language) -> Iterator[dict[str, str]]:
    source = guideline.source
    yield {"property": "title", "content": guideline.title.of(language)}
    yield {"property": "publisher", "content": source.publisher}
    if source.date:
        yield {"property": "date", "term": "issued", "content": source.date}
    if source.url:
        yield {"property": "identifier", "content": source.url}


def _dimension(d: Dimension, guideline: Guideline, language: Language) -> dict[str, Any]:
    described = {"id": d.code, "name": d.title.of(language)}
    if d.summary:
        described["description"] = d.summary.of(language)
    chains = d.chains or (((Level(f"{d.code}-1", requirements=d.requirements),),) if d.requirements else ())
    write = _external if d.kind == "external" else _internal
    return {**described, "levels": [x for chain in chains for x in write(chain, language)]}


def _external(chain: tuple[Level, ...], language: Language) -> Iterator[dict[str, Any]]:
    for place, level in enumerate(chain, 1):
        yield {**_level(level, place, language), "requirements": list(level.asks)}


def _internal(chain: tuple[Level, ...], language: Language) -> Iterator[dict[str, Any]]:
    held: list[str] = []
    for place, level in enumerate(chain, 1):
        held += level.requirements
        yield {**_level(level, place, language), "level_requirements": list(held)}


def _level(level: Level, place: int, language: Language) -> dict[str, Any]:
    number = number_of(level.id)
    described = {"id": level.id, **({"description": level.title.of(language)} if level.title else {})}
    return {**described, "level": place if number is None else number}


def _lost(guideline: Guideline, language: Language) -> Iterator[str]:
    requirements, dimensions = guideline.requirements.values(), guideline.dimensions.values()
    marks = [*(r.unverified for r in requirements), *(d.unverified for d in dimensions)]
    counted = {
        "what evidence a requirement needs": len(requirements),
        "AITs that inform a requirement": sum(bool(r.informed_by) for r in requirements),
        "related clauses of other guidelines": sum(bool(r.relates) for r in requirements),
        "marks of what is unverified": sum(mark is not None for mark in marks),
        "names of qualities as a plan has them": sum(k != d.code for k, d in guideline.dimensions.items()),
        "qualities without levels: each is given one": sum(bool(d.requirements) for d in dimensions),
    }
    yield "its id and edition, the note on what it leaves out, and the title of its source"
    yield f"texts in the other language than {language!r}"
    if guideline.extends:
        yield f"that it is a profile of {guideline.extends}: what it takes from there is written out"
    for what, n in counted.items():
        if n:
            yield f"{what} ({n})"


def write_exported(guideline: Guideline, language: Language, path: Path) -> Exported:
    """Write a guideline to a JSON file; :class:`InputError` if it is there already."""
    refuse_to_overwrite(path)
    exported = export_qunomon(guideline, language)
    path.write_text(json.dumps(exported.data, ensure_ascii=False, indent=2) + "\n", "utf-8")
    return exported
