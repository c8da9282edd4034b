"""What resolving gives: the pinned plan and the graph of jobs that measures it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qmtestbed.types.evidence import InventoryFacts
from qmtestbed.types.job import Job
from qmtestbed.types.plan import Plan


@dataclass(frozen=True, slots=True)
class Resolution:
    """A plan made exact.

    Attributes
    ----------
    plan
        Defaults filled in, models pinned, digests stated, paths relative to the run folder.
    jobs
        In an order in which every job comes after those it needs.
    checks
        Check → key of its job.
    baselines
        Check → key of the job that compares it with the baseline, for checks whose criteria name one.
    inventories
        What each inventory is, for the header of the page.
    notes
        What a reader of the page has to know of the inventories.
    """

    plan: Plan
    jobs: tuple[Job, ...]
    checks: Mapping[str, str]
    inventories: Mapping[str, InventoryFacts]
    baselines: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
