"""Makes the data and the model of this example from the digits that come with scikit-learn.

Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, CC BY 4.0.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import sklearn
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

here = Path(__file__).parent

images, labels = load_digits().images, load_digits().target
order = np.random.default_rng(0).permutation(len(images))
pixels = np.rint(images * 255 / 16).astype(np.uint8)
parts = {"train": order[:400], "digits": order[400:560]}
for name, at in parts.items():
    np.savez_compressed(here / f"{name}.npz", images=pixels[at], labels=labels[at].astype(np.uint8))

flat = pixels[parts["train"]].reshape(-1, 64) / 255
net = MLPClassifier((32, 16), solver="lbfgs", alpha=0.01, max_iter=200, random_state=3)
net.fit(flat, labels[parts["train"]].astype(str))
(here / "model").mkdir(exist_ok=True)
(here / "model" / "model.pkl").write_bytes(pickle.dumps(net, protocol=4))
(here / "model" / "MLmodel").write_text(
    "flavors:\n  sklearn:\n    pickled_model: model.pkl\n    serialization_format: pickle\n"
    f"    sklearn_version: {sklearn.__version__}\n"
)
