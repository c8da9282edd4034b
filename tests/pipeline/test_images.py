"""Images and torch: both formats of the pytorch flavour in a real store, outputs declared or refused, bad files."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import qmtestbed
from qmtestbed.types.values import point

torch = pytest.importorskip("torch", reason="the extra torch is not installed")

LOGGING = """
import logging, os
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
import mlflow, numpy as np, torch
from sklearn.datasets import load_digits
logging.getLogger("mlflow").setLevel(logging.ERROR)
digits = load_digits()
images = (digits.images / 16 * 255).astype(np.uint8)
np.savez_compressed("digits.npz", images=images[1400:1600], labels=digits.target[1400:1600])
x = torch.tensor(images[:1200, None] / 255, dtype=torch.float32)
y = torch.tensor(digits.target[:1200])
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Conv2d(1, 8, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(288, 10))
optimiser = torch.optim.Adam(net.parameters(), 0.01)
for _ in range(60):
    optimiser.zero_grad()
    torch.nn.functional.cross_entropy(net(x), y).backward()
    optimiser.step()
net.eval()
with mlflow.start_run():
    for form in ("pt2", "pickle"):
        mlflow.pytorch.log_model(net, name=form, registered_model_name=form, pip_requirements=["torch"],
                                 input_example=np.zeros((2, 1, 8, 8), np.float32), serialization_format=form)
said = net(torch.tensor(images[1400:1600, None] / 255, dtype=torch.float32)).argmax(1).numpy()
np.save("right.npy", said == digits.target[1400:1600])
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    environment = {"MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}", "PATH": "/usr/bin:/bin"}
    code = [sys.executable, "-W", "ignore", "-c", LOGGING]
    done = subprocess.run(code, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def here(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{shop / 'mlflow.db'}")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits.npz").write_bytes((shop / "digits.npz").read_bytes())
    return tmp_path


PLAN = """
schema: qmtestbed/plan/v1
component: digits
inventories:
  model: {{uri: models:/{form}/1{outputs}}}
  test: {{uri: digits.npz}}
checks:
  performance: {{ait: classification_performance, with: {{model: model, data: test}}, expect: [accuracy >= 0.5]}}
"""
CLASSES = ", ".join(f'"{i}"' for i in range(10))


def run(here: Path, form: str, outputs: str) -> qmtestbed.pipeline.Outcome:  # type: ignore[name-defined]
    (here / "plan.yaml").write_text(PLAN.format(form=form, outputs=outputs), "utf-8")
    return qmtestbed.run("plan.yaml", out=f"out-{form}")


@pytest.mark.parametrize("form", ["pt2", "pickle"])
def test_a_torch_model_on_images(here: Path, shop: Path, form: str) -> None:
    outcome = run(here, form, f", outputs: logits, classes: [{CLASSES}]")
    record = outcome.evidence.record_of("performance")
    assert record is not None and record.status == "measured", record and record.error
    accuracy = record.measures["accuracy"].value
    assert point(accuracy) == np.load(shop / "right.npy").mean()  # type: ignore[arg-type]
    probe = next(r for r in outcome.evidence.records.values() if r.kind == "probe")
    assert set(probe.facts["capabilities"]) >= {"gradient", "probabilities", "classification"}
    assert probe.facts["input_example"] == "answered: 2 rows"
    assert outcome.evidence.plan.inventories["test"].label == "labels"


def test_undeclared_outputs_are_refused_with_the_line_to_add(here: Path) -> None:
    outcome = run(here, "pt2", "")
    error = outcome.evidence.record_of("performance").error
    assert "not rows of probabilities" in error.what and "outputs: probabilities" in error.do
    assert int(outcome.exit_code) == 2


def broken(path: Path, **arrays: Any) -> None:
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda p: p.write_bytes(b"no zip file at all"), "not a npz file"),
        (lambda p: p.write_bytes(p.read_bytes()[:500]), "not a npz file"),
        (lambda p: broken(p, pictures=np.zeros((3, 8, 8))), "no array 'images'"),
        (lambda p: broken(p, images=np.zeros((0, 8, 8)), labels=np.zeros(0)), "there are no images"),
        (lambda p: broken(p, images=np.zeros((3, 64)), labels=np.zeros(3)), "unusual shape"),
        (lambda p: broken(p, images=np.zeros((3, 8, 8)), labels=np.array([None] * 3)), "Python objects"),
        (lambda p: broken(p, images=np.zeros((3, 8, 8)), labels=np.zeros(2)), "not as long as the images"),
        (lambda p: zipfile.ZipFile(p, "w").writestr("images.npy", b"x" * 20), "no NumPy header"),
        (lambda p: p.unlink(), "no such file"),
    ],
)
def test_bad_files_are_refused_before_anything_runs(here: Path, make: Any, said: str, cli_here: Any) -> None:
    make(here / "digits.npz")
    label = ", label: labels" if "long" in said else ""
    text = PLAN.format(form="pt2", outputs="").replace("digits.npz}", f"digits.npz{label}}}")
    (here / "plan.yaml").write_text(text, "utf-8")
    done = cli_here("run", "plan.yaml", "--out", "out")
    assert done.returncode == 4 and said in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and not (here / "out").exists()


def test_pixels_of_an_unknown_range_are_refused(here: Path) -> None:
    broken(here / "digits.npz", images=np.full((20, 8, 8), 7.5), labels=np.arange(20) % 10)
    outcome = run(here, "pt2", f", outputs: logits, classes: [{CLASSES}]")
    error = outcome.evidence.record_of("performance").error
    assert "unknown range" in error.what and "7.5" in error.found


def test_evaluate_takes_images_without_naming_their_labels(here: Path, only_aits: Any) -> None:
    only_aits("classification_performance", "data_completeness", "image_corruptions")
    outcome = qmtestbed.evaluate(
        "models:/pt2/1", data="digits.npz", outputs="logits", out="out",
        roles={"classes": tuple(str(i) for i in range(10))},
    )  # fmt: skip
    ran = {c.ait for c in outcome.assessment.checks}
    assert "classification_performance" in ran and "data_completeness" not in ran
    assert {x.ait: x.why for x in outcome.assessment.left_out}["data_completeness"].startswith("it is for tables")
