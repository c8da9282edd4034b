"""A checklist that a person answered: questions, each with its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Answer = Literal["yes", "no", "not_applicable"]


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One question; without an ``answer`` it is open. ``evidence`` says where the answer can be looked up."""

    id: str
    question: str
    answer: Answer | None = None
    comment: str | None = None
    evidence: str | None = None
