"""MkDocs hook: makes the pages of ``docs/reference`` when the documentation is built.

What parsers, manifests, guidelines, schemas and docstrings say stands there only, so no page can fall behind it.
"""

from __future__ import annotations

import argparse
import html
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from qmtestbed.catalogue import Catalogue
from qmtestbed.cli.app import COMMANDS, EXIT_CODES, build_parser, module_of
from qmtestbed.types.guideline import Guideline, GuidelineRequirement
from qmtestbed.types.manifest import InputSpec, Manifest, MeasureSpec

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = ROOT / "qmtestbed" / "schemas"
FOR_EDITORS = ROOT / "docs" / "schemas"
"""Schemas of what people write, with a description of every key; of all others only the file is given."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the page of each AIT into the navigation."""
    pages = sorted(p.name for p in (ROOT / "docs" / "aits").glob("*.md") if not p.name.startswith("index."))
    english = [{n.removesuffix(".md"): f"aits/{n}"} for n in pages if not n.endswith(".ja.md")]
    japanese = [{n.removesuffix(".ja.md"): f"aits/{n}"} for n in pages if n.endswith(".ja.md")]
    reference = next(section["Reference"] for section in config.nav or () if "Reference" in section)
    reference.append({"AITs one by one": ["aits/index.md", *english]})
    reference.append({"AIT 別の説明（日本語）": ["aits/index.ja.md", *japanese]})
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the generated pages, and the schemas as they are."""
    for name, make in PAGES.items():
        files.append(File.generated(config, f"reference/{name}.md", content=make(files)))
    for path in _other_schemas():
        files.append(File.generated(config, f"reference/schemas/{path.name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Join lines of Japanese: a line's end would be a blank after full-width punctuation."""
    return _AT_LINE_END.sub("", markdown) if page.file.src_uri.endswith(".ja.md") else markdown


def on_page_content(html: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Take the marks of reStructuredText out of docstrings."""
    return _ROLE.sub("<code>", html.replace("<p>::</p>", "")) if page.file.src_uri == "reference/python.md" else html


def on_post_page(output: str, *, page: Page, config: MkDocsConfig) -> str:
    """Say that a Japanese page is Japanese, to screen readers and fonts."""
    return output.replace('<html lang="en"', '<html lang="ja"') if page.file.src_uri.endswith(".ja.md") else output


_AT_LINE_END = re.compile(r"(?<=[。、）」])\n(?!\s|#|\||```|<|- |\d+\. )")
_ROLE = re.compile(r":(?:class|func|data|mod|meth|exc|attr):<code>~?")


# -- command line ---------------------------------------------------------------------------------------------


def cli_page(_: Files) -> str:
    """Every command with its arguments, as the parser has them."""
    lines = ["# Command line", "", "`qmtestbed COMMAND --help` prints the same.", ""]
    commands = _subparsers(build_parser())
    for name in COMMANDS:
        lines += [f"- [`qmtestbed {name}`](#qmtestbed-{name}): {_text(module_of(name).HELP)}"]
    for parser in commands.values():
        lines += ["", *_command(parser, 2)]
    return "\n".join(lines)


def _subparsers(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _command(parser: argparse.ArgumentParser, level: int) -> Iterator[str]:
    below = _subparsers(parser)
    yield f"{'#' * level} `{parser.prog}`"
    yield ""
    if parser.description:
        yield f"{_text(parser.description)}."
        yield ""
    taken = [a for a in parser._actions if not isinstance(a, (argparse._HelpAction, argparse._SubParsersAction))]
    if taken:
        yield from _table(("argument", "what it is"), ((_argument(a), _help(a)) for a in taken))
        yield ""
    for sub in below.values():
        yield from _command(sub, level + 1)
        yield ""


def _argument(action: argparse.Action) -> str:
    value = action.metavar if isinstance(action.metavar, str) else "{" + ",".join(map(str, action.choices or ())) + "}"
    if not action.option_strings:
        return f"`{value if value != '{}' else action.dest}`"
    shown = "" if action.nargs == 0 else f" {value if value != '{}' else action.dest.upper()}"
    return ", ".join(f"`{name}{shown}`" for name in action.option_strings) + (" (required)" if action.required else "")


def _help(action: argparse.Action) -> str:
    return _text((action.help or "") % {**vars(action), "prog": "qmtestbed"})


def exit_codes_page(_: Files) -> str:
    """The exit codes, as ``qmtestbed --help`` has them."""
    found = re.findall(r"^  (\d+) +(.*(?:\n {5}.*)*)", EXIT_CODES, re.MULTILINE)
    rows = ((code, _text(" ".join(meaning.split()))) for code, meaning in found)
    return "\n".join(
        [
            "# Exit codes",
            "",
            "`run`, `evaluate`, `judge`, `gate` and `ci evaluate` tell the verdict by their exit code (1 wins over 2); "
            "`ait check`, `ait run` and `guideline check` end with 0 or 1, `verify` with 0 or 5; all other commands "
            "end with 0 when done. Wrong usage and bad input are 4 everywhere.",
            "",
            *_table(("code", "meaning"), rows),
            "",
            "`--require` says what the code looks at: `criteria` (default), `measured` or `requirements` (the clauses "
            "of the guideline as well), or `criteria-or-waived`: see [Verdicts](../explanation/verdicts.md).",
        ]
    )


# -- AITs -----------------------------------------------------------------------------------------------------


def aits_page(files: Files) -> str:
    """Every AIT that ships, by quality, with what a plan may name."""
    manifests = [e.manifest for e in Catalogue().aits.values() if e.manifest is not None]
    lines = [
        "# AITs",
        "",
        f"{len(manifests)} ship with qmtestbed. `qmtestbed ait show ID` prints one with its sources.",
        "",
    ]
    for quality in dict.fromkeys(m.quality for m in sorted(manifests, key=lambda m: m.quality)):
        lines += [f"## {quality.replace('_', ' ').capitalize()}", ""]
        for manifest in (m for m in manifests if m.quality == quality):
            lines += [*_ait(manifest, files), ""]
    return "\n".join(lines)


def _ait(manifest: Manifest, files: Files) -> Iterator[str]:
    yield f"### `{manifest.id}`"
    yield ""
    yield f"**{_text(manifest.title.en)}** · version {manifest.version}"
    if files.get_file_from_path(f"aits/{manifest.id}.md") is not None:
        yield f" · [method, sources, control pair](../aits/{manifest.id}.md)"
    yield ""
    if manifest.meaning:
        yield _text(manifest.meaning.en)
        yield ""
    yield "Takes " + "; ".join(_input(n, s) for n, s in manifest.inputs.items()) + "."
    yield ""
    yield from _table(
        ("measure", "key", "unit", "range", "better", "interval"),
        (_measure(n, m) for n, m in manifest.measures.items()),
    )
    yield ""
    if manifest.parameters:
        parameters = (
            (f"`{n}`", p.type, f"`{json.dumps(p.default, ensure_ascii=False)}`", _text(p.text.en if p.text else ""))
            for n, p in manifest.parameters.items()
        )
        yield from _table(("parameter", "type", "default", "what it is"), parameters)
        yield ""
    if manifest.suggests:
        suggested = ((f"`{s.criterion}`", _text(s.because.en), _text(s.false_alarm)) for s in manifest.suggests)
        yield from _table(("suggested criterion", "because", "false alarms"), suggested)


def _input(name: str, spec: InputSpec) -> str:
    needs = f" with {', '.join(spec.needs)}" if spec.needs else ""
    return f"`{name}` ({spec.kind}{needs}{', optional' if spec.optional else ''})"


def _measure(name: str, spec: MeasureSpec) -> tuple[str, ...]:
    low, high = ("…" if x is None else f"{x:g}" for x in spec.range)
    per = f"per {spec.per}" if spec.per else "sequence" if spec.sequence else ""
    return f"`{name}`", per, _text(spec.unit), f"{low} to {high}", spec.better, _text(spec.interval)


# -- guidelines -----------------------------------------------------------------------------------------------


def guidelines_page(_: Files) -> str:
    """Every guideline that ships: levels and requirements."""
    found = [e.guideline for e in Catalogue().guidelines.values() if e.guideline is not None]
    lines = ["# Guidelines", "", "Each is data: `qmtestbed guideline show NAME` prints it.", ""]
    for guideline in found:
        lines += [*_guideline(guideline), ""]
    return "\n".join(lines)


def _guideline(g: Guideline) -> Iterator[str]:
    yield f"## `{g.name}`"
    yield ""
    yield f"**{_text(g.title.en)}**. Source: {_text(g.source.title)}, {_text(g.source.publisher)} {g.source.date or ''}"
    yield f"\nIt extends `{g.extends}`.\n" if g.extends else ""
    yield _text(g.note.en)
    yield ""
    rows = [
        (f"`{key}`", _text(d.title.en), f"`{level.id}`", ", ".join(level.asks or level.requirements) or "–")
        for key, d in g.dimensions.items() for chain in d.chains for level in chain
    ]  # fmt: skip
    if rows:
        yield from _table(("quality", "title", "level", "asks for"), rows)
        yield ""
    if g.requirements:
        header = ("requirement", "title", "needs", "informed by")
        yield from _table(header, (_requirement(id, r) for id, r in g.requirements.items()))


def _requirement(id: str, r: GuidelineRequirement) -> tuple[str, ...]:
    by = " or ".join(" + ".join(f"`{name}`" for name in names) for names in r.informed_by)
    return id, _text(r.title.en) + (" (unverified)" if r.unverified else ""), " and ".join(r.needs), by or "–"


# -- schemas --------------------------------------------------------------------------------------------------


def schemas_page(_: Files) -> str:
    """Every boundary: keys of the files that people write, and the schema files."""
    by_people = sorted(FOR_EDITORS.glob("*.json"))
    linked = [f"[{p.name}](../schemas/{p.name})" for p in by_people]
    lines = [
        "# Schemas",
        "",
        "Every file that qmtestbed reads or writes names its schema and version in its first key. The JSON Schemas are "
        "derived from the dataclasses in `qmtestbed/types`.",
        "",
        f"Of files that people write: {', '.join(linked)}; their keys stand below. Of files that qmtestbed writes: "
        + ", ".join(f"[{p.name}](schemas/{p.name})" for p in _other_schemas()) + ".",
    ]  # fmt: skip
    for path in by_people:
        name, version, _ = path.name.split(".")
        lines += ["", f"## `qmtestbed/{name}/{version}`", ""]
        schema = json.loads(path.read_text("utf-8"))
        first = schema["$ref"].rpartition("/")[2]
        for title in sorted(schema["$defs"], key=lambda t: (t != first, t)):
            lines += _definition(f"{name}-{title}", title, schema["$defs"][title])
    return "\n".join(lines)


def _other_schemas() -> list[Path]:
    return [p for p in sorted(SCHEMAS.glob("*.json")) if not (FOR_EDITORS / p.name).is_file()]


def _definition(anchor: str, title: str, described: Mapping[str, Any]) -> Iterator[str]:
    objects = [d for d in (described, *described.get("anyOf", ())) if "properties" in d]
    if not objects:
        return
    required = objects[-1].get("required", ())
    yield f"### {title} {{ #{anchor.lower()} }}"
    yield ""
    if objects[-1].get("description"):
        yield _text(objects[-1]["description"])
        yield ""
    rows = (
        (f"`{key}`" + (" (required)" if key in required else ""), _type(d), _text(d.get("description", "")))
        for key, d in objects[-1]["properties"].items()
    )
    yield from _table(("key", "value", "what it is"), rows)
    yield ""


def _type(d: Mapping[str, Any]) -> str:
    if "$ref" in d:
        return d["$ref"].rpartition("/")[2]
    if "enum" in d:
        return ", ".join(f"`{json.dumps(x)}`" for x in d["enum"])
    if "anyOf" in d:
        return " or ".join(dict.fromkeys(_type(x) for x in d["anyOf"] if x.get("type") != "null"))
    if d.get("type") == "array":
        return f"list of {_type(d['items'])}" if isinstance(d.get("items"), dict) else "list"
    if d.get("type") == "object":
        inner = d.get("additionalProperties")
        return f"mapping to {_type(inner)}" if isinstance(inner, dict) and inner else "mapping"
    return str(d.get("type", "any value"))


# -- Python ---------------------------------------------------------------------------------------------------


def python_page(_: Files) -> str:
    """The public modules, whose docstrings mkdocstrings renders."""
    lines = ["# Python", "", "The same words as on the command line.", ""]
    for title, names in (
        ("To use qmtestbed", ("qmtestbed",)),
        ("What run and evaluate take and give", ("qmtestbed.pipeline.Options", "qmtestbed.pipeline.Outcome")),
        ("To write an AIT", ("qmtestbed.ait",)),
        ("Intervals for AITs", ("qmtestbed.measuring.intervals",)),
        ("Errors and exit codes", ("qmtestbed.errors",)),
    ):
        lines += [f"## {title}", ""]
        for name in names:  # of a class what it takes and gives, none of its methods, which the pipeline calls
            members = "" if name.rpartition(".")[2].islower() else "\n    options: {members: false}"
            lines += [f"::: {name}{members}", ""]
    return "\n".join(lines)


# -- Markdown -------------------------------------------------------------------------------------------------


def _text(text: str) -> str:
    """Keep a text from being read as HTML or as a table's border."""
    return html.escape(" ".join(text.split()), quote=False).replace("|", "\\|").replace("*", "\\*").replace("_", "\\_")


def _table(header: Sequence[str], rows: Any) -> Iterator[str]:
    yield "| " + " | ".join(header) + " |"
    yield "|" + "---|" * len(header)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


PAGES: Mapping[str, Callable[[Files], str]] = {
    "cli": cli_page,
    "exit-codes": exit_codes_page,
    "aits": aits_page,
    "guidelines": guidelines_page,
    "schemas": schemas_page,
    "python": python_page,
}
