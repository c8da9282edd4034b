"""Laws that hold for every run, not only for those in the tables."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from qmtestbed.ait import Estimate, Finding, Prose, Subject, Undefined
from qmtestbed.errors import ExitCode
from qmtestbed.judging import compare, exit_code, judge, run_verdict, snapshot
from qmtestbed.types.assessment import ACCEPTING, Assessment, DeclarationState, Require
from qmtestbed.types.codec import canonical, decode, encode
from qmtestbed.types.comparison import Comparison, Snapshot
from qmtestbed.types.evidence import Evidence
from qmtestbed.types.plan import Waiver
from qmtestbed.types.record import Record, Status
from qmtestbed.types.values import MeasureValue

law = settings(max_examples=150, deadline=None, derandomize=True)

AITS = ("accuracy", "left", "right", "drift", "stress")
CLAUSES = ("a1", "a2", "e1", "e2", "s1", "s2", "d1", "d2", "nowhere", "small@1:a1")
CRITERIA = (
    "accuracy >= 0.5", "accuracy >= 0.5 at 95%", "accuracy > 0.9", "accuracy in [0.2, 0.8] at 95%", "accuracy == 1",
    "recall >= 0.5", "recall[yes] >= 0.5 at 95%", "recall[maybe] >= 0.5", "errors <= 0.4", "duplicates < 3",
    "flag == 1", "accuracy >= baseline - 0.1", "accuracy > baseline - 0.1 at 95%", "recall >= baseline at 95%",
    "recall[yes] >= baseline - 0.2", "errors <= baseline", "duplicates <= baseline + 1", "flag >= baseline",
    "nonsense", "unknown >= 0", "accuracy >= 0 at 90%",
)  # fmt: skip

ratios = st.floats(0, 1)
undefined = st.builds(Undefined, st.sampled_from(["nothing there", "one class only"]))


@st.composite
def estimates(draw: st.DrawFn) -> Estimate:
    low, value, high = sorted(draw(st.tuples(ratios, ratios, ratios)))
    return Estimate(value, low, high, draw(st.sampled_from([0.95, 0.95, 0.9])), draw(st.integers(0, 10**6)))


singles = st.one_of(ratios, estimates(), undefined)
measures = st.fixed_dictionaries(
    {},
    optional={
        "accuracy": singles,
        "recall": st.dictionaries(st.sampled_from(["yes", "no", "other"]), singles, max_size=3),
        "errors": st.lists(singles, max_size=3).map(tuple),
        "duplicates": st.integers(0, 5),
        "flag": st.booleans(),
    },
)
subjects = st.one_of(
    st.builds(Subject, class_=st.sampled_from(["yes", "no"])),
    st.builds(Subject, column=st.sampled_from(["age", "yes"])),
    st.builds(Subject, rows=st.lists(st.integers(0, 9), min_size=1, max_size=3).map(tuple)),
)
findings = st.builds(
    Finding,
    st.sampled_from(["weak_class", "duplicate_rows"]),
    subjects,
    st.sampled_from(["accuracy", "recall", "duplicates"]),
    ratios,
    st.sampled_from(["one", "two"]),
)
compared = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["measured"] * 5 + list(get_args(Status))),
        "kind": st.sampled_from(["difference", "difference", "measure", "measure", "predict"]),
        "measures": measures,
        "seed": st.sampled_from([0, 0, 0, 1]),
    }
)
checks = st.fixed_dictionaries(
    {
        "baseline": st.none() | compared,
        "ait": st.sampled_from(AITS),
        "expect": st.lists(st.sampled_from(CRITERIA), max_size=3),
        "for": st.none() | st.lists(st.sampled_from(CLAUSES), max_size=3, unique=True),
        "status": st.sampled_from(["measured"] * 8 + [None, *get_args(Status)]),
        "more": st.fixed_dictionaries({"measures": measures, "findings": st.lists(findings, max_size=4).map(tuple)}),
    }
)
declarations = st.builds(
    DeclarationState,
    requirement=st.sampled_from(CLAUSES),
    by=st.just("Ada"),
    date=st.just("2026-11-01"),
    state=st.sampled_from(["valid", "valid", "valid", "expired", "not_yet_valid", "file_missing", "file_altered"]),
    statement=st.sampled_from([None, "we did"]),
    not_applicable=st.sampled_from([None, None, "no such thing"]),
    file=st.sampled_from([None, "f.md"]),
    answered_no=st.sampled_from([None, None, None, "Is it done?"]),
)
levels = st.fixed_dictionaries(
    {},
    optional={
        "safe": st.sampled_from(["S-0", "S-1", "S-2", "S-3"]),
        "speed": st.sampled_from(["V-1", "V-2"]),
        "upkeep": st.sampled_from(["U-1", "U-2", "U-3", "U-4"]),
    },
)
runs = st.tuples(
    st.dictionaries(st.sampled_from("abcdef"), checks, max_size=5), st.lists(declarations, max_size=5), levels
)


def made(build: Any, run: Any) -> Evidence:
    made_checks, declared, asked = run
    return build.run(made_checks, *declared, levels=asked)  # type: ignore[no-any-return]


def shuffled(mapping: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
    items = list(mapping.items())
    chance.shuffle(items)
    return dict(items)


@law
@given(run=runs)
def test_judging_twice_gives_equal_bytes_also_after_a_way_through_json(build: Any, run: Any) -> None:
    evidence = made(build, run)
    once = judge(evidence)
    assert canonical(judge(evidence)) == canonical(once)
    assert decode(Assessment, encode(once)) == once
    stored = {k: decode(Record, encode(r)) for k, r in evidence.records.items()}
    assert canonical(judge(replace(evidence, records=stored))) == canonical(once)


@law
@given(run=runs, chance=st.randoms(use_true_random=False))
def test_the_order_of_records_and_of_their_measures_changes_nothing(
    build: Any, run: Any, chance: random.Random
) -> None:
    evidence = made(build, run)

    def mixed(record: Record) -> Record:
        values = {
            name: MeasureValue(shuffled(m.by_key, chance)) if m.by_key is not None else m
            for name, m in record.measures.items()
        }
        return replace(
            record,
            measures=shuffled(values, chance),
            findings=tuple(chance.sample(record.findings, len(record.findings))),
        )

    other = replace(
        evidence,
        info=replace(evidence.info, checks=shuffled(evidence.info.checks, chance)),
        manifests=shuffled(evidence.manifests, chance),
        records=shuffled({k: mixed(r) for k, r in evidence.records.items()}, chance),
    )
    assert canonical(judge(other)) == canonical(judge(evidence))


@law
@given(run=runs, value=singles)
def test_irrelevant_evidence_changes_nothing(build: Any, run: Any, value: Any) -> None:
    evidence = made(build, run)
    stray = build.record("accuracy", key="stray", measures={"accuracy": value})
    probe = build.record("accuracy", key="probe", kind="probe", program="probe")
    elsewhere = build.guideline("elsewhere", levels=False)
    more = replace(
        evidence,
        info=replace(
            evidence.info,
            checks={**evidence.info.checks, "not in the plan": "stray"},
            declarations=(*evidence.info.declarations, build.declaration("elsewhere@1:a1")),
        ),
        records={**evidence.records, "stray": stray, "probe": probe},
        guidelines={**evidence.guidelines, elsewhere.name: elsewhere},
        resources={"0" * 64: Prose("a text")},
    )
    assert canonical(judge(more)) == canonical(judge(evidence))


@law
@given(run=runs, extra=checks)
def test_a_check_for_other_clauses_changes_no_requirement(build: Any, run: Any, extra: Any) -> None:
    made_checks, declared, asked = run
    before = judge(build.run(made_checks, *declared, levels=asked))
    after = judge(build.run({**made_checks, "zz": {**extra, "for": ["nowhere"]}}, *declared, levels=asked))
    for old, new in zip(before.requirements, after.requirements, strict=True):
        assert replace(new, related=old.related) == old
    assert after.levels == before.levels


@law
@given(run=runs, status=st.sampled_from([s for s in get_args(Status) if s != "measured"]))
def test_nothing_but_measured_ever_yields_met(build: Any, run: Any, status: str) -> None:
    made_checks, declared, asked = run
    failing = {n: {**c, "status": c["status"] and status} for n, c in made_checks.items()}
    found = judge(build.run(failing, *declared, levels=asked))
    assert {c.verdict for c in found.checks} <= {"undetermined"}
    assert all(len(c.criteria) == 1 for c in found.checks)
    assert all(r.parts.get("measured") in (None, "undetermined", "missing") for r in found.requirements)
    assert all(exit_code(found, r) != 0 for r in get_args(Require))
    assert found.findings == ()


@law
@given(run=runs, status=st.sampled_from([s for s in get_args(Status) if s != "measured"]))
def test_a_baseline_that_is_not_measured_decides_nothing(build: Any, run: Any, status: str) -> None:
    made_checks, declared, asked = run
    failing = {
        n: {**c, "baseline": c["baseline"] and {**c["baseline"], "status": status}} for n, c in made_checks.items()
    }
    for check in judge(build.run(failing, *declared, levels=asked)).checks:
        against = [c for c in check.criteria if "baseline" in c.text]
        assert {c.verdict for c in against} <= {"undetermined"} and not any(c.against for c in against)


@law
@given(run=runs)
def test_every_verdict_names_its_records(build: Any, run: Any) -> None:
    evidence = made(build, run)
    found = judge(evidence)
    by_id = {c.id: c for c in found.checks}
    for check in found.checks:
        assert (check.record in evidence.records) if check.status != "no_record" else check.record is None
        assert check.record is not None or check.verdict == "undetermined"
        assert check.baseline is None or check.baseline in evidence.records
        assert check.baseline is not None or not any(c.against for c in check.criteria)
    for requirement in found.requirements:
        assert set(requirement.records) <= set(evidence.records)
        if requirement.verdict != "not_applicable" and requirement.parts.get("measured") in (
            "supported",
            "contradicted",
        ):
            assert requirement.records
        deciding = [by_id[c] for c in requirement.checks if by_id[c].verdict != "reported"]
        judged = {key for c in deciding for key in (c.record, c.baseline)}
        assert set(requirement.records) <= judged
        assert not set(requirement.checks) & set(requirement.related)


@law
@given(run=runs)
def test_a_stricter_requirement_never_gives_a_laxer_code(build: Any, run: Any) -> None:
    found = judge(made(build, run))
    badness = {0: 0, 2: 1, 1: 2}
    loose = badness[exit_code(found, "criteria")]
    assert all(badness[exit_code(found, r)] >= loose for r in get_args(Require))
    if loose == 0:
        assert found.headlines.criteria.met == found.headlines.criteria.judged > 0


@law
@given(run=runs)
def test_no_level_is_reached_vacuously(build: Any, run: Any) -> None:
    found = judge(made(build, run))
    supported = any(r.verdict == "supported" for r in found.requirements)
    measured = any(r.parts.get("measured") == "supported" for r in found.requirements)
    for level in found.levels:
        assert level.reached is None or supported
        assert level.measured_side in (None, "nothing to measure") or measured
        assert (level.verdict == "reached") == (level.reached == level.target)


# -- improving never lowers a verdict --------------------------------------------------------------------------

RANK = {"not_met": 0, "undetermined": 1, "met": 2}
PART_RANK = {"contradicted": 0, "undetermined": 1, "supported": 2}
WHOLE_RANK = {"contradicted": 0, "undetermined": 1, "partly_supported": 2, "supported": 3}


def better(value: Any, by: float) -> Any:
    """The same in the direction of higher, by up to ``by``, no part of it beyond 1."""
    if isinstance(value, Estimate):
        step = min(by, 1 - value.high)
        return replace(value, value=value.value + step, low=value.low + step, high=value.high + step)
    return min(1.0, value + by)


@law
@given(
    value=st.one_of(ratios, estimates()),
    by=ratios,
    criterion=st.sampled_from(
        [f"accuracy {op} {b}{at}" for op in (">=", ">") for b in (0.2, 0.5, 0.9) for at in ("", " at 95%")]
    ),
    declared=st.booleans(),
    second=st.sampled_from([None, "good", "bad", "open"]),
)
def test_improving_never_lowers_a_verdict(
    build: Any, value: Any, by: float, criterion: str, declared: bool, second: str | None
) -> None:
    def judged(v: Any) -> Assessment:
        all_checks = {"c": build.check("accuracy", v, criterion)}
        if second:
            all_checks["d"] = getattr(build, second)()
        return judge(build.run(all_checks, *([build.declaration("a1")] if declared else [])))

    before, after = judged(value), judged(better(value, by))
    assert RANK[after.checks[0].verdict] >= RANK[before.checks[0].verdict]
    old, new = (build.of_requirement(a, "a1") for a in (before, after))
    assert PART_RANK[new.parts["measured"]] >= PART_RANK[old.parts["measured"]]
    assert WHOLE_RANK[new.verdict] >= WHOLE_RANK[old.verdict]


@law
@given(
    value=st.one_of(ratios, estimates()),
    by=ratios,
    theirs=st.one_of(ratios, estimates()),
    criterion=st.sampled_from(
        [
            f"accuracy {op} baseline {b}{at}"
            for op in (">=", ">")
            for b in ("- 0.2", "", "+ 0.1")
            for at in ("", " at 95%")
        ]
    ),
    paired=st.booleans(),
)
def test_improving_never_lowers_a_verdict_against_a_baseline(
    build: Any, value: Any, by: float, theirs: Any, criterion: str, paired: bool
) -> None:
    """Paired, the difference itself improves; unpaired, the value of the model or, the other way, of the baseline."""

    def judged(ours: Any, baseline: Any) -> int:
        made = build.difference(baseline, kind="difference" if paired else "measure")
        return RANK[judge(build.run({"c": build.check("accuracy", ours, criterion, baseline=made)})).checks[0].verdict]

    if paired:
        assert judged(0.5, better(value, by)) >= judged(0.5, value)
    else:
        assert judged(better(value, by), theirs) >= judged(value, theirs)
        assert judged(value, better(theirs, by)) <= judged(value, theirs)


@law
@given(values=st.dictionaries(st.sampled_from("abc"), ratios, min_size=1), by=ratios, key=st.sampled_from("abc"))
def test_improving_one_key_never_lowers_the_verdict_on_all(build: Any, values: Any, by: float, key: str) -> None:
    def judged(v: Any) -> str:
        return (
            judge(build.run({"c": build.check("accuracy", 0, "recall <= 0.5", measures={"recall": v})}))
            .checks[0]
            .verdict
        )

    improved = {k: max(0.0, x - by) if k == key else x for k, x in values.items()}
    assert RANK[judged(improved)] >= RANK[judged(values)]


@law
@given(value=ratios, low=ratios, high=ratios, shrink=ratios, limit=st.sampled_from(["0.5", "0.9"]))
def test_a_tighter_interval_never_turns_one_answer_into_the_other(
    build: Any, value: float, low: float, high: float, shrink: float, limit: str
) -> None:
    low, value, high = sorted((low, value, high))
    tight = Estimate(value, value - (value - low) * shrink, value + (high - value) * shrink, 0.95, 50)
    wide = Estimate(value, low, high, 0.95, 50)

    def judged(estimate: Estimate) -> str:
        return (
            judge(build.run({"c": build.check("accuracy", estimate, f"accuracy >= {limit} at 95%")})).checks[0].verdict
        )

    assert judged(wide) in ("undetermined", judged(tight)) or shrink == 1


def of_run(build: Any, run: Any) -> Snapshot:
    evidence = made(build, run)
    return snapshot(evidence, judge(evidence))


law_of_two = settings(law, max_examples=50)  # two runs to judge
MIRRORED = {
    "worse": "better",
    "better": "worse",
    "new": "gone",
    "gone": "new",
    "waived": "unwaived",
    "unwaived": "waived",
}


@law_of_two
@given(run=runs)
def test_of_a_run_and_itself_nothing_changes(build: Any, run: Any) -> None:
    one = of_run(build, run)
    found = compare([one, one])
    assert {c for row in found.criteria for c in row.changes} <= {"same"} and found.differences == ()
    near = [a for c in found.checks for m in c.measures for a in m.apart if a is not None]
    assert all((a.difference, a.shown) == (0, "not_shown") for a in near)
    assert canonical(compare([one, one])) == canonical(found)
    assert decode(Comparison, encode(found)) == found


@law_of_two
@given(before=runs, after=runs)
def test_the_other_way_round_better_is_worse_and_new_is_gone(build: Any, before: Any, after: Any) -> None:
    one, other = of_run(build, before), of_run(build, after)

    def told(first: Snapshot, second: Snapshot, names: Mapping[str, str]) -> list[Any]:
        found = compare([first, second]).criteria
        return sorted((r.check, r.ait, names.get(r.changes[0], r.changes[0])) for r in found)

    assert told(one, other, {}) == told(other, one, MIRRORED)
    first, second = (compare(list(pair)).counts[0] for pair in ((one, other), (other, one)))
    assert (first.worse, first.gone, first.same) == (second.better, second.new, second.same)


@law_of_two
@given(before=runs, now=runs)
def test_an_earlier_run_decides_nothing(build: Any, before: Any, now: Any) -> None:
    evidence = made(build, now)
    told = judge(replace(evidence, since=of_run(build, before)))
    assert told.since is not None and replace(told, since=None) == judge(evidence)
    assert exit_code(told) == exit_code(judge(evidence))


# -- waivers --------------------------------------------------------------------------------------------------

MET, NOT, OPEN = ExitCode.MET, ExitCode.NOT_MET, ExitCode.UNDETERMINED
STRICT: tuple[Require, ...] = tuple(r for r in get_args(Require) if r != ACCEPTING)
NOW = ("2026-11-01", "2027-01-31")
law_of_waivers = settings(law, max_examples=80)


measured = st.fixed_dictionaries(
    {
        "ait": st.sampled_from(AITS),
        "expect": st.just(["accuracy >= 0.5", "accuracy >= 0.7 at 95%"]),
        "for": st.none(),
        "status": st.just("measured"),
        "more": st.fixed_dictionaries({"measures": st.fixed_dictionaries({"accuracy": ratios | estimates()})}),
    }
)
spans = st.sampled_from([NOW, ("2026-01-01", "2026-11-30"), ("2027-01-01", "2027-02-01"), NOW, None, None])


@st.composite
def waived_runs(draw: st.DrawFn) -> Any:
    """A run with two checks that surely have values, and waivers in force, over, or not begun of many criteria."""
    run_checks, declared, asked = draw(runs)
    run_checks = {**run_checks, "x": draw(measured), "y": draw(measured)}
    places = [(id, text) for id, check in run_checks.items() for text in dict.fromkeys(check["expect"])]
    waivers = [(*place, *span) for place in places if (span := draw(spans)) is not None]
    return (run_checks, declared, asked), waivers


def with_waivers(build: Any, evidence: Evidence, waivers: Any) -> Evidence:
    granted = (decode(Waiver, build.waiver(id, text, until, date)) for id, text, date, until in waivers)
    return replace(evidence, plan=replace(evidence.plan, waivers=tuple(granted)))


def without(assessment: Assessment) -> Assessment:
    """The assessment as if nobody had granted anything."""
    headlines = assessment.headlines
    return replace(
        assessment,
        headlines=replace(headlines, criteria=replace(headlines.criteria, waived=None)),
        checks=tuple(
            replace(c, criteria=tuple(replace(x, waiver=None) for x in c.criteria)) for c in assessment.checks
        ),
    )


@law_of_waivers
@given(drawn=waived_runs())
def test_a_waiver_changes_no_verdict_and_no_exit_code_unless_it_is_accepted(build: Any, drawn: Any) -> None:
    run, waivers = drawn
    plain = made(build, run)
    found, bare = judge(with_waivers(build, plain, waivers)), judge(plain)
    assert without(found) == bare  # verdicts, reasons, findings, records and both headlines
    assert canonical(without(found)) == canonical(bare)
    assert [exit_code(found, r) for r in STRICT] == [exit_code(bare, r) for r in STRICT]
    assert [run_verdict(found, r) for r in STRICT] == [run_verdict(bare, r) for r in STRICT]


@law_of_waivers
@given(drawn=waived_runs())
def test_acceptance_overlooks_what_is_waived_and_nothing_else(build: Any, drawn: Any) -> None:
    run, waivers = drawn
    found = judge(with_waivers(build, made(build, run), waivers))
    criteria = [c for check in found.checks for c in check.criteria]
    left = [c.verdict for c in criteria if not c.waived]
    expected = NOT if "not_met" in left else MET if set(left) == {"met"} else OPEN
    assert exit_code(found, ACCEPTING) == expected
    assert (run_verdict(found, ACCEPTING) == "met") == (exit_code(found) == MET)  # what is accepted is not called met
    assert not any(c.waived and c.verdict == "met" for c in criteria)


@law_of_waivers
@given(drawn=waived_runs())
def test_one_that_has_ended_or_not_begun_is_as_none_to_the_exit_code(build: Any, drawn: Any) -> None:
    run, waivers = drawn
    plain = made(build, run)
    held = [w for w in waivers if w[2] <= "2026-12-01" <= w[3]]
    every, of_the_day = (judge(with_waivers(build, plain, some)) for some in (waivers, held))
    assert [exit_code(every, r) for r in get_args(Require)] == [exit_code(of_the_day, r) for r in get_args(Require)]
    assert every.headlines == of_the_day.headlines


@law_of_waivers
@given(drawn=waived_runs())
def test_with_waivers_judging_twice_gives_equal_bytes(build: Any, drawn: Any) -> None:
    run, waivers = drawn
    evidence = with_waivers(build, made(build, run), waivers)
    once = judge(evidence)
    assert canonical(judge(evidence)) == canonical(once) and decode(Assessment, encode(once)) == once
    backwards = with_waivers(build, evidence, waivers[::-1])
    assert canonical(judge(backwards)) == canonical(once)


@law_of_two
@given(before=waived_runs(), after=waived_runs())
def test_the_other_way_round_waived_is_no_longer_waived(build: Any, before: Any, after: Any) -> None:
    evidence = [with_waivers(build, made(build, run), waivers) for run, waivers in (before, after)]
    one, other = (snapshot(e, judge(e)) for e in evidence)
    found, back = compare([one, other]), compare([other, one])
    assert (found.counts[0].waived, found.counts[0].unwaived) == (back.counts[0].unwaived, back.counts[0].waived)
    assert decode(Comparison, encode(found)) == found
    same = compare([one, one])
    assert {c for row in same.criteria for c in row.changes} <= {"same"}
