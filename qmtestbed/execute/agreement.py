"""Whether the classes that were predicted go with the probabilities beside them.

Most models predict the likeliest class. Others are tuned: with two classes, to another threshold than 0.5. That is told
and no more. Refused is what no such rule explains, for then classes and probabilities are of different rows, or under
wrong names: with more than two classes, where in more than half of the rows another class than the predicted one is
the likeliest; with two, where that is so in more than a quarter of the rows, and the threshold that fits best gets more
than half of the rows wrong in which the rarer of the two is predicted. Fewer than ten rows are never refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qmtestbed.errors import JobError
from qmtestbed.types.record import NOT_THE_LIKELIEST

LEAST_ROWS = 10
TOLERANCE = 1e-4
"""Probabilities that are so near to each other are equally likely: files have them rounded."""
MOST_OF_TWO, MOST_OF_MORE = 0.25, 0.5


def agreement(
    predicted: np.ndarray, probabilities: np.ndarray | None, classes: Sequence[str], who: str
) -> Mapping[str, tuple[int, int]]:
    """Count the rows in which the predicted class is not the likeliest.

    Parameters
    ----------
    predicted
        (n,) names of classes.
    probabilities
        (n, k), or ``None``: there is nothing to compare with.
    classes
        The first k are those of the columns.
    who
        Said both, for messages.

    Returns
    -------
    mapping
        ``{NOT_THE_LIKELIEST: (rows, n)}``; empty where it is the likeliest in all, or there is nothing to compare with.

    Raises
    ------
    JobError
        No tuning explains it: see above.
    """
    if probabilities is None or not len(predicted):
        return {}
    k, n = probabilities.shape[1], len(predicted)
    at = pd.Index([*classes[:k]], dtype=object).get_indexer(pd.Index(predicted, dtype=object))
    own = np.where(at >= 0, probabilities[np.arange(n), at], 0.0)
    off = int((probabilities.max(axis=1) - own > TOLERANCE).sum())
    if not off:
        return {}
    explained = off <= (MOST_OF_TWO if k == 2 else MOST_OF_MORE) * n or n < LEAST_ROWS
    if not explained and not (k == 2 and _is_a_threshold(probabilities[:, 1], at == 1)):
        do = "see that both are of the same rows, and under the right names of classes; or leave one of the two out"
        found = f"in {off} of {n} rows the predicted class is not the likeliest one"
        found += "; no threshold explains that" if k == 2 else ""
        raise JobError(f"the classes that {who} predicts contradict the probabilities beside them", found=found, do=do)
    return {NOT_THE_LIKELIEST: (off, n)}


def _is_a_threshold(p: NDArray[np.float64], said: NDArray[np.bool_]) -> bool:
    """Whether some threshold on a probability gives at least half of the rarer of two answers."""
    order = np.argsort(p, kind="stable")
    # So many of the rows up to each are said, and so many of those above are not: the errors of a cut behind that row.
    errors = np.concatenate([[0], np.cumsum(said[order])]) + np.concatenate([[0], np.cumsum(~said[order][::-1])])[::-1]
    cuts = np.concatenate([[True], np.diff(p[order]) > 0, [True]])
    rarer = min(int(said.sum()), int((~said).sum()))
    return bool(2 * errors[cuts].min() <= rarer)
