"""Makes the data and the model of this example from the digits that come with scikit-learn.

Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, CC BY 4.0.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import sklearn
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

here = Path(__file__).parent

images, labels = load_digits().images, load_digits().target
test = np.random.default_rng(0).permutation(len(images)) < 120
pixels = np.rint(images * 255 / 16).astype(np.uint8)
np.savez_compressed(here / "digits.npz", images=pixels[test], labels=labels[test].astype(np.uint8))

flat = pixels[~test].reshape(-1, 64) / 255
model = LogisticRegression(C=0.5, max_iter=1000).fit(flat, labels[~test].astype(str))
(here / "model").mkdir(exist_ok=True)
(here / "model" / "model.pkl").write_bytes(pickle.dumps(model, protocol=4))
(here / "model" / "MLmodel").write_text(
    "flavors:\n  sklearn:\n    pickled_model: model.pkl\n    serialization_format: pickle\n"
    f"    sklearn_version: {sklearn.__version__}\n"
)
