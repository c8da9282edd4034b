"""``note`` and ``sign``: what people say of a finished run, and that they vouch for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from qmtestbed.errors import InputError, Problem, suggestion
from qmtestbed.evidence import RunFolder, signatures
from qmtestbed.judging import judge
from qmtestbed.pipeline.options import Options
from qmtestbed.pipeline.verify import require_whole
from qmtestbed.pipeline.views import Asked, write_views
from qmtestbed.types.assessment import Assessment
from qmtestbed.types.evidence import Evidence, Remark, Signature

LONGEST = 2_000
"""Characters of a remark; a page shows no more of any text."""

LONGEST_NAME = 200


@dataclass(frozen=True)
class Said:
    """What somebody says of a run: of one check, of one requirement, or with neither of the whole."""

    text: str
    by: str
    check: str | None = None
    requirement: str | None = None


def note(run_folder: Path, said: Said, options: Options) -> Remark:
    """Add a remark to a finished run, and render every page that it has again.

    Raises
    ------
    InputError
        No finished run, an unknown check or requirement, or a text that is empty or too long.
    IntegrityError
        The evidence or an earlier remark was altered.
    """
    text, by = said.text.strip(), said.by.strip()
    _bounded("the remark", text, LONGEST)
    _bounded("the name of who makes it", by, LONGEST_NAME)
    folder = RunFolder(run_folder)
    evidence = folder.read()
    assessment = judge(evidence)
    _known(said, evidence, assessment)
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    all_of_them = folder.add_remark(at=at, by=by, text=text, check=said.check, requirement=said.requirement)
    write_views(folder, evidence, assessment, options.catalogue(), Asked())
    return all_of_them[-1]


def _bounded(what: str, text: str, limit: int) -> None:
    if not text:
        raise InputError(Problem(f"{what} is empty", do="say something"))
    if len(text) > limit:
        raise InputError(Problem(f"{what} is longer than {limit:,} characters", "", f"{len(text):,}"))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(Problem(f"{what} is no text in UTF-8", "", f"character {error.start}")) from None


def _known(said: Said, evidence: Evidence, assessment: Assessment) -> None:
    """Refuse a subject that the run does not have."""
    asked = evidence.plan.guidelines
    requirements = {r.id for r in assessment.requirements}
    for name in asked:
        clauses = evidence.guidelines[name].requirements if name in evidence.guidelines else {}
        requirements |= {f"{name}:{id}" if len(asked) > 1 else id for id in clauses}
    subjects = (("check", said.check, set(evidence.plan.checks)), ("requirement", said.requirement, requirements))
    if said.check is not None and said.requirement is not None:
        raise InputError(Problem("a remark is about a check or about a requirement", do="make two remarks"))
    for kind, subject, known in subjects:
        if subject is not None and subject not in known:
            raise InputError(Problem(f"the run has no {kind} {subject!r}", do=suggestion(subject, known)))


def sign(run_folder: Path, key_file: Path, options: Options) -> Signature:
    """Sign a finished run with a private key; a signature that is there is replaced.

    Raises
    ------
    InputError
        No finished run, or a key that can't be used.
    IntegrityError
        The folder is not whole: nobody can vouch for that.
    """
    folder, key = RunFolder(run_folder), signatures.private_key(key_file)
    require_whole(folder, options)
    signature = signatures.sign(folder.statement(), key)
    folder.write_signature(signature)
    return signature


def keygen(path: Path) -> tuple[Path, str]:
    """Make a pair of keys; give the path of the public one, and its fingerprint."""
    return signatures.make_keys(path)
