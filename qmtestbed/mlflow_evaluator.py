"""The plug-in for ``mlflow.models.evaluate(..., evaluators="qmtestbed")``.

MLflow imports it whenever its own evaluation is imported, so nothing is imported here before it is asked for.

>>> mlflow.models.evaluate(  # doctest: +SKIP
...     "models:/churn@candidate", frame, targets="churned", model_type="classifier",
...     evaluators="qmtestbed", evaluator_config={"plan": "plan.yaml"})
"""

from __future__ import annotations

from typing import Any


class Evaluator:
    """Runs a plan, or with ``{"plan": None}`` every AIT that fits, on the model and data that MLflow was given.

    Its configuration:

    plan
        Path of a plan, or ``None``. The plan's model and test data are taken to be those that MLflow was given.
    data
        Which inventory of the plan the data stand for; by default the one that is bound as ``data``.
    roles
        Further roles of columns without a plan: ``id``, ``group``, ``positive`` and so on.
    out, require, isolation, language, samples
        As on the command line.

    Metrics are called ``qmt/<check>/<measure>``; ``qmt/criteria_not_met`` and ``qmt/criteria_undetermined`` count the
    criteria that were missed, for :func:`mlflow.validate_evaluation_results`.
    """

    @classmethod
    def can_evaluate(cls, *, model_type: str | None, evaluator_config: dict[str, Any] | None, **_: Any) -> bool:
        """Only where it was configured: MLflow asks every evaluator that is installed, and most did not mean us."""
        return "plan" in (evaluator_config or {}) and model_type in (None, "classifier", "regressor")

    def evaluate(
        self,
        *,
        dataset: Any,
        run_id: str,
        evaluator_config: dict[str, Any],
        model: Any = None,
        model_type: str | None = None,
        model_id: str | None = None,
        predictions: Any = None,
        **_: Any,
    ) -> Any:
        """Evaluate, write the run folder into MLflow's run, and give metrics and artifacts as MLflow wants them."""
        from qmtestbed.pipeline.mlflow_evaluation import Handed, evaluate

        return evaluate(Handed(dataset, run_id, model, model_type, model_id, predictions), evaluator_config)
