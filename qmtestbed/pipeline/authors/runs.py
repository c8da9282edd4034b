"""The rules of the contract that only running an AIT shows: its example, its control pair, and odd input.

Its code runs in children only, contained as in a real run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from qmtestbed.catalogue import AitEntry, Catalogue
from qmtestbed.errors import InputError, Problem
from qmtestbed.execute import Launcher, launcher_for
from qmtestbed.pipeline.authors.controls import control_faults, load_controls
from qmtestbed.pipeline.authors.rules import Rule
from qmtestbed.pipeline.authors.trial import Bench, Trial
from qmtestbed.pipeline.options import Options
from qmtestbed.plan import load_plan
from qmtestbed.resolve import find_inventories, resolve
from qmtestbed.types.assessment import CheckVerdicts
from qmtestbed.types.job import Job
from qmtestbed.types.manifest import Manifest
from qmtestbed.types.plan import LoadedPlan
from qmtestbed.types.record import Record

EXAMPLE, CONTROL = "example", "control"


@dataclass(frozen=True)
class Ran:
    """What running showed: rules, the control pair judged, and kinds of findings that were given."""

    rules: tuple[Rule, ...]
    controls: tuple[CheckVerdicts, ...] = ()
    findings: tuple[str, ...] = ()


def run_rules(
    entry: AitEntry, manifest: Manifest, catalogue: Catalogue, options: Options, launcher: Launcher | None
) -> Ran:
    """Run example, control pair and odd input, on ``launcher`` or one that is made for it."""
    faults, plans = _plans(entry, manifest, catalogue)
    with tempfile.TemporaryDirectory(prefix="qmt-check-") as scratch:
        exact = {}
        for name, loaded in plans.items():
            try:
                exact[name] = resolve(
                    loaded, catalogue, Path(scratch), options.loading(), options.environments(), options.samples
                )
            except InputError as error:
                faults[name] += error.problems
        jobs = [job for resolution in exact.values() for job in resolution.jobs]
        with nullcontext(launcher) if launcher else closing(launcher_for(jobs, options.isolation)) as warm:
            bench = Bench(catalogue, options, warm, Path(scratch))
            trials = {name: bench.run(resolution) for name, resolution in exact.items()}
            later: tuple[Rule, ...] = ()
            if CONTROL in trials:
                columns = _columns(plans[CONTROL], catalogue, options)
                later = tuple(_later(bench, trials[CONTROL], manifest, columns))
    return _told(faults, trials, manifest, later)


def _plans(
    entry: AitEntry, manifest: Manifest, catalogue: Catalogue
) -> tuple[dict[str, list[Problem]], dict[str, LoadedPlan]]:
    """Read both plans; give what is wrong with them, and those that can be used."""
    readers: Mapping[str, Callable[[], LoadedPlan]] = {
        EXAMPLE: lambda: load_plan(entry.folder / "example" / "plan.yaml", catalogue),
        CONTROL: lambda: load_controls(entry, manifest, catalogue),
    }
    faults: dict[str, list[Problem]] = {name: [] for name in readers}
    plans: dict[str, LoadedPlan] = {}
    for name, read in readers.items():
        try:
            plans[name] = read()
        except InputError as error:
            faults[name] += error.problems
    return faults, plans


def _told(
    faults: dict[str, list[Problem]], trials: Mapping[str, Trial], manifest: Manifest, later: tuple[Rule, ...]
) -> Ran:
    if EXAMPLE in trials:
        faults[EXAMPLE] += _example_faults(trials[EXAMPLE], manifest.id)
    if CONTROL in trials:
        faults[CONTROL] += control_faults(trials[CONTROL], manifest)
    every = (r for t in trials.values() for r in map(t.record, t.resolution.checks) if r.program.id == manifest.id)
    records = list({r.key: r for r in every}.values())
    found = [Rule(name, tuple(problems), _NOTES[name]) for name, problems in faults.items()]
    if records:
        found.append(Rule("output", tuple(_output_faults(records, manifest)), "as ait.yaml declares it"))
        found.append(_limits_rule(records, manifest))
    kinds = sorted({finding.kind for record in records for finding in record.findings})
    controls = trials[CONTROL].checks if CONTROL in trials else ()
    return Ran((*found, *later), controls, tuple(kinds))


_NOTES = {EXAMPLE: "it runs and is met", CONTROL: "the default criteria tell good from bad"}


def _example_faults(trial: Trial, id: str) -> Iterator[Problem]:
    where = f"{id}/example/plan.yaml"
    if not trial.checks:
        yield Problem("it has no checks", where, do="add at least one")
    for check in trial.checks:
        if check.ait != id:
            yield Problem("it is of another AIT", f"{where}: {check.id}", check.ait, f"write ait: {id}")
        if check.verdict != "met":
            found = "; ".join(f"{c.text}: {c.verdict} ({c.reason})" for c in check.criteria if c.verdict != "met")
            do = "give it data that meet its criteria, and at least one criterion"
            yield Problem(f"it is {check.verdict.replace('_', ' ')}", f"{where}: {check.id}", found, do)


def _output_faults(records: Sequence[Record], manifest: Manifest) -> Iterator[Problem]:
    """Say what was returned otherwise than declared, and which resource never was."""
    for record in records:
        if record.status not in ("measured", "undefined") and record.error is not None:
            yield Problem(record.error.what, record.error.where, record.error.found, record.error.do)
    measured = [r for r in records if r.status == "measured"]
    where, do = f"{manifest.id}/ait.yaml", "add a case to the example or the control pair, or take it out of ait.yaml"
    for name in manifest.resources if measured else ():
        if not any(name in r.resources for r in measured):
            yield Problem(f"the resource {name!r} is never returned", where, do=do)


def _limits_rule(records: Sequence[Record], manifest: Manifest) -> Rule:
    """No run on the example or the control pair may come near the limits: on a slower machine it would be cut off."""
    limits, faults = manifest.limits, []
    for record in records:
        if record.status in ("timed_out", "out_of_memory") or record.seconds > limits.seconds / 2:
            found = f"{record.seconds:.1f} s of {limits.timeout}, {record.peak_memory / 2**20:,.0f} MiB"
            do = "raise limits: in ait.yaml, or make example and control pair smaller"
            faults.append(Problem("it comes near its limits on small data", f"{manifest.id}/ait.yaml", found, do))
    most = max(record.seconds for record in records)
    return Rule("limits", tuple(faults), f"{most:.1f} s of {limits.timeout} at most")


# -- again, and on odd input ----------------------------------------------------------------------------------


def _columns(loaded: LoadedPlan, catalogue: Catalogue, options: Options) -> dict[str, tuple[str, ...]]:
    """Columns of every table of a plan, by the digest of its file."""
    bound = find_inventories(loaded.plan, catalogue, loaded.folder, options.loading())
    return {b.found.sha256: b.found.columns for b in bound.values() if b.found.kind == "table"}


def _later(bench: Bench, trial: Trial, manifest: Manifest, columns: Mapping[str, tuple[str, ...]]) -> Iterator[Rule]:
    """Run the good control again, and on input that leaves nothing to measure."""
    good = next(name for name in trial.resolution.checks if name.startswith("good"))
    job, first = trial.job(good), trial.record(good)
    odd = {"a single row": replace(job, limits=replace(job.limits, rows=1))}
    if {i.kind for i in job.inputs.values()} <= {"table", "design"}:  # a model would lack its columns
        odd["no column to look at"] = _without_features(job, columns)
    again, *records = bench.variants(trial.resolution, [job, *odd.values()])
    yield Rule("determinism", tuple(_determinism(first, again, manifest)), "the same twice")
    faults = [p for name, r in zip(odd, records, strict=True) for p in _odd_faults(name, r, manifest)]
    seen = ", ".join(f"{name}: {r.status}" for name, r in zip(odd, records, strict=True))
    yield Rule("bad input", tuple(faults), seen)


def _without_features(job: Job, columns: Mapping[str, tuple[str, ...]]) -> Job:
    inputs = dict(job.inputs)
    for name, source in job.inputs.items():
        if source.roles is not None:
            kept = {source.roles.label, source.roles.time}
            ignored = tuple(c for c in columns.get(source.sha256, ()) if c not in kept)
            inputs[name] = replace(source, roles=replace(source.roles, ignore=ignored))
    return replace(job, inputs=inputs)


def _determinism(first: Record, again: Record, manifest: Manifest) -> Iterator[Problem]:
    if manifest.volatile or replace(again, key=first.key).evidence_digest == first.evidence_digest:
        return
    changed = [n for n in first.measures if first.measures[n] != again.measures.get(n)]
    found = f"of {', '.join(changed)}" if changed else f"{first.status}, then {again.status}"
    do = "draw from numpy.random.default_rng(seed) only and sort what comes from sets, or declare volatile: true"
    yield Problem("two runs on the same input differ", f"{manifest.id}/measure.py", found, do)


def _odd_faults(name: str, record: Record, manifest: Manifest) -> Iterator[Problem]:
    if record.status in ("measured", "undefined") or record.error is None:
        return
    do = "return Undefined(reason) where there is too little to measure"
    found = f"{record.error.what} ({record.error.where})"
    yield Problem(f"{name} breaks it", f"{manifest.id}/measure.py", found, do)
