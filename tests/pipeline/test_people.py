"""Evidence from people: drafted, filled in, judged, and what becomes of it when time passes or a file changes."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from qmtestbed.documents import parse_document, read_document
from qmtestbed.errors import PlanError
from qmtestbed.pipeline.plan_text import with_declaration

Cli = Callable[..., subprocess.CompletedProcess[str]]

ENTRY = {"requirement": "B", "statement": "It is so: yes", "by": "品質部", "date": "2026-01-01"}
WRITTEN = "requirement: B\n    statement: 'It is so: yes'\n    by: 品質部\n    date: '2026-01-01'\n"


# -- the text of a plan ---------------------------------------------------------------------------------------


def put(text: str, replaced: int | None = None) -> str:
    return with_declaration(parse_document(text.encode(), "plan.yaml"), ENTRY, replaced).decode()


def test_a_declaration_is_added_and_nothing_else_changes() -> None:
    before = "a:   1  # odd\ndeclarations:\n  # first\n  - {requirement: A, todo: true}  # kept\n"
    after = "\n# about what follows\nb: [ 1,2 ]\n"
    assert put(before + after) == f"{before}  - {WRITTEN}{after}"
    assert put(before.rstrip("\n")) == f"{before}  - {WRITTEN}"


@pytest.mark.parametrize("empty", ["", "declarations: []\n", "declarations:   []   \n", "declarations: ~\n"])
def test_the_first_declaration(empty: str) -> None:
    assert put(f"a: 1\n{empty}") == f"a: 1\ndeclarations:\n  - {WRITTEN}"
    assert put(f"a: 1\n{empty}".replace("[]   ", "[]  # none yet")).startswith("a: 1\ndeclarations:")


def test_a_comment_beside_the_empty_list_stays() -> None:
    assert put("declarations: []  # none yet\nb: 1\n") == f"declarations:  # none yet\n  - {WRITTEN}b: 1\n"


@pytest.mark.parametrize(
    "entry",
    [
        "- requirement: A\n  todo: true\n",
        "- {requirement: A,\n   todo: true}\n",
        "- requirement: A\n  statement: |\n    one\n\n    two\n",
        "- requirement: A\n  statement: one\n    two\n",
        "- requirement: A\n  # inside\n  statement: 'one\n\n    two'\n",
    ],
)
def test_a_declaration_is_replaced_where_it_stands(entry: str) -> None:
    head, tail = "# head\ndeclarations:\n# above\n", "# below\n- {requirement: C}\n# end"
    unindented = WRITTEN.replace("\n    ", "\n  ")
    assert put(head + entry + tail, 0) == f"{head}- {unindented}{tail}"


def test_line_ends_of_windows_are_kept() -> None:
    found = put("a: 1\r\ndeclarations:\r\n  - {requirement: A}\r\n")
    assert found.count("\n") == found.count("\r\n") == 7


@pytest.mark.parametrize(
    "text",
    [
        "{a: 1, declarations: [{requirement: A}]}\n",
        "declarations: [{requirement: A}]\n",
        "declarations:\n  -\n    requirement: A\n",
        "a: 1\n...\n",
    ],
)
def test_what_can_t_be_done_line_by_line_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(PlanError, match="put in") as caught:
        put(text, 0 if "requirement" in text else None)
    assert "statement: 'It is so: yes'" in caught.value.problems[0].do


# -- draft, declare, run --------------------------------------------------------------------------------------

DATA = "key,a,answer\n" + "".join(f"r{i},{i * 7 % 5},{i % 2}\n" for i in range(9))
CHECKLIST = "id,question,answer\n1,Are causes listed?,yes\n2,Were they reviewed?,{}\n"
TARGET = ("--level", "performance=AIPL-1")
SAID = ("--by", "M. Sato", "--date", "2026-01-10", "--until", "2026-12-31")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "hazards.md").write_text("# Hazards\n", "utf-8")
    (tmp_path / "data.csv").write_text(DATA, "utf-8")
    (tmp_path / "answers.csv").write_text(CHECKLIST.format("yes"), "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def drafted(folder: Path, cli: Cli) -> Path:
    """Draft a plan, and name what it is about: one table, and the one check that needs no more."""
    plan = folder / "plan.yaml"
    made = cli("plan", "draft", *TARGET, "--name", "story", "--out", "plan.yaml")
    assert made.returncode == 0 and "declarations to do" in made.stdout, made.stderr
    text = plan.read_text("utf-8")
    begin, end = text.index("inventories:"), text.index("# What people have to say")
    named = (
        "inventories:\n  test: {uri: data.csv, label: answer, id: key}\nchecks:\n"
        "  data_completeness: {ait: data_completeness, with: {data: test}, expect: [value_completeness >= 0.5]}\n\n"
    )
    plan.write_text(text[:begin] + named + text[end:], "utf-8")
    return plan


def verdicts(folder: Path, out: str) -> dict[str, tuple[str, str]]:
    found = read_document(folder / out / "assessment.json").data
    return {r["id"]: (r["verdict"], r["reason"]) for r in found["requirements"]}


def test_the_whole_story(folder: Path, cli_here: Cli) -> None:
    plan = drafted(folder, cli_here)
    run = ("run", "plan.yaml", "--require", "requirements")
    first = cli_here(*run, "--as-of", "2026-06-01", "--out", "before")
    assert first.returncode == 2 and "Declared: 8 to do" in first.stdout
    assert verdicts(folder, "before")["A-1-L1-1"] == ("no_evidence", "declared: to do: nobody has declared it yet")
    page = (folder / "before" / "report.html").read_text("utf-8")
    assert "declarations, to do: 8" in page and 'id="declaration-' not in page

    comments = [line for line in plan.read_text("utf-8").splitlines() if line.lstrip().startswith("#")]
    said = ("--statement", "Causes were analysed: see the list", "--file", "docs/hazards.md")
    told = cli_here(
        "declare", "--plan", plan, "--requirement", "A-1-L1-1", *said, "--checklist", "answers.csv", *SAID,
        "--as-of", "2026-06-01",
    )  # fmt: skip
    assert told.returncode == 0 and "A-1-L1-1 declared; today: supported" in told.stdout, told.stderr
    cli_here("declare", "--plan", plan, "--requirement", "D-1-L1-1", "--not-applicable", "No software", *SAID)
    written = plan.read_text("utf-8")
    assert [line for line in written.splitlines() if line.lstrip().startswith("#")] == comments
    assert written.count("\n    todo: true\n") == 6 and "file: docs/hazards.md\n" in written
    again = cli_here("declare", "--plan", plan, "--requirement", "A-1-L1-1", *said, *SAID)
    assert again.returncode == 4 and "--replace" in again.stderr
    assert plan.read_text("utf-8") == written

    assert cli_here(*run, "--as-of", "2026-12-31", "--out", "valid").returncode == 2
    assert verdicts(folder, "valid")["A-1-L1-1"] == ("supported", "declared: declared by M. Sato on 2026-01-10")
    assert verdicts(folder, "valid")["D-1-L1-1"][0] == "not_applicable"
    assert cli_here("verify", "valid").returncode == 0
    assert (folder / "valid" / "declared" / "checklists").is_dir()

    late = cli_here(*run, "--as-of", "2027-01-01", "--out", "late")
    assert "Declared: 2 expired (A-1-L1-1, D-1-L1-1)" in late.stdout
    assert verdicts(folder, "late")["A-1-L1-1"] == (
        "no_evidence",
        "declared: the declaration by M. Sato expired on 2026-12-31",
    )
    listed = cli_here("declare", "--plan", plan, "--list", "--as-of", "2027-01-01").stdout
    assert "A-1-L1-1     expired            M. Sato, until 2026-12-31" in listed and "to do" in listed

    (folder / "docs" / "hazards.md").write_text("# No hazards\n", "utf-8")
    altered = cli_here(*run, "--as-of", "2026-06-01", "--out", "altered")
    assert altered.returncode == 2 and "Declared: 1 file altered (A-1-L1-1)" in altered.stdout
    assert verdicts(folder, "altered")["A-1-L1-1"][0] == "no_evidence"
    for name, shown in (("report.html", "declarations, file altered: 1"), ("summary.md", "declarations, file altered")):
        assert shown in (folder / "altered" / name).read_text("utf-8")
    shutil.rmtree(folder / "docs")
    gone = cli_here(*run, "--as-of", "2026-06-01", "--out", "gone")
    assert "Declared: 1 file missing (A-1-L1-1)" in gone.stdout


def test_a_checklist_that_says_no(folder: Path, cli_here: Cli) -> None:
    plan = drafted(folder, cli_here)
    run = ("run", "plan.yaml", "--require", "requirements", "--as-of", "2026-06-01")
    declare = ("declare", "--plan", plan, "--requirement", "A-1-L1-1", "--checklist", "answers.csv", *SAID)
    (folder / "answers.csv").write_text(CHECKLIST.format("no"), "utf-8")
    assert "today: answered no" in cli_here(*declare, "--as-of", "2026-06-01").stdout
    done = cli_here(*run, "--out", "no", "--template", "audit", "--lang", "ja")
    assert done.returncode == 1 and "Declared: 1 answered no (A-1-L1-1)" in done.stdout
    reason = "declared: the checklist answers no: Were they reviewed?"
    assert verdicts(folder, "no")["A-1-L1-1"] == ("contradicted", reason)
    audit = (folder / "no" / "audit.ja.html").read_text("utf-8")
    assert "2 問: はい 1, いいえ 1" in audit and "Are causes listed?" in audit and "Were they reviewed?" in audit
    page = (folder / "no" / "report.ja.html").read_text("utf-8")
    assert "Were they reviewed?" in page and "Are causes listed?" not in page  # only what presses

    (folder / "answers.csv").write_text(CHECKLIST.format(""), "utf-8")
    changed = cli_here(*run, "--out", "changed")
    assert "file altered (A-1-L1-1)" in changed.stdout  # an answer that was taken back after it was declared
    assert cli_here(*declare, "--replace").returncode == 0
    assert cli_here(*run, "--out", "open").returncode == 2
    reason = "declared: 1 of 2 questions of the checklist are open"
    assert verdicts(folder, "open")["A-1-L1-1"] == ("no_evidence", reason)

    (folder / "answers.csv").write_text(CHECKLIST.format("perhaps"), "utf-8")
    before = sorted(p.name for p in folder.iterdir())
    refused = cli_here(*run, "--out", "refused")
    assert refused.returncode == 4 and "answers.csv:3: not an answer" in refused.stderr
    assert sorted(p.name for p in folder.iterdir()) == before
    assert cli_here("plan", "check", plan).returncode == 4


def test_a_run_that_rewrites_what_was_declared_is_found_out(folder: Path, cli_here: Cli) -> None:
    """Whoever rewrites run.json, and seals it anew, is told apart by what the declared files give."""
    from dataclasses import replace

    from qmtestbed.evidence import RunFolder
    from qmtestbed.judging import judge

    plan = drafted(folder, cli_here)
    (folder / "answers.csv").write_text(CHECKLIST.format("no"), "utf-8")
    cli_here("declare", "--plan", plan, "--requirement", "A-1-L1-1", "--checklist", "answers.csv", *SAID)
    cli_here("run", "plan.yaml", "--as-of", "2026-06-01", "--out", "out")
    made = RunFolder(folder / "out")
    evidence = made.read()
    kind = tuple(replace(d, answered_no=None, items=()) for d in evidence.info.declarations)
    made.seal(replace(evidence.info, declarations=kind), evidence.records.keys())
    made.write_assessment(judge(made.read()))
    done = cli_here("verify", "out")
    assert done.returncode == 5 and "the state of the declarations is not what their files give" in done.stdout


def test_a_file_that_was_never_collected_is_no_evidence(folder: Path, cli_here: Cli) -> None:
    """The path of a missing file, read from the run folder, may name another file."""
    (folder / "plans").mkdir()
    plan = drafted(folder, cli_here).read_text("utf-8").replace("uri: data.csv", "uri: ../data.csv")
    stub = "- requirement: A-1-L1-1\n    todo: true"
    assert stub in plan
    filled = "- {requirement: A-1-L1-1, file: ../hazards.md, by: QA, date: 2026-01-01}"
    (folder / "plans" / "plan.yaml").write_text(plan.replace(stub, filled), "utf-8")
    (folder / "runs").mkdir()
    (folder / "runs" / "hazards.md").write_text("of somebody else", "utf-8")
    cli_here("run", "plans/plan.yaml", "--out", "runs/out")
    assert verdicts(folder, "runs/out")["A-1-L1-1"] == (
        "no_evidence",
        "declared: the declared file ../hazards.md is missing",
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("--requirement", "A-1-L1-7"), "did you mean 'A-1-L1-1'"),
        (("--file", "docs/hazard.md"), "did you mean 'hazards.md'?"),
        (("--checklist", "answers.xlsx"), "no such file"),
        (("--until", "2025-01-01"), "ends before it begins"),
        (("--until", "soon"), "is not a date"),
        (("--not-applicable", "No"), "neither statement nor checklist"),
        (("--statement", ""), "it says nothing"),
    ],
)
def test_a_declaration_that_can_t_be_used(folder: Path, cli_here: Cli, change: tuple[str, str], said: str) -> None:
    text = "schema: qmtestbed/plan/v1\ncomponent: c\nguideline: mlqm@3\nlevels: {performance: AIPL-1}\n"
    (folder / "plan.yaml").write_text(text, "utf-8")
    given = {"--requirement": "A-1-L1-1", "--statement": "Done", **dict(zip(SAID[::2], SAID[1::2], strict=True))}
    arguments = [x for pair in {**given, change[0]: change[1]}.items() for x in pair]
    done = cli_here("declare", "--plan", "plan.yaml", *arguments)
    assert done.returncode == 4 and said in done.stderr, done.stderr
    assert (folder / "plan.yaml").read_text("utf-8") == text


def test_what_a_declaration_needs(folder: Path, cli_here: Cli) -> None:
    (folder / "plan.yaml").write_text("schema: qmtestbed/plan/v1\ncomponent: c\n", "utf-8")
    done = cli_here("declare", "--plan", "plan.yaml", "--statement", "x")
    assert done.returncode == 4 and "--requirement, --by, --until" in done.stderr
    assert "needs a declaration; is a level asked for?" in cli_here("declare", "--plan", "plan.yaml", "--list").stdout


# -- plan draft and plan check --------------------------------------------------------------------------------


def test_a_draft_without_a_model_is_valid_and_can_t_be_run(folder: Path, cli_here: Cli) -> None:
    assert cli_here("plan", "draft", *TARGET, "--lang", "ja", "--out", "ja.yaml").returncode == 0
    text = (folder / "ja.yaml").read_text("utf-8")
    assert "下書き" in text and "# A-1-L1-1: 主要な品質リスクの要因分析" in text and "because: " in text
    checked = cli_here("plan", "check", "ja.yaml", "--lang", "ja")
    assert checked.returncode == 0 and "Measured parts with a check: 5 of 5" in checked.stdout
    assert "Declared parts supported: 0 of 8" in checked.stdout and "model, test" in checked.stdout
    done = cli_here("run", "ja.yaml", "--out", "out")
    assert done.returncode == 4 and "inventory 'model' is still a placeholder of the draft" in done.stderr
    assert not (folder / "out").exists()
    assert cli_here("plan", "draft", *TARGET, "--out", "ja.yaml").returncode == 4
    assert (folder / "ja.yaml").read_text("utf-8") == text


def test_a_draft_for_what_is_there_has_the_checks_that_evaluate_runs(folder: Path, cli_here: Cli) -> None:
    said = "".join(f"r{i},{i // 2 % 2}\n" for i in range(9))
    (folder / "said.csv").write_text(f"key,predicted\n{said}", "utf-8")
    (folder / "plans").mkdir()
    about = ("--predictions", "said.csv", "--data", "data.csv", "--label", "answer", "--id", "key")
    made = cli_here("plan", "draft", *TARGET, *about, "--out", "plans/p.yaml")
    assert made.returncode == 0, made.stderr
    plan = read_document(folder / "plans" / "p.yaml").data
    evaluated = cli_here("evaluate", *about, *TARGET, "--dry-run")
    assert plan["checks"] == parse_document(evaluated.stdout.encode(), "evaluated").data["checks"]
    assert plan["inventories"]["test"]["uri"] == "../data.csv"
    text = (folder / "plans" / "p.yaml").read_text("utf-8")
    assert "# C-2-L1-1: needs a measurement, and has no check (" in text and "needs the model itself" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--data", "data.csv"), "--model (or --predictions) and --data"),
        ((), "no level asked for"),
        (("--level", "performance=AIPL-9"), "unknown level"),
        ((*TARGET, "--guideline", "mlqm@9"), "unknown guideline"),
        ((*TARGET, "--out", "nowhere/plan.yaml"), "no such folder"),
    ],
)
def test_what_can_t_be_drafted(folder: Path, cli_here: Cli, arguments: tuple[str, ...], said: str) -> None:
    done = cli_here("plan", "draft", *arguments)
    assert done.returncode == 4 and said in done.stderr, done.stderr
