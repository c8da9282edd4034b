"""The summary in Markdown."""

from __future__ import annotations

import dataclasses
import re

import pytest

from qmtestbed.render import summary
from qmtestbed.render.markdown import text


def cells(line):
    return re.split(r"(?<!\\)\|", line.strip().strip("|"))


def tables(markdown):
    return [
        [cells(line) for line in block.splitlines() if line.startswith("|")]
        for block in markdown.split("\n\n")
        if block.startswith("|")
    ]


def test_headlines_stand_first_and_apart(sample) -> None:
    lines = summary(*sample).splitlines()
    assert lines[0] == "# Quality report: Claims triage"
    assert lines[2].startswith("- **Verdict of the run**: ✗ not met · every criterion")
    assert lines[3] == "- Accuracy: 0.8830 \\[0.8614, 0.9023\\] at 95 %"
    assert lines[4] == "- **Criteria**: 4 of 7 met"
    assert lines[5] == "- **Evidence**: measured parts 4 of 15 · declared parts 3 of 19"
    assert any("AISL-0.2 asked for" in line for line in lines[:14])
    todo = [line for line in lines[:20] if line.startswith("- What to do next: ")]
    assert [line[19:29] for line in todo] == ["no result ", "not met\\: ", "undetermin", "qmtestbed "]


def test_failures_say_found_limit_where_and_clauses(sample) -> None:
    failures = tables(summary(*sample))[0]
    assert [row[0].strip() for row in failures[2:]] == ["✗ not met", "? undetermined", "? undetermined"]
    row = " ".join(failures[2])
    for said in ("performance: recall &gt;= 0.80 at 95%", "0.645", "≥ 0.8", "class theft", "C-1-L1-1, C-1-L2-1"):
        assert said in row, said


def test_every_requirement_is_there(sample) -> None:
    listed = {row[0].strip() for row in tables(summary(*sample))[1]}
    assert {r.id for r in sample[1].requirements} <= listed


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_row_of_a_table_has_as_many_cells_as_its_head(sample, poisoned, language) -> None:
    for evidence, assessment in (sample, (poisoned(sample[0]), poisoned(sample[1]))):
        found = tables(summary(evidence, assessment, language))
        assert len(found) == 4
        for table in found:
            assert {len(row) for row in table} == {len(table[0])}


def test_hostile_text_is_inert(sample, poisoned) -> None:
    markdown = summary(poisoned(sample[0]), poisoned(sample[1]))
    assert "<" not in markdown and "\x1b" not in markdown and "\u202e" not in markdown
    assert not re.search(r"(?<!\\):(//|:)", markdown) and "www.evil" not in markdown
    assert not any(line.startswith("::") for line in markdown.splitlines())


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a|b", r"a\|b"),
        ("a\nb", "a b"),
        ("[x](javascript:y)", r"\[x\](javascript\:y)"),
        ("`<b>&", r"\`&lt;b&gt;&amp;"),
        ("*_~#@$!", r"\*\_\~\#\@\$\!"),
        ("\\|", r"\\\|"),
        ("WWW.a.b", r"WWW\.a.b"),
    ],
)
def test_escaping(raw, shown) -> None:
    assert text(raw) == shown


def test_it_stays_under_the_limit_of_github_and_says_that_it_was_cut(sample) -> None:
    evidence, assessment = sample
    checks = tuple(dataclasses.replace(c, id=f"{c.id}{i}{'x' * 200}") for i in range(1500) for c in assessment.checks)
    markdown = summary(evidence, dataclasses.replace(assessment, checks=checks))
    size, says_so = len(markdown.encode()), "are cut short here" in markdown
    assert size < 1_000_000 and says_so


def test_same_input_same_bytes_and_japanese(sample) -> None:
    assert summary(*sample, "ja") == summary(*sample, "ja")
    assert "7 件中 4 件が達成" in summary(*sample, "ja")
