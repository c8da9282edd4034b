"""Models on a GPU: told from files, used where it gives the same, the same result to 1e-4."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qmtestbed import accelerators
from qmtestbed.accelerators import gpu, gpu_files
from qmtestbed.types.job import JobInput

torch = pytest.importorskip("torch", reason="the extra torch is not installed")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of devices with a GPU, and a PyTorch that could use it."""
    for name in ("nvidia0", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).symlink_to("/dev/null")
    (tmp_path / "nvidia-notes.txt").write_text("no device")
    monkeypatch.setattr(accelerators.importlib.metadata, "version", lambda name: "2.13.0")
    return tmp_path


def test_a_gpu_is_told_from_its_files(machine: Path) -> None:
    assert [Path(f).name for f in gpu_files(machine)] == ["nvidia-uvm", "nvidia0", "nvidiactl"]
    assert gpu({}, machine) and gpu({"CUDA_VISIBLE_DEVICES": "0"}, machine)
    (machine / "nvidia0").unlink()
    assert gpu_files(machine) == () and not gpu({}, machine)


@pytest.mark.parametrize("value", ["", " ", "-1", "none", "NoDevFiles"])
def test_a_gpu_that_is_not_visible_is_none(machine: Path, value: str) -> None:
    assert not gpu({"CUDA_VISIBLE_DEVICES": value}, machine)


def test_a_pytorch_without_cuda_can_not_use_it(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accelerators.importlib.metadata, "version", lambda name: "2.13.0+cpu")
    assert not gpu({}, machine)


@pytest.mark.parametrize("there", [True, False])
def test_jobs_of_torch_models_may_use_it_unless_the_ait_looks_inside(there: bool, monkeypatch, checkout: Path) -> None:
    from qmtestbed.pipeline import Options
    from qmtestbed.pipeline.run import resolve_only
    from qmtestbed.resolve import jobs

    monkeypatch.setattr(jobs, "gpu", lambda: there)
    may = "cuda" if there else None
    for ait, kind, device in (
        ("adversarial_gradient", "measure", may), ("adversarial_gradient", "probe", may),
        ("integrated_gradients", "measure", may), ("verified_bounds", "measure", None),
        ("image_corruptions", "measure", None),  # of scikit-learn
    ):  # fmt: skip
        resolution = resolve_only(checkout / "aits" / ait / "example" / "plan.yaml", Options())
        models = [i for j in resolution.jobs if j.kind == kind for i in j.inputs.values() if i.kind == "model"]
        assert models and {m.device for m in models} == {device}, ait


class Net(torch.nn.Module):
    """A linear layer whose answers are ``off`` times as large once it was moved."""

    def __init__(self, off: float) -> None:
        super().__init__()
        self.linear, self.off, self.moved, self.calls = torch.nn.Linear(3, 2), off, [], 0
        torch.nn.init.ones_(self.linear.weight)

    def forward(self, x: Any) -> Any:
        self.calls += 1
        return self.linear(x.flatten(1)) * (self.off if self.moved[-1:] == ["gpu"] else 1.0)

    def to(self, device: Any) -> Any:
        self.moved.append("cpu" if device == "cpu" else "gpu")
        return self


def model_of(net: Any, tmp_path: Path, device: Any, classes: int = 2) -> Any:
    from qmtestbed.execute.models.torch_model import TorchModel

    (tmp_path / "data").mkdir()
    torch.save(torch.nn.Linear(3, 2), tmp_path / "data" / "model.pth")
    classes = tuple(map(str, range(classes)))
    source = JobInput(
        "model", "m", "", str(tmp_path), flavour="pytorch", outputs="logits", classes=classes, device=device
    )
    made = TorchModel(source, tmp_path, {"flavors": {"pytorch": {"model_data": "data"}}})
    made.native = net
    return made


@pytest.mark.parametrize(("off", "used"), [(1.0, True), (1 + 5e-5, True), (1 + 5e-3, False), (float("nan"), False)])
def test_a_device_that_gives_something_else_is_not_used(
    tmp_path: Path, monkeypatch: Any, off: float, used: bool
) -> None:
    """The "GPU" is this machine's processor here: what is tested is who decides, and that it is decided once."""
    from qmtestbed.execute.models import torch_model

    monkeypatch.setattr(torch_model, "_gpu", lambda: torch.device("cpu", 0))
    net = Net(off)
    made = model_of(net, tmp_path, "cuda")
    x = np.ones((600, 1, 3, 1), dtype=np.float32)
    answers = made.answer(x, "classification").probabilities
    assert net.moved == (["gpu"] if used else ["gpu", "cpu"])
    assert made.device == ("cpu:0" if used else "cpu")
    assert np.isfinite(answers).all() and net.calls == 2 + 3
    made.gradient(x, np.zeros(600, dtype=int))
    assert net.calls == 2 + 6


def test_without_leave_a_model_stays_on_the_processor(tmp_path: Path, monkeypatch: Any) -> None:
    from qmtestbed.execute.models import torch_model

    monkeypatch.setattr(torch_model, "_gpu", lambda: pytest.fail("it was asked for"))
    net = Net(1.0)
    model_of(net, tmp_path, None).answer(np.ones((4, 1, 3, 1), dtype=np.float32), "classification")
    assert net.moved == [] and net.calls == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here that PyTorch can use")
def test_a_gpu_gives_the_same_to_one_in_ten_thousand(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 16, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(576, 10))
    rng = np.random.default_rng(0)
    x, y = rng.random((500, 8, 8, 1), dtype=np.float32), rng.integers(0, 10, 500)
    found = {}
    for device in (None, "cuda"):
        folder = tmp_path / str(device)
        folder.mkdir()
        made = model_of(net, folder, device, 10)
        made._shape = (-1, 1, 8, 8)
        found[device] = (made.answer(x, "classification").probabilities, made.gradient(x, y), made.device)
        net.to("cpu")
    assert found["cuda"][2] == "cuda:0"
    for ours, theirs in zip(found[None][:2], found["cuda"][:2], strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-4 * np.abs(ours).max())
