"""Bad input, row by row: one clear message with what to do, exit 4 or a failed record, nothing written half."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

Cli = Callable[..., subprocess.CompletedProcess[str]]
MODEL = "models:/churn@champion"


@pytest.fixture
def cli(project: Path, cli_here: Cli) -> Cli:
    """Run the command line in this process; tests/cli runs it as a user does."""
    return cli_here


def refused(cli: Cli, folder: Path, *arguments: str, **environment: str) -> str:
    """Run a command that must end with exit 4, without a traceback and without leaving anything; give its message."""
    before = sorted(p.name for p in folder.iterdir())
    done = cli(*arguments, "--out", "out", **environment)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(p.name for p in folder.iterdir()) == before
    return done.stderr


def test_label_column_missing(project: Path, cli: Cli) -> None:
    said = refused(cli, project, "evaluate", MODEL, "--data", "test.parquet", "--label", "churnd")
    assert "no column 'churnd'" in said and "test.parquet" in said and "did you mean 'churned'?" in said


@pytest.mark.parametrize("name", ["empty.parquet", "empty.csv", "nothing.csv"])
def test_an_empty_table(project: Path, cli: Cli, name: str) -> None:
    test = pd.read_parquet("test.parquet").iloc[:0]
    if name == "nothing.csv":
        (project / name).write_bytes(b"")
    else:
        test.to_parquet(name) if name.endswith("parquet") else test.to_csv(name, index=False)
    said = refused(cli, project, "evaluate", MODEL, "--data", name, "--label", "churned")
    assert name in said and ("is empty" in said or "no header" in said)


def test_a_feature_of_the_model_missing(project: Path, cli: Cli) -> None:
    pd.read_parquet("test.parquet").rename(columns={"visits": "visit"}).to_parquet("renamed.parquet")
    said = refused(cli, project, "evaluate", MODEL, "--data", "renamed.parquet", "--label", "churned")
    assert MODEL in said and "renamed.parquet" in said and "'visits'" in said and "did you mean 'visit'?" in said


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        (("--level", "performance=AIPL-9"), "--level: unknown level 'AIPL-9' of performance"),
        (("--level", "perfomance=AIPL-1"), "--level: unknown quality 'perfomance' of mlqm@3"),
        (("--guideline", "mlqm@4"), "--guideline: unknown guideline 'mlqm@4'"),
        (("--design", "train.py"), "train.py"),
        (("--design", "empty.yaml"), "empty.yaml:1: it declares nothing"),
        (("--design", "list.yaml"), "list.yaml"),
        (("--design", "bins.yaml"), "bins.yaml:2: bins.age: edges must be increasing numbers"),
    ],
)
def test_what_is_asked_for_is_looked_at_before_the_model_is(
    project: Path, cli: Cli, asked: tuple[str, ...], where: str
) -> None:
    (project / "train.py").write_text("import sklearn\n")
    (project / "list.yaml").write_text("- a\n")
    (project / "empty.yaml").touch()
    (project / "bins.yaml").write_text("schema: qmtestbed/design/v1\nbins: {age: [30, 20]}\n")
    said = refused(cli, project, "evaluate", MODEL, "--data", "test.parquet", "--label", "churned", *asked)
    assert where in said and "plan:" not in said and "probe" not in said


@pytest.mark.parametrize("lost", ["visits", "all"])
def test_training_data_of_something_else(project: Path, cli: Cli, lost: str) -> None:
    train = pd.read_parquet("train.parquet")
    renamed = {c: f"{c}_2" for c in train.columns if lost in (c, "all")}
    train.rename(columns=renamed).to_parquet("other.parquet")
    roles = ("--label", "churned") if lost != "all" else ()
    said = refused(cli, project, "evaluate", MODEL, "--data", "test.parquet", "--train", "other.parquet", *roles)
    what = "share too few columns" if lost == "all" else "takes features that other.parquet does not have"
    assert what in said and "'train'" in said


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda p: p.write_bytes(b"PAR1 and then nothing"), "not a parquet file"),
        (lambda p: p.write_bytes(Path("test.parquet").read_bytes()[:3000]), "not a parquet file"),
        (lambda p: p.write_bytes(b""), "0 bytes"),
        (lambda p: p.unlink(), "no such file"),
        (lambda p: (p.unlink(), p.mkdir()), "a folder, not a file"),
    ],
)
def test_a_data_file_that_is_none(project: Path, cli: Cli, make: Callable[[Path], object], said: str) -> None:
    path = project / "bad.parquet"
    path.write_bytes(b"x")
    make(path)
    assert said in refused(cli, project, "evaluate", MODEL, "--data", "bad.parquet", "--label", "churned")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", "あ,い\nう,え\n".encode("cp932"), "cp932"),
        ("t.csv", b"a,a,churned\n1,2,no\n", "columns named twice"),
        ("t.csv", b"\x00\x01\x02\x00\n\x00", "not a CSV file"),
        ("t.xlsx", b"PK", "not a kind of table file"),
        ("t", b"a,b\n", "not a kind of table file"),
    ],
)
def test_a_table_that_can_t_be_read(project: Path, cli: Cli, name: str, content: bytes, said: str) -> None:
    (project / name).write_bytes(content)
    assert said in refused(cli, project, "evaluate", MODEL, "--data", name, "--label", "churned")


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("models:/chrun@champion", "did you mean 'churn'?"),
        ("models:/churn@champoin", "did you mean 'champion'?"),
        ("models:/churn/7", "known: 1"),
        ("models:/m-0123456789abcdef0123456789abcdef", "not found"),
        ("runs:/0123456789abcdef0123456789abcdef/model", "not found"),
        ("models:/churn", "models:/name@alias"),
        ("models:churn", "models:/name@alias"),
        ("churn", "no such model"),
        (".", "no MLmodel file"),
    ],
)
def test_a_model_that_is_not_there(project: Path, cli: Cli, uri: str, said: str) -> None:
    assert said in refused(cli, project, "evaluate", uri, "--data", "test.parquet", "--label", "churned")


@pytest.mark.parametrize(
    ("tracking", "said"),
    [
        ("sqlite:///nowhere.db", "there is no MLflow store here"),
        ("sqlit:///mlflow.db", "can't be found"),
        ("http://127.0.0.1:9", "can't be found"),
    ],
)
def test_a_store_that_is_not_there(project: Path, cli: Cli, tracking: str, said: str) -> None:
    few = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "2"}
    message = refused(
        cli,
        project,
        "evaluate",
        MODEL,
        "--data",
        "test.parquet",
        "--label",
        "churned",
        MLFLOW_TRACKING_URI=tracking,
        **few,
    )
    assert said in message and "MLFLOW_TRACKING_URI" in message


def test_no_label_anywhere_is_undefined_and_never_met(project: Path, cli: Cli) -> None:
    pd.read_parquet("test.parquet").assign(churned=None).to_parquet("unlabelled.parquet")
    roles = ("--label", "churned", "--id", "customer")
    done = cli("evaluate", MODEL, "--data", "unlabelled.parquet", *roles, "--out", "out")
    assert done.returncode == 2, done.stderr
    assert "There is no labelled row to measure." in done.stdout


def test_all_problems_of_models_and_data_at_once(project: Path, cli: Cli) -> None:
    text = (project / "plan.yaml").read_text("utf-8")
    text = text.replace("uri: test.parquet", "uri: tset.parquet").replace("@champion", "@nobody")
    (project / "plan.yaml").write_text(text, "utf-8")
    said = refused(cli, project, "run", "plan.yaml")
    assert "no alias 'nobody'" in said and "tset.parquet" in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("accuracy >= 0.7", "acuracy >= 0.7", "plan.yaml:14: classification_performance has no measure 'acuracy'"),
        ("ait: data_completeness", "ait: data_completness", "did you mean 'data_completeness'"),
        ("value_completeness >= 0.99", "value_completeness >= 1.5", "no value can meet it"),
        ("  completeness:", "  performance:", "stands here twice"),
        ("component: churn", "component: churn\nextra: 1", "unknown key 'extra'"),
        ("guideline: mlqm@3", "guideline: !!python/name:os.system mlqm@3", "tag"),
        ("with: {data: test}", "with: {data: test", "is not YAML"),
    ],
)
def test_a_plan_with_a_mistake(project: Path, cli: Cli, old: str, new: str, said: str) -> None:
    text = (project / "plan.yaml").read_text("utf-8")
    assert old in text
    (project / "plan.yaml").write_text(text.replace(old, new), "utf-8")
    assert said in refused(cli, project, "run", "plan.yaml")


def test_a_folder_of_another_run_is_left_alone(project: Path, cli: Cli) -> None:
    (project / "out").mkdir()
    (project / "out" / "thesis.txt").write_text("my life's work")
    done = cli("evaluate", MODEL, "--data", "test.parquet", "--label", "churned", "--out", "out")
    assert done.returncode == 4 and "not empty and holds no run" in done.stderr
    assert [p.name for p in (project / "out").iterdir()] == ["thesis.txt"]


def test_a_check_that_its_inventory_can_t_serve(project: Path, cli: Cli) -> None:
    text = (project / "plan.yaml").read_text("utf-8")
    (project / "plan.yaml").write_text(
        text.replace("uri: test.parquet, label: churned,", "uri: test.parquet,"), "utf-8"
    )
    said = refused(cli, project, "run", "plan.yaml")
    assert "check 'performance'" in said and "no column has the role 'label'" in said


def test_the_same_plan_in_the_same_folder_and_another(project: Path, cli: Cli) -> None:
    text = (project / "plan.yaml").read_text("utf-8")
    begin, end = text.index("  performance:\n"), text.index("  completeness:\n")
    (project / "plan.yaml").write_text(text[:begin] + text[end:], "utf-8")
    assert cli("run", "plan.yaml", "--out", "out").returncode == 0
    again = cli("run", "plan.yaml", "--out", "out")
    assert again.returncode == 0 and "0 of 1 jobs" in again.stderr
    changed = (project / "plan.yaml").read_text("utf-8").replace(">= 0.99", ">= 0.98")
    (project / "plan.yaml").write_text(changed, "utf-8")
    other = cli("run", "plan.yaml", "--out", "out")
    assert other.returncode == 4 and "a run of another plan" in other.stderr
