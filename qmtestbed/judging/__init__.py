"""Records + guideline + plan → assessment: every verdict, by rules that need no clock, no disk and no library."""

from qmtestbed.judging.assess import judge
from qmtestbed.judging.outcome import exit_code

__all__ = ["exit_code", "judge"]
