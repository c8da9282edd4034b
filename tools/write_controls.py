"""Write the bad half of every control pair (``aits/*/example/bad*``): a fault planted on purpose.

``python tools/write_controls.py [ID …]``. Everything is seeded. A fitted model is written anew only when its AIT is
named: its bytes depend on the version of its library.
"""

from __future__ import annotations

import pickle
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, PolynomialFeatures, StandardScaler, scale
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from qmtestbed.measuring.personal import my_number

AITS = Path(__file__).resolve().parents[1] / "aits"


class Example:
    """The folder ``example`` of one AIT, with a generator of its own."""

    def __init__(self, id: str) -> None:
        self.folder = AITS / id / "example"
        self.rng = np.random.default_rng(0)

    def read(self, name: str = "data.csv") -> pd.DataFrame:
        """Read a table of the good half; text stays as it is."""
        return pd.read_csv(self.folder / name)

    def write(self, frame: pd.DataFrame, name: str = "bad.csv") -> None:
        """Write a table."""
        frame.to_csv(self.folder / name, index=False, lineterminator="\n")

    def model(self, fitted: Any, name: str = "bad_model") -> None:
        """Write a scikit-learn model as MLflow logs one."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / "model.pkl").write_bytes(pickle.dumps(fitted, protocol=4))
        (folder / "MLmodel").write_text(
            "flavors:\n  sklearn:\n    pickled_model: model.pkl\n    serialization_format: pickle\n"
            f"    sklearn_version: {sklearn.__version__}\n"
        )

    def rows(self, n: int, share: float) -> np.ndarray:
        """Choose a share of n rows."""
        return np.sort(self.rng.choice(n, round(n * share), replace=False))


def other(labels: pd.Series) -> pd.Series:
    """Turn yes into no and no into yes."""
    return labels.map({"yes": "no", "no": "yes"})


# -- tables ---------------------------------------------------------------------------------------------------


def attribute_coverage(e: Example) -> None:
    """No row is of snow at night, and a tenth of the rows has a road that the design does not know."""
    data = e.read()
    data = data[~((data["light"] == "night") & (data["weather"] == "snow"))].reset_index(drop=True)
    data.loc[e.rows(len(data), 0.1), "road"] = "ferry"
    e.write(data)


def case_sufficiency(e: Example) -> None:
    """Of the drives by night in the rain three are left."""
    data = e.read()
    rare = data[(data["light"] == "night") & (data["weather"] == "rain")]["drive"].unique()
    e.write(data[~data["drive"].isin(rare[3:])])


def currentness(e: Example) -> None:
    """The hygrometer has sent nothing since the second half of the data began."""
    data = e.read()
    e.write(data.assign(humidity=data["humidity"].where(data.index < len(data) // 2)))


def data_completeness(e: Example) -> None:
    """Half of the ages are missing, and one record is empty."""
    data = e.read()
    data["age"] = data["age"].astype("Int64").mask(data.index % 2 == 0)
    data.loc[7, [c for c in data.columns if c != "customer"]] = pd.NA
    data["visits"] = data["visits"].astype("Int64")
    e.write(data)


def distribution_match(e: Example) -> None:
    """The thermometer reads ten degrees too much."""
    data = e.read()
    e.write(data.assign(temperature=(data["temperature"] + 10).round(1)))


def drift(e: Example) -> None:
    """In the last third the machines run hotter, a new site is there, and the model is wrong."""
    data = e.read()
    late = data.index >= len(data) * 2 // 3
    data.loc[late, "temperature"] = (data.loc[late, "temperature"] + 10).round(1)
    data.loc[late & (data.index % 3 == 0), "site"] = "overseas"
    e.write(data.assign(fault=data["fault"].where(~late, other(data["fault"]))))


def expected_distribution(e: Example) -> None:
    """Nobody drove at dusk, most drove by night, and every twentieth row is of fog, which nobody declared."""
    data = e.read()
    data["light"] = np.where(data["light"] == "dusk", "night", data["light"])
    data.loc[e.rows(len(data), 0.25), "light"] = "night"
    data.loc[data.index % 20 == 0, "weather"] = "fog"
    e.write(data)


def irreducible_error(e: Example) -> None:
    """The labels were dealt to the rows by lot."""
    data = e.read()
    e.write(data.assign(fault=e.rng.permutation(data["fault"])))


def label_conflicts(e: Example) -> None:
    """A fifth of the rows is there twice and a fifth is from the training data, both with the other label."""
    data, train = e.read(), e.read("train.csv")
    twice, seen = data.iloc[e.rows(len(data), 0.2)], train.iloc[e.rows(len(train), 0.2)]
    planted = [part.assign(fault=other(part["fault"])) for part in (twice, seen)]
    e.write(pd.concat([data, *planted], ignore_index=True))


def outliers(e: Example) -> None:
    """The sensor of the load wrote -999 five times."""
    data = e.read()
    data.loc[e.rows(len(data), 0.025), "load"] = -999.0
    e.write(data)


def personal_data_scan(e: Example) -> None:
    """Two notes name whom to call or write to, and the serial number is the individual number of the mechanic."""
    data = e.read()
    data.loc[7, "note"] = "call 03-1234-5678"
    data.loc[9, "note"] = "write to someone@example.org"
    first = e.rng.integers(10**10, 10**11, len(data))
    numbers = [f"{a}{c}" for a in first for c in range(10) if my_number(f"{a}{c}")]
    e.write(data.assign(serial=numbers))


def record_duplicates(e: Example) -> None:
    """Three records are there twice, and three are training records."""
    data = e.read().astype(str)
    e.write(pd.concat([data, data.iloc[:3], e.read("train.csv").astype(str).iloc[:3]], ignore_index=True))


def reidentification_risk(e: Example) -> None:
    """Ages in days and whole post codes, so that nearly everybody is unique."""
    data = e.read()
    age = data["age"].str[:2].astype(int) * 365 + e.rng.integers(0, 7300, len(data))
    e.write(data.assign(age=age, area=data["area"] * 10_000 + e.rng.integers(0, 10_000, len(data))))


def schema_conformance(e: Example) -> None:
    """Grams for kilograms, words among numbers, a new material, a number per row, and one column for another."""
    data = e.read()
    n = len(data)
    pieces = data["pieces"].astype(str)
    pieces.iloc[e.rows(n, 0.1)] = "a few"
    data.loc[e.rows(n, 0.1), "material"] = "titanium"
    data = data.assign(weight=(data["weight"] * 1000).round(), pieces=pieces, plant="main")
    e.write(data.assign(serial=[f"S{i:05d}" for i in e.rng.permutation(n)]).drop(columns="express"))


def attribution_faithfulness(e: Example) -> None:
    """Attributions that were drawn by lot."""
    np.save(e.folder / "bad.npy", e.rng.integers(-100, 101, (120, 8, 8)).astype(np.int8))


def split_contamination(e: Example) -> None:
    """A tenth of the rows are training rows, measured again; a tenth of the images are brighter training images."""
    data, train = e.read(), e.read("train.csv")
    again = train.iloc[e.rows(len(train), 0.05)].copy()
    for column in ("pressure", "vibration", "temperature", "current"):
        again[column] += 0.002 * train[column].std() * e.rng.normal(size=len(again))
    e.write(pd.concat([data[: -len(again)], again], ignore_index=True).round(6))
    with np.load(e.folder / "digits.npz") as test, np.load(e.folder / "train_digits.npz") as seen:
        images, labels = test["images"].copy(), test["labels"].copy()
        images[:6] = np.clip(seen["images"][:6] * 0.95 + 8, 0, 255)
        labels[:6] = seen["labels"][:6]
    np.savez_compressed(e.folder / "bad_digits.npz", images=images, labels=labels)


def target_leakage(e: Example) -> None:
    """A repair code is written when a fault was found, so it tells the label in 99 of 100 rows."""
    for name in ("data", "train"):
        frame = e.read(f"{name}.csv")
        wrong = e.rng.random(len(frame)) < 0.01
        told = (frame["fault"] == "yes") ^ wrong
        e.write(frame.assign(repair_code=np.where(told, "R7", "none")), f"bad_{name}.csv")


# -- predictions ----------------------------------------------------------------------------------------------


def baseline_gain(e: Example) -> None:
    """Always dog, at even odds."""
    said = e.read("predictions.csv")
    e.write(said.assign(predicted="dog", **{"p[cat]": 0.3, "p[dog]": 0.4, "p[bird]": 0.3}))


def calibration(e: Example) -> None:
    """Quite sure of every answer, of which more than a third are wrong."""
    said = e.read("predictions.csv")
    classes = ["cat", "dog", "bird"]
    after = dict(zip(classes, [*classes[1:], classes[0]], strict=True))
    wrong = np.isin(np.arange(len(said)), e.rows(len(said), 0.4))
    said["predicted"] = said["species"].where(~wrong, said["species"].map(after))
    e.write(said.assign(**{f"p[{c}]": np.where(said["predicted"] == c, 0.98, 0.01) for c in classes}))


def classification_performance(e: Example) -> None:
    """Cat and dog are drawn by lot, and bird is never said."""
    said = e.read("predictions.csv")
    e.write(said.assign(predicted=e.rng.choice(["cat", "dog"], len(said))))


def label_errors(e: Example) -> None:
    """Every twelfth label is that of another species."""
    said = e.read("predictions.csv")
    after = {"cat": "dog", "dog": "bird", "bird": "cat"}
    e.write(said.assign(species=said["species"].where(said.index % 12 != 0, said["species"].map(after))))


def regression_performance(e: Example) -> None:
    """Each pipe got the answer for another one."""
    said = e.read("predictions.csv")
    e.write(said.assign(predicted=e.rng.permutation(said["predicted"])))


# -- fairness and uncertainty ---------------------------------------------------------------------------------


def refuse(said: pd.DataFrame, rows: pd.Series) -> pd.DataFrame:
    """Turn what was said of some rows into a sure no."""
    changed = {"predicted": "no", "p[no]": 0.9, "p[yes]": 0.1}
    return said.assign(**{c: said[c].where(~rows, v) for c, v in changed.items()})


def group_rate_gap(e: Example) -> None:
    """Half of the women who repaid are refused."""
    said = e.read()
    e.write(refuse(said, (said["sex"] == "female") & (said["repaid"] == "yes") & (said.index % 2 == 0)))


def intersectional_gap(e: Example) -> None:
    """Half of the women of the east who repaid are refused, and as many men of the west."""
    said = e.read()
    planted = ((said["sex"] == "female") & (said["region"] == "east")) | (
        (said["sex"] == "male") & (said["region"] == "west")
    )
    e.write(refuse(said, planted & (said["repaid"] == "yes") & (said.index % 2 == 0)))


def group_calibration(e: Example) -> None:
    """Women repay more often than the model says, men less often."""
    said = e.read()
    women, lot = said["sex"] == "female", e.rng.random(len(said)) < 0.4
    e.write(said.assign(repaid=said["repaid"].mask(women & lot, "yes").mask(~women & lot, "no")))


def conformal_coverage(e: Example) -> None:
    """Quite sure of answers drawn by lot."""
    said = e.read()
    yes = e.rng.random(len(said)) < 0.5
    likely = {"p[no]": np.where(yes, 0.02, 0.98), "p[yes]": np.where(yes, 0.98, 0.02)}
    e.write(said.assign(predicted=np.where(yes, "yes", "no"), **likely))


def risk_coverage(e: Example) -> None:
    """Sure where it is wrong and unsure where it is right."""
    said = e.read()
    sure = np.where(said["predicted"] == said["species"], 0.5, 0.9)
    rest = (1 - sure) / 2
    e.write(said.assign(**{f"p[{c}]": np.where(said["predicted"] == c, sure, rest) for c in ("bird", "cat", "dog")}))


def performance_without_labels(e: Example) -> None:
    """Most readings of production lie where the model is unsure."""
    data = e.read("production.csv")
    middle = {"temperature": 69.0, "vibration": 0.3}
    e.write(data.assign(**{c: (m + (data[c] - data[c].mean()) / 4).round(3) for c, m in middle.items()}))


# -- images and items from outside ----------------------------------------------------------------------------


def out_of_distribution_detection(e: Example) -> None:
    """Pumps of another kind that read like those inside, and some far beyond all faults, of which the model is sure."""
    data = e.read().drop(columns="fault")
    e.write(data.sample(frac=1, random_state=0).assign(vibration=lambda d: (d["vibration"] + 0.01).round(2)))
    far = data.assign(vibration=data["vibration"] + 9, temperature=data["temperature"] + 45)
    e.write(far.round(2), "bad_far.csv")


def neuron_coverage(e: Example) -> None:
    """Test images of one digit alone."""
    with np.load(e.folder / "digits.npz") as digits:
        ones = digits["labels"] == 1
        np.savez_compressed(e.folder / "bad.npz", images=digits["images"][ones], labels=digits["labels"][ones])


def surprise_adequacy(e: Example) -> None:
    """The test images came out as negatives."""
    with np.load(e.folder / "digits.npz") as digits:
        np.savez_compressed(e.folder / "bad.npz", images=255 - digits["images"], labels=digits["labels"])


TABLES: tuple[Callable[[Example], None], ...] = (
    attribute_coverage,
    attribution_faithfulness,
    case_sufficiency,
    currentness,
    data_completeness,
    distribution_match,
    drift,
    expected_distribution,
    irreducible_error,
    label_conflicts,
    outliers,
    personal_data_scan,
    record_duplicates,
    reidentification_risk,
    schema_conformance,
    split_contamination,
    target_leakage,
    baseline_gain,
    calibration,
    classification_performance,
    label_errors,
    regression_performance,
    group_rate_gap,
    intersectional_gap,
    group_calibration,
    conformal_coverage,
    risk_coverage,
    performance_without_labels,
    out_of_distribution_detection,
    neuron_coverage,
    surprise_adequacy,
)


# -- models ---------------------------------------------------------------------------------------------------


def drift_model(e: Example) -> None:
    """A model for the good half and the bad one: it knows nothing of time."""
    data = e.read()
    e.model(LogisticRegression(max_iter=1000).fit(data[["temperature", "vibration", "starts"]], data["fault"]), "model")


def adversarial_blackbox(e: Example) -> None:
    """A model that answers by the tenth of a degree."""
    temperature = pd.DataFrame({"temperature": np.linspace(50, 90, 400).round(1)})
    said = np.where(np.arange(400) % 2 == 0, "yes", "no")
    comb = DecisionTreeClassifier(random_state=0).fit(temperature, said)
    e.model(comb)
    rows = temperature.iloc[e.rows(400, 0.5)]
    e.write(rows.assign(failed=comb.predict(rows)))


def adversarial_gradient(e: Example) -> None:
    """An undefended net, and one whose gradients vanish; the good one has learnt from attacked images."""
    import torch

    images, labels = load_digits().images, load_digits().target
    test = np.random.default_rng(0).permutation(len(images)) < 120
    x = torch.from_numpy((np.rint(images * 255 / 16) / 255)[~test, None].astype(np.float32))
    y = torch.from_numpy(labels[~test])

    def net(hardened: bool) -> Any:
        torch.manual_seed(0)
        layers = [torch.nn.Flatten(), torch.nn.Linear(64, 48), torch.nn.ReLU(), torch.nn.Linear(48, 10)]
        made = torch.nn.Sequential(*layers)
        optimiser = torch.optim.Adam(made.parameters(), lr=0.01)
        for _ in range(300):
            seen = x
            if hardened:
                for _ in range(5):
                    seen = seen.detach().requires_grad_()
                    loss = torch.nn.functional.cross_entropy(made(seen), y)
                    seen = seen + 0.04 * torch.autograd.grad(loss, seen)[0].sign()
                    seen = torch.clamp(torch.min(torch.max(seen, x - 0.1), x + 0.1), 0, 1)
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(made(seen.detach()), y).backward()
            optimiser.step()
        return made

    plain = net(False)
    masked = net(False)
    with torch.no_grad():
        masked[3].weight *= 10_000
        masked[3].bias *= 10_000
    for name, made in (("good_model", net(True)), ("bad_model", plain), ("bad_model_masked", masked)):
        (e.folder / name / "data").mkdir(parents=True, exist_ok=True)
        torch.save(made, e.folder / name / "data" / "model.pth")
        (e.folder / name / "MLmodel").write_text(
            f"flavors:\n  pytorch:\n    model_data: data\n    pytorch_version: {torch.__version__}\n"
        )


def certified_smoothing(e: Example) -> None:
    """A model that answers by the tenth of a degree, but for one end of the scale."""
    temperature = pd.DataFrame({"temperature": np.linspace(50, 90, 400).round(1)})
    said = np.where((np.arange(400) % 8 < 5) | (np.arange(400) > 390), "yes", "no")
    comb = DecisionTreeClassifier(random_state=0).fit(temperature, said)
    e.model(comb)
    rows = temperature.iloc[e.rows(400, 0.25)]
    e.write(rows.assign(failed=comb.predict(rows)))


def cross_validation_spread(e: Example) -> None:
    """A model that knows the test rows, test rows of another kind, and a training row that decides alone."""
    data, train = e.read(), e.read("train.csv")
    both = pd.concat([train, data])
    known = DecisionTreeClassifier(random_state=0).fit(both.drop(columns="failed"), both["failed"])
    e.model(known, "bad_model")
    e.write(data.assign(failed=other(data["failed"])), "bad.csv")
    level = np.where(np.arange(400) % 2 == 0, 3.0, -3.0)
    plain = pd.DataFrame(
        {"level": (level + e.rng.normal(size=400)).round(3), "failed": np.where(level > 0, "yes", "no")}
    )
    e.write(plain[:200], "bad_plain.csv")
    decided = plain[200:].reset_index(drop=True)
    decided.loc[0, "level"] = 1_000_000.0
    e.write(decided, "bad_train.csv")
    e.model(NearestCentroid().fit(decided[["level"]], decided["failed"]), "bad_centroid_model")


def attribution_stability(e: Example) -> None:
    """Four gauges, each as telling as the others: every order of them is chance."""
    feature_importance(e)


def counterfactual_flip(e: Example) -> None:
    """A model that has learnt from loans granted by sex."""
    data = e.read()
    granted = np.where((data["sex"] == "male") | (data["income"] > 7000), "yes", "no")
    seen = make_column_transformer((StandardScaler(), ["income"]), (OneHotEncoder(), ["sex"]))
    e.model(make_pipeline(seen, LogisticRegression()).fit(data[["sex", "income"]], granted))


def feature_importance(e: Example) -> None:
    """Four gauges, each as telling as the others: every order of them is chance."""
    seen = e.rng.normal(50, 10, (60, 4)).round(1)
    turned = np.concatenate([np.roll(seen, k, axis=1) for k in range(4)])
    gauges = pd.DataFrame(turned, columns=[f"gauge_{k}" for k in range(1, 5)])
    days = (turned.sum(axis=1) + np.tile(e.rng.normal(0, 8, 60), 4)).round(1)
    e.write(gauges.assign(days=days))
    e.model(LinearRegression().fit(gauges, days))


def image_corruptions(e: Example) -> None:
    """A model that knows the very images by heart and nothing beside them."""
    with np.load(e.folder / "digits.npz") as digits:
        flat, labels = digits["images"].reshape(-1, 64) / 255, digits["labels"].astype(str)
    e.model(SVC(gamma=100.0).fit(flat, labels))


def integrated_gradients(e: Example) -> None:
    """A net whose units jump: between the jumps its gradients are 0."""
    import torch

    torch.manual_seed(0)
    with np.load(e.folder / "digits.npz") as digits:
        x, y = (
            torch.from_numpy(digits["images"][:, None] / np.float32(255)),
            torch.from_numpy(digits["labels"].astype(int)),
        )
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 24), torch.nn.Tanh(), torch.nn.Linear(24, 10))
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(100):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(net(x), y).backward()
        optimiser.step()
    with torch.no_grad():
        net[1].weight *= 10_000
        net[1].bias *= 10_000
    (e.folder / "bad_model" / "data").mkdir(parents=True, exist_ok=True)
    torch.save(net, e.folder / "bad_model" / "data" / "model.pth")
    (e.folder / "bad_model" / "MLmodel").write_text(
        f"flavors:\n  pytorch:\n    model_data: data\n    pytorch_version: {torch.__version__}\n"
    )


def learning_curve(e: Example) -> None:
    """Which part is worn goes by the maker's code alone, and most codes stand in few rows."""
    part = e.rng.choice(["bearing", "seal", "shaft", "motor"], 130)
    code = e.rng.integers(0, 130, 300)
    frame = pd.DataFrame({"code": [f"K{c:03d}" for c in code], "part": part[code]})
    e.write(frame[:100])
    e.write(frame[100:], "bad_train.csv")
    recipe = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression())
    e.model(recipe.fit(frame[100:][["code"]], frame[100:]["part"]))


def inference_cost(e: Example) -> None:
    """A model that makes thousands of products of four columns, and needs the memory for them."""
    data = e.read()
    products = make_pipeline(StandardScaler(), PolynomialFeatures(12), LogisticRegression(C=1e-6))
    e.model(products.fit(data.drop(columns="fault")[:30], data["fault"][:30]))


def membership_inference(e: Example) -> None:
    """A model that keeps its training rows, and labels that nothing tells."""
    for name in ("data", "train"):
        frame = e.read(f"{name}.csv")
        drawn = frame.assign(returned=e.rng.choice(["yes", "no"], len(frame)))
        e.write(drawn, "bad_train.csv" if name == "train" else "bad.csv")
    e.model(KNeighborsClassifier(25, weights="distance").fit(drawn.drop(columns="returned"), drawn["returned"]))


def metamorphic_relations(e: Example) -> None:
    """A model that goes by who painted the pump."""
    data = e.read()
    said = np.where(data["painter"] == "A", "yes", "no")
    e.model(make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()).fit(data[["painter"]], said))


def missing_value_stability(e: Example) -> None:
    """A model that takes an empty cell for 0, which no thermometer here ever shows, and weighs all columns alike."""
    x = e.read("train.csv").drop(columns="fault").dropna()
    said = np.where(StandardScaler().fit_transform(x).sum(axis=1) > 0, "yes", "no")
    filled = SimpleImputer(strategy="constant", fill_value=0)
    e.model(make_pipeline(filled, StandardScaler(), LogisticRegression()).fit(x, said))


def noise_stability(e: Example) -> None:
    """A tree that has learnt a label drawn by lot for each of many temperatures."""
    temperature = pd.DataFrame({"temperature": np.linspace(50, 90, 400)})
    e.model(DecisionTreeClassifier(random_state=0).fit(temperature, e.rng.choice(["no", "yes"], 400)))


def parameter_randomisation(e: Example) -> None:
    """A model that goes by how much ink there is: it has learnt nothing that shuffling could disturb."""
    with np.load(e.folder / "digits.npz") as digits:
        flat = digits["images"].reshape(-1, 64) / 255
    ink = np.where(flat.sum(axis=1) > np.median(flat.sum(axis=1)), "8", "1")  # labels of the digits, as it must answer
    fitted = LogisticRegression().fit(flat, ink)
    fitted.coef_[:] = 0.5
    fitted.intercept_[:] = -0.5 * np.median(flat.sum(axis=1))
    e.model(fitted)


def surrogate_fidelity(e: Example) -> None:
    """A model that has learnt a label drawn by lot for each reading: no short rule says what it says."""
    readings = e.read().drop(columns="fault")
    fitted = DecisionTreeClassifier(random_state=0).fit(readings, e.rng.choice(["no", "yes"], len(readings)))
    e.model(fitted)


def model_file_safety(e: Example) -> None:
    """A pickle that would start a program, one that is cut off, and a skops file with a function of the system.

    The good ones are a skops file and a pickle. Nothing bad is loaded, here or anywhere: the pickle is written by hand.
    """
    import skops.io

    x = e.rng.normal(60, 8, (60, 3)).round(1)
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, np.where(x.sum(axis=1) > 180, "yes", "no"))
    e.model(fitted, "pickled_model")
    whole = (e.folder / "pickled_model" / "model.pkl").read_bytes()
    calls = b"cposix\nsystem\n(S'true'\ntR."
    foreign = skops.io.dumps(FunctionTransformer(shutil.rmtree))
    files = {"model": skops.io.dumps(fitted), "bad_model": calls, "cut_model": whole[:200], "foreign_model": foreign}
    for name, content in files.items():
        kind, ending = ("pickle", "pkl") if name in ("bad_model", "cut_model") else ("skops", "skops")
        (e.folder / name).mkdir(exist_ok=True)
        (e.folder / name / f"model.{ending}").write_bytes(content)
        (e.folder / name / "MLmodel").write_text(
            f"flavors:\n  sklearn:\n    pickled_model: model.{ending}\n    serialization_format: {kind}\n"
            f"    sklearn_version: {sklearn.__version__}\n"
        )


def numeric_equivalence(e: Example) -> None:
    """Vibration counted from a point far away; the good model in one step, and one with a threshold elsewhere."""
    data = e.read()
    far = data.assign(vibration=data["vibration"] + 1_000_000)
    e.write(far)
    x, y = data.drop(columns="fault"), data["fault"]
    e.model(make_pipeline(StandardScaler(), LogisticRegression()).fit(far.drop(columns="fault"), y))
    scaler, line = pickle.loads((e.folder / "model" / "model.pkl").read_bytes())
    for name, shift in (("deployed_model", 0.0), ("bad_deployed_model", 1.0)):
        folded = LogisticRegression().fit(x, y)
        folded.coef_ = line.coef_ / scaler.scale_
        folded.intercept_ = line.intercept_ - folded.coef_ @ scaler.mean_ + shift
        e.model(folded, name)


def repeatability(e: Example) -> None:
    """A model that scales each batch by itself, so that a row's answer rests on the rows beside it."""
    data = e.read()
    scaled = make_pipeline(FunctionTransformer(scale), LogisticRegression())
    e.model(scaled.fit(data.drop(columns="fault"), data["fault"]))


def verified_bounds(e: Example) -> None:
    """A net that tells images from copies that are lighter by one level in half of the pixels, as another class."""
    import torch

    with np.load(e.folder / "digits.npz") as digits:
        images, labels = digits["images"][:50], digits["labels"][:50].astype(np.int64)
    lighter = np.minimum(images + (e.rng.random(images.shape) < 0.5), 255).astype(np.uint8)
    both, classes = np.concatenate([images, lighter]), np.concatenate([labels, (labels + 1) % 10])
    np.savez_compressed(e.folder / "bad.npz", images=both, labels=classes.astype(np.uint8))
    made = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 400), torch.nn.ReLU(), torch.nn.Linear(400, 10))
    flat = both.reshape(100, -1) / 255
    weights = e.rng.normal(size=(400, 64)) * 3
    hidden = np.maximum(flat @ weights.T, 0)
    out = np.linalg.lstsq(hidden, np.eye(10)[classes], rcond=None)[0]
    with torch.no_grad():
        made[1].weight.copy_(torch.from_numpy(weights))
        made[1].bias.zero_()
        made[3].weight.copy_(torch.from_numpy(out.T))
        made[3].bias.zero_()
    (e.folder / "bad_model" / "data").mkdir(parents=True, exist_ok=True)
    torch.save(made, e.folder / "bad_model" / "data" / "model.pth")
    (e.folder / "bad_model" / "MLmodel").write_text(
        f"flavors:\n  pytorch:\n    model_data: data\n    pytorch_version: {torch.__version__}\n"
    )


def weakest_slices(e: Example) -> None:
    """Good: new rows as in training. Bad: at the site in the south most labels are wrong."""

    def rows(n: int) -> pd.DataFrame:
        vibration, site = e.rng.gamma(2, 1, n).round(3), e.rng.choice(["north", "south", "east"], n)
        odds = 4 * (vibration - 1.7)
        fault = np.where(e.rng.random(n) < 1 / (1 + np.exp(-odds)), "yes", "no")
        temperature = e.rng.normal(60, 5, n).round(1)
        return pd.DataFrame({"vibration": vibration, "temperature": temperature, "site": site, "fault": fault})

    train, good = rows(800), rows(800)
    e.write(train, "control_train.csv")
    e.write(good, "good.csv")
    weak = (good["site"] == "south").to_numpy() & (e.rng.random(len(good)) < 0.7)
    e.write(good.assign(fault=good["fault"].where(~weak, other(good["fault"]))))
    e.model(LogisticRegression().fit(train[["vibration", "temperature"]], train["fault"]), "control_model")


MODELS: dict[str, Callable[[Example], None]] = {
    "drift": drift_model,
    **{
        f.__name__: f
        for f in (
            adversarial_blackbox,
            adversarial_gradient,
            attribution_stability,
            counterfactual_flip,
            cross_validation_spread,
            feature_importance,
            image_corruptions,
            integrated_gradients,
            certified_smoothing,
            cross_validation_spread,
            feature_importance,
            image_corruptions,
            learning_curve,
            metamorphic_relations,
            missing_value_stability,
            noise_stability,
            parameter_randomisation,
            surrogate_fidelity,
            inference_cost,
            membership_inference,
            metamorphic_relations,
            missing_value_stability,
            noise_stability,
            model_file_safety,
            numeric_equivalence,
            repeatability,
            verified_bounds,
            weakest_slices,
        )
    },
}


def main(named: list[str]) -> None:
    """Write the tables of every AIT, or all of those named."""
    for plant in TABLES:
        if not named or plant.__name__ in named:
            plant(Example(plant.__name__))
    for id in named:
        if id in MODELS:
            MODELS[id](Example(id))


if __name__ == "__main__":
    main(sys.argv[1:])
