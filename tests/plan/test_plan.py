"""A plan's problems: all at once, each with file, line and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from qmtestbed.catalogue import Catalogue
from qmtestbed.errors import PlanError
from qmtestbed.plan import load_plan

GOOD = """\
schema: qmtestbed/plan/v1
component: churn
guideline: mlqm@3
levels: {performance: AIPL-1}
inventories:
  model: models:/churn@champion
  test: {uri: test.parquet, label: churned}
checks:
  performance:
    ait: classification_performance
    with: {model: model, data: test}
    params: {average: macro}
    expect:
      - accuracy >= 0.9 at 95%
      - {criterion: "recall[yes] >= 0.8", because: misses cost more}
    for: [C-1-L1-1]
declarations:
  - {requirement: A-1-L1-1, statement: done, by: QA, date: 2026-01-01, until: 2027-01-01}
"""


def problems(tmp_path: Path, catalogue: Catalogue, text: str) -> list[tuple[str, str, str]]:
    path = tmp_path / "plan.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(PlanError) as caught:
        load_plan(path, catalogue)
    return [(p.where.rsplit(":", 1)[-1], p.what, p.do) for p in caught.value.problems]


def test_a_good_plan(tmp_path: Path, catalogue: Catalogue) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(GOOD, "utf-8")
    loaded = load_plan(path, catalogue)
    assert loaded.plan.targets("mlqm@3") == {"performance": "AIPL-1"}
    assert loaded.folder == tmp_path and loaded.source == GOOD.encode()


@pytest.mark.parametrize(
    ("old", "new", "line", "what", "do"),
    [
        ("mlqm@3", "mlqm@9", "3", "unknown guideline", "mlqm@3"),
        ("performance: AIPL-1", "perfomance: AIPL-1", "4", "unknown quality", "performance"),
        ("AIPL-1", "AIPL-7", "4", "unknown level", "AIPL-1"),
        ("ait: classification_performance", "ait: clasification_performance", "10", "unknown AIT", "did you"),
        ("model: model, data: test}", "model: modle, data: test}", "11", "unknown inventory 'modle'", "'model'"),
        ("model: model, data: test}", "data: test}", "11", "needs the input 'predictions'", "bind model and data"),
        ("{model: model, data: test}", "{model: model, data: test, tst: test}", "11", "no input 'tst'", ""),
        ("average: macro", "avg: macro", "12", "no parameter 'avg'", "average"),
        ("average: macro", "average: micro", "12", "must be one of", ""),
        ("average: macro", "average: 3", "12", "of type string", ""),
        ("accuracy >= 0.9", "acuracy >= 0.9", "14", "no measure 'acuracy'", "accuracy"),
        ("accuracy >= 0.9", "accuracy[yes] >= 0.9", "14", "one value", "without brackets"),
        ("accuracy >= 0.9", "accuracy <= 0.9", "14", "better when higher", "turn"),
        ("accuracy >= 0.9", "accuracy >= 1.2", "14", "no value can meet it", "inside"),
        ("accuracy >= 0.9", "accuracy > 1", "14", "no value can meet it", "inside"),
        ("accuracy >= 0.9", "accuracy >= 0", "14", "no value can miss it", "inside"),
        ("accuracy >= 0.9", "accuracy in [0, 1]", "14", "no value can miss it", "inside"),
        ("accuracy >= 0.9 at 95%", "accuracy == 0.9 at 95%", "14", "equals", "in [a, b]"),
        ("at 95%", "at 90%", "14", "the plan's confidence is 0.95", "at 95%"),
        ("accuracy >= 0.9 at 95%", "mcc >= 0.5 at 95%", "14", "without an interval", "leave out"),
        ("accuracy >= 0.9 at 95%", "accuracy >= baseline", "14", "no baseline", "baseline: <model>; or write a number"),
        ("accuracy >= 0.9 at 95%", "accuracy is good", "14", "not a criterion", ""),
        ("accuracy >= 0.9 at 95%", "accuracy in [0.9, 0.8]", "14", "the wrong way round", "write 'in [0.8, 0.9]'"),
        ("accuracy >= 0.9 at 95%", "accuracy>=0.90 at 95%\n      - accuracy >= 0.9 at 95%", "15", "twice", "keep"),
        ("component: churn", "component: churn\nconfidence: 95", "3", "must be at most 0.9999", "write 0.95"),
        ("ait: classification_performance", "ait: my_own", "10", "unknown AIT 'my_own'", "--aits"),
        ("for: [C-1-L1-1]", "for: [C-1-L1-9]", "16", "unknown clause", "C-1-L1-1"),
        ("requirement: A-1-L1-1", "requirement: A-9-L1-1", "18", "unknown requirement", "-1-L1-1"),
        ("statement: done, ", "", "18", "says nothing", "statement"),
        ("until: 2027-01-01", "until: 2025-01-01", "18", "ends before it begins", ""),
        ("date: 2026-01-01", "date: 1.1.2026", "18", "must match", "2026-11-01"),
        ("by: QA, ", "", "18", "'by' is missing", "who"),
        ("date: 2026-01-01, until", "until", "18", "'date' is missing", "when"),
        ("by: QA", "todo: false, by: QA", "18", "todo: not one of True", ""),
        ("statement: done", "not_applicable: no camera, checklist: c.csv", "18", "does not apply", "keep"),
        ("requirement: A-1-L1-1", "requirement: A-9-L1-1, todo: true", "18", "unknown requirement", "-1-L1-1"),
        ("component: churn", "componnt: churn", "2", "unknown key 'componnt'", "component"),
    ],
)  # fmt: skip
def test_each_problem_at_its_line(
    tmp_path: Path, catalogue: Catalogue, old: str, new: str, line: str, what: str, do: str
) -> None:
    assert old in GOOD
    found = problems(tmp_path, catalogue, GOOD.replace(old, new, 1))
    assert any(f[0] == line and what in f[1] and do in f[2] for f in found), found


WAIVED = f"""{GOOD}\
waivers:
  - {{check: performance, criterion: "recall[yes]  >= 0.8", by: M. Sato, reason: ticket 12, date: 2026-11-01,
     until: 2027-01-31}}
"""


def test_a_good_plan_with_a_waiver(tmp_path: Path, catalogue: Catalogue) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(WAIVED, "utf-8")
    (waiver,) = load_plan(path, catalogue).plan.waivers
    assert (waiver.check, waiver.by, waiver.reason, waiver.until) == (
        "performance", "M. Sato", "ticket 12", "2027-01-31",
    )  # fmt: skip
    path.write_text(WAIVED.replace("reason: ticket 12", 'reason: "two\\nlines"'), "utf-8")
    assert load_plan(path, catalogue).plan.waivers[0].reason == "two\nlines"


@pytest.mark.parametrize(
    ("old", "new", "line", "what", "do"),
    [
        ("check: performance", "check: perfomance", "20", "unknown check 'perfomance'", "'performance'"),
        ("recall[yes]  >= 0.8", "recall[yes] >= 0.80", "20", "performance has no such criterion", "[yes] >= 0.8'"),
        ("recall[yes]  >= 0.8", "f1 in [0, 1]", "20", "performance has no such criterion", "known: accuracy"),
        ("until: 2027-01-31", "", "20", "'until' is missing", "there is none without an end"),
        ("reason: ticket 12, ", "", "20", "'reason' is missing", "why the criterion may be missed"),
        ("reason: ticket 12", 'reason: " "', "20", "must match", "why the criterion may be missed"),
        ("by: M. Sato, ", "", "20", "'by' is missing", "who grants it"),
        ("date: 2026-11-01,", "", "20", "'date' is missing", "the first day"),
        ("date: 2026-11-01", "date: 2026-02-30", "20", "there is no such day", ""),
        ("until: 2027-01-31", "until: soon", "21", "must match", "2027-01-31"),
        ("until: 2027-01-31", "until: 2026-10-31", "21", "ends before it begins", ""),
        ("until: 2027-01-31", "untill: 2027-01-31", "21", "unknown key 'untill'", "'until'"),
    ],
)  # fmt: skip
def test_each_problem_of_a_waiver(
    tmp_path: Path, catalogue: Catalogue, old: str, new: str, line: str, what: str, do: str
) -> None:
    assert old in WAIVED.partition("waivers:")[2]
    head, _, waivers = WAIVED.partition("waivers:")
    found = problems(tmp_path, catalogue, f"{head}waivers:{waivers.replace(old, new, 1)}")
    assert any(f[0] == line and what in f[1] and do in f[2] for f in found), found


def test_a_waiver_is_of_exactly_one_criterion(tmp_path: Path, catalogue: Catalogue) -> None:
    head, key, waiver = WAIVED.partition("waivers:\n")
    twice = problems(tmp_path, catalogue, head + key + waiver + waiver.replace("  >=", " >="))
    assert [(line, what) for line, what, _ in twice] == [("22", "a second waiver of 'recall[yes] >= 0.8'")]
    again = WAIVED.replace("      - accuracy", '      - "recall[yes] >= 0.8"\n      - accuracy')
    assert [what for _, what, _ in problems(tmp_path, catalogue, again)] == ["this criterion stands here twice"]


AGAINST = GOOD.replace("accuracy >= 0.9 at 95%", "accuracy >= baseline - 0.01 at 95%").replace(
    "  model: models", "  baseline: models:/churn/1\n  model: models"
)


def test_a_good_plan_with_a_baseline(tmp_path: Path, catalogue: Catalogue) -> None:
    for criterion in ("accuracy >= baseline - 0.01 at 95%", "mcc > baseline at 95%", '"recall[yes] >= baseline + 0.1"'):
        path = tmp_path / "plan.yaml"
        path.write_text(AGAINST.replace("accuracy >= baseline - 0.01 at 95%", criterion), "utf-8")
        assert "baseline" in load_plan(path, catalogue).plan.inventories


@pytest.mark.parametrize(
    ("old", "new", "line", "what", "do"),
    [
        ("accuracy >= b", "acuracy >= b", "15", "no measure 'acuracy'", "accuracy"),
        (">= baseline - 0.01 at 95%", "<= baseline", "15", "better when higher", "turn"),
        (">= baseline - 0.01 at 95%", ">= baseline + 1.5", "15", "no value can meet it: the difference", "[-1, 1]"),
        (">= baseline - 0.01 at 95%", ">= baseline - 1", "15", "no value can miss it: the difference", "[-1, 1]"),
        (">= baseline - 0.01 at 95%", "== baseline at 95%", "15", "equals a number", "leave out"),
        ("at 95%", "at 90%", "15", "the plan's confidence", "at 95%"),
    ],
)
def test_each_problem_of_a_criterion_against_a_baseline(
    tmp_path: Path, catalogue: Catalogue, old: str, new: str, line: str, what: str, do: str
) -> None:
    assert old in AGAINST
    found = problems(tmp_path, catalogue, AGAINST.replace(old, new, 1))
    assert any(f[0] == line and what in f[1] and do in f[1] + f[2] for f in found), found


@pytest.mark.parametrize(
    ("check", "what"),
    [
        ("{ait: data_completeness, with: {data: test}, expect: [value_completeness >= baseline]}", "has no model that"),
        (
            "{ait: noise_stability, with: {model: model, data: test}, expect: [change_rate >= baseline]}",
            "better when low",
        ),
        (
            "{ait: weakest_slices, with: {model: model, data: test}, expect: [slices_searched <= baseline + 1 at 95%]}",
            "comes without an interval",
        ),
    ],
)
def test_a_baseline_needs_a_model_in_the_check(tmp_path: Path, catalogue: Catalogue, check: str, what: str) -> None:
    head, _, _ = AGAINST.partition("checks:")
    found = problems(tmp_path, catalogue, f"{head}checks:\n  c: {check}\n")
    assert [what in f[1] for f in found] == [True], found


def test_a_second_declaration_names_the_first(tmp_path: Path, catalogue: Catalogue) -> None:
    again = "  - {requirement: A-1-L1-1, not_applicable: no risk, by: QA, date: 2026-01-01}\n"
    found = problems(tmp_path, catalogue, GOOD + again)
    assert [(line, what) for line, what, _ in found] == [("19", "a second declaration for A-1-L1-1")]


def test_all_problems_at_once(tmp_path: Path, catalogue: Catalogue) -> None:
    text = GOOD.replace("AIPL-1", "AIPL-7").replace("accuracy >=", "acuracy >=").replace("C-1-L1-1]", "C-9]")
    assert [line for line, _, _ in problems(tmp_path, catalogue, text)] == ["4", "14", "16"]


def test_several_guidelines_nest_their_levels(tmp_path: Path, catalogue: Catalogue) -> None:
    text = GOOD.replace("guideline: mlqm@3", "guideline: [mlqm@3, other@1]")
    found = problems(tmp_path, catalogue, text)
    assert any("must nest" in what for _, what, _ in found) and any("unknown guideline" in what for _, what, _ in found)
