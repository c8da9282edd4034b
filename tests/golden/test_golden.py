"""A record and an assessment, byte by byte: what other tools read does not change by accident.

To change them on purpose: ``pytest tests/golden --update-golden``, and say why in CHANGELOG.md.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from qmtestbed import pipeline
from qmtestbed.catalogue import Catalogue
from qmtestbed.errors import ContentError
from qmtestbed.types.codec import encode, pretty
from qmtestbed.types.job import Environment

HERE = Path(__file__).parent

PLAN = """
schema: qmtestbed/plan/v1
component: {name: golden, description: A table of eight rows}
guideline: mlqm@3
levels: {performance: AIPL-1}
inventories:
  data: {uri: data.csv, label: answer, id: key}
  said: {uri: said.csv, label: truth, task: classification}
checks:
  completeness:
    ait: data_completeness
    with: {data: data}
    expect: [value_completeness >= 0.9, {criterion: label_completeness >= 1, because: every row has an answer}]
  performance:
    ait: classification_performance
    with: {predictions: said}
    expect: [accuracy >= 0.5 at 95%, "recall[yes] >= 0.9"]
declarations:
  - {requirement: A-1-L1-1, statement: Hazards are listed, by: QA, date: 2026-01-01}
  - {requirement: E-1-L1-1, statement: Too old, by: QA, date: 2020-01-01, until: 2021-01-01}
  - {requirement: D-1-L1-1, not_applicable: There is no software, by: QA, date: 2026-01-01}
"""
DATA = "key,a,b,answer\n" + "".join(f"k{i},{i},{'' if i == 3 else 'x'},{i % 2}\n" for i in range(8))
SAID = "truth,predicted\n" + "yes,yes\n" * 12 + "yes,no\n" * 3 + "no,no\n" * 15


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> pipeline.Outcome:
    folder = tmp_path_factory.mktemp("golden")
    (folder / "plan.yaml").write_text(PLAN, "utf-8")
    (folder / "data.csv").write_text(DATA, "utf-8")
    (folder / "said.csv").write_text(SAID, "utf-8")
    return pipeline.run(folder / "plan.yaml", pipeline.Options(out=folder / "out", as_of="2026-11-20"))


def compare(name: str, made: bytes, update: bool) -> None:
    path = HERE / name
    if update:
        path.write_bytes(made)
    assert made.decode() == path.read_text("utf-8")


MACHINE = Environment("3.x", "any", {})


def test_record(outcome: pipeline.Outcome, update_golden: bool) -> None:
    """What depends on the machine or on the code's digest is masked; everything else is pinned."""
    record = outcome.evidence.record_of("performance")
    assert record is not None
    masked = replace(
        record,
        key="KEY",
        environment=MACHINE,
        started="",
        seconds=0.0,
        peak_memory=0,
        isolation=(),
        program=replace(record.program, sha256="CODE"),
    )
    compare("record.json", pretty(masked), update_golden)


def test_assessment(outcome: pipeline.Outcome, update_golden: bool) -> None:
    names = {key: f"RECORD-OF-{check}" for check, key in outcome.evidence.info.checks.items()}
    text = pretty(replace(outcome.assessment, run="RUN")).decode()
    for key, name in names.items():
        text = text.replace(key, name)
    compare("assessment.json", text.encode(), update_golden)


def schema(checkout: Path, name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(
        json.loads((checkout / "qmtestbed/schemas" / f"{name}.v1.json").read_bytes())
    )


def test_every_file_of_a_run_is_valid_by_its_schema(outcome: pipeline.Outcome, checkout: Path) -> None:
    def read(path: Path) -> Any:
        return json.loads(path.read_bytes())

    folder = outcome.folder
    for name in ("run", "bundle", "assessment", "views"):
        schema(checkout, name).validate(read(folder / f"{name}.json"))
    for path in folder.glob("records/*.json"):
        schema(checkout, "record").validate(read(path))
    schema(checkout, "plan").validate(encode(outcome.evidence.plan))


def test_the_bundle_lists_every_file_that_is_evidence(outcome: pipeline.Outcome) -> None:
    listed = {e["path"] for e in json.loads((outcome.folder / "bundle.json").read_bytes())["files"]}
    there = {p.relative_to(outcome.folder).as_posix() for p in outcome.folder.rglob("*") if p.is_file()}
    derived = {"bundle.json", "assessment.json", "views.json", "report.html", "summary.md", "junit.xml"}
    assert {p for p in there - listed if not p.startswith("logs/")} == derived
    assert listed <= there


def test_judging_and_rendering_again_gives_the_same_bytes(outcome: pipeline.Outcome) -> None:
    files = ("assessment.json", "report.html", "summary.md", "junit.xml", "views.json")
    before = {n: (outcome.folder / n).read_bytes() for n in files}
    pipeline.judge_again(outcome.folder, pipeline.Options())
    assert {n: (outcome.folder / n).read_bytes() for n in files} == before
    (japanese,) = pipeline.report(outcome.folder, pipeline.Options(language="ja"))
    assert japanese.name == "report.ja.html" and '<html lang="ja"' in japanese.read_text("utf-8")


def test_other_pages_stand_beside_the_report_and_are_listed_with_their_template(
    outcome: pipeline.Outcome, catalogue: Catalogue, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(outcome.folder, folder)
    asked = pipeline.Options(templates=("summary", "audit", "summary"), language="ja", pdf=True)
    made = [p.name for p in pipeline.report(folder, asked)]
    assert made == ["summary.ja.html", "summary.ja.pdf", "audit.ja.html", "audit.ja.pdf"]
    views = {v["path"]: v for v in json.loads((folder / "views.json").read_bytes())["views"]}
    assert {*made, "report.html", "summary.md", "junit.xml"} <= views.keys()
    made_by = views["audit.ja.pdf"]["template_sha256"]
    assert made_by == views["audit.ja.html"]["template_sha256"] != views["summary.ja.html"]["template_sha256"]
    assert pipeline.verify(folder, pipeline.Options()).whole
    before = {n: (folder / n).read_bytes() for n in made}
    pipeline.report(folder, asked)
    assert {n: (folder / n).read_bytes() for n in made} == before
    assert pipeline.judge_again(folder, pipeline.Options()).page.name == "report.html"


def test_a_template_that_can_not_be_used_leaves_the_folder_as_it_was(outcome: pipeline.Outcome, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "template.yaml").write_text("schema: qmtestbed/report/v1\nid: mine\ntitle: Mine\n")
    (mine / "page.html.j2").write_text("<p>\n{{ v.nothing }}</p>")
    before = {p: p.read_bytes() for p in outcome.folder.rglob("*") if p.is_file()}
    with pytest.raises(ContentError, match=r"page\.html\.j2:2"):
        pipeline.report(outcome.folder, pipeline.Options(templates=("model_card", str(mine))))
    assert {p: p.read_bytes() for p in outcome.folder.rglob("*") if p.is_file()} == before
