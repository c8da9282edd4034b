"""How numbers and limits read in a reason."""

from __future__ import annotations

from qmtestbed.ait import Undefined
from qmtestbed.types.criterion import Criterion
from qmtestbed.types.record import Record


def number(x: float) -> str:
    """Write a measured number with four digits."""
    return f"{x:.4g}"


def percent(level: float) -> str:
    """Write a confidence such as 0.95 as ``95 %``."""
    return f"{level * 100:.6g} %"


def limit(criterion: Criterion) -> str:
    """Write what the criterion asks for, such as ``>= 0.9 at 95 %``; a limit keeps all its digits."""
    if criterion.op == "in":
        text = f"in [{criterion.low:.12g}, {criterion.high:.12g}]"
    else:
        bound = criterion.high if criterion.low is None else criterion.low
        text = f"{criterion.op} {_from_baseline(bound or 0.0) if criterion.baseline else f'{bound:.12g}'}"
    return text if criterion.confidence is None else f"{text} at {percent(criterion.confidence)}"


def _from_baseline(offset: float) -> str:
    sign = "-" if offset < 0 else "+"
    return f"baseline {sign} {abs(offset):.12g}" if offset else "baseline"


def why_not_measured(record: Record) -> str:
    """Say why a record holds no measured value."""
    if record.error is not None:
        found = f" (found {record.error.found})" if record.error.found else ""
        return record.error.what + found
    singles = (v for _, m in sorted(record.measures.items()) for _, v in m.singles())
    # Sorted: the order in which a mapping came must not show in a verdict.
    reasons = tuple(sorted({v.reason for v in singles if isinstance(v, Undefined)}))
    return listed(reasons, 1) if reasons else f"the record says {record.status.replace('_', ' ')} and no reason"


def beside(x: float, *limits: float | None) -> str:
    """Write ``x`` with as many digits as it takes to stand on the same side of the limits as written."""
    known = [b for b in limits if b is not None]
    for text in (number(x), f"{x:.12g}"):
        if all((x > b, x < b) == (float(text) > b, float(text) < b) for b in known):
            return text
    return repr(x)


def listed(names: tuple[str, ...], most: int = 3) -> str:
    """Write up to ``most`` names and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f", … ({more} more)" if more > 0 else "")
