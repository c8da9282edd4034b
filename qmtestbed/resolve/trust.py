"""Which models may be loaded that run code on loading: decided before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qmtestbed.errors import Problem
from qmtestbed.resolve.models import ModelFacts
from qmtestbed.types.job import Trust

MAX_SHOWN = 8
_INSTEAD = {
    "sklearn": "log it with serialization_format='skops'",
    "lightgbm": "log it with serialization_format='skops', or log its booster",
    "pytorch": "log it with serialization_format='pt2' and an input_example, or as onnx",
}


@dataclass(frozen=True)
class Loading:
    """How models are loaded.

    Attributes
    ----------
    trust
        What the user said; ``None``: nothing, which is ``scanned`` where something contains the child.
    contained
        Whether layers of isolation were asked for.
    """

    trust: Trust | None = None
    contained: bool = True

    def trusts_any(self, facts: ModelFacts) -> bool:
        """Whether the model is loaded whatever a scan finds, and it would make a difference."""
        return self.trust == "any" and bool(facts.pickled or facts.code)

    def problems(self, name: str, facts: ModelFacts) -> Iterator[Problem]:
        """Say why a model may not be loaded."""
        parts = [*facts.pickled, *(f"{c} (code of its own)" for c in facts.code)]
        if not parts or (self.trust != "strict" and (self.contained or self.trust is not None)):
            return
        found = ", ".join(parts[:MAX_SHOWN]) + (f" … {len(parts)} in all" if len(parts) > MAX_SHOWN else "")
        if self.trust == "strict":
            instead = _INSTEAD.get(
                facts.flavour, "log it in a flavour that holds no code: sklearn with skops, pt2, onnx"
            )
            yield Problem(
                f"inventory {name!r}: loading this model runs code, and --trust strict loads no such model",
                facts.requested,
                found,
                f"{instead}; or leave --trust away: it is scanned and loaded in the sandbox",
            )
            return
        yield Problem(
            f"inventory {name!r}: loading this model runs code, and --isolation none contains nothing",
            facts.requested,
            found,
            "leave --isolation away; or say --trust scanned to load what a scan finds nothing in, "
            "--trust any to load it whatever the scan finds",
        )
