"""``log``: an assessment into MLflow, at the end of a run or later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from qmtestbed.errors import InputError
from qmtestbed.evidence import RunFolder
from qmtestbed.judging import judge, run_verdict
from qmtestbed.pipeline.options import Options, Outcome
from qmtestbed.types.assessment import Assessment
from qmtestbed.types.evidence import Evidence, Logged


def log(run_folder: Path, options: Options) -> Logged:
    """Write a finished run into MLflow, once however often it is asked for.

    Raises
    ------
    InputError
        No finished run, no model of MLflow, or a store that can't be written to.
    IntegrityError
        The folder was altered.
    """
    folder = RunFolder(run_folder)
    evidence = folder.read()
    return _write(folder, evidence, judge(evidence), options)


def logged(outcome: Outcome, options: Options) -> Outcome:
    """Write a run that has just ended; that the server can't be reached costs no verdict, and is said."""
    try:
        run = _write(RunFolder(outcome.folder), outcome.evidence, outcome.assessment, options)
    except InputError as error:
        return replace(outcome, not_logged=str(error))
    return replace(outcome, logged=run)


def _write(folder: RunFolder, evidence: Evidence, assessment: Assessment, options: Options) -> Logged:
    from qmtestbed.tracking.writing import log_assessment

    run = log_assessment(folder.path, evidence, assessment, run_verdict(assessment, options.require))
    folder.write_logged(run)
    return run
