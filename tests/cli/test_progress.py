"""Progress: plain lines by default, a live line in a real terminal, and nothing of theirs that steers ours."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

PLAN = """
schema: qmtestbed/plan/v1
component: c
inventories: {t: t.csv}
checks:
  gaps: {ait: data_completeness, with: {data: t}, expect: [value_completeness >= 0.5]}
  twins: {ait: record_duplicates, with: {data: t}, expect: [duplicate_count <= 0]}
"""


def project(folder: Path) -> list[str]:
    (folder / "plan.yaml").write_text(PLAN, "utf-8")
    (folder / "t.csv").write_text("a,b\n1,x\n2,y\n", "utf-8")
    return [sys.executable, "-m", "qmtestbed", "run", "plan.yaml", "--out", "out"]


def test_plain_lines_name_each_check_with_its_time(tmp_path: Path) -> None:
    done = subprocess.run(project(tmp_path), cwd=tmp_path, capture_output=True, text=True)
    lines = done.stderr.splitlines()
    assert len(lines) == 3 and "\x1b" not in done.stderr and "\r" not in done.stderr
    assert {line.split()[0] for line in lines[:2]} == {"gaps", "twins"}
    assert all(line.endswith(" s") and "done" in line for line in lines[:2])
    assert lines[2].startswith("  2 of 2 jobs in ")


def test_a_terminal_gets_a_live_line(tmp_path: Path) -> None:
    parent, child = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    process = subprocess.Popen(
        project(tmp_path), cwd=tmp_path, stderr=child, stdout=subprocess.DEVNULL, env=environment
    )
    os.close(child)
    shown = b""
    while True:
        try:
            part = os.read(parent, 4096)
        except OSError:  # the other side has closed
            break
        if not part:
            break
        shown += part
    os.close(parent)
    assert process.wait(timeout=60) == 0
    text = shown.decode()
    assert "of 2 done · running:" in text
    assert "  2 of 2 jobs in " in text.rstrip().splitlines()[-1]
