"""``python -m qmtestbed``."""

from qmtestbed.cli.app import main

main()
