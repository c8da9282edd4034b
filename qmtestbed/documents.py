"""Strict YAML documents: read with line numbers, decoded into a frozen type, all problems reported at once.

Scalars are those of the YAML 1.2 core schema, so ``no``, ``on``, ``1e-3`` and ``10:30`` mean what they look like.
Duplicate keys, unknown tags and recursive or exploding aliases are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import yaml

from qmtestbed.errors import ContentError, InputError, Problem
from qmtestbed.types.codec import DecodeError, Fault, decode

T = TypeVar("T")
Place = tuple[str | int, ...]

MAX_BYTES = 2_000_000
MAX_NODES = 100_000

_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Core(_BASE):  # type: ignore[misc]  # the base is the C loader where PyYAML has it
    """PyYAML's parser with the implicit types of YAML 1.2 instead of 1.1."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}


for _tag, _expression, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+0123456789."),
    ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+."),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
):
    _Core.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_expression})$"), [*_first])
_Core.yaml_implicit_resolvers.setdefault("", []).append(("tag:yaml.org,2002:null", re.compile("^$")))


@dataclass(frozen=True)
class Document:
    """A YAML file, read: its data, its bytes, and the line (from 1) on which each value stands."""

    name: str
    data: Any
    source: bytes
    lines: Mapping[Place, int]

    def where(self, place: Place) -> str:
        """``file:line`` of a value, or of the nearest one that encloses it."""
        while place and place not in self.lines:
            place = place[:-1]
        return f"{self.name}:{self.lines.get(place, 1)}"

    def problem(self, place: Place, what: str, found: str = "", do: str = "") -> Problem:
        """Build a problem at a value."""
        return Problem(what, self.where(place), found, do)

    def fault(self, fault: Fault) -> Problem:
        """Turn a fault of the codec into a problem at its line."""
        spot = ".".join(str(p) for p in fault.path)
        what = f"{spot}: {fault.what}" if spot else fault.what
        return self.problem(fault.path, what, fault.found, fault.do)


def read_document(path: Path, name: str | None = None) -> Document:
    """Read a YAML file.

    Raises
    ------
    ContentError
        The file can't be read, is too large, or is no strict YAML; says where.
    """
    label = name or str(path)
    try:
        source = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ContentError(Problem("can't be read", label, reason, "give the path of a YAML file")) from None
    return parse_document(source, label)


def parse_document(source: bytes, name: str) -> Document:
    """As :func:`read_document`, for bytes that are already here."""
    if len(source) > MAX_BYTES:
        raise ContentError(Problem(f"larger than {MAX_BYTES:,} bytes", name, f"{len(source):,} bytes"))
    try:
        text = source.decode("utf-8-sig")
        loader = _Core(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except UnicodeDecodeError as error:
        raise ContentError(Problem("is not UTF-8", name, f"byte {error.start}", "save it as UTF-8")) from None
    except yaml.YAMLError as error:
        raise ContentError(_syntax_problem(error, name)) from None
    reader = _Reader(name)
    data = None if node is None else reader.value(node, ())
    if reader.problems:
        raise ContentError(*reader.problems)
    return Document(name, data, source, reader.lines)


def _syntax_problem(error: yaml.YAMLError, name: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    where = f"{name}:{mark.line + 1}" if mark else name
    what = str(getattr(error, "problem", None) or error).strip().splitlines()[0]
    return Problem(f"is not YAML: {what}", where, do="check indentation, quotes and brackets there")


class _Reader:
    """Builds plain values from YAML nodes and remembers where each stands."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[Place, int] = {}
        self.problems: list[Problem] = []
        self._count = 0
        self._open: list[int] = []

    def value(self, node: yaml.Node, place: Place) -> Any:
        self.lines[place] = node.start_mark.line + 1
        self._count += 1
        if self._count > MAX_NODES:
            raise ContentError(Problem("too many values (aliases that multiply?)", self._at(node), f"> {MAX_NODES:,}"))
        if id(node) in self._open:
            self._add("an alias refers to what it stands in", node)
            return None
        self._open.append(id(node))
        try:
            return self._build(node, place)
        finally:
            self._open.pop()

    def _build(self, node: yaml.Node, place: Place) -> Any:
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if isinstance(node, yaml.MappingNode) and kind == "map":
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode) and kind == "seq":
            return [self.value(child, (*place, i)) for i, child in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode) and kind in _SCALARS:
            try:
                return _SCALARS[kind](node.value)
            except ValueError:
                self._add(f"not a value of type {kind}", node, node.value)
                return None
        self._add(f"the tag {node.tag!r} is not allowed", node, do="write plain YAML without tags")
        return None

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str | int, Any]:
        result: dict[str | int, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._add("a key must be plain text", key_node)
                continue
            # Keys are text whatever they look like: a column or class may be called 1, no or 2026-11-01.
            key = key_node.value
            if key in result:
                self._add(f"the key {key!r} stands here twice", key_node, do="keep one of the two")
            result[key] = self.value(value_node, (*place, key))
            self.lines[(*place, key)] = key_node.start_mark.line + 1
        return result

    def _add(self, what: str, node: yaml.Node, found: str = "", do: str = "") -> None:
        self.problems.append(Problem(what, self._at(node), found, do))

    def _at(self, node: yaml.Node) -> str:
        return f"{self.name}:{node.start_mark.line + 1}"


def _integer(text: str) -> int:
    digits = text.lstrip("+-")
    if digits.startswith(("0o", "0x")):
        return int(text, 0)
    if len(digits) > 300:
        raise ValueError("too long")
    return int(text)


_SCALARS: dict[str, Any] = {
    "str": str,
    "null": lambda _: None,
    "bool": lambda text: text.lower() == "true",
    "int": _integer,
    "float": lambda text: (
        float(text.replace(".inf", "inf").replace(".Inf", "inf").replace(".INF", "inf"))
        if "nan" not in text.lower()
        else float("nan")
    ),
}


def decode_document(cls: type[T], document: Document, error: type[InputError] = ContentError) -> T:
    """Decode a document into a frozen type.

    Raises
    ------
    InputError
        Of the kind given, with every fault at its file and line.
    """
    try:
        return decode(cls, {} if document.data is None else document.data)
    except DecodeError as faults:
        raise error(*(document.fault(f) for f in faults.faults)) from None


class _Writer(yaml.SafeDumper):
    """Quotes every text that YAML 1.1 or 1.2 would read as something else."""


for _start, _resolvers in _Core.yaml_implicit_resolvers.items():
    for _kind, _form in _resolvers:
        _Writer.add_implicit_resolver(_kind, _form, [_start])


def dump_document(data: Any) -> bytes:
    """Write plain values as YAML that :func:`read_document` reads back to the same."""
    text = yaml.dump(data, Dumper=_Writer, allow_unicode=True, sort_keys=False, width=110)
    return str(text).encode()
