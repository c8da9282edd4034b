"""One run judged and shown against several guidelines at once, and old evidence against new ones."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

import qmtestbed
from qmtestbed.catalogue import Catalogue
from qmtestbed.errors import InputError, PlanError
from qmtestbed.pipeline.asked import AskedFor, asked_of
from qmtestbed.types.assessment import Assessment, RequirementState

THREE = ("mlqm@3", "iso-5259-2@2024", "eu-ai-act@2024-1689")


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a process was to be started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(os, "fork", refuse)


def of(assessment: Assessment, id: str) -> RequirementState:
    return next(r for r in assessment.requirements if r.id == id)


def records(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (folder / "records").iterdir()}


@pytest.mark.usefixtures("nothing_runs")
def test_old_evidence_is_judged_and_shown_against_three_guidelines(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "three"
    levels = {"performance": "AIPL-1"}
    outcome = qmtestbed.judge(finished, guideline=THREE, level=levels, out=out, templates=("summary", "audit"))
    found = outcome.assessment
    assert found.guidelines == THREE
    assert records(out) == records(finished)
    # The same check, seen by a clause that asks for its measure, by one for another measure, and by one for more AITs.
    assert of(found, "iso-5259-2@2024:Com-ML-1").verdict == "supported"
    other = of(found, "iso-5259-2@2024:Com-ML-3")
    assert (other.verdict, other.reason) == (
        "no_evidence", "measured: completeness has no criteria on feature_completeness",
    )  # fmt: skip
    assert other.records == ()
    assert of(found, "eu-ai-act@2024-1689:10(3)").parts["measured"] == "undetermined"
    assert of(found, "eu-ai-act@2024-1689:15(3)").parts["measured"] == "contradicted"
    # The declaration of the old plan is for a clause that is still asked for; its file came along.
    assert of(found, "mlqm@3:A-1-L1-1").verdict == "supported"
    assert [p.name for p in (out / "declared").iterdir()] == ["01-01-hazards.md"]
    evidence = found.headlines.evidence
    assert (evidence.measured_needed, evidence.declared_needed) == (5 + 37 + 8, 8 + 29 + 15)
    assert qmtestbed.verify(out).faults == ()


@pytest.mark.usefixtures("nothing_runs")
def test_the_page_links_related_clauses_of_the_others(finished: Path, tmp_path: Path) -> None:
    outcome = qmtestbed.judge(finished, guideline=THREE, level={"performance": "AIPL-1"}, out=tmp_path / "three")
    text = outcome.page.read_text("utf-8")
    for clause in ("iso-5259-2@2024:Com-ML-1", "eu-ai-act@2024-1689:10(3)", "mlqm@3:B-2-LE1-1"):
        anchor = text.split(f'<span class="id">{clause}</span>')[0].rpartition('<article class="req" id="')[2]
        assert text.count(f'href="#{anchor.split(chr(34))[0]}"') >= 2  # its chip, and a clause that relates to it
    outside = text.split('<span class="id">iso-5259-2@2024:Com-ML-5</span>')[1].split("</article>")[0]
    assert '<span class="outside" title="outside the target of this assessment">mlqm@3:B-3-L1-1</span>' in outside
    assert "Unverified: Named alike by two secondary sources" in text
    assert text.count("asked for as a whole") == 2 and "no level asked for" not in text
    assert "measured parts supported: 1 of 37" in text


@pytest.mark.usefixtures("nothing_runs")
def test_what_the_new_guideline_does_not_have_is_noted(finished: Path, tmp_path: Path) -> None:
    outcome = qmtestbed.judge(finished, guideline="iso-5259-2@2024", out=tmp_path / "iso")
    assert outcome.assessment.requirements[0].id == "Acc-ML-1"
    assert "Left out, as iso-5259-2@2024 has no such requirement: A-1-L1-1." in outcome.evidence.info.notes
    assert json.loads((finished / "run.json").read_text("utf-8")).get("notes", []) == []


@pytest.mark.usefixtures("nothing_runs")
def test_a_profile_takes_evidence_and_declarations_of_what_it_extends(finished: Path, tmp_path: Path) -> None:
    out, levels = tmp_path / "plant", {"pipe_images_performance": "AIPL-1"}
    outcome = qmtestbed.judge(finished, guideline="plant-safety@2", level=levels, out=out, templates=("plant_safety",))
    original = qmtestbed.judge(finished).assessment
    assert [(r.id, r.verdict) for r in outcome.assessment.requirements] == [
        (r.id, r.verdict) for r in original.requirements
    ]
    assert [r.related for r in outcome.assessment.requirements] == [r.related for r in original.requirements]
    assert {p.name for p in (out / "guidelines").iterdir()} == {"mlqm@3.yaml", "plant-safety@2.yaml"}
    assert outcome.evidence.info.notes == ()
    record = (out / "plant_safety.html").read_text("utf-8")
    assert "Pipeline image diagnosis: quality in use, performance side" in record and "AIPL-1" in record
    assert qmtestbed.verify(out).faults == ()
    (out / "guidelines" / "mlqm@3.yaml").unlink()
    assert qmtestbed.verify(out).faults


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"guideline": "mlqm@3"}, "needs a folder of its own"),
        ({"guideline": "mlqm@9", "out": "x"}, "unknown guideline 'mlqm@9'"),
        ({"level": {"performance": "AIPL-1"}}, "no guideline is named"),
        ({"plan": "plan.yaml", "guideline": "mlqm@3", "out": "x"}, "a plan names its guidelines"),
        ({"guideline": THREE, "level": {"speed": "V-1"}, "out": "x"}, "no guideline has the quality 'speed'"),
        ({"guideline": THREE, "level": {"performance": "AIPL-9"}, "out": "x"}, "unknown level 'AIPL-9'"),
    ],
)
def test_what_can_not_be_judged_by_is_refused(finished: Path, options: dict[str, Any], what: str) -> None:
    with pytest.raises(InputError, match=what):
        qmtestbed.judge(finished, **options)


def test_levels_of_several_guidelines(catalogue: Catalogue) -> None:
    both = ("mlqm@3", "plant-safety@2")
    assert asked_of("mlqm@3", {"mlqm@3:performance": "AIPL-1"}, catalogue) == AskedFor(
        "mlqm@3", {"performance": "AIPL-1"}
    )
    asked = {"performance": "AIPL-1", "plant-safety@2:operation_risk": "AISL-1"}
    assert asked_of([*both, "mlqm@3"], asked, catalogue) == AskedFor(
        both, {"mlqm@3": {"performance": "AIPL-1"}, "plant-safety@2": {"operation_risk": "AISL-1"}}
    )


def test_a_quality_that_two_guidelines_have_must_be_told_apart(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "1.yaml").write_text(
        "schema: qmtestbed/guideline/v1\nid: own\nedition: '1'\ntitle: t\nsource: {title: t, publisher: p}\nnote: n\n"
        "extends: mlqm@3\ndimensions:\n"
        "  performance: {code: P, kind: external, title: t, levels_of: performance}\n",
        "utf-8",
    )
    with pytest.raises(PlanError, match=r"mlqm@3:performance=… or own@1:performance=…"):
        asked_of(["mlqm@3", "own@1"], {"performance": "AIPL-1"}, Catalogue(guidelines=[tmp_path]))
