"""``ait check`` finds what breaks the contract, and says what to do: a new AIT passes and is broken rule by rule."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from qmtestbed.ait import Roles
from qmtestbed.catalogue import read_ait
from qmtestbed.errors import ContentError, InputError
from qmtestbed.execute import Launcher
from qmtestbed.pipeline import Options, Subject
from qmtestbed.pipeline.authors import check_ait, new_ait, parameters_of, run_ait
from qmtestbed.pipeline.authors.rules import static_rules

OPTIONS = Options(cache=False)
Faults = dict[str, str]


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), "utf-8")


@pytest.fixture
def faults(fresh: Path, launcher: Launcher) -> Callable[[], Faults]:
    """Check the new AIT; give what is wrong with it by rule."""

    def check() -> Faults:
        checked = check_ait(str(fresh), OPTIONS, launcher=launcher)
        return {r.name: "\n".join(map(str, r.faults)) for r in checked.rules if not r.holds}

    return check


def test_a_new_one_passes(faults: Callable[[], Faults]) -> None:
    assert faults() == {}


def test_few_changed_lines_make_a_measure_of_ones_own(fresh: Path, faults: Callable[[], Faults]) -> None:
    change(fresh / "measure.py", "rows.isna().any(axis=1)", '(rows["monthly_fee"] < 0)')
    change(fresh / "ait.yaml", "Rows that break a rule", "Fees below zero")
    assert faults() == {}


# -- what running shows ---------------------------------------------------------------------------------------


def test_names_that_are_not_declared(fresh: Path, faults: Callable[[], Faults]) -> None:
    change(fresh / "measure.py", '"faulty_share": share', '"faulty_share": share, "extra": 1')
    found = faults()
    assert "names that its manifest does not declare" in found["output"] and "extra" in found["output"]
    assert {"example", "control", "bad input"} <= found.keys()


def test_two_runs_that_differ(fresh: Path, faults: Callable[[], Faults]) -> None:
    change(fresh / "measure.py", "broken = rows", "import time\n    broken = rows")
    now = '"findings": [Finding("constant", Subject(column="age"), "faulty_share", time.time_ns(), "now")]'
    change(fresh / "measure.py", '"findings": [finding] if broken.any() else []', now)
    assert list(found := faults()) == ["determinism"]
    assert "numpy.random.default_rng(seed)" in found["determinism"]


def test_a_single_row_and_a_table_without_columns(fresh: Path, faults: Callable[[], Faults]) -> None:
    change(fresh / "measure.py", "if rows.empty:", "if rows.iloc[1, 0] is None:")
    found = faults()
    assert list(found) == ["bad input"]
    assert "a single row breaks it" in found["bad input"] and "no column to look at breaks it" in found["bad input"]
    assert "IndexError" in found["bad input"] and "return Undefined(reason)" in found["bad input"]


def test_controls_that_can_t_be_told_apart(fresh: Path, faults: Callable[[], Faults]) -> None:
    controls = fresh / "example" / "controls.yaml"
    change(controls, "bad: {uri: bad.csv", "bad: {uri: good.csv")
    assert "the bad input misses no default criterion" in faults()["control"]
    change(controls, "good: {uri: good.csv", "good: {uri: bad.csv")
    assert "the good input does not meet 'faulty_share <= 0.01'" in faults()["control"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("bad: {ait", "worse: {ait", "no check is called bad"),
        ("bad: {ait: my_ait", "bad: {ait: outliers", "is of another AIT"),
        ("with: {data: bad}", "with: {data: bad}, expect: [faulty_share <= 1]", "no value can miss it"),
        ("with: {data: bad}", "with: {data: bad}, expect: [faulty_share <= 0]", "has criteria of its own"),
    ],
)
def test_controls_that_are_none(fresh: Path, faults: Callable[[], Faults], old: str, new: str, said: str) -> None:
    change(fresh / "example" / "controls.yaml", old, new)
    (fresh / "example" / "plan.yaml").unlink()
    found = faults()
    assert said in found["control"] and "example" in found


def test_a_program_for_information_only_has_criteria_in_its_controls(fresh: Path, faults: Callable[[], Faults]) -> None:
    manifest = fresh / "ait.yaml"
    text = manifest.read_text("utf-8")
    start, end = text.index("suggests:"), text.index("limits:")
    manifest.write_text(text[:start] + text[end:], "utf-8")
    assert "there is no default criterion" in faults()["criteria"]
    change(manifest, "limits:", "information: true\nlimits:")
    assert "the check 'good' has no criteria" in faults()["control"]
    controls = fresh / "example" / "controls.yaml"
    for name in ("good", "bad"):
        change(controls, f"with: {{data: {name}}}", f"with: {{data: {name}}}, expect: [faulty_share <= 0.01]")
    assert faults() == {}
    manifest.write_text(text.replace("limits:", "information: true\nlimits:"), "utf-8")
    assert "for information only and suggests a criterion" in faults()["criteria"]


def test_a_program_without_an_example(fresh: Path, launcher: Launcher) -> None:
    for path in (fresh / "example").iterdir():
        path.unlink()
    rules = {r.name: r for r in check_ait(str(fresh), OPTIONS, launcher=launcher).rules}
    assert "there is no control pair" in str(rules["control"].faults[0])
    assert not rules["determinism"].checked and not rules["output"].holds


def test_limits_that_are_too_tight(fresh: Path, faults: Callable[[], Faults]) -> None:
    change(fresh / "measure.py", "rows = data.features", "import time\n    time.sleep(1)\n    rows = data.features")
    change(fresh / "ait.yaml", "timeout: 1min", "timeout: 1s")
    assert "comes near its limits" in faults()["limits"]


# -- what the files show --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "old", "new", "rule", "said"),
    [
        ("measure.py", "data: Table", "table: Table", "function", "its arguments are not the inputs"),
        ("measure.py", "data: Table", "data: Table = None", "function", "other inputs are optional"),
        ("measure.py", "confidence: float = 0.95", "bins: int = 3", "function", "not the parameters"),
        ("measure.py", '    """Count the rows that break the rule."""\n', "", "function", "no docstring"),
        ("measure.py", "def measure(", "def count(", "function", "one public function"),
        ("measure.py", "return {", "return {{", "function", "no Python program"),
        ("measure.py", "the rule: true", "the seed: true", "function", "whether it is random"),
        ("ait.yaml", "{cite: A rule of the house}", "", "sources", "no source is named"),
        ("ait.yaml", "informs: {}", "informs: {mlqm@3: [B-9]}", "sources", "no clause 'B-9'"),
        ("ait.yaml", "informs: {}", "informs: {mlqm@2: []}", "sources", "unknown guideline 'mlqm@2'"),
        ("ait.yaml", ", ja: 規則に反する行}", "}", "docs", "title has no Japanese text"),
        ("ait.yaml", "    text: {en: Share", "    #", "docs", "measures.faulty_share has no text"),
        ("ait.yaml", "false_alarm: none, where the rule is right", "false_alarm: ''", "criteria", "false alarm"),
        ("ait.yaml", "faulty_share <= 0.01", "faulty_share >= 0.01", "criteria", "is better when lower"),
    ],
)  # fmt: skip
def test_faults_that_the_files_show(fresh: Path, file: str, old: str, new: str, rule: str, said: str) -> None:
    change(fresh / file, old, new)
    entry = read_ait(fresh, "test")
    assert entry.manifest is not None, entry.broken
    found = {
        r.name: "\n".join(map(str, r.faults))
        for r in static_rules(entry, entry.manifest, OPTIONS.catalogue(), ("en", "ja"))
    }
    assert said in found[rule] and "  do:" in found[rule]
    assert [name for name, text in found.items() if text] == [rule]


def test_english_alone_may_be_asked_for(fresh: Path) -> None:
    change(fresh / "ait.yaml", ", ja: 規則に反する行}", "}")
    entry = read_ait(fresh, "test")
    assert entry.manifest is not None
    assert all(r.holds for r in static_rules(entry, entry.manifest, OPTIONS.catalogue(), ("en",)))


def test_nothing_runs_while_the_manifest_or_a_library_is_missing(fresh: Path) -> None:
    change(fresh / "ait.yaml", "limits:", "requires: [no-such-library]\nlimits:")
    rules = {r.name: r for r in check_ait(str(fresh), OPTIONS).rules}
    assert "pip install 'no-such-library'" in str(rules["libraries"].faults[0])
    assert not rules["example"].checked
    change(fresh / "ait.yaml", "id: my_ait", "id: your_ait")
    rules = {r.name: r for r in check_ait(str(fresh), OPTIONS).rules}
    assert "the id is not the folder's name" in str(rules["manifest"].faults[0])
    assert [r.name for r in rules.values() if r.checked] == ["manifest"]


# -- new, and run ---------------------------------------------------------------------------------------------


def test_a_new_one_takes_nothing_that_is_there(fresh: Path, tmp_path: Path) -> None:
    for id, package, said in (
        ("my_ait", None, "something already"),
        ("My-ait", None, "can't be an id"),
        ("outliers", None, "the id is taken"),
        ("other", "Acme!", "can't be the name of a package"),
    ):
        with pytest.raises(InputError, match=said):
            new_ait(id, tmp_path, OPTIONS, package)
    with pytest.raises(ContentError, match="did you mean 'outliers'"):
        check_ait("outlier", OPTIONS)


def test_a_package_takes_several(tmp_path: Path) -> None:
    folders = [new_ait(id, tmp_path, OPTIONS, "acme-more") for id in ("one", "two")]
    assert [f.relative_to(tmp_path).as_posix() for f in folders] == [
        f"acme-more/acme_more/aits/{n}" for n in ("one", "two")
    ]
    assert 'acme_more = "acme_more.aits"' in (tmp_path / "acme-more" / "pyproject.toml").read_text()


@pytest.mark.parametrize("in_process", [False, True])
def test_one_run_and_where_its_function_runs(fresh: Path, in_process: bool) -> None:
    import os

    change(fresh / "measure.py", "named = ", 'import os\n    print("here I am")\n    named = ')
    change(fresh / "measure.py", "broken.mean(),", "os.getpid(),")
    subject = Subject(None, str(fresh / "example" / "bad.csv"), Roles(label="churned", id="customer"))
    measured = run_ait(str(fresh), subject, {}, OPTIONS, in_process)
    assert measured.record.status == "measured" and measured.verdicts.verdict == "not_met"
    assert ({int(f.value) for f in measured.record.findings} == {os.getpid()}) == in_process
    assert bool(measured.record.isolation) != in_process
    assert ("here I am" in measured.log) != in_process


def test_what_it_raises_in_this_process_is_for_its_author_to_see(fresh: Path) -> None:
    change(fresh / "measure.py", "named = ", "raise LookupError\n    named = ")
    subject = Subject(None, str(fresh / "example" / "bad.csv"), Roles(label="churned"))
    with pytest.raises(LookupError):
        run_ait(str(fresh), subject, {}, OPTIONS, in_process=True)
    assert run_ait(str(fresh), subject, {}, OPTIONS).record.status == "failed"


def test_what_is_not_given_is_asked_for(fresh: Path) -> None:
    subject = Subject(None, str(fresh / "example" / "bad.csv"), Roles(label="churned"))
    with pytest.raises(InputError, match="add --train"):
        run_ait("distribution_match", subject, {}, OPTIONS)
    with pytest.raises(InputError, match="no parameter 'bin'"):
        run_ait(str(fresh), subject, parameters_of([("bin", "3")]), OPTIONS)
    assert parameters_of([("a", "[1, x]"), ("b", "no")]) == {"a": [1, "x"], "b": "no"}
