"""The summary in Markdown, for the step summary of a CI job. Every text of others is escaped, links included."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from qmtestbed.render.context import Detail
from qmtestbed.render.model import ChangeView, CriterionView, FailureView, PartView, Ref, View
from qmtestbed.render.text import shorten
from qmtestbed.render.view import view
from qmtestbed.render.words import CHANGE_SIGNS, SYMBOLS, Words
from qmtestbed.types.assessment import Assessment
from qmtestbed.types.evidence import Evidence, Remark
from qmtestbed.types.text import Language

LARGEST = 900_000
"""Bytes: GitHub refuses a step summary of more than 1,024 KiB."""

_BARE = Detail(figures=0, drawn=False)
_SPECIAL = re.compile(r"([\\`*_\[\]{}|~#@:$!])")


def summary(
    evidence: Evidence, assessment: Assessment, language: Language = "en", remarks: Sequence[Remark] = ()
) -> str:
    """Render headlines, failures, requirements, what was left out, and remarks, in at most :data:`LARGEST` bytes."""
    v, w = view(evidence, assessment, language, _BARE, remarks), Words(language)
    parts = [_head(v, w), _since(v, w), _failures(v, w), _waivers(v, w), _requirements(v, w), _checks(v, w)]
    parts += [_left_out(v, w), _remarks(v, w)]
    lines = [line for part in parts if part for line in [*part, ""]]
    kept, room = [], LARGEST
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            kept += ["", w("shortened"), ""]
            break
        kept.append(line)
    return "\n".join([*kept, w("footer"), ""])


def text(value: str, limit: int = 200) -> str:
    """Escape text for one line of Markdown or one cell of a table: no markup, no link, no line break.

    GitHub finds mentions and references in what is escaped, too: a character of no width takes them apart.
    """
    value = shorten(value, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    value = re.sub(r"(?i)\bwww\.", lambda m: m[0][:-1] + "\\.", _SPECIAL.sub(r"\\\1", value))
    return re.sub(r"(?<!\w)(\\@(?=\w)|\\#(?=\d))", r"\1&#8203;", value)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    body = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}", *body] if body else []


def _mark(verdict: str, w: Words) -> str:
    return f"{SYMBOLS[verdict]} {w(f'verdict.{verdict}')}".replace("|", "")


def _head(v: View, w: Words) -> list[str]:
    c, e = v.criteria, v.evidence
    criteria = w("headline.criteria", met=c.met, judged=c.judged) if c.judged else w("headline.nothing_judged")
    measured = w("headline.measured", have=e.measured_supported, need=e.measured_needed)
    declared = w("headline.declared", have=e.declared_supported, need=e.declared_needed)
    parts = f"{measured} · {declared}" if e.asked else w("headline.not_asked")
    against = w.listed(f"{text(g.title)}{w.inside(text(g.name))}" for g in v.guidelines) or w("no_guideline")
    criteria += f" · {text(v.waived)}" if v.waived else ""
    lines = [f"# {w.named(w('report'), text(v.component))}", "", *_whole(v, w)]
    for heading, said in (("criteria", criteria), ("evidence", parts)):
        lines.append(f"- {w.named(f'**{w(heading)}**', said)}")
    for level in v.levels:
        if level.kind == "external":
            said = w(f"headline.level.{level.verdict}", target=level.target, reached=level.reached or w("level.none"))
            lines.append(f"- {w.named(text(level.dimension or level.code), text(said))}")
    if not e.level_asked:
        lines.append(f"- {text(w('headline.no_level'))}")
    if e.not_applicable:
        named = w("mark.semicolon").join(
            f"{text(n.requirement.text)}{w.inside(text(n.reason, 80))}" for n in v.not_applicable
        )
        lines.append(f"- {w.named(w.count('headline.not_applicable', e.not_applicable), named)}")
    for x in v.not_counting:
        named = w.listed(text(r.text, 40) for r in x.requirements)
        told = w("headline.not_counting", state=w(f"verdict.{x.standing}"), n=x.count)
        lines.append(f"- {SYMBOLS[x.standing]} {told}{w.inside(named) if named else ''}")
    lines += [f"- {w.named(w('headline.fill'), text(step, 400))}" for step in v.steps]
    if v.remarks:
        lines.append(f"- {w.count('n_remarks', len(v.remarks) + v.remarks_left)}")
    lines.append(f"- {w.named(w('against'), against)} · {w('as_of')} {text(v.as_of)} · {w('run')} {text(v.run.short)}")
    return lines


def _whole(v: View, w: Words) -> list[str]:
    """The verdict of the run with its rule, the main numbers, and what to beware of."""
    rule = w("mark.semicolon").join(filter(None, (v.verdict.rule, v.verdict.accepting)))
    named = w.named(f"**{w('run.verdict')}**", _mark(v.verdict.verdict, w))
    lines = [f"- {named} · {text(rule, 300)}"]
    for x in v.main:
        level = f" {w('interval_at', level=x.level)}" if x.level else ""
        lines.append(f"- {w.named(x.title, ' '.join(filter(None, (x.found, text(x.interval)))))}{level}")
    return lines + [f"- {text(said, 400)}" for said, _ in v.cautions]


def _since(v: View, w: Words) -> list[str]:
    s = v.since
    if s is None:
        return []
    counted = [(name, getattr(s.counts, name)) for name in CHANGE_SIGNS if name != "absent"]
    counts = w.listed(f"{n:,} {w(f'change.{name}')}" for name, n in counted if n) or w("since.nothing")
    rows = [
        [f"{CHANGE_SIGNS[c.change]} {w(f'change.{c.change}')}", text(c.check.text, 60), text(c.text), *_verdicts(c, w)]
        for c in s.changes
    ]
    told = w("mark.semicolon").join(
        w.named(f"{d.kind} {text(d.subject, 60)}", " → ".join(text(x, 80) for x in d.values)) for d in s.differences
    )
    of = w("since.of", run=s.run.short, date=text(s.as_of))
    lines = [f"## {w('since.title')}", "", f"{counts}{w('mark.stop')}{of}", ""]
    lines += _table(["", w("checks"), w("criterion"), w("since.before"), w("since.after")], rows)
    return [*lines, *([""] if rows else []), w.named(w("since.different"), told or w("since.different.none"))]


def _verdicts(c: ChangeView, w: Words) -> list[str]:
    told = ((c.before, c.waived_before), (c.after, c.waived_after))
    marks = ((_mark(verdict, w) if verdict else "–", waived) for verdict, waived in told)
    return [w("waived.also", verdict=mark) if waived else mark for mark, waived in marks]


def _failures(v: View, w: Words) -> list[str]:
    head = ["", w("criterion"), w("found"), w("limit"), w("how_sure"), w("where"), w("clauses")]
    rows = [_failure(f, w) for f in v.failures]
    if not rows:
        return [w("failures.none") if v.criteria.judged else w("failures.nothing_judged")]
    return [f"## {w('failures.title')}", "", *_table(head, rows)]


def _failure(f: FailureView, w: Words) -> list[str]:
    c: CriterionView | None = f.criterion
    where = w("mark.semicolon").join(w.named(text(x.subject, 80), text(x.text, 120)) for x in f.findings[:3])
    more = len(f.findings) + f.findings_left - 3
    where += f" (+{more})" if more > 0 else ""
    clauses = ", ".join(text(r.text, 40) for r in f.clauses)
    tail = [where, clauses]
    if c is None:
        error = " – ".join(text(t) for t in (f.error.what, f.error.do) if t) if f.error else ""
        why = f"{w(f'status.{f.status}')}{w('mark.stop')}{error}"
        return [_mark(f.verdict, w), text(f.check.text), "–", "–", why, *tail]
    found = " ".join(part for part in (c.found, text(c.interval), text(c.key, 60), text(c.against)) if part)
    waiver = f"{text(c.waiver.text)}: {text(c.waiver.reason)}" if c.waiver else ""
    sure = " ".join(part for part in (c.sure, text(c.reason), waiver) if part)
    limit = f"{text(c.limit)}{w.inside(w('limit.default'))}" if c.default else text(c.limit)
    return [_mark(f.verdict, w), f"{text(f.check.text, 60)}: {text(c.text)}", found, limit, sure, *tail]


def _waivers(v: View, w: Words) -> list[str]:
    head = [w("checks"), w("criterion"), w("verdict"), w("waiver.reason"), w("waiver.by"), w("waiver.date")]
    rows = [
        [text(x.check.text, 60), text(x.criterion), _mark(x.verdict, w), text(x.reason), text(x.by, 60), text(x.date),
         text(x.until), _mark(x.state, w)]
        for x in v.waivers
    ]  # fmt: skip
    table = _table([*head, w("declared.until"), w("declared.state")], rows)
    return [f"## {w('waivers')}", "", w("waivers.lead"), "", *table] if rows else []


def _requirements(v: View, w: Words) -> list[str]:
    rows = [
        [text(r.id, 40), text(r.title, 80), _mark(r.verdict, w), *_parts(r.parts, w), _names(r.checks)]
        for matrix in v.matrices
        for d in matrix.dimensions
        for r in d.requirements
    ]
    head = [w("requirement"), "", w("verdict"), w("part.measured"), w("part.declared"), w("checks")]
    return [f"## {w('requirements.title')}", "", *_table(head, rows)] if rows else []


def _parts(parts: Sequence[PartView], w: Words) -> list[str]:
    states = {p.name: p.state for p in parts}
    return [_mark(states[name], w) if name in states else "" for name in (w("part.measured"), w("part.declared"))]


def _names(refs: Sequence[Ref]) -> str:
    return ", ".join(text(r.text, 40) for r in refs)


def _checks(v: View, w: Words) -> list[str]:
    rows = [[_mark(c.verdict, w), text(c.id, 60), text(c.ait_title, 80), text(c.items), c.seconds] for c in v.checks]
    head = ["", w("checks"), "AIT", w("items.measured"), w("record.time")]
    return [f"## {w('checks.title')}", "", *_table(head, rows)] if rows else []


def _left_out(v: View, w: Words) -> list[str]:
    rows = [[text(ait, 60), text(why, 300)] for ait, why in v.left_out]
    return [f"## {w('left_out.title')}", "", *_table(["AIT", w("reason")], rows)] if rows else []


def _remarks(v: View, w: Words) -> list[str]:
    cells = [[r.about.text if r.about else w("remark.whole"), r.text, r.by, r.at] for r in v.remarks]
    rows = [[text(cell, 400) for cell in row] for row in cells]
    head = [w("remark.about"), w("remark"), w("remark.by"), w("remark.at")]
    return [f"## {w('remarks')}", "", *_table(head, rows)] if rows else []
