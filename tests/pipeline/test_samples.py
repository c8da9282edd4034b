"""What a run folder holds of single rows, with each of ``--samples none|ids|full``: every file of it is searched."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import qmtestbed
from qmtestbed.ait import MASK, SampleRows, Subject
from qmtestbed.errors import InputError
from qmtestbed.evidence import RunFolder
from qmtestbed.pipeline import Options, compare, judge_by, resolve_only, verify

ROW, AGE = 733, 9876543.125
"""The row that is planted, and what stands in it: nothing else of the data reads like either."""
PATIENT, CITY, SEX = "PAT-QX-0733", "Planted-on-Sea", "sex-of-the-planted"

MANIFEST = """
schema: qmtestbed/ait/v1
id: {id}
version: 1.0.0
title: Careless
quality: data_quality
method: m
references: []
informs: {{}}
inputs: {{data: {{kind: table}}}}
measures: {{rows: {{unit: rows, range: [0, null]}}}}
resources: {{everything: {{kind: table}}, told: {{kind: text}}, chosen: {{kind: rows}}}}
"""
CARELESS = """
from qmtestbed.ait import DataTable, Finding, Prose, SampleRows, Subject
def measure(data):
    frame, at = data.frame, 733
    print("row", at, frame.iloc[at].tolist())
    worst = frame.iloc[[at, at + 1]]
    found = Finding("outlier", Subject(rows=(at,)), "rows", 1.0, f"Row {at} is {frame['patient'][at]}.")
    table = DataTable(("row", "patient"), [(int(i), p) for i, p in worst["patient"].items()])
    chosen = SampleRows([at], {"why": ["odd"]}, cells={"city": [frame["city"][at]]})
    return {"rows": 1, "everything": table, "told": Prose(f"Worst: {frame['patient'][at]}"), "chosen": chosen,
            "findings": [found]}
"""
FAILING = """
def measure(data):
    raise ValueError(f"row 733: can't read {data.frame['city'][733]!r} of {data.frame['patient'][733]!r}")
"""
PLAN = """
schema: qmtestbed/plan/v1
component: patients
inventories:
  data: {uri: data.parquet, label: ill, id: patient, sensitive: [sex]}
  said: {uri: said.parquet, id: patient}
checks:
  careless: {ait: careless, with: {data: data}, expect: [rows <= 0]}
  failing: {ait: failing, with: {data: data}, expect: [rows <= 0]}
  outliers: {ait: outliers, with: {data: data}, expect: [clear_outliers <= 0]}
  duplicates: {ait: record_duplicates, with: {data: data}, expect: [duplicate_share <= 0]}
  performance: {ait: classification_performance, with: {predictions: said, data: data}}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "patient": [f"PAT-QX-{i:04}" for i in range(900)],
            "sex": rng.choice(["f", "m"], 900),
            "city": rng.choice(["Oita", "Kobe"], 900),
            "age": rng.normal(50, 10, 900).round(3),
            "ill": rng.choice(["yes", "no"], 900),
        }
    )
    frame.loc[ROW, ["patient", "sex", "city", "age"]] = [PATIENT, SEX, CITY, AGE]
    frame.to_parquet(folder / "data.parquet")
    frame[["patient"]].assign(predicted=frame["ill"]).to_parquet(folder / "said.parquet")
    (folder / "plan.yaml").write_text(PLAN, "utf-8")
    for name, code in (("careless", CARELESS), ("failing", FAILING)):
        (folder / "aits" / name).mkdir(parents=True)
        (folder / "aits" / name / "ait.yaml").write_text(MANIFEST.format(id=name), "utf-8")
        (folder / "aits" / name / "measure.py").write_text(code, "utf-8")
    return folder


@pytest.fixture(scope="module")
def runs(project: Path) -> dict[str, Path]:
    """Give a run with each mode; that with ``none`` goes on in a folder that held more before."""
    options = {"aits": [project / "aits"], "as_of": "2026-11-20", "isolation": "process"}
    qmtestbed.run(project / "plan.yaml", out=project / "ids", **options)
    shutil.copytree(project / "ids", project / "none")
    qmtestbed.run(project / "plan.yaml", out=project / "none", samples="none", **options)
    (project / "short.yaml").write_text(PLAN[: PLAN.index("  outliers:")], "utf-8")
    qmtestbed.run(project / "short.yaml", out=project / "full", samples="full", **options)
    return {samples: project / samples for samples in ("none", "ids", "full")}


def holding(folder: Path, text: str, logs: bool = True) -> set[str]:
    """Name the files in a folder that hold a text, as UTF-8, UTF-16 or in Arrow's columns."""
    forms = (text.encode(), text.encode("utf-16-le"))
    files = [p for p in folder.rglob("*") if p.is_file() and (logs or "logs" not in p.parts)]
    return {p.relative_to(folder).as_posix() for p in files if any(f in p.read_bytes() for f in forms)}


def test_none_leaves_nothing_of_the_row_in_any_file(runs: dict[str, Path]) -> None:
    folder = runs["none"]
    for text in (PATIENT, "PAT-QX", CITY, SEX, str(AGE), "9876543"):
        assert holding(folder, text) == set(), text
    for path in (p for p in folder.rglob("*") if p.is_file()):
        words = re.sub(r"\b[0-9a-f]{16,}\b|coordinate|base64,[^\"]*", "", path.read_text("utf-8"))
        assert not re.search(r"(?<![\w.#-])733(?![\w.])", words), path
    assert holding(runs["ids"], CITY) and list(runs["ids"].rglob("*.arrow"))  # what it held before
    assert not (folder / "logs").exists() and not list(folder.rglob("*.arrow"))
    evidence = RunFolder(folder).read()
    assert evidence.info.samples == "none" and {r.samples for r in evidence.records.values()} == {"none"}
    finding = evidence.record_of("careless").findings[0]  # type: ignore[union-attr]
    assert finding.subject == Subject(row_count=1) and finding.text == f"Row {MASK} is {MASK}."
    page = (folder / "report.html").read_text("utf-8")
    assert "Left out: nothing of single rows or images is kept" in page and "1 row" in page


def test_ids_is_the_default_and_keeps_numbers_only(runs: dict[str, Path]) -> None:
    folder = runs["ids"]
    evidence = RunFolder(folder).read()
    assert evidence.info.samples == "ids"
    for text in (PATIENT, CITY, SEX, str(AGE)):
        kept = holding(folder, text, logs=False)
        assert all(name.endswith(".arrow") for name in kept), (text, kept)  # predictions, for comparing runs
    finding = evidence.record_of("careless").findings[0]  # type: ignore[union-attr]
    assert finding.subject == Subject(rows=(ROW,)) and finding.text == f"Row {ROW} is {MASK}."
    rows = [r for r in evidence.resources.values() if isinstance(r, SampleRows)]
    assert any(ROW in r.rows for r in rows) and not any(r.cells for r in rows)
    assert "what stands in them is not kept" in (folder / "report.html").read_text("utf-8")


def test_full_shows_the_row_but_neither_who_it_is_nor_what_is_sensitive(runs: dict[str, Path]) -> None:
    folder = runs["full"]
    assert {"report.html", "assessment.json"} <= holding(folder, CITY)
    resources = RunFolder(folder).read().resources.values()
    chosen = next(r for r in resources if isinstance(r, SampleRows) and r.told.get("why"))
    assert (chosen.cells["sex"], chosen.cells["patient"], chosen.cells["age"]) == ((MASK,), (MASK,), (AGE,))
    assert holding(folder, SEX, logs=False) == set()
    error = RunFolder(folder).read().record_of("failing")
    assert error is not None and error.error is not None and CITY in error.error.what


def test_a_run_is_whole_and_its_page_says_which_mode(runs: dict[str, Path]) -> None:
    assert verify(runs["none"], Options()).whole
    for samples, folder in runs.items():
        assert f"--samples {samples}" in (folder / "report.html").read_text("utf-8")


def test_a_run_without_its_predictions_is_judged_again_and_compared(
    runs: dict[str, Path], project: Path, tmp_path: Path
) -> None:
    plan = tmp_path / "other.yaml"
    short = PLAN[: PLAN.index("  outliers:")].replace("rows <= 0", "rows <= 1")
    plan.write_text(short.replace("uri: ", f"uri: {project}/"), "utf-8")
    options = Options(out=tmp_path / "again", aits=(project / "aits",))
    again = judge_by(runs["none"], plan, options)
    assert again.evidence.info.samples == "none" and verify(again.folder, Options()).whole
    assert holding(again.folder, CITY) == holding(again.folder, PATIENT) == set()
    assert RunFolder(runs["none"]).reusable()  # for a gate, less what is not there
    compared = compare([runs["none"], again.folder], Options(out=tmp_path / "compared", aits=(project / "aits",)))
    assert compared.page.is_file()


def test_the_mode_is_part_of_a_job_s_key(project: Path) -> None:
    def keys(samples: str) -> set[str]:
        options = Options(out=project / "o", aits=(project / "aits",), samples=samples)  # type: ignore[arg-type]
        return {job.key for job in resolve_only(project / "plan.yaml", options).jobs}

    assert keys("ids").isdisjoint(keys("full")) and keys("ids").isdisjoint(keys("none"))
    with pytest.raises(InputError, match="samples: unknown value 'some'"):
        Options(samples="some")  # type: ignore[arg-type]
