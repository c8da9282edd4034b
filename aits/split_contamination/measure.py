"""Whether test items are copies, or near copies, of training items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmtestbed.ait import Finding, Histogram, Images, SampleRows, Subject, Table, Undefined
from qmtestbed.measuring.answers import groups_of
from qmtestbed.measuring.copies import chance_of, dhash, dimension, hamming, phash
from qmtestbed.measuring.intervals import proportion
from qmtestbed.measuring.points import as_points, frame_of, nearest
from qmtestbed.measuring.strips import drawn, strip

LEAST = 20
LEAST_NUMBERS = 2
"""Columns of (nearly) continuous numbers, without which different cases lie on one point."""
CONTINUOUS = 0.5
MOST_ROWS = 1000
MOST_EXAMPLES = 20
BLOCK = 500


def measure(
    data: Table | Images,
    train: Table | Images,
    *,
    alpha: float = 0.01,
    bits: int = 6,
    margin: int = 16,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Look for test items that lie nearer to a training item than chance explains.

    Parameters
    ----------
    data, train
        Two tables or two sets of images of one size.
    alpha
        Probability that chance alone calls any item of a clean split a near copy by its distance (Bonferroni).
    bits
        Images whose two hashes differ from those of a training image in at most so many of 128 bits together are
        near copies as well,
    margin
        where every other training image differs in so many more.
    confidence
        Of the two-sided interval.
    seed
        Of the examples.

    Returns
    -------
    dict or Undefined
        Shares in [0, 1] and a count, 0 where nothing is copied; undefined for fewer than 20 items on either side.
    """
    found = _compare(data, train, alpha, bits, margin)
    if isinstance(found, Undefined):
        return found
    groups = groups_of(data)
    copied = found.copied
    rows = np.flatnonzero(copied)
    return {
        "near_copy_share": proportion(copied, confidence, groups=groups),
        "near_copy_count": len(rows),
        "exact_copy_count": int((found.first == 0).sum()),
        "local_dimension": float(min(found.dimensions, 1e6)),
        "nearest": _histogram(found),
        **_examples(data, train, found, rows, seed),
        "findings": _findings(rows, len(copied)),
    }


@dataclass(frozen=True)
class _Compared:
    """Distances of each test item to its nearest and second nearest training item (different ones), and the verdicts.

    ``partner`` is the position of the training item that it is nearest to or hashes like; ``usual`` are the ratios of
    the two distances within the training items.
    """

    first: np.ndarray
    second: np.ndarray
    partner: np.ndarray
    dimensions: float
    usual: np.ndarray
    copied: np.ndarray


def _compare(
    data: Table | Images, train: Table | Images, alpha: float, bits: int, margin: int
) -> _Compared | Undefined:
    points = _points(data, train)
    if isinstance(points, Undefined):
        return points
    ours, theirs = points
    # Copies within the training items would hide a copy of both: what is second nearest must be another point.
    theirs, kept = np.unique(theirs, axis=0, return_index=True)
    if min(len(ours), len(theirs)) < LEAST:
        return Undefined(f"There are fewer than {LEAST} items, or different training items, to compare.")
    distances, at = nearest(ours, theirs, 2)
    own = np.arange(len(theirs))
    among, _ = nearest(theirs, theirs, 2, apart=(own, own))
    dimensions = dimension(among[:, 0], among[:, 1])
    chance = chance_of(distances[:, 0], distances[:, 1], dimensions)
    copied, partner = chance <= alpha / len(ours), kept[at[:, 0]]
    if isinstance(data, Images) and isinstance(train, Images):
        alike, like = _hashed_alike(data, train, bits, margin)
        partner = np.where(alike & ~copied, like, partner)
        copied = copied | alike
    usual = among[:, 0] / among[:, 1]
    return _Compared(distances[:, 0], distances[:, 1], partner, dimensions, usual, copied)


def _points(data: Table | Images, train: Table | Images) -> tuple[np.ndarray, np.ndarray] | Undefined:
    if isinstance(train, Table) and isinstance(data, Table):
        frame = frame_of(train)
        absent = [n for n in frame.names if n not in data.frame.columns]
        if absent:
            return Undefined(f"The table lacks the columns {absent[:5]} of the training table.")
        fine = [c for c in frame.names if train.frame[c].nunique() > CONTINUOUS * len(train.frame)]
        if len(set(fine)) < LEAST_NUMBERS or frame.numbers < LEAST_NUMBERS:
            return Undefined("The columns are so coarse that different cases have the same values.")
    try:
        ours, theirs = as_points(data, train), as_points(train)
    except ValueError as error:
        return Undefined(f"The two can't be compared: {error}.")
    return (_evenly_lit(ours), _evenly_lit(theirs)) if isinstance(data, Images) else (ours, theirs)


def _evenly_lit(points: np.ndarray) -> np.ndarray:
    """Take brightness and contrast out of each image; rounded, so that what agrees but for that is one point."""
    spread = points.std(axis=1, keepdims=True)
    centred = points - points.mean(axis=1, keepdims=True)
    return np.round(np.divide(centred, spread, out=np.zeros_like(points), where=spread > 0), 6)


def _hashed_alike(data: Images, train: Images, bits: int, margin: int) -> tuple[np.ndarray, np.ndarray]:
    """Which test images hash like one training image and like no other one, and which that is."""
    ours, theirs = (np.concatenate([dhash(x.pixels), phash(x.pixels)], axis=1) for x in (data, train))
    alike, like = np.zeros(len(ours), dtype=bool), np.zeros(len(ours), dtype=np.intp)
    for start in range(0, len(ours), BLOCK):
        apart = hamming(ours[start : start + BLOCK], theirs)
        order = np.argsort(apart, axis=1, kind="stable")[:, :2]
        near = np.take_along_axis(apart, order, 1)
        alike[start : start + BLOCK] = (near[:, 0] <= bits) & (near[:, 1] >= near[:, 0] + margin)
        like[start : start + BLOCK] = order[:, 0]
    return alike, like


# -- what is shown --------------------------------------------------------------------------------------------


def _histogram(found: _Compared) -> Histogram:
    edges = np.linspace(0, 1, 21)
    ours = np.divide(found.first, found.second, out=np.zeros_like(found.first), where=found.second > 0)
    counts = {
        name: [float(c) for c in np.histogram(np.clip(ratio, 0, 1), edges)[0]]
        for name, ratio in (("test items", ours), ("training items among themselves", found.usual))
    }
    return Histogram([float(e) for e in edges], counts, x_title="nearest / second nearest training item")


def _examples(
    data: Table | Images, train: Table | Images, found: _Compared, rows: np.ndarray, seed: int
) -> dict[str, Any]:
    if not isinstance(data, Images) or not isinstance(train, Images):
        few = rows[:MOST_EXAMPLES]
        told = {
            "distance": [float(d) for d in found.first[few]],
            "to the next one": [float(d) for d in found.second[few]],
        }
        beside = {"training row": [int(p) for p in found.partner[few]]}
        return {"copied_rows": SampleRows([int(r) for r in few], told, beside)}
    few = drawn(rows, seed)
    states = {"test image": data.pixels[few], "training image": train.pixels[found.partner[few]]}
    at = few if data.rows is None else data.rows[few]
    captions = ["near copy" for _ in few]
    made = strip(
        states, at, captions, total=len(rows), seed=seed, population="test images that copy a training image",
        span=data.range,
    )  # fmt: skip
    return {"copied_images": made}


def _findings(rows: np.ndarray, n: int) -> list[Finding]:
    if not len(rows):
        return []
    listed = f" The first {MOST_ROWS} are listed." if len(rows) > MOST_ROWS else ""
    text = f"{len(rows)} of {n} items are copies or near copies of training items.{listed}"
    subject = Subject(rows=tuple(rows[:MOST_ROWS].tolist()))
    return [Finding("train_test_overlap", subject, "near_copy_share", len(rows) / n, text)]
