"""Jobs → records: every job in a child process of its own; one failure never stops its neighbours."""

from qmtestbed.execute.engine import Progress, Shelf, execute
from qmtestbed.execute.here import Inline, InProcess
from qmtestbed.execute.launcher import Isolation, Launcher, launcher_for, layers_of
from qmtestbed.execute.sandbox import LAYERS, available

__all__ = [
    "LAYERS",
    "InProcess",
    "Inline",
    "Isolation",
    "Launcher",
    "Progress",
    "Shelf",
    "available",
    "execute",
    "launcher_for",
    "layers_of",
]
