"""The baseline of a plan: the model in the inventory ``baseline``, and how a check is compared with it."""

from __future__ import annotations

from typing import Literal

from qmtestbed.types.criterion import parse_criterion
from qmtestbed.types.manifest import Manifest
from qmtestbed.types.plan import Check

BASELINE = "baseline"
"""Name of the inventory, and of the input with the predictions of that model."""


def names_baseline(check: Check) -> bool:
    """Whether a criterion of the check has the baseline in its bound."""
    return any(_is_against(e.criterion) for e in check.expect)


def _is_against(text: str) -> bool:
    try:
        return parse_criterion(text).baseline
    except ValueError:
        return False


def comparison(check: Check, manifest: Manifest) -> Literal["paired", "unpaired"] | None:
    """Say how a check can be compared with a baseline.

    Returns
    -------
    paired
        The AIT gets predictions only: both models' answers to the same items are compared.
    unpaired
        The AIT gets the model itself: it is run once more, with the baseline in its place.
    None
        The check has no model that a baseline could take the place of.
    """
    if "model" in manifest.inputs and "model" in check.with_:
        return "unpaired"
    predictions = manifest.inputs.get("predictions")
    if predictions is None or predictions.kind != "predictions":
        return None
    return "paired" if "predictions" in check.with_ or {"model", "data"} <= check.with_.keys() else None
