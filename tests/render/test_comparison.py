"""The page of a comparison and the part "since last time": both languages, many runs, hostile texts, no run of code."""

from __future__ import annotations

import dataclasses
import re

import pytest

from qmtestbed.ait import Curve, Estimate
from qmtestbed.judging import compare, judge, snapshot
from qmtestbed.render import comparison_page, page, summary
from qmtestbed.render.overlays import Interval, curves, intervals
from qmtestbed.types import assessment as a
from qmtestbed.types.values import MeasureValue
from tests.render.test_codes import without_code

WORSE = Estimate(0.7, 0.671, 0.728, 0.95, 1000)


@pytest.fixture(scope="module")
def later(sample):
    """The sample run with a lower accuracy, another model, one criterion less and one more."""
    evidence, _ = sample
    key = evidence.info.checks["performance"]
    record = evidence.records[key]
    worse = dataclasses.replace(record, key="f" * 64, measures={**record.measures, "accuracy": MeasureValue(WORSE)})
    records = {**{k: r for k, r in evidence.records.items() if k != key}, worse.key: worse}
    facts = evidence.info.inventories
    model = dataclasses.replace(facts["model"], sha256="9" * 64, version="claims-triage/8")
    checks = {**evidence.info.checks, "performance": worse.key}
    info = dataclasses.replace(evidence.info, checks=checks, inventories={**facts, "model": model}, run="5" * 64)
    return dataclasses.replace(evidence, info=info, records=records)


@pytest.fixture(scope="module")
def both(sample, later):
    evidences = [sample[0], later]
    return compare([snapshot(e, judge(e)) for e in evidences], ["first", "second"]), evidences


@pytest.fixture(scope="module")
def templates(template):
    return template.parent / "compare"


def test_the_page_of_two_runs(both, templates, read_html) -> None:
    text = comparison_page(*both, templates)
    html = read_html(text)
    order = [text.index(f'id="{place}"') for place in ("changes", "shown", "different", "checks", "reading")]
    assert order == sorted(order)
    for said in (
        "accuracy >= 0.85 at 95%", "▼ worse", "first", "second", "claims-triage/7", "claims-triage/8",
        "from both intervals, unpaired", "is no test", "Whether the runs' own intervals overlap",
    ):  # fmt: skip
        assert said in html.text, said
    ids = html.every("id")
    assert len(ids) == len(set(ids)) and {h[1:] for h in html.every("href") if h.startswith("#")} <= set(ids)
    drawn = text.split('class="chart limit"')[1].split("</svg>")[0]
    assert "v-met" in drawn and "v-not_met" in drawn and ">A<" in drawn and ">B<" in drawn
    assert comparison_page(*both, templates) == text


def test_japanese_and_many_runs(both, sample, later, templates, read_html) -> None:
    evidences = [sample[0], later] * 14
    many = compare([snapshot(e, judge(e)) for e in evidences], [f"run {i}" for i in range(28)])
    text = comparison_page(many, evidences, templates, "ja")
    html = read_html(text)
    assert without_code(text) == set() and "（NG）" in text
    assert "判定の変化" in html.text and "B2" in html.text and "同一の記録" in html.text
    assert not re.search(r"\b(worse|better|item by item)\b", html.text)


def test_hostile_texts_stay_texts(both, poisoned, templates, read_html) -> None:
    comparison, evidences = both
    text = comparison_page(poisoned(comparison), [poisoned(e) for e in evidences], templates)
    html, calm = read_html(text), read_html(comparison_page(*both, templates))
    assert "script" not in html.tags() and "alert(1)" in html.text and "⟨U+202E⟩evil" in html.text
    assert set(html.tags()) <= set(calm.tags()) | {"td", "code"}
    assert all(h.startswith("#") for h in html.every("href"))


@pytest.fixture(scope="module")
def since(sample, later):
    now = dataclasses.replace(later, since=snapshot(sample[0], judge(sample[0])))
    return now, judge(now)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("Since last time", "1 worse", "0 better", "met → not met", "claims-triage/8", "20 November 2026")),
        ("ja", ("前回からの変化", "1 悪化", "0 改善", "達成（OK） → 未達（NG）", "claims-triage/8", "2026年11月20日")),
    ],
)
def test_the_first_screen_says_what_changed(since, template, read_html, language, said) -> None:
    text = page(*since, template, language)
    first = read_html("<div>" + text.split('class="card since"')[1].split("</section>")[0].split(">", 1)[1] + "</div>")
    for words in said:
        assert words in first.text, words
    assert text.index('id="since-title"') < text.index('id="failures"')
    assert "claims-triage/8" in summary(*since, language).split("##")[1]


def test_a_hostile_past_stays_text(since, poisoned, template, read_html) -> None:
    html = read_html(page(*poisoned(since), template))
    assert "script" not in html.tags() and "alert(1)" in html.text
    assert "<" not in summary(*poisoned(since))


def test_nothing_changed(sample, template, read_html) -> None:
    evidence, _ = sample
    told = judge(dataclasses.replace(evidence, since=snapshot(evidence, judge(evidence))))
    assert "No verdict changed. Different: Nothing that both runs record." in read_html(
        page(evidence, told, template)
    ).text  # fmt: skip
    assert told.since is not None and isinstance(told.since, a.SinceLast)


def test_intervals_of_runs_are_told_apart_without_colour() -> None:
    picture = intervals({"yes": [Interval(0, "A", 0.8, 0.7, 0.9), Interval(1, "B", 0.6)]}, "recall") or ""
    assert ">A<" in picture and ">B<" in picture and "<circle" in picture and "M-3-3h6v6h-6Z" in picture
    assert intervals({"x": [Interval(0, "A", float("nan"))]}, "t") is None
    assert intervals({str(i): [Interval(0, "A", 0.5)] for i in range(13)}, "t") is None


def test_a_line_that_all_runs_have_stands_once() -> None:
    ideal = ((0.0, 0.0), (1.0, 1.0))
    one, other = (Curve({"found": ((0.0, x), (1.0, 1.0)), "ideal": ideal}, "x", "y") for x in (0.1, 0.2))
    assert list(curves({"A": one, "B": other}).series) == ["A: found", "B: found", "ideal"]
