"""The demo's pages: every number made anew without qmtestbed, and every number and mark of a page at its source."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import qmtestbed

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.mark.long
def test_every_number_of_the_demo_is_what_it_is_by_hand(checkout: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for command in (
        ["-m", "qmtestbed", "demo", "--out", tmp_path],
        [
            checkout / "demo" / "check_by_hand.py",
            *(tmp_path / run for run in ("tumours/by-plan", "tumours/without-plan", "digits/by-plan")),
        ],
    ):
        done = subprocess.run([sys.executable, *map(str, command)], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, [line for line in done.stdout.splitlines() if "**NO**" in line] + [done.stderr]


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(TOOLS)
    spec = importlib.util.spec_from_file_location("page_numbers_here", TOOLS / "page_numbers.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop("hand_check", None)


def test_a_number_that_stands_in_no_file_of_the_run_is_named(
    tool: Any, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    qmtestbed.report(finished)
    page = finished / "report.html"
    text = page.read_text("utf-8")
    assert tool.main(finished) == 0
    assert " 0.4321" not in capsys.readouterr().out
    page.write_text(text.replace("</body>", '<details id="check-performance">0.4321</details></body>'), "utf-8")
    tool.main(finished)
    assert "0.4321 (1)" in capsys.readouterr().out
    assert [*tool.strips(finished)] == ["2 criteria drawn, 0 not as they are"]
    shifted = re.sub(r'(chart strip".*?<line x1=")', r"\g<1>9", text, count=1, flags=re.DOTALL)
    page.write_text(re.sub(r'(class="zone"/><line x1=")', r"\g<1>9", shifted), "utf-8")
    assert "recall" in "".join(tool.strips(finished))


SVG = """<svg><line x1="100" y1="2" x2="100" y2="92" class="grid"/><text x="100" y="106" class="axis middle">0.0</text>
<line x1="300" y1="2" x2="300" y2="92" class="grid"/><text x="300" y="106" class="axis middle">1.0</text>
<rect x="100" y="8" width="100" height="13" class="bar"/><line x1="180" y1="15" x2="240" y2="15" class="whisker"/>
</svg>"""


def test_a_mark_that_is_not_where_the_table_has_it_is_named(tool: Any) -> None:
    assert tool.misplaced(SVG, [["all", "0.5", "0.4", "0.7"]]) == (3, [])
    assert tool.misplaced(SVG, [["all", "0.51", "0.4", "0.7"]])[1] == ["bar ['all', '0.51', '0.4', '0.7']"]
    assert tool.misplaced(SVG, [["all", "0.5", "0.4", "0.8"]])[1] == ["whisker ['all', '0.5', '0.4', '0.8']"]
