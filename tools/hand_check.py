"""What checks by hand share: the numbers of a run folder, as evidence and as its page shows them, against others.

Imports nothing of qmtestbed: an error there must not be made a second time here. A script of checks calls

1. :func:`measured` for every number in the records, :func:`figures` for every table behind a figure, and :func:`page`
   for what ``report.html`` shows;
2. its own arithmetic, from data and model alone, which fills a dictionary with the same keys: ``(check, measure)``
   or ``(check, "measure[key]")`` with a :class:`Hand` each, ``(check, "figure NAME")`` with a :class:`HandTable`;
3. :func:`judged` and :func:`concluded`, for the verdicts that follow from these numbers;
4. :func:`compare`, which gives a line for every number, also for those that nothing was computed for; and
   :func:`report`, which prints the table and gives the exit code.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import yaml

Key = tuple[str, str]
Cell = str | float | int | None
MOST_ROWS = 200
"""Rows that a page shows of a table; that it leaves out others, it says."""
FINDING = "finding"
"""So begins the second part of the key of a :class:`HandText` about a finding."""
MAIN = {
    "classification_performance": {"accuracy": "Accuracy"},
    "regression_performance": {"r2": "R²", "mae": "Mean absolute error"},
}
"""Measures that the first screen shows, of the first check with one of these programs."""
SEPARATOR = "␞"
"""Between what stands on lines of their own in a cell."""


@dataclass(frozen=True)
class Number:
    """A measured value; an undefined one has a reason and no value."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class Hand:
    """The same number made in another way.

    ``within`` is how far the two may be apart, ``interval_within`` the ends of their intervals (``None``: as far):
    rounding, unless ``how`` says what else, such as the Monte-Carlo error of a simulation. ``reason`` is a part of the
    text that says why a value is undefined.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    how: str = ""
    within: float = 1e-9
    interval_within: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class HandTable:
    """The cells of a table behind a figure made in another way.

    ``within`` is on top of the rounding of the page: for all columns, or for each.
    """

    rows: Sequence[Sequence[Cell]]
    how: str = ""
    within: float | Sequence[float] = 0.0
    any_order: bool = False


@dataclass(frozen=True)
class HandVerdict:
    """The verdict of a criterion with the number that decides it; see :func:`judged`."""

    verdict: str
    number: Hand
    how: str


@dataclass(frozen=True)
class HandText:
    """A text of the page, such as a verdict or a count in a sentence, made in another way."""

    text: str
    how: str = ""


@dataclass(frozen=True)
class Line:
    """One line of the result."""

    check: str
    measure: str
    page: str
    by_hand: str
    how: str
    agrees: bool


# -- the run folder -------------------------------------------------------------------------------------------


def records(run_dir: Path) -> dict[str, dict[str, Any]]:
    """Give the record of each check, by the check's name, in the order of the run."""
    run = json.loads((run_dir / "run.json").read_text("utf-8"))
    return {
        check: json.loads((run_dir / "records" / f"{key}.json").read_text("utf-8"))
        for check, key in run["checks"].items()
    }


def measured(run_dir: Path) -> dict[Key, Number]:
    """Give every measured value of the records at full precision: by check and ``measure`` or ``measure[key]``."""
    return {
        (check, name): number
        for check, record in records(run_dir).items()
        for measure, value in record["measures"].items()
        for name, number in _singles(measure, value)
    }


def _singles(measure: str, value: Any) -> Iterable[tuple[str, Number]]:
    if isinstance(value, dict) and set(value) == {"by"}:
        return [(f"{measure}[{key}]", _number(single)) for key, single in value["by"].items()]
    if isinstance(value, list):
        return [(f"{measure}[{i}]", _number(single)) for i, single in enumerate(value, 1)]
    return [(measure, _number(value))]


def _number(value: Any) -> Number:
    if isinstance(value, dict) and "undefined" in value:
        return Number(None, reason=value["undefined"])
    if isinstance(value, dict):
        return Number(value["value"], value["low"], value["high"], value["n"])
    return Number(float(value))


# -- the page -------------------------------------------------------------------------------------------------


@dataclass
class Page:
    """What ``report.html`` shows: tables by the check and the figure or label that they belong to, and texts."""

    measures: dict[Key, list[str]] = field(default_factory=dict)
    criteria: dict[Key, list[str]] = field(default_factory=dict)
    figures: dict[Key, list[list[str]]] = field(default_factory=dict)
    items: dict[str, str] = field(default_factory=dict)
    appendix: dict[str, list[str]] = field(default_factory=dict)
    findings: list[tuple[str, str]] = field(default_factory=list)
    failures: str = ""
    checks: list[str] = field(default_factory=list)
    main: dict[str, list[str]] = field(default_factory=dict)
    text: str = ""


def page(run_dir: Path) -> Page:
    """Read the English page of a run."""
    reader = _Reader()
    reader.feed((run_dir / "report.html").read_text("utf-8"))
    whole, failures = ("".join(part) for part in (reader.said, reader.sections.get("failures", ())))
    checks = ["".join(said) for said in reader.inside.values()]
    found = Page(checks=checks, findings=reader.findings, failures=failures, text=" ".join(whole.split()))
    first = re.search(r"Verdict of the run: \S (?:met|not met|undetermined) (.*?)Verdict of the run: ", found.text)
    for title, *cells in _MAIN_NUMBER.findall(first[1] if first else ""):
        found.main[title.strip()] = cells
    for check, figure, label, rows in reader.tables:
        if figure:
            found.figures[check, "figure " + figure.removeprefix(f"figure-{check}_")] = rows[1:]
        elif label.startswith("Measures: "):
            for name, key, *cells in rows[1:]:
                key = key.removeprefix("element ")
                found.measures[check, f"{name}[{key}]" if key else name] = cells
        elif label == "Records":
            found.appendix |= {row[0]: row[3:7] for row in rows[1:]}
        elif label.startswith("Criteria: "):
            found.criteria |= {(check, row[0].split(SEPARATOR)[0].strip()): row for row in rows[1:]}
    for check, said in reader.inside.items():
        items = re.search(r"[\d,]+ of [\d,]+ items measured(, [\d,]+ \w+ \w+)?", " ".join("".join(said).split()))
        if items:
            found.items[check] = items[0]
    return found


_MAIN_NUMBER = re.compile(r"(\D+) (\S+) (\[\S+, \S+\]) at ([\d.]+) % · n = ([\d,]+)")


class _Reader(HTMLParser):
    """Collects the tables of a page with the check and figure that they stand in, and the text of each check."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[tuple[str, str, str, list[list[str]]]] = []
        self.inside: dict[str, list[str]] = {}
        self.said: list[str] = []
        self._check = self._figure = self._label = ""
        self._cell: list[str] | None = None
        self._skip = ""
        self._whole = False
        self._listed = False
        self._section = ""
        self.sections: dict[str, list[str]] = {}
        self.findings: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("svg", "style", "script") and not self._skip:
            self._skip = tag
        elif tag == "details" and given.get("id", "").startswith("check-"):
            self._check = given["id"].removeprefix("check-")
        elif tag == "figure":
            self._figure = given.get("id", "")
        elif tag == "section":
            self._check, self._section = "", given.get("id", "")
        elif tag == "div" and given.get("class", "").startswith("scroll"):
            self._label = given.get("aria-label", "")
        elif tag == "ul":
            self._listed = given.get("class") == "findings" and bool(self._check)
        elif tag == "li" and self._listed:
            self.findings.append((self._check, ""))
        elif tag == "table":
            self.tables.append((self._check, self._figure, self._label, []))
        elif tag == "tr" and self.tables:
            self.tables[-1][3].append([])
        elif tag in ("th", "td") and self.tables:
            self._cell = []
        elif tag == "span" and set(given) == {"title"} and self._cell is not None:  # a text cut short: take the whole
            self.handle_data(given["title"])
            self._whole = True
        elif tag in ("span", "p", "div", "li", "dt", "dd", "br"):
            self.handle_data(SEPARATOR if "block" in given.get("class", "").split() else " ")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._skip:
            self._skip = ""
        elif tag == "figure":
            self._figure = ""
        elif tag == "ul":
            self._listed = False
        elif tag == "span" and self._whole:
            self._whole = False
        elif tag in ("th", "td") and self._cell is not None:
            self.tables[-1][3][-1].append(" ".join("".join(self._cell).split()))
            self._cell = None
            self.handle_data(" ")
        elif tag in ("span", "p", "div", "li", "dt", "dd", "h2", "h3"):
            self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        if self._skip or self._whole:
            return
        self.said.append(data)
        self.sections.setdefault(self._section, []).append(data)
        if self._check:
            self.inside.setdefault(self._check, []).append(data)
        if self._cell is not None:
            self._cell.append(data)
        if self._listed and self.findings:
            self.findings[-1] = self.findings[-1][0], self.findings[-1][1] + data


# -- comparing ------------------------------------------------------------------------------------------------


def compare(run_dir: Path, by_hand: Mapping[Key, Hand | HandTable | HandVerdict | HandText]) -> list[Line]:
    """Compare every number of the run with what was made by hand; one that nothing was made for disagrees.

    A measured value must agree with its record at full precision *and* with the rounded number on the page.
    """
    shown, found, left = page(run_dir), measured(run_dir), dict(by_hand)
    lines = [_measure_line(key, number, shown.measures.get(key), left.pop(key, None)) for key, number in found.items()]
    lines += [_table_line(key, rows, left.pop(key, None)) for key, rows in shown.figures.items()]
    texts = {(check, "items"): _items(run_dir, check, text, shown) for check, text in shown.items.items()}
    for (check, text), row in shown.criteria.items():
        key = check, f"criterion {text}"
        lines.append(_criterion_line(key, row, left.pop(key, None)))
    lines += [_text_line(key, text, left.pop(key, None)) for key, text in texts.items()]
    lines += [_finding_line(check, text.strip(), left) for check, text in shown.findings if text.strip()]
    left = {key: hand for key, hand in left.items() if not key[1].startswith(FINDING)}
    lines += [_repeated(shown), *_main_lines(run_dir, shown, by_hand)]
    for key, hand in left.items():
        if isinstance(hand, HandText) and not key[0]:  # of the whole page
            lines.append(
                Line(*key, hand.text if hand.text in shown.text else "", hand.text, hand.how, hand.text in shown.text)
            )
        else:
            lines.append(Line(*key, "", "", "not on the page", False))
    order = {name: i for i, name in enumerate(["", *records(run_dir)])}
    return sorted(lines, key=lambda line: order.get(line.check, len(order)))


def uncovered(run_dir: Path, programs: Container[str]) -> list[Line]:
    """Give a line that disagrees for each check whose program is none of those that are computed by hand."""
    ran = {check: str(record["program"]["id"]) for check, record in records(run_dir).items()}
    return [
        Line(check, f"program {ait}", "", "", "not covered: no function computes it by hand", False)
        for check, ait in ran.items()
        if ait not in programs
    ]


# -- verdicts -------------------------------------------------------------------------------------------------

_CRITERION = re.compile(r"(\w+)(?:\[(.+)\])? *(>=|<=|>|<|==) *(\S+?)( at [\d.]+ *%)?$")


def judged(plan: Mapping[str, Any], by_hand: Mapping[Key, Any]) -> dict[Key, HandVerdict]:
    """Judge each criterion of the plan by the numbers made by hand, with nothing but the arithmetic of the verdicts.

    Without ``at`` the value decides. With it the whole interval must meet the limit for *met* and the whole interval
    miss it for *not met*. Of several keys one that misses, else one that is undetermined, decides; shown is the worst.
    A criterion whose number nothing was computed for has no verdict, so that its line is *not covered*.
    """
    found = {
        (check, f"criterion {e['criterion']}"): _judge(check, e["criterion"], by_hand)
        for check, planned in plan["checks"].items()
        for e in planned.get("expect", ())
    }
    return {key: verdict for key, verdict in found.items() if verdict}


def _judge(check: str, text: str, by_hand: Mapping[Key, Any]) -> HandVerdict | None:
    parts = _CRITERION.match(text)
    if not parts:
        raise ValueError(f"{check}: the criterion {text!r} is not read by this script")
    measure, key, sign, number, at = parts.groups()
    wanted = f"{measure}[{key}]" if key else measure
    elements = [
        h for (c, name), h in by_hand.items() if c == check and (name == wanted or name.startswith(wanted + "["))
    ]
    found = [_element(h, sign, float(number), bool(at)) for h in elements]
    if not found:
        return None
    verdict = next(v for v in ("not met", "undetermined", "met") if any(f[0] == v for f in found))
    _, _, worst = min((f for f in found if f[0] == verdict), key=lambda f: f[1])
    return HandVerdict(verdict, worst, f"the {'interval' if at else 'value'} of {len(found)} against the limit")


def _element(hand: Hand, sign: str, limit: float, at: bool) -> tuple[str, float, Hand]:
    """Give the verdict of one number, how far inside the limit it lies, and the number."""
    if hand.value is None or (at and (hand.low is None or hand.high is None)):
        return "undetermined", -math.inf, hand
    ends = (hand.low, hand.high) if at and hand.low is not None and hand.high is not None else (hand.value,)
    side = 1 if sign.startswith(">") else -1
    room = [side * (x - limit) for x in ends]
    inside = [r > 0 or (r == 0 and "=" in sign) for r in room]
    return "met" if all(inside) else "undetermined" if any(inside) else "not met", min(room), hand


def first_screen(plan: Mapping[str, Any], verdicts: Mapping[Key, HandVerdict]) -> dict[Key, HandText]:
    """Say how many limits nobody set, and which criteria the first screen names as the next to look at.

    For plans without waivers; of the criteria two are named and the rest counted.
    """
    every = [e for planned in plan["checks"].values() for e in planned.get("expect", ())]
    found: dict[Key, HandText] = {}
    if default := sum(bool(e.get("default")) for e in every):
        found["", "first screen, limits"] = HandText(
            f"Default limits: {default} of {len(every)}.", "counted in the plan"
        )
    for verdict in ("not met", "undetermined"):
        named = [f"{key.removeprefix('criterion ')} ({c})" for (c, key), v in verdicts.items() if v.verdict == verdict]
        if named:
            more = [f"{len(named) - 2} more"] if len(named) > 2 else []
            text = f"What to do next {verdict}: " if verdict == "not met" else f"{verdict}: "
            text += f"{', '.join([*named[:2], *more])}; "
            found["", f"first screen, next: {verdict}"] = HandText(text, "arithmetic of the verdicts")
    return found


def sample_sizes(plan: Mapping[str, Any], by_hand: Mapping[Key, Any]) -> dict[Key, HandText]:
    """Say how many items would settle what is undetermined: n (w / d)^2, as a half width w shrinks as 1 / sqrt(n).

    The width is that of the side which faces the limit, d the distance to it.
    """
    found = {}
    for (check, name), judged_ in judged(plan, by_hand).items():
        number, parts = judged_.number, _CRITERION.match(name.removeprefix("criterion "))
        if judged_.verdict != "undetermined" or not parts or number.value is None or number.low is None:
            continue
        limit = float(parts[4])
        end = number.low if limit < number.value else number.high
        needed = math.ceil((number.n or 0) * ((number.value - (end or 0.0)) / (number.value - limit)) ** 2)
        found["", f"sample size, {check}: {parts[0]}"] = HandText(f"about n = {needed} w", "n (w / d)²")
    return found


def concluded(run_dir: Path, verdicts: Mapping[Key, HandVerdict]) -> dict[Key, HandText]:
    """Conclude from verdicts of criteria to requirements, levels and both headlines, by the plan and its guideline.

    For plans with one guideline, whose declarations are all in date. Gives texts that the page must hold.
    """
    return _Conclusion(run_dir, verdicts).texts()


class _Conclusion:
    """A plan, its guideline and the verdicts of its checks."""

    def __init__(self, run_dir: Path, verdicts: Mapping[Key, HandVerdict]) -> None:
        self.plan = yaml.safe_load((run_dir / "plan.yaml").read_text("utf-8"))
        self.verdicts = verdicts
        guideline = self.plan["guideline"]
        name = guideline if isinstance(guideline, str) else guideline["id"]
        files = [yaml.safe_load(p.read_text("utf-8")) for p in (run_dir / "guidelines").rglob("*.yaml")]
        (self.guideline,) = [g for g in files if f"{g['id']}@{g['edition']}" == name]
        self.declared = {d["requirement"]: d for d in self.plan.get("declarations", ())}

    def check(self, name: str) -> str:
        """Give the verdict of a check: the worst of its criteria."""
        found = [v.verdict for (check, _), v in self.verdicts.items() if check == name]
        return next((v for v in ("not met", "undetermined", "met") if v in found), "reported")

    def measured(self, requirement: str) -> str:
        """Give the state of the measured part."""
        sets = [list(s) for s in self.guideline["requirements"][requirement].get("informed_by", [])]
        own = [
            (name, c["ait"])
            for name, c in self.plan["checks"].items()
            if (requirement in c["for"] if c.get("for") is not None else any(c["ait"] in s for s in sets))
        ]
        sets += [[c["ait"]] for c in self.plan["checks"].values() if requirement in (c.get("for") or ())]
        states = {name: self.check(name) for name, _ in own if self.check(name) != "reported"}
        if "not met" in states.values():
            return "contradicted"
        for alternative in sets:
            inside = [states.get(name) for name, ait in own if ait in alternative]
            if set(alternative) <= {ait for _, ait in own} and set(inside) == {"met"}:
                return "supported"
        return "undetermined" if states else "missing"

    def requirement(self, name: str) -> tuple[str, dict[str, str]]:
        """Give the verdict of a requirement, and the states of its parts."""
        declared = self.declared.get(name, {})
        stated = any(declared.get(k) for k in ("statement", "file", "checklist"))
        states = {"measured": self.measured, "declared": lambda _: "supported" if stated else "missing"}
        parts = {part: states[part](name) for part in self.guideline["requirements"][name]["needs"]}
        if declared.get("not_applicable"):
            return "not applicable", parts
        if "contradicted" in parts.values():
            return "contradicted", parts
        if set(parts.values()) == {"supported"}:
            return "supported", parts
        if "undetermined" in parts.values():
            return "undetermined", parts
        return ("partly supported" if "supported" in parts.values() else "no evidence"), parts

    def ladders(self) -> list[tuple[str, str, list[str], list[str]]]:
        """Give the internal chains up to what is asked: code, title, levels, and the requirements of each level."""
        ((dimension, level),) = self.plan["levels"].items()
        outer = [x for chain in self.guideline["dimensions"][dimension]["chains"] for x in chain]
        asks = next(x for x in outer if x["id"] == level)["asks"]
        found = []
        for d in self.guideline["dimensions"].values():
            for chain in d["chains"] if d["kind"] == "internal" else ():
                top = [i for i, x in enumerate(chain) if x["id"] in asks]
                if top:
                    upto = chain[: top[0] + 1]
                    found.append(
                        (d["code"], d["title"]["en"], [x["id"] for x in upto], [x["requirements"] for x in upto])
                    )
        return found

    def texts(self) -> dict[Key, HandText]:
        """Give what the page must say."""
        ladders = self.ladders()
        wanted = list(dict.fromkeys(r for *_, sets in ladders for s in sets for r in s))
        states = {r: self.requirement(r) for r in wanted}
        counted = [v.verdict for v in self.verdicts.values()]
        tally = {v: counted.count(v) for v in ("met", "not met", "undetermined")}
        parts = [p for verdict, p in states.values() if verdict != "not applicable"]
        have = {k: (sum(p.get(k) == "supported" for p in parts), sum(k in p for p in parts)) for k in _PARTS}
        said = {
            "headline, criteria": f"Criteria {tally['met']} of {len(counted)} met",
            "headline, counts": " ".join(f"{_SIGNS[v]} {v}: {n} {v}" for v, n in tally.items()),
            "headline, evidence": " ".join(f"{have[k][0]} of {have[k][1]} {k} parts supported" for k in _PARTS),
        }
        said |= self.headlines(states) | {
            f"check {c}": f"{c} {_mark(v)} {v}" for c in self.plan["checks"] for v in [self.check(c)]
        }
        said |= {f"level {levels[-1]}": self.level(*x, states) for x in ladders for levels in (x[2],)}
        said |= {f"level {levels[-1]}": text for *_, levels, text in [self.outer(ladders, states)]}
        found = {("", name): HandText(text, "arithmetic of the verdicts") for name, text in said.items()}
        for name, (verdict, _) in states.items():
            said_ = HandText(f"{_mark(verdict)} {name} {verdict}", "its parts, by plan and guideline")
            found["", f"requirement {name}"] = said_
        return found

    def headlines(self, states: Mapping[str, tuple[str, Any]]) -> dict[str, str]:
        """Give what the first screen says in sentences."""
        judged_, counted = len(self.verdicts), [verdict for verdict, _ in states.values()]
        said = {"headline, judged": f"{judged_} {'criterion' if judged_ == 1 else 'criteria'} judged"}
        for verdict, text in (
            ("contradicted", "contradicted by evidence"),
            ("not applicable", "declared not applicable"),
        ):
            if n := counted.count(verdict):
                said[f"headline, {verdict}"] = f"{n} {'requirement' if n == 1 else 'requirements'} {text}"
        return said

    def level(self, code: str, title: str, levels: list[str], sets: list[list[str]], states: Mapping[str, Any]) -> str:
        """Give the line of a level."""
        upto = [[r for s in sets[: i + 1] for r in s] for i in range(len(levels))]
        return _level_line(f"{code} {title}", levels, upto, states)

    def outer(self, ladders: Sequence[Any], states: Mapping[str, Any]) -> tuple[list[str], str]:
        """Give the line of the external level."""
        ((name, level),) = self.plan["levels"].items()
        d = self.guideline["dimensions"][name]
        every = [r for *_, sets in ladders for s in sets for r in s]
        return [level], _level_line(f"{d['code']} {d['title']['en']}", [level], [every], states)


_PARTS = ("measured", "declared")
_SIGNS = {
    "met": "✓", "not met": "✗", "supported": "✓", "contradicted": "✗", "undetermined": "?", "partly supported": "◐",
    "no evidence": "–",
}  # fmt: skip


def _mark(verdict: str) -> str:
    return {"not applicable": "∅", **_SIGNS}[verdict]


def _level_line(name: str, levels: list[str], upto: list[list[str]], states: Mapping[str, Any]) -> str:
    """Give the line of the table of levels: target, reached, reached by measurement alone, verdict."""
    applying = [[states[r] for r in rs if states[r][0] != "not applicable"] for rs in upto]
    reached = [x for x, a in zip(levels, applying, strict=True) if a and all(v == "supported" for v, _ in a)]
    sides = [[p["measured"] for _, p in a if "measured" in p] for a in applying]
    alone = [x for x, s in zip(levels, sides, strict=True) if s and set(s) == {"supported"}]
    side = (alone[-1] if alone else "none") if sides[-1] else "nothing to measure"
    verdict = "✓ reached" if levels[-1] in reached else "✗ not reached" if applying[-1] else "∅ not applicable"
    return f"{name} {levels[-1]} {reached[-1] if reached else 'none'} {side} {verdict}"


def report(lines: Sequence[Line]) -> int:
    """Print the lines as a Markdown table with their count; 1 if one disagrees or there is none, else 0."""
    print("| check | measure | page | by hand | how | agrees |\n|---|---|---|---|---|---|")
    for line in lines:
        cells = (line.check, f"`{line.measure}`", line.page, line.by_hand, line.how, "yes" if line.agrees else "**NO**")
        print("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    bad = [line for line in lines if not line.agrees]
    print(f"\n{len(lines)} lines, {len(lines) - len(bad)} agree, {len(bad)} do not.")
    return int(bool(bad) or not lines)


def _main_lines(run_dir: Path, shown: Page, by_hand: Mapping[Key, Any]) -> list[Line]:
    """Hold the numbers of the first screen against the same measures by hand."""
    first = next(((c, r) for c, r in records(run_dir).items() if r["program"]["id"] in MAIN and r["measures"]), None)
    lines, left = [], dict(shown.main)
    for measure, title in MAIN[first[1]["program"]["id"]].items() if first else ():
        check, record = first
        hand, cells = by_hand.get((check, measure)), left.pop(title, ["", "", "", ""])
        value, interval, level, n = cells
        fine = isinstance(hand, Hand) and value != "" and _shows([value, interval, n], hand)
        fine = fine and float(level) == round(100 * record["confidence"], 9)
        told = f"{value} {interval} at {level} % n={n}"
        lines.append(
            Line("", f"first screen, {title}", told, _hand_text(hand) if hand else "", f"{measure} of {check}", fine)
        )
    return lines + [
        Line("", f"first screen, {title}", " ".join(c), "", "not covered", False) for title, c in left.items()
    ]


def _items(run_dir: Path, check: str, text: str, shown: Page) -> str:
    """Give what the check says of its items, and what the appendix says of its record where that is not the same."""
    planned, tried, done, _ = shown.appendix[records(run_dir)[check]["key"][:12]]
    same = text.startswith(f"{done} of {planned} items") and tried in (planned, done)  # fewer where an AIT has a limit
    return text if same else f"{text}; appendix: {done}"


def _measure_line(key: Key, number: Number, cells: list[str] | None, hand: Any) -> Line:
    if cells and len(cells) < 4:  # undefined, with the reason across three columns
        cells = ["–", "", "", cells[0]]
    told = "" if cells is None else " ".join(c for c in cells[:2] if c) + (f" n={cells[2]}" if cells[2] else "")
    if not isinstance(hand, Hand):
        return Line(*key, told, "", "not covered", False)
    agrees = cells is not None and _same_number(number, hand) and _shows(cells, hand)
    return Line(*key, told, _hand_text(hand), _how(hand), agrees)


def _same_number(number: Number, hand: Hand) -> bool:
    if number.value is None or hand.value is None:
        return number.value is None and hand.value is None and bool(hand.reason) and hand.reason in number.reason
    ends = hand.within if hand.interval_within is None else hand.interval_within
    pairs = ((number.value, hand.value, hand.within), (number.low, hand.low, ends), (number.high, hand.high, ends))
    return number.n == hand.n and all(_near(a, b, within) for a, b, within in pairs)


def _near(a: float | None, b: float | None, within: float) -> bool:
    if a is None or b is None:
        return a is b
    return abs(a - b) <= within * max(1.0, abs(b))


def _shows(cells: Sequence[str], hand: Hand) -> bool:
    """Whether the cells value, interval and n of the page are the number rounded to their digits."""
    value, interval, n = cells[:3]
    if hand.value is None:
        return value == "–" and not interval and not n
    ends = hand.within if hand.interval_within is None else hand.interval_within
    own = [_cell(value, hand.value, hand.within, 4, fixed=bool(interval))]
    shown = re.fullmatch(r"\[(.+), (.+)\]", interval)
    if hand.low is not None and hand.high is not None:
        if not shown:
            return False
        own += [_cell(t, x, ends, 4, fixed=True) for t, x in zip(shown.groups(), (hand.low, hand.high), strict=True)]
    elif interval:
        return False
    return all(own) and n.replace(",", "") == ("" if hand.n is None else str(hand.n))


def _cell(text: str, x: float, within: float, digits: int, *, fixed: bool = False) -> bool:
    """Whether a text of the page is ``x`` rounded: to its own decimals, or to so many significant digits."""
    plain = text.replace(",", "").replace("−", "-")
    if plain in ("yes", "no"):
        return (plain == "yes") == bool(x)
    try:
        found = float(plain)
    except ValueError:
        return False
    if fixed:
        last = 10.0 ** -len(plain.partition(".")[2])
    elif x == int(x):
        last = 0.0
    else:
        last = 10.0 ** min(math.floor(math.log10(abs(x))) - digits + 1, 0)
    return abs(found - x) <= 0.5 * last * (1 + 1e-6) + within * max(1.0, abs(x))


def _table_line(key: Key, rows: list[list[str]], hand: Any) -> Line:
    told = f"table of {len(rows)} rows"
    if not isinstance(hand, HandTable):
        return Line(*key, told, "", "not covered", False)
    off = _off(rows, hand)
    return Line(*key, told, off or f"the same {sum(map(len, rows))} cells", hand.how, not off)


def _off(rows: list[list[str]], hand: HandTable) -> str:
    """Name the first cell that differs."""
    wanted = [list(row) for row in hand.rows]
    wanted = wanted[:MOST_ROWS] if len(rows) == MOST_ROWS else wanted
    if len(rows) != len(wanted):
        return f"{len(wanted)} rows"
    if hand.any_order:
        rows, wanted = sorted(rows, key=lambda r: r[0]), sorted(wanted, key=lambda r: str(r[0]))
    for i, (row, line) in enumerate(zip(rows, wanted, strict=True), 1):
        if len(row) != len(line):
            return f"row {i} has {len(line)} cells"
        within = [hand.within] * len(line) if isinstance(hand.within, (int, float)) else hand.within
        for text, x, most in zip(row, line, within, strict=True):
            if x is None:
                fine = text == "–"
            elif isinstance(x, str):
                fine = text == x
            else:
                fine = _cell(text, x, most, 6)
            if not fine:
                return f"row {i}: {x!r}, page: {text!r}"
    return ""


def _criterion_line(key: Key, row: Sequence[str], hand: Any) -> Line:
    verdict, (found, _, more) = row[1].split(SEPARATOR)[0].strip().partition(" ")[2], row[2].partition(SEPARATOR)
    told = f"{verdict}: {found.strip()}"
    if not isinstance(hand, HandVerdict):
        return Line(*key, told, "", "not covered", False)
    value, _, interval = found.strip().partition(" ")
    n = re.search(r"n = ([\d,]+)", more)
    agrees = verdict == hand.verdict and _shows([value, interval, n[1] if n else ""], hand.number)
    return Line(*key, told, f"{hand.verdict}: {_hand_text(hand.number)}", hand.how, agrees)


def _text_line(key: Key, text: str, hand: Any) -> Line:
    if not isinstance(hand, HandText):
        return Line(*key, text, "", "not covered", False)
    return Line(*key, text, hand.text, hand.how, text == hand.text)


def _repeated(shown: Page) -> Line:
    """Look whether the section on what is missed holds no number that the section of its check does not hold."""
    numbers = [set(re.findall(r"\d[\d.,]*\d|\d", text)) for text in (shown.failures, " ".join(shown.checks))]
    told = f"{len(numbers[0])} different numbers"
    return Line("", "section Not met or not determined", told, told, "each stands in a check", numbers[0] <= numbers[1])


def _finding_line(check: str, text: str, left: dict[Key, Any]) -> Line:
    """Look for the claim that a finding ends with; one whose criterion is met is on no page and left alone."""
    for key, hand in left.items():
        if key[0] == check and key[1].startswith(FINDING) and text.endswith(hand.text):
            return Line(*key, hand.text, hand.text, hand.how, True)
    return Line(check, "finding", text, "", "not covered", False)


def _hand_text(hand: Hand) -> str:
    if hand.value is None:
        return f"undefined: {hand.reason}"
    ends = "" if hand.low is None or hand.high is None else f" [{hand.low:.6g}, {hand.high:.6g}]"
    return f"{hand.value:.6g}{ends}" + ("" if hand.n is None else f" n={hand.n}")


def _how(hand: Hand) -> str:
    return hand.how if hand.within <= 1e-6 else f"{hand.how} (within {hand.within:.2g})"
