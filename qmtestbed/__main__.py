"""``python -m qmtestbed``."""

from qmtestbed.cli import main

main()
