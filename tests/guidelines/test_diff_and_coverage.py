"""What is not the same in two guidelines, and what of one can be measured with what is installed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from qmtestbed.catalogue import Catalogue
from qmtestbed.guidelines.coverage import coverage
from qmtestbed.guidelines.diff import Changed, Compared, diff
from qmtestbed.types.guideline import Guideline
from qmtestbed.types.text import Text

Cli = Callable[..., CompletedProcess[str]]

THREE = "adversarial_gradient or adversarial_blackbox or noise_stability"


@pytest.fixture(scope="module")
def mlqm(catalogue: Catalogue) -> Guideline:
    guideline = catalogue.guideline("mlqm@3").guideline
    assert guideline is not None
    return guideline


def test_a_guideline_is_the_same_as_itself(mlqm: Guideline) -> None:
    assert diff(mlqm, mlqm).same


def test_what_is_added_removed_and_changed_is_told(mlqm: Guideline) -> None:
    requirements = dict(mlqm.requirements)
    new = requirements.pop("A-1-L1-1")
    requirements["Z-1"] = new
    requirements["A-1-L2-1"] = replace(requirements["A-1-L2-1"], needs=("measured", "declared"))
    requirements["C-2-L2-1"] = replace(requirements["C-2-L2-1"], informed_by=(("noise_stability",),))
    requirements["A-2-L1-1"] = replace(requirements["A-2-L1-1"], summary=Text("other words"))
    risk = mlqm.dimensions["risk_avoidance"]
    chain = risk.chains[0]
    levels = (chain[0], replace(chain[1], asks=("A-1-L1",)), *chain[2:-1])
    dimensions = {**mlqm.dimensions, "risk_avoidance": replace(risk, chains=(levels,))}
    del dimensions["security"]
    found = diff(mlqm, replace(mlqm, edition="4", dimensions=dimensions, requirements=requirements))
    assert (found.before, found.after) == ("mlqm@3", "mlqm@4")
    assert found.dimensions == Compared((), ("security",), ())
    assert found.levels.removed == ("risk_avoidance AISL-4",)
    (asks,) = found.levels.changed
    assert (asks.id, asks.aspect, asks.after) == ("risk_avoidance AISL-0.1", "asks", "A-1-L1")
    assert (found.requirements.added, found.requirements.removed) == (("Z-1",), ("A-1-L1-1",))
    assert found.requirements.changed == (
        Changed("A-1-L2-1", "needs", "declared", "measured and declared"),
        Changed("A-2-L1-1", "text", "", ""),
        Changed(
            "C-2-L2-1",
            "informed_by",
            "adversarial_gradient or adversarial_blackbox or noise_stability",
            "noise_stability",
        ),
    )


def test_coverage_counts_the_parts_that_the_headline_counts(mlqm: Guideline) -> None:
    aits = {i.ait for r in mlqm.requirements.values() for a in r.alternatives() for i in a}
    found = coverage(mlqm, aits)
    assert (found.measured_parts, found.declared_parts, found.measurable_parts) == (21, 35, 14)
    by_id = {r.id: r for r in found.requirements}
    assert by_id["A-1-L1-1"].measurable is None and by_id["D-1-L3-1"].measurable is False
    without = aits - {"adversarial_gradient", "adversarial_blackbox", "noise_stability"}
    fewer = {r.id: r for r in coverage(mlqm, without).requirements}
    assert fewer["C-2-L2-1"].measurable is False
    assert fewer["C-2-L2-1"].lacking == ("adversarial_blackbox", "adversarial_gradient", "noise_stability")
    assert fewer["C-2-L1-1"].measurable is True  # image_corruptions alone is enough


def test_the_commands_say_it(cli_here: Cli, checkout: Path, tmp_path: Path) -> None:
    done = cli_here("guideline", "coverage", "iso-5259-2@2024")
    assert done.returncode == 0
    assert "data_completeness on value_completeness" in done.stdout
    assert "66 requirements; measured parts with AITs 10 of 37; declared parts 29" in done.stdout
    (tmp_path / "mlqm").mkdir()
    text = (checkout / "guidelines" / "mlqm" / "3.yaml").read_text("utf-8").replace('edition: "3"', 'edition: "3x"')
    other = tmp_path / "mlqm" / "3x.yaml"
    other.write_text(
        text.replace(
            "informed_by: [[adversarial_gradient], [adversarial_blackbox], [noise_stability]]", "informed_by: []"
        ),
        "utf-8",
    )
    said = cli_here("guideline", "diff", "mlqm@3", other)
    assert (
        "* C-2-L2-1 informed_by: adversarial_gradient or adversarial_blackbox or noise_stability → nothing"
        in said.stdout
    )
    parsed = json.loads(cli_here("guideline", "diff", "mlqm@3", other, "--json").stdout)
    assert [c["id"] for c in parsed["requirements"]["changed"]] == ["C-2-L2-1"]
    assert "the same" in cli_here("guideline", "diff", "mlqm@3", "mlqm@3").stdout
    assert cli_here("guideline", "diff", "mlqm@3", "mlqm@9").returncode == 4
    good = cli_here("guideline", "check", other)
    assert (good.returncode, "no problems" in good.stdout) == (0, True)
    other.write_text(text.replace("[attribute_coverage]", "[attribute_cover]"), "utf-8")
    bad = cli_here("guideline", "check", other)
    assert bad.returncode == 1 and "unknown AIT 'attribute_cover'" in bad.stdout and f"{other}:" in bad.stdout
    assert cli_here("guideline", "check", tmp_path / "none.yaml").returncode == 1
    assert cli_here("guideline", "export", "mlqm@3", "--to", tmp_path / "m.json", "--lang", "ja").returncode == 0
    imported = cli_here("guideline", "import", tmp_path / "m.json", "--id", "mine", "--edition", "1", "--to", tmp_path)
    assert imported.returncode == 0 and "38 requirements" in imported.stdout
    assert cli_here("guideline", "check", tmp_path / "mine" / "1.yaml").returncode == 0
    assert cli_here("guideline", "export", "mlqm@3", "--to", tmp_path / "m.json").returncode == 4
