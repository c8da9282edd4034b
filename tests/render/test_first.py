"""What the first screen says beside the headlines: verdict of the run, main number, cautions, and what is next."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest

from qmtestbed.ait import Undefined
from qmtestbed.render import first_lines, junit, page, summary
from qmtestbed.render.context import DETAILS, Context
from qmtestbed.render.first import cautions, main_numbers, steps
from qmtestbed.render.words import Words
from qmtestbed.types.assessment import CriteriaHeadline, WaivedHeadline, WaiverState
from qmtestbed.types.evidence import Evidence
from qmtestbed.types.manifest import Suggestion
from qmtestbed.types.text import Text
from qmtestbed.types.values import MeasureValue

EN = Words("en")


def planned(evidence: Evidence, **changes: Any) -> Evidence:
    return dataclasses.replace(evidence, plan=dataclasses.replace(evidence.plan, **changes))


@pytest.fixture
def marked(sample):
    """The sample with the first criterion of its first check, and one of another, as they come from ``evaluate``."""
    evidence, assessment = sample
    checks, judged = dict(evidence.plan.checks), list(assessment.checks)
    name = judged[0].id
    expected = checks[name].expect
    checks[name] = dataclasses.replace(
        checks[name], expect=(dataclasses.replace(expected[0], default=True), *expected[1:])
    )
    criteria = judged[0].criteria
    judged[0] = dataclasses.replace(judged[0], criteria=(dataclasses.replace(criteria[0], default=True), *criteria[1:]))
    ait = checks[name].ait
    suggested = (Suggestion(expected[0].criterion.replace(" ", "  "), Text("x"), "x"),)
    manifests = {**evidence.manifests, ait: dataclasses.replace(evidence.manifests[ait], suggests=suggested)}
    evidence = dataclasses.replace(planned(evidence, checks=checks), manifests=manifests)
    return evidence, dataclasses.replace(assessment, checks=tuple(judged))


def test_default_limits_are_counted_and_marked_beside_each_criterion(marked, template, read_html) -> None:
    evidence, _ = marked
    limits = sum(len(c.expect) for c in evidence.plan.checks.values())
    ((said, do),) = cautions(evidence, EN)
    assert said.startswith(f"Default limits: 1 of {limits}.") and "plan.source.yaml" in do
    words = read_html(page(*marked, template)).text
    assert said in words and words.count("default limit") >= 1
    assert f"基準値 {limits} 件中 1 件は既定値です。" in page(*marked, template, "ja")
    assert "Default limits\\: 1 of" in summary(*marked)
    assert "Caution:  Default limits: 1 of" in first_lines(*marked)[0]


def test_nobody_is_told_of_default_limits_where_there_are_none(sample, template, read_html) -> None:
    assert cautions(sample[0], EN) == () and "default limit" not in read_html(page(*sample, template)).text.lower()


def test_a_limit_that_was_changed_is_no_default_though_it_is_marked(marked) -> None:
    evidence, _ = marked
    name, check = next((n, c) for n, c in evidence.plan.checks.items() if any(e.default for e in c.expect))
    changed = dataclasses.replace(check.expect[0], criterion="accuracy >= 0.123")
    checks = {**evidence.plan.checks, name: dataclasses.replace(check, expect=(changed,))}
    assert cautions(planned(evidence, checks=checks), EN) == ()


def test_junit_names_the_default_limit_of_a_failure(sample) -> None:
    evidence, assessment = sample
    assert "limit: default" not in junit(evidence, assessment)
    checks = tuple(
        dataclasses.replace(c, criteria=tuple(dataclasses.replace(x, default=True) for x in c.criteria))
        for c in assessment.checks
    )
    assert "limit: default, suggested by the AIT" in junit(evidence, dataclasses.replace(assessment, checks=checks))


def test_without_labels_the_first_screen_says_that_correctness_was_not_assessed(sample, template, read_html) -> None:
    evidence, assessment = sample
    assert not evidence.unlabelled
    inventories = {n: dataclasses.replace(i, label=None) for n, i in evidence.plan.inventories.items()}
    bare = planned(evidence, inventories=inventories)
    assert bare.unlabelled
    assert "No labels: correctness was not assessed." in read_html(page(bare, assessment, template)).text
    assert "正解ラベルなし：正確性は評価していません。" in page(bare, assessment, template, "ja")
    assert first_lines(bare, assessment)[0].startswith("Caution:  No labels: correctness was not assessed. Name")
    data_only = {n: dataclasses.replace(c, with_={"data": "test"}) for n, c in evidence.plan.checks.items()}
    assert not planned(bare, checks=data_only).unlabelled, "no model and no answers, so nothing could be correct"


def test_the_main_number_comes_from_the_first_check_that_measured_it(sample) -> None:
    (main,) = main_numbers(Context(*sample, EN, DETAILS[0]))
    assert (main.title, main.found, main.interval) == ("Accuracy", "0.8830", "[0.8614, 0.9023]")
    assert (main.level, main.n, main.check.text) == ("95 %", "1,000", "performance")


@pytest.mark.parametrize(
    ("ait", "measures", "titles"),
    [
        ("classification_performance", {"accuracy": Undefined("no rows")}, []),
        (
            "regression_performance",
            {"r2": 0.5, "mae": 12.25, "bias": 0.1},
            [("R²", "0.5"), ("Mean absolute error", "12.25")],
        ),
        ("calibration", {"accuracy": 0.5}, []),
    ],
)
def test_what_is_undefined_or_of_another_ait_is_no_main_number(sample, ait, measures, titles) -> None:
    evidence, assessment = sample
    check = dataclasses.replace(assessment.checks[0], ait=ait)
    record = evidence.records[check.record]
    values = {name: MeasureValue(value) for name, value in measures.items()}
    records = {**evidence.records, check.record: dataclasses.replace(record, measures=values)}
    context = Context(
        dataclasses.replace(evidence, records=records), dataclasses.replace(assessment, checks=(check,)), EN, DETAILS[0]
    )
    assert [(m.title, m.found) for m in main_numbers(context)] == titles


def test_what_failed_comes_before_what_is_missing(sample) -> None:
    _, assessment = sample
    told = steps(assessment, EN)
    starts = ("no result from shift", "not met: ", "undetermined: ", "qmtestbed plan draft ")
    assert len(told) == 4 and all(text.startswith(start) for text, start in zip(told, starts, strict=True))
    assert "recall >= 0.80 at 95% (performance)" in told[1]
    met = tuple(c for c in assessment.checks if c.verdict in ("met", "reported"))
    assert steps(dataclasses.replace(assessment, checks=met), EN) == told[3:]


def test_many_failures_are_counted(sample) -> None:
    _, assessment = sample
    check = next(c for c in assessment.checks if c.verdict == "not_met")
    missed = next(c for c in check.criteria if c.verdict == "not_met")
    many = dataclasses.replace(check, criteria=(missed,) * 5)
    told = steps(dataclasses.replace(assessment, checks=(many,)), EN)[0]
    assert told.count(missed.text) == 2 and ", 3 more; mend" in told


def test_what_is_waived_is_no_step(sample) -> None:
    _, assessment = sample
    check = next(c for c in assessment.checks if c.verdict == "not_met")
    waiver = WaiverState("M. Sato", "new data", "2026-11-01", "2027-01-31", "waived")
    waived = tuple(dataclasses.replace(c, waiver=waiver) for c in check.criteria)
    told = steps(dataclasses.replace(assessment, checks=(dataclasses.replace(check, criteria=waived),)), EN)
    assert not [text for text in told if text.startswith("not met")]


@pytest.mark.parametrize("counts", list(itertools.product((0, 1, 2), repeat=3)))
def test_the_verdict_of_the_run_is_the_worst_of_its_criteria(counts) -> None:
    met, missed, unknown = counts
    headline = CriteriaHeadline(sum(counts), met, missed, unknown)
    assert headline.verdict == ("not_met" if missed else "met" if met and not unknown else "undetermined")
    waived = dataclasses.replace(headline, waived=WaivedHeadline(missed, unknown, "2027-01-31"))
    assert waived.verdict == headline.verdict, "a waiver changes no verdict"
    assert waived.accepting == ("met_or_waived" if met else "undetermined")
