"""PyTorch models, exported (pt2) or pickled, on the CPU with one thread or on a GPU, where that gives the same."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from qmtestbed.ait import Task
from qmtestbed.errors import ModelFault
from qmtestbed.execute.models.boundary import Boundary, add_code, columns_given, first_bytes
from qmtestbed.execute.models.layout import Layout, arranged, arranged_back, layout_of
from qmtestbed.execute.outputs import DECLARE, Interpreted, interpret
from qmtestbed.types.job import JobInput

BATCH = 256
SAME = 1e-4
"""How far apart, in units of the largest output, two devices may be for the GPU to be used."""


class TorchModel:
    """A torch module; what its outputs are is read as the plan declares."""

    names_features = False
    scanned = ""

    def __init__(self, source: JobInput, folder: Path, description: Mapping[str, Any]) -> None:
        torch.set_num_threads(1)
        flavour = description["flavors"]["pytorch"]
        self.written_by = f"torch {flavour.get('pytorch_version', 'unknown')}"
        self.native = _unpack(folder, flavour, source.name, self.written_by)
        self._source = source
        self._shape = _input_shape(description)
        self.classes = source.classes or ()
        self.device = "cpu"
        self._decided = source.device is None
        self.gives_gradient = source.outputs in ("logits", "probabilities")
        declared = source.classes or source.outputs in ("labels", "logits", "probabilities")
        self.kind: Task | None = "classification" if declared else None

    def answer(self, x: Any, task: Task, *, classes_only: bool = False) -> Interpreted:
        """Run the module without gradients, batch by batch."""
        outputs = []
        with Boundary(self._source.name, "can't answer these items"), torch.no_grad():
            for batch in _batches(self._tensor(x)):
                outputs.append(self._run(batch).detach().cpu().numpy())
        return interpret(np.concatenate(outputs), task, self._source.outputs, self._source.classes)

    def gradient(self, x: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Gradient of each item's cross-entropy loss, in the layout of ``x``."""
        if not self.gives_gradient:
            raise ModelFault("the loss needs to know what the outputs are", do=DECLARE)
        parts, done = [], 0
        with Boundary(self._source.name, "gives no gradient"):
            for batch in _batches(self._tensor(x)):
                batch.requires_grad_(True)
                truth = torch.as_tensor(codes[done : done + len(batch)], dtype=torch.long)
                done += len(batch)
                outputs = self._run(batch)
                (g,) = torch.autograd.grad(self._loss(outputs, truth.to(outputs.device)), batch)
                parts.append(g.cpu().numpy())
        return arranged_back(np.concatenate(parts), self._layout(x), x.shape)

    def _run(self, batch: torch.Tensor) -> torch.Tensor:
        if not self._decided:
            self._decided = True
            self.device = _move(self.native, batch.detach())
        return self.native(batch if self.device == "cpu" else batch.to(_gpu()))  # type: ignore[no-any-return]

    def _layout(self, x: np.ndarray) -> Layout:
        return layout_of(self._shape, x.shape)

    def answer_as_logged(self, x: Any) -> int:
        """Run the module on an array in the layout it was logged in."""
        with Boundary(self._source.name, "can't answer its own input example"), torch.no_grad():
            return len(self._run(torch.from_numpy(np.ascontiguousarray(np.asarray(x)))))

    def _loss(self, outputs: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """Sum over the items, so that no item's gradient depends on how many others there are."""
        if self._source.outputs == "probabilities":
            chosen = outputs.gather(1, truth[:, None]).clamp_min(torch.finfo(outputs.dtype).tiny)
            return -chosen.log().sum()
        return torch.nn.functional.cross_entropy(outputs, truth, reduction="sum")

    def _tensor(self, x: Any) -> torch.Tensor:
        if not isinstance(x, np.ndarray):
            frame = columns_given(x, self._source)
            return torch.from_numpy(np.ascontiguousarray(frame.to_numpy(dtype=np.float32)))
        return torch.from_numpy(np.ascontiguousarray(arranged(np.asarray(x, dtype=np.float32), self._layout(x))))


def _gpu() -> torch.device | None:
    """Give the first GPU that torch can use, set to compute as exactly and as repeatably as the CPU; else nothing."""
    if not torch.cuda.is_available():
        return None
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = False, True
    return torch.device("cuda", 0)


def _move(module: Any, batch: torch.Tensor) -> str:
    """Move a module to the GPU and name the device; back to the CPU where it does not give the same there.

    An exported module may make tensors on the device that it was exported on, and memory may not suffice.
    """
    device = _gpu()
    if device is None:
        return "cpu"
    with torch.no_grad():
        ours = module(batch)
        try:
            theirs = module.to(device)(batch.to(device)).cpu()
            same = bool(torch.allclose(theirs, ours, rtol=0, atol=SAME * float(ours.abs().max())))
        except (RuntimeError, AttributeError):  # torch's own errors are RuntimeErrors
            same = False
    if same:
        return str(device)
    module.to("cpu")
    return "cpu"


def _batches(x: torch.Tensor) -> Iterator[torch.Tensor]:
    for start in range(0, len(x), BATCH):
        yield x[start : start + BATCH].clone()


def _input_shape(description: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Shape of the one tensor a signature names, with -1 for any size."""
    inputs = (description.get("signature") or {}).get("inputs")
    specs = json.loads(inputs) if isinstance(inputs, str) else []
    if len(specs) == 1 and "tensor-spec" in specs[0]:
        return tuple(specs[0]["tensor-spec"]["shape"])
    return None


def _unpack(folder: Path, flavour: Mapping[str, Any], name: str, written_by: str) -> Any:
    data = folder / str(flavour.get("model_data", "data"))
    exported, pickled = data / "model.pt2", data / "model.pth"
    path = exported if exported.is_file() else pickled
    written = f"{first_bytes(path)}; written by {written_by}, running {torch.__version__}"
    with Boundary(name, "can't be loaded", written, folder):
        if path == exported:
            return torch.export.load(exported).module()  # in the mode it was exported in: .eval() raises here
        add_code(folder, flavour)
        return torch.load(pickled, weights_only=False, map_location="cpu").eval()
