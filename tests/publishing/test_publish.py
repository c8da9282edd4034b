"""A published site: what is in it, that nothing changes without need, and that no name gets out of it."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest

from qmtestbed import pipeline
from qmtestbed.errors import InputError, IntegrityError
from qmtestbed.pipeline import Options
from qmtestbed.render import folder_name
from qmtestbed.types.codec import decode, pretty
from qmtestbed.types.evidence import Views
from tests.render.test_codes import without_code

Runs = Mapping[str, Path]
ORDER = ("met", "not_met", "open", "better")


def state(site: Path) -> dict[str, tuple[str, int]]:
    """Digest and time of change of every file."""
    return {
        p.relative_to(site).as_posix(): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns)
        for p in sorted(site.rglob("*"))
        if p.is_file()
    }


def digests(site: Path) -> dict[str, str]:
    return {name: digest for name, (digest, _) in state(site).items()}


def run_of(folder: Path) -> str:
    return str(json.loads((folder / "run.json").read_text("utf-8"))["run"])


@pytest.fixture(scope="module")
def site(run_dirs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All four runs, published one by one, oldest first."""
    folder = tmp_path_factory.mktemp("site") / "site"
    for name in ORDER:
        pipeline.publish([run_dirs[name]], folder, Options())
    return folder


class Page(HTMLParser):
    """Elements, links and text of a page; every element is closed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(path.read_text("utf-8"))
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(k, v or "") for k, v in attrs]
        if tag not in ("meta", "link", "br", "img"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += f"{data} " if self._open and self._open[-1] != "style" else ""

    def every(self, name: str) -> list[str]:
        return [v for k, v in self.attributes if k == name]


# -- what is in it --------------------------------------------------------------------------------------------


def test_what_lies_in_it(site: Path, run_dirs: Runs) -> None:
    names = set(digests(site))
    assert {"index.html", "site.json", "churn/index.html", "churn/badge.svg", "churn/badge.json"} <= names
    ids = {run_of(folder) for folder in run_dirs.values()}
    pages = ("report.html", "summary.md", "junit.xml", "published.json")
    assert {f"runs/churn/{run}/{page}" for run in ids for page in pages} <= names
    assert len(names) == 5 + 4 * 4
    listed = json.loads((site / "site.json").read_text("utf-8"))["runs"]
    assert [r["as_of"] for r in listed] == ["2026-10-01", "2026-10-08", "2026-10-15", "2026-11-03"]
    assert [r["verdict"] for r in listed] == ["met", "not_met", "undetermined", "met"]
    assert {r["run"] for r in listed} == ids
    assert all((site / r["folder"] / "report.html").is_file() for r in listed)


def test_what_it_keeps_is_valid_and_says_what_was_found(site: Path, run_dirs: Runs, checkout: Path) -> None:
    for path, name in [*((p, "published") for p in site.glob("runs/*/*/*.json")), (site / "site.json", "site")]:
        schema = json.loads((checkout / f"qmtestbed/schemas/{name}.v1.json").read_text("utf-8"))
        jsonschema.Draft202012Validator(schema).validate(json.loads(path.read_text("utf-8")))
    kept = json.loads((site / "runs" / "churn" / run_of(run_dirs["open"]) / "published.json").read_text("utf-8"))
    judged = json.loads((run_dirs["open"] / "assessment.json").read_text("utf-8"))
    assert kept["headlines"] == judged["headlines"]
    numbers = ("text", "verdict", "value", "low", "high", "n")
    told = [[c.get(k) for k in numbers] for c in kept["criteria"]]
    assert told == [[c.get(k) for k in numbers] for check in judged["checks"] for c in check["criteria"]]
    assert [i["kind"] for i in kept["inputs"]] == ["predictions"]
    assert (
        kept["inputs"][0]["sha256"]
        == hashlib.sha256((run_dirs["met"].parent / "project-met" / "said.csv").read_bytes()).hexdigest()
    )


def test_pages_need_nothing_and_every_link_leads_somewhere(site: Path) -> None:
    for path in (site / "index.html", site / "churn" / "index.html"):
        page = Page(path)
        assert not {"script", "link", "img", "iframe", "object", "form", "base"} & set(page.tags)
        assert page.every("src") == [] and "url(" not in path.read_text("utf-8")
        links = [h for h in page.every("href") if not h.startswith("#")]
        assert links and all((path.parent / h).resolve().is_file() for h in links)
        assert {h[1:] for h in page.every("href") if h.startswith("#")} <= set(page.every("id"))
        assert "default-src 'none'" in page.every("content")[3]


def test_the_history_is_newest_first_and_not_by_colour_alone(site: Path) -> None:
    text = " ".join(Page(site / "churn" / "index.html").text.split())
    history = text[text.index("Newest first") :]
    days = re.findall(r"\d+ (?:October|November) 2026", history)
    assert days == ["3 November 2026", "15 October 2026", "8 October 2026", "1 October 2026"]
    assert [history.count(word) for word in ("✓ met", "✗ not met", "? undetermined")] == [2, 1, 1]
    assert history.count("not that of the assessment before") == 1  # the data of the last one only


def test_a_criterion_is_one_series_while_its_limit_moves(site: Path) -> None:
    page = (site / "churn" / "index.html").read_text("utf-8")
    sparks = re.findall(r'<svg class="chart spark".*?</svg>', page, re.DOTALL)
    assert len(sparks) == 3  # accuracy, recall, completeness
    accuracy = next(ET.fromstring(s) for s in sparks if "accuracy" in s)
    points = [(e.tag, e.get("class")) for e in accuracy if "point" in (e.get("class") or "")]
    assert points == [
        ("circle", "point v-met"),
        ("path", "point v-not_met"),
        ("path", "point v-undetermined"),
        ("circle", "point v-met"),
    ]
    limits = [e for e in accuracy if e.get("class") == "limit"]
    assert len(limits) == 4  # 0.8, 0.99, 0.89, 0.8
    heights = [float(e.get("y1", "")) for e in limits]
    assert heights[0] == heights[3] > heights[2] > heights[1]
    assert accuracy.get("aria-label", "").startswith("performance: accuracy >= 0.8 at 95% over 4 assessments")
    table = page[page.index("accuracy &gt;= 0.8 at 95%") :]
    assert [table.index(f"≥ {limit}") for limit in ("0.89", "0.99")] == sorted(
        table.index(f"≥ {limit}") for limit in ("0.89", "0.99")
    )


def test_badges(site: Path) -> None:
    endpoint = json.loads((site / "churn" / "badge.json").read_text("utf-8"))
    assert endpoint == {"schemaVersion": 1, "label": "quality", "message": "✓ 3 of 3 met", "color": "#0b6a56"}
    root = ET.fromstring((site / "churn" / "badge.svg").read_text("utf-8"))
    assert root.get("aria-label") == "quality: met – ✓ 3 of 3 met"
    assert [e.text for e in root.iter() if e.tag.endswith("}text")] == ["quality", "✓ 3 of 3 met"]


def test_the_verdict_is_by_what_is_required(run_dirs: Runs, tmp_path: Path) -> None:
    done = pipeline.publish([run_dirs["met"]], tmp_path / "site", Options(require="requirements", language="ja"))
    assert [(r.require, r.verdict) for r in done.runs] == [("requirements", "undetermined")]
    endpoint = json.loads((tmp_path / "site" / "churn" / "badge.json").read_text("utf-8"))
    assert endpoint["message"] == "? 3 件中 3 件が達成、判定基準と要求事項の判定：判定不能（ERR）"
    for name in ("index.html", "churn/index.html", "churn/badge.svg"):
        text = (tmp_path / "site" / name).read_text("utf-8")
        assert without_code(text) == set() and "判定不能（ERR）" in text, name
        assert 'lang="ja"' in text or name.endswith("svg")


# -- nothing changes without need -----------------------------------------------------------------------------


def test_publishing_again_changes_nothing(site: Path, run_dirs: Runs) -> None:
    before = state(site)
    done = pipeline.publish([run_dirs["met"], run_dirs["better"]], site, Options())
    assert done.written == ()
    assert state(site) == before


def test_the_order_of_publishing_does_not_matter(site: Path, run_dirs: Runs, tmp_path: Path) -> None:
    for names in (tuple(reversed(ORDER)), ("open", "met", "better", "not_met")):
        other = tmp_path / "-".join(names)
        pipeline.publish([run_dirs[n] for n in names], other, Options())
        assert digests(other) == digests(site)


def test_a_new_run_touches_only_what_changes(site: Path, run_dirs: Runs, named_run, tmp_path: Path) -> None:
    copy = tmp_path / "site"
    shutil.copytree(site, copy)
    before = state(copy)
    other = named_run("other")
    done = pipeline.publish([other], copy, Options())
    after = state(copy)
    changed = {name for name in after if after[name] != before.get(name)}
    new = {f"runs/other/{run_of(other)}/{p}" for p in ("report.html", "summary.md", "junit.xml", "published.json")}
    new |= {f"other/{p}" for p in ("index.html", "badge.svg", "badge.json")}
    assert changed == {*new, "index.html", "site.json"}
    assert {p.relative_to(copy).as_posix() for p in done.written} == changed


def test_the_history_needs_no_run_folder(run_dirs: Runs, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    shutil.copytree(run_dirs["not_met"], gone)
    pipeline.publish([gone], tmp_path / "site", Options())
    shutil.rmtree(gone)
    pipeline.publish([run_dirs["open"]], tmp_path / "site", Options())
    text = Page(tmp_path / "site" / "churn" / "index.html").text
    assert "8 October 2026" in text and "15 October 2026" in text


def test_a_page_that_a_run_has_no_more_goes(run_dirs: Runs, tmp_path: Path) -> None:
    run, site = tmp_path / "run", tmp_path / "site"
    shutil.copytree(run_dirs["met"], run)
    pipeline.report(run, Options(language="ja"))
    pipeline.publish([run], site, Options())
    folder = site / "runs" / "churn" / run_of(run)
    assert (folder / "report.ja.html").is_file()
    pipeline.publish([run_dirs["met"]], site, Options())
    assert sorted(p.name for p in folder.iterdir()) == ["junit.xml", "published.json", "report.html", "summary.md"]


def test_two_at_once_leave_whole_files(site: Path, run_dirs: Runs, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "qmtestbed", "publish", "--site", str(tmp_path / "site")]
    halves = [[str(run_dirs[n]) for n in names] for names in (ORDER[:2], ORDER[2:])]
    both = [subprocess.Popen([*command, *half], stdout=subprocess.DEVNULL) for half in halves]
    assert [p.wait(timeout=60) for p in both] == [0, 0]
    assert digests(tmp_path / "site") == digests(site)


# -- what is refused ------------------------------------------------------------------------------------------


def test_a_folder_without_a_finished_run_is_named_and_nothing_is_written(
    run_dirs: Runs, tmp_path: Path, cli: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    (tmp_path / "empty").mkdir()
    done = cli("publish", run_dirs["met"], "empty", "nowhere", "--site", "site")
    assert done.returncode == 4
    assert "empty: this folder holds no finished run" in done.stderr and "nowhere:" in done.stderr
    assert not (tmp_path / "site").exists()


def test_altered_evidence_is_refused(run_dirs: Runs, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(run_dirs["met"], run)
    record = next((run / "records").iterdir())
    record.write_bytes(record.read_bytes() + b" ")
    with pytest.raises(IntegrityError, match="evidence is altered"):
        pipeline.publish([run], tmp_path / "site", Options())
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "published.json", ".hidden", "sub/page.html", "a\nb"])
def test_views_can_name_no_other_file(run_dirs: Runs, tmp_path: Path, name: str) -> None:
    run = tmp_path / "run"
    shutil.copytree(run_dirs["met"], run)
    (tmp_path / "secret").write_text("x")
    views = decode(Views, json.loads((run / "views.json").read_text()))
    moved = replace(views, views=(replace(views.views[0], path=name), *views.views[1:]))
    (run / "views.json").write_bytes(pretty(replace(moved, sha256=moved.digest)))  # as one who knows how would do
    with pytest.raises(IntegrityError, match="not the name of a page"):
        pipeline.publish([run], tmp_path / "site", Options())


def test_a_page_that_is_a_link_or_missing(run_dirs: Runs, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(run_dirs["met"], run)
    (run / "report.html").unlink()
    with pytest.raises(InputError, match="a page of this run is missing"):
        pipeline.publish([run], tmp_path / "site", Options())
    (run / "report.html").symlink_to("/etc/hostname")
    with pytest.raises(IntegrityError, match="plain file"):
        pipeline.publish([run], tmp_path / "site", Options())


def test_a_folder_of_somebody_else_and_a_damaged_site(site: Path, run_dirs: Runs, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "index.html").write_text("theirs")
    with pytest.raises(InputError, match="not ours"):
        pipeline.publish([run_dirs["met"]], tmp_path / "theirs", Options())
    assert (tmp_path / "theirs" / "index.html").read_text() == "theirs"
    shutil.copytree(site, tmp_path / "damaged")
    kept = tmp_path / "damaged" / "runs" / "churn" / run_of(run_dirs["open"]) / "published.json"
    kept.write_text(kept.read_text("utf-8").replace('"met"', '"fine"'), "utf-8")
    with pytest.raises(IntegrityError, match=r"published\.json: can't be read"):
        pipeline.publish([run_dirs["met"]], tmp_path / "damaged", Options())


# -- names ----------------------------------------------------------------------------------------------------

NAMES = [
    "churn", "Churn", "CHURN", "churn ", "../x", "..", ".", "/", "", "x", "<script>alert(1)</script>", "x" * 10_000,
    "x" * 9_999, "a\0b", "a\u202eb", "解約予測", "解約予想", "runs", "index.html", "site.json", "con", "a/b", "a-b",
    "a b",    folder_name("Churn"), folder_name(folder_name("Churn")), "\ud800", "-rf", "_x",
]  # fmt: skip


def test_every_name_has_a_safe_folder_of_its_own() -> None:
    made = {name: folder_name(name) for name in NAMES}
    assert made["churn"] == "churn" and made["a-b"] == "a-b"
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,60}", folder) for folder in made.values())
    for (a, x), (b, y) in itertools.combinations(made.items(), 2):
        assert x != y, (a[:40], b[:40])
    assert not set(made.values()) & {"runs", "index.html", "site.json"}


@pytest.mark.parametrize("name", ["../../x", "<script>alert(1)</script>'\"&", "y" * 10_000, "a\0b\u202ec"])
def test_hostile_names_stay_text_inside_the_site(named_run, tmp_path: Path, name: str) -> None:
    site = tmp_path / "in" / "site"
    site.mkdir(parents=True)
    pipeline.publish([named_run(name)], site, Options())
    assert [p.name for p in tmp_path.rglob("*") if p.is_dir() and site not in p.parents] == ["in", "site"]
    folder = folder_name(name)
    for path in (site / "index.html", site / folder / "index.html"):
        page = Page(path)
        assert not {"script", "img"} & set(page.tags)
        assert not [k for k, _ in page.attributes if k.startswith("on")]
        assert not re.search("[\x00\u202e]", path.read_text("utf-8"))
        assert len(path.read_bytes()) < 100_000
    ET.fromstring((site / folder / "badge.svg").read_text("utf-8"))
    assert json.loads((site / "site.json").read_text("utf-8"))["runs"][0]["component"] == name
