"""The gate moves an alias only when it may, only for what was assessed, and one at a time."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import qmtestbed
from qmtestbed.errors import ExitCode, InputError, IntegrityError, ModelError, PlanError
from qmtestbed.pipeline import gate as gate_package
from qmtestbed.pipeline.run import run_loaded
from qmtestbed.tracking.versions import bearer_of, find_version
from tests.conftest import Cli

from .conftest import Registry, four_at_once

assert gate_package  # the function; its module is reached by name
GATE = sys.modules["qmtestbed.pipeline.gate"]


def ask(**options: Any) -> Any:
    model = options.pop("model", "models:/churn@candidate")
    return qmtestbed.gate(model, plan="plan.yaml", promote="champion", **options)


def test_promoted_with_who_when_and_why(registry: Registry) -> None:
    decided = ask(by="ann", require="criteria")
    assert (decided.decision, decided.version.number, registry.bearer("champion")) == ("promoted", "2", "2")
    assert decided.before is not None and decided.before.number == "1"
    said = json.loads(registry.tags("2")["qmt.gate.champion"])
    assert said.pop("at").startswith("20")
    assert said == {
        "before": "1", "by": "ann", "decision": "promoted", "requested": "models:/churn@candidate",
        "require": "criteria", "run": decided.outcome.logged.run, "verdict": "met",
    }  # fmt: skip
    assert [m.name for m in registry.client.search_registered_models()] == ["churn", "scores", "spend"]  # no lock left
    assert decided.outcome.evidence.info.inventories["model"].version == "churn/2"
    assert ask().decision == "bears it already"


@pytest.mark.parametrize(
    ("old", "new", "code", "why"),
    [
        ("accuracy >= 0.7", "accuracy >= 0.999", ExitCode.NOT_MET, "something is not met (1 of 2"),
        ("accuracy >= 0.7", "accuracy >= 0.87", ExitCode.UNDETERMINED, "something is undetermined"),
        ('[accuracy >= 0.7 at 95%, "recall[yes] >= 0.5"]', "[]", ExitCode.UNDETERMINED, "(0 of 0"),
        ("model: model, data: test", "model: model, data: broken", ExitCode.UNDETERMINED, "(0 of 1"),
    ],
)
def test_not_promoted_on_anything_less(registry: Registry, old: str, new: str, code: ExitCode, why: str) -> None:
    plan = registry.plan(old, new)
    broken = "  broken: {uri: test.parquet, label: customer}\nchecks:"
    plan.write_text(plan.read_text().replace("checks:", broken))
    decided = ask()
    assert (decided.decision, decided.outcome.exit_code) == ("not promoted", code)
    assert why in decided.why and registry.bearer("champion") == "1"
    said = json.loads(registry.tags("2")["qmt.gate.champion"])
    assert said["decision"] == "not promoted" and said["why"] == decided.why


def test_waivers_count_only_where_they_are_accepted_and_are_kept_with_the_decision(registry: Registry) -> None:
    waiver = """waivers:
  - {check: performance, criterion: accuracy >= 0.999, by: M. Sato, reason: ticket 12, date: 2020-01-01,
     until: 2099-12-31}
"""
    plan = registry.plan("accuracy >= 0.7 at 95%", "accuracy >= 0.999")
    plan.write_text(plan.read_text() + waiver, "utf-8")
    assert ask().decision == "not promoted" and registry.bearer("champion") == "1"
    assert "waived" not in json.loads(registry.tags("2")["qmt.gate.champion"])
    decided = ask(require="criteria-or-waived")
    assert (decided.decision, registry.bearer("champion")) == ("promoted", "2")
    said = json.loads(registry.tags("2")["qmt.gate.champion"])
    assert (said["require"], said["verdict"]) == ("criteria-or-waived", "met_or_waived")
    assert said["waived"] == "performance: accuracy >= 0.999 (M. Sato, until 2099-12-31)"
    tags = registry.tags("2")
    assert tags["qmt.verdict"] == "met_or_waived" and tags["qmt.criteria"].endswith("; of these waived: 1")
    assert made_anew(decided) == []  # nothing is executed again


def made_anew(decided: Any) -> list[str]:
    """Name the records that were made anew."""
    return [key for key, r in decided.outcome.evidence.records.items() if not r.reused]


def test_a_model_of_which_everything_is_waived_is_not_promoted(registry: Registry) -> None:
    plan = registry.plan('[accuracy >= 0.7 at 95%, "recall[yes] >= 0.5"]', "[accuracy >= 0.999]")
    data = "  data: {ait: data_completeness, with: {data: test}, expect: [value_completeness >= 0.5]}\n"
    waiver = "{check: performance, criterion: accuracy >= 0.999, by: A, reason: b, date: 2020-01-01, until: 2099-12-31}"
    plan.write_text(f"{plan.read_text()}{data}waivers: [{waiver}]\n", "utf-8")
    decided = ask(require="criteria-or-waived")
    assert decided.outcome.exit_code == ExitCode.MET and decided.exit_code == ExitCode.UNDETERMINED
    assert decided.why == "every criterion about the model is waived: nothing was shown of it"
    assert registry.bearer("champion") == "1"


def test_nothing_was_shown_of_the_model(registry: Registry, cli_here: Cli) -> None:
    """Criteria on the data alone say nothing of a version, and a version can't be its own baseline."""
    only_data = "ait: data_completeness\n    with: {data: test}\n    expect: [value_completeness >= 0.5]"
    registry.plan('    expect: [accuracy >= 0.7 at 95%, "recall[yes] >= 0.5"]\n', f"  data:\n    {only_data}\n")
    decided = ask()
    assert decided.outcome.exit_code == ExitCode.MET
    assert decided.decision == "not promoted" and "no criterion of the plan is about the model" in decided.why
    assert decided.exit_code == ExitCode.UNDETERMINED
    done = cli_here("gate", "models:/churn@candidate", "--plan", "plan.yaml", "--promote", "champion")
    assert done.returncode == 2 and done.stdout.splitlines()[-1] == "Exit code 2: not promoted"
    plan = registry.plan("accuracy >= 0.7 at 95%", "accuracy >= baseline - 0.1")
    plan.write_text(plan.read_text().replace("  test:", "  baseline: models:/churn@candidate\n  test:"), "utf-8")
    decided = ask()
    assert decided.decision == "not promoted" and "compared with itself" in decided.why
    assert registry.bearer("champion") == "1"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("with: {model: model,", "with: {model: other,", "performance judge another model, or a file"),
        ("with: {model: model,", "with: {predictions: said,", "performance judge another model, or a file"),
    ],
)
def test_criteria_on_another_model_or_a_file(registry: Registry, old: str, new: str, why: str) -> None:
    said = pd.read_parquet("test.parquet")[["churned"]].rename(columns={"churned": "predicted"})
    said.to_parquet("said.parquet")
    plan = registry.plan(old, new)
    text = plan.read_text().replace("  test:", "  other: models:/churn/1\n  said: said.parquet\n  test:")
    mine = "  mine: {ait: classification_performance, with: {model: model, data: test}, expect: [accuracy >= 0.1]}\n"
    plan.write_text(text + mine, "utf-8")
    decided = ask()
    assert decided.outcome.exit_code == ExitCode.MET and decided.exit_code == ExitCode.UNDETERMINED
    assert decided.decision == "not promoted" and why in decided.why


def test_the_candidate_does_not_choose_its_examination(registry: Registry) -> None:
    registry.plan("{uri: test.parquet,", "{uri: mlflow:test,")
    with pytest.raises(PlanError, match="must not be chosen by the model"):
        ask()


@pytest.mark.parametrize(
    ("option", "what"),
    [
        ({"require": "requirments"}, "did you mean 'requirements'"),
        ({"isolation": "sandboxx"}, "did you mean 'sandbox'"),
        ({"trust": "x"}, "trust: unknown value"),
        ({"as_of": "yesterday"}, "as_of: not a date"),
        ({"max_age": 1e30}, "max_age: not a number of seconds"),
        ({"jobs": 0}, "jobs: not a whole number"),
        ({"language": "xx"}, "language: unknown value"),
    ],
)
def test_a_misspelt_option_asks_for_nothing_less(registry: Registry, option: dict[str, Any], what: str) -> None:
    with pytest.raises(InputError) as caught:
        ask(dry_run=True, **option)
    assert what in str(caught.value)


def test_a_dry_run_writes_nothing(registry: Registry) -> None:
    before = registry.tags("2"), len(registry.client.search_runs(["0"]))
    assert ask(dry_run=True).decision == "would be promoted"
    assert (registry.tags("2"), len(registry.client.search_runs(["0"]))) == before
    assert registry.bearer("champion") == "1"


@pytest.mark.parametrize(
    ("alias", "to", "what"),
    [("candidate", "1", "names another version than the one that was assessed"), ("champion", "2", "moved meanwhile")],
)
def test_nothing_moves_when_something_moved_meanwhile(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, cli_here: Cli, alias: str, to: str, what: str
) -> None:
    def meanwhile(*arguments: Any, **named: Any) -> Any:
        outcome = run_loaded(*arguments, **named)
        registry.move(alias, to)
        return outcome

    monkeypatch.setattr(GATE, "run_loaded", meanwhile)
    done = cli_here("gate", "models:/churn@candidate", "--plan", "plan.yaml", "--promote", "champion")
    assert done.returncode == 5 and what in done.stderr
    assert registry.bearer("champion") == ("2" if alias == "champion" else "1")
    assert "qmt.gate.champion" not in registry.tags("2")


def test_of_two_gates_at_once_one_wins_and_the_other_is_told(registry: Registry) -> None:
    """Both have assessed; whoever comes second finds the lock taken or the alias moved."""
    version, before = find_version("test", "models:/churn@candidate"), bearer_of("churn", "champion")
    said = four_at_once(version, before)
    assert sorted(said)[-1] == "won" and said.count("won") == 1
    assert all("another gate is moving" in s or "moved meanwhile" in s for s in said if s != "won")
    assert registry.bearer("champion") == "2"


def test_a_lock_that_was_left_behind_is_named(registry: Registry) -> None:
    registry.client.create_registered_model("qmtestbed-gate.churn.champion", description="held by bob since noon")
    with pytest.raises(IntegrityError, match="held by bob since noon"):
        ask()
    assert registry.bearer("champion") == "1"


def test_never_on_evidence_of_weaker_isolation(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GATE, "layers_of", lambda _: ("limits",))
    with pytest.raises(InputError, match="this host does not offer: filesystem, network"):
        ask()
    layers = ("limits", "network", "filesystem", "a-layer-that-no-record-has")
    monkeypatch.setattr(GATE, "layers_of", lambda _: layers)
    decided = ask()
    assert decided.decision == "not promoted" and "weaker isolation" in decided.why
    assert registry.bearer("champion") == "1"


def test_evidence_that_is_in_mlflow_is_used_again(registry: Registry, tmp_path: Path, monkeypatch: Any) -> None:
    """Another machine has no records of its own, but finds those of the last assessment of just this version."""
    ask(dry_run=False)
    monkeypatch.setenv("QMTESTBED_STORE", str(tmp_path / "elsewhere"))
    again = ask()
    assert all(r.reused for r in again.outcome.evidence.records.values())
    assert again.notes == ("3 records of its last assessment in MLflow were used again",)
    assert not any(r.reused for r in ask(cache=False).outcome.evidence.records.values())
    run = registry.tags("2")["qmt.mlflow_run"]
    bundle = Path(registry.client.get_run(run).info.artifact_uri.removeprefix("file://"), "qmtestbed/bundle.json")
    bundle.write_text(bundle.read_text().replace("a", "b"))  # damaged: measured anew
    monkeypatch.setenv("QMTESTBED_STORE", str(tmp_path / "third"))
    anew = ask()
    assert "gone or was altered" in anew.notes[0]
    assert not any(r.reused for r in anew.outcome.evidence.records.values())


def test_evidence_that_is_too_old_is_made_anew(registry: Registry) -> None:
    ask(dry_run=True)
    assert all(r.reused for r in ask(dry_run=True, max_age=3600.0).outcome.evidence.records.values())
    assert not any(r.reused for r in ask(dry_run=True, max_age=0.0).outcome.evidence.records.values())


@pytest.mark.parametrize(
    ("model", "promote_to", "what"),
    [
        ("models:/churn@candidat", "champion", "did you mean 'candidate'"),
        ("models:/chrn@candidate", "champion", "did you mean 'churn'"),
        ("models:/churn/9", "champion", "known: 1, 2"),
        ("churn", "champion", "not the name of a version of a registered model"),
        ("models:/churn@candidate", "latest", "can't be the alias"),
        ("models:/churn@candidate", "v3", "can't be the alias"),
        ("models:/spend@champion", "champion", "does not say which model is spend/1"),
    ],
)
def test_bad_input(registry: Registry, model: str, promote_to: str, what: str) -> None:
    with pytest.raises((ModelError, PlanError)) as caught:
        qmtestbed.gate(model, plan="plan.yaml", promote=promote_to)
    assert what in str(caught.value)


def test_what_the_command_says(registry: Registry, cli_here: Cli) -> None:
    done = cli_here("gate", "models:/churn@candidate", "--plan", "plan.yaml", "--promote", "champion", "--dry-run")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == (
        "Gate:     churn version 2 would be champion (now version 1); nothing was written"
    )
    registry.plan("accuracy >= 0.7", "accuracy >= 0.999")
    done = cli_here("gate", "models:/churn/2", "--plan", "plan.yaml", "--promote", "champion", "--max-age", "7d")
    assert done.returncode == 1 and "is not promoted: something is not met" in done.stdout
    done = cli_here("gate", "models:/churn/2", "--plan", "plan.yaml", "--promote", "champion", "--max-age", "soon")
    assert done.returncode == 4 and "'soon' is not an age such as" in done.stderr
