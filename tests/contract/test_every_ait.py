"""What holds of every AIT that ships: the contract that ``ait check`` looks at, its page, and our own rules beside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qmtestbed import pipeline
from qmtestbed.catalogue import AitEntry, Catalogue
from qmtestbed.documents import dump_document, read_document
from qmtestbed.execute import Launcher
from qmtestbed.pipeline.authors import RULES, check_ait, page_name, page_of
from qmtestbed.render import ait_index

OPTIONS = pipeline.Options(cache=False)
CATALOGUE = Catalogue()
AITS = sorted(CATALOGUE.aits)


@pytest.fixture(params=AITS)
def entry(request: pytest.FixtureRequest) -> AitEntry:
    return CATALOGUE.aits[request.param]


def test_there_are_aits() -> None:
    assert len(AITS) >= 25


def test_it_keeps_the_contract_and_its_pages_are_up_to_date(
    entry: AitEntry, launcher: Launcher, checkout: Path
) -> None:
    """If a page is out of date on purpose: ``qmtestbed ait docs --out docs/aits``."""
    checked = check_ait(entry.id, OPTIONS, launcher=launcher)
    assert [str(fault) for rule in checked.rules for fault in rule.faults] == []
    assert checked.passed and tuple(rule.name for rule in checked.rules) == RULES
    for language in ("en", "ja"):
        page = checkout / "docs" / "aits" / page_name(entry.id, language)
        assert page_of(checked, CATALOGUE, language) == page.read_text("utf-8"), page.name


def test_the_folder_has_its_files(entry: AitEntry) -> None:
    names = {p.name for p in entry.folder.iterdir()}
    assert names >= {"ait.yaml", "measure.py", "example", f"test_{entry.id}.py"}
    assert entry.manifest is not None and entry.manifest.informs


def test_three_quarters_of_those_that_ask_a_model_do_so_of_scikit_learn() -> None:
    """Told from the models of their examples, on which the contract runs them."""
    asking = [e for id in AITS if (e := CATALOGUE.aits[id]).manifest and _asks(e)]
    of_scikit_learn = [
        e for e in asking if any("sklearn:" in f.read_text() for f in e.folder.glob("example/*/MLmodel"))
    ]
    assert len(asking) >= 20
    assert len(of_scikit_learn) >= 0.75 * len(asking)


def _asks(entry: AitEntry) -> bool:
    return entry.manifest is not None and any(spec.kind == "model" for spec in entry.manifest.inputs.values())


def test_the_index_lists_all_and_no_page_is_left_over(checkout: Path) -> None:
    folder = checkout / "docs" / "aits"
    manifests = [m for id in AITS if (m := CATALOGUE.aits[id].manifest)]
    for language in ("en", "ja"):
        assert ait_index(manifests, language) == (folder / page_name("index", language)).read_text("utf-8")
    assert {p.name for p in folder.iterdir()} == {page_name(id, x) for id in (*AITS, "index") for x in ("en", "ja")}


def test_all_examples_are_met_and_stand_on_one_page(tmp_path: Path) -> None:
    """Each resource and figure of each AIT is rendered."""
    plan: dict[str, Any] = {"schema": "qmtestbed/plan/v1", "component": "all", "inventories": {}, "checks": {}}
    for id in AITS:
        folder = CATALOGUE.aits[id].folder / "example"
        example = read_document(folder / "plan.yaml").data
        for name, inventory in example["inventories"].items():
            written = {"uri": inventory} if isinstance(inventory, str) else inventory
            plan["inventories"][f"{id}-{name}"] = {**written, "uri": str(folder / written["uri"])}
        for name, check in example["checks"].items():
            bound = {n: f"{id}-{inventory}" for n, inventory in check["with"].items()}
            plan["checks"][f"{id}-{name}"] = {**check, "with": bound}
    (tmp_path / "plan.yaml").write_bytes(dump_document(plan))
    outcome = pipeline.run(tmp_path / "plan.yaml", pipeline.Options(out=tmp_path / "out", cache=False))
    assert int(outcome.exit_code) == 0
    assert {c.ait for c in outcome.assessment.checks} == set(AITS)
    page = outcome.page.read_text("utf-8")
    assert all(f"{id}-" in page for id in AITS)


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
