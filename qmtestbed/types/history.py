"""Assessments of a model over its versions, as they were written to MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Number:
    """A measure as it was written: its value, its interval where it had one, and over how many items."""

    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None


@dataclass(frozen=True)
class Assessed:
    """One assessment: of which version, when, what it found, and its MLflow run.

    ``there`` is false for a version that was deleted. ``plan`` and ``data`` are short digests: numbers on other data
    can't be compared. ``measures`` are by ``<check>/<measure>`` or ``<check>/<measure>/<key>``.
    """

    version: str
    there: bool
    aliases: tuple[str, ...]
    as_of: str
    verdict: str
    criteria: str
    component: str
    plan: str
    data: str
    measures: Mapping[str, Number]
    run: str
    page: str | None
