"""What changed since an earlier run, for the first screen, and what both comparisons share."""

from __future__ import annotations

from collections.abc import Sequence

from qmtestbed.render.context import Context
from qmtestbed.render.model import ChangeView, DifferenceView, Digest, SinceView
from qmtestbed.render.requirements import dimension_title
from qmtestbed.render.text import date
from qmtestbed.render.words import Words
from qmtestbed.types.assessment import CriterionChange, Difference, DifferenceKind, LevelChange

ENVIRONMENT: frozenset[DifferenceKind] = frozenset({"qmtestbed", "python", "platform", "library", "isolation"})
"""Kinds of differences that are not of the plan or its inputs."""


def since_view(context: Context) -> SinceView | None:
    """Build the view of what changed since last time; ``None`` where no earlier run is known."""
    since, w = context.assessment.since, context.w
    if since is None:
        return None
    return SinceView(
        run=Digest(since.run),
        as_of=date(since.as_of, context.language),
        component=since.component,
        criteria=since.criteria,
        counts=since.counts,
        changes=tuple(_change(c, context) for c in since.changes),
        levels=tuple(_level(x, context) for x in since.levels),
        differences=difference_views(since.differences, w),
    )


def _change(c: CriterionChange, context: Context) -> ChangeView:
    before, after = (x.verdict if x else "" for x in (c.before, c.after))
    waived = (x is not None and x.waived for x in (c.before, c.after))
    return ChangeView(c.change, context.check_ref(c.check), c.text, before, after, *waived)


def _level(level: LevelChange, context: Context) -> str:
    w = context.w
    code, title = dimension_title(level.guideline, level.dimension, context)
    before, after = (x or w("level.none") for x in (level.before, level.after))
    return w("since.level", dimension=title or code, before=before, after=after)


def difference_views(differences: Sequence[Difference], w: Words) -> tuple[DifferenceView, ...]:
    """Name what was not the same; an en dash where a run has no such thing."""
    return tuple(
        DifferenceView(w(f"difference.{d.kind}"), d.subject, tuple(v or "–" for v in d.values)) for d in differences
    )
