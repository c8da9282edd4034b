"""What every part of the view is built from: evidence, assessment, words, and how much to show."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from qmtestbed.ait import Roles
from qmtestbed.render.model import Pairs, Ref
from qmtestbed.render.text import anchor
from qmtestbed.render.words import Words
from qmtestbed.types.assessment import Assessment, CheckVerdicts, RequirementState
from qmtestbed.types.evidence import Evidence, Remark
from qmtestbed.types.guideline import GuidelineRequirement
from qmtestbed.types.manifest import Manifest
from qmtestbed.types.text import Language


@dataclass(frozen=True)
class Detail:
    """How much of long things is shown; what is left out is always counted."""

    rows: int = 200
    columns: int = 40
    text: int = 2000
    cell: int = 300
    prose: int = 20_000
    findings: int = 50
    figures: int = 1000
    remarks: int = 200
    drawn: bool = True


DETAILS = (
    Detail(),
    Detail(rows=60, columns=20, text=800, cell=120, prose=4000, findings=20, figures=200, remarks=100),
    Detail(rows=12, columns=10, text=300, cell=60, prose=600, findings=5, figures=40, remarks=30),
    Detail(rows=3, columns=5, text=80, cell=30, prose=100, findings=1, figures=0, remarks=3, drawn=False),
)
"""Tried in this order until the page is small enough."""


@dataclass(frozen=True)
class Context:
    """The input of every builder."""

    evidence: Evidence
    assessment: Assessment
    w: Words
    detail: Detail
    remarks: Sequence[Remark] = ()

    @property
    def language(self) -> Language:
        """Language of the page."""
        return self.w.language

    @cached_property
    def _requirements(self) -> Mapping[str, RequirementState]:
        short = {r.id: r for r in reversed(self.assessment.requirements)}
        full = {f"{r.guideline}:{r.id.removeprefix(f'{r.guideline}:')}": r for r in self.assessment.requirements}
        return {**short, **full}

    @cached_property
    def checks(self) -> Mapping[str, CheckVerdicts]:
        """The judged checks by id."""
        return {c.id: c for c in self.assessment.checks}

    def manifest(self, ait: str) -> Manifest | None:
        """Give the manifest of an AIT, if the evidence has it."""
        return self.evidence.manifests.get(ait)

    def is_model(self, inventory: str) -> bool:
        """Whether an inventory is a model: by its flavour, or by the input that it is bound to."""
        facts = self.evidence.info.inventories.get(inventory)
        if facts is not None and facts.flavour:
            return True
        return self._bound_as(inventory) == "model"

    def is_predictions(self, inventory: str) -> bool:
        """Whether an inventory is a file of predictions."""
        return not self.is_model(inventory) and self._bound_as(inventory) == "predictions"

    def _bound_as(self, inventory: str) -> str:
        """Kind of the first input that an inventory is bound to."""
        for check in self.evidence.plan.checks.values():
            manifest = self.manifest(check.ait)
            for given, names in check.with_.items():
                if inventory == names or (not isinstance(names, str) and inventory in names):
                    spec = manifest.inputs.get(given) if manifest else None
                    return spec.kind if spec else given
        return ""

    def used_as(self, inventory: str) -> tuple[str, ...]:
        """Name the inputs of checks that an inventory is bound to, in the order of the plan."""
        bound = [c.with_ for c in self.evidence.plan.checks.values()]
        flat = ((given, (n,) if isinstance(n, str) else n) for with_ in bound for given, n in with_.items())
        return tuple(dict.fromkeys(given for given, names in flat if inventory in names))

    def clause(self, requirement: RequirementState) -> GuidelineRequirement | None:
        """Give the guideline's own words for a requirement."""
        guideline = self.evidence.guidelines.get(requirement.guideline)
        if guideline is None:
            return None
        return guideline.requirements.get(requirement.id.removeprefix(f"{requirement.guideline}:"))

    def requirement_ref(self, name: str) -> Ref:
        """Link to a requirement; no link if it is not of the target."""
        state = self._requirements.get(name)
        if state is None:
            return Ref(name, "", self.w("outside_target"))
        clause = self.clause(state)
        title = clause.title.of(self.language) if clause else ""
        return Ref(name, requirement_anchor(state), title, state.verdict)

    @cached_property
    def _relating(self) -> Mapping[str, Sequence[str]]:
        """Clauses of the guidelines asked for that name another clause, by the one that they name."""
        found: dict[str, list[str]] = {}
        for name in self.assessment.guidelines:
            guideline = self.evidence.guidelines.get(name)
            for id, clause in guideline.requirements.items() if guideline else ():
                for related in clause.relates:
                    found.setdefault(related, []).append(f"{name}:{id}")
        return found

    def crosswalk(self, state: RequirementState) -> tuple[Ref, ...]:
        """Name the clauses of other guidelines that ask for the like, whichever of the two says so."""
        clause, full = self.clause(state), f"{state.guideline}:{state.id.removeprefix(f'{state.guideline}:')}"
        named = (*(clause.relates if clause else ()), *self._relating.get(full, ()))
        return tuple(self.requirement_ref(name) for name in dict.fromkeys(named))

    def check_ref(self, name: str) -> Ref:
        """Link to a check."""
        check = self.checks.get(name)
        if check is None:
            return Ref(name, "")
        manifest = self.manifest(check.ait)
        return Ref(name, anchor("check", name), manifest.title.of(self.language) if manifest else "", check.verdict)

    def record_ref(self, key: str) -> Ref:
        """Link to a record by its key."""
        return Ref(key[:12], anchor("record", key) if key in self.evidence.records else "", key)


def requirement_anchor(state: RequirementState) -> str:
    """Give the HTML id of a requirement: its own id where one guideline is used, else with the guideline."""
    return anchor("req", f"{state.guideline}_{state.id.removeprefix(state.guideline + ':')}".replace("@", "-"))


def role_pairs(roles: Roles | None, w: Words) -> Pairs:
    """List what columns are for."""
    if roles is None:
        return ()
    named: list[tuple[str, Any]] = [
        ("label", roles.label),
        ("positive", roles.positive),
        ("sensitive", roles.sensitive),
        ("id", roles.id),
        ("time", roles.time),
        ("group", roles.group),
        ("weight", roles.weight),
        ("ignore", roles.ignore),
        ("classes", roles.classes),
        ("task", roles.task),
    ]
    return tuple((w(f"role.{k}"), v if isinstance(v, str) else ", ".join(v)) for k, v in named if v)


def value_text(value: Any) -> str:
    """Write a parameter or fact: text as it is, everything else as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
