"""How often a model says what it says most often."""

from __future__ import annotations

from typing import Any

from qmtestbed.ait import Predictions
from qmtestbed.measuring.intervals import proportion


def measure(predictions: Predictions, *, confidence: float = 0.95) -> dict[str, Any]:
    """Count the most frequent answer."""
    said = list(predictions.predicted)
    top = max(sorted(set(said)), key=said.count)
    return {"top_share": proportion(predictions.predicted == top, confidence, groups=predictions.groups)}
