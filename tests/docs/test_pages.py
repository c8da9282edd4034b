"""Every fenced block of README and docs is run, in the order of its page, or says why not.

A page is a script in a folder of its own that holds what a user has: ``train.parquet``, ``test.parquet``,
``said.parquet`` and ``mlflow.db`` with the model ``churn`` (version 1 is champion, version 2 candidate). A block with
``title="…"`` is written to that file. A comment before a block directs it:

``<!-- not run: REASON -->``
    It needs what no test has.
``<!-- run by: FILE -->``
    Another test runs it, or another page that has the same block.
``<!-- exit: 1 -->``
    The exit code of its last command; else those of verdicts pass, and 0 of all others.
``<!-- output -->``
    Lines that the blocks before it printed; ``…`` stands for anything.
``<!-- in: FOLDER -->``
    It runs in a new folder with the files that the page began with.
``<!-- part of: FILE -->``
    Keys that fit into a YAML file of the page; with ``put into`` they stay there.

Commands run with four of the AITs: how all of them fit together is what other tests are about.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from qmtestbed.catalogue import Catalogue
from qmtestbed.cli.app import COMMANDS, build_parser
from qmtestbed.documents import dump_document, parse_document, read_document
from qmtestbed.plan import load_plan

ROOT = Path(__file__).resolve().parents[2]
GENERATED = (ROOT / "docs" / "aits", ROOT / "docs" / "schemas")
PAGES = [ROOT / "README.md"] + [
    p for p in sorted((ROOT / "docs").rglob("*.md")) if not any(p.is_relative_to(g) for g in GENERATED)
]
RUN_ELSEWHERE = {("README.md", "Write an AIT"): "tests/docs/test_readme.py"}
"""Sections whose blocks belong together with text of their own."""
VERDICTS = ("run", "evaluate", "judge", "gate", "ci")

Cli = Callable[..., subprocess.CompletedProcess[str]]


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, what it says, and what the comment before it says."""

    page: Path
    line: int
    section: str
    language: str
    title: str
    said: str
    text: str

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}, line {self.line}"

    def directive(self, name: str) -> str | None:
        found = re.fullmatch(rf"<!-- {name}(?:: (.+))? -->", self.said)
        return None if found is None else found[1] or ""


def blocks_of(page: Path) -> Iterator[Block]:
    """Read the blocks of a page."""
    lines = page.read_text("utf-8").splitlines()
    section, said, start, fence = "", "", 0, None
    for number, line in enumerate(lines, 1):
        opening = re.match(r"\s*(`{3,})(.*)$", line)
        if fence is not None:
            if line.strip() == fence[1]:
                title = re.search(r'title="([^"]+)"', fence[2])
                language = fence[2].split(" ")[0]
                text = "\n".join(lines[start : number - 1]) + "\n"
                yield Block(page, start, section, language, title[1] if title else "", said, text)
                fence, said = None, ""
        elif opening:
            assert line.startswith("`"), f"{page}, line {number}: a block in a list is not read by this test"
            fence, start = opening, number
        elif line.startswith("#"):
            section, said = line.lstrip("# "), ""
        elif line.strip():
            said = line.strip() if line.startswith("<!--") else ""
    assert fence is None, f"{page}: a block does not end"


@dataclass
class Script:
    """A page as it is run."""

    folder: Path
    cli: Cli
    catalogue: Catalogue
    set_variable: Callable[[str, str], None]
    begin: Callable[[Path], None]
    names: dict[str, Any]
    printed: str = ""

    def run(self, block: Block) -> None:
        """Do what the block's kind asks for; fail where it asks for nothing."""
        elsewhere = RUN_ELSEWHERE.get((block.page.name, block.section)) or block.directive("run by")
        if elsewhere is not None:
            there = (ROOT / elsewhere).read_text("utf-8")
            assert elsewhere.endswith(".py") or block.text in there, f"{block.where}: not in {elsewhere}"
        elif block.directive("not run") is not None:
            assert len(str(block.directive("not run"))) > 5, f"{block.where}: the reason is missing"
        elif block.directive("output") is not None:
            self.compare(block)
        elif block.title:
            self.write(block)
        elif block.directive("part of") or block.directive("put into"):
            self.put(block)
        elif block.language == "python":
            self.printed += self.python(block)
        elif block.language == "yaml" and block.text.startswith("schema: qmtestbed/plan/"):
            self.write(block, "plan.yaml")
        elif block.language in ("", "bash") and block.text.startswith(("qmtestbed ", "export ", "python ", "#")):
            aside = block.directive("in")
            if aside:
                self.begin(self.folder / aside)
            self.shell(block)
            self.begin(self.folder)
        else:
            pytest.fail(f"{block.where}: nothing runs this block, and no comment says why")

    def write(self, block: Block, name: str = "") -> None:
        """Write the block's file, and check it if it names its schema."""
        path = self.folder / (name or block.title)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, "utf-8")
        self.check(path)

    def put(self, block: Block) -> None:
        """Put the block's keys into the file that they belong to, or into a copy."""
        path = self.folder / str(block.directive("put into") or block.directive("part of"))
        whole = dump_document(_merged(read_document(path).data, parse_document(block.text.encode(), block.where).data))
        path = path if block.directive("put into") else path.with_stem(path.stem + "-copy")
        path.write_bytes(whole)
        self.check(path)

    def check(self, path: Path) -> None:
        if path.suffix != ".yaml":
            return
        data = read_document(path).data
        kind = re.fullmatch(r"qmtestbed/([a-z]+)/v(\d+)", str(data.get("schema")) if isinstance(data, dict) else "")
        if not kind:
            return
        schema = json.loads((ROOT / "qmtestbed" / "schemas" / f"{kind[1]}.v{kind[2]}.json").read_text("utf-8"))
        jsonschema.validate(data, schema)
        if kind[1] == "plan" and all(c["ait"] in self.catalogue.aits for c in data.get("checks", {}).values()):
            load_plan(path, self.catalogue)

    def python(self, block: Block) -> str:
        out = io.StringIO()
        with contextlib.redirect_stdout(out), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(block.text, block.where, "exec"), self.names)
        return out.getvalue()

    def shell(self, block: Block) -> None:
        """Run each command; the program is called in this process."""
        commands = [c for c in (shlex.split(line, comments=True) for line in _lines(block.text)) if c]
        assert commands, f"{block.where}: there is no command"
        asked = block.directive("exit")
        self.printed = ""
        for number, command in enumerate(commands, 1):
            code = self.command(block, command)
            if asked and number == len(commands):
                assert code == int(asked), f"{block.where}: {command} ends with {code}: {self.printed}"
            else:
                fine = (0, 1, 2) if len(command) > 1 and command[1] in VERDICTS else (0,)
                assert code in fine, f"{block.where}: {command} ends with {code}: {self.printed}"

    def command(self, block: Block, command: list[str]) -> int:
        program, *arguments = command
        if program == "export":
            name, _, value = arguments[0].partition("=")
            # MLflow keeps a store open by the text of its address: a relative one would be that of another page
            self.set_variable(name, value.replace("sqlite:///mlflow.db", f"sqlite:///{self.folder / 'mlflow.db'}"))
            return 0
        if program == "python":
            self.printed += self.program(arguments)
            return 0
        assert program == "qmtestbed", f"{block.where}: {program} is not known to this test"
        done = self.cli(*(self.last_run() if a == "DIR" else a for a in arguments))
        self.printed += done.stdout + done.stderr
        return done.returncode

    def program(self, arguments: list[str]) -> str:
        out = io.StringIO()
        before, sys.argv = sys.argv, arguments
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                runpy.run_path(str(self.folder / arguments[0]), run_name="__main__")
        finally:
            sys.argv = before
        return out.getvalue()

    def last_run(self) -> str:
        """Give the newest run folder, which a page calls DIR."""
        runs = [p.parent for p in self.folder.glob("*/**/bundle.json")]
        return str(max(runs, key=lambda p: (p / "bundle.json").stat().st_mtime))

    def compare(self, block: Block) -> None:
        for line in filter(None, (x.strip() for x in block.text.splitlines())):
            pattern = ".*".join(r"\s+".join(map(re.escape, part.split())) for part in line.split("…"))
            assert re.search(pattern, self.printed), f"{block.where}: {line!r} is not in\n{self.printed}"


def _merged(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{k: _merged(old.get(k), v) for k, v in new.items()}}
    return new


def _lines(text: str) -> list[str]:
    return text.replace("\\\n", " ").splitlines()


VERSIONS = """
import mlflow
client = mlflow.MlflowClient()
version = client.get_model_version_by_alias("churn", "champion")
again = client.create_model_version("churn", version.source, run_id=version.run_id, model_id=version.model_id)
client.set_registered_model_alias("churn", "candidate", again.version)
"""


@pytest.fixture(scope="session")
def kept(store: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What every page begins with."""
    folder = tmp_path_factory.mktemp("kept")
    for name in ("train.parquet", "test.parquet", "mlflow.db"):
        shutil.copy(store.folder / name, folder)
    import mlflow
    import pandas as pd

    data = pd.read_parquet(folder / "test.parquet")
    said = data[["customer"]].assign(predicted=data["churned"].where(data["age"] > 25, "no"))
    said.to_parquet(folder / "said.parquet")
    (folder / "docs").mkdir()
    for name in ("hazards.md", "docs/hazards.md"):
        (folder / name).write_text("# Hazards\n", "utf-8")
    answers = [{"id": "1", "question": "Were causes of harm listed?", "answer": "yes"}]
    pd.DataFrame(answers).to_excel(folder / "answers.xlsx", index=False)
    before = os.environ.get("MLFLOW_TRACKING_URI")
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'mlflow.db'}"
    try:
        exec(VERSIONS, {"mlflow": mlflow})
    finally:
        os.environ.pop("MLFLOW_TRACKING_URI")
        os.environ.update({} if before is None else {"MLFLOW_TRACKING_URI": before})
    return folder


@pytest.fixture(scope="session")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Guidelines, templates, and the AITs that the pages speak of."""
    folder = tmp_path_factory.mktemp("content")
    for kind in ("guidelines", "reports"):
        (folder / kind).symlink_to(ROOT / kind)
    for ait in ("case_sufficiency", "classification_performance", "data_completeness", "record_duplicates"):
        shutil.copytree(ROOT / "aits" / ait, folder / "aits" / ait)
    return folder


@pytest.fixture
def script(
    kept: Path, content: Path, tmp_path: Path, cli_here: Cli, shared_store: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Script:  # fmt: skip
    monkeypatch.setattr("qmtestbed.catalogue.content_root", lambda: content)

    def begin(folder: Path) -> None:
        if folder != tmp_path or not (folder / "mlflow.db").is_file():
            shutil.copytree(kept, folder, dirs_exist_ok=True)
        monkeypatch.chdir(folder)

    begin(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    return Script(tmp_path, cli_here, Catalogue(), monkeypatch.setenv, begin, {"__name__": "page"})


SLOW = ("README.md", "tutorial.md")
BY_PAGE = [pytest.param(p, id=str(p.relative_to(ROOT)), marks=[pytest.mark.slow] * (p.name in SLOW)) for p in PAGES]


@pytest.mark.parametrize("page", BY_PAGE)
def test_every_block_runs_or_says_why_not(page: Path, request: pytest.FixtureRequest) -> None:
    blocks = list(blocks_of(page))
    english = page.with_name(page.name.replace(".ja.md", ".md"))
    if english != page:
        assert [(b.title, b.said, b.text) for b in blocks] == [(b.title, b.said, b.text) for b in blocks_of(english)]
        return
    if not blocks:
        return
    script: Script = request.getfixturevalue("script")
    for block in blocks:
        script.run(block)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_command_in_a_line_of_text_can_be_read(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    for said in re.findall(r"`(qmtestbed [^`]+)`", text):
        command = shlex.split(said.replace("…", "").replace("\n", " "))[1:]
        if command[0] in COMMANDS and all(re.fullmatch("[a-z]+", word) for word in command):
            continue
        try:
            build_parser().parse_args(command)
        except SystemExit as ended:
            assert ended.code == 0, f"{page}: {said} can't be read"


def test_a_block_that_nothing_runs_is_found(script: Script) -> None:
    page = ROOT / "README.md"
    for language, text in (("text", "x\n"), ("yaml", "a: 1\n"), ("", "rm x\n")):
        with pytest.raises(pytest.fail.Exception):
            script.run(Block(page, 1, "", language, "", "a line", text))
    with pytest.raises(AssertionError):
        script.run(Block(page, 1, "", "bash", "", "", "qmtestbed verify nowhere\n"))
    with pytest.raises(AssertionError):
        script.run(Block(page, 1, "", "text", "", "<!-- output -->", "never printed\n"))


def test_what_the_action_is_given_it_takes(checkout: Path) -> None:
    known = set(yaml.safe_load((checkout / "action.yml").read_text("utf-8"))["inputs"])
    blocks = [b for page in PAGES for b in blocks_of(page) if "uses: OWNER/qmtestbed@" in b.text]
    assert len(blocks) >= 2
    for block in blocks:
        data = yaml.safe_load(block.text)
        steps = data["steps"] if isinstance(data, dict) else data
        (ours,) = [step for step in steps if step["uses"].startswith("OWNER/qmtestbed@")]
        assert set(ours["with"]) <= known, block.where
