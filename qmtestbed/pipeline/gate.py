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
from qmtestbed.pipeline.write_back import VERDICTS
from qmtestbed.plan import load_plan
from qmtestbed.tracking.promotion import check_name, promote, refuse, user
from qmtestbed.tracking.uris import split
from qmtestbed.tracking.versions import Version, bearer_of, find_version
from qmtestbed.types.baseline import BASELINE
from qmtestbed.types.plan import LoadedPlan

NEEDED = ("filesystem", "network")
"""Layers without which a sandbox is none: a gate that is asked for one does not promote without them."""

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
    """What was decided and why; ``before`` bore the alias until then."""

    outcome: Outcome
    version: Version
    before: Version | None
    decision: Decision
    why: str = ""


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
    outcome = run_loaded(loaded, catalogue, options, progress or Silent(), made=_evidence_of(version))
    why = _why_not(outcome, options, version, before)
    state = {
        "by": asked.by or user(),
        "require": options.require,
        "run": outcome.logged.run if outcome.logged else "",
        "verdict": VERDICTS.get(outcome.exit_code, "undetermined"),
        "requested": asked.model,
        "before": before.number if before else "",
    }
    if why:
        if not asked.dry_run:
            refuse(version, asked.alias, {**state, "decision": "not promoted", "why": why})
        return GateOutcome(outcome, version, before, "not promoted", why)
    if asked.dry_run:
        return GateOutcome(outcome, version, before, "would be promoted")
    if not outcome.logged:
        raise InputError(Problem("nothing was promoted: the assessment could not be written to MLflow",
                                 str(outcome.folder), outcome.not_logged, "run the gate again"))  # fmt: skip
    promote(asked.model, version, asked.alias, before, {**state, "decision": "promoted"})
    already = before is not None and before.number == version.number
    return GateOutcome(outcome, version, before, "bears it already" if already else "promoted")


def about(loaded: LoadedPlan, version: Version) -> LoadedPlan:
    """Pin the model that a plan assesses to a version: the one called model, else the only one of that name."""
    inventories = loaded.plan.inventories
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


def _evidence_of(version: Version) -> Mapping[str, Kept]:
    """Fetch the records of the last assessment of a version that was written to MLflow."""
    from qmtestbed.tracking.writing import fetch_assessment

    tags = version.tags or {}
    folder = fetch_assessment(tags["qmt.mlflow_run"], tags.get("qmt.bundle", "")) if "qmt.mlflow_run" in tags else None
    if folder is None:
        return {}
    try:
        return RunFolder(folder).reusable()
    except (InputError, IntegrityError):
        return {}  # what is damaged or not whole is measured anew


def _why_not(outcome: Outcome, options: Options, version: Version, before: Version | None) -> str:
    """Say why a version is not to be promoted; an empty text if nothing speaks against it."""
    if outcome.exit_code != ExitCode.MET:
        c = outcome.assessment.headlines.criteria
        what = (
            "something is not met" if outcome.exit_code == ExitCode.NOT_MET else "something is undetermined or missing"
        )
        return f"{what} ({c.met} of {c.judged} criteria met; required: {options.require})"
    facts = outcome.evidence.info.inventories
    names = [n for n, f in facts.items() if f.version == version.shown and n != BASELINE]
    checks = {id for id, c in outcome.evidence.plan.checks.items() if {*names} & {*map(str, c.with_.values())}}
    if not any(c.criteria for c in outcome.assessment.checks if c.id in checks):
        return "no criterion of the plan is about the model: nothing was shown of it"
    baseline = facts.get(BASELINE)
    if baseline and baseline.version == version.shown and (before is None or before.number != version.number):
        return "the baseline of the plan is this very version: it was compared with itself"
    asked = set(layers_of(options.isolation))
    weaker = sorted(r.program.id for r in outcome.evidence.records.values() if not asked <= set(r.isolation))
    return f"evidence made under weaker isolation than asked: {', '.join(weaker[:5])}" if weaker else ""
