from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qmtestbed.errors import DataError, InputError
from qmtestbed.maite import is_object, write
from qmtestbed.maite.arrays import Form, as_array
from qmtestbed.maite.datasets import read_dataset


def protocols() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("maite.protocols.image_classification", reason="maite is not installed")


def test_it_is_what_maite_calls_a_data_set(pictures: Any) -> None:
    assert isinstance(pictures, protocols().Dataset)
    assert is_object(pictures) and not any(map(is_object, (None, "models:/m/1", Path("test.npz"))))


def test_images_labels_and_ids_are_those_given(pictures: Any) -> None:
    found = read_dataset(pictures, "data")
    assert np.array_equal(np.moveaxis(found.pixels, 3, 1), np.stack(pictures.images)) and found.pixels.dtype == np.uint8
    assert found.labels.tolist() == ["cat", "dog", "eel"] * 2 and found.ids.tolist() == list("012345")
    assert found.classes == ("cat", "dog", "eel") and found.form == Form("uint8", tensor=False)


def test_tensors_floats_probabilities_and_words_for_ids(pictures: Any) -> None:
    torch = pytest.importorskip("torch", reason="the extra torch is not installed")
    pictures.images = [torch.tensor(i / 255, dtype=torch.float32, requires_grad=True) for i in pictures.images]
    pictures.targets = [torch.tensor(t * 0.7 + 0.1) for t in pictures.targets]
    pictures.ids, pictures.metadata = list("abcdef"), {"id": "pictures"}
    found = read_dataset(pictures, "data")
    assert found.form == Form("float32", tensor=True) and found.ids.tolist() == list("abcdef")
    assert found.classes == ("0", "1", "2") and found.labels.tolist() == ["0", "1", "2"] * 2


class OnlyDlpack:
    """An array of a library that NumPy reads by the protocol of DLPack alone."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__()

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()


def test_arrays_of_any_library() -> None:
    array = np.arange(6.0).reshape(2, 3)
    for given in (array, array.tolist(), OnlyDlpack(array), pd.DataFrame(array)):
        assert np.array_equal(as_array(given), array)
    for wrong in ("text", None, [1, "a"], [[1], [1, 2]]):
        with pytest.raises((TypeError, ValueError)):
            as_array(wrong)


def put(name: str, at: int, value: Any) -> Any:
    def change(p: Any) -> None:
        getattr(p, name)[at] = value

    return change


def named(labels: dict[int, str]) -> Any:
    return lambda p: p.metadata.update(index2label=labels)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("images", 2, np.zeros((3, 9, 5), np.uint8)), "image 2 is of another shape than the others"),
        (put("images", 0, np.zeros((4, 5, 3), np.uint8)), "image 1 is of another shape"),
        (put("images", 1, np.zeros((4, 5), np.uint8)), "image 1 is of an unusual shape"),
        (put("images", 0, np.zeros((2, 4, 5), np.uint8)), "image 0 is of an unusual shape"),
        (put("images", 0, np.zeros((3, 0, 5), np.uint8)), "image 0 is of an unusual shape"),
        (put("images", 3, np.zeros((3, 4, 5))), "image 3 is of another type"),
        (lambda p: p.images.__setitem__(slice(None), [i.astype(int) for i in p.images]), "unknown range"),
        (lambda p: p.images.__setitem__(slice(None), [i.astype(float) for i in p.images]), "unknown range"),
        (lambda p: p.images.__setitem__(slice(None), [i * np.nan for i in p.images]), "unknown range"),
        (put("images", 4, "no image"), "the image of item 4 is no array of numbers"),
        (put("targets", 5, np.zeros(3)), "the target of item 5 is neither one-hot nor probabilities"),
        (put("targets", 5, np.array([2.0, -1.0, 0.0])), "the target of item 5 is neither one-hot nor probabilities"),
        (put("targets", 5, np.array([np.nan, 1.0, 0.0])), "the target of item 5 is neither one-hot nor probabilities"),
        (put("targets", 5, np.array([0.5, 0.5, 0.0])), "the target of item 5 is for several classes alike"),
        (put("targets", 1, np.eye(4)[0]), "the target of item 1 is not one number per class"),
        (put("targets", 1, 2), "the target of item 1 is not one number per class"),
        (put("targets", 1, SimpleNamespace(boxes=[], labels=[], scores=[])), "it is a data set of detection"),
        (put("ids", 3, 1), "ids come twice"),
        (put("ids", 3, None), "item 3 has no id"),
        (named({0: "cat", 1: "dog"}), "index2label does not name each class once"),
        (named({1: "cat", 2: "dog", 3: "eel"}), "index2label does not name each class once"),
        (named({0: "cat", 1: "dog", 2: "cat"}), "one name for two classes"),
        (lambda p: p.targets.pop(), "item 5 of 6 can't be read"),
        (lambda p: p.images.clear(), "it has no images"),
    ],
)  # fmt: skip
def test_values_that_can_t_be_right_are_refused_by_name(pictures: Any, change: Any, said: str) -> None:
    change(pictures)
    with pytest.raises(DataError, match=said) as refused:
        read_dataset(pictures, "data")
    (problem,) = refused.value.problems
    assert problem.where == "data" and problem.found and problem.do


class Bare:
    """A data set without a length, or whose items are no triples."""

    metadata: dict[str, Any] = {"id": "bare"}  # noqa: RUF012 # as MAITE writes it

    def __init__(self, length: Any, item: Any) -> None:
        self.length, self.item = length, item

    def __len__(self) -> int:
        return self.length  # type: ignore[no-any-return]

    def __getitem__(self, i: int) -> Any:
        return self.item


@pytest.mark.parametrize(
    ("length", "item", "said"),
    [(1, {"image": 1}, "item 0 is no tuple of three"), (1, (1, 2), "no tuple of three"), (-1, (), "it has no length")],
)
def test_what_is_no_data_set_inside(length: Any, item: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_dataset(Bare(length, item), "train")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"data": pd.DataFrame({"a": [1]})}, "data is neither a path nor a data set of MAITE's protocol"),
        ({"data": 7}, "which lacks __len__, __getitem__, metadata"),
        ({"model": lambda x: x, "data": "test.npz"}, "model is neither a path nor a model of MAITE's protocol"),
        ({"predictions": [1, 2], "data": "test.npz"}, "predictions is no path"),
    ],
)
def test_what_follows_no_protocol_is_refused_by_name(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        write(given, tmp_path / "inputs")
    assert not (tmp_path / "inputs").exists()


def test_data_and_train_go_together(pictures: Any, tmp_path: Path) -> None:
    train = type(pictures)(list(pictures.images), list(pictures.targets), list(pictures.ids))
    train.images = [i / 255 for i in train.images]
    with pytest.raises(InputError, match="do not go together") as refused:
        write({"data": pictures, "train": train}, tmp_path)
    assert "uint8" in refused.value.problems[0].found and "float64" in refused.value.problems[0].found
    with pytest.raises(InputError, match="one of data and train is an object and the other a file"):
        write({"data": pictures, "train": "train.npz"}, tmp_path)


def test_the_same_data_are_the_same_file(pictures: Any, tmp_path: Path) -> None:
    first, again = (write({"data": pictures, "model": None}, tmp_path) for _ in range(2))
    assert first == again and first.inputs["model"] is None and first.classes == ("cat", "dog", "eel")
    pictures.images[0] = pictures.images[0] ^ 1
    other = write({"data": pictures, "model": "models:/m/1"}, tmp_path)
    assert other.inputs["data"] != first.inputs["data"] and other.inputs["model"] == "models:/m/1"
    assert {p.name for p in tmp_path.iterdir()} == {Path(str(x.inputs["data"])).name for x in (first, other)}
