"""``attest``: the outcome of a run as an in-toto statement."""

from __future__ import annotations

from pathlib import Path

from qmtestbed.digests import sha256_of_file
from qmtestbed.evidence import RunFolder
from qmtestbed.judging import judge, run_verdict
from qmtestbed.pipeline.options import Options
from qmtestbed.render import attestation
from qmtestbed.types.assessment import Assessment, Require
from qmtestbed.types.evidence import Evidence


def attest(run_folder: Path, options: Options) -> Path:
    """Write ``attestation.json`` of a finished run; give its path. Nothing is executed.

    Raises
    ------
    InputError
        The folder holds no finished run.
    IntegrityError
        It was altered.
    """
    folder = RunFolder(run_folder)
    evidence = folder.read()
    logged = folder.logged()
    url = logged.page if logged else None
    return folder.write_attestation(statement(folder, evidence, judge(evidence), options.require, url))


def statement(
    folder: RunFolder, evidence: Evidence, assessment: Assessment, require: Require, url: str | None
) -> bytes:
    """Make the statement of a run."""
    paths = ["bundle.json", "plan.yaml", *(f"guidelines/{name}.yaml" for name in evidence.guidelines)]
    digests = {path: sha256_of_file(folder.path / path) for path in paths}
    return attestation(evidence, assessment, run_verdict(assessment, require), require, digests, url)
