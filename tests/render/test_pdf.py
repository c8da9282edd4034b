"""Pages as PDF, read back by pypdf."""

from __future__ import annotations

import dataclasses
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qmtestbed.errors import InputError
from qmtestbed.render import page, pdf
from qmtestbed.render.paper import coloured

pypdf = pytest.importorskip("pypdf")
pytest.importorskip("weasyprint")


def read(content: bytes):
    return pypdf.PdfReader(io.BytesIO(content))


@pytest.fixture(scope="module")
def card(sample, checkout) -> bytes:
    return pdf(page(*sample, checkout / "reports" / "model_card"), sample[1])


def test_pages_are_numbered_named_and_bookmarked(sample, card) -> None:
    document = read(card)
    n = len(document.pages)
    assert n > 1
    for i, sheet in enumerate(document.pages, 1):
        text = sheet.extract_text()
        assert f"{i} / {n}" in text and "Claims triage" in text and sample[1].run[:12] in text
    titles = [item.title for item in document.outline if not isinstance(item, list)]
    nested = [x.title for item in document.outline if isinstance(item, list) for x in item if not isinstance(x, list)]
    assert titles == ["Claims triage"] and "Model details" in nested
    assert document.metadata.title == "Claims triage – Model card"
    assert document.metadata.author == "qmtestbed"
    assert document.trailer["/Root"]["/Lang"] == "en"
    assert document.metadata.creation_date.date().isoformat() == sample[1].as_of
    assert any("/Dest" in a.get_object() for p in document.pages for a in p.get("/Annots", []))


def test_same_page_same_bytes(sample, card, checkout) -> None:
    assert pdf(page(*sample, checkout / "reports" / "model_card"), sample[1]) == card


def test_japanese_is_embedded_and_can_be_copied(sample, checkout) -> None:
    document = read(pdf(page(*sample, checkout / "reports" / "summary", "ja"), sample[1]))
    assert "品質評価の要約" in document.pages[0].extract_text()
    fonts = [f.get_object() for p in document.pages for f in p["/Resources"]["/Font"].get_object().values()]
    held = [f["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object() for f in fonts]
    assert all({"/FontFile2", "/FontFile3", "/FontFile"} & set(d) for d in held)
    assert len(document.pages) == 1


def test_the_summary_of_a_long_run_is_one_page_that_points_on(sample, poisoned, cautioned, checkout) -> None:
    evidence, assessment = (poisoned(x, " with a rather long name of its own") for x in sample)
    told = cautioned(sample[0])
    evidence = dataclasses.replace(evidence, plan=told.plan, manifests=told.manifests)
    checks = tuple(dataclasses.replace(c, id=f"{c.id} {i}") for i in range(7) for c in assessment.checks)
    assert len(checks) > 40
    for language in ("en", "ja"):
        text = page(
            evidence, dataclasses.replace(assessment, checks=checks), checkout / "reports" / "summary", language
        )
        document = read(pdf(text, sample[1]))
        assert len(document.pages) == 1
        words = document.pages[0].extract_text()
        assert ("16 more" if language == "en" else "ほか 16 件") in words
        assert ("No labels" if language == "en" else "正解ラベルなし") in words
        assert ("Default limits" if language == "en" else "既定値です") in words


WITHOUT = """
import sys
from types import SimpleNamespace
from qmtestbed.errors import InputError
from qmtestbed.render import pdf
about = SimpleNamespace(as_of="2026-11-20", component="x", run="y")
made = pdf("<p>\\u0e01 and \\u2713</p>", about)
import io, pypdf
print(pypdf.PdfReader(io.BytesIO(made)).pages[0].extract_text())
try:
    pdf("<html lang=ja><p>品質</p></html>", about)
except InputError as error:
    print(error)
"""


def test_without_a_font_for_it_no_box_is_drawn(tmp_path) -> None:
    """Only the fonts DejaVu are there: neither Thai nor Japanese is."""
    folder = "/usr/share/fonts/truetype/dejavu"
    if not Path(folder).is_dir():
        pytest.skip("the fonts DejaVu are not here")
    config = tmp_path / "fonts.conf"
    config.write_text(f"<fontconfig><dir>{folder}</dir><cachedir>{tmp_path}/cache</cachedir></fontconfig>")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        env={**os.environ, "FONTCONFIG_FILE": str(config), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "⟨U+0E01⟩" in done.stdout and "✓" in done.stdout
    assert "boxes in place of Japanese" in done.stdout and "fonts-ipaexfont-gothic" in done.stdout


def test_without_weasyprint_the_pip_command_is_named(sample, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(InputError, match=r"pip install 'qmtestbed\[pdf\]'"):
        pdf("<p>x</p>", sample[1])


def test_nothing_is_fetched(sample, tmp_path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("file of this machine")
    asked = f'<link rel="stylesheet" href="file://{secret}"><a rel="attachment" href="file://{secret}">x</a>'
    made = pdf(f'{asked}<img src="http://127.0.0.1:9/x.png" alt="none">', sample[1])
    assert b"EmbeddedFile" not in made and read(made).pages[0].extract_text().count("file of") == 0


def test_charts_bear_the_colours_of_the_style_sheet(sample, template) -> None:
    text = coloured(page(*sample, template))
    assert 'stroke="#c94a2d"' in text, "the interval of what is not met"
    assert 'fill="#1b8a72"' in text, "the share that is met"
