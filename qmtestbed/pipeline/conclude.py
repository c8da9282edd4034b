"""The end of every run: judge what the folder holds, and render it."""

from __future__ import annotations

from qmtestbed.catalogue import Catalogue
from qmtestbed.evidence import RunFolder
from qmtestbed.judging import exit_code, judge
from qmtestbed.pipeline.options import Options, Outcome
from qmtestbed.pipeline.views import TEMPLATE, Asked, write_views


def conclude(folder: RunFolder, catalogue: Catalogue, options: Options) -> Outcome:
    """Judge and render what a run folder holds; nothing is executed."""
    evidence = folder.read()
    assessment = judge(evidence)
    folder.write_assessment(assessment)
    asked = Asked((TEMPLATE, *options.templates), options.language, options.pdf)
    page_path, *_ = write_views(folder, evidence, assessment, catalogue, asked)
    return Outcome(folder.path, assessment, evidence, exit_code(assessment, options.require), page_path)
