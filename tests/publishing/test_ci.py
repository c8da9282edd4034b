"""The GitHub Action and the GitLab template: their shape, and their shell steps run with the runner's variables."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
import yaml

from qmtestbed import pipeline
from qmtestbed.cli.ci import command_of
from qmtestbed.errors import InputError
from qmtestbed.pipeline import Options
from qmtestbed.pipeline.ci import LARGEST_SUMMARY, ci_summary

TEXT = {"type": "string", "minLength": 1}
ANY_TEXT = {"type": "string"}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}


def closed(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


NAMED = {"propertyNames": {"pattern": "^[a-z][a-z-]*$"}, "type": "object"}
SHELL = closed(
    ["name", "shell", "env", "run"],
    **{"name": TEXT, "id": TEXT, "if": TEXT, "shell": {"const": "bash"}, "env": TEXTS, "run": TEXT},
)
USES = closed(["name", "uses", "with"], **{"name": TEXT, "if": TEXT, "with": TEXTS})
USES["properties"]["uses"] = {"pattern": r"^[\w-]+/[\w-]+@(v\d+|[0-9a-f]{40})$"}
STEPS = {"type": "array", "items": {"anyOf": [SHELL, USES]}}
ACTION = closed(
    ["name", "description", "inputs", "outputs", "runs"],
    name=TEXT,
    description={"type": "string", "maxLength": 125},
    author=TEXT,
    branding=closed(["icon", "color"], icon=TEXT, color={"enum": ["green", "blue", "gray-dark"]}),
    inputs={**NAMED, "additionalProperties": closed(["description", "default"], description=TEXT, default=ANY_TEXT)},
    outputs={**NAMED, "additionalProperties": closed(["description", "value"], description=TEXT, value=TEXT)},
    runs=closed(["using", "steps"], using={"const": "composite"}, steps=STEPS),
)
LINES = {"type": "array", "items": TEXT, "minItems": 1}
JOB = closed(
    ["stage", "image", "variables", "before_script", "script", "after_script", "artifacts", "rules"],
    stage=TEXT,
    image=TEXT,
    variables=TEXTS,
    before_script=LINES,
    script=LINES,
    after_script=LINES,
    artifacts=closed(
        ["when", "paths", "reports"],
        when={"const": "always"},
        name=TEXT,
        expose_as={"pattern": "^[A-Za-z0-9 _-]{1,100}$"},
        expire_in=TEXT,
        paths={"type": "array", "items": {"type": "string", "pattern": "^[^$*]+$"}},  # else expose_as shows nothing
        reports=closed(["junit"], junit=TEXT),
    ),
    rules={"type": "array", "items": closed(["if"], **{"if": TEXT})},
)


@pytest.fixture(scope="module")
def action(checkout: Path) -> dict[str, Any]:
    return yaml.safe_load((checkout / "action.yml").read_text("utf-8"))


@pytest.fixture(scope="module")
def template(checkout: Path) -> dict[str, Any]:
    return yaml.safe_load((checkout / "ci" / "gitlab.yml").read_text("utf-8"))


# -- shape ----------------------------------------------------------------------------------------------------


def test_both_are_of_their_schema(action: dict[str, Any], template: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(ACTION).validate(action)
    jsonschema.Draft202012Validator(closed([".qmtestbed"], **{".qmtestbed": JOB})).validate(template)


def test_no_expression_stands_in_shell_code(action: dict[str, Any]) -> None:
    for step in action["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
        for line in step.get("run", "").splitlines():
            assert not re.search(r"\beval\b", line)


def test_what_is_named_exists(action: dict[str, Any]) -> None:
    steps = {s["id"]: s for s in action["runs"]["steps"] if "id" in s}
    text = json.dumps(action)
    assert set(re.findall(r"steps\.([\w-]+)\.", text)) <= set(steps)
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(action["inputs"])
    told = {"verdict", "exit-code", "page", "run-dir", "comment"}
    assert set(re.findall(r"outputs\.([\w-]+)", text)) == told == set(action["outputs"])


def test_all_but_the_evaluation_is_done_in_any_case(action: dict[str, Any]) -> None:
    names = [s["name"] for s in action["runs"]["steps"]]
    after = action["runs"]["steps"][names.index("Evaluate") + 1 :]
    assert len(after) == 5 and all(s["if"].startswith("always() && ") for s in after)


@pytest.mark.parametrize("script", ["action", "gitlab"])
def test_bash_reads_every_step(script: str, action: dict[str, Any], template: dict[str, Any]) -> None:
    job = template[".qmtestbed"]
    lines = [s["run"] for s in action["runs"]["steps"] if "run" in s]
    lines = lines if script == "action" else [*job["before_script"], *job["script"], *job["after_script"]]
    for code in lines:
        done = subprocess.run(["bash", "-n"], input=code, text=True, capture_output=True)
        assert (done.returncode, done.stderr) == (0, "")


# -- a runner -------------------------------------------------------------------------------------------------


class Runner:
    """Runs the steps of the action as GitHub does: expressions put in, outputs and summary as files."""

    def __init__(self, action: dict[str, Any], workspace: Path, tools: Path, event: int | None = None) -> None:
        self._action, self._workspace, self._event = action, workspace, event
        self.temp = workspace.parent / "temp"
        self.temp.mkdir(exist_ok=True)
        self.summary, self.log = "", ""
        self.outputs: dict[str, dict[str, str]] = {}
        self.failed: list[tuple[str, int]] = []
        self.done: list[str] = []
        self._env = {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "QMTESTBED_STORE": os.environ["QMTESTBED_STORE"],
            "HOME": str(self.temp),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION": "__self",
            "GITHUB_ACTION_PATH": "/nowhere",
            "GITHUB_REPOSITORY": "owner/repository",
            "GITHUB_WORKSPACE": str(workspace),
            "RUNNER_TEMP": str(self.temp),
        }

    def run(self, **inputs: str) -> Runner:
        given = {name: spec["default"] for name, spec in self._action["inputs"].items()} | inputs
        for step in self._action["runs"]["steps"]:
            if self._applies(step.get("if", "true"), given):
                self.done.append(step["name"])
                if "run" in step:
                    self._step(step, given)
        return self

    def _value(self, name: str, given: Mapping[str, str]) -> str:
        kind, _, rest = name.partition(".")
        if kind == "inputs":
            return given[rest]
        if kind == "steps":
            step, _, output = rest.split(".")
            return self.outputs.get(step, {}).get(output, "")
        known = {"github.event.pull_request.number": str(self._event or ""), "github.token": "secret"}
        return known[name]

    def _applies(self, condition: str, given: Mapping[str, str]) -> bool:
        code = re.sub(r"(?:inputs|steps|github)\.[\w.-]+", lambda m: repr(self._value(m[0], given)), condition)
        code = code.replace("always()", "True").replace("&&", " and ").replace("true", "True") if condition else ""
        code = code.replace("'True'", "'true'")
        return bool(eval(code)) and ("always()" in condition or not self.failed)

    def _step(self, step: Mapping[str, Any], given: Mapping[str, str]) -> None:
        files = {n: self.temp / n for n in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for path in files.values():
            path.write_text("")
        put = {
            k: re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda m: self._value(m[1], given), v) for k, v in step["env"].items()
        }
        script = self.temp / "script.sh"
        script.write_text(step["run"], "utf-8")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
            cwd=self._workspace,
            env={**self._env, **put, **{n: str(p) for n, p in files.items()}},
            capture_output=True,
            text=True,
        )
        self.log += done.stdout + done.stderr
        if done.returncode:
            self.failed.append((step["name"], done.returncode))
        self.summary += files["GITHUB_STEP_SUMMARY"].read_text("utf-8")
        found = re.findall(r"^([\w-]+)<<(\S+)\n(.*?)\n\2$", files["GITHUB_OUTPUT"].read_text("utf-8"), re.M | re.S)
        self.outputs.setdefault(step.get("id", ""), {}).update({name: value for name, _, value in found})

    @property
    def told(self) -> dict[str, str]:
        return {
            name: re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda m: self._value(m[1], {}), spec["value"])
            for name, spec in self._action["outputs"].items()
        }


GH = """#!/bin/sh
echo "$@" >> {here}/asked
[ -f {here}/refuse ] && exit 1
case "$*" in *--paginate*) [ -f {here}/known ] && echo 77;; esac
exit 0
"""


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder for PATH: qmtestbed of this checkout, and a gh that writes down what it is asked."""
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "qmtestbed").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m qmtestbed "$@"\n')
    (folder / "gh").write_text(GH.format(here=tmp_path))
    for tool in folder.iterdir():
        tool.chmod(0o755)
    return folder


@pytest.fixture
def workspace(run_dirs: Mapping[str, Path], tmp_path: Path) -> Path:
    folder = tmp_path / "work space"
    shutil.copytree(run_dirs["met"].parent / "project-met", folder)
    return folder


ARGS = "--isolation process --as-of 2026-11-20"


def test_a_run_that_is_not_met_keeps_everything_and_fails_by_its_verdict(
    action: dict[str, Any], run_dirs: Mapping[str, Path], workspace: Path, tools: Path
) -> None:
    pipeline.publish([run_dirs["met"]], workspace / "site", Options())
    (tools.parent / "known").touch()
    runner = Runner(action, workspace, tools, event=12)
    runner.run(plan="not_met.yaml", args=ARGS, extras="none", site="site", publish="true", comment="true")
    assert runner.failed == [("Evaluate", 1)], runner.log
    assert runner.done == ["Evaluate", "Summary", "Text of the comment", "Publish", "Post the comment", "Keep the run"]
    told = runner.told
    comment = runner.temp / "qmt-comment-__self.md"
    assert told == {"verdict": "not_met", "exit-code": "1", "page": "qmt-run/report.html", "run-dir": "qmt-run",
                    "comment": str(comment)}  # fmt: skip
    assert runner.summary == (workspace / "qmt-run" / "summary.md").read_text("utf-8")
    suite = ElementTree.parse(workspace / told["run-dir"] / "junit.xml").getroot()
    assert suite.get("failures") == "1" and (workspace / told["page"]).is_file()
    assert "**Worse** (1)" in comment.read_text("utf-8")
    assert len(json.loads((workspace / "site" / "site.json").read_text("utf-8"))["runs"]) == 2
    asked = (tools.parent / "asked").read_text("utf-8").splitlines()
    assert asked[-1] == f"api --silent --method PATCH repos/owner/repository/issues/comments/77 --field body=@{comment}"
    stop = re.search(r"^::stop-commands::(\w{32})$", runner.log, re.MULTILINE)
    assert stop and runner.log.index("Criteria: 2 of 3 met") < runner.log.index(f"\n::{stop[1]}::")


def test_hostile_inputs_are_values_and_nothing_else(action: dict[str, Any], workspace: Path, tools: Path) -> None:
    (workspace / "met; touch pwned $(touch pwned).yaml").write_bytes((workspace / "plan.yaml").read_bytes())
    (tools.parent / "refuse").touch()
    out = "out $(touch pwned) `touch pwned` ${{ x }}"
    runner = Runner(action, workspace, tools, event=3)
    runner.run(plan="met; touch pwned $(touch pwned).yaml", args=f"{ARGS} --require requirements", out=out,
               extras="none", comment="true", lang="ja", site='none" --to="pwned')  # fmt: skip
    assert runner.failed == [], runner.log  # what is required is the input's, whatever the arguments say
    assert runner.told["verdict"] == "met" and runner.told["page"] == f"{out}/report.ja.html"
    assert "品質評価報告書" in runner.summary
    assert "::warning title=qmtestbed::The comment could not be posted" in runner.log
    assert not list(workspace.rglob("pwned*"))


def test_no_run_no_verdict(action: dict[str, Any], workspace: Path, tools: Path) -> None:
    runner = Runner(action, workspace, tools).run(plan="nowhere.yaml", extras="none", comment="true")
    assert runner.failed == [("Evaluate", 4), ("Summary", 4)]
    assert runner.told == {"verdict": "error", "exit-code": "4", "page": "", "run-dir": "qmt-run", "comment": ""}
    assert runner.summary == "No assessment was finished, so there is no verdict; the log of the job says why.\n"
    assert "Traceback" not in runner.log and runner.done == ["Evaluate", "Summary", "Keep the run"]


def test_gitlab_keeps_everything(template: dict[str, Any], workspace: Path, tools: Path) -> None:
    job = template[".qmtestbed"]
    runner = {"GITLAB_CI": "true", "CI": "true", "CI_PROJECT_DIR": str(workspace), "HOME": str(workspace)}
    env = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "QMTESTBED_STORE": os.environ["QMTESTBED_STORE"],
        **runner,
        **job["variables"],
        "QMT_PLAN": "not_met.yaml",
        "QMT_ARGS": ARGS,
    }

    def shell(lines: list[str]) -> int:
        script = "set -eo pipefail\n" + "\n".join(lines)
        return subprocess.run(["bash", "-c", script], cwd=workspace, env=env, capture_output=True).returncode

    assert shell(job["script"]) == 1
    assert shell(job["after_script"]) == 0
    kept = job["artifacts"]
    assert all((workspace / path).exists() for path in [*kept["paths"], kept["reports"]["junit"]])
    assert (workspace / "qmt-summary.md").read_text("utf-8").startswith("# Quality report: churn")
    assert "**Not met or undetermined** (1)" in (workspace / "qmt-comment.md").read_text("utf-8")


# -- parts ----------------------------------------------------------------------------------------------------


def test_the_command_that_the_variables_ask_for() -> None:
    given = {"QMT_MODEL": "models:/m/1", "QMT_DATA": "-d.csv", "QMT_LABEL": "y z", "QMT_ARGS": "--id 'a b' --log",
             "QMT_REQUIRE": "measured", "QMT_LANG": ""}  # fmt: skip
    assert command_of(given, Path("o")) == [
        "evaluate", "models:/m/1", "--data=-d.csv", "--label=y z",
        "--id", "a b", "--log", "--require=measured", "--out=o",
    ]  # fmt: skip
    assert command_of({"QMT_PLAN": "p.yaml"}, Path("o")) == ["run", "p.yaml", "--out=o"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "a plan or a model is needed"),
        ({"QMT_PLAN": "p", "QMT_MODEL": "m"}, "a plan or a model is needed"),
        ({"QMT_MODEL": "m"}, "a model needs data"),
        ({"QMT_PLAN": "--help"}, "read as an option"),
        ({"QMT_PLAN": "p", "QMT_ARGS": "'a"}, "can't be read"),
    ],
)
def test_variables_that_say_nothing_clear(given: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        command_of(given, Path("o"))


@pytest.mark.parametrize("spare", [0, 10, 2000])
def test_the_summary_is_appended_and_never_too_large(run_dirs: Mapping[str, Path], tmp_path: Path, spare: int) -> None:
    target = tmp_path / "summary"
    target.write_bytes(b"x" * (LARGEST_SUMMARY - spare - 1) + b"\n")
    ci_summary(run_dirs["met"], target, Options(language="ja"))
    content = target.read_bytes()
    assert LARGEST_SUMMARY - spare <= len(content) <= LARGEST_SUMMARY
    added = content[LARGEST_SUMMARY - spare :].decode()  # whole characters
    assert added == "" or added.endswith("\n")
    assert (run_dirs["met"] / "summary.md").read_text("utf-8").split(":")[0] in ("# Quality report",)


def test_a_comment_goes_to_standard_output_unless_a_file_is_named(
    run_dirs: Mapping[str, Path], cli_here: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = cli_here("ci", "comment", run_dirs["open"], "--against", run_dirs["met"])
    assert done.returncode == 0 and done.stdout.startswith("<!-- qmtestbed: churn -->\n### ? undetermined")
