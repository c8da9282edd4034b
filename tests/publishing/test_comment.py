"""The comment: what changed against the target branch, and that foreign text in it stays text."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from pathlib import Path

import pytest

from qmtestbed import pipeline
from qmtestbed.errors import InputError
from qmtestbed.pipeline import Options
from qmtestbed.pipeline.publish import brief_of
from qmtestbed.render import comment
from qmtestbed.render.comment import LARGEST, code
from qmtestbed.types.published import Published, PublishedCriterion, PublishedInput


@pytest.fixture(scope="module")
def base(run_dirs) -> Published:
    return brief_of(run_dirs["met"], Options())[0]


def criterion(text: str, verdict: str, value: float | None = 0.9, check: str = "c") -> PublishedCriterion:
    bound = (0.5, None) if ">=" in text else (None, None)
    return PublishedCriterion(check, text, verdict, value, bound=bound)  # type: ignore[arg-type]


def test_changes_of_verdict_stand_first(base: Published) -> None:
    before = replace(
        base,
        criteria=(
            criterion("same >= 0.5", "met"),
            criterion("value >= 0.5", "met", 0.7),
            criterion("worse >= 0.5", "met", 0.6),
            criterion("better >= 0.5", "not_met", 0.4),
            criterion("gone >= 0.5", "met"),
            criterion("limit >= 0.5", "undetermined"),
        ),
    )
    now = replace(
        base,
        criteria=(
            criterion("same >= 0.5", "met"),
            criterion("value >= 0.5", "met", 0.8),
            criterion("worse >= 0.5", "undetermined", 0.55),
            criterion("better >= 0.5", "met", 0.6),
            criterion("new >= 0.5", "met"),
            criterion("limit >= 0.6", "undetermined"),
        ),
    )
    lines = comment(now, before).splitlines()
    assert lines[0] == "<!-- qmtestbed: churn -->"
    parts = [line for line in lines if line.startswith("**")]
    assert parts == [
        "**Worse** (1)", "**Better** (1)", "**New** (1)", "**No longer judged** (1)",
        "**Same verdict, other value or limit** (2)",
    ]  # fmt: skip
    listed = [line for line in lines if line.startswith("- ")]
    assert listed == [
        "- ? undetermined – `c`: `worse >= 0.5` – 0.55 (was ✓ met, 0.6)",
        "- ✓ met – `c`: `better >= 0.5` – 0.6 (was ✗ not met, 0.4)",
        "- ✓ met – `c`: `new >= 0.5` – 0.9",
        "- `c`: `gone >= 0.5` (was ✓ met)",
        "- ✓ met – `c`: `value >= 0.5` – 0.8 (was 0.7)",
        "- ? undetermined – `c`: `limit >= 0.6` – 0.9 (was `limit >= 0.5`)",
    ]
    assert lines[-1] == "1 criterion is as it was."


def test_nothing_changed_and_nothing_to_compare_with(base: Published) -> None:
    text = comment(base, base)
    assert "**" not in text and "3 criteria are as they were." in text
    alone = comment(base, None)
    assert "no assessment of the target branch" in alone and "as they were" not in alone


def test_other_inputs_are_named(base: Published) -> None:
    model = (PublishedInput("model", "model", "0" * 64, "churn/3"),)
    before = replace(base, inputs=(*model, *base.inputs))
    now = replace(base, inputs=(replace(model[0], sha256="1" * 64, version="churn/4"), *base.inputs))
    assert "Other inputs than then: `model` (`churn/3` → `churn/4`)" in comment(now, before)
    assert "Other inputs" not in comment(before, before)


def test_from_run_folders_and_from_a_site(run_dirs, tmp_path: Path) -> None:
    def said(run: str, against: Path | None = None, site: Path | None = None, **options: str) -> str:
        return pipeline.ci_comment(run_dirs[run], against, site, Options(**options))  # type: ignore[arg-type]

    text = said("not_met", run_dirs["met"])
    assert text.splitlines()[1] == "### ✗ not met – `churn`: 2 of 3 met, 1 not met"
    assert "**Worse** (1)" in text and "(was ✓ met, `accuracy >= 0.8 at 95%`)" in text
    site = tmp_path / "site"
    assert "no assessment of the target branch" in said("not_met", site=site)
    pipeline.publish([run_dirs["open"], run_dirs["met"]], site, Options())
    latest = said("not_met", site=site)  # the latest of the site, not the one published last
    assert "assessed on 15 October 2026" in latest and "**Worse** (1)" in latest
    assert "悪化" in said("not_met", site=site, language="ja")
    with pytest.raises(InputError, match="no finished run"):
        said("met", tmp_path)


# -- text of others -------------------------------------------------------------------------------------------

PAYLOADS = [
    "<script>alert(1)</script>", "a|b\\|c", "`@octocat`", "``` @octocat #1 ```", "@octocat", "#123", "![x](http://e.example)",
    "x\n::error::y", "-->", "\u202eevil", "\x1b[31m", "| --- |", "&lt;b&gt;", "\\", "`", "|", " ", "**b** _i_ ~s~ $x$",
]  # fmt: skip


def outside_code(line: str) -> str:
    """What is left of a line without its code spans, by the rule of CommonMark 6.1: runs of backticks pair up."""
    kept, at = "", 0
    while match := re.compile(r"(?<!`)(`+)(?!`)").search(line, at):
        close = re.compile(rf"(?<!`){match[1]}(?!`)").search(line, match.end())
        if close is None:
            break
        kept, at = kept + line[at : match.start()], close.end()
    return kept + line[at:]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_foreign_text_is_inert(base: Published, payload: str) -> None:
    hostile = replace(
        base,
        component=f"c{payload}",
        as_of=f"d{payload}",
        criteria=(
            criterion(f"a{payload}", "not_met", check=f"k{payload}"),
            replace(criterion(f"b{payload}", "met", check=payload), key=payload),
        ),
        inputs=(PublishedInput(f"i{payload}", "model", "0" * 64, f"v{payload}"),),
        levels=(replace(base.levels[0], target=f"t{payload}", dimension=payload, reached=payload),),
    )
    changed = replace(hostile, criteria=tuple(replace(c, verdict="undetermined") for c in hostile.criteria))
    for before in (None, base, changed):
        text = comment(hostile, before)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", text)
        lines = text.splitlines()
        assert re.fullmatch(r"<!-- qmtestbed: [a-z0-9_-]+ -->", lines[0])
        for line in lines[1:]:
            assert not line.startswith(("::", "|"))
            assert not re.search(r"[<>@`$~!\[\]_#|]", outside_code(line).removeprefix("### ")), line


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_a_code_span_shows_is_the_text(payload: str) -> None:
    shown = code(payload)
    spans = re.sub(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)", lambda m: m[2].strip(" ") if m[2].strip() else m[2], shown)
    plain = " ".join(payload.replace("\u202e", "⟨U+202E⟩").replace("\x1b", "⟨U+001B⟩").split())
    assert html.unescape(spans).replace(" ", "") in (html.unescape(plain).replace(" ", ""), "–")


def test_a_long_comment_is_cut_between_lines(base: Published) -> None:
    many = tuple(criterion(f"measure_{i} >= 0.5", "not_met", check=f"検査{i}" + "x" * 50) for i in range(5000))
    text = comment(replace(base, criteria=many), base)
    assert 60_000 < len(text.encode("utf-16-le")) // 2 <= LARGEST
    assert text.rstrip().endswith("the report has everything.")
    assert all(line.count("`") % 2 == 0 for line in text.splitlines())
