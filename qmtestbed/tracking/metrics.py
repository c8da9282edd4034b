"""Names of metrics: every number of an assessment under a name that MLflow allows and that is its own."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

from qmtestbed.ait import Estimate, Undefined
from qmtestbed.types.assessment import Assessment
from qmtestbed.types.evidence import Evidence
from qmtestbed.types.record import Record
from qmtestbed.types.values import Single

_LONGEST_KEY = 250


def numbers(evidence: Evidence, assessment: Assessment) -> dict[str, float]:
    """Give every number of an assessment by the name of its metric, and how many criteria are met, not, or waived."""
    return {name: value for name, (value, _, _) in named(evidence, assessment).items()}


def named(evidence: Evidence, assessment: Assessment) -> dict[str, tuple[float, Record | None, str]]:
    """Name every number, with the record that it is from and the data inventory of its check."""
    c = assessment.headlines.criteria
    counts = {"met": c.met, "not_met": c.not_met, "undetermined": c.undetermined}
    counts["waived"] = c.waived.criteria if c.waived else 0
    named: dict[str, tuple[float, Record | None, str]] = {
        f"qmt/criteria_{state}": (float(count), None, "") for state, count in counts.items()
    }
    for check in assessment.checks:
        record = evidence.record_of(check.id)
        if record is None or check.id not in evidence.plan.checks:
            continue
        bound = evidence.plan.checks[check.id].with_.get("data")
        for measure, given in record.measures.items():
            for key, value in given.singles():
                name = f"qmt/{plain(check.id)}/{plain(measure)}" + (f"/{plain(key)}" if key is not None else "")
                for part, number in _of_single(free_name(name, named), value):
                    named[part] = (number, record, bound if isinstance(bound, str) else "")
    return named


def _of_single(name: str, value: Single) -> Iterator[tuple[str, float]]:
    if isinstance(value, Undefined):
        return
    if not isinstance(value, Estimate):
        yield name, float(value)
        return
    parts = (("", value.value), (".low", value.low), (".high", value.high), (".n", value.n))
    for ending, number in parts:
        if number is not None:
            yield name + ending, float(number)


def plain(text: str) -> str:
    """Write a name with the characters that MLflow allows in a part of a metric's name.

    Colons are ours, for names that would be the same, and so are the endings ``.low``, ``.high`` and ``.n``.
    """
    return re.sub(r"\.(low|high|n)$", r"_\1", re.sub(r"[^\w.\- ]", "_", text).strip(".")) or "_"


def free_name(name: str, taken: Container[str]) -> str:
    """Shorten a name to what MLflow allows, and number it if another was cut or cleaned to the same."""
    name, n = name[: _LONGEST_KEY - 8], 1
    free = name
    while free in taken:
        n += 1
        free = f"{name}:{n}"
    return free
