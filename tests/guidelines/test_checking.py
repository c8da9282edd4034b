"""Each fault of a guideline file is told, at its line; two profiles can't rest on one another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from qmtestbed.catalogue import Catalogue

GOOD = """\
schema: qmtestbed/guideline/v1
id: own
edition: "1"
title: Own
source: {title: t, publisher: p}
note: made up
dimensions:
  risk:
    code: R
    kind: external
    title: Risk
    chains:
      - - {id: R-0}
        - {id: R-1, asks: [A-1]}
  A:
    code: A
    kind: internal
    title: Quality
    chains:
      - - {id: A-1, requirements: [a1]}
requirements:
  a1:
    title: One
    summary: One
    needs: [measured, declared]
    informed_by: [[data_completeness.value_completeness], [record_duplicates]]
    relates: [mlqm@3:A-1-L1-1]
"""
PROFILE = """\
schema: qmtestbed/guideline/v1
id: own
edition: "1"
title: Own
source: {title: t, publisher: p}
note: made up
extends: mlqm@3
dimensions:
  gas: {code: G, kind: external, title: Gas, levels_of: risk_avoidance}
"""

Check = Callable[[str], list[str]]


@pytest.fixture(scope="module")
def installed() -> Catalogue:
    return Catalogue()


@pytest.fixture
def check(tmp_path: Path, installed: Catalogue) -> Check:
    def found(text: str) -> list[str]:
        path = tmp_path / "own" / "1.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
        return [str(p).replace(f"{path}:", "") for p in installed.check_guideline(path)]

    return found


def test_a_good_one_has_no_fault(check: Check) -> None:
    assert check(GOOD) == check(PROFILE) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("id: own\n", "id: other\n", 2, "id and edition are not those of the path"),
        ("note: made up\n", "nota: made up\n", 6, "unknown key 'nota'"),
        ("{id: R-1, asks: [A-1]}", "{id: R-1, asks: [A-2]}", 14, "unknown level 'A-2'"),
        ("{id: R-0}", "{id: R-1}", 14, "a second level 'R-1'"),
        ("{id: R-0}", "{id: R-0, requirements: [a1]}", 13, "an external level has requirements"),
        ("{id: A-1, requirements: [a1]}", "{id: A-1, asks: [A-1], requirements: [a1]}", 20, "an internal level asks"),
        ("requirements: [a1]", "requirements: [a1, a9]", 20, "unknown requirement 'a9'"),
        ("requirements: [a1]", "requirements: [a1, a1]", 20, "the requirement 'a1' is named twice"),
        ("requirements: [a1]}", "requirements: []}", 22, "no level that can be asked for leads to 'a1'"),
        ("    title: Quality\n", "    title: Quality\n    requirements: [a1]\n", 19, "only an internal dimension"),
        ("    title: Risk\n", "    title: Risk\n    levels_of: A\n", 12, "'levels_of' is for an external dimension"),
        ("[measured, declared]", "[]", 25, "it needs no evidence at all"),
        ("[measured, declared]", "[measured, measured]", 25, "a part is named twice"),
        ("[measured, declared]", "[declared]", 26, "AITs inform it, but no measured part is needed"),
        ("[record_duplicates]", "[record_duplicate]", 26, "unknown AIT 'record_duplicate'"),
        (".value_completeness", ".value", 26, "data_completeness has no measure 'value'"),
        ("[record_duplicates]", "[]", 26, "an alternative without AITs"),
        ("mlqm@3:A-1-L1-1", "mlqm@3:A-1", 27, "mlqm@3 has no requirement 'A-1'"),
        ("mlqm@3:A-1-L1-1", "mlqm@4:A-1", 27, "unknown guideline 'mlqm@4'"),
        ("mlqm@3:A-1-L1-1", "A-1-L1-1", 27, "no clause of a guideline"),
        ("mlqm@3:A-1-L1-1", "own@1:a1", 27, "it relates to a clause of its own guideline"),
    ],
)
def test_each_fault_is_told_at_its_line(check: Check, old: str, new: str, line: int, what: str) -> None:
    assert GOOD.count(old) == 1
    found = check(GOOD.replace(old, new))
    assert any(p.startswith(f"{line}: ") and what in p for p in found), found


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("extends: mlqm@3", "extends: mlqm@2", 7, "it extends a guideline that is not there"),
        ("extends: mlqm@3", "extends: own@1", 7, "a guideline extends itself"),
        ("levels_of: risk_avoidance", "levels_of: security", 9, "has no dimension 'security' with levels"),
        ("levels_of: risk_avoidance", "levels_of: risk", 9, "has no dimension 'risk' with levels"),
        ("gas: {code: G, kind: external, title: Gas, levels_of: risk_avoidance}",
         "A-1: {code: A, kind: internal, title: A}", 9, "the dimension 'A-1' is taken over"),
        ("note: made up\n", "note: made up\nrequirements: {A-1-L1-1: {title: t, summary: s, needs: [declared]}}\n", 7,
         "the requirement 'A-1-L1-1' is taken over"),
    ],
)  # fmt: skip
def test_faults_of_a_profile(check: Check, old: str, new: str, line: int, what: str) -> None:
    assert PROFILE.count(old) == 1
    found = check(PROFILE.replace(old, new))
    assert any(p.startswith(f"{line}: ") and what in p for p in found), found


def test_every_fault_is_told_at_once(check: Check) -> None:
    text = GOOD.replace("asks: [A-1]", "asks: [A-2]").replace("record_duplicates", "nobody").replace("mlqm@3:", "x@1:")
    assert len(check(text)) == 4  # nothing asks for A-1 any more either


def test_guidelines_that_extend_one_another_are_broken_and_say_so(tmp_path: Path) -> None:
    for id, other in (("left", "right"), ("right", "left")):
        (tmp_path / id).mkdir()
        text = PROFILE.replace("id: own", f"id: {id}").replace("mlqm@3", f"{other}@1")
        (tmp_path / id / "1.yaml").write_text(text, "utf-8")
    entries = Catalogue(guidelines=[tmp_path]).guidelines
    for id in ("left", "right"):
        (problem,) = entries[f"{id}@1"].broken
        assert (problem.what, problem.where) == ("a guideline extends itself", f"{id}/1.yaml:7")


def test_an_edition_that_two_folders_claim_is_refused_for_both(tmp_path: Path) -> None:
    (tmp_path / "mlqm").mkdir()
    (tmp_path / "mlqm" / "3.yaml").write_text(GOOD.replace("id: own", "id: mlqm").replace('"1"', '"3"'), "utf-8")
    entry = Catalogue(guidelines=[tmp_path]).guidelines["mlqm@3"]
    assert entry.guideline is None and "claimed twice" in entry.broken[0].what


def test_a_profile_over_a_profile_has_all_three(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    text = PROFILE.replace("mlqm@3", "plant-safety@2").replace("risk_avoidance", "pipe_images_risk")
    (tmp_path / "own" / "1.yaml").write_text(text, "utf-8")
    guideline = Catalogue(guidelines=[tmp_path]).guideline("own@1").guideline
    assert guideline is not None and len(guideline.requirements) == 38
    assert [x.id for x in guideline.dimensions["gas"].chains[0]][:2] == ["AISL-0", "AISL-0.1"]
    assert guideline.requirements["A-1-L1-1"].relates[:2] == ("plant-safety@2:A-1-L1-1", "mlqm@3:A-1-L1-1")
