"""Jobs → records: every job in a child process of its own; one failure never stops its neighbours."""

from qmtestbed.execute.engine import Progress, Shelf, execute
from qmtestbed.execute.launcher import Launcher, launcher_for

__all__ = ["Launcher", "Progress", "Shelf", "execute", "launcher_for"]
