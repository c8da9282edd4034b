"""What checks by hand share finds every number that disagrees, and every one that nothing was computed for."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import qmtestbed


@pytest.fixture(scope="module")
def tool() -> Iterator[Any]:
    path = Path(__file__).parents[2] / "tools" / "hand_check.py"
    spec = importlib.util.spec_from_file_location("hand_check_here", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look for it there
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def run(finished: Path) -> Path:
    """A run of one guideline; its remarks and its Japanese page play no part."""
    qmtestbed.report(finished)
    return finished


def claims(tool: Any, run: Path) -> dict[Any, Any]:
    """What by-hand arithmetic would give if it gave the same, and what follows from it."""
    page = tool.page(run)
    said = {key: tool.Hand(x.value, x.low, x.high, x.n, reason=x.reason) for key, x in tool.measured(run).items()}
    said |= {key: tool.HandTable(rows) for key, rows in page.figures.items()}
    said |= {(check, "items"): tool.HandText(text) for check, text in page.items.items()}
    said |= {(check, f"finding {i}"): tool.HandText(text.strip()) for i, (check, text) in enumerate(page.findings)}
    plan = {
        "checks": {
            "completeness": {"expect": [{"criterion": "value_completeness >= 0.9"}]},
            "performance": {"expect": [{"criterion": "recall[yes] >= 0.9"}]},
        }
    }
    verdicts = tool.judged(plan, said)
    return {**said, **verdicts, **tool.concluded(run, verdicts)}


def disagreeing(tool: Any, run: Path, said: dict[Any, Any]) -> list[Any]:
    return [(line.check, line.measure) for line in tool.compare(run, said) if not line.agrees]


def test_the_same_numbers_agree_and_so_does_what_is_concluded_from_them(tool: Any, run: Path) -> None:
    said = claims(tool, run)
    assert disagreeing(tool, run, said) == []
    assert said["performance", "criterion recall[yes] >= 0.9"].verdict == "not met"
    assert ("", "level AIPL-1") in said and ("", "requirement C-1-L1-1") in said


def test_each_number_that_is_a_little_off_is_found(tool: Any, run: Path) -> None:
    said = claims(tool, run)
    defined = [(key, x) for key, x in said.items() if isinstance(x, tool.Hand) and x.value is not None]
    for key, x in defined:
        parts = [part for part in ("value", "low", "high", "n") if getattr(x, part) is not None]
        for part in parts:
            by = 1 if part == "n" else 1e-6
            off = dataclasses.replace(x, **{part: getattr(x, part) + by})
            assert key in disagreeing(tool, run, {**said, key: off}), (key, part)
    assert len(defined) > 10


def test_each_number_that_nothing_was_computed_for_is_found(tool: Any, run: Path) -> None:
    said = claims(tool, run)
    for key in [key for key in said if key[0]]:
        assert disagreeing(tool, run, {k: x for k, x in said.items() if k != key}), key
    assert disagreeing(tool, run, {**said, ("performance", "nothing"): tool.Hand(1.0)}) == [("performance", "nothing")]
    assert tool.report([]) == 1


def test_a_program_that_nothing_computes_is_named_and_its_criteria_are_not_judged(tool: Any, run: Path) -> None:
    assert tool.uncovered(run, ("data_completeness", "classification_performance")) == []
    (line,) = tool.uncovered(run, ("data_completeness",))
    assert (line.check, line.measure, line.agrees) == ("performance", "program classification_performance", False)
    plan = {"checks": {"performance": {"expect": [{"criterion": "recall[yes] >= 0.9"}]}}}
    assert tool.judged(plan, {}) == {}
    said = {key: x for key, x in claims(tool, run).items() if key[0] != "performance"}
    assert ("performance", "criterion recall[yes] >= 0.9") in disagreeing(tool, run, said)


def test_each_number_that_the_page_shows_wrongly_is_found(tool: Any, run: Path) -> None:
    said, page, shown = claims(tool, run), run / "report.html", tool.page(run)
    whole = page.read_text("utf-8")
    cells = [c for key, row in shown.measures.items() if key[0] == "performance" for c in row[:3] if c]
    texts = [f'<td class="num">{c}</td>' for c in cells] + [">1 of 2 met<", "8 of 8 items", '<td class="num">8</td>']
    value, interval, level, n = shown.main["Accuracy"]
    texts += [f'<b class="num">{value}</b>', f'nowrap">{interval}</span>', f"at {level} %</span>", f"=&nbsp;{n}</span>"]
    for text in dict.fromkeys(texts):
        assert text in whole, text
        other = re.sub(r"\d(?=\D*$)", lambda digit: str((int(digit[0]) + 1) % 10), text)
        page.write_text(whole.replace(text, other), "utf-8")
        assert disagreeing(tool, run, said), text
    assert len(cells) > 10


def test_the_first_screen_names_two_criteria_and_counts_the_limits_that_nobody_set(tool: Any) -> None:
    names = [f"m[{key}] >= 0.5" for key in "abc"]
    plan = {"checks": {"c": {"expect": [{"criterion": name, "default": name != names[0]} for name in names]}}}
    numbers = {("c", f"m[{key}]"): tool.Hand(0.4) for key in "abc"}
    said = tool.first_screen(plan, tool.judged(plan, numbers))
    assert said["", "first screen, limits"].text == "Default limits: 2 of 3."
    assert said["", "first screen, next: not met"].text == (
        "What to do next not met: m[a] >= 0.5 (c), m[b] >= 0.5 (c), 1 more; "
    )
    plan["checks"]["c"]["expect"][1:] = []
    del plan["checks"]["c"]["expect"][0]["default"]
    assert tool.first_screen(plan, tool.judged(plan, {("c", "m[a]"): tool.Hand(0.6)})) == {}


def test_verdicts_are_those_of_the_arithmetic(tool: Any) -> None:
    numbers = {
        ("c", "m[a]"): tool.Hand(0.9, 0.8, 0.95, 50),
        ("c", "m[b]"): tool.Hand(0.7, 0.6, 0.8, 50),
        ("c", "none"): tool.Hand(None, reason="too few"),
    }
    expected = {
        "m >= 0.75": ("not met", 0.7), "m[a] >= 0.75 at 95%": ("met", 0.9), "m >= 0.75 at 95%": ("undetermined", 0.7),
        "m > 0.6 at 95%": ("undetermined", 0.7), "m >= 0.6 at 95%": ("met", 0.7), "m <= 0.5 at 95%": ("not met", 0.9),
        "none >= 0": ("undetermined", None), "m[b] < 0.7": ("not met", 0.7), "m[b] == 0.7": ("met", 0.7),
    }  # fmt: skip
    for text, (verdict, value) in expected.items():
        plan = {"checks": {"c": {"expect": [{"criterion": text}]}}}
        ((_, found),) = tool.judged(plan, numbers).items()
        assert (found.verdict, found.number.value) == (verdict, value), text
