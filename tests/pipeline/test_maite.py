"""Objects that follow MAITE's protocols: the whole way, and the numbers of the same model and data as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

import qmtestbed
from qmtestbed import pipeline
from qmtestbed.ait import Roles
from qmtestbed.errors import InputError

torch = pytest.importorskip("torch", reason="the extra torch is not installed")

CLASSES = tuple(f"digit {i}" for i in range(10))
METADATA: dict[str, Any] = {"id": "digits", "index2label": dict(enumerate(CLASSES))}


class Digits:
    """The digits of scikit-learn as tensors in [0, 1]."""

    metadata = METADATA

    def __init__(self, rows: slice) -> None:
        digits = load_digits()
        self.images = torch.tensor(digits.images[rows, None] / 16, dtype=torch.float32)
        self.targets, self.first = torch.eye(10)[digits.target[rows]], rows.start

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> Any:
        return self.images[i], self.targets[i], {"id": self.first + i}


class Net(torch.nn.Module):
    """A small net with a layer of its own; asked as MAITE asks."""

    def __init__(self) -> None:
        super().__init__()
        self.metadata = {**METADATA, "id": "small net"}
        self.layers = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))

    def forward(self, batch: Any) -> Any:
        x = torch.stack(list(batch)) if isinstance(batch, list) else batch
        return torch.softmax(self.layers(x), dim=1)


@pytest.fixture(scope="module")
def net() -> Net:
    torch.manual_seed(0)
    made, train = Net(), Digits(slice(0, 1000))
    optimiser = torch.optim.Adam(made.parameters(), 0.05)
    for _ in range(40):
        optimiser.zero_grad()
        torch.nn.functional.nll_loss(torch.log(made(train.images)), train.targets.argmax(1)).backward()
        optimiser.step()
    return made.eval()


PLAN = """
schema: qmtestbed/plan/v1
component: digits
inventories:
  model: {{uri: "{model}", outputs: probabilities, classes: [{classes}]}}
  data: {{uri: "{data}", label: labels, id: ids}}
  plain: {{uri: plain, outputs: probabilities, classes: [{classes}]}}
  same: {{uri: same.npz, label: labels, id: ids}}
checks:
  objects: {{ait: classification_performance, with: {{model: model, data: data}}, expect: [accuracy >= 0.8]}}
  files: {{ait: classification_performance, with: {{model: plain, data: same}}, expect: [accuracy >= 0.8]}}
  sure_objects: {{ait: calibration, with: {{model: model, data: data}}}}
  sure_files: {{ait: calibration, with: {{model: plain, data: same}}}}
"""


def test_the_numbers_are_those_of_the_same_model_and_data_as_files(
    net: Net, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    test = Digits(slice(1000, 1200))
    given = {"model": net, "data": test, "train": None, "predictions": None}
    subject, options = pipeline.subject_of(given, Roles(), {}, pipeline.Options(out=tmp_path / "out"))
    assert subject.name == "small net" and options.out == tmp_path / "out" and subject.roles.classes == CLASSES
    (tmp_path / "plain" / "data").mkdir(parents=True)
    torch.save(torch.nn.Sequential(*net.layers, torch.nn.Softmax(1)), tmp_path / "plain" / "data" / "model.pth")
    mlmodel = f"flavors:\n  pytorch: {{model_data: data, pytorch_version: {torch.__version__}}}\n"
    (tmp_path / "plain" / "MLmodel").write_text(mlmodel)
    labels = np.array(CLASSES)[test.targets.argmax(1).numpy()]
    pixels = test.images.numpy()[:, 0]  # an image of one channel may stand without it
    np.savez("same.npz", images=pixels, labels=labels, ids=np.arange(1000, 1200).astype(str))
    classes = ", ".join(CLASSES)
    Path("plan.yaml").write_text(PLAN.format(model=subject.model, data=subject.data, classes=classes), "utf-8")
    outcome = qmtestbed.run("plan.yaml", out="out")
    assert int(outcome.exit_code) == 0, outcome.assessment.checks
    for objects, files in (("objects", "files"), ("sure_objects", "sure_files")):
        a, b = (outcome.evidence.record_of(id) for id in (objects, files))
        assert a is not None and b is not None and a.status == "measured" and a.measures == b.measures
    said = net(test.images).argmax(1) == test.targets.argmax(1)
    accuracy: Any = outcome.evidence.record_of("objects").measures["accuracy"].value  # type: ignore[union-attr]
    assert accuracy.value == float(said.double().mean())


def test_evaluate_takes_objects_and_what_it_wrote_can_be_run_again(
    net: Net, tmp_path: Path, only_aits: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_aits("classification_performance", "model_file_safety", "split_contamination")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    data, train = Digits(slice(1000, 1200)), Digits(slice(1200, 1400))
    outcome = qmtestbed.evaluate(net, data=data, train=train, level={"performance": "AIPL-1"})
    assert outcome.folder == Path("qmt-runs", "small-net-1")
    assert {c.id: c.verdict for c in outcome.assessment.checks} == {
        "classification_performance": "met", "model_file_safety": "met", "split_contamination": "met",
    }  # fmt: skip
    plan = outcome.evidence.plan
    kept = sorted(Path("qmt-runs", "qmt-inputs").iterdir())
    assert [p.name.partition("-")[0] for p in kept] == ["data", "model", "train"]
    assert {plan.inventories[n].uri for n in ("model", "test", "train")} == {f"../qmt-inputs/{p.name}" for p in kept}
    assert plan.inventories["test"].sha256 and plan.component.name == "small net"
    assert qmtestbed.verify(outcome.folder).whole
    again = qmtestbed.run(outcome.folder / "plan.yaml", out="again")
    assert {r.key for r in again.evidence.records.values()} == {r.key for r in outcome.evidence.records.values()}
    assert [r.reused for r in again.evidence.records.values()] == [True] * len(again.evidence.records)


def test_roles_that_objects_tell_themselves(net: Net, tmp_path: Path) -> None:
    data = Digits(slice(0, 20))
    for options, said in (
        ({"label": "y"}, "roles are given for a data set that has its own"),
        ({"roles": {"classes": ("a", "b")}}, "classes are given in other words than by index2label"),
    ):
        with pytest.raises(InputError, match=said):
            qmtestbed.evaluate(net, data=data, out=tmp_path / "out", **options)
    with pytest.raises(InputError, match="neither a path nor a model"):
        qmtestbed.evaluate(net.layers, data=data, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
