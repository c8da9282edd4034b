"""The page of an AIT in Markdown, as MkDocs and GitHub read it: a view of its manifest and its control pair."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from qmtestbed.render.text import clean, number, web_address
from qmtestbed.render.words import SYMBOLS, Words
from qmtestbed.types.assessment import CheckVerdicts, CriterionVerdict
from qmtestbed.types.manifest import Manifest, MeasureSpec, ParameterSpec, Reference, Suggestion
from qmtestbed.types.text import Language, Text


@dataclass(frozen=True)
class Clause:
    """A clause of an installed guideline; ``counts`` where the guideline itself names the AIT."""

    guideline: str
    id: str
    title: Text
    counts: bool


@dataclass(frozen=True)
class AitView:
    """What the page of an AIT is made from.

    Attributes
    ----------
    clauses
        Those that the manifest names and those whose guideline names the AIT.
    controls
        Its control pair, judged.
    findings
        Kinds of findings that were seen.
    """

    manifest: Manifest
    clauses: tuple[Clause, ...] = ()
    controls: tuple[CheckVerdicts, ...] = ()
    findings: tuple[str, ...] = ()


def ait_page(v: AitView, language: Language) -> str:
    """Render the page of one AIT."""
    w, m = Words(language), v.manifest
    quality = w(f"quality.{m.quality}")
    parts = [
        [f"# {_text(m.title, w)}", "", w("ait.about", id=m.id, version=m.version, quality=quality)],
        _section("ait.purpose", [_text(m.meaning, w)] if m.meaning else [], w),
        _section("method", [_text(m.method, w)], w),
        _section("ait.threat", [_text(m.threat, w)] if m.threat else [], w),
        _section("ait.inputs", _inputs(m, w), w),
        _section("ait.parameters", _parameters(m.parameters, w), w),
        _section("ait.measures", _measures(m.measures, w), w),
        _section("ait.resources", _resources(m, w), w),
        _section("ait.findings", _findings(v.findings, w), w),
        _section("ait.criteria", list(_criteria(m.suggests, w)), w),
        _section("ait.control", _controls(v.controls, m.volatile, w), w),
        _section("ait.clauses", _clauses(v.clauses, w), w),
        _section("ait.limits", _limits(m, w), w),
        _section("ait.references", [f"- {_reference(r)}" for r in m.references], w),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def ait_index(manifests: Iterable[Manifest], language: Language) -> str:
    """Render the list of AITs, by quality, each with a link to its page beside it."""
    w = Words(language)
    ending = "" if language == "en" else f".{language}"
    by_quality: dict[str, list[Manifest]] = {}
    for m in manifests:
        by_quality.setdefault(m.quality, []).append(m)
    lines = [f"# {w('ait.index')}", "", w("ait.index.lead")]
    for quality in sorted(by_quality):
        lines += ["", f"## {w(f'quality.{quality}')}", ""]
        lines += [f"- [{_text(m.title, w)}]({m.id}{ending}.md){w.inside(_code(m.id))}" for m in by_quality[quality]]
    return "\n".join(lines) + "\n"


# -- sections -------------------------------------------------------------------------------------------------


def _section(title: str, lines: Sequence[str], w: Words) -> list[str]:
    return [f"## {w(title)}", "", *lines] if lines else []


def _inputs(m: Manifest, w: Words) -> list[str]:
    rows = [
        [_code(n), _code(s.kind), w.listed(map(_code, s.needs)) or "–", w("yes") if s.optional else "–"]
        for n, s in m.inputs.items()
    ]
    return _table([w("ait.input"), w("ait.kind"), w("ait.needs"), w("ait.optional")], rows)


def _parameters(parameters: Mapping[str, ParameterSpec], w: Words) -> list[str]:
    rows = [
        [_code(n), p.type, _code(json.dumps(p.default, ensure_ascii=False)), _allowed(p), _text(p.text, w)]
        for n, p in parameters.items()
    ]
    return _table([w("ait.parameter"), w("ait.type"), w("ait.default"), w("ait.allowed"), w("ait.text")], rows)


def _allowed(p: ParameterSpec) -> str:
    if p.enum is not None:
        return ", ".join(_code(str(x)) for x in p.enum)
    return "–" if p.range == (None, None) else _range(p.range)


def _measures(measures: Mapping[str, MeasureSpec], w: Words) -> list[str]:
    rows = [
        [
            _code(n),
            _plain(w.unit(s.unit)),
            _range(s.range),
            w(f"ait.better.{s.better}"),
            _plain(s.interval) if s.has_interval else "–",
            _plain(s.per) if s.per else w("ait.sequence") if s.sequence else "–",
            _text(s.text, w),
        ]
        for n, s in measures.items()
    ]
    heads = ("ait.measure", "unit", "ait.range", "ait.better", "interval", "ait.per", "ait.text")
    return _table([w(h) for h in heads], rows)


def _resources(m: Manifest, w: Words) -> list[str]:
    rows = [[_code(n), r.kind, _text(r.text, w)] for n, r in m.resources.items()]
    return _table([w("ait.resource"), w("ait.kind"), w("ait.text")], rows)


def _findings(kinds: Sequence[str], w: Words) -> list[str]:
    if not kinds:
        return [w("ait.findings.none")]
    return [w("ait.findings.lead"), "", *(f"- {w(f'finding.{k}')}{w.inside(_code(k))}" for k in kinds)]


def _criteria(suggested: Iterable[Suggestion], w: Words) -> Iterator[str]:
    for s in suggested:
        yield f"- {_code(s.criterion)}"
        yield f"    - {w('ait.because', text=_text(s.because, w).rstrip('.。'))}"
        yield f"    - {w('ait.false_alarm', text=_plain(s.false_alarm).rstrip('.'))}"
        if s.rate is not None:
            yield f"    - {w('ait.rate', rate=f'{number(s.rate * 100)} %')}"
        if s.inputs:
            yield f"    - {w('ait.only_with', inputs=w.listed(map(_code, s.inputs)))}"


def _controls(checks: Sequence[CheckVerdicts], volatile: bool, w: Words) -> list[str]:
    """Tell how the control pair was judged; numbers of a volatile AIT would make another page each time."""
    verdicts = [(check.id, c) for check in checks for c in check.criteria]
    rows = [
        [_code(id), _code(c.text), "–" if volatile else _found(c), f"{SYMBOLS[c.verdict]} {w(f'verdict.{c.verdict}')}"]
        for id, c in verdicts
    ]
    if not rows:
        return [w("ait.control.none")]
    heads = [w("ait.check"), w("ait.criterion"), w("ait.found"), w("ait.verdict")]
    return [w("ait.control.lead"), "", *_table(heads, rows)]


def _found(c: CriterionVerdict) -> str:
    """Write what was found, to two digits: the next ones may differ from machine to machine."""
    interval = "" if c.low is None or c.high is None else f" ({number(c.low, 2)} – {number(c.high, 2)})"
    key = f" [{_plain(c.key)}]" if c.key is not None else ""
    return number(c.value, 2) + interval + key


def _clauses(clauses: Iterable[Clause], w: Words) -> list[str]:
    rows = [
        [
            _plain(c.guideline),
            f"{_plain(c.id)} {_text(c.title, w)}",
            w("ait.counts.yes") if c.counts else w("ait.counts.no"),
        ]
        for c in clauses
    ]
    return _table([w("ait.guideline"), w("ait.clause"), w("ait.counts")], rows) or [w("ait.clauses.none")]


def _limits(m: Manifest, w: Words) -> list[str]:
    x = m.limits
    rows = number(x.rows) if x.rows else w("ait.limits.all")
    lines = [w("ait.limits.text", timeout=x.timeout, memory=x.memory, rows=rows, threads=x.threads)]
    if m.random:
        lines.append(w("ait.random"))
    if m.requires:
        lines.append(w("ait.requires", what=w.listed(_code(r.distribution) for r in m.requires)))
    return lines


def _reference(reference: Reference) -> str:
    url = web_address(reference.url)
    return f"{_plain(reference.cite)} <{url}>" if url else _plain(reference.cite)


# -- Markdown -------------------------------------------------------------------------------------------------


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    body = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}", *body] if body else []


def _text(text: Text | None, w: Words) -> str:
    return _plain(text.of(w.language)) if text else "–"


def _plain(text: str) -> str:
    """Escape what Markdown would take for markup; both dialects know these escapes."""
    safe = " ".join(clean(text, 8000).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]#|])", r"\\\1", safe)


def _code(text: str) -> str:
    shown = " ".join(clean(text).split()).replace("`", "'").replace("|", "\\|")
    return f"`{shown}`"


def _range(bounds: tuple[float | None, float | None]) -> str:
    low, high = bounds
    return f"{'−∞' if low is None else number(low)} … {'∞' if high is None else number(high)}"
