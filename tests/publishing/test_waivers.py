"""A waiver from the plan to everything that tells of a run: seen everywhere, and nowhere taken for met."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

import pytest

import qmtestbed
from qmtestbed import pipeline
from qmtestbed.cli import common
from qmtestbed.errors import ExitCode
from qmtestbed.pipeline import Options, Outcome
from qmtestbed.pipeline.publish import brief_of
from qmtestbed.render import badge_json, comment
from qmtestbed.tracking.metrics import numbers
from qmtestbed.types.assessment import ACCEPTING

from .conftest import PLAN

BY, WHY = "M. Sato <b>", "ticket 12: | new *training* data in January"
LIMIT = "accuracy >= 0.99 at 95%"


def waiver(criterion: str, until: str = "2027-01-31") -> str:
    signed = json.dumps({"by": BY, "reason": WHY, "date": "2026-09-01", "until": until})
    return f"  - {{check: performance, criterion: {json.dumps(criterion)}, {signed[1:]}\n"


@pytest.fixture(scope="module")
def accepted(run_dirs: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The evidence of ``met`` under a limit that it misses, which is waived, and one waiver that is not needed."""
    plan = run_dirs["met"].parent / "project-met" / "waived.yaml"
    text = PLAN.format(component="churn", limit="0.99") + "waivers:\n"
    plan.write_text(text + waiver(LIMIT) + waiver("recall >= 0.2", "2026-12-31"), "utf-8")
    options = Options(
        out=tmp_path_factory.mktemp("waived") / "run", as_of="2026-10-09", require=ACCEPTING, since=run_dirs["not_met"],
        templates=("summary", "model_card", "audit"),
    )  # fmt: skip
    return pipeline.judge_by(run_dirs["met"], plan, options)


def test_nothing_is_executed_again_and_nothing_is_called_met(accepted: Outcome, run_dirs: Mapping[str, Path]) -> None:
    assert (accepted.exit_code, accepted.verdict) == (ExitCode.MET, "met_or_waived")
    assert qmtestbed.judge(accepted.folder).exit_code == ExitCode.NOT_MET
    keys = {p.stem for p in (run_dirs["met"] / "records").glob("*.json")}
    assert {p.stem for p in (accepted.folder / "records").glob("*.json")} == keys
    said = json.loads((accepted.folder / "assessment.json").read_bytes())
    assert said["headlines"]["criteria"]["waived"] == {"not_met": 1, "undetermined": 0, "until": "2027-01-31"}
    performance = next(c for c in said["checks"] if c["id"] == "performance")
    assert [c["verdict"] for c in performance["criteria"]] == ["not_met", "met"] and performance["verdict"] == "not_met"
    assert [c["waiver"]["state"] for c in performance["criteria"]] == ["waived", "not_needed"]
    metrics = numbers(accepted.evidence, accepted.assessment)
    assert (metrics["qmt/criteria_not_met"], metrics["qmt/criteria_waived"]) == (1, 1)


def test_junit_skips_what_was_accepted_and_fails_it_otherwise(accepted: Outcome) -> None:
    folder = accepted.folder

    def case() -> ET.Element:
        root = ET.parse(folder / "junit.xml").getroot()
        return next(c for c in root.iter("testcase") if c.get("name") == f"performance: {LIMIT}")

    for accepting, tag in ((True, "skipped"), (False, "failure")):
        pipeline.judge_again(folder, Options(require=ACCEPTING if accepting else "criteria"))
        assert [e.tag for e in case()] == [tag]
        message = case()[0].get("message", "")
        assert "waived by M. Sato <b> from 1 September 2026 until 31 January 2027 (ticket 12" in message
        assert ("not met, waived" in message) == accepting
        qmtestbed.report(folder, language="en")
        assert [e.tag for e in case()] == [tag]  # rendering again is not asking for something else
    pipeline.judge_again(folder, Options(require=ACCEPTING))
    assert qmtestbed.verify(folder).whole


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_page_shows_who_why_and_until_when(accepted: Outcome, language: str) -> None:
    until, head = {
        "en": ("31 January 2027", "1 of 1 not met waived until 31 January 2027"),
        "ja": ("2027年1月31日", "未達 1 件中 1 件を特別採用（2027年1月31日まで）"),
    }[language]
    templates = ("quality", "summary", "model_card", "audit")
    made = pipeline.report(accepted.folder, Options(templates=templates, language=language))  # type: ignore[arg-type]
    for page in made:
        text = page.read_text("utf-8")
        assert head in text and "M. Sato &lt;b&gt;" in text and until in text, page.name
        assert page.name.startswith("summary") or "ticket 12: | new *training* data in January" in text
    summary = (accepted.folder / "summary.md").read_text("utf-8")
    assert head in summary and "ticket 12\\: \\| new \\*training\\* data" in summary and "M. Sato &lt;b&gt;" in summary
    first_screen = made[0].read_text("utf-8").partition("</header>")[0]
    assert head in first_screen and "<b>" + BY not in first_screen


def test_since_last_time_says_that_it_is_waived_now(accepted: Outcome) -> None:
    since = accepted.assessment.since
    assert since is not None and [c.change for c in since.changes] == ["waived"]
    page = (accepted.folder / "report.html").read_text("utf-8")
    assert "waived now" in page and "not met → not met (waived)" in page
    assert common.since_lines(accepted.assessment)[1].endswith("not met -> not met (waived)")


def test_the_terminal_never_says_that_all_is_met(accepted: Outcome, capsys: pytest.CaptureFixture[str]) -> None:
    common.print_outcome(accepted)
    lines = capsys.readouterr().out.splitlines()
    assert "Criteria: 2 of 3 met, 1 not met, 0 undetermined" in lines
    assert "Waived:   1 of 1 not met, until 2027-01-31" in lines
    assert f"    waived by {BY} from 2026-09-01 until 2027-01-31 ({WHY})" in lines
    assert f"    waiver by {BY} until 2026-12-31: not needed ({WHY})" in lines
    assert lines[-1] == "Exit code 0: all criteria are met, or waived and accepted"


def test_an_attestation_has_warned_and_names_what_was_accepted(accepted: Outcome) -> None:
    for require, result, warned, failed in ((ACCEPTING, "WARNED", ["performance"], []),
                                            ("criteria", "FAILED", [], ["performance"])):  # fmt: skip
        said = json.loads(qmtestbed.attest(accepted.folder, require=require).read_bytes())["predicate"]
        assert (said["result"], said["warnedTests"], said["failedTests"]) == (result, warned, failed)
        (told,) = (c["annotations"] for c in said["configuration"] if c["name"] == "bundle.json")
        assert told.get("qmtestbed_waived") == ([f"performance: {LIMIT}"] if require == ACCEPTING else None)


def test_a_site_tells_met_from_waived(accepted: Outcome, run_dirs: Mapping[str, Path], tmp_path: Path) -> None:
    site = pipeline.publish([run_dirs["met"], accepted.folder], tmp_path / "site", Options(require=ACCEPTING))
    brief = next(r for r in site.runs if r.run == accepted.assessment.run)
    assert brief.verdict == "met_or_waived" and [c.waived for c in brief.criteria] == [True, False, False]
    badge = badge_json(brief)
    assert badge["message"] == "△ 2 of 3 met, 1 not met (1 waived)" and badge["color"] == "#755300"
    page = (site.folder / "churn" / "index.html").read_text("utf-8")
    assert "met or waived" in page and "waived by M. Sato &lt;b&gt;" in page and "criteria, waivers accepted" in page
    strict, _, _ = brief_of(accepted.folder, Options())
    assert strict.verdict == "not_met" and badge_json(strict)["message"] == "✗ 2 of 3 met, 1 not met (1 waived)"


def test_the_comment_tells_of_a_waiver_that_began_or_ended(accepted: Outcome, run_dirs: Mapping[str, Path]) -> None:
    waived, _, _ = brief_of(accepted.folder, Options())
    before, _, _ = brief_of(run_dirs["not_met"], Options())
    text = comment(waived, before)
    assert "**Waived now** (1)" in text and "Worse" not in text
    assert "△ waived by `M. Sato <b>` from 1 September 2026 until 31 January 2027: `ticket 12: |" in text
    assert "**No longer waived** (1)" in comment(before, waived)
    assert "△ waived by" in comment(waived, None)  # with nothing to compare with
    assert "Waived now" not in comment(waived, waived)


def test_a_ci_job_tells_met_from_waived(accepted: Outcome) -> None:
    assert pipeline.ci_verdict(accepted.folder, Options(require=ACCEPTING)) == "met_or_waived"
    assert pipeline.ci_verdict(accepted.folder, Options()) == "not_met"


def test_a_comparison_shows_the_waiver_beside_the_verdict(
    accepted: Outcome, run_dirs: Mapping[str, Path], tmp_path: Path
) -> None:
    runs = [run_dirs["not_met"], accepted.folder]
    compared = pipeline.compare(runs, Options(out=tmp_path / "c", isolation="process"))
    assert compared.comparison.counts[0].waived == 1
    page = compared.page.read_text("utf-8")
    assert "waived now" in page and "waived by M. Sato &lt;b&gt;" in page and "1 of 1 not met waived until" in page
