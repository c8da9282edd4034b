"""Runs in brief → what the pages of a published site show. A pure function of what the site keeps, without a clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from qmtestbed.render.criteria import found_text, limit_text
from qmtestbed.render.model import Digest
from qmtestbed.render.published import Series, by_series, folder_name, parsed_or_none
from qmtestbed.render.site_model import (
    ComponentRow,
    CriterionGroup,
    CriterionHistory,
    HistoryView,
    IndexView,
    Link,
    NamedInput,
    PointView,
    RunView,
)
from qmtestbed.render.sparklines import Spot, sparkline
from qmtestbed.render.text import Svg, date, number, scrub
from qmtestbed.render.waivers import waiver_view
from qmtestbed.render.words import Words
from qmtestbed.types.published import Published, PublishedCriterion, PublishedLevel
from qmtestbed.types.text import Language

DRAWN = 40
"""Assessments in a sparkline and the table behind it: the newest."""

LISTED = 500
"""Assessments in the list of a component: the newest; ``site.json`` has all."""


def order(run: Published) -> tuple[str, str]:
    """Key by which the runs of a component are sorted, oldest first."""
    return (run.as_of, run.run)


def index_view(components: Mapping[str, Sequence[Published]], language: Language) -> IndexView:
    """Build the first page from the runs of each component, oldest first."""
    w = Words(language)
    named = sorted(components.items(), key=lambda item: (item[0].casefold(), item[0]))
    rows = tuple(
        ComponentRow(
            Link(name, f"{folder_name(name)}/index.html"),
            _run(runs[-1], runs[-2] if len(runs) > 1 else None, "", w),
            len(runs),
            _shares(runs, w),
        )
        for name, runs in named
    )
    return scrub(IndexView(language, rows))


def history_view(runs: Sequence[Published], language: Language) -> HistoryView:
    """Build the page of one component from its runs, oldest first."""
    w = Words(language)
    followed = list(pairwise([None, *runs]))[-LISTED:]
    views = [_run(run, before, "../", w) for before, run in followed if run is not None]
    return scrub(
        HistoryView(
            language=language,
            component=runs[-1].component,
            latest=views[-1],
            runs=tuple(reversed(views)),
            total=len(runs),
            groups=_groups(runs[-DRAWN:], w),
            drawn=DRAWN,
        )
    )


def message(run: Published, w: Words) -> str:
    """Say in a few words how a run went: what a badge holds beside its colour."""
    waived, text = run.headlines.criteria.waived, _counted(run, w)
    return w("badge.waived", message=text, n=waived.criteria) if waived else text


def _counted(run: Published, w: Words) -> str:
    c = run.headlines.criteria
    text = w("headline.criteria", met=c.met, judged=c.judged) if c.judged else w("headline.nothing_judged")
    for verdict, n in (("not_met", c.not_met), ("undetermined", c.undetermined)):
        if n and run.verdict in (verdict, "met_or_waived"):
            return w(f"badge.{verdict}", message=text, n=n)
    if run.verdict != "met" and c.judged:
        return w("badge.further", message=text, what=w(f"require.{run.require}"), verdict=w(f"verdict.{run.verdict}"))
    return text


def level_text(level: PublishedLevel, w: Words) -> str:
    """Say how far a level that was asked for is reached."""
    return w(f"headline.level.{level.verdict}", target=level.target, reached=level.reached or w("level.none"))


def found_and_limit(c: PublishedCriterion, w: Words) -> tuple[str, str, str]:
    """Write value, interval and limit of a criterion."""
    parsed = parsed_or_none(c.text)
    found, interval = found_text(c.value, c.low, c.high, c.bound)
    if parsed is not None and parsed.baseline and c.value is not None and c.value > 0:
        found = f"+{found}"
    return found, interval, limit_text(c.bound, parsed, w("baseline"))


# -- runs -----------------------------------------------------------------------------------------------------


def run_folder(run: Published) -> str:
    """Folder of a run inside its site."""
    return f"runs/{folder_name(run.component)}/{folder_name(run.run)}"


def _run(run: Published, before: Published | None, up: str, w: Words) -> RunView:
    e = run.headlines.evidence
    models, data = (_inputs(run, before, kinds) for kinds in (("model",), ("predictions", "data")))
    files = {p.path: Link(p.path, f"{up}{run_folder(run)}/{p.path}") for p in run.pages}
    reports = sorted(
        (p for p in run.pages if p.path.endswith(".html")), key=lambda p: (p.language != w.language, p.path)
    )
    main = next((p.path for p in reports if p.template == "quality"), reports[0].path if reports else None)
    return RunView(
        as_of=date(run.as_of, w.language),
        run=Digest(run.run),
        verdict=run.verdict,
        required=w(f"require.{run.require}"),
        criteria=message(run, w),
        measured=w("headline.of", have=e.measured_supported, need=e.measured_needed) if e.measured_needed else "–",
        declared=w("headline.of", have=e.declared_supported, need=e.declared_needed) if e.declared_needed else "–",
        levels=tuple(level_text(x, w) for x in run.levels),
        models=models,
        data=data,
        page=files[main] if main else None,
        files=tuple(files.values()),
    )


def _inputs(run: Published, before: Published | None, kinds: Sequence[str]) -> tuple[NamedInput, ...]:
    known = {i.name: i.sha256 for i in before.inputs} if before else None
    return tuple(
        NamedInput(i.name, i.version or "", Digest(i.sha256), known is not None and known.get(i.name) != i.sha256)
        for i in run.inputs
        if i.kind in kinds
    )


def _shares(runs: Sequence[Published], w: Words) -> Svg:
    """Draw the share of criteria met over the newest runs; the title says the verdicts in words."""
    spots = []
    for run in runs[-DRAWN:]:
        c = run.headlines.criteria
        said = w.named(date(run.as_of, w.language), w.listed((w(f"verdict.{run.verdict}"), message(run, w))))
        spots.append(Spot(run.verdict, said, c.met / c.judged if c.judged else None, bound=(1.0, None)))
    words = w.listed(w(f"verdict.{s.verdict}") for s in spots[-10:])
    return sparkline(spots, w("site.share", history=words), span=(0.0, 1.0))


# -- criteria -------------------------------------------------------------------------------------------------


def _groups(runs: Sequence[Published], w: Words) -> tuple[CriterionGroup, ...]:
    """Build the history of each criterion: those that the latest run misses first, those it does not judge last."""
    found = [by_series(run.criteria) for run in runs]
    of: dict[str, list[CriterionHistory]] = {"not_met": [], "undetermined": [], "met": [], "gone": []}
    for series in dict.fromkeys(series for judged in reversed(found) for series in judged):
        latest = found[-1].get(series)
        of[latest.verdict if latest else "gone"].append(_criterion(series, runs, found, w))
    grouped = (("open", of["not_met"] + of["undetermined"]), ("met", of["met"]), ("gone", of["gone"]))
    return tuple(CriterionGroup(w(f"site.criteria.{name}"), tuple(group)) for name, group in grouped if group)


def _criterion(
    series: Series, runs: Sequence[Published], found: Sequence[Mapping[Series, PublishedCriterion]], w: Words
) -> CriterionHistory:
    judged = [(run, named.get(series)) for run, named in zip(runs, found, strict=True)]
    points = tuple(_point(run, c, w) for run, c in reversed(judged) if c is not None)
    newest = points[0]
    title = w("site.series", text=f"{series.check}: {newest.text}", n=len(points), found=newest.found)
    spots = [
        Spot(
            c.verdict,
            w.named(date(run.as_of, w.language), number(c.value)),
            c.value,
            c.low,
            c.high,
            c.bound,
        )
        if c
        else None
        for run, c in judged
    ]
    return CriterionHistory(series.check, newest, sparkline(spots, title), points)


def _point(run: Published, c: PublishedCriterion, w: Words) -> PointView:
    found, interval, limit = found_and_limit(c, w)
    n = f"{c.n:,}" if c.n is not None else ""
    waiver = waiver_view(c.waiver, w)
    return PointView(date(run.as_of, w.language), c.verdict, c.text, found, interval, limit, n, waiver)
