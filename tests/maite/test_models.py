from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from qmtestbed.errors import InputError, ModelError, ModelFault
from qmtestbed.execute.models import load_model
from qmtestbed.maite import write
from qmtestbed.maite.arrays import Form
from qmtestbed.maite.models import write_model
from qmtestbed.resolve.models import describe_model
from qmtestbed.types.job import JobInput

from .test_datasets import protocols

CLASSES = ("cat", "dog", "eel")
PIXELS = np.random.default_rng(1).integers(0, 256, (70, 4, 5, 3), dtype=np.uint8).astype(np.float32) / 255


def served(model: Any, folder: Path, form: Form = Form(), outputs: Any = "probabilities") -> Any:  # noqa: B008
    write_model(model, folder, form, "model")
    return load_model(
        JobInput("model", "m", "0" * 64, str(folder), flavour="python_function", outputs=outputs, classes=CLASSES)
    )


def mean_of(image: Any) -> np.ndarray:
    """Turn the means of three channels into probabilities."""
    means = np.asarray(image, dtype=float).mean(axis=(1, 2))
    return means / means.sum()


def test_it_is_what_maite_calls_a_model(guesser: Any) -> None:
    assert isinstance(guesser(mean_of), protocols().Model)


@pytest.fixture
def guesser() -> Any:
    from .conftest import Guesser

    return Guesser


def test_answers_are_those_of_the_model_asked_directly(guesser: Any, tmp_path: Path) -> None:
    model = guesser(mean_of)
    loaded = served(model, tmp_path / "m")
    direct = np.stack(model(list(np.moveaxis(PIXELS, 3, 1))))
    answer = loaded.answer(PIXELS, "classification")  # more than one batch
    assert np.allclose(answer.probabilities, direct, atol=1e-7) and answer.classes == CLASSES
    assert loaded.scanned.endswith("python_model.pkl: nothing dangerous found")


@pytest.mark.parametrize("form", [Form("uint8"), Form("float64"), Form("uint8", tensor=True), Form("float32", True)])
def test_a_model_is_given_images_as_its_data_set_gives_them(guesser: Any, tmp_path: Path, form: Form) -> None:
    if form.tensor:
        pytest.importorskip("torch", reason="the extra torch is not installed")

    def answer(image: Any) -> Any:
        right = str(image.dtype).removeprefix("torch.") == form.dtype and tuple(image.shape) == (3, 4, 5)
        whole = float(image.max()) > 1
        right = right and (type(image).__name__ == "Tensor") == form.tensor and whole == (form.dtype == "uint8")
        return [1.0, 0.0, 0.0] if right else [0.0, 1.0, 0.0]

    loaded = served(guesser(answer), tmp_path / "m", form)
    assert set(loaded.answer(PIXELS, "classification").predicted) == {"cat"}


def test_bytes_come_back_as_they_were(guesser: Any, tmp_path: Path) -> None:
    every = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)

    def answer(image: Any) -> Any:
        return [float((np.sort(image.ravel()) == np.arange(256)).all()), 0.0, 0.0]

    loaded = served(guesser(answer), tmp_path / "m", Form("uint8"))
    given = every.astype(np.float32) / 255
    for near in (given, np.clip(given - 0.4 / 255, 0, 1), np.clip(given + 0.4 / 255, 0, 1)):
        assert loaded.answer(near, "classification").probabilities[0, 0] == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda image: [0.5, 0.4, 0.3], "not rows of probabilities"),
        (lambda image: [np.nan, 0.5, 0.5], "not rows of probabilities"),
        (lambda image: [1.0, 0.0], "not known which class each column"),
        (lambda image: [[1.0, 0.0, 0.0]], "a target is no row of one number per class"),
        (lambda image: [1.0] * (2 + int(image[0, 0, 0] > 0.5)), "a target is no row of one number per class"),
        (lambda image: "cat", "no array of numbers"),
        (lambda image: SimpleNamespace(boxes=[], labels=[], scores=[]), "a model of detection"),
        (lambda image: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_answers_that_can_t_be_right_are_refused_by_name(guesser: Any, tmp_path: Path, answer: Any, said: str) -> None:
    with pytest.raises(ModelFault) as fault:
        served(guesser(answer), tmp_path / "m").answer(PIXELS, "classification")
    assert said in f"{fault.value.what} {fault.value.found}"


class Short:
    metadata: dict[str, Any] = {"id": "short"}  # noqa: RUF012

    def __call__(self, batch: Any, /) -> Any:
        return [mean_of(image) for image in batch[1:]]


def test_a_model_that_leaves_an_image_out(tmp_path: Path) -> None:
    with pytest.raises(ModelFault) as fault:
        served(Short(), tmp_path / "m").answer(PIXELS, "classification")
    assert "63 targets for 64 images" in fault.value.found


def test_logits_are_declared_as_of_any_model(guesser: Any, tmp_path: Path) -> None:
    loaded = served(guesser(lambda image: np.log(mean_of(image))), tmp_path / "m", outputs="logits")
    direct = np.stack([mean_of(image) for image in np.moveaxis(PIXELS, 3, 1)])
    assert np.allclose(loaded.answer(PIXELS, "classification").probabilities, direct, atol=1e-7)


def test_it_is_a_model_of_mlflow_that_needs_no_qmtestbed(guesser: Any, tmp_path: Path) -> None:
    """What is pickled of ours and of the user's own modules is pickled by its content."""
    served(guesser(mean_of), tmp_path / "m")
    content = (tmp_path / "m" / "python_model.pkl").read_bytes()
    code = (
        "import sys, mlflow.pyfunc, numpy as np\n"
        "sys.modules['qmtestbed'] = None\n"
        f"print(mlflow.pyfunc.load_model({str(tmp_path / 'm')!r}).predict(np.ones((2, 4, 5, 3), np.float32)).tolist())"
    )
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("[[0.333"), done.stderr
    assert b"Guesser" in content
    facts = describe_model("m", tmp_path / "m", "m", "m", None)
    assert facts.pickled == ("python_model.pkl",) and {"numpy", "mlflow"} <= set(facts.libraries)


def test_what_can_t_be_pickled_is_refused_by_name(guesser: Any, tmp_path: Path) -> None:
    model = guesser(mean_of)
    model.lock = threading.Lock()
    with pytest.raises(ModelError, match="can't be pickled") as refused:
        write({"model": model, "data": "test.npz"}, tmp_path)
    assert "lock" in refused.value.problems[0].found and not list(tmp_path.iterdir())


def test_model_and_data_name_the_classes_alike(guesser: Any, pictures: Any, tmp_path: Path) -> None:
    model = guesser(mean_of, {"id": "guesser", "index2label": {0: "cat", 1: "eel", 2: "dog"}})
    with pytest.raises(InputError, match="name the classes differently") as refused:
        write({"model": model, "data": pictures}, tmp_path)
    assert "cat, eel, dog" in refused.value.problems[0].found
    alone = write({"model": model, "data": "test.npz"}, tmp_path)
    assert alone.classes == ("cat", "eel", "dog") and alone.inputs["data"] == "test.npz"
