"""Makes the data and the model of this example from the digits that come with scikit-learn.

Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, CC BY 4.0.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits

here = Path(__file__).parent
torch.manual_seed(0)

images, labels = load_digits().images, load_digits().target
test = np.random.default_rng(0).permutation(len(images)) < 100
pixels = np.rint(images * 255 / 16).astype(np.uint8)
np.savez_compressed(here / "digits.npz", images=pixels[test], labels=labels[test].astype(np.uint8))

net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 24), torch.nn.ReLU(), torch.nn.Linear(24, 10))
x, y = torch.from_numpy(pixels[~test, None].astype(np.float32) / 255), torch.from_numpy(labels[~test])
optimiser = torch.optim.Adam(net.parameters(), lr=0.01, weight_decay=1e-4)
for _ in range(300):
    optimiser.zero_grad()
    torch.nn.functional.cross_entropy(net(x), y).backward()
    optimiser.step()
(here / "model" / "data").mkdir(parents=True, exist_ok=True)
torch.save(net, here / "model" / "data" / "model.pth")
(here / "model" / "MLmodel").write_text(
    f"flavors:\n  pytorch:\n    model_data: data\n    pytorch_version: {torch.__version__}\n"
)
