"""``mlflow.models.evaluate`` with our evaluator: MLflow's model and data take the place of a plan's."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qmtestbed.ait import Roles, Task
from qmtestbed.documents import dump_document, parse_document
from qmtestbed.errors import PlanError, Problem, suggestion
from qmtestbed.pipeline.evaluate import Subject
from qmtestbed.pipeline.evaluate import evaluate as evaluate_subject
from qmtestbed.pipeline.options import Options, Outcome, Silent
from qmtestbed.pipeline.run import next_folder, run_loaded
from qmtestbed.plan import check_plan, load_plan
from qmtestbed.tracking.evaluation import LABEL, as_result, logged_model_of, write_predictions, write_table
from qmtestbed.types.codec import lean
from qmtestbed.types.plan import Check, Component, Inventory, LoadedPlan, Plan

_OPTIONS = ("require", "isolation", "language", "jobs", "cache", "trust", "samples")
_KEYS = ("plan", "data", "roles", "level", "out", *_OPTIONS)
_TASKS: Mapping[str | None, Task] = {"classifier": "classification", "regressor": "regression"}
_PREDICTIONS = "predictions"


@dataclass(frozen=True)
class Handed:
    """What MLflow hands to an evaluator."""

    dataset: Any
    run: str
    model: Any
    model_type: str | None
    model_id: str | None
    predictions: Any


@dataclass(frozen=True)
class _Given:
    """The same as a plan can name it: data as a file, and a logged model or else a file of predictions."""

    data: Path
    model: str | None
    predictions: Path | None


def evaluate(handed: Handed, config: Mapping[str, Any]) -> Any:
    """Evaluate what MLflow hands over, write the assessment into its run, and give its ``EvaluationResult``.

    Raises
    ------
    InputError
        A wrong configuration, plan or data; holds every problem.
    """
    from qmtestbed.tracking.metrics import numbers
    from qmtestbed.tracking.writing import FOLDER, log_into

    problems = [*_wrong(config)]
    if problems:
        raise PlanError(*problems)
    name = f"mlflow-{handed.run[:8]}"
    out = Path(config["out"]) if config.get("out") else next_folder(Plan("qmtestbed/plan/v1", Component(name)))
    options = Options(out=out, **{k: config[k] for k in _OPTIONS if k in config})
    outcome = (_by_plan if config["plan"] else _by_suite)(handed, config, options)
    model = logged_model_of(handed.model, handed.model_id)
    log_into(handed.run, outcome.folder, outcome.evidence, outcome.assessment, outcome.verdict, model)
    metrics = numbers(outcome.evidence, outcome.assessment)
    return as_result(handed.run, metrics, outcome.page, f"runs:/{handed.run}/{FOLDER}")


def _wrong(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Say what is wrong with a configuration; what the options mean is for :class:`Options` to check."""
    for key in config:
        if key not in _KEYS:
            yield Problem(f"unknown key {key!r}", "evaluator_config", do=suggestion(key, _KEYS))
    for key, kinds in (
        ("plan", (str, Path)),
        ("out", (str, Path)),
        ("data", (str,)),
        ("roles", (dict,)),
        ("level", (dict,)),
    ):
        if config.get(key) is not None and not isinstance(config[key], kinds):
            yield Problem(f"{key}: not {_KIND[kinds[0]]}", "evaluator_config", repr(config[key]))
    roles = config.get("roles") or {}
    known = [f.name for f in dataclasses.fields(Roles)]
    for role in roles if isinstance(roles, dict) else ():
        if role not in known:
            yield Problem(f"roles: unknown role {role!r}", "evaluator_config", do=suggestion(str(role), known))


_KIND: Mapping[type, str] = {str: "a text", dict: "a mapping"}


def _written(handed: Handed, label: str, out: Path) -> _Given:
    """Write data and predictions beside the run folder, where the plan that is kept in it finds them again."""
    data = out.with_name(f"{out.name}.data.parquet")
    write_table(handed.dataset, label, data)
    model = logged_model_of(handed.model, handed.model_id)
    if model:
        return _Given(data.resolve(), f"models:/{model}", None)
    said = handed.predictions
    if said is None and handed.dataset.has_predictions:
        said = handed.dataset.predictions_data
    if said is None and handed.model is not None:
        said = handed.model.predict(handed.dataset.features_data)
    if said is None:
        do = "give mlflow.models.evaluate a model, or predictions="
        raise PlanError(Problem("there is neither a model nor predictions to evaluate", "mlflow", do=do))
    predictions = out.with_name(f"{out.name}.predictions.parquet")
    write_predictions(said, predictions)
    return _Given(data.resolve(), None, predictions.resolve())


def _by_suite(handed: Handed, config: Mapping[str, Any], options: Options) -> Outcome:
    out = options.out or Path()
    given = _written(handed, LABEL, out)
    roles = {"task": _TASKS.get(handed.model_type), **(config.get("roles") or {})}
    subject = Subject(
        model=given.model,
        predictions=str(given.predictions) if given.predictions else None,
        data=str(given.data),
        roles=Roles(label=LABEL if handed.dataset.has_targets else None, **roles),
        levels=config.get("level") or {},
        name=out.name,
    )
    return evaluate_subject(subject, options)


def _by_plan(handed: Handed, config: Mapping[str, Any], options: Options) -> Outcome:
    catalogue = options.catalogue()
    loaded = load_plan(Path(config["plan"]), catalogue)
    name = _data_of(loaded.plan, config.get("data"))
    given = _written(handed, loaded.plan.inventories[name].label or LABEL, options.out or Path())
    plan = _bound_to(loaded.plan, name, given)
    document = parse_document(dump_document(lean(plan)), str(config["plan"]))
    checked = check_plan(plan, document, loaded.folder, catalogue)
    return run_loaded(LoadedPlan(checked.plan, checked.folder, loaded.source), catalogue, options, Silent())


def _data_of(plan: Plan, named: str | None) -> str:
    """Name the inventory that MLflow's data stand for: the one that is named, else the one bound as data."""
    bound = sorted({v for c in plan.checks.values() if isinstance(v := c.with_.get("data"), str)})
    if named is not None and named not in plan.inventories:
        do = suggestion(named, plan.inventories)
        raise PlanError(Problem(f"the plan has no inventory {named!r}", "evaluator_config: data", do=do))
    if named is None and len(bound) != 1:
        what, do = "it can't be told which data of the plan MLflow's stand for", 'add "data": <inventory>'
        raise PlanError(Problem(what, "evaluator_config", ", ".join(bound) or "no check binds data", do))
    return named or bound[0]


def _bound_to(plan: Plan, data: str, given: _Given) -> Plan:
    """Let a plan be about the given data, and about the given model or predictions."""
    inventories = dict(plan.inventories)
    inventories[data] = replace(inventories[data], uri=str(given.data), requested=None)
    checks, name = dict(plan.checks), _model_of(plan)
    if name is None:
        return replace(plan, inventories=inventories)
    if given.model:
        inventories[name] = replace(inventories[name], uri=given.model, requested=None)
    else:
        inventories[_PREDICTIONS] = Inventory(str(given.predictions))
        checks = {id: _of_predictions(check, name) for id, check in checks.items()}
    return replace(plan, inventories=inventories, checks=checks)


def _model_of(plan: Plan) -> str | None:
    """Name the one inventory whose model the checks judge; ``None`` if they judge data alone."""
    judged = {
        str(m) for c in plan.checks.values() if (m := c.with_.get("model", c.with_.get(_PREDICTIONS))) is not None
    }
    if len(judged) > 1:
        what, do = (
            "the plan judges several models, and MLflow gives one",
            "write a plan in which every check judges one",
        )
        raise PlanError(Problem(what, "evaluator_config: plan", ", ".join(sorted(judged)), do))
    return judged.pop() if judged else None


def _of_predictions(check: Check, model: str) -> Check:
    """Let a check judge predictions where it would have asked the model for them."""
    if check.with_.get("model") != model:
        return check
    return replace(check, with_={**{k: v for k, v in check.with_.items() if k != "model"}, _PREDICTIONS: _PREDICTIONS})
