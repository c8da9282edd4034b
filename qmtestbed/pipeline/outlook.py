"""What a plan asks for and what of it is there, before anything runs: judged as a run without records is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from qmtestbed.catalogue import Catalogue
from qmtestbed.evidence.declarations import check_checklists, state
from qmtestbed.judging import judge
from qmtestbed.pipeline.options import Options
from qmtestbed.plan import load_plan
from qmtestbed.types.assessment import Assessment, RequirementState
from qmtestbed.types.evidence import Evidence, RunInfo
from qmtestbed.types.guideline import Guideline
from qmtestbed.types.plan import LoadedPlan, Plan
from qmtestbed.types.text import Language


@dataclass(frozen=True)
class Outlook:
    """A plan that was found good, and its requirements as they stand today; no check has been run.

    ``placeholders`` are the inventories that are still to be named.
    """

    loaded: LoadedPlan
    assessment: Assessment
    guidelines: Mapping[str, Guideline]
    placeholders: tuple[str, ...]

    def title(self, requirement: RequirementState, language: Language) -> str:
        """Give the title of a requirement."""
        described = self.guidelines[requirement.guideline].requirements
        return described[requirement.id.removeprefix(f"{requirement.guideline}:")].title.of(language)


def outlook(plan_file: Path, options: Options) -> Outlook:
    """Check a plan without running it, and say what its target asks for.

    Raises
    ------
    InputError
        With every problem of the plan, or of the checklists that it names.
    """
    catalogue = options.catalogue()
    loaded = load_plan(plan_file, catalogue)
    check_checklists(loaded.plan.declarations, loaded.folder)
    return outlook_of(loaded, catalogue, options.as_of or date.today().isoformat())


def outlook_of(loaded: LoadedPlan, catalogue: Catalogue, as_of: str) -> Outlook:
    """As :func:`outlook`, for a plan that was read."""
    plan = loaded.plan
    guidelines = guidelines_of(plan, catalogue)
    states = tuple(state(d, loaded.folder, as_of, collected=False) for d in plan.declarations)
    info = RunInfo("qmtestbed/run/v1", "", as_of, {}, declarations=states)
    assessment = judge(Evidence(info, plan, guidelines, {}, {}, {}))
    placeholders = tuple(name for name, inventory in plan.inventories.items() if inventory.is_placeholder)
    return Outlook(loaded, assessment, guidelines, placeholders)


def guidelines_of(plan: Plan, catalogue: Catalogue) -> dict[str, Guideline]:
    """Give the guidelines that a plan names."""
    return {n: g for n in plan.guidelines if (g := catalogue.guideline(n).guideline) is not None}
