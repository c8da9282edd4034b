"""A run in brief, for a published site: a view of evidence and assessment like the page, as typed data."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import NamedTuple

from qmtestbed.render.context import DETAILS, Context
from qmtestbed.render.words import Words
from qmtestbed.types.assessment import Assessment, CriterionVerdict, Require, RunVerdict
from qmtestbed.types.criterion import Criterion, parse_criterion
from qmtestbed.types.evidence import Evidence
from qmtestbed.types.published import Published, PublishedCriterion, PublishedInput, PublishedLevel

_TAKEN = frozenset({"runs"})
_HASHED = re.compile(r"-[0-9a-f]{16}")


def published(evidence: Evidence, assessment: Assessment, verdict: RunVerdict, require: Require) -> Published:
    """Give a run in brief; ``verdict`` is that of the whole by ``require``."""
    return Published(
        schema="qmtestbed/published/v1",
        component=assessment.component,
        as_of=assessment.as_of,
        run=assessment.run,
        require=require,
        verdict=verdict,
        headlines=assessment.headlines,
        levels=tuple(
            PublishedLevel(x.guideline, x.dimension, x.target, x.verdict, x.reached)
            for x in assessment.levels
            if x.kind == "external"
        ),
        criteria=tuple(_criterion(check.id, c) for check in assessment.checks for c in check.criteria),
        inputs=_inputs(Context(evidence, assessment, Words("en"), DETAILS[0])),
    )


def _criterion(check: str, c: CriterionVerdict) -> PublishedCriterion:
    parsed = parsed_or_none(c.text)
    bound = (parsed.low, parsed.high) if parsed and c.bound == (None, None) else c.bound
    return PublishedCriterion(check, c.text, c.verdict, c.value, c.low, c.high, bound, c.key, c.n, c.waiver)


def _inputs(context: Context) -> tuple[PublishedInput, ...]:
    return tuple(
        PublishedInput(
            name,
            "model" if context.is_model(name) else "predictions" if context.is_predictions(name) else "data",
            facts.sha256,
            facts.version,
        )
        for name, facts in context.evidence.info.inventories.items()
    )


def parsed_or_none(text: str) -> Criterion | None:
    """Read a criterion; ``None`` for a text that is none."""
    try:
        return parse_criterion(text)
    except ValueError:
        return None


class Series(NamedTuple):
    """What stays the same of a criterion from run to run, though its limit moves."""

    check: str
    measure: str
    key: str
    op: str
    baseline: bool
    nth: int


def by_series(criteria: Iterable[PublishedCriterion]) -> dict[Series, PublishedCriterion]:
    """Tell the criteria of one run apart by what they are of; several of the same are counted."""
    found: dict[Series, PublishedCriterion] = {}
    for c in criteria:
        parsed = parsed_or_none(c.text)
        series = Series(c.check, c.text, "", "", False, 0)
        if parsed is not None:
            series = Series(c.check, parsed.measure, parsed.key or "", parsed.op, parsed.baseline, 0)
        while series in found:
            series = series._replace(nth=series.nth + 1)
        found[series] = c
    return found


def folder_name(name: str) -> str:
    """Give the name of a folder for a component or run: plain lower-case ASCII, and another one for every other name.

    A name that is plain is kept. Any other is followed by 16 digits of its SHA-256, as is a plain one that looks so.
    """
    plain = re.sub(r"[^a-z0-9_]+", "-", name.lower())[:40].strip("-_")
    if name and plain == name and name not in _TAKEN and not _HASHED.fullmatch(name[-17:]):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{plain or 'component'}-{digest[:16]}"
