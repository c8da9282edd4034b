"""What people said of the run: all of it in a list, and again at the check or requirement that it is about."""

from __future__ import annotations

from qmtestbed.render.context import Context
from qmtestbed.render.model import Ref, RemarkView
from qmtestbed.render.text import date
from qmtestbed.types.evidence import Remark


def remarks_on(subject: tuple[str, str] | None, context: Context) -> tuple[RemarkView, ...]:
    """List remarks; where there are more than the page shows, the last of them.

    Parameters
    ----------
    subject
        ``("check", id)`` or ``("requirement", id)``; ``None`` for every remark.
    """
    shown = context.remarks[-context.detail.remarks :]
    return tuple(_remark(r, context) for r in shown if subject is None or subject in _subjects(r))


def _subjects(remark: Remark) -> tuple[tuple[str, str | None], ...]:
    return ("check", remark.check), ("requirement", remark.requirement)


def _remark(remark: Remark, context: Context) -> RemarkView:
    about: Ref | None = None
    if remark.check is not None:
        about = context.check_ref(remark.check)
    elif remark.requirement is not None:
        about = context.requirement_ref(remark.requirement)
    at = date(remark.at, context.language)
    return RemarkView(f"remark-{remark.n}", f"{remark.n:,}", at, remark.by, remark.text, about)
