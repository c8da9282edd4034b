"""Every kind of page as a file, and Debian's Chromium with nothing but files; skipped where a part is absent."""

from __future__ import annotations

import dataclasses
import importlib.util
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qmtestbed.ait import Estimate
from qmtestbed.judging import compare, judge, snapshot
from qmtestbed.render import comparison_page, folder_name, history_view, index_view, page, published, site_page
from qmtestbed.types.evidence import Evidence, Remark
from qmtestbed.types.text import Language
from qmtestbed.types.values import MeasureValue
from tests.render.conftest import Sample, sample, template

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

__all__ = ["sample", "template"]

TEMPLATES = ("quality", "summary", "model_card", "audit")
KINDS = (*TEMPLATES, "compare", "index", "component")
OPEN_ALL = "for (const d of document.querySelectorAll('details')) d.open = true"
LANGUAGES: tuple[Language, ...] = ("en", "ja")
REMARKS = (
    Remark("qmtestbed/remark/v1", 1, "2026-11-21T08:30:00Z", "M. Sato", "Labelled again.", "0" * 64, "performance"),
    Remark("qmtestbed/remark/v1", 2, "2026-11-21T08:40:00Z", "K. Ito", "The owner knows.", "0" * 64, None, "C-1-L1-1"),
)


def missing() -> str:
    """Say what of the browser tests is not installed; empty if all is."""
    if shutil.which("chromium") is None:
        return "there is no program chromium (see apt.txt)"
    for module in ("playwright", "axe_playwright_python"):
        if importlib.util.find_spec(module) is None:
            return f"there is no Python package {module} (extra test)"
    fonts = subprocess.run(["fc-list", ":lang=ja", "family"], capture_output=True, text=True, check=False)
    return "" if fonts.stdout.strip() else "there is no Japanese font (see apt.txt)"


# -- pages ----------------------------------------------------------------------------------------------------


def _earlier(evidence: Evidence) -> Evidence:
    """Give a run before the sample: a better recall of thefts, and another version of the model."""
    key = evidence.info.checks["performance"]
    record = evidence.records[key]
    recall: Mapping[str, Any] = record.measures["recall"].value  # type: ignore[assignment]
    better = MeasureValue({**recall, "theft": Estimate(0.9, 0.83, 0.95, 0.95, 110)})
    changed = dataclasses.replace(record, key="e" * 64, measures={**record.measures, "recall": better})
    facts = evidence.info.inventories
    model = dataclasses.replace(facts["model"], sha256="9" * 64, version="claims-triage/6")
    info = dataclasses.replace(
        evidence.info,
        run="5" * 64,
        as_of="2026-10-20",
        checks={**evidence.info.checks, "performance": changed.key},
        inventories={**facts, "model": model},
    )
    records = {**{k: r for k, r in evidence.records.items() if k != key}, changed.key: changed}
    return dataclasses.replace(evidence, info=info, records=records)


def write_pages(folder: Path, reports: Path, sample: Sample, language: Language) -> dict[str, Path]:
    """Write one page of each kind, as rich as pages get: with remarks, and with what changed since last time."""
    before = _earlier(sample[0])
    since = snapshot(before, judge(before))
    now = dataclasses.replace(sample[0], since=since)
    assessment = dataclasses.replace(sample[1], since=judge(now).since)
    both = [before, sample[0]]
    comparison = compare([snapshot(e, judge(e)) for e in both], ["October", "November"])
    runs = [published(e, judge(e), "not_met", "criteria") for e in both]
    texts = {f"{id}.html": page(now, assessment, reports / id, language, REMARKS) for id in TEMPLATES}
    texts["compare.html"] = comparison_page(comparison, both, reports / "compare", language)
    texts["index.html"] = site_page(
        index_view({runs[0].component: runs}, language), reports / "site", "index.html.j2"
    ).decode()
    component = f"{folder_name(runs[0].component)}/index.html"
    texts[component] = site_page(history_view(runs, language), reports / "site", "component.html.j2").decode()
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return {**{k: folder / f"{k}.html" for k in KINDS[:-1]}, "component": folder / component}


@pytest.fixture(scope="session")
def pages(
    tmp_path_factory: pytest.TempPathFactory, sample: Sample, template: Path
) -> Mapping[tuple[str, Language], Path]:
    """Every kind of page in both languages."""
    made = {}
    for language in LANGUAGES:
        folder = tmp_path_factory.mktemp(f"pages-{language}")
        for kind, path in write_pages(folder, template.parent, sample, language).items():
            made[kind, language] = path
    return made


# -- the browser ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium once per file; longer would leave Playwright's event loop to tests that start one of their own."""
    why = missing()
    if why:
        pytest.skip(why)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield started
        started.close()


@dataclasses.dataclass
class Visit:
    """An open page, what it asked for, and what it complained of."""

    page: Page
    requests: list[str] = dataclasses.field(default_factory=list)
    complaints: list[str] = dataclasses.field(default_factory=list)


Open = Callable[..., Any]


@pytest.fixture
def visit(browser: Browser) -> Open:
    """Give a function that opens a page without any network; options are those of a browser context."""

    @contextmanager
    def open_page(path: Path, **options: Any) -> Iterator[Visit]:
        options = {"viewport": {"width": 1000, "height": 800}, "reduced_motion": "reduce", **options}
        context: BrowserContext = browser.new_context(**options)
        context.set_offline(True)
        seen = Visit(context.new_page())
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.on("console", lambda message: seen.complaints.append(message.text))
        seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        context.route(
            "**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort()
        )
        try:
            seen.page.goto(path.as_uri())
            yield seen
        finally:
            context.close()

    return open_page
