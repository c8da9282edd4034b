"""qmtestbed: show, from measured evidence, which clauses of a quality guideline a machine-learning model meets.

The names here are the Python API, in the words of the command line. Each imports what it needs when it is called.

Examples
--------
>>> import qmtestbed
>>> outcome = qmtestbed.evaluate("models:/churn@candidate", data="test.parquet", label="churned")  # doctest: +SKIP
>>> outcome.exit_code, outcome.page  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qmtestbed.errors import ExitCode, InputError, IntegrityError, QmtestbedError

if TYPE_CHECKING:
    from qmtestbed.pipeline import Compared, GateOutcome, Outcome
    from qmtestbed.types.evidence import Logged, Remark, Signature
    from qmtestbed.types.history import Assessed
    from qmtestbed.types.verification import Verification

__all__ = [
    "ExitCode",
    "InputError",
    "IntegrityError",
    "QmtestbedError",
    "attest",
    "compare",
    "evaluate",
    "gate",
    "history",
    "judge",
    "log",
    "note",
    "report",
    "run",
    "sign",
    "verify",
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
        ``jobs``, ``require``, ``language``, ``aits``, ``guidelines``, ``reports``, ``templates``, ``as_of``,
        ``isolation``, ``trust``, ``log``, ``since``, ``samples``: see :class:`qmtestbed.pipeline.Options`.

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
    model: Any = None,
    *,
    data: Any,
    predictions: str | Path | None = None,
    label: str | None = None,
    train: Any = None,
    level: Mapping[str, str] | None = None,
    out: str | Path | None = None,
    roles: Mapping[str, Any] | None = None,
    **options: Any,
) -> Outcome:
    """Evaluate a model on a table with every AIT that fits, without a plan.

    Parameters
    ----------
    model
        ``models:/name@alias``, ``models:/name/1``, ``models:/m-…``, ``runs:/…``, or a logged model's folder; ``None``
        where there are predictions only. Or an object that follows MAITE's protocol of a model for the classification
        of images: it is pickled beside the run folder, and loaded in children as every model is.
    data, train
        Table files (.parquet, .csv, .tsv) or images (.npz with the arrays ``images`` and ``labels``). Or objects that
        follow MAITE's protocol of a data set for the classification of images: they are written beside the run folder.
    predictions
        In place of a model: a table file with one row per item of the data, in its order or with its column of the role
        ``id``; the column ``predicted``, and for probabilities one column ``p[<class>]`` per class.
    label
        Column or array that holds the truth; without one, AITs that need labels are left out.
    level
        Levels asked for, such as ``{"performance": "AIPL-1"}``; of one of several guidelines that have the quality,
        ``{"mlqm@3:performance": "AIPL-1"}``.
    out
        As for :func:`run`.
    roles
        Further roles of columns: ``positive``, ``sensitive``, ``id``, ``time``, ``group``, ``weight``, ``ignore``,
        ``classes``, ``task``.
    **options
        As for :func:`run`; and ``previous`` (the version before, to compare with), ``baseline`` (the model that
        criteria of the plan may name, and the version before if none is given), ``design`` (file of the attribute
        design), ``guideline`` (one or several), ``name``, ``outputs``, ``seed``.

    Raises
    ------
    InputError
        Model, predictions or data can't be used, or both of the first two are given; holds every problem.
    """
    from qmtestbed import pipeline
    from qmtestbed.ait import Roles

    about: dict[str, Any] = {n: options.pop(n) for n in ("guideline", "name", "outputs", "seed") if n in options}
    given = {
        "model": model,
        "data": data,
        "predictions": predictions,
        "train": train,
        **{n: options.pop(n, None) for n in ("previous", "baseline", "design")},
    }
    stated = Roles(label=label, **(roles or {}))
    about["levels"] = level or {}
    return pipeline.evaluate(*pipeline.subject_of(given, stated, about, _options(out, options)))


def judge(
    run_dir: str | Path,
    *,
    plan: str | Path | None = None,
    guideline: str | Sequence[str] | None = None,
    level: Mapping[str, str] | None = None,
    out: str | Path | None = None,
    **options: Any,
) -> Outcome:
    """Judge the evidence of a run again; execute nothing.

    By the same plan; or, into the folder ``out``, by another ``plan``, or against another ``guideline`` (or several)
    with the levels asked for as in :func:`evaluate`.

    Raises
    ------
    InputError
        The run or what to judge by can't be used, or both a plan and a guideline are given; holds every problem.
    """
    from qmtestbed import pipeline
    from qmtestbed.errors import InputError, Problem

    if plan is not None and (guideline or level):
        raise InputError(Problem("a plan names its guidelines and levels itself", do="give a plan or a guideline"))
    if level and not guideline:
        raise InputError(Problem("a level is asked for, and no guideline is named that has it", do="give a guideline"))
    if guideline:
        names = (guideline,) if isinstance(guideline, str) else tuple(guideline)
        return pipeline.judge_against(Path(run_dir), names, level or {}, _options(out, options))
    if plan is None:
        return pipeline.judge_again(Path(run_dir), _options(out, options))
    return pipeline.judge_by(Path(run_dir), Path(plan), _options(out, options))


def report(run_dir: str | Path, **options: Any) -> Path:
    """Render a run again, and give the path of the page; execute nothing.

    Parameters
    ----------
    run_dir
        Folder of a finished run.
    **options
        ``language`` (``"ja"`` for Japanese), ``templates`` (ids or folders, such as ``["summary"]``; the path is that
        of the first page), ``reports`` (folders with more templates), ``pdf`` (as PDF, too; needs ``qmtestbed[pdf]``).

    Raises
    ------
    InputError
        A template can't be used; names its file and line.
    """
    from qmtestbed import pipeline

    return pipeline.report(Path(run_dir), _options(None, options))[0]


def log(run_dir: str | Path, *, require: str = "criteria") -> Logged:
    """Write a finished run to MLflow, beside the model that it is about; doing it again changes nothing."""
    from qmtestbed import pipeline

    return pipeline.log(Path(run_dir), _options(None, {"require": require}))


def compare(*run_dirs: str | Path, out: str | Path | None = None, **options: Any) -> Compared:
    """Compare finished runs with the first of them: verdicts, measures, and what was not the same.

    Parameters
    ----------
    *run_dirs
        At least two folders of finished runs.
    out
        Where ``compare.html`` and ``compare.json`` go; by default the next free ``qmt-runs/compare-<component>-<n>``.
    **options
        ``language``, ``jobs``, ``aits``, ``isolation``: see :class:`qmtestbed.pipeline.Options`.

    Raises
    ------
    InputError
        Fewer than two runs, or a folder that holds none.
    IntegrityError
        The evidence of a run was altered.
    """
    from qmtestbed import pipeline

    return pipeline.compare([Path(r) for r in run_dirs], _options(out, options))


def gate(
    model: str,
    *,
    plan: str | Path,
    promote: str,
    dry_run: bool = False,
    by: str | None = None,
    out: str | Path | None = None,
    **options: Any,
) -> GateOutcome:
    """Assess a version of a registered model, and move an alias to it only if the requirement is met.

    Parameters
    ----------
    model
        ``models:/name@alias`` or ``models:/name/1``.
    plan
        Plan that the version has to meet; its model is taken to be that version.
    promote
        The alias to move, such as ``champion``.
    dry_run
        Assess, but write nothing to MLflow.
    by
        Who asks, for the tags; by default the user of this machine.
    out
        As for :func:`run`.
    **options
        As for :func:`run`; and ``max_age``, how many seconds old evidence may be to be used again.

    Raises
    ------
    InputError
        Unknown model, alias or version, or a plan that can't be used.
    IntegrityError
        The version or the alias moved meanwhile, or another gate was at it: nothing is moved.
    """
    from qmtestbed import pipeline

    asked = pipeline.Gate(model, Path(plan), promote, dry_run, by)
    return pipeline.gate(asked, _options(out, options))


def history(name: str) -> tuple[Assessed, ...]:
    """List the assessments of a registered model that were written to MLflow, oldest version first."""
    from qmtestbed import pipeline

    return pipeline.history(name)


def verify(run: str | Path, *, key: str | Path | None = None, **options: Any) -> Verification:
    """Hash, judge and render a run folder again, or a ZIP file of one; execute and change nothing.

    Parameters
    ----------
    run
        Run folder or archive.
    key
        Public Ed25519 key (PEM) that the run has to be signed with.

    Returns
    -------
    Verification
        Every fault, and what could not be compared; ``whole`` says whether nothing is wrong.

    Raises
    ------
    InputError
        There is no finished run.
    IntegrityError
        The archive is damaged, or holds what no run folder does.
    """
    from qmtestbed import pipeline

    return pipeline.verify(Path(run), _options(None, options), None if key is None else Path(key))


def note(
    run_dir: str | Path, text: str, *, by: str, check: str | None = None, requirement: str | None = None
) -> Remark:
    """Add a remark to a finished run, about one check, one requirement or the whole, and show it on its pages."""
    from qmtestbed import pipeline

    return pipeline.note(Path(run_dir), pipeline.Said(text, by, check, requirement), _options(None, {}))


def attest(run_dir: str | Path, *, require: str = "criteria") -> Path:
    """Write the outcome of a run as an in-toto statement of the type test-result, and give its path."""
    from qmtestbed import pipeline

    return pipeline.attest(Path(run_dir), _options(None, {"require": require}))


def sign(run_dir: str | Path, *, key: str | Path) -> Signature:
    """Sign evidence, verdicts and remarks of a run with a private Ed25519 key (PEM)."""
    from qmtestbed import pipeline

    return pipeline.sign(Path(run_dir), Path(key), _options(None, {}))


def _options(out: str | Path | None, options: Mapping[str, Any]) -> Any:
    from qmtestbed.pipeline import Options

    since = options.get("since")
    given = {**options, "since": None if since is None else Path(since)}
    return Options(out=None if out is None else Path(out), **given)
