"""The view model: what a page, a summary and a template may show. Plain frozen values, no mapping, no logic.

Texts are as others wrote them until :func:`qmtestbed.render.text.scrub` has gone over the whole; only ``Svg`` is
markup. ``anchor`` is the HTML id of a part of the page, and :class:`Ref` a link to one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qmtestbed.render.text import Svg
from qmtestbed.types.assessment import Counts, CriteriaHeadline, EvidenceHeadline
from qmtestbed.types.record import Failure
from qmtestbed.types.text import Language

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Digest:
    """A SHA-256 or job key, shown by its beginning."""

    full: str

    @property
    def short(self) -> str:
        """The first twelve characters."""
        return self.full[:12]


@dataclass(frozen=True, slots=True)
class Ref:
    """A link to another part of the page."""

    text: str
    anchor: str
    title: str = ""
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class InventoryView:
    """A model or data file: the name the plan gives it, what was asked for, what it was pinned to.

    ``page`` is its address on the website of the tracking server; ``used_as`` names the inputs it is bound to.
    """

    name: str
    uri: str
    digest: Digest
    requested: str | None = None
    version: str | None = None
    flavour: str | None = None
    rows: int | None = None
    columns: int | None = None
    roles: Pairs = ()
    page: str | None = None
    used_as: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GuidelineView:
    """A guideline, and the levels asked for: pairs of dimension and level; ``whole`` where it has none to choose."""

    name: str
    title: str
    source: str
    url: str | None
    note: str
    targets: Pairs
    whole: bool = False


@dataclass(frozen=True, slots=True)
class RemarkView:
    """What a person said of the run, or of the check or requirement that ``about`` leads to."""

    anchor: str
    n: str
    at: str
    by: str
    text: str
    about: Ref | None


@dataclass(frozen=True, slots=True)
class FindingView:
    """A problem with a named subject; ``rows`` says how many it has, if it is about rows."""

    kind: str
    subject: str
    value: str
    text: str


@dataclass(frozen=True, slots=True)
class WaiverView:
    """The waiver that stands beside a criterion: how it stands in one line, and why it was granted."""

    state: str
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class WaiverRow:
    """A waiver of the plan in full; ``state`` is ``no_evidence`` where its criterion was not judged."""

    check: Ref
    criterion: str
    verdict: str
    reason: str
    by: str
    date: str
    until: str
    state: str


@dataclass(frozen=True, slots=True)
class CriterionView:
    """A criterion judged: found, limit, how sure; ``figure`` draws it, ``strip`` in one line of a table."""

    text: str
    verdict: str
    found: str
    interval: str
    level: str
    n: str
    key: str
    against: str
    limit: str
    sure: str
    reason: str
    because: str
    figure: Svg | None
    strip: Svg | None
    waiver: WaiverView | None = None
    default: bool = False


@dataclass(frozen=True, slots=True)
class VerdictView:
    """The verdict of the whole run, by which rule, and what it is where waivers are accepted, if that is another."""

    verdict: str
    rule: str
    accepting: str


@dataclass(frozen=True, slots=True)
class MainView:
    """How right the model is, in one number; without an interval ``interval``, ``level`` and ``n`` are empty."""

    title: str
    found: str
    interval: str
    level: str
    n: str
    check: Ref


@dataclass(frozen=True, slots=True)
class FailureView:
    """What stands among the failures: a criterion that is not met or undetermined, or a check without a result."""

    anchor: str
    verdict: str
    check: Ref
    ait_title: str
    status: str
    criterion: CriterionView | None
    findings: tuple[FindingView, ...]
    findings_left: int
    meaning: str
    clauses: tuple[Ref, ...]
    error: Failure | None


@dataclass(frozen=True, slots=True)
class TableView:
    """Cells as text; ``numeric`` says which columns hold numbers, ``heads`` whether the first names its row."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    heads: bool = False
    rows_left: int = 0
    columns_left: int = 0


@dataclass(frozen=True, slots=True)
class FigureView:
    """A resource: drawn if it can be, and the data behind it; ``note`` says what of single rows was kept."""

    anchor: str
    title: str
    svg: Svg | None
    table: TableView | None
    prose: str | None
    missing: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class MeasureRow:
    """A measured number, or why there is none."""

    name: str
    key: str
    value: str
    interval: str
    n: str
    unit: str
    undefined: str


@dataclass(frozen=True, slots=True)
class BoundInput:
    """An input of a check, with what it was bound to."""

    name: str
    inventory: str
    digest: Digest | None
    detail: str


@dataclass(frozen=True, slots=True)
class CheckView:
    """One check with everything that it rests on."""

    id: str
    anchor: str
    verdict: str
    ait: str
    ait_title: str
    version: str
    quality: str
    status: str
    error: Failure | None
    criteria: tuple[CriterionView, ...]
    findings: tuple[FindingView, ...]
    findings_left: int
    measures: tuple[MeasureRow, ...]
    measures_left: int
    figures: tuple[FigureView, ...]
    parameters: Pairs
    inputs: tuple[BoundInput, ...]
    meaning: str
    method: str
    references: tuple[tuple[str, str | None], ...]
    clauses: tuple[Ref, ...]
    related: tuple[Ref, ...]
    record: Ref | None
    items: str
    seconds: str
    confidence: str
    independent: bool
    remarks: tuple[RemarkView, ...]


@dataclass(frozen=True, slots=True)
class PartView:
    """A kind of evidence a requirement needs, and what there is of it."""

    name: str
    state: str


@dataclass(frozen=True, slots=True)
class RequirementView:
    """One requirement of the target.

    Attributes
    ----------
    short
        Its id without the guideline, which comes before it where there are several.
    crosswalk
        Clauses of other guidelines that ask for the like; links where they are on this page.
    unverified
        Why what the guideline file says of it is not certain.
    """

    id: str
    short: str
    anchor: str
    title: str
    summary: str
    verdict: str
    parts: tuple[PartView, ...]
    reason: str
    checks: tuple[Ref, ...]
    related: tuple[Ref, ...]
    records: tuple[Ref, ...]
    declarations: tuple[Ref, ...]
    remarks: tuple[RemarkView, ...]
    crosswalk: tuple[Ref, ...] = ()
    unverified: str = ""


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """One level of a chain: its requirements, and whether it is the target or what was reached."""

    level: str
    requirements: tuple[Ref, ...]
    target: bool
    reached: bool


@dataclass(frozen=True, slots=True)
class DimensionView:
    """One internal quality: a row of cells per chain of levels, and its requirements in full."""

    code: str
    title: str
    chains: tuple[tuple[MatrixCell, ...], ...]
    requirements: tuple[RequirementView, ...]


@dataclass(frozen=True, slots=True)
class MatrixView:
    """The requirements of one guideline; ``measured`` and ``declared``: parts supported, and parts needed.

    ``levelled``: whether its requirements stand on levels.
    """

    guideline: str
    title: str
    columns: int
    dimensions: tuple[DimensionView, ...]
    measured: tuple[int, int]
    declared: tuple[int, int]
    levelled: bool = True


@dataclass(frozen=True, slots=True)
class LevelView:
    """How far one chain of levels is reached."""

    guideline: str
    code: str
    dimension: str
    kind: str
    target: str
    verdict: str
    reached: str | None
    measured_side: str | None


@dataclass(frozen=True, slots=True)
class NotApplicableView:
    """A requirement that a person declared not to apply."""

    requirement: Ref
    reason: str
    by: str
    date: str


@dataclass(frozen=True, slots=True)
class NotCountingView:
    """Requirements whose declaration does not support them, all for the same reason."""

    standing: str
    count: int
    requirements: tuple[Ref, ...]


@dataclass(frozen=True, slots=True)
class EnvironmentView:
    """A Python with its libraries, shared by records."""

    anchor: str
    name: str
    python: str
    platform: str
    libraries: Pairs


@dataclass(frozen=True, slots=True)
class UsedInputView:
    """An input of a record by its content."""

    name: str
    kind: str
    source: str
    digest: Digest
    roles: Pairs


@dataclass(frozen=True, slots=True)
class RecordView:
    """One job's record, less its measures."""

    key: Digest
    anchor: str
    kind: str
    program: str
    version: str
    program_digest: Digest
    evidence_digest: Digest
    status: str
    checks: tuple[Ref, ...]
    environment: Ref
    isolation: str
    samples: str
    seed: str
    confidence: str
    planned: str
    attempted: str
    measured: str
    invalid: str
    seconds: str
    memory: str
    started: str
    reused: bool
    inputs: tuple[UsedInputView, ...]
    facts: Pairs
    error: Failure | None


@dataclass(frozen=True, slots=True)
class AnswerView:
    """A question of a checklist and its answer; ``verdict`` has the sign for it."""

    id: str
    question: str
    verdict: str
    answer: str
    comment: str
    evidence: str


@dataclass(frozen=True, slots=True)
class DeclarationView:
    """Evidence given by a person, as found on the day of the assessment.

    ``counts`` sums its checklist up; ``pressing`` are the questions answered no, and then the open ones.
    """

    anchor: str
    requirement: Ref
    statement: str
    not_applicable: str
    file: str
    digest: Digest | None
    by: str
    date: str
    until: str
    state: str
    answered_no: str
    checklist: str = ""
    checklist_digest: Digest | None = None
    counts: str = ""
    answers: tuple[AnswerView, ...] = ()
    pressing: tuple[AnswerView, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeView:
    """A criterion that is not what it was; an empty verdict where a run had no such criterion."""

    change: str
    check: Ref
    text: str
    before: str
    after: str
    waived_before: bool = False
    waived_after: bool = False


@dataclass(frozen=True, slots=True)
class DifferenceView:
    """What was not the same in all runs: one text per run."""

    kind: str
    subject: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SinceView:
    """What changed since an earlier run, for the first screen."""

    run: Digest
    as_of: str
    component: str
    criteria: CriteriaHeadline
    counts: Counts
    changes: tuple[ChangeView, ...]
    levels: tuple[str, ...]
    differences: tuple[DifferenceView, ...]


@dataclass(frozen=True, slots=True)
class ClauseView:
    """A requirement with everything that it rests on; ``checks`` come without figures."""

    requirement: RequirementView
    dimension: str
    level: str
    checks: tuple[CheckView, ...]
    related: tuple[CheckView, ...]
    records: tuple[RecordView, ...]
    declarations: tuple[DeclarationView, ...]


@dataclass(frozen=True, slots=True)
class ClausesView:
    """Every requirement of the target of one guideline, in the guideline's own order."""

    guideline: str
    title: str
    clauses: Sequence[ClauseView]


@dataclass(frozen=True, slots=True)
class View:
    """Everything on a page; checks, records and clauses are made when they are asked for: there can be thousands."""

    language: Language
    component: str
    description: str
    run: Digest
    as_of: str
    models: tuple[InventoryView, ...]
    predictions: tuple[InventoryView, ...]
    data: tuple[InventoryView, ...]
    guidelines: tuple[GuidelineView, ...]
    verdict: VerdictView
    main: tuple[MainView, ...]
    cautions: Pairs
    steps: tuple[str, ...]
    criteria: CriteriaHeadline
    criteria_bar: Svg
    false_alarms: str
    evidence: EvidenceHeadline
    measured_bar: Svg
    declared_bar: Svg
    not_applicable: tuple[NotApplicableView, ...]
    failures: tuple[FailureView, ...]
    levels: tuple[LevelView, ...]
    matrices: tuple[MatrixView, ...]
    clauses: tuple[ClausesView, ...]
    contents: tuple[Ref, ...]
    checks: Sequence[CheckView]
    left_out: Pairs
    environments: tuple[EnvironmentView, ...]
    records: Sequence[RecordView]
    declarations: tuple[DeclarationView, ...]
    assumptions: tuple[str, ...]
    samples: str
    notes: tuple[str, ...]
    remarks: tuple[RemarkView, ...]
    remarks_left: int
    shortened: bool
    since: SinceView | None = None
    waived: str = ""
    waivers: tuple[WaiverRow, ...] = ()
    not_counting: tuple[NotCountingView, ...] = ()
