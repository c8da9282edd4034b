"""The rules of the contract that an AIT's files show by themselves: nothing is imported and nothing runs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qmtestbed.catalogue import AitEntry, Catalogue
from qmtestbed.errors import Problem, suggestion
from qmtestbed.plan import criterion_fault
from qmtestbed.types.criterion import parse_criterion
from qmtestbed.types.manifest import Manifest
from qmtestbed.types.plan import Check, Component, Plan
from qmtestbed.types.text import Language, Text

BOTH: tuple[Language, ...] = ("en", "ja")
_JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
_OFFERED = frozenset({"seed", "confidence"})


@dataclass(frozen=True)
class Rule:
    """One rule of the contract and how an AIT stands to it.

    Attributes
    ----------
    name
        One word.
    faults
        What breaks it, each with what to do; none where it holds.
    note
        What was seen.
    checked
        Whether it could be looked at: nothing runs while the manifest or a library is missing.
    """

    name: str
    faults: tuple[Problem, ...] = ()
    note: str = ""
    checked: bool = True

    @property
    def holds(self) -> bool:
        """Whether it was looked at and nothing breaks it."""
        return self.checked and not self.faults


def manifest_rule(entry: AitEntry) -> Rule:
    """``ait.yaml`` is valid, and the folder is that of the AIT."""
    m = entry.manifest
    return Rule("manifest", entry.broken, f"{m.id} {m.version}" if m else "")


def libraries_rule(entry: AitEntry) -> Rule:
    """Everything that the AIT requires is installed."""
    faults = tuple(
        Problem("a library that it requires is not installed", entry.id, do=command) for command in entry.missing
    )
    named = ", ".join(r.distribution for r in entry.manifest.requires) if entry.manifest else ""
    return Rule("libraries", faults, named or "none beside those of qmtestbed")


def static_rules(
    entry: AitEntry, manifest: Manifest, catalogue: Catalogue, languages: Sequence[Language]
) -> tuple[Rule, ...]:
    """Look at the manifest's words and the function's signature."""
    return (
        Rule("function", tuple(_function(entry.folder, manifest)), "it takes what ait.yaml names"),
        Rule("docs", tuple(_texts(manifest, languages)), f"every text is there in {' and '.join(languages)}"),
        Rule("sources", tuple(_sources(manifest, catalogue)), f"{len(manifest.references)} named"),
        Rule("criteria", tuple(_criteria(manifest)), f"{len(manifest.suggests)} by default"),
    )


def _function(folder: Path, manifest: Manifest) -> Iterator[Problem]:
    where, source = f"{folder.name}/measure.py", (folder / "measure.py").read_text("utf-8", errors="replace")
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        yield Problem("it is no Python program", f"{where}:{line}", str(error).splitlines()[0], "mend that line")
        return
    public = [n for n in tree.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]
    if [f.name for f in public] != ["measure"]:
        found = ", ".join(f.name for f in public) or "none"
        yield Problem("it must hold one public function, measure", where, found, "begin the names of others with _")
        return
    yield from _signature(public[0], manifest, f"{where}:{public[0].lineno}")
    if manifest.random != bool(re.search(r"\bseed\b", source)):
        do = "take the argument seed, or write random: false" if manifest.random else "write random: true in ait.yaml"
        yield Problem("ait.yaml and the function do not agree on whether it is random", where, "", do)


def _signature(function: ast.FunctionDef, manifest: Manifest, where: str) -> Iterator[Problem]:
    a = function.args
    positional, keyword = [x.arg for x in a.args], {x.arg for x in a.kwonlyargs}
    if positional != list(manifest.inputs):
        do = f"write measure({', '.join(manifest.inputs)}, …), in the order of inputs: in ait.yaml"
        yield Problem("its arguments are not the inputs", where, ", ".join(positional) or "none", do)
    elif (optional := set(positional[len(positional) - len(a.defaults) :])) != {
        n for n, spec in manifest.inputs.items() if spec.optional
    }:
        do = "give None as default to the inputs that are optional: true, and to no other"
        yield Problem("other inputs are optional than in ait.yaml", where, ", ".join(sorted(optional)) or "none", do)
    if keyword - _OFFERED != set(manifest.parameters):
        do = f"write them after the *: {', '.join(manifest.parameters) or 'none'} (and seed, confidence as needed)"
        yield Problem("its keyword arguments are not the parameters", where, ", ".join(sorted(keyword)) or "none", do)
    if not ast.get_docstring(function):
        yield Problem("it has no docstring", where, do="say in a line what it measures")


def texts(manifest: Manifest) -> Iterator[tuple[str, Text | None]]:
    """Give every text that a reader of pages sees, by the place where it stands."""
    yield from (("title", manifest.title), ("method", manifest.method), ("meaning", manifest.meaning))
    yield from ((f"parameters.{n}", p.text) for n, p in manifest.parameters.items())
    yield from ((f"measures.{n}", m.text) for n, m in manifest.measures.items())
    yield from ((f"resources.{n}", r.text) for n, r in manifest.resources.items())
    yield from ((f"suggests {s.criterion!r}", s.because) for s in manifest.suggests)


def _texts(manifest: Manifest, languages: Sequence[Language]) -> Iterator[Problem]:
    where = f"{manifest.id}/ait.yaml"
    for name, text in texts(manifest):
        if text is None or not text.en.strip():
            yield Problem(f"{name} has no text", where, do="add text: {en: …, ja: …}")
        elif "ja" in languages and not _JAPANESE.search(text.ja or ""):
            do = "add ja: beside en:, or check with --lang en what is for English pages only"
            yield Problem(f"{name} has no Japanese text", where, text.ja or "", do)


def _sources(manifest: Manifest, catalogue: Catalogue) -> Iterator[Problem]:
    where = f"{manifest.id}/ait.yaml"
    if not manifest.references:
        yield Problem("no source is named", where, do="name under references: where the method is defined")
    for name, clauses in manifest.informs.items():
        entry = catalogue.guidelines.get(name)
        if entry is None or entry.guideline is None:
            yield Problem(f"informs: unknown guideline {name!r}", where, do=suggestion(name, catalogue.guidelines))
            continue
        known = entry.guideline.requirements
        for clause in sorted(set(clauses) - known.keys()):
            yield Problem(f"informs: {name} has no clause {clause!r}", where, do=suggestion(clause, known))


def _criteria(manifest: Manifest) -> Iterator[Problem]:
    where = f"{manifest.id}/ait.yaml"
    if manifest.information and manifest.suggests:
        yield Problem("it is for information only and suggests a criterion", where, do="take out one of the two")
    elif not manifest.suggests and not manifest.information:
        do = "add under suggests: one with criterion, because and false_alarm (or write information: true)"
        yield Problem("there is no default criterion", where, do=do)
    for suggested in manifest.suggests:
        plan = Plan("qmtestbed/plan/v1", Component(manifest.id))
        what, do = criterion_fault(parse_criterion(suggested.criterion), Check(manifest.id), manifest, plan)
        if what:
            yield Problem(what, where, suggested.criterion, do)
        if not suggested.false_alarm.strip():
            do = "say under false_alarm: when it is missed though nothing is wrong"
            yield Problem("nothing says how often it is a false alarm", where, suggested.criterion, do)
        if unknown := sorted(set(suggested.inputs) - manifest.inputs.keys()):
            do = suggestion(unknown[0], manifest.inputs)
            yield Problem(f"{suggested.criterion!r} names inputs that there are not", where, ", ".join(unknown), do)
