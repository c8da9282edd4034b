"""Take the pictures of docs/pictures from the demo's runs: ``python tools/take_pictures.py [demo/out]``.

Needs Chromium, playwright, Pillow and a Japanese font. The first page is taken in every width, scheme and language;
each other kind of page once in light and English, once in dark and Japanese. The demo's folder is only read.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
FIRST = "digits"
WIDTHS, SCHEMES, LANGUAGES = (400, 1000, 1600), ("light", "dark"), ("en", "ja")
TALLEST = {400: 2000, 1000: 2000, 1600: 1200}
COLOURS = 256


def main(demo: Path) -> int:
    """Write the pictures anew; give the exit code."""
    from playwright.sync_api import sync_playwright

    if not (demo / "digits" / "by-plan" / "bundle.json").is_file():
        print(f"take_pictures: {demo} holds no runs of the demo; run 'qmtestbed demo' first", file=sys.stderr)
        return 4
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as work, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for language in LANGUAGES:
            pages = write_pages(demo, Path(work, language), language)
            for name, width, scheme in shots(list(pages), language):
                take(browser, pages[name], width, scheme, PICTURES / f"{name}-{language}-{width}-{scheme}.png")
    return 0


def shots(names: list[str], language: str) -> Iterator[tuple[str, int, str]]:
    """Give name, width and scheme of each picture in a language."""
    yield from itertools.product([FIRST], WIDTHS, SCHEMES)
    yield from ((name, 1000, SCHEMES[LANGUAGES.index(language)]) for name in names if name != FIRST)


def write_pages(demo: Path, work: Path, language: str) -> dict[str, Path]:
    """Write the pages of copies of the demo's runs; give their places by name."""
    runs = {name: demo / name for name in ("digits/by-plan", "tumours/by-plan", "tumours/without-plan")}
    for name, run in runs.items():
        shutil.copytree(run, work / name)
    templates = [word for id in ("quality", "summary", "model_card", "audit") for word in ("--template", id)]
    for arguments in (
        ("report", "digits/by-plan", *templates),
        ("report", "tumours/by-plan"),
        ("compare", "tumours/by-plan", "tumours/without-plan", "--isolation", "process", "--out", "compare"),
        ("publish", *runs, "--site", "site"),
    ):
        command = [sys.executable, "-m", "qmtestbed", *arguments, "--lang", language]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run(command, cwd=work, env=environment, check=True, capture_output=True)
    digits, tumours = work / "digits" / "by-plan", work / "tumours" / "by-plan"
    end = ".html" if language == "en" else f".{language}.html"
    return {
        FIRST: digits / f"report{end}",
        "tumours": tumours / f"report{end}",
        **{id: digits / f"{id}{end}" for id in ("summary", "model_card", "audit")},
        "compare": work / "compare" / "compare.html",
        "site": work / "site" / "index.html",
        "component": next(work.glob("site/*breast*/index.html")),
    }


def take(browser: Browser, page: Path, width: int, scheme: str, to: Path) -> None:
    """Take the top of a page, with few colours, so that the file stays small."""
    tab = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    tab.goto(page.as_uri())
    height = min(TALLEST[width], tab.evaluate("document.documentElement.scrollHeight"))
    shot = tab.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": width, "height": height})
    tab.close()
    image = Image.open(BytesIO(shot)).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(to, optimize=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "demo" / "out").resolve()))
