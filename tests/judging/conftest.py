"""Builders for small runs: a guideline of eight clauses, AITs that all declare the same measures, and their records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from qmtestbed.ait import Estimate
from qmtestbed.types.assessment import Assessment, CheckVerdicts, DeclarationState, LevelState, RequirementState
from qmtestbed.types.codec import decode
from qmtestbed.types.evidence import Evidence, InventoryFacts, RunInfo
from qmtestbed.types.guideline import Guideline
from qmtestbed.types.job import Environment
from qmtestbed.types.manifest import Manifest
from qmtestbed.types.plan import Plan
from qmtestbed.types.record import Failure, Record, UsedProgram
from qmtestbed.types.values import MeasureValue

MEASURES = {
    "accuracy": {"unit": "ratio", "range": [0, 1], "better": "higher", "interval": "Clopper-Pearson"},
    "recall": {"unit": "ratio", "range": [0, 1], "better": "higher", "interval": "Clopper-Pearson", "per": "class"},
    "errors": {"unit": "ratio", "range": [0, 1], "better": "lower", "sequence": True},
    "duplicates": {"unit": "rows", "range": [0, None], "better": "lower"},
    "flag": {"unit": "bool", "range": [0, 1]},
}
# One AIT informs clauses from its own side: drift says so of a1, which the guideline does not know.
INFORMS = {"drift": ["a1", "e1"]}

REQUIREMENTS: Mapping[str, tuple[list[str], list[list[str]]]] = {
    "a1": (["measured", "declared"], [["accuracy"], ["left", "right"]]),
    "a2": (["measured"], [["accuracy"]]),
    "e1": (["measured"], [["drift"]]),
    "e2": (["measured"], []),
    "s1": (["declared"], []),
    "s2": (["measured", "declared"], [["drift"]]),
    "d1": (["declared"], []),
    "d2": (["measured"], [["stress"]]),
}
EXTERNAL: Mapping[str, Mapping[str, list[str]]] = {
    "privacy": {"P-1": []},
    "safe": {"S-0": [], "S-1": ["A-1", "B-S1"], "S-2": ["A-2", "B-S2"], "S-3": []},
    "speed": {"V-1": ["A-1", "B-E1"], "V-2": ["A-2", "B-E2"]},
    "upkeep": {"U-1": ["D-1"], "U-2": ["D-2"], "U-3": ["D-2", "H-1"], "U-4": ["H-1"]},
}
INTERNAL: Mapping[str, list[Mapping[str, list[str]]]] = {
    "A": [{"A-1": ["a1"], "A-2": ["a2"]}],
    "B": [{"B-E1": ["e1"], "B-E2": ["e2"]}, {"B-S1": ["s1"], "B-S2": ["s2"]}],
    "D": [{"D-1": ["d1"], "D-2": ["d2"]}],
    "H": [{"H-1": []}],
}


def _guideline(id: str, levels: bool) -> Guideline:
    text = {"title": "t", "summary": "s"}
    external = {
        d: {"code": d, "kind": "external", "title": d, "chains": [[{"id": x, "asks": a} for x, a in chain.items()]]}
        for d, chain in EXTERNAL.items()
    }
    internal = {
        d: {
            "code": d,
            "kind": "internal",
            "title": d,
            "chains": [[{"id": x, "requirements": r} for x, r in chain.items()] for chain in chains],
        }
        for d, chains in INTERNAL.items()
    }
    data = {
        "schema": "qmtestbed/guideline/v1",
        "id": id,
        "edition": "1",
        "title": id,
        "source": {"title": "t", "publisher": "p"},
        "note": "made up",
        "dimensions": {**external, **internal} if levels else {},
        "requirements": {
            r: {**text, "needs": needs, "informed_by": informed} for r, (needs, informed) in REQUIREMENTS.items()
        },
    }
    return decode(Guideline, data)


def _manifest(id: str) -> Manifest:
    informs = {"small@1": INFORMS[id]} if id in INFORMS else {}
    data = {
        "schema": "qmtestbed/ait/v1",
        "id": id,
        "version": "1.0.0",
        "title": id,
        "quality": "correctness",
        "method": "m",
        "references": [],
        "informs": informs,
        "inputs": {},
        "measures": MEASURES,
    }
    return decode(Manifest, data)


class Build:
    """What the tests of this folder build runs with."""

    small = "small@1"

    @staticmethod
    def estimate(value: float, low: float, high: float, level: float = 0.95, n: int = 100) -> Estimate:
        return Estimate(value, low, high, level, n)

    @staticmethod
    def record(ait: str, status: str = "measured", key: str = "k", **more: Any) -> Record:
        measures = {name: MeasureValue(value) for name, value in more.pop("measures", {}).items()}
        return Record(
            schema="qmtestbed/record/v1",
            key=key,
            kind=more.pop("kind", "measure"),
            status=status,  # type: ignore[arg-type]
            program=UsedProgram(more.pop("program", ait), "1.0.0", "0" * 64),
            inputs=more.pop("inputs", {}),
            parameters={},
            seed=more.pop("seed", 0),
            confidence=0.95,
            environment=Environment("3.11", "linux", {}),
            isolation=(),
            measures=measures,
            **more,
        )

    @staticmethod
    def check(
        ait: str = "accuracy",
        value: Any = 0.95,
        *expect: str,
        for_: Sequence[str] | None = None,
        status: str | None = "measured",
        **more: Any,
    ) -> dict[str, Any]:
        """One check with its record: by default accuracy 0.95 against ``accuracy >= 0.9``; status None: no record."""
        more.setdefault("measures", {"accuracy": value})
        compared = more.pop("baseline", None)
        check = {
            "ait": ait,
            "expect": list(expect or ("accuracy >= 0.9",)),
            "for": for_,
            "status": status,
            "more": more,
        }
        return {**check, "baseline": compared} if compared else check

    @staticmethod
    def difference(value: Any = 0.0, status: str = "measured", kind: str = "difference", **more: Any) -> dict[str, Any]:
        """The record that compares a check with the baseline: by default that of the differences, item by item."""
        more.setdefault("measures", {"accuracy": value})
        return {"status": status, "kind": kind, **more}

    @classmethod
    def good(cls, ait: str = "accuracy", **more: Any) -> dict[str, Any]:
        return cls.check(ait, 0.95, **more)

    @classmethod
    def bad(cls, ait: str = "accuracy", **more: Any) -> dict[str, Any]:
        return cls.check(ait, 0.5, **more)

    @classmethod
    def open(cls, ait: str = "accuracy", **more: Any) -> dict[str, Any]:
        """A check that the sample is too small for."""
        return cls.check(ait, Estimate(0.91, 0.85, 0.95, 0.95, 100), "accuracy >= 0.9 at 95%", **more)

    @classmethod
    def reported(cls, ait: str = "accuracy", **more: Any) -> dict[str, Any]:
        return {**cls.check(ait, 0.95, **more), "expect": []}

    @staticmethod
    def declaration(requirement: str, state: str = "valid", **more: Any) -> DeclarationState:
        if not more:
            more = {"statement": "we did"}
        return DeclarationState(requirement, "Ada", "2026-11-01", state, **more)  # type: ignore[arg-type]

    @staticmethod
    def waiver(check: str, criterion: str, until: str = "2027-01-31", date: str = "2026-11-01") -> dict[str, str]:
        """One that holds on the day of the run, unless told otherwise."""
        return {
            "check": check,
            "criterion": criterion,
            "by": "Ada",
            "reason": "ticket 12",
            "date": date,
            "until": until,
        }

    @staticmethod
    def guideline(id: str = "small", *, levels: bool = True) -> Guideline:
        return _guideline(id, levels)

    @classmethod
    def run(
        cls,
        checks: Mapping[str, Mapping[str, Any]] | None = None,
        *declarations: DeclarationState,
        levels: Mapping[str, Any] | None = None,
        guidelines: Sequence[Guideline] | None = None,
        waivers: Sequence[Mapping[str, str]] = (),
        **info: Any,
    ) -> Evidence:
        """A run of the checks under ``small@1``, asking for safe = S-1 unless told otherwise."""
        checks = checks or {}
        used = [cls.guideline()] if guidelines is None else guidelines
        plan = decode(
            Plan,
            {
                "schema": "qmtestbed/plan/v1",
                "component": "c",
                "guideline": [g.name for g in used],
                "levels": {"safe": "S-1"} if levels is None else levels,
                "checks": {n: {"ait": c["ait"], "expect": c["expect"], "for": c["for"]} for n, c in checks.items()},
                "waivers": list(waivers),
            },
        )
        made = {n: c for n, c in checks.items() if c["status"] is not None}
        compared = {n: dict(c["baseline"]) for n, c in checks.items() if c.get("baseline")}
        records = {f"key-{n}": cls.record(c["ait"], c["status"], f"key-{n}", **c["more"]) for n, c in made.items()}
        records |= {f"base-{n}": cls.record(checks[n]["ait"], key=f"base-{n}", **c) for n, c in compared.items()}
        return Evidence(
            info=RunInfo(
                schema="qmtestbed/run/v1",
                run="r1",
                as_of="2026-12-01",
                checks={n: f"key-{n}" for n in made},
                baselines={n: f"base-{n}" for n in compared},
                inventories={"baseline": InventoryFacts("models:/m-1", "0" * 64, version="churn/1")},
                declarations=declarations,
                **info,
            ),
            plan=plan,
            guidelines={g.name: g for g in used},
            manifests={c["ait"]: _manifest(c["ait"]) for c in checks.values()},
            records=records,
            resources={},
        )

    @staticmethod
    def failure(what: str, found: str = "") -> Failure:
        return Failure(what, found=found)

    @staticmethod
    def of_check(assessment: Assessment, id: str) -> CheckVerdicts:
        return next(c for c in assessment.checks if c.id == id)

    @staticmethod
    def of_requirement(assessment: Assessment, id: str) -> RequirementState:
        return next(r for r in assessment.requirements if r.id == id)

    @staticmethod
    def of_level(assessment: Assessment, target: str) -> LevelState:
        return next(level for level in assessment.levels if level.target == target)


@pytest.fixture(scope="session")
def build() -> type[Build]:
    return Build
