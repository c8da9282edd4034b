"""What a CI job tells of a run: the summary of a step, and a comment on the change against the target branch."""

from __future__ import annotations

from pathlib import Path

from qmtestbed.errors import InputError
from qmtestbed.pipeline.options import Options
from qmtestbed.pipeline.publish import brief_of, components
from qmtestbed.render import comment, summary, unfinished
from qmtestbed.types.assessment import RunVerdict

LARGEST_SUMMARY = 1024 * 1024
"""Bytes: GitHub drops the summary of a step that is larger."""


def ci_summary(run: Path, target: Path, options: Options) -> None:
    """Append the summary of a run to the file for the summary of a step, within :data:`LARGEST_SUMMARY`.

    Raises
    ------
    InputError
        The folder holds no finished run; the file says that there is no verdict.
    IntegrityError
        The folder was altered.
    """
    try:
        _, evidence, assessment = brief_of(run, options)
    except InputError:
        _append(target, unfinished(options.language))
        raise
    _append(target, summary(evidence, assessment, options.language))


def ci_verdict(run: Path, options: Options) -> RunVerdict:
    """Give the verdict of a finished run, by what the options require.

    Raises
    ------
    InputError
        The folder holds no finished run.
    IntegrityError
        The folder was altered.
    """
    brief, _, _ = brief_of(run, options)
    return brief.verdict


def ci_comment(run: Path, against: Path | None, site: Path | None, options: Options) -> str:
    """Give the text of a comment: how a run went, and what changed.

    Parameters
    ----------
    run
        Folder of a finished run.
    against
        Folder of the target branch's run.
    site
        In its place, the target branch's site: the latest run of the component there; one that is not there yet, or
        does not know the component, is no fault.
    options
        ``require`` and ``language``.

    Raises
    ------
    InputError
        A folder holds no finished run.
    IntegrityError
        A folder was altered.
    """
    now, _, _ = brief_of(run, options)
    if against is not None:
        before, _, _ = brief_of(against, options)
        return comment(now, before, options.language)
    earlier = components(site).get(now.component, []) if site is not None else []
    return comment(now, earlier[-1] if earlier else None, options.language)


def _append(target: Path, text: str) -> None:
    """Append whole lines for as long as there is room: never a part of a character, never more than is taken."""
    room = LARGEST_SUMMARY - (target.stat().st_size if target.is_file() else 0)
    with target.open("ab") as stream:
        for line in text.splitlines(keepends=True):
            content = line.encode()
            room -= len(content)
            if room < 0:
                return
            stream.write(content)
