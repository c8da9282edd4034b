"""The criterion grammar: ``measure ["[" key "]"] op bound ["at" number "%"]``.

``op`` is one of ``>= <= > < ==`` with a number or ``baseline [± number]`` as bound, or ``in [a, b]``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Op = Literal[">=", "<=", ">", "<", "==", "in"]

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_CRITERION = re.compile(
    rf"""\s*(?P<measure>[A-Za-z_]\w*)
    (?:\[(?P<key>[^\]]+)\])?
    \s*(?:
        (?P<op>>=|<=|==|>|<)\s*
        (?:(?P<baseline>baseline)(?:\s*(?P<sign>[-+])\s*(?P<offset>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?))?
          |(?P<bound>{_NUMBER}))
      |in\s*\[\s*(?P<low>{_NUMBER})\s*,\s*(?P<high>{_NUMBER})\s*\]
    )
    (?:\s+at\s+(?P<level>\d+(?:\.\d+)?)\s*%)?\s*""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Criterion:
    """A criterion, parsed.

    Attributes
    ----------
    low, high
        The values that meet it: ``[low, high]``, one of them ``None`` where it is one-sided, both equal for ``==``.
        For a baseline criterion, the offset from the baseline.
    confidence
        In (0, 1) if the criterion says ``at``; then the interval decides, not the point.
    """

    text: str
    measure: str
    key: str | None
    op: Op
    low: float | None
    high: float | None
    baseline: bool = False
    confidence: float | None = None

    @property
    def strict(self) -> bool:
        """Whether the bound itself does not meet it."""
        return self.op in (">", "<")

    def accepts(self, x: float) -> bool:
        """Whether the number meets the criterion."""
        above = self.low is None or (x > self.low if self.strict else x >= self.low)
        below = self.high is None or (x < self.high if self.strict else x <= self.high)
        return above and below


def one_spelling(text: str) -> str:
    """Write a criterion with single spaces: two that differ in spaces alone are one."""
    return " ".join(text.split())


def parse_criterion(text: str) -> Criterion:
    """Read a criterion.

    Raises
    ------
    ValueError
        The text is not of the grammar, or the confidence is not between 50 and 100 %.
    """
    m = _CRITERION.fullmatch(text)
    if not m:
        raise ValueError("not a criterion; write for example 'accuracy >= 0.9', 'recall[yes] >= 0.8 at 95%'")
    key = m["key"].strip() if m["key"] else None
    level = float(m["level"]) / 100 if m["level"] else None
    if level is not None and not 0.5 <= level < 1:
        raise ValueError("the confidence must be at least 50 % and less than 100 %; write for example 'at 95%'")
    if m["low"]:
        op: Op = "in"
        low, high = float(m["low"]), float(m["high"])
        if low > high:
            raise ValueError(f"the range has its ends the wrong way round; write 'in [{m['high']}, {m['low']}]'")
        return Criterion(text.strip(), m["measure"], key, op, low, high, confidence=level)
    bound = float((m["sign"] or "") + (m["offset"] or "0")) if m["baseline"] else float(m["bound"])
    op = m["op"]  # type: ignore[assignment]  # the expression admits the five operators only
    return Criterion(
        text.strip(),
        m["measure"],
        key,
        op,
        bound if op in (">=", ">", "==") else None,
        bound if op in ("<=", "<", "==") else None,
        baseline=bool(m["baseline"]),
        confidence=level,
    )
