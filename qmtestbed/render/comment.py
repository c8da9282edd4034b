"""What changed against the target branch, as the text of a comment on a pull or merge request.

All foreign text stands in code spans, outside tables: there neither GitHub nor GitLab finds markup, links, references
or mentions, which a backslash does not keep them from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qmtestbed.render.published import Series, by_series, folder_name
from qmtestbed.render.site import found_and_limit, level_text, message
from qmtestbed.render.text import date, shorten
from qmtestbed.render.waivers import waiver_text
from qmtestbed.render.words import SYMBOLS, Words
from qmtestbed.types.published import Published, PublishedCriterion
from qmtestbed.types.text import Language

LARGEST = 65_536
"""Characters: GitHub refuses a longer comment."""

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_RANK = {"not_met": 0, "undetermined": 1, "met": 2}


@dataclass(frozen=True)
class _Change:
    """A criterion now and before; ``None`` where it was not judged."""

    series: Series
    now: PublishedCriterion | None
    before: PublishedCriterion | None


def comment(now: Published, before: Published | None, language: Language = "en") -> str:
    """Give the text, at most :data:`LARGEST` characters; what changed its verdict stands first.

    Parameters
    ----------
    now
        The run that the comment is about.
    before
        The latest run of the target branch; ``None`` if there is none.

    Returns
    -------
    str
        Its first line is an invisible mark by which the comment for this component is found again.
    """
    w = Words(language)
    lines = [f"<!-- qmtestbed: {folder_name(now.component)} -->", _title(now, w), ""]
    if before is None:
        lines += [w("comment.alone"), "", *_failing(now, w)]
    else:
        lines += [_against(before, w), "", *_inputs(now, before, w), *_changes(now, before, w)]
    return _bounded(lines, w)


def code(text: str, limit: int = 120) -> str:
    """Put a text of others into a code span, in one line; its fence is longer than any run of backticks in it."""
    text = shorten(text, limit)
    if not text:
        return "–"
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _title(now: Published, w: Words) -> str:
    return f"### {_mark(now.verdict, w)} – {w.named(code(now.component, 80), message(now, w))}"


def _mark(verdict: str, w: Words) -> str:
    return f"{SYMBOLS[verdict]} {w(f'verdict.{verdict}')}"


def _against(before: Published, w: Words) -> str:
    return w(
        "comment.against",
        as_of=date(before.as_of, w.language) if _DAY.fullmatch(before.as_of) else code(before.as_of, 40),
        run=code(before.run[:12]),
        verdict=w(f"verdict.{before.verdict}"),
        message=message(before, w),
    )


def _inputs(now: Published, before: Published, w: Words) -> list[str]:
    """Name the models and data files that are not the same: verdicts may have changed because of them."""
    here, there = ({i.name: (i.sha256, i.version) for i in run.inputs} for run in (now, before))
    names = [n for n in dict.fromkeys([*here, *there]) if here.get(n, ("",))[0] != there.get(n, ("",))[0]]
    shown = w.listed(code(n, 40) + _versions(here.get(n), there.get(n)) for n in names[:20])
    return [w("comment.inputs", names=shown), ""] if names else []


def _versions(here: tuple[str, str | None] | None, there: tuple[str, str | None] | None) -> str:
    named = [code(x[1], 60) for x in (there, here) if x is not None and x[1]]
    return f" ({' → '.join(named)})" if named else ""


def _changes(now: Published, before: Published, w: Words) -> list[str]:
    here, there = by_series(now.criteria), by_series(before.criteria)
    changes = [_Change(s, here.get(s), there.get(s)) for s in dict.fromkeys([*here, *there])]
    steps = [(c, _RANK[c.now.verdict] - _RANK[c.before.verdict]) for c in changes if c.now and c.before]
    kept = [c for c, step in steps if step == 0]
    waived = [c for c in kept if c.now and c.now.waived and not (c.before and c.before.waived)]
    unwaived = [c for c in kept if c.before and c.before.waived and not (c.now and c.now.waived)]
    rest = [c for c in kept if c not in (*waived, *unwaived)]
    moved = [c for c in rest if c.now and c.before and _numbers(c.now) != _numbers(c.before)]
    parts: list[tuple[str, Sequence[_Change]]] = [
        ("comment.worse", [c for c, step in steps if step < 0]),
        ("comment.unwaived", unwaived),
        ("comment.waived", waived),
        ("comment.better", [c for c, step in steps if step > 0]),
        ("comment.new", [c for c in changes if c.before is None]),
        ("comment.gone", [c for c in changes if c.now is None]),
    ]
    lines = [line for key, found in parts for line in _part(w(key), found, w)]
    lines += _levels(now, before, w)
    lines += _part(w("comment.values"), moved, w)
    same = len(rest) - len(moved)
    return [*lines, w.count("comment.same", same)] if same else lines


def _numbers(c: PublishedCriterion) -> tuple[object, ...]:
    return (c.text, c.value, c.low, c.high, c.bound)


def _part(title: str, found: Iterable[_Change], w: Words) -> list[str]:
    lines = [_line(c, w) for c in found]
    return [f"**{title}** ({len(lines):,})", "", *lines, ""] if lines else []


def _line(change: _Change, w: Words) -> str:
    now, before = change.now, change.before
    shown = now or before
    if shown is None:
        return ""
    head = f"- {_mark(shown.verdict, w)} – {code(shown.check, 60)}: {code(shown.text)}"
    if now is None:
        return f"- {code(shown.check, 60)}: {code(shown.text)} ({w('comment.was', what=_mark(shown.verdict, w))})"
    line = f"{head} – {_value(now, w)}{_waiver(now, w)}"
    if before is None:
        return line
    was = [_mark(before.verdict, w)] if before.verdict != now.verdict else []
    was += [_value(before, w)] if _numbers(before)[1:4] != _numbers(now)[1:4] else []
    was += [code(before.text)] if before.text != now.text else []
    return f"{line} ({w('comment.was', what=w.listed(was))})" if was else line


def _waiver(c: PublishedCriterion, w: Words) -> str:
    if c.waiver is None:
        return ""
    sign = f"{SYMBOLS[c.waiver.state]} " if c.waived else ""
    return f" – {sign}{waiver_text(c.waiver, w, lambda by: code(by, 60))}: {code(c.waiver.reason)}"


def _value(c: PublishedCriterion, w: Words) -> str:
    found, interval, _ = found_and_limit(c, w)
    key = f" {code(c.key, 40)}" if c.key else ""
    return f"{found} {interval}".strip() + key


def _levels(now: Published, before: Published, w: Words) -> list[str]:
    known = {(x.guideline, x.dimension): x for x in before.levels}
    lines = []
    for level in now.levels:
        was = known.get((level.guideline, level.dimension))
        if was is not None and (was.verdict, was.reached, was.target) != (level.verdict, level.reached, level.target):
            said, then = (code(level_text(x, w)) for x in (level, was))
            lines.append(f"- {code(level.dimension, 60)}: {said} ({w('comment.was', what=then)})")
    return [f"**{w('comment.levels')}**", "", *lines, ""] if lines else []


def _failing(now: Published, w: Words) -> list[str]:
    failing = [_Change(s, c, None) for s, c in by_series(now.criteria).items() if c.verdict != "met"]
    return _part(w("comment.failing"), failing, w)


def _bounded(lines: Sequence[str], w: Words) -> str:
    """Join lines for as long as there is room, counted in UTF-16 as JavaScript does; say what is missing."""
    ending = ["", w("comment.cut")]
    room = LARGEST - sum(_size(line) for line in ending)
    kept: list[str] = []
    for line in lines:
        room -= _size(line)
        if room < 0:
            kept += ending
            break
        kept.append(line)
    return "\n".join(kept).rstrip() + "\n"


def _size(line: str) -> int:
    return len(line.encode("utf-16-le")) // 2 + 1


def unfinished(language: Language = "en") -> str:
    """Say that there is no verdict: for the summary of a job whose run did not end."""
    return f"{Words(language)('comment.unfinished')}\n"
