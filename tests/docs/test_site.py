"""The documentation builds without a warning, and its pages load nothing from elsewhere."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

LACKING = [name for name in ("mkdocs", "material", "mkdocstrings") if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(LACKING), reason=f"{LACKING} not installed (pip install qmtestbed[docs])"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    root = Path(__file__).resolve().parents[2]
    # without --quiet, which would keep warnings from --strict
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=root,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr, done.stderr
    return folder


class Requests(HTMLParser):
    """Everything that a browser loads for a page; a link that a reader may follow is none."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and given.get("rel") not in ("next", "prev", "canonical"):
            self.found.append(given.get("href") or "")
        self.found += [given[name] or "" for name in ("src", "srcset", "data", "poster") if name in given]


def test_no_page_asks_for_anything_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 60
    for page in pages:
        requests = Requests()
        requests.feed(page.read_text("utf-8"))
        assert requests.found
        elsewhere = [r for r in requests.found if re.match(r"(https?:)?//", r)]
        assert not elsewhere, f"{page}: {elsewhere}"
        missing = [
            r for r in requests.found if not r.startswith("data:") and not (page.parent / r.split("?")[0]).is_file()
        ]
        assert not missing or page.name == "404.html", f"{page}: {missing}"


def test_no_style_asks_for_anything_elsewhere(site: Path) -> None:
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(\s*['\"]?|@import\s+['\"]?)(https?:)?//", style.read_text("utf-8")), style


def test_what_is_generated_is_there(site: Path) -> None:
    for name, said in {
        "cli": "--require", "exit-codes": "130", "aits": "classification_performance", "guidelines": "C-1-L1-1",
        "schemas": "qmtestbed/plan/v1", "python": "qmtestbed.evaluate",
    }.items():  # fmt: skip
        assert said in (site / "reference" / f"{name}.html").read_text("utf-8"), name
    assert not re.search(":(class|func|data):", (site / "reference" / "python.html").read_text("utf-8"))
    assert (site / "schemas" / "plan.v1.json").is_file()
    assert (site / "reference" / "schemas" / "record.v1.json").is_file()


def test_japanese_pages_say_so_and_have_no_blank_after_punctuation(site: Path) -> None:
    for name in ("tutorial", "glossary"):
        page = (site / f"{name}.ja.html").read_text("utf-8")
        assert '<html lang="ja"' in page
        assert not re.search(r"[。、]\s+[^\s<]", page)
