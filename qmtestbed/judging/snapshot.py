"""All of a run that another can be compared with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from qmtestbed.ait import Roles
from qmtestbed.types.assessment import Assessment
from qmtestbed.types.baseline import BASELINE, names_baseline
from qmtestbed.types.comparison import CheckState, Circumstances, InventoryState, Snapshot
from qmtestbed.types.criterion import one_spelling
from qmtestbed.types.evidence import Evidence, InventoryFacts
from qmtestbed.types.plan import Check, Plan

OWN = ("probe", "predict")
"""Kinds of jobs that run our own code: their version is that of qmtestbed."""


def snapshot(evidence: Evidence, assessment: Assessment, bundle: str = "") -> Snapshot:
    """Give what of a run can be compared.

    Parameters
    ----------
    evidence, assessment
        The run, and what was judged of it.
    bundle
        SHA-256 of the ``bundle.json`` that it was sealed with.
    """
    plan = evidence.plan
    return Snapshot(
        schema="qmtestbed/since/v1",
        bundle=bundle,
        assessment=replace(assessment, since=None),
        levels=_levels(plan),
        seed=plan.seed,
        confidence=plan.confidence,
        inventories={n: _inventory(n, facts, evidence) for n, facts in evidence.info.inventories.items()},
        checks={id: _check(id, check, evidence) for id, check in plan.checks.items()},
        circumstances=_circumstances(evidence),
    )


def _levels(plan: Plan) -> dict[str, str]:
    several = len(plan.guidelines) > 1
    return {f"{g}: {d}" if several else d: level for g in plan.guidelines for d, level in plan.targets(g).items()}


def _inventory(name: str, facts: InventoryFacts, evidence: Evidence) -> InventoryState:
    planned = evidence.plan.inventories.get(name)
    shown = f"models:/{facts.version}" if facts.version else facts.requested or facts.uri
    kinds = {kind for check in evidence.plan.checks.values() for kind in _kinds(name, check, evidence)}
    roles = planned.roles if planned else Roles()
    if facts.flavour or "model" in kinds:
        return InventoryState("model", shown, facts.sha256, roles)
    return InventoryState("predictions" if "predictions" in kinds else "data", shown, facts.sha256, roles)


def _kinds(inventory: str, check: Check, evidence: Evidence) -> Iterable[str]:
    """Name the kinds of inputs that a check binds an inventory to."""
    manifest = evidence.manifests.get(check.ait)
    for name, names in check.with_.items():
        if inventory in ((names,) if isinstance(names, str) else names):
            spec = manifest.inputs.get(name) if manifest else None
            yield spec.kind if spec else name


def _check(id: str, check: Check, evidence: Evidence) -> CheckState:
    record, manifest = evidence.record_of(id), evidence.manifests.get(check.ait)
    specs = manifest.measures if manifest else {}
    bound = dict.fromkeys(n for names in check.with_.values() for n in ((names,) if isinstance(names, str) else names))
    if names_baseline(check):
        bound[BASELINE] = None
    expect = tuple(one_spelling(e.criterion) for e in check.expect)
    if record is None:
        return CheckState(check.ait, parameters=check.params, bound=tuple(bound), expect=expect)
    measured = record.status == "measured" and record.program.id == check.ait
    return CheckState(
        ait=check.ait,
        record=record.key if measured else "",
        version=record.program.version,
        code=record.program.sha256,
        parameters=record.parameters,
        seed=record.seed,
        confidence=record.confidence,
        bound=tuple(bound),
        expect=expect,
        measures=record.measures if measured else {},
        better={n: specs[n].better for n in record.measures if n in specs} if measured else {},
        units={n: specs[n].unit for n in record.measures if n in specs} if measured else {},
    )


def _circumstances(evidence: Evidence) -> Circumstances:
    records = list(evidence.records.values())
    libraries: dict[str, set[str]] = {}
    for record in records:
        for name, version in record.environment.libraries.items():
            libraries.setdefault(name, set()).add(version)
    return Circumstances(
        python=tuple(sorted({r.environment.python for r in records})),
        platform=tuple(sorted({r.environment.platform for r in records})),
        libraries={n: tuple(sorted(libraries[n])) for n in sorted(libraries)},
        isolation=tuple(sorted({", ".join(r.isolation) for r in records})),
        qmtestbed=tuple(sorted({r.program.version for r in records if r.kind in OWN})),
    )
