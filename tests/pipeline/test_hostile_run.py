"""One run, made for real, in which every name and text that a user and the data can give is hostile."""

from __future__ import annotations

import json
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

import pytest

from qmtestbed import pipeline
from qmtestbed.pipeline import Options

BAD = "<script>alert(1)</script>]]>\"'&|`@octocat #1\u202eevil\x1b[31m\x00\n::error::x ##[error]y javascript:alert(1)"
SHEET = "=cmd|' /C calc'!A0"
NUL = "\x00"  # a CSV file can't hold it, nor a line feed outside of quotes


def in_data(text: str) -> str:
    """Write a text as a cell of a CSV file."""
    return '"' + text.replace(NUL, "").replace('"', '""') + '"'


def plan() -> dict[str, object]:
    label, hidden = f"y{BAD}".replace(NUL, ""), f"h{BAD}".replace(NUL, "")
    yes = f"yes{BAD}".replace(NUL, "")
    table = {"uri": "said.csv", "label": label, "positive": yes, "sensitive": [hidden]}
    measured = {"predictions": f"said{BAD}"}
    declared = {"by": BAD.replace("\n", " "), "date": "2026-01-01"}
    return {
        "schema": "qmtestbed/plan/v1",
        "component": {"name": f"../../{SHEET}{BAD}", "description": BAD + "x" * 10_000},
        "guideline": "mlqm@3",
        "levels": {"performance": "AIPL-1"},
        "inventories": {f"said{BAD}": table},
        "checks": {
            f"../{SHEET}{BAD}": {
                "ait": "classification_performance",
                "with": measured,
                "expect": [
                    {"criterion": "accuracy >= 0.99 at 95%", "because": BAD},
                    f"recall[{yes}] >= 0.9" if "]" not in yes else "recall >= 0.9",
                ],
            },
            f"gaps{BAD}": {
                "ait": "data_completeness",
                "with": {"data": f"said{BAD}"},
                "expect": ["value_completeness >= 1"],
            },
        },
        "declarations": [
            {"requirement": "A-1-L1-1", "statement": BAD, "file": "<img src=x>\u202e.md", **declared},
            {"requirement": "B-1-L1-1", "not_applicable": BAD, **declared},
        ],
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the run, with a remark, every page in both languages, and a site."""
    folder = tmp_path_factory.mktemp("hostile")
    here = folder / "in" / "project"
    here.mkdir(parents=True)
    (here / "plan.yaml").write_text(json.dumps(plan()), "utf-8")  # JSON is YAML
    (here / "<img src=x>\u202e.md").write_text("declared", "utf-8")
    yes, no = in_data(f"yes{BAD}"), in_data(f"no{SHEET}")
    rows = [(yes, yes, no)] * 20 + [(no, yes, SHEET)] * 5 + [(no, no, "")] * 10
    head = (in_data(f"y{BAD}"), "predicted", in_data(f"h{BAD}"))
    (here / "said.csv").write_text("\n".join(map(",".join, [head, *rows])) + "\n", "utf-8")
    options = {"cache": False, "isolation": "process"}
    out = pipeline.run(here / "plan.yaml", Options(out=folder / "in" / "run", as_of="2026-11-20", **options)).folder
    said = pipeline.Said(BAD + "x" * 1000, BAD.replace(NUL, "")[:150], check=f"gaps{BAD}")
    pipeline.note(out, said, Options())
    for language in ("en", "ja"):
        pipeline.report(out, Options(templates=("quality", "summary", "model_card", "audit"), language=language))
    pipeline.publish([out], folder / "in" / "site", Options())
    return folder


class Reader(HTMLParser):
    """Elements and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def test_no_page_and_no_badge_holds_more_than_text(made: Path) -> None:
    pages = [*made.rglob("*.html")]
    assert len(pages) == 2 * 4 + 2 * 4 + 2  # in the run folder, on the site, and the site's own
    for path in pages:
        text = path.read_text("utf-8")
        read = Reader(text)
        assert not {"script", "img", "iframe", "object", "embed", "form", "base", "link"} & read.tags, path
        assert not [n for n, _ in read.attributes if n.startswith("on") or n in ("src", "srcdoc", "action")]
        assert not [v for n, v in read.attributes if n == "href" and re.match(r"(?i)\s*(javascript|data|file):", v)]
        assert not UNSEEN.search(text) and "octocat" in text
    for path in made.rglob("*.svg"):
        assert not UNSEEN.search(path.read_text("utf-8")) and ET.parse(path)


def test_what_other_programs_read_is_well_formed_and_inert(made: Path, tmp_path: Path) -> None:
    run = made / "in" / "run"
    junit = (run / "junit.xml").read_text("utf-8")
    assert ET.fromstring(junit).findall(".//failure") and not UNSEEN.search(junit)
    for path in made.rglob("*.json"):
        json.loads(path.read_bytes())
    assert not UNSEEN.search((run / "plan.yaml").read_text("utf-8"))
    pipeline.ci_summary(run, tmp_path / "summary.md", Options())
    texts = [(run / "summary.md"), tmp_path / "summary.md"]
    for text in (*(p.read_text("utf-8") for p in texts), pipeline.ci_comment(run, None, None, Options())):
        outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text).replace("<!-- qmtestbed:", "")
        assert not UNSEEN.search(text) and not re.search(r"(?m)^\s*::|##\[|(?<!\\)@|<", outside)


def test_no_name_is_a_path(made: Path) -> None:
    """Nothing was written outside of the three folders, and no name in them is a user's but that of a declared file."""
    assert sorted(p.name for p in made.iterdir()) == ["in"]
    assert sorted(p.name for p in (made / "in").iterdir()) == ["project", "run", "site"]
    names = {p.name for top in ("run", "site") for p in (made / "in" / top).rglob("*")}
    odd = {n for n in names if not re.fullmatch(r"[A-Za-z0-9@._ ()-]+", n)}
    assert {n[:14] for n in odd} == {"01-<img src=x>"}


def test_it_is_whole_and_says_so_in_plain_lines(made: Path, cli_here) -> None:  # type: ignore[no-untyped-def]
    done = cli_here("verify", made / "in" / "run")
    assert done.returncode == 0 and done.stdout.endswith("whole\n"), done.stdout + done.stderr
    done = cli_here("judge", made / "in" / "run")
    assert done.returncode == 1 and "NOT MET" in done.stdout
    assert not re.search(r"(?m)^\s*::|##\[|[^\n -~–—·→⟨⟩…✓]", done.stdout + done.stderr)


def test_the_step_tells_its_outputs_and_nothing_else(made: Path, cli_here, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    environment: Mapping[str, str] = {
        "QMT_PLAN": str(made / "in" / "project" / "plan.yaml"),
        "QMT_OUT": str(tmp_path / "o\n::set-output name=verdict::met"),
        "GITHUB_OUTPUT": str(tmp_path / "outputs"),
        "GITHUB_ACTIONS": "true",
        "QMT_ARGS": "--isolation process",
    }
    done = cli_here("ci", "evaluate", **environment)
    assert done.returncode == 1, done.stderr
    first, *between, last = done.stdout.splitlines()
    token = first.removeprefix("::stop-commands::")
    assert re.fullmatch("[0-9a-f]{32}", token) and last == f"::{token}::"
    assert not [line for line in (*between, *done.stderr.splitlines()) if re.match(r"\s*::|.*##\[", line)]
    written = Path(environment["GITHUB_OUTPUT"]).read_text("utf-8")
    told = re.findall(r"(?m)^([a-z-]+)<<(qmt_[0-9a-f]{64})\n(.*?)\n\2$", written, re.DOTALL)
    assert {name: value for name, _, value in told if name == "verdict"} == {"verdict": "not_met"}
    assert {name for name, _, _ in told} == {"run-dir", "verdict", "page", "exit-code"}
    assert os.environ["GITHUB_ACTIONS"] == "true"
