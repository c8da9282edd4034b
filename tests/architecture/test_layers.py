"""Who may import whom: every edge between our modules is on the list, and heavy libraries keep to their rooms."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import qmtestbed

PACKAGE = Path(qmtestbed.__file__).parent

BASE = {"errors", "ait", "types", "foreign"}
STAGES = {"plan", "resolve", "execute", "evidence", "judging", "render"}
ALLOWED: dict[str, set[str]] = {
    "foreign": set(),
    "errors": {"foreign"},
    "ait": {"errors"},
    "types": {"errors", "ait"},
    "measuring": {"ait"},
    "documents": BASE,
    "digests": BASE,
    "content": set(),
    "accelerators": set(),
    "modelfiles": BASE,  # parent and child must agree on which files of a model run code on loading
    "guidelines": {*BASE, "documents"},
    "catalogue": {*BASE, "documents", "digests", "content", "guidelines"},
    "plan": {*BASE, "documents", "catalogue"},
    "environments": {*BASE, "digests"},
    "tracking": {*BASE, "digests"},
    "maite": {*BASE, "digests"},
    "resolve": {*BASE, "documents", "digests", "catalogue", "modelfiles", "tracking", "accelerators"},
    # The child alone measures how far two models are apart: the interval of that is our own, not an AIT's.
    "execute": {*BASE, "documents", "digests", "measuring", "modelfiles", "accelerators"},
    "evidence": {*BASE, "documents", "digests"},
    "judging": BASE,
    "render": {*BASE, "content"},  # templates include parts that ship
    "pipeline": {*BASE, "documents", "digests", "catalogue", "environments", "tracking", "maite", *STAGES, ""},
    "cli": {*BASE, "catalogue", "content", "guidelines", "pipeline"},
    "mlflow_evaluator": {"pipeline"},
    "": {"errors", "ait", "types", "pipeline", "tracking"},
    "__main__": {"cli"},
}
"""Part of the package → parts it may import; ``""`` is ``qmtestbed/__init__.py``."""

ROOMS = {
    "mlflow": {"tracking", "execute/models", "maite/served.py"},
    "jinja2": {"render/html.py"},
    "cryptography": {"evidence/signatures.py"},
    "weasyprint": {"render/pdf.py"},
    "cssselect2": {"render/pdf.py"},
    "openpyxl": {"evidence/spreadsheets.py"},
    "torch": {"execute/models", "maite/served.py", "measuring/activations.py"},
    "sklearn": {"execute/models", "measuring"},
    "skops": {"execute/models"},
    "onnxruntime": {"execute/models"},
    "xgboost": {"execute/models"},
    "lightgbm": {"execute/models"},
    "modelscan": {"execute/models"},
    "pandas": {"execute", "measuring", "ait.py", "tracking"},
    "numpy": {"execute", "measuring", "ait.py", "maite"},  # objects of the user's are in the calling process
    "cloudpickle": {"maite/models.py"},
    "scipy": {"measuring"},
    "pyarrow": {"execute", "resolve/datasets.py"},
}

PARENT_SIDE = {"engine", "launcher", "children", "sandbox", "here"}
"""Modules of the stage execute that the parent imports; the others are for the child."""

IN_PROCESS = ("execute/here.py", "worker")
"""The one exception: ``ait run --in-process`` runs a measuring function in the calling process, so that a debugger
stops in it. The import stands in the function that does it; ``execute/here.py`` is the only module that may."""


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Every module that a file imports, and whether at module level (that is, when it is imported itself)."""
    tree = ast.parse(path.read_text("utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            members = [f"{node.module}.{a.name}" for a in node.names]
            names = members if all(is_module(m) for m in members) else [node.module or "", *members]
        for name in names:
            yield name, node in tree.body and id(node) not in typing_only


def is_module(name: str) -> bool:
    path = PACKAGE.joinpath(*name.split(".")[1:])
    return name.startswith("qmtestbed.") and (path.is_dir() or path.with_suffix(".py").is_file())


def part_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py") if first != "__init__.py" else ""


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_imports_only_what_its_layer_allows(path: Path) -> None:
    here = part_of(path)
    for name, _ in imports(path):
        if name == "qmtestbed" or name.startswith("qmtestbed."):
            second = (*name.split("."), "")[1]
            target = second if is_module(f"qmtestbed.{second}") else ""
            if target == "":
                continue  # ``from qmtestbed import pipeline`` is checked as qmtestbed.pipeline
            assert target == here or target in ALLOWED[here], f"{here or '__init__'} must not import {target or name}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_heavy_libraries_keep_to_their_rooms(path: Path) -> None:
    here = path.relative_to(PACKAGE).as_posix()
    for name, _ in imports(path):
        rooms = ROOMS.get(name.split(".")[0])
        if rooms is not None:
            assert any(here == room or here.startswith(f"{room}/") for room in rooms), f"{here} imports {name}"


def test_the_parent_never_imports_what_is_for_the_child() -> None:
    for path in modules():
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[0] == "execute" and parts[1] not in {*PARENT_SIDE, "__init__"}:
            continue
        for name, at_top in imports(path):
            third = (*name.split("."), "", "")[2]
            if (path.relative_to(PACKAGE).as_posix(), third) == IN_PROCESS:
                assert not at_top
            elif name.startswith("qmtestbed.execute.") and is_module(f"qmtestbed.execute.{third}"):
                assert third in PARENT_SIDE, f"{path} imports {name}"


def test_every_part_of_the_package_has_a_line_in_the_list() -> None:
    assert {part_of(p) for p in modules()} == set(ALLOWED)


def test_no_import_cycle() -> None:
    edges: dict[str, set[str]] = {}
    for path in modules():
        name = ".".join(("qmtestbed", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        edges[name] = {n for n, at_top in imports(path) if at_top and n.startswith("qmtestbed")}
    known = set(edges)
    edges = {n: {t for t in targets if t in known and t != n} for n, targets in edges.items()}
    state: dict[str, int] = {}

    def visit(node: str, trail: tuple[str, ...]) -> None:
        assert state.get(node) != 1, f"cycle: {' → '.join((*trail, node))}"
        if state.get(node) != 2:
            state[node] = 1
            for target in sorted(edges[node]):
                visit(target, (*trail, node))
            state[node] = 2

    for node in sorted(edges):
        visit(node, ())


def test_an_ait_imports_only_what_is_meant_for_it(checkout: Path) -> None:
    for path in sorted((checkout / "aits").glob("*/*.py")):
        if path.name.startswith("test_"):
            continue
        for name, _ in imports(path):
            if name.startswith("qmtestbed"):
                assert name.startswith(("qmtestbed.ait", "qmtestbed.measuring")), f"{path} imports {name}"


def test_one_broad_handler_in_the_whole_package() -> None:
    broad = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else ""
                if caught in ("", "Exception", "BaseException"):
                    broad.append(path.relative_to(PACKAGE).as_posix())
    assert broad == ["execute/worker.py"]  # its outermost frame


def test_no_assertion_validates_anything(checkout: Path) -> None:
    """``python -O`` takes assertions away: what must hold is checked and said."""
    for path in [*modules(), *sorted((checkout / "aits").glob("*/measure.py"))]:
        found = [n.lineno for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Assert)]
        assert not found, f"{path}: lines {found}"
