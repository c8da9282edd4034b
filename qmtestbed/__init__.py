"""qmtestbed: show, from measured evidence, which clauses of a quality guideline a machine-learning model meets.

The names here are the Python API, in the words of the command line. Each imports what it needs when it is called.

>>> import qmtestbed
>>> outcome = qmtestbed.evaluate("models:/churn@candidate", data="test.parquet", label="churned")  # doctest: +SKIP
>>> outcome.exit_code, outcome.page  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qmtestbed.errors import ExitCode, InputError, IntegrityError, QmtestbedError

if TYPE_CHECKING:
    from qmtestbed.pipeline import Outcome

__all__ = [
    "ExitCode",
    "InputError",
    "IntegrityError",
    "QmtestbedError",
    "evaluate",
    "judge",
    "report",
    "run",
]


def run(plan: str | Path, *, out: str | Path | None = None, **options: Any) -> Outcome:
    """Run a plan: measure, judge, and write the page.

    Parameters
    ----------
    plan
        Plan file.
    out
        Run folder; by default the next free ``qmt-runs/<component>-<n>``. A folder with the same plan is gone on with.
    **options
        ``jobs``, ``require``, ``language``, ``aits``, ``guidelines``, ``as_of``, ``isolation``, ``trust``: see
        :class:`qmtestbed.pipeline.Options`.

    Raises
    ------
    InputError
        The plan, a model or data can't be used; holds every problem.
    IntegrityError
        Something is not what the plan pins it to.
    """
    from qmtestbed import pipeline

    return pipeline.run(Path(plan), _options(out, options))


def evaluate(
    model: str,
    *,
    data: str | Path,
    label: str | None = None,
    train: str | Path | None = None,
    level: Mapping[str, str] | None = None,
    out: str | Path | None = None,
    roles: Mapping[str, Any] | None = None,
    **options: Any,
) -> Outcome:
    """Evaluate a model on a table with every AIT that fits, without a plan.

    Parameters
    ----------
    model
        ``models:/name@alias``, ``models:/name/1``, ``models:/m-…``, ``runs:/…``, or a logged model's folder.
    data, train
        Table files (.parquet, .csv, .tsv) or images (.npz with the arrays ``images`` and ``labels``).
    label
        Column or array that holds the truth; without one, AITs that need labels are left out.
    level
        Levels asked for, such as ``{"performance": "AIPL-1"}``.
    out
        As for :func:`run`.
    roles
        Further roles of columns: ``positive``, ``sensitive``, ``id``, ``time``, ``group``, ``weight``, ``ignore``,
        ``classes``, ``task``.
    **options
        As for :func:`run`; and ``previous`` (the version before, to compare with), ``design`` (file of the attribute
        design), ``guideline``, ``name``, ``outputs``, ``seed``.

    Raises
    ------
    InputError
        Model or data can't be used; holds every problem.
    """
    from qmtestbed import pipeline
    from qmtestbed.ait import Roles

    about = {n: options.pop(n) for n in ("guideline", "name", "outputs", "seed") if n in options}
    beside: dict[str, Any] = {n: str(options.pop(n)) for n in ("previous", "design") if options.get(n) is not None}
    subject = pipeline.Subject(
        model=model,
        data=str(data),
        roles=Roles(label=label, **(roles or {})),
        train=None if train is None else str(train),
        levels=level or {},
        **about,
        **beside,
    )
    return pipeline.evaluate(subject, _options(out, options))


def judge(
    run_dir: str | Path, *, plan: str | Path | None = None, out: str | Path | None = None, **options: Any
) -> Outcome:
    """Judge the evidence of a run again, by the same plan, or by another into the folder ``out``; execute nothing."""
    from qmtestbed import pipeline

    if plan is None:
        return pipeline.judge_again(Path(run_dir), _options(out, options))
    return pipeline.judge_by(Path(run_dir), Path(plan), _options(out, options))


def report(run_dir: str | Path, **options: Any) -> Path:
    """Render the page of a run again (``language="ja"`` for Japanese), and give its path; execute nothing."""
    from qmtestbed import pipeline

    return pipeline.report(Path(run_dir), _options(None, options))


def _options(out: str | Path | None, options: Mapping[str, Any]) -> Any:
    from qmtestbed.pipeline import Options

    return Options(out=None if out is None else Path(out), **options)
