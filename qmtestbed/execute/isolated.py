"""The child of an AIT with an environment of its own, as ``python -S -m qmtestbed.execute.isolated FOLDER``.

A package can have code run whenever an interpreter starts (a ``.pth`` file), and a module of any name can stand in its
folder. So this starts without those folders (``-S``), imports our own code and the standard library only, enters the
layers of isolation, and only then lets the environment in.
"""

from __future__ import annotations

import site
import sys
from pathlib import Path

from qmtestbed.execute.cell import confine


def main(folder: Path) -> None:
    """Run the job in ``folder`` and leave its outcome there."""
    confine(folder)
    site.main()
    from qmtestbed.execute.worker import work

    work(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
