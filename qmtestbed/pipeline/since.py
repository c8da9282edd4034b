"""An earlier run, read and judged again, as a later one keeps it."""

from __future__ import annotations

from pathlib import Path

from qmtestbed.evidence import RunFolder
from qmtestbed.judging import judge, snapshot
from qmtestbed.types.comparison import Snapshot


def snapshot_of(folder: Path) -> Snapshot:
    """Give what of a finished run can be compared.

    Its verdicts are judged from its evidence: what stands in its ``assessment.json`` is not sealed.

    Raises
    ------
    InputError
        The folder holds no finished run.
    IntegrityError
        Its evidence is not what it was sealed as.
    """
    run = RunFolder(folder)
    evidence = run.read()
    return snapshot(evidence, judge(evidence), run.bundle_sha256)
