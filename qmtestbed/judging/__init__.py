"""Records + guideline + plan → assessment: every verdict, by rules that need no clock, no disk and no library."""

from qmtestbed.judging.assess import judge
from qmtestbed.judging.comparing import Pairing, compare
from qmtestbed.judging.outcome import exit_code, run_verdict
from qmtestbed.judging.snapshot import snapshot

__all__ = ["Pairing", "compare", "exit_code", "judge", "run_verdict", "snapshot"]
