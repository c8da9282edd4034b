"""What is printed: texts of others can't act on a terminal, command a CI runner, or pass for a line of ours."""

from __future__ import annotations

import ast
import io
import json
import re
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qmtestbed
from qmtestbed.cli import common
from qmtestbed.cli.history import _measures, _verdicts
from qmtestbed.cli.terminal import Guarded, bare, guarded, say
from qmtestbed.errors import ExitCode, Problem
from qmtestbed.foreign import escaped, inert, printable, visible
from qmtestbed.types.assessment import Assessment
from qmtestbed.types.codec import decode, parse_json
from qmtestbed.types.history import Assessed

TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
NASTY = "a\x1b[31m\n::error::b\n  ##[error]c\r\u202ed\x00\ud800\x9b" + "x" * 10_000


@given(TEXT)
def test_what_is_visible_says_what_was_not(text: str) -> None:
    shown = visible(text)
    assert not any(unicodedata.category(c) in ("Cc", "Cs") and c != "\n" for c in shown)
    assert visible(shown) == shown
    assert inert(text).count("\n") == 0


@given(TEXT)
def test_json_means_the_same_when_it_is_escaped(text: str) -> None:
    if not re.search("[\ud800-\udfff]", text):
        assert json.loads(escaped(json.dumps({text: text}, ensure_ascii=False))) == {text: text}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31m\tb\u202ec", "a⟨U+001B⟩[31m b⟨U+202E⟩c"),
        ("::error::x", ": :error::x"),
        ("a\n  ::set-output name=x::y", "a\n  : :set-output name=x::y"),
        ("tests::x and ::1", "tests::x and ::1"),
        ("a ##[error]b ##vso[task.setvariable]c", "a # #[error]b # #vso[task.setvariable]c"),
        ("::stop-commands::\n::", ": :stop-commands::\n: :"),
        ("a\r\nb\rc", "a\nb⟨U+000D⟩c"),
        ("日本語 é – 🙂 # ##", "日本語 é – 🙂 # ##"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_guarded_stream_knows_where_lines_begin_and_what_it_can_encode() -> None:
    raw = io.BytesIO()
    stream = Guarded(io.TextIOWrapper(raw, "ascii", write_through=True))
    for part in ("x ", "::a\n", "  ", "::b\n", "–\n", ":", "c\n::", "d"):
        stream.write(part)
    assert raw.getvalue() == b"x ::a\n  : :b\n\\u2013\n:c\n: :d"


def test_both_streams_are_guarded_once_and_put_back(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    with guarded(), guarded():
        assert bare(sys.stdout) is before[0] and bare(sys.stderr) is before[1]
        say(NASTY)
        print("::error::x", file=sys.stderr)
        print("::group::ours", file=bare(sys.stdout))
    assert (sys.stdout, sys.stderr) == before
    out, err = capsys.readouterr()
    assert out.startswith("a⟨U+001B⟩[31m ::error::b ") and "… [+" in out and len(out.splitlines()) == 2
    assert out.endswith("\n::group::ours\n") and err == ": :error::x\n"


def test_a_problem_is_a_line_for_each_part_whatever_is_in_it() -> None:
    lines = str(Problem(NASTY, NASTY, NASTY, NASTY)).splitlines()
    assert [re.match(r"(  \w+: +)?", line)[0] for line in lines] == ["", "  found: ", "  do:    "]  # type: ignore[index]
    assert all(len(line) < 2400 and "\x1b" not in line for line in lines)


def golden(checkout: Path) -> Assessment:
    return decode(Assessment, parse_json((checkout / "tests" / "golden" / "assessment.json").read_bytes()))


def test_an_outcome_has_as_many_lines_whatever_its_names(
    checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common, "item_lines", lambda outcome: [])

    def printed(text: str) -> list[str]:
        found = golden(checkout)
        headline = replace(found.headlines.evidence, fills_gap=f"next{text}")
        checks = tuple(
            replace(c, id=c.id + text, criteria=tuple(replace(x, text=x.text + text, reason=text) for x in c.criteria))
            for c in found.checks
        )
        left = tuple(replace(x, ait=x.ait + text, why=text) for x in found.left_out)
        levels = tuple(replace(x, target=x.target + text, reached=text) for x in found.levels)
        told = replace(
            found, headlines=replace(found.headlines, evidence=headline), checks=checks, left_out=left, levels=levels
        )
        made = _Outcome(told, Path(f"out{text[:50]}"))
        with guarded():
            common.print_outcome(made)  # type: ignore[arg-type]
        return capsys.readouterr().out.splitlines()

    hostile, calm = printed(NASTY), printed("x")
    assert [line[:4] for line in hostile] == [line[:4] for line in calm]
    assert not [c for line in hostile for c in line if not c.isprintable()]
    assert max(map(len, hostile)) < 5000


class _Outcome:
    """As much of an outcome as is printed."""

    def __init__(self, assessment: Assessment, folder: Path) -> None:
        self.assessment, self.folder, self.page = assessment, folder, folder / "report.html"
        self.evidence = self
        self.info, self.notes = self, (NASTY,)
        self.unlabelled, self.plan = True, SimpleNamespace(checks={})
        self.logged, self.not_logged, self.exit_code, self.verdict = None, "", ExitCode.NOT_MET, "not_met"


def test_a_history_is_a_table_whatever_was_written_to_mlflow(capsys: pytest.CaptureFixture[str]) -> None:
    told = Assessed(
        version=NASTY, there=True, aliases=(NASTY,), as_of=NASTY, verdict=NASTY, criteria=NASTY, component=NASTY,
        plan=NASTY, data=NASTY, measures={}, run=NASTY, page=None,
    )  # fmt: skip
    for line in (*_verdicts([told]), *_measures([told], None)):
        say(line)
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 3 and "\x1b" not in out


PLAN = r"""
schema: qmtestbed/plan/v1
component: {name: "a\n::error::b\e[31m\0"}
guideline: "mlqm\e[31m\n::error::x@3"
inventories: {said: {uri: SAID, label: "y\e"}}
checks:
  "c\n##[error]x\e[31m":
    ait: "\e[31m\u202e\n::error::x"
    with: {"predictions\n::error::": "said\0"}
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "plan.yaml"),
        ("run", "other.yaml"),
        ("run", "nul.yaml"),
        ("run", "p\x1b[31m\n::error::\udc80.yaml"),
        ("run", "plan.yaml", "\x1b[31m\n::error::\udc80"),
        ("report", "\x1b[31m\n::error::\udc80"),
        ("report", "x", "--template", "\x1b\n::error::"),
        ("verify", "\x1b[31m\n::error::\udc80"),
        ("compare", "a\x1b\n::error::", "b" * 5000),
        ("publish", "\x1b\n::error::", "--site", "s\udc80"),
        ("ait", "show", "\x1b\n::error::"),
        ("guideline", "show", "\x1b\n::error::"),
        ("note", "\x1b\n::error::", "text\udc80", "--by", "\x1b"),
        ("evaluate", "--predictions", "d\udc80.csv", "--data", "d\udc80.csv", "--label", "y"),
        ("evaluate", "--predictions", "d.csv", "--data", "d.csv", "--label", "y\x1b\n::error::"),
        ("evaluate", "--predictions", "loop.csv", "--data", "d.csv", "--label", "y"),
        ("evaluate", "--predictions", "d" * 5000, "--data", "d.csv", "--label", "y"),
        ("evaluate", "--predictions", "d.csv", "--data", "d.csv", "--label", "y", "--level", "\x1b\n::error::"),
    ],
)
def test_bad_input_by_hostile_names_is_a_plain_message(
    tmp_path: Path, cli_here, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, uri in (("plan.yaml", "said.csv"), ("nul.yaml", '"a\\0.csv"')):
        Path(name).write_text(PLAN.replace("SAID", uri), "utf-8")
    Path("other.yaml").write_text('"\\e\\n::error::": [1, !x\x1b', "utf-8")
    for name in ("d.csv", "d\udc80.csv"):
        Path(name).write_text("y,predicted\na,a\nb,b\n", "utf-8")
    Path("loop.csv").symlink_to("loop.csv")
    done = cli_here(*arguments)
    assert done.returncode == 4, done.stderr
    assert not done.stdout and "internal error" not in done.stderr
    shown = done.stderr.replace("\n", "")
    assert shown.isprintable() and not re.search(r"(?m)^\s*::|##\[", done.stderr)
    assert all(len(line) < 3000 for line in done.stderr.splitlines())
    assert re.match(r"usage: |qmtestbed: error: ", done.stderr)


def test_nothing_of_ours_is_printed_or_written_as_a_sheet_unguarded() -> None:
    """A cell that begins with = is a formula to a spreadsheet: who adds such a file has to think of it."""
    package = Path(qmtestbed.__file__).parent
    for path in sorted(package.rglob("*.py")):
        called = {ast.unparse(n.func) for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call)}
        here = path.relative_to(package).as_posix()
        sheets = {c for c in called if re.search(r"(csv\.(writer|DictWriter)|\.to_csv|\.to_excel|^Workbook)$", c)}
        assert not sheets, f"{here}: {sheets}"
        assert here.startswith(("cli/", "execute/")) or "print" not in called, here
