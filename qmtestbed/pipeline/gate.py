"""``gate``: assess exactly the version that is asked about, and move an alias only if the assessment allows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from qmtestbed.errors import ExitCode, InputError, IntegrityError, PlanError, Problem
from qmtestbed.evidence import RunFolder
from qmtestbed.execute import Progress, layers_of
from qmtestbed.pipeline.options import Options, Outcome, Silent
from qmtestbed.pipeline.run import Kept, run_loaded
from qmtestbed.plan import load_plan
from qmtestbed.tracking.promotion import check_name, promote, refuse, user
from qmtestbed.tracking.uris import is_logged, split
from qmtestbed.tracking.versions import Version, bearer_of, find_version
from qmtestbed.types.assessment import Assessment
from qmtestbed.types.baseline import BASELINE
from qmtestbed.types.plan import Check, LoadedPlan

NEEDED = ("filesystem", "network")
"""Layers without which a sandbox is none: a gate that is asked for one does not promote without them."""

_WAIVED_NAMED = 10
"""Waivers named in the tag of the decision: MLflow bounds what a tag may hold."""

Decision = Literal["promoted", "bears it already", "would be promoted", "not promoted"]


@dataclass(frozen=True)
class Gate:
    """What is asked: which version, by which plan, for which alias.

    Attributes
    ----------
    model
        ``models:/name@alias`` or ``models:/name/1``.
    plan
        Plan file; its model is taken to be that version.
    alias
        The alias to move, such as ``champion``.
    dry_run
        Only say what would be done: write nothing to MLflow.
    by
        Who asks; by default the user of this machine.
    """

    model: str
    plan: Path
    alias: str
    dry_run: bool = False
    by: str | None = None


@dataclass(frozen=True)
class GateOutcome:
    """What was decided and why; ``before`` bore the alias until then, ``notes`` say what evidence was used again."""

    outcome: Outcome
    version: Version
    before: Version | None
    decision: Decision
    why: str = ""
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """The assessment's; a version that is not promoted although all is met is undetermined, never met."""
        if self.decision == "not promoted" and self.outcome.exit_code == ExitCode.MET:
            return ExitCode.UNDETERMINED
        return self.outcome.exit_code


def gate(asked: Gate, options: Options, progress: Progress | None = None) -> GateOutcome:
    """Assess a version and move the alias to it if the requirement is met.

    The evidence of an earlier assessment of the version, here or in MLflow, is used again where it is for the same
    jobs, was made under the layers of isolation asked for and is not older than ``options.max_age``.

    Raises
    ------
    InputError
        Unknown model, alias or version; a plan without that model; a host that can't isolate as asked.
    IntegrityError
        The version or the alias moved meanwhile, or another gate was at it: nothing is moved.
    """
    version = find_version("the gate", asked.model)
    check_name(asked.alias, version)
    before = bearer_of(version.name, asked.alias)
    catalogue = options.catalogue()
    loaded = about(load_plan(asked.plan, catalogue), version)
    _can_isolate(options)
    options = replace(options, log=not asked.dry_run)
    made, note = _evidence_of(version) if options.cache else ({}, "")
    outcome = run_loaded(loaded, catalogue, options, progress or Silent(), made=made)
    used = [key for key, r in outcome.evidence.records.items() if r.reused and key in made]
    notes = tuple(
        n for n in (note, f"{len(used)} records of its last assessment in MLflow were used again" if used else "") if n
    )
    why = _why_not(outcome, options, version)
    state = {
        "by": asked.by or user(),
        "require": options.require,
        "run": outcome.logged.run if outcome.logged else "",
        "verdict": outcome.verdict,
        **({"waived": _waived(outcome.assessment)} if outcome.verdict == "met_or_waived" else {}),
        "requested": asked.model,
        "before": before.number if before else "",
    }
    if why:
        if not asked.dry_run:
            refuse(version, asked.alias, {**state, "decision": "not promoted", "why": why})
        return GateOutcome(outcome, version, before, "not promoted", why, notes)
    if asked.dry_run:
        return GateOutcome(outcome, version, before, "would be promoted", notes=notes)
    if not outcome.logged:
        raise InputError(Problem("nothing was promoted: the assessment could not be written to MLflow",
                                 str(outcome.folder), outcome.not_logged, "run the gate again"))  # fmt: skip
    promote(asked.model, version, asked.alias, before, {**state, "decision": "promoted"})
    already = before is not None and before.number == version.number
    return GateOutcome(outcome, version, before, "bears it already" if already else "promoted", notes=notes)


def _waived(assessment: Assessment) -> str:
    """Name the criteria whose waivers were accepted, with who granted them and until when."""
    found = [
        f"{check.id}: {c.text} ({c.waiver.by[:80]}, until {c.waiver.until})"
        for check in assessment.checks
        for c in check.criteria
        if c.waived and c.waiver is not None
    ]
    more = len(found) - _WAIVED_NAMED
    return "; ".join(found[:_WAIVED_NAMED]) + (f"; {more} more" if more > 0 else "")


def about(loaded: LoadedPlan, version: Version) -> LoadedPlan:
    """Pin the model that a plan assesses to a version: the one called model, else the only one of that name."""
    inventories = loaded.plan.inventories
    chosen = [n for n, i in inventories.items() if is_logged(i.uri) and "/" not in i.uri and i.sha256 is None]
    if chosen:
        what = "the data of a gate must not be chosen by the model that is to pass it"
        found = ", ".join(f"{n}: {inventories[n].uri}" for n in chosen)
        do = "name the run (mlflow:<run id>/test), add sha256: to the inventory, or give the file"
        raise PlanError(Problem(what, "plan", found, do))
    same = [n for n, i in inventories.items() if (parts := split(i.uri)) and parts[0] == version.name]
    name = "model" if "model" in same else same[0] if len(same) == 1 else None
    if name is None:
        found = ", ".join(same) or f"no inventory is a version of {version.name}"
        do = f"add it: inventories: {{model: models:/{version.name}@candidate}}"
        raise PlanError(Problem(f"the plan does not say which model is {version.shown}", "plan", found, do))
    pinned = replace(inventories[name], uri=version.uri, requested=None)
    return replace(loaded, plan=replace(loaded.plan, inventories={**inventories, name: pinned}))


def _can_isolate(options: Options) -> None:
    lacking = sorted(set(NEEDED) - set(layers_of(options.isolation)))
    if options.isolation == "sandbox" and lacking:
        found = f"this host does not offer: {', '.join(lacking)} (qmtestbed doctor says why)"
        do = "run the gate on another host, or ask for less with --isolation process"
        raise InputError(Problem("evidence can't be made under the isolation that is asked for", "", found, do))


def _evidence_of(version: Version) -> tuple[Mapping[str, Kept], str]:
    """Fetch the records of the last assessment of a version that was written to MLflow, and say if it is damaged."""
    from qmtestbed.tracking.writing import fetch_assessment

    tags = version.tags or {}
    if "qmt.mlflow_run" not in tags:
        return {}, ""
    folder = fetch_assessment(tags["qmt.mlflow_run"], tags.get("qmt.bundle", ""))
    try:
        if folder is not None:
            return RunFolder(folder).reusable(), ""
    except (InputError, IntegrityError):
        pass
    return {}, f"its last assessment in MLflow (run {tags['qmt.mlflow_run']}) is gone or was altered: measured anew"


def _assessed(check: Check) -> str | None:
    """Name the inventory whose model, or whose predictions, a check judges; ``None`` for a check of data alone."""
    found = check.with_.get("model", check.with_.get("predictions"))
    return str(found) if found is not None else None


def _why_not(outcome: Outcome, options: Options, version: Version) -> str:
    """Say why a version is not to be promoted; an empty text if nothing speaks against it."""
    if outcome.exit_code != ExitCode.MET:
        c = outcome.assessment.headlines.criteria
        what = (
            "something is not met" if outcome.exit_code == ExitCode.NOT_MET else "something is undetermined or missing"
        )
        return f"{what} ({c.met} of {c.judged} criteria met; required: {options.require})"
    facts = outcome.evidence.info.inventories
    judged = [c.id for c in outcome.assessment.checks if c.criteria]
    assessed = {id: _assessed(outcome.evidence.plan.checks[id]) for id in judged}
    own = {n for n, f in facts.items() if f.version == version.shown and n != BASELINE}
    others = sorted(id for id, name in assessed.items() if name is not None and name not in own)
    if others:
        return f"not all criteria are about this version: {', '.join(others[:5])} judge another model, or a file"
    if not own & set(assessed.values()):
        return "no criterion of the plan is about the model: nothing was shown of it"
    met = [c.id for c in outcome.assessment.checks if any(x.verdict == "met" for x in c.criteria)]
    if not own & {assessed[id] for id in met}:
        return "every criterion about the model is waived: nothing was shown of it"
    baseline = facts.get(BASELINE)
    if baseline and any(baseline.sha256 == facts[n].sha256 for n in own):
        return "the baseline of the plan is the same model: it was compared with itself"
    asked = set(layers_of(options.isolation))
    weaker = sorted(r.program.id for r in outcome.evidence.records.values() if not asked <= set(r.isolation))
    return f"evidence made under weaker isolation than asked: {', '.join(weaker[:5])}" if weaker else ""
