"""Jobs → records: every job in a child process of its own; one failure never stops its neighbours."""

from qmtestbed.execute.engine import Progress, Shelf, execute
from qmtestbed.execute.launcher import Launcher

__all__ = ["Launcher", "Progress", "Shelf", "execute"]
