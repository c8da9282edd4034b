"""Strict YAML documents: read with line numbers, decoded into a frozen type, all problems reported at once.

Scalars are those of the YAML 1.2 core schema, so ``no``, ``on``, ``1e-3`` and ``10:30`` mean what they look like.
Duplicate keys, unknown tags and recursive or exploding aliases are refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import yaml

from qmtestbed.errors import ContentError, InputError, Problem
from qmtestbed.foreign import UNSAFE
from qmtestbed.types.codec import DecodeError, Fault, decode

T = TypeVar("T")
Place = tuple[str | int, ...]

MAX_BYTES = 2_000_000
MAX_NODES = 100_000

Event = Any
"""An event of PyYAML's parser; its stubs leave out the attributes that some kinds have."""

_TAG = "tag:yaml.org,2002:"
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
    _Core.add_implicit_resolver(_TAG + _tag, re.compile(rf"^(?:{_expression})$"), [*_first])
_Core.yaml_implicit_resolvers.setdefault("", []).append((_TAG + "null", re.compile("^$")))


@dataclass(frozen=True)
class Document:
    """A YAML file, read: its data and its bytes, and on request the line (from 1) on which each value stands."""

    name: str
    data: Any
    source: bytes

    @cached_property
    def lines(self) -> Mapping[Place, int]:
        """Where each value stands; read a second time, because only messages need it."""
        lines: dict[Place, int] = {}
        _read(self.source, self.name, lines)
        return lines

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


def read_document(path: Path, name: str | None = None, *, remember: bool = False) -> Document:
    """Read a YAML file.

    Parameters
    ----------
    path
        Where it is.
    name
        What messages call it; by default its path.
    remember
        Whether what an earlier reading of the very same bytes gave is taken, and kept for the next.

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
    return _remembered(path, source, label) if remember else parse_document(source, label)


def _remembered(path: Path, source: bytes, name: str) -> Document:
    """Keep the data of a file where Python keeps compiled modules, by the digest of its bytes and of this reader."""
    digest = hashlib.sha256(_own_source() + source).hexdigest()
    kept = path.parent / "__pycache__" / f"{path.name}.json"
    try:
        found = json.loads(kept.read_bytes())
        if found["sha256"] == digest:
            return Document(name, found["data"], source)
    except (OSError, ValueError, KeyError, TypeError):
        pass  # there is none, or it is not ours: the file itself is what counts
    document = parse_document(source, name)
    with contextlib.suppress(OSError):  # a folder that can't be written to is read anew each time
        kept.parent.mkdir(exist_ok=True)
        partial = kept.with_name(f"{kept.name}.{os.getpid()}")
        partial.write_text(json.dumps({"sha256": digest, "data": document.data}), "utf-8")
        partial.replace(kept)
    return document


@cache
def _own_source() -> bytes:
    return Path(__file__).read_bytes()


def parse_document(source: bytes, name: str) -> Document:
    """As :func:`read_document`, for bytes that are already here."""
    return Document(name, _read(source, name), source)


def _read(source: bytes, name: str, lines: dict[Place, int] | None = None) -> Any:
    """Give the data of a document; ``lines`` is filled with where each value stands."""
    if len(source) > MAX_BYTES:
        raise ContentError(Problem(f"larger than {MAX_BYTES:,} bytes", name, f"{len(source):,} bytes"))
    try:
        loader = _Core(source.decode("utf-8-sig"))
        reader = _Reader(loader, name, lines)
        try:
            data = reader.document()
        finally:
            loader.dispose()
    except UnicodeDecodeError as error:
        raise ContentError(Problem("is not UTF-8", name, f"byte {error.start}", "save it as UTF-8")) from None
    except yaml.YAMLError as error:
        raise ContentError(_syntax_problem(error, name)) from None
    if reader.problems:
        raise ContentError(*reader.problems)
    return data


def _syntax_problem(error: yaml.YAMLError, name: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    where = f"{name}:{mark.line + 1}" if mark else name
    what = str(getattr(error, "problem", None) or error).strip().splitlines()[0]
    return Problem(f"is not YAML: {what}", where, do="check indentation, quotes and brackets there")


class _Reader:
    """Builds plain values from the parser's events as they come, so that no tree of nodes is ever in memory.

    An alias gives the value it refers to, and counts as much as that.
    """

    def __init__(self, loader: Any, name: str, lines: dict[Place, int] | None) -> None:
        self.problems: list[Problem] = []
        self._loader = loader
        self._name = name
        self._lines = lines
        self._count = 0
        self._named: dict[str, tuple[Any, int] | None] = {}

    def document(self) -> Any:
        """Read the one document that the text holds."""
        next_event = self._loader.get_event
        next_event()  # the stream begins
        if isinstance(next_event(), yaml.StreamEndEvent):
            return None
        data = self._value(next_event(), ())
        next_event()  # the document ends
        if not isinstance(after := next_event(), yaml.StreamEndEvent):
            raise yaml.composer.ComposerError(None, None, "there is a second document", after.start_mark)
        return data

    def _value(self, event: Event, place: Place) -> Any:
        if self._lines is not None:
            self._lines.setdefault(place, event.start_mark.line + 1)
        self._counted(1, event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if event.anchor is None:
            return self._build(event, place)
        self._named[event.anchor] = None
        before = self._count
        value = self._build(event, place)
        self._named[event.anchor] = (value, self._count - before)
        return value

    def _alias(self, event: Event) -> Any:
        if event.anchor not in self._named:
            problem = f"nothing before this is called {event.anchor!r}"
            raise yaml.composer.ComposerError(None, None, problem, event.start_mark)
        named = self._named[event.anchor]
        if named is None:
            self._add("an alias refers to what it stands in", event)
            return None
        self._counted(named[1], event)
        return named[0]

    def _counted(self, values: int, event: Event) -> None:
        self._count += values
        if self._count > MAX_NODES:
            what = "too many values (aliases that multiply?)"
            raise ContentError(Problem(what, self._at(event), f"> {MAX_NODES:,}"))

    def _build(self, event: Event, place: Place) -> Any:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        mapping = isinstance(event, yaml.MappingStartEvent)
        value = self._mapping(place) if mapping else self._sequence(place)
        own = "map" if mapping else "seq"
        return value if event.tag in (None, "!", _TAG + own) else self._tag_refused(event.tag, event)

    def _scalar(self, event: Event) -> Any:
        tag = event.tag
        if tag is None or tag == "!":
            tag = self._loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        kind = tag.removeprefix(_TAG)
        if kind not in _SCALARS:
            return self._tag_refused(tag, event)
        try:
            return _SCALARS[kind](event.value)
        except ValueError:
            self._add(f"not a value of type {kind}", event, event.value)
            return None

    def _sequence(self, place: Place) -> list[Any]:
        result: list[Any] = []
        while not isinstance(event := self._loader.get_event(), yaml.SequenceEndEvent):
            result.append(self._value(event, (*place, len(result))))
        return result

    def _mapping(self, place: Place) -> dict[str | int, Any]:
        result: dict[str | int, Any] = {}
        while not isinstance(event := self._loader.get_event(), yaml.MappingEndEvent):
            key = self._key(event, place)
            if key in result:
                self._add(f"the key {key!r} stands here twice", event, do="keep one of the two")
            if self._lines is not None:
                self._lines[(*place, key)] = event.start_mark.line + 1
            result[key] = self._value(self._loader.get_event(), (*place, key))
        return result

    def _key(self, event: Event, place: Place) -> str:
        """Keys are text whatever they look like: a column or class may be called 1, no or 2026-11-01."""
        if isinstance(event, yaml.ScalarEvent) and event.anchor is None:
            return str(event.value)
        self._add("a key must be plain text", event)
        self._value(event, place)
        return ""

    def _tag_refused(self, tag: str, event: Event) -> None:
        self._add(f"the tag {tag!r} is not allowed", event, do="write plain YAML without tags")

    def _add(self, what: str, event: Event, found: str = "", do: str = "") -> None:
        self.problems.append(Problem(what, self._at(event), found, do))

    def _at(self, event: Event) -> str:
        return f"{self._name}:{event.start_mark.line + 1}"


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
    """Quotes every text that YAML 1.1 or 1.2 would read as something else, and escapes what is not seen."""

    def analyze_scalar(self, scalar: str) -> Any:
        """Let no text with characters that are not seen stand unquoted."""
        found = super().analyze_scalar(scalar)
        if re.search(UNSAFE, scalar):
            scalar.encode()  # half of a pair could be escaped, but not read back
            found.allow_flow_plain = found.allow_block_plain = found.allow_single_quoted = found.allow_block = False
        return found

    def write_double_quoted(self, text: str, split: bool = True) -> None:
        """Escape all but ASCII in a text that has characters that are not seen: nothing less makes PyYAML do so."""
        kept, self.allow_unicode = self.allow_unicode, self.allow_unicode and not re.search(UNSAFE, text)
        super().write_double_quoted(text, split)
        self.allow_unicode = kept


for _start, _resolvers in _Core.yaml_implicit_resolvers.items():
    for _kind, _form in _resolvers:
        _Writer.add_implicit_resolver(_kind, _form, [_start])


def dump_document(data: Any) -> bytes:
    """Write plain values as YAML that :func:`read_document` reads back to the same.

    Raises
    ------
    ContentError
        A text is none in UTF-8: the name of a file in another encoding.
    """
    stream = io.StringIO()
    writer = _Writer(stream, allow_unicode=True, width=110)
    try:
        writer.open()
        writer.emit(yaml.DocumentStartEvent(explicit=False))
        _write(writer, data)
        writer.emit(yaml.DocumentEndEvent(explicit=False))
        writer.close()
    except UnicodeEncodeError as error:
        found = str(error.object)[max(0, error.start - 60) : error.end]
        raise ContentError(Problem("a name is no text in UTF-8", found=found, do="rename the file or folder")) from None
    return stream.getvalue().encode()


def _write(writer: Any, value: Any) -> None:
    """Write a value event by event: PyYAML's own ``dump`` has a tree of all nodes in memory first."""
    if isinstance(value, Mapping):
        writer.emit(yaml.MappingStartEvent(None, None, implicit=True, flow_style=False))
        for key, item in value.items():
            _write(writer, key)
            _write(writer, item)
        writer.emit(yaml.MappingEndEvent())
    elif isinstance(value, (list, tuple)):
        writer.emit(yaml.SequenceStartEvent(None, None, implicit=True, flow_style=False))
        for item in value:
            _write(writer, item)
        writer.emit(yaml.SequenceEndEvent())
    else:
        node = writer.represent_data(value)
        plain, quoted = (writer.resolve(yaml.ScalarNode, node.value, way) for way in ((True, False), (False, True)))
        implicit = (node.tag == plain, node.tag == quoted)
        writer.emit(yaml.ScalarEvent(None, node.tag, implicit, node.value, style=node.style))
