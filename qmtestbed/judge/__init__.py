"""Records + guideline + plan → assessment: every verdict, by rules that need no clock, no disk and no library."""

from qmtestbed.judge.assess import judge
from qmtestbed.judge.outcome import exit_code

__all__ = ["exit_code", "judge"]
