"""How the columns of a file of predictions are told apart, for the parent and for the child."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

PREDICTED = ("predicted", "prediction")


@dataclass(frozen=True)
class Layout:
    """The columns of a file of predictions.

    Attributes
    ----------
    predicted
        The class or value; ``None`` where only probabilities are given, and the most probable class is meant.
    probabilities
        Columns ``p[<class>]``, in the order of the file.
    """

    predicted: str | None
    probabilities: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """What the probabilities are of."""
        return tuple(c[2:-1] for c in self.probabilities)


def find_layout(columns: Sequence[str], aside: Collection[str], label: str | None) -> Layout:
    """Find the column ``predicted`` (or ``prediction``, or the only one left) and the columns ``p[<class>]``.

    Parameters
    ----------
    columns
        All columns of the file.
    aside
        Those that are there for another reason, such as ids.
    label
        Name of the column with the truth: a column of that name is never taken for predictions.

    Raises
    ------
    ValueError
        Which column holds the predictions can't be told; its text says what to do.
    """
    probabilities = tuple(c for c in columns if c.startswith("p[") and c.endswith("]"))
    left = [c for c in columns if c not in aside and c not in probabilities and c != label]
    named = [c for c in PREDICTED if c in left]
    if len(named) > 1:
        raise ValueError("it has both 'predicted' and 'prediction'; keep one of them")
    if named or len(probabilities) > 1:
        return Layout(named[0] if named else None, probabilities)
    if len(left) == 1:
        return Layout(left[0], probabilities)
    raise ValueError("it needs a column 'predicted', and for probabilities one column 'p[<class>]' per class")
