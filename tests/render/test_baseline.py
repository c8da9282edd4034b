"""A criterion against a baseline on page, summary and JUnit file: both values, the difference, and the offset."""

from __future__ import annotations

import dataclasses

import pytest

from qmtestbed.ait import Estimate
from qmtestbed.render import junit, page, summary
from qmtestbed.types.assessment import Against, CriterionVerdict
from qmtestbed.types.plan import Expectation
from qmtestbed.types.record import StoredResource
from qmtestbed.types.values import MeasureValue

KEYS = ("glass", "collision", "theft", "fire", "other")
DIFFERENCES = {
    k: Estimate(x, x - 0.02, x + 0.02, 0.95, 200) for k, x in zip(KEYS, (0.03, 0.0, -0.06, 0.01, 0.02), strict=True)
}
TEXT = "recall >= baseline - 0.01 at 95%"


@pytest.fixture(scope="module")
def compared(sample):
    """The sample run with one criterion against a baseline, and the record of the differences."""
    evidence, assessment = sample
    worst = DIFFERENCES["theft"]
    criterion = CriterionVerdict(
        TEXT, "not_met", "class theft: below", "recall", "theft", worst.value, worst.low, worst.high, worst.n,
        (-0.01, None), None, Against(0.645455, 0.705455, "models:/claims/6", "paired"),
    )  # fmt: skip
    first, *others = assessment.checks
    check = dataclasses.replace(first, criteria=(criterion,), baseline="d" * 64)
    record = dataclasses.replace(
        evidence.records[first.record], key="d" * 64, kind="difference", resources={},
        measures={"recall": MeasureValue(DIFFERENCES)},
    )  # fmt: skip
    plan = dataclasses.replace(
        evidence.plan,
        checks={
            **evidence.plan.checks,
            first.id: dataclasses.replace(evidence.plan.checks[first.id], expect=(Expectation(TEXT),)),
        },
        inventories={**evidence.plan.inventories, "baseline": evidence.plan.inventories["model"]},
    )
    assert not any(isinstance(r, StoredResource) for r in record.resources.values())
    records = {**evidence.records, record.key: record}
    return dataclasses.replace(evidence, plan=plan, records=records), dataclasses.replace(
        assessment, checks=(check, *others)
    )


@pytest.mark.parametrize(
    ("language", "said", "limit", "kind"),
    [
        (
            "en",
            "0.6455 against 0.7055 of the baseline (models:/claims/6), compared item by item",
            "≥ baseline − 0.01",
            "comparison with the baseline",
        ),
        (
            "ja",
            "モデル 0.6455、ベースライン（models:/claims/6）0.7055",
            "≥ ベースライン − 0.01",
            "ベースラインとの比較",
        ),
    ],
)
def test_the_page(compared, template, read_html, language, said, limit, kind) -> None:
    html = read_html(page(*compared, template, language))
    assert html.text.count(said) == 2  # among the failures and at the check
    assert limit in html.text and kind in html.text
    assert "−0.0600" in html.text and "[−0.0800, −0.0400]" in html.text
    drawn = page(*compared, template, language).split('class="chart limit"')[1].split("</svg>")[0]
    assert all(key in drawn for key in KEYS) and limit in drawn  # the differences of all classes beside the offset
    assert drawn.count("interval v-") >= 5
    assert html.text.count("baseline") > 3  # also among the inputs of the check


def test_a_gain_has_its_sign(compared, template, read_html) -> None:
    evidence, assessment = compared
    first, *others = assessment.checks
    gain = dataclasses.replace(first.criteria[0], value=0.02, low=0.01, high=0.03, verdict="met", key=None)
    better = dataclasses.replace(assessment, checks=(dataclasses.replace(first, criteria=(gain,)), *others))
    assert "+0.0200" in read_html(page(evidence, better, template)).text


def test_summary_and_junit(compared) -> None:
    line = next(x for x in summary(*compared).splitlines() if x.startswith("|") and "recall" in x and "baseline" in x)
    assert "−0.0600" in line and "0.6455 against 0.7055" in line and "≥ baseline − 0.01" in line
    text = junit(*compared)
    assert "model: 0.645455\nbaseline: 0.705455\ndifference: -0.06" in text


def test_a_hostile_name_stays_text(compared, template, poisoned, read_html) -> None:
    html = read_html(page(*poisoned(compared), template))
    assert "script" not in html.tags() and "alert(1)" in html.text


def test_where_a_measure_has_one_key_only_nothing_is_decided_among_others(sample, template) -> None:
    evidence, assessment = sample
    known = evidence.records[assessment.checks[0].record]
    alone = MeasureValue({"theft": Estimate(0.6, 0.5, 0.7, 0.95, 110)})
    record = dataclasses.replace(known, measures={**known.measures, "recall": alone})
    said = [
        page(dataclasses.replace(evidence, records={**evidence.records, r.key: r}), assessment, template)
        for r in (known, record)
    ]
    assert "theft, which decides" in said[0] and "theft, which decides" not in said[1]
