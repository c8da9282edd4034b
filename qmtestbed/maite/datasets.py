"""A data set of MAITE's protocol, read whole and checked: images, class names and ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmtestbed.errors import DataError, Problem
from qmtestbed.maite.arrays import Form, as_array

CHANNELS = (1, 3, 4)
TOLERANCE = 1e-4
_FOREIGN = (LookupError, TypeError, ValueError, AttributeError, RuntimeError, OSError)
"""What the code of others raises; told as a problem of the data set."""


@dataclass(frozen=True)
class ImageSet:
    """What a data set holds.

    Attributes
    ----------
    pixels
        (n, height, width, channels), uint8 or floats in [0, 1].
    labels, ids
        (n,) class names and ids, as text.
    classes
        Names by index.
    form
        How it gives an image.
    """

    pixels: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    classes: tuple[str, ...]
    form: Form


def read_dataset(dataset: Any, name: str) -> ImageSet:
    """Read every item of a data set; ``name`` is what messages call it.

    Raises
    ------
    DataError
        It is none for the classification of images, or its values can't be right: names item and value.
    """
    items = [_item(i, item, name) for i, item in enumerate(_items(dataset, name))]
    if not items:
        raise _wrong(name, "it has no images", "0 items", "give a data set with at least one")
    pixels = _pixels([item.image for item in items], name)
    classes = names_of(getattr(dataset, "metadata", None), len(items[0].target), name)
    labels = _labels([item.target for item in items], classes, name)
    ids = [item.id for item in items]
    twice = sorted({i for i in ids if ids.count(i) > 1}) if len(set(ids)) < len(ids) else []
    if twice:
        raise _wrong(name, "ids come twice", ", ".join(twice[:5]), "give each item an id of its own in its metadata")
    return ImageSet(pixels, np.array(labels), np.array(ids), classes, Form(str(pixels.dtype), items[0].tensor))


def names_of(metadata: Any, count: int | None, name: str) -> tuple[str, ...]:
    """Give the class names by index, as ``index2label`` of a metadata mapping has them, else the indices themselves.

    Raises
    ------
    DataError
        One of ``count`` classes has no name, a name no class, or two classes have one name.
    """
    known = metadata.get("index2label") if isinstance(metadata, Mapping) else None
    if known is None:
        return tuple(map(str, range(count or 0)))
    expected = set(range(len(known) if count is None else count))
    found = f"indices {', '.join(map(str, sorted(known, key=str)))}"
    if set(known) != expected:
        do = f"name each of the {len(expected)} classes, from 0 on"
        raise _wrong(name, "index2label does not name each class once", found, do)
    names = tuple(str(known[i]) for i in range(len(expected)))
    if len(set(names)) < len(names):
        raise _wrong(name, "index2label has one name for two classes", ", ".join(names), "give each its own")
    return names


@dataclass(frozen=True)
class _Item:
    image: np.ndarray
    tensor: bool
    target: np.ndarray
    id: str


def _items(dataset: Any, name: str) -> Iterator[Any]:
    count = -1
    try:
        for count in range(len(dataset)):
            yield dataset[count]
    except _FOREIGN as error:
        what = f"item {count} of {len(dataset)} can't be read" if count >= 0 else "it has no length"
        found = f"{type(error).__name__}: {error}"
        raise _wrong(name, what, found, "let its __getitem__ give every item up to its __len__") from error


def _item(i: int, item: Any, name: str) -> _Item:
    if not isinstance(item, tuple) or len(item) != 3:
        do = "let each item be a tuple of image, target and metadata"
        raise _wrong(name, f"item {i} is no tuple of three", type(item).__name__, do)
    image, target, metadata = item
    if hasattr(target, "boxes"):
        do = "give a data set whose targets are one number per class"
        raise _wrong(name, "it is a data set of detection, and images are classified here", "targets with boxes", do)
    id = metadata.get("id") if isinstance(metadata, Mapping) else None
    if id is None or isinstance(id, bool) or not isinstance(id, (int, str)):
        raise _wrong(name, f"item {i} has no id", repr(id), "add id to its metadata, a whole number or a text")
    arrays = []
    for what, value in (("image", image), ("target", target)):
        try:
            arrays.append(as_array(value))
        except _FOREIGN as error:
            found = f"{type(value).__name__}: {error}"
            raise _wrong(name, f"the {what} of item {i} is no array of numbers", found, "give an array") from error
    tensor = any(c.__module__.partition(".")[0] == "torch" for c in type(image).__mro__)
    return _Item(arrays[0], tensor, arrays[1], str(id))


def _pixels(items: list[np.ndarray], name: str) -> np.ndarray:
    first = items[0]
    do = "give images as (channels, height, width) with 1, 3 or 4 channels, all of one size"
    for i, image in enumerate(items):
        if image.ndim != 3 or image.shape[0] not in CHANNELS or 0 in image.shape:
            raise _wrong(name, f"image {i} is of an unusual shape", str(image.shape), do)
        if image.shape != first.shape:
            found = f"{image.shape}, and image 0 is {first.shape}"
            raise _wrong(name, f"image {i} is of another shape than the others", found, do)
        if image.dtype != first.dtype:
            found = f"{image.dtype}, and image 0 is {first.dtype}"
            raise _wrong(name, f"image {i} is of another type than the others", found, "give all in one type")
        low, high = image.min(), image.max()
        if first.dtype != np.uint8 and not (first.dtype.kind == "f" and low >= 0 and high <= 1):
            found = f"{image.dtype}, from {low:.4g} to {high:.4g}"
            what = f"image {i} is of an unknown range"
            raise _wrong(name, what, found, "give images as uint8, or as floats in [0, 1]")
    return np.moveaxis(np.stack(items), 1, 3)


def _labels(targets: list[np.ndarray], classes: tuple[str, ...], name: str) -> list[str]:
    labels = []
    for i, target in enumerate(targets):
        if target.shape != (len(classes),):
            found = f"shape {target.shape}, and there are {len(classes)} classes"
            raise _wrong(name, f"the target of item {i} is not one number per class", found, _ONE_HOT)
        shown = np.array2string(target[:6], precision=4)
        if not (np.isfinite(target).all() and target.min() >= 0 and abs(float(target.sum()) - 1) <= TOLERANCE):
            raise _wrong(name, f"the target of item {i} is neither one-hot nor probabilities", shown, _ONE_HOT)
        if (target == target.max()).sum() > 1:
            raise _wrong(name, f"the target of item {i} is for several classes alike", shown, _ONE_HOT)
        labels.append(classes[int(target.argmax())])
    return labels


_ONE_HOT = "give a target of 1 for the true class and 0 for the others"


def _wrong(name: str, what: str, found: str, do: str) -> DataError:
    return DataError(Problem(f"the data set can't be used: {what}", name, found, do))
