"""``design draft`` and ``design check``: an attribute design proposed from a table, and one looked through."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qmtestbed.documents import decode_document, dump_document, parse_document, read_document
from qmtestbed.errors import ContentError, DataError, Problem, suggestion
from qmtestbed.evidence import RunFolder
from qmtestbed.execute import Progress, launcher_for
from qmtestbed.pipeline.options import Options, Silent
from qmtestbed.pipeline.run import execute_jobs
from qmtestbed.resolve.datasets import describe_table
from qmtestbed.resolve.jobs import Bound, GraphBuilder
from qmtestbed.types.design import DesignFile, bin_names
from qmtestbed.types.plan import Component, Inventory, Plan
from qmtestbed.types.text import Language

_LONGEST_NAME = 100
"""YAML writes a longer key over two lines."""


@dataclass(frozen=True)
class DraftedDesign:
    """A design as text with comments, what it says, and why the other columns were left out."""

    content: bytes
    design: DesignFile
    left_out: Mapping[str, str]


def draft_design(
    data: Path,
    options: Options,
    columns: Sequence[str] = (),
    label: str | None = None,
    progress: Progress | None = None,
) -> DraftedDesign:
    """Propose an attribute design from a table, which is read in a child; the same table gives the same text.

    Parameters
    ----------
    data
        A table file.
    options
        How the child is contained; the language of comments.
    columns
        Those to look at; by default all but the label.
    label
        Column that holds the truth, which is no attribute.
    progress
        Is told of the child's job.

    Raises
    ------
    DataError
        The table can't be used, has no such column, or none that could be an attribute.
    """
    inventory = Inventory(str(data.resolve()), label=label, requested=str(data))
    facts = describe_table("data", inventory, Path())
    if unknown := [c for c in columns if c not in facts.columns]:
        do = suggestion(unknown[0], facts.columns)
        raise DataError(Problem(f"no column {unknown[0]!r}", str(data), ", ".join(facts.columns[:8]), do))
    wanted = [c for c in columns or facts.columns if c != label]
    long = [c for c in wanted if len(c) > _LONGEST_NAME or not c.isprintable()]
    plan = Plan(schema="qmtestbed/plan/v1", component=Component("design"))
    builder = GraphBuilder(plan, {"data": Bound("data", inventory, facts)}, options.loading())
    told = _told(builder, [c for c in wanted if c not in long], options, progress or Silent())
    left_out = {**told["left_out"], **dict.fromkeys(long, "its name can't be a key")}
    left_out = {c: left_out[c] for c in wanted if c in left_out}
    found = {**told, **{part: {c: told[part][c] for c in wanted if c in told[part]} for part in ("attributes", "bins")}}
    if not found["attributes"] and not found["bins"]:
        reasons = "; ".join(f"{column}: {why}" for column, why in left_out.items())
        do = "write a design by hand, or make columns of a few values"
        raise DataError(Problem("no column could be an attribute", str(data), reasons[:1000], do))
    content = "\n".join(_text(found, left_out, data.name, options.language)).encode() + b"\n"
    return DraftedDesign(content, _read(content, "draft"), left_out)


def check_design(path: Path) -> DesignFile:
    """Read a design; :class:`ContentError` with every problem, each at its line."""
    return _read(path, str(path))


def _read(source: Path | bytes, name: str) -> DesignFile:
    document = read_document(source, name) if isinstance(source, Path) else parse_document(source, name)
    design = decode_document(DesignFile, document)
    if problems := [document.fault(fault) for fault in design.faults()]:
        raise ContentError(*problems)
    return design


def _told(builder: GraphBuilder, columns: Sequence[str], options: Options, progress: Progress) -> Mapping[str, Any]:
    """Let a child describe the columns; :class:`DataError` where it can't."""
    job = builder.describe("data", columns)
    progress.planned([job], {})
    launcher = launcher_for([job], options.isolation)
    try:
        with tempfile.TemporaryDirectory(prefix="qmt-design-") as scratch:
            folder = RunFolder(Path(scratch))
            execute_jobs([job], folder, launcher, options, progress)
            record = folder.record(job.key)
    finally:
        launcher.close()
    if record.status != "measured":
        error = record.error
        what = error.what if error else record.status
        raise DataError(Problem(f"the table can't be described: {what}", found=error.found if error else ""))
    return record.facts


# -- text -----------------------------------------------------------------------------------------------------


def _text(found: Mapping[str, Any], left_out: Mapping[str, str], name: str, language: Language) -> Iterator[str]:
    words, rows = _WORDS[language], int(found["rows"])
    yield f"# {words['head'].format(name=_plain(name), rows=f'{rows:,}')}"
    yield "schema: qmtestbed/design/v1"
    if found["attributes"]:
        yield from ("", f"# {words['attributes']}", "attributes:")
    for column, pairs in found["attributes"].items():
        yield f"  {_key(column)}{_missing(found, column, words)}"
        yield from (f"    {_dumped([value])}  # {_share(count, rows)}" for value, count in pairs)
    if found["bins"]:
        yield from ("", f"# {words['bins']}", "bins:")
    for column, cut in found["bins"].items():
        yield f"  {_key(column)}{_missing(found, column, words)}"
        yield from (f"    {_dumped([int(edge) if edge == int(edge) else edge])}" for edge in cut["edges"])
        shares = zip(bin_names(cut["edges"]), cut["rows"], strict=True)
        yield "    # " + ", ".join(f"{name}: {_share(count, rows)}" for name, count in shares)
    yield from ("", f"# {words['exclusions']}", "exclusions: []", f"# {words['risk_cases']}", "risk_cases: []")
    yield from ("", *(f"# {line}" for line in words["frequencies"].split("\n")))
    yield from (f"# {line}" for line in _observed(found))
    if left_out:
        yield from ("", f"# {words['left_out']}")
        yield from (f"#   {_plain(column)}: {_plain(why)}" for column, why in left_out.items())


def _observed(found: Mapping[str, Any]) -> list[str]:
    """Write the shares that were found as frequencies; of each attribute they sum to 1."""
    named = {c: [(value, count) for value, count in pairs] for c, pairs in found["attributes"].items()}
    named |= {c: list(zip(bin_names(cut["edges"]), cut["rows"], strict=True)) for c, cut in found["bins"].items()}
    shares = {c: {v: round(n / sum(m for _, m in pairs), 4) for v, n in pairs} for c, pairs in named.items()}
    return dump_document({"frequencies": shares}).decode().splitlines()


def _dumped(value: object) -> str:
    return dump_document(value).decode().rstrip("\n")


def _key(name: str) -> str:
    return _dumped({name: 0}).removesuffix(" 0")


def _missing(found: Mapping[str, Any], column: str, words: Mapping[str, str]) -> str:
    missing = found["missing"].get(column)
    return f"  # {words['missing'].format(rows=f'{missing:,}')}" if missing else ""


def _share(count: int, rows: int) -> str:
    return f"{100 * count / rows:.1f} %"


def _plain(text: str) -> str:
    """Write a text so that no line of it can end a comment."""
    return "".join(c if c.isprintable() else " " for c in text)


_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "head": "Proposed by qmtestbed from {name} ({rows} rows): what the data hold, not what there should be.",
        "attributes": "Add the values that can occur and are not in the data. Shares are those of the rows.",
        "bins": "Edges of ranges; a range holds its lower edge. Move them to where the behaviour may change.",
        "missing": "{rows} rows have no value",
        "exclusions": "To do: combinations that can't occur, such as  - {<column>: <value>, <column>: <value>}",
        "risk_cases": "To do: combinations that are risky, written in the same way.",
        "frequencies": "To do: the shares that are to be expected in use; those of each attribute sum to 1.\n"
        "Below are those in the data: put what you expect in their place, and take the # away.",
        "left_out": "Left out:",
    },
    "ja": {
        "head": "qmtestbedが{name}（{rows}行）から作成した案。データにあるものを示し、あるべきものを示すのではない。",
        "attributes": "起こりうるのにデータにない値を追加すること。割合は行数に対するもの。",
        "bins": "範囲の境界。各範囲は下端を含む。挙動が変わりうる値に改めること。",
        "missing": "{rows}行に値がない",
        "exclusions": "未記入：起こりえない組合せ。例  - {<列>: <値>, <列>: <値>}",
        "risk_cases": "未記入：リスクの高い組合せ。書き方は同じ。",
        "frequencies": "未記入：運用時に想定される割合。属性ごとに合計を1とする。\n"
        "以下はデータでの割合。想定する値に書き換え、行頭の # を消すこと。",
        "left_out": "除外した列：",
    },
}
