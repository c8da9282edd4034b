"""What holds of every AIT that ships, built in or not: manifest, function, example, texts in both languages."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from qmtestbed import pipeline
from qmtestbed.catalogue import AitEntry, Catalogue
from qmtestbed.plan import criterion_fault
from qmtestbed.types.criterion import parse_criterion
from qmtestbed.types.manifest import Manifest
from qmtestbed.types.plan import Check, Component, Plan
from qmtestbed.types.values import Text

CATALOGUE = Catalogue()
AITS = sorted(CATALOGUE.aits)


@pytest.fixture(params=AITS)
def entry(request: pytest.FixtureRequest) -> AitEntry:
    return CATALOGUE.aits[request.param]


@pytest.fixture
def manifest(entry: AitEntry) -> Manifest:
    assert entry.manifest is not None, [str(p) for p in entry.broken]
    return entry.manifest


def test_there_are_aits() -> None:
    assert len(AITS) >= 4


def test_the_folder_has_its_files(entry: AitEntry) -> None:
    names = {p.name for p in entry.folder.iterdir()}
    assert names >= {"ait.yaml", "measure.py", "example", f"test_{entry.id}.py"}


def test_the_function_takes_what_the_manifest_names(entry: AitEntry, manifest: Manifest) -> None:
    tree = ast.parse((entry.folder / "measure.py").read_text("utf-8"))
    public = [n for n in tree.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]
    assert [f.name for f in public] == ["measure"], "measure.py holds one public function"
    arguments = public[0].args
    positional = [a.arg for a in arguments.args]
    keyword = {a.arg for a in arguments.kwonlyargs}
    assert positional == list(manifest.inputs)
    assert keyword - {"seed", "confidence"} == set(manifest.parameters)
    optional = {a.arg for a in arguments.args[len(arguments.args) - len(arguments.defaults) :]}
    assert optional == {n for n, spec in manifest.inputs.items() if spec.optional}
    assert ast.get_docstring(public[0])


def test_random_says_whether_it_takes_a_seed(entry: AitEntry, manifest: Manifest) -> None:
    source = (entry.folder / "measure.py").read_text("utf-8")
    assert manifest.random == bool(re.search(r"\bseed\b", source))


def texts(manifest: Manifest) -> list[tuple[str, Text | None]]:
    found: list[tuple[str, Text | None]] = [
        ("title", manifest.title),
        ("method", manifest.method),
        ("meaning", manifest.meaning),
    ]
    found += [(f"measure {n}", s.text) for n, s in manifest.measures.items()]
    found += [(f"resource {n}", r.text) for n, r in manifest.resources.items()]
    found += [(f"suggestion {s.criterion}", s.because) for s in manifest.suggests]
    return found


def test_every_text_is_there_in_both_languages(manifest: Manifest) -> None:
    for name, text in texts(manifest):
        assert text is not None and text.en.strip(), name
        assert text.ja and re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", text.ja), name


def test_sources_and_clauses_are_named(manifest: Manifest) -> None:
    assert manifest.references and manifest.informs
    for guideline, clauses in manifest.informs.items():
        known = CATALOGUE.guideline(guideline).guideline
        assert known is not None and clauses and set(clauses) <= set(known.requirements)


def test_suggestions_are_good_criteria(manifest: Manifest) -> None:
    for suggestion in manifest.suggests:
        check, plan = Check(manifest.id), Plan("qmtestbed/plan/v1", Component("any"))
        assert criterion_fault(parse_criterion(suggestion.criterion), check, manifest, plan) == ("", "")
        assert suggestion.false_alarm and set(suggestion.inputs) <= set(manifest.inputs)


def test_its_example_runs_and_is_met(entry: AitEntry, tmp_path: Path) -> None:
    outcome = pipeline.run(entry.folder / "example" / "plan.yaml", pipeline.Options(out=tmp_path / "out"))
    assert int(outcome.exit_code) == 0
    used = {c.ait for c in outcome.assessment.checks}
    assert used == {entry.id}


def test_every_ait_a_guideline_names_is_there() -> None:
    for name in CATALOGUE.guidelines:
        guideline = CATALOGUE.guideline(name).guideline
        assert guideline is not None
        for id, requirement in guideline.requirements.items():
            for alternative in requirement.alternatives():
                for ait, measure in alternative:
                    manifest = CATALOGUE.ait(ait).manifest
                    assert manifest is not None and id in manifest.informs.get(guideline.extends or name, ()), (id, ait)
                    assert measure is None or measure in manifest.measures
