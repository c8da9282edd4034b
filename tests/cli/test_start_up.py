"""The command line starts fast: measured as a ratio to a bare Python, so that a slow machine changes nothing."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

import pytest


def cpu_seconds(*command: str) -> float:
    before = os.times()
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return (after.children_user + after.children_system) - (before.children_user + before.children_system)


@pytest.mark.parametrize(("arguments", "limit"), [(("--help",), 7), (("ait", "list"), 12)])
def test_ratio_to_a_bare_start(arguments: tuple[str, ...], limit: float) -> None:
    """CPU seconds, 15 pairs; the clock of CPU time ticks in 10 ms, so sums are compared, not single runs."""
    pairs = [(cpu_seconds("-m", "qmtestbed", *arguments), cpu_seconds("-c", "pass")) for _ in range(15)]
    ours, bare = (statistics.fmean(column) for column in zip(*pairs, strict=True))
    assert ours <= limit * bare, f"{ours * 1000:.0f} ms against {bare * 1000:.0f} ms"
