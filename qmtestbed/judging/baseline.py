"""A check beside the baseline: the differences that a criterion against it is judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from qmtestbed.judging.mover import differences
from qmtestbed.judging.wording import why_not_measured
from qmtestbed.types.baseline import BASELINE
from qmtestbed.types.evidence import Evidence
from qmtestbed.types.record import Record
from qmtestbed.types.values import MeasureValue


@dataclass(frozen=True)
class Beside:
    """How far a check's measures are from those of the baseline.

    Attributes
    ----------
    measures
        The differences, model less baseline.
    name
        What the baseline is.
    how
        Item by item, apart from each other, or of one and the same model.
    trouble
        Why there are none; empty where there are.
    """

    measures: Mapping[str, MeasureValue] = field(default_factory=dict)
    name: str = ""
    how: Literal["paired", "unpaired", "same"] = "paired"
    trouble: str = ""


def beside_baseline(evidence: Evidence, check: str, record: Record) -> Beside:
    """Find the differences of a check's measures from those of the baseline.

    Parameters
    ----------
    evidence
        The run.
    check
        Name of the check.
    record
        Its record, measured.
    """
    made, name = evidence.baseline_of(check), _name(evidence)
    if made is None:
        lost = evidence.info.baselines.get(check)
        held = f"its record {lost} is not there" if lost else "the run did not compare this check with one"
        return Beside(name=name, trouble=f"the evidence holds no baseline to compare with: {held}")
    if made.status != "measured":
        state = made.status.replace("_", " ")
        why = f"the comparison with the baseline ({name}) is {state}: {why_not_measured(made)}"
        return Beside(name=name, trouble=why)
    if not _is_of(made, record):
        return Beside(name=name, trouble=f"the comparison with the baseline is not of what {check} measured")
    if made.kind == "difference":
        predicted = [i.job for n in ("predictions", BASELINE) if (i := made.inputs.get(n))]
        same = len(predicted) == 2 and predicted[0] is not None and predicted[0] == predicted[1]
        return Beside(made.measures, name, "same" if same else "paired")
    same = made.key == record.key
    return Beside(differences(record.measures, made.measures, same=same), name, "same" if same else "unpaired")


def _name(evidence: Evidence) -> str:
    """Name the version of the registered model, else what was asked for."""
    facts = evidence.info.inventories.get(BASELINE)
    if facts is not None:
        return f"models:/{facts.version}" if facts.version else facts.requested or facts.uri
    inventory = evidence.plan.inventories.get(BASELINE)
    return inventory.shown if inventory else BASELINE


def _is_of(made: Record, record: Record) -> bool:
    """Whether a comparison was made by the check's own AIT, on the same inputs but for the model."""
    same_way = (made.program, made.parameters, made.seed, made.confidence) == (
        record.program,
        record.parameters,
        record.seed,
        record.confidence,
    )
    swapped = () if made.kind == "difference" else ("model", "predictions")
    inputs = all(
        n in made.inputs and (made.inputs[n].sha256, made.inputs[n].roles) == (i.sha256, i.roles)
        for n, i in record.inputs.items()
        if n not in swapped
    )
    return same_way and inputs and made.kind in ("difference", "measure")
