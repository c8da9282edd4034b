"""List numbers of a page that stand in none of the files it was made from: ``python tools/page_numbers.py RUN_DIR``.

For each section of ``report.html`` every number in its text, its labels and its pictures is looked for in what belongs
to that section: the record of the check with its resources, parameters and manifest, or for the rest of the page plan,
assessment and guidelines. A number is found if one of theirs, rounded to the digits that the page shows, is the same.
What is left (ticks of axes, counts made from others) is printed for a person to look at.

Then each picture is held against the table beneath it: by the numbers at its axes, every value of the table must have a
mark in its place. Imports nothing of qmtestbed.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from hand_check import page as tables_of

NUMBER = re.compile(r"(?<![\w.])[−-]?\d[\d,]*(?:\.\d+)?(?:e[+−-]?[12]?\d{1,2})?(?!\w)")
WHOLE_PAGE = "(page)"
LABELS = ("title", "aria-label", "alt")


class Sections(HTMLParser):
    """Collects the texts of a page by the check that they stand under; those of pictures apart."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, list[str]] = {}
        self.drawn: dict[str, list[str]] = {}
        self._check, self._svg, self._skip = WHOLE_PAGE, False, ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Follow which check a tag belongs to, and take its labels."""
        given = {name: value or "" for name, value in attrs}
        if tag in ("style", "script"):
            self._skip = tag
        elif tag == "svg":
            self._svg = True
        elif tag == "details" and given.get("id", "").startswith("check-"):
            self._check = given["id"].removeprefix("check-")
        elif tag == "section":
            self._check = WHOLE_PAGE
        for label in LABELS:
            if given.get(label):
                self.handle_data(given[label])

    def handle_endtag(self, tag: str) -> None:
        """Leave pictures and what is no text."""
        if tag == "svg":
            self._svg = False
        elif tag == self._skip:
            self._skip = ""

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        if data.strip() and not self._skip:
            (self.drawn if self._svg else self.texts).setdefault(self._check, []).append(" ".join(data.split()))


def held(value: Any) -> Iterator[float]:
    """Give every number in a value read from JSON, those in its texts and names included."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        yield float(value)
    elif isinstance(value, str):
        yield from (read(m[0])[0] for m in NUMBER.finditer(value))
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from held(name)
            yield from held(one)
    elif isinstance(value, list):
        for one in value:
            yield from held(one)


def read(text: str) -> tuple[float, float]:
    """Give a number as written, and the unit of its last digit."""
    plain = text.replace(",", "").replace("−", "-")
    mantissa, _, power = plain.partition("e")
    return float(plain), 10.0 ** (int(power or 0) - len(mantissa.partition(".")[2]))


def is_among(text: str, pool: list[float]) -> bool:
    """Whether one of the numbers, as it is or in per cent, is this one when rounded to its digits."""
    x, unit = read(text)
    return any(abs(abs(x) - abs(v) * scale) <= 0.5 * unit * (1 + 1e-6) for v in pool for scale in (1, 100))


def pools(run_dir: Path) -> dict[str, list[float]]:
    """Give the numbers that may stand in each section."""
    run = json.loads((run_dir / "run.json").read_text("utf-8"))
    assessment = json.loads((run_dir / "assessment.json").read_text("utf-8"))
    texts = [p.read_text("utf-8") for p in (run_dir / "plan.yaml", *(run_dir / "guidelines").rglob("*.yaml"))]
    records = [json.loads(p.read_text("utf-8")) for p in (run_dir / "records").glob("*.json")]
    memory = [r["peak_memory"] / 2**20 for r in records if r.get("peak_memory")]
    counts = [float(len(run["left_out"])), float(len(run["checks"])), float(len(records))]
    found = {WHOLE_PAGE: [*held([run, assessment, texts, records]), *memory, *counts]}
    for check, key in run["checks"].items():
        record = json.loads((run_dir / "records" / f"{key}.json").read_text("utf-8"))
        files = [run_dir / "resources" / f"{r['sha256']}.json" for r in record["resources"].values()]
        manifest = run_dir / "manifests" / f"{record['program']['id']}.yaml"
        resources = [json.loads(f.read_text("utf-8")) for f in files if f.is_file()]
        judged = [c for c in assessment["checks"] if c["id"] == check]
        found[check] = [*held([record, resources, judged, run["inventories"]]), *held(manifest.read_text("utf-8"))]
    return found


# -- pictures -------------------------------------------------------------------------------------------------

NEAR = 0.03
"""Places are written with two decimals."""
TAG = re.compile(r"<(\w+) ([^>]*?)/?>(?:([^<]*)</text>)?")
POINT = re.compile(r"(-?[\d.]+) (-?[\d.]+)")


class Picture:
    """The marks of a picture, and what lies where by the numbers at its axes."""

    def __init__(self, svg: str) -> None:
        tags = [(tag, dict(re.findall(r'([\w-]+)="([^"]*)"', given)), text) for tag, given, text in TAG.findall(svg)]
        self.points: list[tuple[float, float]] = []
        self.bars: list[tuple[float, float]] = []
        self.whiskers: list[float] = []
        self.said = [text for tag, _, text in tags if tag == "text"]
        across, down, lines = [], [], []
        for tag, given, text in tags:
            css = given.get("class", "")
            if tag == "line" and css == "grid":
                lines.append((given["x1"], given["y1"], given["x1"] == given["x2"]))
            elif tag == "text" and css.startswith("axis") and lines:
                x, y, upright = lines[-1]
                (across if upright else down).append((float(x if upright else y), read(text)[0]))
            elif tag == "path" and css.startswith(("line", "area")) and given.get("d", "").startswith("M"):
                self.points += [(float(a), float(b)) for a, b in POINT.findall(given["d"])]
            elif tag == "rect" and css == "bar":
                self.bars.append((float(given["x"]), float(given["x"]) + float(given["width"])))
            elif tag == "line" and css == "whisker":
                self.whiskers += [float(given["x1"]), float(given["x2"])]
        self.across, self.down = across, down

    def x(self, value: float) -> float:
        """Where a value lies from left to right."""
        return _place(self.across, value)

    def y(self, value: float) -> float:
        """Where a value lies from top to bottom."""
        return _place(self.down, value)


def _place(ticks: list[tuple[float, float]], value: float) -> float:
    (a, v), (b, w) = ticks[0], ticks[-1]
    for at, x in ticks:
        assert abs(a + (b - a) * (x - v) / (w - v) - at) < 0.1, f"the ticks {ticks} are not even"
    return a + (b - a) * (value - v) / (w - v)


def misplaced(svg: str, rows: list[list[str]]) -> tuple[int, list[str]]:
    """Count the values of a table that were looked for in its picture, and name those without a mark."""
    p, seen, off = Picture(svg), 0, []
    if p.bars:
        shown = rows[: len(p.bars)]
        for row, bar in zip(shown, p.bars, strict=True):
            value, *ends = (read(cell)[0] for cell in row[1:] if cell != "–")
            seen += 1
            off += [] if min(abs(p.x(value) - end) for end in bar) < 0.6 else [f"bar {row}"]
            for end in ends:
                seen += 1
                off += [] if min(abs(p.x(end) - x) for x in p.whiskers) < NEAR * 2 else [f"whisker {row}"]
    elif p.points and len(rows[0]) == 3:
        for row in rows:
            at = p.x(read(row[1])[0]), p.y(read(row[2])[0])
            seen += 1
            off += [] if any(abs(at[0] - x) + abs(at[1] - y) < 4 * NEAR for x, y in p.points) else [f"point {row}"]
    elif p.points:  # a histogram: from, to, and the share of each sample, or its rows made into a share
        off += [f"edge {row}" for row in rows if min(abs(p.x(read(row[0])[0]) - x) for x, _ in p.points) > 4 * NEAR]
        seen += len(rows)
        for k in range(2, len(rows[0])):
            column = [read(row[k])[0] for row in rows]
            total = sum(column) or 1.0
            for row, v in zip(rows, column, strict=True):
                seen += 1
                left = [y for x, y in p.points if abs(x - p.x(read(row[0])[0])) < 4 * NEAR]
                off += [] if min(abs(p.y(v / total) - y) for y in left) < 0.2 else [f"height {row}"]
    else:  # a matrix: its cells are written out
        cells = [cell for row in rows for cell in row[1:]]
        seen += len(cells)
        off += [cell for cell in cells if cell not in p.said and not _written(cell, p.said)]
    return seen, off


def _written(cell: str, said: list[str]) -> bool:
    return any(NUMBER.fullmatch(t) and is_among(t, [read(cell)[0]]) for t in said)


def pictures(run_dir: Path) -> Iterator[str]:
    """Hold each picture against its table, and tell what was seen."""
    html = (run_dir / "report.html").read_text("utf-8")
    tables = tables_of(run_dir).figures
    for figure in re.findall(r'<figure id="figure-([^"]+)".*?</figure>', html, flags=re.DOTALL):
        part = html[html.index(f'<figure id="figure-{figure}"') :]
        svg = re.search(r"<svg.*?</svg>", part[: part.index("</figure>")], flags=re.DOTALL)
        rows = next((r for (c, n), r in tables.items() if figure == f"{c}_{n.removeprefix('figure ')}"), [])
        if svg and rows:
            seen, off = misplaced(svg[0], rows)
            yield f"{figure}: {seen} marks, {len(off)} not in their place" + "".join(f"\n    {o}" for o in off[:5])


def strips(run_dir: Path) -> Iterator[str]:
    """Hold the small pictures of the criteria tables against value, interval and limit: they lie on one scale."""
    html = (run_dir / "report.html").read_text("utf-8")
    assessment = json.loads((run_dir / "assessment.json").read_text("utf-8"))
    wanted = [(c["id"], one) for c in assessment["checks"] for one in c["criteria"]]
    tables = re.findall(r'aria-label="Criteria: (.*?)">(.*?)</table>', html, flags=re.DOTALL)
    drawn = [(unescape(check), svg) for check, part in tables
             for svg in re.findall(r'<svg class="chart strip".*?</svg>', part, flags=re.DOTALL)]  # fmt: skip
    pairs = zip(drawn, wanted, strict=True)
    off = [one["text"] for (check, svg), (of, one) in pairs if check != of or not _even(svg, one)]
    yield f"{len(drawn)} criteria drawn, {len(off)} not as they are" + "".join(f"\n    {o}" for o in off)


def _even(svg: str, one: dict[str, Any]) -> bool:
    places = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"|translate\(([\d.]+) ', svg)[0] if x]
    values = [one["value"]]
    for name, css in (("bound", "limit"), ("ends", "interval")):
        lines = re.findall(rf'<line x1="([\d.]+)" y1="[\d.-]+" x2="([\d.]+)"[^>]*class="{css}', svg)
        known = [b for b in one["bound"] if b is not None] if name == "bound" else [one.get("low"), one.get("high")]
        if lines and known[0] is not None:
            values += known
            places += [float(x) for x in lines[0]][: len(known)]
    pairs = sorted(zip(values, places, strict=True))
    (v, x), (w, y) = pairs[0], pairs[-1]
    return v == w or all(abs(x + (y - x) * (u - v) / (w - v) - at) < 0.05 for u, at in pairs)


def main(run_dir: Path) -> int:
    """Print what is not found, by section."""
    page, known = Sections(), pools(run_dir)
    page.feed((run_dir / "report.html").read_text("utf-8"))
    for name, texts, what in (*((n, t, "text") for n, t in page.texts.items()),
                              *((n, t, "picture") for n, t in page.drawn.items())):  # fmt: skip
        numbers = [(m[0], t) for t in texts for m in NUMBER.finditer(t)]
        pool = known.get(name, known[WHOLE_PAGE])
        left = Counter(n for n, _ in numbers if not is_among(n, pool))
        print(f"{name} ({what}): {len(numbers)} numbers, {sum(left.values())} not found")
        for n, times in left.items():
            print(f"    {n} ({times}): {next(t for m, t in numbers if m == n)[:110]}")
    print("\n".join([*pictures(run_dir), *strips(run_dir)]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
