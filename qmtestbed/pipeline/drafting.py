"""``plan draft``: a plan with every requirement of a target, checks that fit, and stubs for what people say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from unicodedata import east_asian_width

from qmtestbed.catalogue import Catalogue
from qmtestbed.documents import decode_document, dump_document, parse_document
from qmtestbed.errors import InputError, PlanError, Problem
from qmtestbed.execute import Progress
from qmtestbed.pipeline.asked import asked_of
from qmtestbed.pipeline.evaluate import Subject, Told, choose_checks
from qmtestbed.pipeline.evaluate import draft as draft_checks
from qmtestbed.pipeline.options import Options
from qmtestbed.pipeline.outlook import Outlook, outlook_of
from qmtestbed.plan import check_plan
from qmtestbed.resolve.datasets import TableFacts
from qmtestbed.resolve.jobs import Bound, FileFacts
from qmtestbed.types.assessment import LeftOut
from qmtestbed.types.codec import lean
from qmtestbed.types.plan import Check, Component, Declaration, Inventory, LoadedPlan, Plan
from qmtestbed.types.text import Language

_WIDTH = 100
_MARKS: Mapping[Language, tuple[str, ...]] = {"en": (": ", ", ", "; ", " (", ")"), "ja": ("：", "、", "；", "（", "）")}
_PLACEHOLDERS = {
    "model": Inventory("<model, such as models:/name@alias>"),
    "test": Inventory("<test data, such as test.parquet>", label="<column with the truth>"),
    "train": Inventory("<training data, such as train.parquet>", label="<column with the truth>"),
    "design": Inventory("<attribute design, such as design.yaml>"),
}


@dataclass(frozen=True)
class Unnamed:
    """A target without anything to evaluate yet."""

    guideline: str | Sequence[str]
    levels: Mapping[str, str]
    name: str | None = None
    task: str = "classification"


def draft_plan(
    about: Subject | Unnamed, folder: Path, options: Options, progress: Progress | None = None
) -> tuple[bytes, Outlook]:
    """Draft a plan as text with comments in the language of the options; nothing is written.

    Parameters
    ----------
    about
        What is to be evaluated: its model is loaded once, in a child, to see what it can do. Or the target alone: the
        inventories are then placeholders, which a run refuses.
    folder
        Where the plan will be: its paths start there.
    options
        Where more AITs and guidelines are, how the child is contained, the language of comments and reasons.
    progress
        Is told of the probe.

    Returns
    -------
    text, outlook
        The draft, and how its requirements stand: each that needs a declaration has a stub, which counts as none.

    Raises
    ------
    InputError
        Model or data can't be used, no AIT fits, or the target has no requirements.
    """
    catalogue = options.catalogue()
    if isinstance(about, Subject):
        found = draft_checks(about, replace(options, out=folder), progress)
        plan, left_out = found.loaded.plan, found.left_out
    else:
        plan, left_out = _unnamed(about, catalogue)
    plan = replace(plan, checks=_in_language(plan.checks, catalogue, options.language))
    target = outlook_of(LoadedPlan(plan, folder, b""), catalogue, date.today().isoformat())
    needing = [r.id for r in target.assessment.requirements if "declared" in r.needs]
    if not target.assessment.requirements:
        gap = target.assessment.headlines.evidence.fills_gap
        raise InputError(Problem("the target has no requirements", do=gap or "name a guideline and a level"))
    plan = replace(plan, declarations=tuple(Declaration(requirement=id, todo=True) for id in needing))
    content = "\n".join(_text(plan, target, left_out, catalogue, options.language)).encode() + b"\n"
    document = parse_document(content, "draft")
    loaded = check_plan(decode_document(Plan, document, PlanError), document, folder, catalogue)
    return content, outlook_of(loaded, catalogue, date.today().isoformat())


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet; :class:`InputError` if it is, or can't be."""
    try:
        with path.open("xb") as stream:
            stream.write(content)
    except FileExistsError:
        raise InputError(Problem("there is a file of that name already", str(path), do="give another --out")) from None
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(Problem("there is no such folder", str(path.parent), do="make it, or give another")) from None


def _unnamed(about: Unnamed, catalogue: Catalogue) -> tuple[Plan, tuple[LeftOut, ...]]:
    """Choose the checks that the target's requirements name, as if there were a model, tables and a design."""
    bound = {name: Bound(name, i, FileFacts(Path(), "")) for name, i in _PLACEHOLDERS.items()}
    for name in ("test", "train"):
        bound[name] = Bound(name, _PLACEHOLDERS[name], TableFacts(Path(), "", (), 0))
    checks, left_out = choose_checks(catalogue, bound, Told("probe", about.task, None))
    asked_for = asked_of(about.guideline, about.levels, catalogue)
    plan = Plan(
        schema="qmtestbed/plan/v1",
        component=Component(about.name or "<component>"),
        guideline=asked_for.guideline,
        levels=asked_for.levels,
        checks=checks,
        inventories=_PLACEHOLDERS,
    )
    document = parse_document(dump_document(lean(plan)), "draft")
    loaded = check_plan(plan, document, Path(), catalogue)
    asked = outlook_of(loaded, catalogue, date.today().isoformat()).assessment
    wanted = {name: checks[name] for name in checks if any(name in r.checks for r in asked.requirements)}
    used = {v for check in wanted.values() for v in check.with_.values()}
    inventories = {name: i for name, i in _PLACEHOLDERS.items() if name in used}
    return replace(plan, checks=wanted, inventories=inventories), tuple(left_out)


def _in_language(checks: Mapping[str, Check], catalogue: Catalogue, language: Language) -> dict[str, Check]:
    """Give the checks with the reasons of their criteria in the language of the plan's comments."""
    translated = {}
    for id, check in checks.items():
        manifest = catalogue.ait(check.ait).manifest
        reasons = {s.criterion: s.because.of(language) for s in manifest.suggests} if manifest else {}
        expect = tuple(replace(e, because=reasons.get(e.criterion, e.because)) for e in check.expect)
        translated[id] = replace(check, expect=expect)
    return translated


# -- text -----------------------------------------------------------------------------------------------------


def _text(
    plan: Plan, target: Outlook, left_out: Sequence[LeftOut], catalogue: Catalogue, language: Language
) -> Iterator[str]:
    words, (colon, comma, *_) = _WORDS[language], _MARKS[language]
    yield from _comment(words["head"])
    written = lean(plan)
    head = {key: value for key, value in written.items() if key not in ("inventories", "checks", "declarations")}
    yield from _block(head)
    yield ""
    yield from _block({"inventories": written["inventories"]})
    yield from ("", "checks:" if plan.checks else "checks: {}")
    for id, check in plan.checks.items():
        manifest = catalogue.ait(check.ait).manifest
        serves = comma.join(r.id for r in target.assessment.requirements if id in r.checks)
        title = manifest.title.of(language) if manifest else ""
        purpose = words["for"].format(serves) if serves else words["beside"]
        yield from _comment(f"{title}{colon}{purpose}", "  ")
        yield from _block({id: written["checks"][id]}, "  ")
    yield from _unmeasured(target, left_out, language)
    yield from ("", *_comment(words["declarations"]), "declarations:" if plan.declarations else "")
    for requirement in target.assessment.requirements:
        if "declared" in requirement.needs:
            described = target.guidelines[requirement.guideline].requirements
            clause = described[requirement.id.removeprefix(f"{requirement.guideline}:")]
            yield ""
            yield from _comment(f"{requirement.id}{colon}{clause.title.of(language)}", "  ")
            yield from _comment(clause.summary.of(language), "  ")
            yield from _block([{"requirement": requirement.id, "todo": True}], "  ")


def _unmeasured(target: Outlook, left_out: Sequence[LeftOut], language: Language) -> Iterator[str]:
    """Name the requirements that need a measurement and have no check, with why each AIT for it was left out."""
    words, why = _WORDS[language], {x.ait: x.why for x in left_out}
    colon, _, semicolon, opens, closes = _MARKS[language]
    for requirement in target.assessment.requirements:
        if "measured" in requirement.needs and not requirement.checks:
            described = target.guidelines[requirement.guideline].requirements
            named = described[requirement.id.removeprefix(f"{requirement.guideline}:")].informed_by
            reasons = [f"{ait}{colon}{why.get(ait, words['not_installed'])}" for a in named for ait in a]
            told = semicolon.join(dict.fromkeys(reasons)) or words["no_ait"]
            yield from _comment(f"{requirement.id}{colon}{words['no_check']}{opens}{told}{closes}", "  ")


def _block(value: object, indent: str = "") -> Iterator[str]:
    yield from (f"{indent}{line}" for line in dump_document(value).decode().splitlines())


def _comment(text: str, indent: str = "") -> Iterator[str]:
    """Write a text as comments; whatever whitespace it has, no line of it can end one."""
    for paragraph in text.split("\n"):
        for line in _wrap(" ".join(paragraph.split())):
            yield f"{indent}# {line}".rstrip()


def _wrap(text: str) -> Iterator[str]:
    """Break a text into lines: never inside a word of Latin letters, and none begins with 、 or the like."""
    line = ""
    for piece in re.findall(r"[（「]*(?:[!-~]+|[^!-~\s])[、。：；）」]*\s*", text):
        if line and _columns(line) + _columns(piece.rstrip()) > _WIDTH:
            yield line
            line = ""
        line += piece
    yield line


def _columns(text: str) -> int:
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "head": "Drafted by qmtestbed: a proposal, and no evidence. Look through the criteria: they are those that the "
        "AITs suggest, and what is good enough is for you to say.\n"
        "qmtestbed plan check FILE tells what is missing.",
        "for": "for {}",
        "beside": "for no requirement of the target",
        "no_check": "needs a measurement, and has no check",
        "no_ait": "no AIT measures it",
        "not_installed": "not installed",
        "declarations": "What people have to say. An entry with todo: true counts as missing. Fill it in by hand "
        "(statement, file, by, date, until; without todo), or by\n"
        "  qmtestbed declare --plan FILE --requirement ID --statement … --file … --by … --until …\n"
        "A good statement says what was done and decided, for which system and data, on what grounds, with which "
        "result and what was left open; the file is the document that shows it.",
    },
    "ja": {
        "head": "qmtestbed が作成した下書きであり、エビデンスではない。判定基準は各 AIT の推奨値である。"
        "十分かどうかを確認し、必要に応じて変更すること。\n"
        "不足しているものは qmtestbed plan check FILE で確認できる。",
        "for": "要求事項 {} に対応",
        "beside": "目標の要求事項には対応しない",
        "no_check": "測定が必要だが、対応する検査がない",
        "no_ait": "測定できる AIT がない",
        "not_installed": "インストールされていない",
        "declarations": "担当者による申告。todo: true の項目は「なし」として扱われる。"
        "todo を消して statement、file、by、date、until を記入するか、次のコマンドを使う。\n"
        "qmtestbed declare --plan FILE --requirement ID --statement … --file … --by … --until …\n"
        "申告には、対象としたシステムとデータ、実施内容と決定事項、その根拠、結果、残された課題を書く。"
        "file にはそれを示す文書を指定する。",
    },
}
