"""The end of every run: judge what the folder holds, and render it."""

from __future__ import annotations

from qmtestbed.catalogue import Catalogue
from qmtestbed.evidence import RunFolder
from qmtestbed.judging import exit_code, judge, run_verdict
from qmtestbed.pipeline.options import Options, Outcome
from qmtestbed.pipeline.views import TEMPLATE, Asked, write_views
from qmtestbed.types.assessment import ACCEPTING


def conclude(folder: RunFolder, catalogue: Catalogue, options: Options) -> Outcome:
    """Judge and render what a run folder holds; nothing is executed."""
    evidence = folder.read()
    assessment = judge(evidence)
    folder.write_assessment(assessment)
    require = options.require
    asked = Asked((TEMPLATE, *options.templates), options.language, options.pdf, accepting=require == ACCEPTING)
    page_path, *_ = write_views(folder, evidence, assessment, catalogue, asked)
    code, verdict = exit_code(assessment, require), run_verdict(assessment, require)
    return Outcome(folder.path, assessment, evidence, code, verdict, page_path)
