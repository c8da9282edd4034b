"""Which class counts as positive: decided here, for every AIT."""

from __future__ import annotations

from qmtestbed.ait import Predictions, Undefined

__all__ = ["positive_class", "positive_column"]


def positive_class(p: Predictions) -> str | None:
    """Give the class with the role positive; without one, the second of two classes.

    Parameters
    ----------
    p
        What the model said; its classes are those of the model and of the labels.

    Returns
    -------
    str or None
        ``None`` without the role, where there are not two classes.

    Raises
    ------
    ValueError
        The class with the role is none of the classes. Another one in its place would be a wrong number.
    """
    if p.positive is None:
        return p.classes[1] if len(p.classes) == 2 else None
    if p.positive not in p.classes:
        raise ValueError(f"the positive class {p.positive!r} is none of the classes {list(p.classes)}")
    return p.positive


def positive_column(p: Predictions) -> int | Undefined | None:
    """Give the column of the probabilities that is of the positive class; without the role, the second of two.

    Parameters
    ----------
    p
        Predictions with probabilities (n, k): those of the first k classes.

    Returns
    -------
    int, Undefined or None
        From 0. Undefined where the class with the role is among the labels, and the model does not know it; ``None``
        without the role, where there are not two columns.

    Raises
    ------
    ValueError
        As :func:`positive_class`, or there are no probabilities.
    """
    if p.probabilities is None:
        raise ValueError("there are no probabilities")
    known = p.classes[: p.probabilities.shape[1]]
    if p.positive is None:
        return 1 if len(known) == 2 else None
    positive = positive_class(p)
    if positive not in known:
        return Undefined(f"The model gives no probability of the positive class {positive!r}.")
    return known.index(positive)
