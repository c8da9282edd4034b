"""``compare``: finished runs side by side, on a page of their own and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qmtestbed.errors import InputError, Problem
from qmtestbed.evidence import RunFolder
from qmtestbed.evidence.files import write
from qmtestbed.execute import Progress
from qmtestbed.judging import compare as judge_runs
from qmtestbed.judging import judge, snapshot
from qmtestbed.pipeline.options import Options, Silent
from qmtestbed.pipeline.pairing import Finished, pair
from qmtestbed.pipeline.run import free_folder
from qmtestbed.render import comparison_page
from qmtestbed.types.codec import pretty
from qmtestbed.types.comparison import Comparison

PAGE, DATA = "compare.html", "compare.json"


@dataclass(frozen=True)
class Compared:
    """A comparison and where it was written."""

    comparison: Comparison
    folder: Path
    page: Path


def compare(folders: Sequence[Path], options: Options, progress: Progress | None = None) -> Compared:
    """Compare finished runs with the first of them, and write page and JSON.

    Raises
    ------
    InputError
        Fewer than two runs, a folder that holds none, or one to write to that holds something else.
    IntegrityError
        The evidence of a run was altered.
    """
    if len(folders) < 2:
        raise InputError(Problem("one run alone can't be compared", do="name at least two folders of finished runs"))
    runs = [_read(folder) for folder in folders]
    out = options.out or free_folder(runs[0].assessment.component, "compare-")
    _refuse_other_content(out)
    catalogue = options.catalogue()
    paired = pair(runs, catalogue, options, progress or Silent(), out / "logs")
    names = [str(folder) for folder in folders]
    comparison = judge_runs([r.snapshot for r in runs], names, paired)
    write(out / DATA, pretty(comparison))
    template = catalogue.report("compare").folder
    page = comparison_page(comparison, [r.evidence for r in runs], template, options.language)
    write(out / PAGE, page.encode())
    return Compared(comparison, out, out / PAGE)


def _read(path: Path) -> Finished:
    folder = RunFolder(path)
    evidence = folder.read()
    assessment = judge(evidence)
    return Finished(folder, evidence, assessment, snapshot(evidence, assessment, folder.bundle_sha256))


def _refuse_other_content(out: Path) -> None:
    """Refuse a folder that is none of ours: above all the evidence of a run, beside which nothing else may lie."""
    if out.is_dir() and any(out.iterdir()) and not (out / DATA).is_file():
        raise InputError(Problem("this folder is not empty and holds no comparison", str(out), do="give another --out"))
