"""The judge on the guideline that ships: its target tables as the judge sees them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from qmtestbed.judging import judge
from qmtestbed.types.assessment import Assessment
from qmtestbed.types.guideline import Guideline

FILE = Path(__file__).parents[2] / "guidelines" / "mlqm" / "3.yaml"


@pytest.fixture(scope="module")
def mlqm() -> Guideline:
    from qmtestbed.documents import decode_document, read_document
    from qmtestbed.errors import ContentError

    return decode_document(Guideline, read_document(FILE), ContentError)


def judged(build: Any, mlqm: Guideline, levels: Mapping[str, str], checks: Any = None, *declared: Any) -> Assessment:
    return judge(build.run(checks or {}, *declared, guidelines=[mlqm], levels=levels))


def test_performance_asks_for_the_e_chain_and_not_for_b3(build: Any, mlqm: Guideline) -> None:
    found = judged(build, mlqm, {"performance": "AIPL-2"})
    internal = [level.target for level in found.levels if level.kind == "internal"]
    assert "B-2-LE2" in internal
    assert "B-2-LS1" not in internal
    assert not any(r.id.startswith("B-3") for r in found.requirements)


def test_with_risk_avoidance_both_chains_of_b2_are_judged(build: Any, mlqm: Guideline) -> None:
    found = judged(build, mlqm, {"performance": "AIPL-1", "risk_avoidance": "AISL-0.2", "fairness": "AIFL-1"})
    b2 = [level.target for level in found.levels if level.target.startswith("B-2")]
    assert b2 == ["B-2-LE1", "B-2-LS2"]
    assert {level.verdict for level in found.levels} == {"not_reached"}
    assert {r.verdict for r in found.requirements} == {"no_evidence"}


@pytest.mark.parametrize("target", [{"risk_avoidance": "AISL-3"}, {"privacy": "AIPrL-1"}, {"performance": "AIPL-0"}])
def test_what_the_guideline_leaves_out_is_not_covered(build: Any, mlqm: Guideline, target: dict[str, str]) -> None:
    found = judged(build, mlqm, target)
    assert [level.verdict for level in found.levels] == ["not_covered"]
    assert found.requirements == ()


def test_one_check_supports_its_clause_and_declarations_do_the_rest(build: Any, mlqm: Guideline) -> None:
    ait = mlqm.requirements["C-1-L1-1"].informed_by[0][0]
    checks = {"c": build.good(ait, for_=["C-1-L1-1"])}
    found = judged(build, mlqm, {"performance": "AIPL-1"}, checks, build.declaration("C-1-L1-1"))
    assert build.of_requirement(found, "C-1-L1-1").verdict == "supported"
    assert build.of_level(found, "C-1-L1").verdict == "reached"
    assert build.of_level(found, "A-1-L1").measured_side == "nothing to measure"
    assert found.headlines.evidence.fills_gap.startswith("add a check with ")
