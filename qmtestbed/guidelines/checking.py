"""What is wrong with a guideline file, each fault at its line.

:func:`structure` holds for the file by itself and for the guideline that it extends; a guideline with such a fault is
not used. :func:`links` looks at what it names elsewhere: AITs, their measures, and clauses of other guidelines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qmtestbed.documents import Document, Place
from qmtestbed.errors import Problem, suggestion
from qmtestbed.types.guideline import Dimension, Guideline, GuidelineRequirement, Informant, Level
from qmtestbed.types.manifest import Manifest

Problems = Iterator[Problem]


def structure(own: Guideline, whole: Guideline, document: Document) -> Problems:
    """Give what is wrong inside a guideline.

    Parameters
    ----------
    own
        As the file has it.
    whole
        With what it takes from the guideline that it extends; ``own`` if it extends none.
    document
        The file, for lines.
    """
    yield from _level_ids(own, whole, document)
    yield from _named_requirements(own, whole, document)
    for key, dimension in own.dimensions.items():
        yield from _dimension(key, dimension, own, whole, document)
        for place, level in _levels(key, dimension):
            yield from _level(place, dimension, level, whole, document)
    for id, requirement in own.requirements.items():
        yield from _needs(("requirements", id, "needs"), requirement, document)
    if own.extends is not None:
        yield from _redefined(own, whole, document)


def _levels(key: str, dimension: Dimension) -> Iterator[tuple[Place, Level]]:
    for c, chain in enumerate(dimension.chains):
        for i, level in enumerate(chain):
            yield ("dimensions", key, "chains", c, i), level


def _level_ids(own: Guideline, whole: Guideline, document: Document) -> Problems:
    """Internal levels are named by others, so no two have one name; external ones only within their dimension."""
    taken = {level.id for key, chain in whole.internal_chains() if key not in own.dimensions for level in chain}
    for key, dimension in own.dimensions.items():
        names = taken if dimension.kind == "internal" else set()
        for place, level in _levels(key, dimension):
            if level.id in names:
                yield document.problem((*place, "id"), f"a second level {level.id!r}", do="give it a name of its own")
            names.add(level.id)


def _named_requirements(own: Guideline, whole: Guideline, document: Document) -> Problems:
    """Each requirement that a dimension names is there, and is named once."""
    named: set[str] = set()
    for key, dimension in own.dimensions.items():
        lists: list[tuple[Place, tuple[str, ...]]] = [(("dimensions", key, "requirements"), dimension.requirements)]
        lists += [((*place, "requirements"), level.requirements) for place, level in _levels(key, dimension)]
        for place, ids in lists:
            for i, id in enumerate(ids):
                if id not in whole.requirements:
                    do = suggestion(id, whole.requirements)
                    yield document.problem((*place, i), f"unknown requirement {id!r}", do=do)
                elif id in named:
                    do = "name it on the lowest level that asks for it; levels are cumulative"
                    yield document.problem((*place, i), f"the requirement {id!r} is named twice", do=do)
                named.add(id)


def _dimension(key: str, d: Dimension, own: Guideline, whole: Guideline, document: Document) -> Problems:
    place: Place = ("dimensions", key)
    if d.requirements and (d.chains or d.kind == "external"):
        do = "put them on a level, or leave the levels out"
        yield document.problem((*place, "requirements"), "only an internal dimension without levels holds them", do=do)
    if d.levels_of is None:
        return
    if d.kind != "external" or d.chains or own.extends is None:
        what = "'levels_of' is for an external dimension without levels of its own, in a guideline that extends another"
        yield document.problem((*place, "levels_of"), what, d.levels_of)
    elif not whole.dimensions[key].chains:
        what = f"{own.extends} has no dimension {d.levels_of!r} with levels"
        yield document.problem((*place, "levels_of"), what)


def _level(place: Place, dimension: Dimension, level: Level, whole: Guideline, document: Document) -> Problems:
    internal = {x.id for _, chain in whole.internal_chains() for x in chain}
    if dimension.kind == "internal" and level.asks:
        do = "let levels of external dimensions ask"
        yield document.problem((*place, "asks"), "an internal level asks for others", ", ".join(level.asks), do)
    if dimension.kind == "external" and level.requirements:
        found = ", ".join(level.requirements)
        yield document.problem((*place, "requirements"), "an external level has requirements", found, "ask for levels")
    for i, asked in enumerate(level.asks):
        if asked not in internal:
            yield document.problem((*place, "asks", i), f"unknown level {asked!r}", do=suggestion(asked, internal))


def _needs(place: Place, requirement: GuidelineRequirement, document: Document) -> Problems:
    if not requirement.needs:
        yield document.problem(place, "it needs no evidence at all", do="name measured, declared, or both")
    if len(set(requirement.needs)) < len(requirement.needs):
        yield document.problem(place, "a part is named twice", ", ".join(requirement.needs))


def _redefined(own: Guideline, whole: Guideline, document: Document) -> Problems:
    do = f"{own.extends} has it already; choose another name"
    for key, dimension in own.dimensions.items():
        if whole.dimensions[key] != dimension and dimension.levels_of is None:
            yield document.problem(("dimensions", key), f"the dimension {key!r} is taken over", do=do)
    for id in own.requirements:
        if f"{own.extends}:{id}" in whole.requirements[id].relates:
            yield document.problem(("requirements", id), f"the requirement {id!r} is taken over", do=do)


# -- what it names elsewhere ----------------------------------------------------------------------------------


def links(
    own: Guideline,
    whole: Guideline,
    document: Document,
    aits: Mapping[str, Manifest | None],
    guidelines: Mapping[str, Guideline | None],
) -> Problems:
    """Give what a guideline names that is not there, and requirements that nobody can ask for.

    Parameters
    ----------
    own, whole, document
        As for :func:`structure`.
    aits
        Every AIT that is installed; ``None`` for one that is broken.
    guidelines
        Every other guideline that is installed, likewise.
    """
    for id, requirement in own.requirements.items():
        place: Place = ("requirements", id)
        yield from _informed_by((*place, "informed_by"), requirement, document, aits)
        yield from _relates((*place, "relates"), requirement, document, {**guidelines, own.name: own}, own.name)
    yield from _out_of_reach(own, whole, document)


def _informed_by(
    place: Place, requirement: GuidelineRequirement, document: Document, aits: Mapping[str, Manifest | None]
) -> Problems:
    if requirement.informed_by and "measured" not in requirement.needs:
        yield document.problem(place, "AITs inform it, but no measured part is needed", do="add measured to needs")
    for a, alternative in enumerate(requirement.informed_by):
        if not alternative:
            yield document.problem((*place, a), "an alternative without AITs", do="leave it out")
        for i, name in enumerate(alternative):
            ait, measure = Informant.read(name)
            manifest = aits.get(ait)
            if ait not in aits:
                yield document.problem((*place, a, i), f"unknown AIT {ait!r}", do=suggestion(ait, aits))
            elif manifest is not None and measure is not None and measure not in manifest.measures:
                do = suggestion(measure, manifest.measures)
                yield document.problem((*place, a, i), f"{ait} has no measure {measure!r}", do=do)


def _relates(
    place: Place,
    requirement: GuidelineRequirement,
    document: Document,
    guidelines: Mapping[str, Guideline | None],
    own: str,
) -> Problems:
    for i, related in enumerate(requirement.relates):
        name, colon, id = related.partition(":")
        known = guidelines.get(name)
        if not colon or "@" not in name:
            do = "write guideline@edition:requirement"
            yield document.problem((*place, i), "no clause of a guideline", related, do)
        elif name == own:
            yield document.problem((*place, i), "it relates to a clause of its own guideline", related)
        elif name not in guidelines:
            yield document.problem((*place, i), f"unknown guideline {name!r}", do=suggestion(name, guidelines))
        elif known is not None and id not in known.requirements:
            do = suggestion(id, known.requirements)
            yield document.problem((*place, i), f"{name} has no requirement {id!r}", do=do)


def _out_of_reach(own: Guideline, whole: Guideline, document: Document) -> Problems:
    if not whole.has_targets:
        return
    external = [d for d in whole.dimensions.values() if d.kind == "external"]
    asks = {a for d in external for chain in d.chains for level in chain for a in level.asks}
    known = {level.id for _, chain in whole.internal_chains() for level in chain}
    reached = {r for a in asks & known for r in whole.requirements_up_to(a)}
    for id in own.requirements:
        if id not in reached:
            do = "put it on a level, and let an external level ask for that"
            yield document.problem(("requirements", id), f"no level that can be asked for leads to {id!r}", do=do)
