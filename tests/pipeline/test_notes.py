"""Notes of a run: what a reader must know of its predictions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from qmtestbed.pipeline.notes import notes_on_agreement
from qmtestbed.types.record import NOT_THE_LIKELIEST


def record(facts: dict[str, Any], **inputs: str) -> Any:
    return SimpleNamespace(facts=facts, inputs={n: SimpleNamespace(name=name) for n, name in inputs.items()})


def test_predicted_classes_that_are_not_the_likeliest_are_noted() -> None:
    made = [
        record({NOT_THE_LIKELIEST: [7, 300]}, model="models:/m/1", data="t.csv"),
        record({}, model="models:/m/2", data="t.csv"),
        record({NOT_THE_LIKELIEST: [1, 30]}, predictions="said.csv", data="t.csv"),
    ]
    first, second = notes_on_agreement(made)
    assert first.startswith("In 7 of 300 rows the class that models:/m/1 predicts is not the likeliest one")
    assert second.startswith("In 1 of 30 rows the class that said.csv predicts")
