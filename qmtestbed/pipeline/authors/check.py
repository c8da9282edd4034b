"""``ait check``: the contract that every AIT has to keep, ours and those of others, rule by rule.

The AIT's code runs in children only, contained as in a real run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from qmtestbed.catalogue import AitEntry, Catalogue
from qmtestbed.errors import ContentError, InputError, Problem, suggestion
from qmtestbed.execute import Launcher, launcher_for
from qmtestbed.pipeline.authors import rules
from qmtestbed.pipeline.authors.controls import Control, control_faults, load_controls
from qmtestbed.pipeline.authors.rules import BOTH, Rule
from qmtestbed.pipeline.authors.trial import Bench, Trial
from qmtestbed.pipeline.options import Options
from qmtestbed.plan import load_plan
from qmtestbed.resolve import resolve
from qmtestbed.types.job import Job
from qmtestbed.types.manifest import Manifest
from qmtestbed.types.plan import LoadedPlan
from qmtestbed.types.record import Record
from qmtestbed.types.resolution import Resolution
from qmtestbed.types.values import Language

RULES = (
    *("manifest", "libraries", "function", "docs", "sources", "criteria"),
    *("example", "control", "output", "determinism", "bad input", "limits"),
)
"""Every rule, in the order in which they are told."""


@dataclass(frozen=True)
class Checked:
    """How an AIT stands to the contract, rule by rule, and what its control pair came to."""

    id: str
    folder: Path
    rules: tuple[Rule, ...]
    controls: tuple[Control, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every rule holds."""
        return all(rule.holds for rule in self.rules)


def find_ait(target: str, options: Options) -> tuple[AitEntry, Catalogue]:
    """Find an AIT by its id, or by the path of its folder; give it with a catalogue that holds it.

    Raises
    ------
    ContentError
        There is none.
    """
    catalogue = options.catalogue()
    folder = Path(target).resolve()
    if not (folder / "ait.yaml").is_file():
        if target not in catalogue.aits:
            do = suggestion(target, catalogue.aits) or "give an id of qmtestbed ait list, or a folder with an ait.yaml"
            raise ContentError(Problem(f"unknown AIT {target!r}", do=do))
        return catalogue.aits[target], catalogue
    if all(entry.folder.resolve() != folder for entry in catalogue.aits.values()):
        catalogue = replace(options, aits=(*options.aits, folder.parent)).catalogue()
    same = [e for e in catalogue.aits.values() if e.folder.resolve() == folder or folder.name == e.id]
    return same[0], catalogue


def check_ait(
    target: str, options: Options, languages: Sequence[Language] = BOTH, launcher: Launcher | None = None
) -> Checked:
    """Check an AIT against every rule.

    Parameters
    ----------
    target
        Its id, or the path of its folder.
    options
        Where else AITs and guidelines are, and how children are contained.
    languages
        Those in which its texts have to be there.
    launcher
        One that is warm already.
    """
    entry, catalogue = find_ait(target, options)
    found = [rules.manifest_rule(entry)]
    controls: tuple[Control, ...] = ()
    if entry.manifest is not None:
        found += [rules.libraries_rule(entry), *rules.static_rules(entry, entry.manifest, catalogue, languages)]
        if not entry.missing:
            ran, controls = _run(entry, entry.manifest, catalogue, options, launcher)
            found += ran
    told = {rule.name: rule for rule in found}
    return Checked(entry.id, entry.folder, tuple(told.get(n, Rule(n, checked=False)) for n in RULES), controls)


def _run(
    entry: AitEntry, manifest: Manifest, catalogue: Catalogue, options: Options, launcher: Launcher | None
) -> tuple[list[Rule], tuple[Control, ...]]:
    """Run the example and the control pair, and what follows from them."""
    plans: Mapping[str, Callable[[], LoadedPlan]] = {
        "example": lambda: load_plan(entry.folder / "example" / "plan.yaml", catalogue),
        "control": lambda: load_controls(entry, manifest, catalogue),
    }
    faults: dict[str, list[Problem]] = {name: [] for name in plans}
    with tempfile.TemporaryDirectory(prefix="qmt-check-") as scratch:
        exact: dict[str, Resolution] = {}
        for name, load in plans.items():
            try:
                exact[name] = resolve(load(), catalogue, Path(scratch), options.loading())
            except InputError as error:
                faults[name] += error.problems
        jobs = [job for resolution in exact.values() for job in resolution.jobs]
        with nullcontext(launcher) if launcher else closing(launcher_for(jobs, options.isolation)) as warm:
            bench = Bench(catalogue, options, warm, Path(scratch))
            trials = {name: bench.run(resolution) for name, resolution in exact.items()}
            later = list(_later(bench, trials["control"], manifest)) if "control" in trials else []
    if "example" in trials:
        faults["example"] += _example_faults(trials["example"], entry.id)
    if "control" in trials:
        faults["control"] += control_faults(trials["control"], manifest)
    controls = tuple(Control(c.id, c.criteria) for c in trials["control"].checks) if "control" in trials else ()
    records = [t.record(c) for t in trials.values() for c in t.resolution.checks]
    ran = [Rule(name, tuple(found), _NOTES[name]) for name, found in faults.items()]
    if records:
        output = Rule("output", tuple(_output_faults(records, manifest)), "as ait.yaml declares it")
        ran += [output, _limits_rule(records, manifest)]
    return [*ran, *later], controls


_NOTES = {"example": "it runs and is met", "control": "the default criteria tell good from bad"}


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
    for record in {r.key: r for r in records if r.status == "failed"}.values():
        if record.error is not None:
            yield Problem(record.error.what, record.error.where, record.error.found, record.error.do)
    measured = [r for r in records if r.status == "measured"]
    where, do = f"{manifest.id}/ait.yaml", "add a case to the example or the control pair, or take it out of ait.yaml"
    for name in manifest.resources if measured else ():
        if not any(name in r.resources for r in measured):
            yield Problem(f"the resource {name!r} is never returned", where, do=do)


def _limits_rule(records: Sequence[Record], manifest: Manifest) -> Rule:
    """No run on the example or the control pair may come near the limits: on a slower machine it would be cut off."""
    limits, faults = manifest.limits, []
    for record in {r.key: r for r in records}.values():
        if record.status in ("timed_out", "out_of_memory") or record.seconds > limits.seconds / 2:
            found = f"{record.seconds:.1f} s of {limits.timeout}, {record.peak_memory / 2**20:,.0f} MiB"
            do = "raise limits: in ait.yaml, or make example and control pair smaller"
            faults.append(Problem("it comes near its limits on small data", manifest.id, found, do))
    most = max(record.seconds for record in records)
    return Rule("limits", tuple(faults), f"{most:.1f} s of {limits.timeout} at most")


def _later(bench: Bench, trial: Trial, manifest: Manifest) -> Iterator[Rule]:
    """Run the good control again, and on a single row."""
    good = next(name for name in trial.resolution.checks if name.startswith("good"))
    job, first = trial.job(good), trial.record(good)
    again, odd = bench.variants(trial.resolution, [job, _single(job)])
    yield Rule("determinism", tuple(_determinism(first, again, manifest)), "the same twice")
    yield Rule("bad input", tuple(_odd_input(odd, manifest)), f"a single row: {odd.status}")


def _single(job: Job) -> Job:
    """Give the job of the same check on one row of its data."""
    return replace(job, limits=replace(job.limits, rows=1))


def _determinism(first: Record, again: Record, manifest: Manifest) -> Iterator[Problem]:
    if manifest.volatile or replace(again, key=first.key).evidence_digest == first.evidence_digest:
        return
    changed = [n for n in first.measures if first.measures[n] != again.measures.get(n)]
    found = f"of {', '.join(changed)}" if changed else f"{first.status}, then {again.status}"
    do = "draw from numpy.random.default_rng(seed) only and sort what comes from sets, or declare volatile: true"
    yield Problem("two runs on the same input differ", f"{manifest.id}/measure.py", found, do)


def _odd_input(record: Record, manifest: Manifest) -> Iterator[Problem]:
    if record.status in ("measured", "undefined") or record.error is None:
        return
    do = "return Undefined(reason) where there is too little to measure"
    found = f"{record.error.what} ({record.error.where})"
    yield Problem("a single row breaks it", f"{manifest.id}/measure.py", found, do)
