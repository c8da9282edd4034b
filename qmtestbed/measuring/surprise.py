"""How surprising activation traces are, beside those of a reference that the model gives the same answer.

All functions take traces (n, units), the answer to each item (n,), and both for a reference of m items. They give (n,)
scores; NaN where there is none, as for an answer that the reference has too few of.

References
----------
Kim, Feldt & Yoo, Guiding deep learning system testing using surprise adequacy, ICSE 2019 (arXiv:1808.08444); for the
third Kim, Ju, Feldt & Yoo, Reducing DNN labelling cost using surprise adequacy, ESEC/FSE 2020 (arXiv:2006.00894).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from qmtestbed.measuring.points import nearest
from qmtestbed.measuring.scatter import log_density, scatter_of

__all__ = ["distance_surprise", "likelihood_surprise", "mahalanobis_surprise"]

Floats = NDArray[np.float64]
Answers = NDArray[np.object_]


def likelihood_surprise(
    traces: Floats, answers: Answers, reference: Floats, given: Answers, bandwidth: float | None = None
) -> Floats:
    """LSA: minus the logarithm of the kernel density of the reference with the same answer, in nats.

    Parameters
    ----------
    bandwidth
        In standard deviations of the reference with that answer; Scott's rule where there is none.

    Examples
    --------
    >>> one = np.array(["a"], dtype=object)
    >>> score = likelihood_surprise(np.zeros((1, 1)), one, np.array([[-1.0], [1.0]]), one.repeat(2), bandwidth=1.0)
    >>> score.round(6).tolist()
    [1.515512]
    """

    def score(points: Floats, like: Floats) -> Floats | None:
        scatter = scatter_of(like, ddof=1)
        if scatter is None:
            return None
        factor = float(len(like)) ** (-1 / (like.shape[1] + 4)) if bandwidth is None else bandwidth
        return -log_density(points, like, scatter, factor)

    return _by_answer(score, traces, answers, reference, given)


def mahalanobis_surprise(traces: Floats, answers: Answers, reference: Floats, given: Answers) -> Floats:
    """MDSA: Mahalanobis distance from the reference with the same answer."""

    def score(points: Floats, like: Floats) -> Floats | None:
        scatter = scatter_of(like)
        return None if scatter is None else scatter.distances(points)

    return _by_answer(score, traces, answers, reference, given)


def distance_surprise(traces: Floats, answers: Answers, reference: Floats, given: Answers) -> Floats:
    """DSA: distance to the nearest of the reference with the same answer / distance from that one to any other answer.

    0 for an item of the reference; NaN where the reference has one answer only, or the two answers share a point.

    Examples
    --------
    >>> reference, given = np.array([[0.0, 0], [1, 0], [5, 0]]), np.array(["a", "a", "b"], dtype=object)
    >>> distance_surprise(np.array([[2.0, 0]]), given[:1], reference, given).tolist()
    [0.25]
    """
    found = np.full(len(traces), np.nan)
    for at, like in _parts(answers, given):
        others = reference[~like]
        if not len(others):
            continue
        near, which = nearest(traces[at], reference[like], 1)
        partners, back = np.unique(which[:, 0], return_inverse=True)
        away = nearest(reference[like][partners], others, 1)[0][back, 0]
        found[at] = np.divide(near[:, 0], away, out=np.full(len(away), np.nan), where=away > 0)
    return found


def _by_answer(
    score: Callable[[Floats, Floats], Floats | None],
    traces: Floats,
    answers: Answers,
    reference: Floats,
    given: Answers,
) -> Floats:
    found = np.full(len(traces), np.nan)
    for at, like in _parts(answers, given):
        scores = score(traces[at], reference[like])
        if scores is not None:
            found[at] = scores
    return found


def _parts(answers: Answers, given: Answers) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Give for each answer which items have it, and which of the reference, where some of both have."""
    for name in sorted(set(answers.tolist()) & set(given.tolist())):
        yield answers == name, given == name
