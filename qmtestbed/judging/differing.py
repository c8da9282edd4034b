"""What was not the same in the runs that are compared: inputs, parameters, programs, environment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from qmtestbed.ait import Roles
from qmtestbed.types.assessment import Difference, DifferenceKind
from qmtestbed.types.comparison import CheckState, Snapshot

Place = tuple[DifferenceKind, str]
_Fact = tuple[str, str]
"""What two runs must have in common to be alike, and how it is shown."""

_OF_CHECKS = ("ait", "parameter")
"""Kinds that are told only where at least two runs have the check: one that is new or gone is told as such."""


def differences(runs: Sequence[Snapshot]) -> tuple[Difference, ...]:
    """List what is not the same in all runs: inputs first, then how it was measured, then where."""
    facts = [dict(_facts(run)) for run in runs]
    places = dict.fromkeys(place for of_run in facts for place in of_run)
    ordered = sorted(places, key=lambda place: _ORDER.index(place[0]))
    return tuple(_difference(place, facts) for place in ordered if _differs(place, facts))


_ORDER: tuple[DifferenceKind, ...] = (
    "component", "model", "predictions", "data", "roles", "guideline", "level", "seed", "confidence", "ait",
    "parameter", "qmtestbed", "python", "platform", "library", "isolation",
)  # fmt: skip


def _difference(place: Place, facts: Sequence[Mapping[Place, _Fact]]) -> Difference:
    return Difference(*place, tuple(of[place][1] if place in of else None for of in facts))


def _differs(place: Place, facts: Sequence[Mapping[Place, _Fact]]) -> bool:
    found = [of[place][0] for of in facts if place in of]
    everywhere = len(found) == len(facts) or place[0] in _OF_CHECKS
    return len(set(found)) > 1 or not everywhere


def _facts(run: Snapshot) -> Iterator[tuple[Place, _Fact]]:
    yield ("component", ""), _plain(run.assessment.component)
    for name, state in run.inventories.items():
        yield (state.kind, name), (state.sha256, f"{state.shown} (sha256 {state.sha256[:12]})")
        yield ("roles", name), _plain(_roles(state.roles))
    yield ("guideline", ""), _plain(", ".join(run.assessment.guidelines))
    for dimension, level in run.levels.items():
        yield ("level", dimension), _plain(level)
    yield ("seed", ""), _plain(str(run.seed))
    yield ("confidence", ""), _plain(f"{run.confidence:g}")
    for id, check in run.checks.items():
        yield from _of_check(id, check)
    here = run.circumstances
    yield ("qmtestbed", ""), _plain(", ".join(here.qmtestbed))
    yield ("python", ""), _plain(", ".join(here.python))
    yield ("platform", ""), _plain(", ".join(here.platform))
    for name, versions in here.libraries.items():
        yield ("library", name), _plain(", ".join(versions))
    yield ("isolation", ""), _plain("; ".join(here.isolation))


def _of_check(id: str, check: CheckState) -> Iterator[tuple[Place, _Fact]]:
    if check.version:
        yield ("ait", check.ait), (check.code, f"{check.version} (sha256 {check.code[:12]})")
    for name, value in check.parameters.items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
        yield ("parameter", f"{id}: {name}"), _plain(shown)


def _plain(shown: str) -> _Fact:
    return shown, shown


def _roles(roles: Roles) -> str:
    given = {k: v for k, v in asdict(roles).items() if v}
    return "; ".join(f"{k}: {v if isinstance(v, str) else ', '.join(map(str, v))}" for k, v in given.items())


def touching(id: str, first: Snapshot, other: Snapshot) -> tuple[DifferenceKind, ...]:
    """Name the kinds of differences between two runs that a check's numbers may come from."""
    a, b = first.checks[id], other.checks[id]
    found: dict[DifferenceKind, None] = {}
    for name in dict.fromkeys([*a.bound, *b.bound]):
        before, after = first.inventories.get(name), other.inventories.get(name)
        state = after or before
        if state is not None and (before is None or after is None or before.sha256 != after.sha256):
            found[state.kind] = None
        if before is not None and after is not None and before.roles != after.roles:
            found["roles"] = None
    if a.version and b.version and (a.version, a.code) != (b.version, b.code):
        found["ait"] = None
    if dict(a.parameters) != dict(b.parameters):
        found["parameter"] = None
    if (first.seed, first.confidence) != (other.seed, other.confidence):
        found["seed" if first.seed != other.seed else "confidence"] = None
    return tuple(sorted(found, key=_ORDER.index))
