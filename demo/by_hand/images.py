"""By hand: AITs that ask a network about changed images."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator

import numpy as np
from hand_check import Hand, HandTable, HandText
from PIL import Image
from scipy import ndimage

from by_hand.base import Case, Found, by_weights, checks, clustered, curves, each, plain, share

SEVERITIES = (1, 2, 3, 4, 5)
SCALE = 28 / 32
"""Lengths in CIFAR-10-C are for 32 pixels."""

# -- corruptions: constants of CIFAR-10-C and MNIST-C ---------------------------------------------------------

CONSTANTS = {
    "gaussian_noise": (0.04, 0.06, 0.08, 0.09, 0.10),
    "shot_noise": (500, 250, 100, 75, 50),
    "impulse_noise": (0.01, 0.02, 0.03, 0.05, 0.07),
    "gaussian_blur": (0.4, 0.6, 0.7, 0.8, 1),
    "motion_blur": ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
    "fog": ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
    "brightness": (0.05, 0.1, 0.15, 0.2, 0.3),
    "contrast": (0.75, 0.5, 0.4, 0.3, 0.15),
    "pixelate": (0.95, 0.9, 0.85, 0.75, 0.65),
    "jpeg_compression": (80, 65, 58, 50, 40),
    "translation": (1, 2, 3, 4, 5),
    "rotation": (5, 10, 15, 20, 25),
}


def damaged(x: np.ndarray, name: str, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Images (n, height, width) in 0 to 1, damaged with numpy, scipy and Pillow; random numbers as numpy draws them."""
    made = DAMAGE[name](x, CONSTANTS[name][severity - 1], rng)
    return np.clip(made, 0, 1).astype(np.float32)


def _gaussian_noise(x: np.ndarray, s: float, rng: np.random.Generator) -> np.ndarray:
    return x + np.float32(s) * rng.standard_normal((*x.shape, 1), dtype=np.float32)[..., 0]


def _impulse_noise(x: np.ndarray, s: float, rng: np.random.Generator) -> np.ndarray:
    u = rng.random((*x.shape, 1), dtype=np.float32)[..., 0]
    made = x.copy()
    made[u < s] = 0
    made[u < s / 2] = 1
    return made


def _gaussian_blur(x: np.ndarray, s: float, rng: np.random.Generator) -> np.ndarray:
    radius = int(4 * s * SCALE + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / (s * SCALE)) ** 2)
    kernel /= kernel.sum()
    for axis in (1, 2):
        x = ndimage.convolve1d(x, kernel, axis=axis, mode="nearest")
    return x


def _moved(x: np.ndarray, down: np.ndarray, right: np.ndarray) -> np.ndarray:
    pairs = zip(x, down, right, strict=True)
    return np.stack([ndimage.shift(i, (d, r), order=1, mode="nearest") for i, d, r in pairs])


def _motion_blur(x: np.ndarray, strength: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    radius, sigma = (SCALE * s for s in strength)
    angle = np.radians(rng.uniform(-45, 45, len(x)))
    steps = np.arange(0, min(2 * radius, 3 * sigma) + 1e-9, min(1.0, sigma / 2))
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    parts = [w * _moved(x, s * np.sin(angle), s * np.cos(angle)) for s, w in zip(steps, weights, strict=True)]
    return np.sum(parts, axis=0) / weights.sum()


def _fog(x: np.ndarray, strength: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    amount, decay = strength
    brightest = x.max(axis=(1, 2), keepdims=True)
    return (x + amount * _clouds(len(x), decay, rng)) * brightest / (brightest + amount)


def _clouds(count: int, decay: float, rng: np.random.Generator) -> np.ndarray:
    """Diamond-square on a square of 32 that repeats itself, cell by cell."""
    size = step = 32
    sky, wobble = np.zeros((count, size, size)), 1.0
    while step >= 2:
        half, cells = step // 2, size // step
        diamond = {  # where from its place the new points lie, and where their four neighbours
            (half, half): ((0, 0), (step, 0), (0, step), (step, step)),
            (0, half): ((0, 0), (0, step), (half, half), (-half, half)),
            (half, 0): ((0, 0), (step, 0), (half, half), (half, -half)),
        }
        for (down, right), neighbours in diamond.items():
            noise = rng.uniform(-1, 1, (count, cells, cells))
            for i in range(cells):
                for j in range(cells):
                    near = [sky[:, (i * step + a) % size, (j * step + b) % size] for a, b in neighbours]
                    sky[:, i * step + down, j * step + right] = sum(near) / 4 + wobble * noise[:, i, j]
        step, wobble = half, wobble / decay**2
    sky -= sky.min(axis=(1, 2), keepdims=True)
    return (sky / sky.max(axis=(1, 2), keepdims=True))[:, :28, :28]


def _contrast(x: np.ndarray, factor: float, rng: np.random.Generator) -> np.ndarray:
    middle = x.mean(axis=(1, 2), keepdims=True)
    return factor * x + (1 - factor) * middle


def _pixelate(x: np.ndarray, part: float, rng: np.random.Generator) -> np.ndarray:
    small = int(28 * part)
    box = Image.Resampling.BOX
    return np.stack([np.asarray(Image.fromarray(i).resize((small, small), box).resize((28, 28), box)) for i in x])


def _jpeg(x: np.ndarray, quality: int, rng: np.random.Generator) -> np.ndarray:
    made = []
    for image in np.rint(x * 255).astype(np.uint8):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=quality)
        made.append(np.asarray(Image.open(file)) / 255)
    return np.stack(made)


def _translation(x: np.ndarray, pixels: int, rng: np.random.Generator) -> np.ndarray:
    return _moved(x, *(pixels * rng.choice([-1, 1], size=(2, len(x)))))


def _rotation(x: np.ndarray, degrees: float, rng: np.random.Generator) -> np.ndarray:
    turns = np.where(rng.random(len(x)) < 0.5, degrees, -degrees)
    middle, made = np.array([13.5, 13.5]), []
    for image, turn in zip(x, np.radians(turns), strict=True):
        back = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        made.append(ndimage.affine_transform(image, back, middle - back @ middle, order=1, mode="nearest"))
    return np.stack(made)


DAMAGE: dict[str, Callable[..., np.ndarray]] = {
    "gaussian_noise": _gaussian_noise,
    "shot_noise": lambda x, photons, rng: rng.poisson((x * photons)[..., None])[..., 0] / photons,
    "impulse_noise": _impulse_noise,
    "gaussian_blur": _gaussian_blur,
    "motion_blur": _motion_blur,
    "fog": _fog,
    "brightness": lambda x, added, rng: x + np.float32(added),
    "contrast": _contrast,
    "pixelate": _pixelate,
    "jpeg_compression": _jpeg,
    "translation": _translation,
    "rotation": _rotation,
}


@checks("image_corruptions")
def image_corruptions(case: Case) -> Found:
    """Every cell anew; Pillow's own JPEG may round a pixel otherwise, so that an answer or two may differ there."""
    run, level = case.run, case.level
    at = case.rows(len(run.truth), 500)
    x, y = run.images[0][at], run.images[1][at]
    n, names = len(x), list(CONSTANTS)
    clean = run.answers_to_images(x) == y
    right = {
        (name, s): run.answers_to_images(damaged(x, name, s, np.random.default_rng([case.seed, 0, i]))) == y
        for i, name in enumerate(names)
        for s in SEVERITIES
    }
    key = {cell: f"{cell[0]}, severity {cell[1]}" for cell in right}
    cells = {
        cell: share(int(r.sum()), n, each(level, len(right)), "numpy, scipy, Pillow; binomtest")
        for cell, r in right.items()
    }
    cells |= {(a, s): _about(e, 2 / n) for (a, s), e in cells.items() if a == "jpeg_compression"}
    slack = 5 * 2 / n / len(right)
    worst = min(cells.values(), key=lambda e: e.value or 0)
    ends = min(e.low or 0 for e in cells.values()), min(e.high or 0 for e in cells.values())
    per_image = np.mean([*right.values()], axis=0)
    mean = clustered(np.concatenate([*right.values()]), np.tile(np.arange(n), len(right)), level)
    ratio = by_weights(lambda w: float(w @ per_image) / float(w @ clean), n, level, low=0.0)
    means = {name: [cells[name, s].value or 0.0 for s in SEVERITIES] for name in names}
    shown = sorted(names, key=lambda name: sum(means[name]))[:5]
    lines = {"mean of all": np.mean([*means.values()], axis=0), **{name: means[name] for name in shown}}
    first = (0.0, float(clean.mean()))
    turned = at[np.flatnonzero(clean & ~right[min(cells, key=lambda c: cells[c].value or 0)])]
    few = _some(turned, case.seed)
    what = "images that are right undamaged and wrong at " + key[min(cells, key=lambda c: cells[c].value or 0)]
    series = {
        name: [first, *((float(s), float(v)) for s, v in zip(SEVERITIES, line, strict=True))]
        for name, line in lines.items()
    }
    return {
        "clean_accuracy": share(int(clean.sum()), n, level),
        **{f"corrupted_accuracy[{key[c]}]": e for c, e in cells.items()},
        "mean_corrupted_accuracy": _about(mean, slack),
        "relative_accuracy": _about(ratio, slack * 1.1),
        "worst_accuracy": Hand(worst.value, *ends, n, "the lowest above"),
        "figure accuracy_by_corruption": HandTable([[name, *means[name]] for name in names], "as the measures", 2 / n),
        "figure accuracy_by_severity": curves(series, "as the measures", 2 / n),
        "figure worst_examples": HandTable([[int(i), ""] for i in few], "drawn as numpy draws"),
        "worst_examples": HandText(f"{len(few)} of {len(turned)}, drawn with seed {case.seed}: {what}.", "counted"),
    }


def _some(among: np.ndarray, seed: int) -> np.ndarray:
    """The twelve of some items that are shown, as numpy's generator draws them."""
    rng = np.random.default_rng([seed, len(among)])
    return among if len(among) <= 12 else among[np.sort(rng.choice(len(among), 12, replace=False))]


def _about(e: Hand, within: float) -> Hand:
    return Hand(e.value, e.low, e.high, e.n, e.how, within, 1.5 * within)


# -- attacks --------------------------------------------------------------------------------------------------


@checks("adversarial_gradient")
def adversarial_gradient(case: Case) -> Found:
    """FGSM and PGD from the image by ART; PGD from the random start in torch, drawn as numpy draws it."""
    import torch

    run, p, level = case.run, case.params, case.level
    at = case.rows(len(run.truth), 300)
    x, y = run.images[0][at], run.images[1][at]
    n = len(x)
    clean = run.answers_to_images(x) == y
    first = np.flatnonzero(clean)
    classes = np.array([run.classes.index(c) for c in y])
    fgsm, robust, standing = {}, {}, first
    rng = np.random.default_rng([case.seed, 0])
    for part in (0.25, 0.5, 1.0):
        held = _withstands(case, x, y, first, _art(case, x[first], classes[first], part * p["epsilon"], 0))
        fgsm[part], standing = len(held), np.intersect1d(standing, held)
        made = _art(case, x[standing], classes[standing], part * p["epsilon"], p["steps"])
        standing = _withstands(case, x, y, standing, made)
        for _ in range((p["restarts"] if part == 1 else 1) - 1):
            made = _climb(case, x[standing], classes[standing], p, rng)
            standing = _withstands(case, x, y, standing, made)
        robust[part] = len(standing)
    slopes = _slopes(case, torch.from_numpy(x[first][:, None]), classes[first]).numpy()
    flat = ~slopes.reshape(len(first), -1).any(axis=1)
    broken = np.setdiff1d(first, standing)
    names = sorted(set(y[first]))
    by_class = {
        c: share(int((y[broken] == c).sum()), int((y[first] == c).sum()), each(level, len(names)), "ART; binomtest")
        for c in names
    }
    found: Found = {
        "clean_accuracy": share(len(first), n, level),
        "fgsm_accuracy": share(fgsm[1.0], n, level, "ART FastGradientMethod; binomtest"),
        "robust_accuracy": share(robust[1.0], n, level, "ART FGM and PGD, torch restart; binomtest"),
        "attack_success_rate": share(len(broken), len(first), level, "ART FGM and PGD, torch restart; binomtest"),
        "zero_gradient_share": plain(flat.mean(), "torch autograd"),
        **{f"class_success_rate[{c}]": e for c, e in by_class.items()},
    }
    lines = {"FGSM": fgsm, "FGSM and PGD": robust}
    series = {
        name: [(0.0, len(first) / n), *((p["epsilon"] * part, k / n) for part, k in line.items())]
        for name, line in lines.items()
    }
    found["figure accuracy_by_budget"] = curves(series, "as the measures")
    order = np.random.default_rng([case.seed, n]).permutation(n)
    few = sorted(broken, key=lambda i: order[i])[:12]
    found["figure broken_examples"] = HandTable([[int(at[i]), ""] for i in sorted(few)], "drawn as numpy draws")
    told = f"{len(few)} of {len(broken)}, drawn with seed {case.seed}: images whose right answer the attack changed."
    found["broken_examples"] = HandText(told, "counted")
    worst = max(by_class.items(), key=lambda item: item[1].value or 0)
    e, whole = worst[1], len(broken) / len(first)
    text = (
        f"Class {worst[0]!r}: the attack changes {e.value:.1%} ({e.low:.1%} to {e.high:.1%}) of {e.n} right answers, "
    )
    text += f"the most of {len(names)} classes (the interval allows for the search); over all classes {whole:.1%}."
    found["finding on the worst class"] = HandText(text, "counted")
    found["figure threat_model"] = HandTable([*_threat(p)], "as the parameters")
    return found


def _threat(p: dict[str, float]) -> Iterator[list[str | float]]:
    yield ["knowledge", "white box: the attacker computes gradients of the model"]
    yield ["goal", "untargeted: any wrong class"]
    yield ["access", "each image by itself, at prediction time"]
    yield ["norm", "L-infinity: each value of the image by itself"]
    yield ["epsilon (share of the range)", p["epsilon"]]
    yield ["epsilon (in values)", p["epsilon"]]
    yield ["range of values", "0 to 1"]
    yield ["attacks", "FGSM and PGD on the cross-entropy loss"]
    yield ["PGD steps", p["steps"]]
    yield ["PGD step (share of epsilon)", p["step_size"]]
    yield ["PGD starts", p["restarts"]]
    # One for FGSM, then PGD at a quarter, at half, and from each start at the whole budget.
    yield ["gradients per image, at most", 1 + 2 * p["steps"] + p["restarts"] * p["steps"]]


def _withstands(case: Case, x: np.ndarray, y: np.ndarray, items: np.ndarray, made: np.ndarray) -> np.ndarray:
    if not len(items):
        return items
    assert np.abs(made - x[items]).max() <= case.params["epsilon"] + 1e-6
    assert made.min() >= 0 and made.max() <= 1
    return items[case.run.answers_to_images(made) == y[items]]


def _art(case: Case, x: np.ndarray, classes: np.ndarray, epsilon: float, steps: int) -> np.ndarray:
    """FGSM, or with steps PGD from the image itself, of the Adversarial Robustness Toolbox."""
    import torch
    from art.attacks.evasion import FastGradientMethod, ProjectedGradientDescentPyTorch
    from art.estimators.classification import PyTorchClassifier

    held = case.run.network

    class Net(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return held(images)

    model = PyTorchClassifier(
        Net(), torch.nn.CrossEntropyLoss(), (1, 28, 28), 10, clip_values=(0, 1), device_type="cpu"
    )
    if steps:
        attack = ProjectedGradientDescentPyTorch(
            model, eps=epsilon, eps_step=case.params["step_size"] * epsilon, max_iter=steps, num_random_init=0,
            batch_size=512, verbose=False,
        )  # fmt: skip
    else:
        attack = FastGradientMethod(model, eps=epsilon, batch_size=512)
    return attack.generate(x[:, None], y=np.eye(10, dtype=np.float32)[classes])[:, 0]


def _slopes(case: Case, images: object, classes: np.ndarray) -> object:
    import torch

    leaf = images.clone().requires_grad_()  # type: ignore[attr-defined]
    loss = torch.nn.functional.cross_entropy(case.run.network(leaf), torch.from_numpy(classes), reduction="sum")
    return torch.autograd.grad(loss, leaf)[0]


def _climb(case: Case, x: np.ndarray, classes: np.ndarray, p: dict[str, float], rng: np.random.Generator) -> np.ndarray:
    """PGD in torch from a random start inside the budget."""
    import torch

    epsilon = np.float32(p["epsilon"])
    start = x + epsilon * rng.uniform(-1, 1, (*x.shape, 1))[..., 0].astype(np.float32)
    origin = torch.from_numpy(x[:, None])
    now = torch.from_numpy(np.clip(start, 0, 1)[:, None].astype(np.float32))
    for _ in range(int(p["steps"])):
        now = now + p["step_size"] * float(epsilon) * _slopes(case, now, classes).sign()  # type: ignore[attr-defined]
        now = (origin + (now.clamp(0, 1) - origin).clamp(-float(epsilon), float(epsilon))).clamp(0, 1)
    return now[:, 0].numpy()
