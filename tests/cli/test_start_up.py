"""The command line starts fast: measured as a ratio to a bare Python, so that a slow machine changes nothing."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys

import pytest


def cpu_seconds(*command: str) -> float:
    """User and system time of one process, in microseconds' resolution (``os.times`` ticks in 10 ms)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


@pytest.mark.parametrize(("arguments", "limit"), [(("--help",), 7), (("ait", "list"), 12)])
def test_ratio_to_a_bare_start(arguments: tuple[str, ...], limit: float) -> None:
    """Median of 15 pairs, one after the other, so that a machine whose speed drifts slows both."""
    pairs = [(cpu_seconds("-m", "qmtestbed", *arguments), cpu_seconds("-c", "pass")) for _ in range(15)]
    ratio = statistics.median(ours / bare for ours, bare in pairs)
    assert ratio <= limit, f"{ratio:.1f} times a bare start"
