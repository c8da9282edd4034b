"""YAML → Plan: reads a plan and checks all of it against what is installed, reporting every problem at once."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from qmtestbed.catalogue import Catalogue
from qmtestbed.documents import Document, Place, decode_document, read_document
from qmtestbed.errors import ContentError, PlanError, Problem, suggestion
from qmtestbed.types.baseline import BASELINE, comparison
from qmtestbed.types.criterion import Criterion, one_spelling, parse_criterion
from qmtestbed.types.guideline import Guideline
from qmtestbed.types.manifest import Manifest, MeasureSpec, ParameterSpec
from qmtestbed.types.plan import Check, Declaration, LoadedPlan, Plan, Waiver


def load_plan(path: Path, catalogue: Catalogue) -> LoadedPlan:
    """Read a plan file.

    Raises
    ------
    PlanError
        With every problem, each at its file and line.
    """
    try:
        document = read_document(path)
    except ContentError as error:
        raise PlanError(*error.problems) from None
    plan = decode_document(Plan, document, PlanError)
    return check_plan(plan, document, path.parent, catalogue)


def check_plan(plan: Plan, document: Document, folder: Path, catalogue: Catalogue) -> LoadedPlan:
    """Check a decoded plan against the catalogue; :class:`PlanError` with every problem."""
    problems = [*_guidelines(plan, document, catalogue)]
    guidelines = {n: g.guideline for n in plan.guidelines if (g := catalogue.guidelines.get(n)) and g.guideline}
    for id, check in plan.checks.items():
        problems.extend(_check(id, check, plan, document, catalogue, guidelines))
    problems.extend(_declarations(plan, document, guidelines))
    problems.extend(_waivers(plan, document))
    if problems:
        raise PlanError(*problems)
    return LoadedPlan(plan, folder, document.source)


# -- guidelines and levels ------------------------------------------------------------------------------------


def _guidelines(plan: Plan, document: Document, catalogue: Catalogue) -> Iterator[Problem]:
    for name in plan.guidelines:
        entry = catalogue.guidelines.get(name)
        if entry is None:
            do = suggestion(name, catalogue.guidelines)
            yield document.problem(("guideline",), f"unknown guideline {name!r}", do=do)
        elif entry.guideline is None:
            yield from entry.broken
        else:
            yield from _levels(plan, document, entry.guideline)
    if plan.levels and not plan.guidelines:
        yield document.problem(
            ("levels",), "levels are asked for but no guideline is named", do="add guideline: mlqm@3"
        )
    if len(plan.guidelines) > 1:
        for name, value in plan.levels.items():
            if name not in plan.guidelines or isinstance(value, str):
                do = "with several guidelines, write levels: {<guideline>: {<dimension>: <level>}}"
                yield document.problem(("levels", name), "levels must nest by guideline", name, do)


def _levels(plan: Plan, document: Document, guideline: Guideline) -> Iterator[Problem]:
    external = {k: d for k, d in guideline.dimensions.items() if d.kind == "external"}
    place: Place = ("levels",) if len(plan.guidelines) == 1 else ("levels", guideline.name)
    asked: Mapping[str, Any] = plan.levels if len(plan.guidelines) == 1 else plan.targets(guideline.name)
    for key, level in asked.items():
        if key not in external:
            do = suggestion(key, external) or f"{guideline.name} is asked for as a whole; leave levels out"
            yield document.problem((*place, key), f"unknown quality {key!r} of {guideline.name}", do=do)
            continue
        known = [x.id for chain in external[key].chains for x in chain]
        if level not in known:
            do = suggestion(str(level), known) or f"{key} has no levels; leave it out"
            yield document.problem((*place, key), f"unknown level {level!r} of {key}", do=do)


# -- checks ---------------------------------------------------------------------------------------------------


def _check(
    id: str,
    check: Check,
    plan: Plan,
    document: Document,
    catalogue: Catalogue,
    guidelines: Mapping[str, Guideline],
) -> Iterator[Problem]:
    place: Place = ("checks", id)
    entry = catalogue.aits.get(check.ait)
    if entry is None:
        near = suggestion(check.ait, catalogue.aits)
        do = f"{near} For one of your own add --aits DIR, the folder that its folder is in".strip()
        yield document.problem((*place, "ait"), f"unknown AIT {check.ait!r}", do=do)
        return
    if entry.manifest is None:
        yield from entry.broken
        return
    yield from _bindings(check, entry.manifest, plan, document, (*place, "with"))
    yield from _parameters(check, entry.manifest, document, (*place, "params"))
    yield from _criteria(check, entry.manifest, plan, document, (*place, "expect"))
    known = clauses(guidelines)
    for i, clause in enumerate(check.for_ or ()):
        if clause not in known:
            do = suggestion(clause, known) or "name the guideline that has it, as  guideline: mlqm@3"
            yield document.problem((*place, "for", i), f"unknown clause {clause!r}", do=do)


def clauses(guidelines: Mapping[str, Guideline]) -> set[str]:
    """Every clause as a plan may write it: bare with one guideline, ``name:clause`` with several."""
    if len(guidelines) == 1:
        bare = set(next(iter(guidelines.values())).requirements)
        return bare | {f"{name}:{r}" for name in guidelines for r in bare}
    return {f"{name}:{r}" for name, g in guidelines.items() for r in g.requirements}


def _bindings(check: Check, manifest: Manifest, plan: Plan, document: Document, place: Place) -> Iterator[Problem]:
    predictions = [n for n, spec in manifest.inputs.items() if spec.kind == "predictions"]
    made = [n for n in predictions if n not in check.with_]
    # Predictions are made from model and data, or matched with the data where they come from a file.
    allowed = {*manifest.inputs, *(("data",) if predictions else ()), *(("model",) if made else ())}
    for name, bound in check.with_.items():
        if name not in allowed:
            what = f"{manifest.id} has no input {name!r}"
            yield document.problem((*place, name), what, do=suggestion(name, allowed))
        spec = manifest.inputs.get(name)
        if isinstance(bound, tuple) and not (spec and spec.many):
            yield document.problem((*place, name), f"input {name!r} takes one inventory, not a list")
        for inventory in (bound,) if isinstance(bound, str) else bound:
            if inventory not in plan.inventories:
                do = suggestion(inventory, plan.inventories)
                yield document.problem((*place, name), f"unknown inventory {inventory!r}", do=do)
    for name, spec in manifest.inputs.items():
        if spec.optional or name in check.with_:
            continue
        if name in made and {"model", "data"} <= check.with_.keys():
            continue
        do = "bind it, or bind model and data" if name in made else f"bind it: with: {{{name}: <inventory>}}"
        yield document.problem(place, f"{manifest.id} needs the input {name!r}", str(sorted(check.with_)), do)


_PARAMETER_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "list": (list, tuple),
    "mapping": (dict,),
}


def _parameters(check: Check, manifest: Manifest, document: Document, place: Place) -> Iterator[Problem]:
    for name, value in check.params.items():
        spec = manifest.parameters.get(name)
        if spec is None:
            what = f"{manifest.id} has no parameter {name!r}"
            do = suggestion(name, manifest.parameters) or "it takes none"
            yield document.problem((*place, name), what, do=do)
        elif wrong := _wrong_value(value, spec):
            yield document.problem((*place, name), f"parameter {name!r}: {wrong}", repr(value))


def _wrong_value(value: Any, spec: ParameterSpec) -> str:
    if value is None and spec.default is None:
        return ""
    kinds = _PARAMETER_TYPES[spec.type]
    if not isinstance(value, kinds) or (isinstance(value, bool) and spec.type != "boolean"):
        return f"must be of type {spec.type}"
    if spec.enum is not None and value not in spec.enum:
        return "must be one of " + ", ".join(map(str, spec.enum))
    low, high = spec.range
    if isinstance(value, (int, float)) and ((low is not None and value < low) or (high is not None and value > high)):
        return f"must be in [{low}, {high}]"
    return ""


def _criteria(check: Check, manifest: Manifest, plan: Plan, document: Document, place: Place) -> Iterator[Problem]:
    first: dict[Criterion, int] = {}
    for i, expectation in enumerate(check.expect):
        text = expectation.criterion
        try:
            criterion = parse_criterion(text)
        except ValueError as error:
            what, _, do = str(error).partition("; ")
            yield document.problem((*place, i), what, text, do)
            continue
        meant = replace(criterion, text="")
        if meant in first:
            do = f"keep the one of {document.where((*place, first[meant]))}"
            yield document.problem((*place, i), "this criterion stands here twice", text, do)
            continue
        first[meant] = i
        what, do = criterion_fault(criterion, check, manifest, plan)
        if what:
            yield document.problem((*place, i), what, text, do)


def criterion_fault(criterion: Criterion, check: Check, manifest: Manifest, plan: Plan) -> tuple[str, str]:
    """Say what is wrong with a criterion of a check and what to do; two empty texts if nothing is."""
    spec = manifest.measures.get(criterion.measure)
    if spec is None:
        do = suggestion(criterion.measure, manifest.measures)
        return f"{manifest.id} has no measure {criterion.measure!r}", do
    if criterion.key is not None and not spec.per:
        return f"{criterion.measure!r} is one value, not one per key", f"write {criterion.measure!r} without brackets"
    if criterion.baseline and (fault := _baseline_fault(criterion, check, manifest, plan)):
        return fault
    # Both models' answers to the same items give an interval of the difference, whatever the measure comes with.
    has_interval = spec.has_interval or (criterion.baseline and comparison(check, manifest) == "paired")
    return _confidence_fault(criterion, has_interval, plan.confidence) or _range_fault(criterion, spec) or ("", "")


def _baseline_fault(criterion: Criterion, check: Check, manifest: Manifest, plan: Plan) -> tuple[str, str] | None:
    number = "or write a number as bound"
    if BASELINE not in plan.inventories:
        return "there is no baseline to compare with", f"add it under inventories:  {BASELINE}: <model>; {number}"
    if BASELINE in manifest.inputs:
        return f"{manifest.id} has an input of its own called {BASELINE!r}", "write a number as bound"
    if comparison(check, manifest) is None:
        return "the check has no model that the baseline could take the place of", f"bind a model and data, {number}"
    if manifest.measures[criterion.measure].sequence:
        return (
            f"{criterion.measure!r} is a sequence, which has no difference from a baseline",
            "write a number as bound",
        )
    return None


def _confidence_fault(criterion: Criterion, has_interval: bool, confidence: float) -> tuple[str, str] | None:
    if criterion.confidence is None:
        return None
    if not has_interval:
        return f"{criterion.measure!r} comes without an interval", "leave out 'at …%'"
    if criterion.op == "==":
        do = "leave out 'at …%'" if criterion.baseline else "use 'in [a, b]', or leave out 'at …%'"
        return "an interval can't show that a value equals a number", do
    if abs(criterion.confidence - confidence) > 1e-9:
        return f"the plan's confidence is {confidence:.4g}", f"write 'at {confidence * 100:.4g}%', or change confidence"
    return None


def _range_fault(criterion: Criterion, spec: MeasureSpec) -> tuple[str, str] | None:
    worse = {"higher": ("<=", "<"), "lower": (">=", ">")}.get(spec.better, ())
    if criterion.op in worse:
        return f"{criterion.measure!r} is better when {spec.better}", "turn the comparison round"
    low = float("-inf") if spec.range[0] is None else spec.range[0]
    high = float("inf") if spec.range[1] is None else spec.range[1]
    subject = f"{criterion.measure!r} is"
    if criterion.baseline:
        low, high, subject = low - high, high - low, f"the difference of two values of {criterion.measure!r} is"
    shown = f"{subject} always in [{low:.4g}, {high:.4g}]"
    if not _some_meets(criterion, low, high):
        return f"no value can meet it: {shown}", "choose a bound inside that range"
    if _all_meet(criterion, low, high):
        return f"no value can miss it: {shown}", "choose a bound inside that range"
    return None


def _some_meets(criterion: Criterion, low: float, high: float) -> bool:
    above = criterion.low is None or (high > criterion.low if criterion.strict else high >= criterion.low)
    below = criterion.high is None or (low < criterion.high if criterion.strict else low <= criterion.high)
    return above and below


def _all_meet(criterion: Criterion, low: float, high: float) -> bool:
    above = criterion.low is None or (low > criterion.low if criterion.strict else low >= criterion.low)
    below = criterion.high is None or (high < criterion.high if criterion.strict else high <= criterion.high)
    return above and below


# -- what people sign: declarations and waivers -----------------------------------------------------------------


def _declarations(plan: Plan, document: Document, guidelines: Mapping[str, Guideline]) -> Iterator[Problem]:
    known = clauses(guidelines)
    first: dict[str, int] = {}
    for i, declaration in enumerate(plan.declarations):
        place: Place = ("declarations", i)
        id = declaration.requirement
        if id not in known:
            do = suggestion(id, known)
            yield document.problem((*place, "requirement"), f"unknown requirement {id!r}", do=do)
        bare = id.split(":")[-1] if len(guidelines) == 1 else id
        if bare in first:
            where = document.where(("declarations", first[bare]))
            yield document.problem(
                place, f"a second declaration for {id}", f"the first: {where}", "keep one of the two"
            )
        first.setdefault(bare, i)
        yield from _said(declaration, document, place)
        yield from _days(declaration, document, place)


def _days(signed: Declaration | Waiver, document: Document, place: Place) -> Iterator[Problem]:
    for key in ("date", "until"):
        if (day := getattr(signed, key)) and not _is_day(day):
            yield document.problem((*place, key), "there is no such day", day)
    if signed.until and signed.date and signed.until < signed.date:
        yield document.problem((*place, "until"), "ends before it begins", signed.until)


def _said(declaration: Declaration, document: Document, place: Place) -> Iterator[Problem]:
    if declaration.todo:
        return
    for key in ("by", "date"):
        if getattr(declaration, key) is None:
            yield document.problem(place, f"the key {key!r} is missing", do="say who declares it, and when")
    if not (declaration.statement or declaration.file or declaration.checklist or declaration.not_applicable):
        do = "add a statement, a file, a checklist, or not_applicable: <why>"
        yield document.problem(place, "it says nothing", do=do)
    if declaration.not_applicable and declaration.checklist:
        what = "a checklist for a requirement that does not apply"
        yield document.problem((*place, "checklist"), what, do="keep the checklist or not_applicable")


def _is_day(text: str) -> bool:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _waivers(plan: Plan, document: Document) -> Iterator[Problem]:
    first: dict[tuple[str, str], int] = {}
    for i, waiver in enumerate(plan.waivers):
        place: Place = ("waivers", i)
        yield from _waived(waiver, plan, document, place)
        named = (waiver.check, one_spelling(waiver.criterion))
        if named in first:
            where = document.where(("waivers", first[named]))
            what = f"a second waiver of {waiver.criterion!r}"
            yield document.problem(place, what, f"the first: {where}", "keep one of the two")
        first.setdefault(named, i)
        yield from _days(waiver, document, place)


def _waived(waiver: Waiver, plan: Plan, document: Document, place: Place) -> Iterator[Problem]:
    """Say why a waiver is not of exactly one criterion."""
    if waiver.check not in plan.checks:
        do = suggestion(waiver.check, plan.checks)
        yield document.problem((*place, "check"), f"unknown check {waiver.check!r}", do=do)
        return
    criteria = [one_spelling(e.criterion) for e in plan.checks[waiver.check].expect]
    if one_spelling(waiver.criterion) not in criteria:
        do = suggestion(waiver.criterion, criteria) or "write it under expect first"
        yield document.problem((*place, "criterion"), f"{waiver.check} has no such criterion", waiver.criterion, do)
