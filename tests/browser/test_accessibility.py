"""What axe-core finds on every kind of page, unfolded, in both schemes; and the contrast that it can't see."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import KINDS, LANGUAGES, OPEN_ALL

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

# axe leaves out text in pictures and signs: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio, 4.5 to 1.
FAINT = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const rgba = colour => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a));
  const light = c => c.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e, box) => {
    const layers = [];
    const svg = e.ownerSVGElement;
    if (svg) for (const rect of svg.querySelectorAll("rect.heat, rect.zone, rect.bar")) {
      const r = rect.getBoundingClientRect(), x = (box.left + box.right) / 2, y = (box.top + box.bottom) / 2;
      if (r.left <= x && x <= r.right && r.top <= y && y <= r.bottom) {
        const style = getComputedStyle(rect), [red, green, blue] = rgba(style.fill);
        layers.unshift([red, green, blue, Number(style.fillOpacity)]);
      }
    }
    for (let at = e; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const faint = new Set();
  for (const e of document.querySelectorAll("svg text, .sign, .pill > span, .chip > span, .letter")) {
    const box = e.getBoundingClientRect();
    if (!box.width || !e.textContent.trim()) continue;
    const under = behind(e, box), style = getComputedStyle(e);
    const ink = over(rgba(e.ownerSVGElement ? style.fill : style.color), under);
    const [a, b] = [light(ink), light(under)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faint.add(`${e.getAttribute("class")}: ${e.lastChild.textContent} ${ratio.toFixed(2)}`);
  }
  return [...faint];
}"""


def violations(axe: Any, page: Any) -> list[str]:
    found = axe.run(page, options={"runOnly": RULES, "resultTypes": ["violations"]}).response["violations"]
    return [f"{v['id']}: {n['target']} {n['failureSummary']}" for v in found for n in v["nodes"]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("language", "scheme"), list(zip(LANGUAGES, ("light", "dark"), strict=True)))
def test_axe_finds_nothing(visit, pages, kind, language, scheme) -> None:
    with visit(pages[kind, language], color_scheme=scheme) as seen:
        from axe_playwright_python.sync_playwright import Axe

        seen.page.evaluate(OPEN_ALL)
        assert violations(Axe(), seen.page) == []


def test_axe_is_really_asked(visit, tmp_path) -> None:
    bad = "<!DOCTYPE html><html lang='en'><title>x</title><p style='color:#ccc;background:#fff'>faint</p>"
    bad += "<img src='data:,'>"
    (tmp_path / "bad.html").write_text(bad, "utf-8")
    with visit(tmp_path / "bad.html") as seen:
        from axe_playwright_python.sync_playwright import Axe

        found = violations(Axe(), seen.page)
    assert {"color-contrast", "image-alt", "region"} <= {f.split(":")[0] for f in found}


@pytest.mark.parametrize("kind", KINDS)
def test_signs_and_text_in_pictures_stand_out_in_both_schemes(visit, pages, kind) -> None:
    with visit(pages[kind, "en"]) as seen:
        seen.page.evaluate(OPEN_ALL)
        for scheme in ("light", "dark"):
            seen.page.emulate_media(color_scheme=scheme)
            assert seen.page.evaluate(FAINT) == [], scheme
