"""What is asked for, where no plan says it: guidelines, and levels by quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from qmtestbed.catalogue import Catalogue
from qmtestbed.errors import PlanError, Problem, suggestion
from qmtestbed.types.plan import Plan


@dataclass(frozen=True)
class AskedFor:
    """Guidelines and levels as a plan has them."""

    guideline: str | tuple[str, ...]
    levels: Mapping[str, str | Mapping[str, str]]


def asked_of(guidelines: str | Sequence[str], levels: Mapping[str, str], catalogue: Catalogue) -> AskedFor:
    """Write guidelines and levels as a plan has them.

    Parameters
    ----------
    guidelines
        One or several, by name.
    levels
        By quality; with several guidelines by ``guideline:quality``, or by the quality alone where one of them has it.

    Raises
    ------
    PlanError
        None of several guidelines has a quality, or more than one.
    ContentError
        One of several guidelines is unknown or broken.
    """
    names = (guidelines,) if isinstance(guidelines, str) else tuple(dict.fromkeys(guidelines))
    if len(names) == 1:
        return AskedFor(names[0], {q.removeprefix(f"{names[0]}:"): level for q, level in levels.items()})
    nested: dict[str, dict[str, str]] = {}
    for quality, level in levels.items():
        guideline, bare = _owner(quality, names, catalogue)
        nested.setdefault(guideline, {})[bare] = level
    return AskedFor(names, nested)


def _owner(quality: str, names: Sequence[str], catalogue: Catalogue) -> tuple[str, str]:
    """Give the guideline that a quality is of, and its name there."""
    known = {
        f"{name}:{key}": (name, key)
        for name in names
        if (guideline := catalogue.guideline(name).guideline) is not None
        for key, dimension in guideline.dimensions.items()
        if dimension.kind == "external"
    }
    if quality in known:
        return known[quality]
    owners = [full for full, (_, key) in known.items() if key == quality]
    if len(owners) == 1:
        return known[owners[0]]
    if owners:
        do = "write " + " or ".join(f"{full}=…" for full in owners)
        raise PlanError(Problem(f"several guidelines have the quality {quality!r}", "--level", do=do))
    raise PlanError(Problem(f"no guideline has the quality {quality!r}", "--level", do=suggestion(quality, known)))


def against(plan: Plan, asked: AskedFor, catalogue: Catalogue) -> tuple[Plan, tuple[str, ...]]:
    """Ask for something else in a plan; give it, and the clauses that it named and that nobody asks for now.

    A clause stays where its guideline is asked for, or a profile of it.
    """
    new = replace(plan, guideline=asked.guideline, levels=asked.levels)
    found = {name: g for name in new.guidelines if (g := catalogue.guideline(name).guideline) is not None}

    def spelled(clause: str) -> tuple[str, ...]:
        name, colon, id = clause.partition(":")
        if not colon or name not in plan.guidelines:
            name, id = plan.guidelines[0], clause
        names = [n for n, g in found.items() if name in (n, g.extends) and id in g.requirements]
        return tuple(f"{n}:{id}" for n in names)

    checks = {}
    for id, check in plan.checks.items():
        kept = tuple(x for clause in check.for_ or () for x in spelled(clause))
        checks[id] = replace(check, for_=(kept or None) if check.for_ else check.for_)
    declarations = tuple(replace(d, requirement=x) for d in plan.declarations for x in spelled(d.requirement))
    named = [
        *(c for check in plan.checks.values() for c in check.for_ or ()),
        *(d.requirement for d in plan.declarations),
    ]
    lost = tuple(c for c in dict.fromkeys(named) if not spelled(c))
    return replace(new, checks=checks, declarations=declarations), lost
