"""The assessment: every verdict, with the records it rests on (``qmtestbed/assessment/v1``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from qmtestbed.ait import FindingKind, Subject
from qmtestbed.types.checklist import Answer, ChecklistItem
from qmtestbed.types.codec import Shape
from qmtestbed.types.guideline import Part
from qmtestbed.types.record import Failure, Status

Verdict = Literal["met", "not_met", "undetermined"]
CheckVerdict = Literal["met", "not_met", "undetermined", "reported"]
PartState = Literal["supported", "contradicted", "undetermined", "missing"]
RequirementVerdict = Literal[
    "supported", "contradicted", "undetermined", "partly_supported", "no_evidence", "not_applicable"
]
LevelVerdict = Literal["reached", "not_reached", "not_applicable", "not_covered"]
Require = Literal["criteria-or-waived", "criteria", "measured", "requirements"]
"""What the verdict of a whole run looks at, the most lenient first; see :func:`qmtestbed.judging.exit_code`."""
ACCEPTING: Require = "criteria-or-waived"
"""The one requirement that accepts waivers: no clause is supported by a waiver, so none that looks at clauses does."""
RunVerdict = Literal["met", "met_or_waived", "not_met", "undetermined"]
"""The verdict of a whole run; ``met_or_waived``: all is met but for what is waived, and the waivers are accepted."""


@dataclass(frozen=True, slots=True)
class Against:
    """What a criterion against a baseline compared: both values, and the baseline by name.

    ``how`` says whether the two models were compared item by item, were measured apart, or are one and the same.
    """

    value: float
    baseline: float
    name: str
    how: Literal["paired", "unpaired", "same"]


@dataclass(frozen=True, slots=True)
class WaiverState:
    """A waiver of a criterion as it stood on the day of the assessment.

    ``waived``: it holds, and the criterion is not met or undetermined. ``not_needed``: it holds, and the criterion is
    met. One that is ``expired`` or ``not_yet_valid`` waives nothing.
    """

    by: str
    reason: str
    date: str
    until: str
    state: Literal["waived", "not_needed", "expired", "not_yet_valid"]


@dataclass(frozen=True, slots=True)
class CriterionVerdict:
    """One criterion judged; ``key`` names the class, column, … that decided, where the measure is keyed.

    For a criterion against a baseline, ``value``, ``low`` and ``high`` are of the difference, model less baseline, and
    ``bound`` is the offset. ``waiver`` stands beside the verdict and is no part of it, nor is ``default``: its limit is
    the one that the AIT suggests, and nobody set it for this use.
    """

    text: str
    verdict: Verdict
    reason: str
    measure: str | None = None
    key: str | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    bound: tuple[float | None, float | None] = (None, None)
    because: str | None = None
    against: Against | None = None
    waiver: WaiverState | None = None
    default: Annotated[bool, Shape(lean=True)] = False

    @property
    def waived(self) -> bool:
        """Whether a person gave leave, as of the day, for what is not met or undetermined."""
        return self.waiver is not None and self.waiver.state == "waived"


@dataclass(frozen=True, slots=True)
class CheckVerdicts:
    """One check judged; ``baseline`` is the record by which it is compared with the baseline."""

    id: str
    ait: str
    verdict: CheckVerdict
    criteria: tuple[CriterionVerdict, ...]
    status: Status | Literal["no_record"]
    record: str | None = None
    clauses: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    error: Failure | None = None
    baseline: str | None = None

    def fails_like(self, other: CheckVerdicts) -> bool:
        """Whether both have no result, and for the same reason, wherever it came up."""
        ours, theirs = self.error, other.error
        if ours is None or theirs is None or self.status != other.status:
            return False
        return replace(ours, where="") == replace(theirs, where="")


DeclarationFound = Literal["valid", "expired", "not_yet_valid", "file_missing", "file_altered", "to_do"]
Standing = Literal[DeclarationFound, "answered_no", "open", "nothing_applies"]
"""What a declaration is worth; only ``valid`` supports, only ``answered_no`` contradicts."""


@dataclass(frozen=True, slots=True)
class DeclarationState:
    """A declaration as found on the day of the assessment; a stub has neither ``by`` nor ``date``.

    Attributes
    ----------
    at_fault
        The file that is missing or altered.
    items
        The answers of its checklist, in their order.
    answered_no
        The first question of the checklist that is answered no: the one thing that makes a declaration speak against
        its requirement.
    """

    requirement: str
    by: str
    date: str
    state: DeclarationFound
    statement: str | None = None
    not_applicable: str | None = None
    file: str | None = None
    sha256: str | None = None
    until: str | None = None
    answered_no: str | None = None
    at_fault: str | None = None
    checklist: str | None = None
    checklist_sha256: str | None = None
    items: tuple[ChecklistItem, ...] = ()

    @property
    def standing(self) -> Standing:
        """The state of the declaration and what its checklist answers, in one word."""
        if self.state != "valid":
            return self.state
        if self.answered_no:
            return "answered_no"
        answers = {item.answer for item in self.items}
        if None in answers:
            return "open"
        return "nothing_applies" if answers == {"not_applicable"} else "valid"

    def answered(self, answer: Answer | None) -> tuple[ChecklistItem, ...]:
        """Give the questions with an answer; with ``None``, the open ones."""
        return tuple(item for item in self.items if item.answer == answer)


@dataclass(frozen=True, slots=True)
class RequirementState:
    """One requirement of the target; ``records`` are those its verdict rests on."""

    id: str
    guideline: str
    dimension: str
    needs: tuple[Part, ...]
    parts: Mapping[str, PartState]
    verdict: RequirementVerdict
    reason: str
    checks: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    declarations: tuple[DeclarationState, ...] = ()


_WORST_FIRST: tuple[Standing, ...] = (
    "answered_no", "file_altered", "file_missing", "expired", "open", "nothing_applies", "not_yet_valid", "to_do",
)  # fmt: skip


def not_counting(requirements: Sequence[RequirementState]) -> dict[Standing, tuple[str, ...]]:
    """Give the requirements with a declaration that does not support them, by what it is, worst first."""
    found = {
        standing: tuple(r.id for r in requirements if any(d.standing == standing for d in r.declarations))
        for standing in _WORST_FIRST
    }
    return {standing: ids for standing, ids in found.items() if ids}


@dataclass(frozen=True, slots=True)
class LevelState:
    """How far one chain of levels is reached, against its target.

    ``measured_side`` is the level reached by measured parts alone, or ``nothing to measure``.
    """

    guideline: str
    dimension: str
    kind: Literal["external", "internal"]
    target: str
    verdict: LevelVerdict
    reached: str | None = None
    measured_side: str | None = None


@dataclass(frozen=True, slots=True)
class WaivedHeadline:
    """How many of the criteria not met, and of those undetermined, are waived; ``until``: the first waiver ends."""

    not_met: int
    undetermined: int
    until: str

    @property
    def criteria(self) -> int:
        """How many are waived."""
        return self.not_met + self.undetermined


@dataclass(frozen=True, slots=True)
class CriteriaHeadline:
    """How many criteria were judged, and how; those that are ``waived`` are counted as what they are as well.

    ``rated`` of those met or not met are criteria whose AIT says how often they are missed though nothing is wrong;
    ``false_alarms`` is how many misses among them that lets expect (the sum of the rates).
    """

    judged: int
    met: int
    not_met: int
    undetermined: int
    rated: int = 0
    false_alarms: float = 0.0
    waived: WaivedHeadline | None = None

    @property
    def verdict(self) -> RunVerdict:
        """The verdict of the whole run where criteria alone are looked at, and no waiver is accepted."""
        if self.not_met:
            return "not_met"
        return "met" if self.judged and not self.undetermined else "undetermined"

    @property
    def accepting(self) -> RunVerdict:
        """The same where waivers are accepted (``--require criteria-or-waived``)."""
        if self.waived is None:
            return self.verdict
        rest = CriteriaHeadline(
            self.judged - self.waived.criteria,
            self.met,
            self.not_met - self.waived.not_met,
            self.undetermined - self.waived.undetermined,
        )
        return "met_or_waived" if rest.verdict == "met" else rest.verdict


@dataclass(frozen=True, slots=True)
class EvidenceHeadline:
    """How much of the target has evidence; ``need`` counts parts of requirements that apply."""

    level_asked: bool
    measured_supported: int
    measured_needed: int
    declared_supported: int
    declared_needed: int
    contradicted: int
    not_applicable: int
    fills_gap: str = ""

    @property
    def asked(self) -> bool:
        """Whether anything is asked for: a level, or a guideline as a whole."""
        return self.level_asked or self.measured_needed + self.declared_needed + self.not_applicable > 0


@dataclass(frozen=True, slots=True)
class Headlines:
    """The two headlines, never mixed."""

    criteria: CriteriaHeadline
    evidence: EvidenceHeadline


@dataclass(frozen=True, slots=True)
class JudgedFinding:
    """A finding whose criterion is not met."""

    check: str
    kind: FindingKind
    subject: Subject
    measure: str
    value: float
    text: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An AIT that was not judged, and why."""

    ait: str
    why: str


# -- since last time ------------------------------------------------------------------------------------------

Change = Literal["worse", "unwaived", "gone", "restated", "waived", "new", "better", "same", "absent"]
"""What became of a criterion from one run to another, the worst first.

``waived`` and ``unwaived``: the verdict is the same and not met or undetermined, and a waiver holds now or no more.
``restated``: the same measure under another limit, so that its verdicts can't be set against one another. ``absent``:
neither of the two runs has it.
"""
DifferenceKind = Literal[
    "component",
    "model",
    "predictions",
    "data",
    "roles",
    "ait",
    "parameter",
    "seed",
    "confidence",
    "guideline",
    "level",
    "qmtestbed",
    "python",
    "platform",
    "library",
    "isolation",
]


@dataclass(frozen=True, slots=True)
class Difference:
    """What was not the same in all runs; one value per run, ``None`` where it has none."""

    kind: DifferenceKind
    subject: str
    values: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many criteria went which way from one run to another."""

    worse: int = 0
    gone: int = 0
    restated: int = 0
    new: int = 0
    better: int = 0
    same: int = 0
    unwaived: Annotated[int, Shape(lean=True)] = 0
    waived: Annotated[int, Shape(lean=True)] = 0


@dataclass(frozen=True, slots=True)
class CriterionChange:
    """A criterion whose verdict is not what it was; ``before`` or ``after`` is missing where the run had none."""

    check: str
    text: str
    change: Change
    before: CriterionVerdict | None = None
    after: CriterionVerdict | None = None


@dataclass(frozen=True, slots=True)
class LevelChange:
    """The level reached before and after, where it is not the same."""

    guideline: str
    dimension: str
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class SinceLast:
    """What changed since an earlier run; changes stand worst first. ``criteria`` is the headline it had."""

    run: str
    as_of: str
    component: str
    criteria: CriteriaHeadline
    counts: Counts
    changes: tuple[CriterionChange, ...]
    levels: tuple[LevelChange, ...]
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Assessment:
    """All verdicts of one run; ``since`` where it was told which run came before."""

    schema: Literal["qmtestbed/assessment/v1"]
    as_of: str
    run: str
    component: str
    guidelines: tuple[str, ...]
    headlines: Headlines
    checks: tuple[CheckVerdicts, ...]
    requirements: tuple[RequirementState, ...]
    levels: tuple[LevelState, ...]
    findings: tuple[JudgedFinding, ...]
    left_out: tuple[LeftOut, ...]
    reported: tuple[str, ...]
    since: SinceLast | None = None
