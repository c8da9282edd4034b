"""Frozen dataclasses ↔ JSON values, and the JSON Schema of a dataclass.

The dataclass is the one statement of a boundary's shape: :func:`decode` reads it strictly and reports every
problem at once, :func:`encode` writes it, and :func:`json_schema` derives the schema that ships with the package.

The key on the wire is the field's name less a trailing underscore. ``Annotated[…, Shape(…)]`` narrows a field. A class
attribute ``SHORT`` names the field that a plain string stands for. A class with ``to_json``, ``from_json`` and
``json_schema`` speaks for itself.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import re
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, Union

from qmtestbed.errors import nearest, suggestion

T = TypeVar("T")
Path = tuple[str | int, ...]


@dataclasses.dataclass(frozen=True)
class Fault:
    """One place where a value is not of its declared shape."""

    path: Path
    what: str
    found: str = ""
    do: str = ""


class DecodeError(ValueError):
    """A JSON value is not of the declared shape; carries every fault."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{'.'.join(map(str, f.path)) or 'top'}: {f.what}" for f in faults))


@dataclasses.dataclass(frozen=True)
class Shape:
    """What a field's value must be besides its type; ``doc`` is said when it is not, and stands in the schema.

    A field that is ``lean`` is not written where it is empty or 0: what has none of it keeps the bytes, and so the
    digests, that it had before there was such a field.
    """

    pattern: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    doc: str = ""
    lean: bool = False


class _Field(typing.NamedTuple):
    """A dataclass field as it is on the wire."""

    wire: str
    name: str
    hint: Any
    required: bool
    shape: Shape


@functools.cache
def _fields(cls: type) -> tuple[_Field, ...]:
    hints = typing.get_type_hints(cls, include_extras=True)
    found = []
    for f in dataclasses.fields(cls):
        hint, shape = hints[f.name], Shape()
        if typing.get_origin(hint) is Annotated:
            hint, *extras = typing.get_args(hint)
            shape = next((e for e in extras if isinstance(e, Shape)), shape)
        required = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        found.append(_Field(f.name.rstrip("_"), f.name, hint, required, shape))
    return tuple(found)


# -- encode ---------------------------------------------------------------------------------------------------


def encode(value: Any) -> Any:
    """Turn a frozen value into JSON values; a field that is ``None``, or lean and empty, is left out."""
    if hasattr(value, "to_json"):
        return value.to_json()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = ((f, getattr(value, f.name)) for f in _fields(type(value)))
        return {f.wire: encode(v) for f, v in pairs if v is not None and (v or not f.shape.lean)}
    if isinstance(value, Mapping):
        return {str(k): encode(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(v) for v in value]
    return value


def lean(value: Any) -> Any:
    """As :func:`encode`, without fields that are empty: for documents that people read."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and not hasattr(value, "to_json"):
        pairs = ((f.wire, getattr(value, f.name)) for f in _fields(type(value)))
        return {wire: lean(v) for wire, v in pairs if v is not None and v != () and v != {}}
    if isinstance(value, Mapping):
        return {str(k): lean(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [lean(v) for v in value]
    return value


def canonical(value: Any) -> bytes:
    """Write a value as bytes, the one way: sorted keys, no spaces, UTF-8, no NaN, one newline at the end.

    Raises
    ------
    ValueError
        A number is not finite.
    """
    text = json.dumps(encode(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode() + b"\n"


def pretty(value: Any) -> bytes:
    """As :func:`canonical`, indented, for files that people read."""
    text = json.dumps(encode(value), sort_keys=True, ensure_ascii=False, indent=1, allow_nan=False)
    return text.encode() + b"\n"


# -- decode ---------------------------------------------------------------------------------------------------


def parse_json(content: bytes) -> Any:
    """Read JSON that somebody else may have written.

    Raises
    ------
    ValueError
        It is no JSON, nested too deeply, or has NaN, an infinity or half a character in it.
    """
    try:
        data = json.loads(content, parse_constant=_no_number)
        if re.search(rb"\\u[dD][89a-fA-F]", content):
            json.dumps(data, ensure_ascii=False).encode()  # half of a pair can be escaped, but never written again
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return data


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def decode(cls: type[T], data: Any) -> T:
    """Read ``data`` as ``cls``.

    Raises
    ------
    DecodeError
        With every fault: missing and unknown keys, wrong types, values outside their pattern or range.
    """
    faults: list[Fault] = []
    value = _decode(cls, data, (), faults)
    if faults:
        raise DecodeError(faults)
    return typing.cast(T, value)


def _decode(hint: Any, data: Any, path: Path, faults: list[Fault]) -> Any:
    return _decoder(hint)(hint, data, path, faults)


@functools.cache
def _decoder(hint: Any) -> Callable[[Any, Any, Path, list[Fault]], Any]:
    """Choose how values of a type are decoded; looked up once per type, as the command line waits for it."""
    origin = typing.get_origin(hint)
    if hint is Any:
        return lambda hint, data, path, faults: data
    if origin in (Union, types.UnionType):
        return _decode_union
    if origin is Literal:
        return _decode_literal
    if origin is tuple:
        return _decode_tuple
    if origin is Sequence:
        return lambda hint, data, path, faults: _decode_items(typing.get_args(hint)[0], data, path, faults)
    if origin is not None and issubclass(origin, Mapping):
        return _decode_mapping
    if hasattr(hint, "from_json"):
        return _decode_own
    if dataclasses.is_dataclass(hint):
        return _decode_dataclass
    return _decode_scalar


def _decode_own(hint: Any, data: Any, path: Path, faults: list[Fault]) -> Any:
    try:
        return hint.from_json(data)
    except ValueError as error:
        return _fault(faults, path, str(error), data)


def _fault(faults: list[Fault], path: Path, what: str, found: Any, do: str = "") -> None:
    shown = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, default=str)
    faults.append(Fault(path, what, shown if len(shown) <= 120 else shown[:117] + "…", do))


_SCALARS = {str: "text", int: "a whole number", float: "a number", bool: "true or false", type(None): "nothing"}


def _decode_scalar(hint: Any, data: Any, path: Path, faults: list[Fault]) -> Any:
    if hint is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if hint is type(None):
        ok = data is None
    else:
        ok = isinstance(data, hint) and (hint is bool or not isinstance(data, bool))
    if ok:
        # Names, versions and digests recur in every record of a run: one copy of each is kept.
        return sys.intern(data) if type(data) is str and len(data) <= 64 else data
    return _fault(faults, path, f"{_SCALARS.get(hint, hint)} is expected here", data)


def _decode_literal(hint: Any, data: Any, path: Path, faults: list[Fault]) -> Any:
    values = typing.get_args(hint)
    for v in values:
        if data == v and type(data) is type(v):
            return data
    known = [str(v) for v in values]
    return _fault(faults, path, "not one of " + ", ".join(known), data, nearest(str(data), known))


def _decode_tuple(hint: Any, data: Any, path: Path, faults: list[Fault]) -> Any:
    args = typing.get_args(hint)
    if len(args) == 2 and args[1] is Ellipsis:
        return _decode_items(args[0], data, path, faults)
    if not isinstance(data, (list, tuple)) or len(data) != len(args):
        return _fault(faults, path, f"a list of {len(args)} is expected here", data)
    return tuple(_decode(a, v, (*path, i), faults) for i, (a, v) in enumerate(zip(args, data, strict=True)))


def _decode_items(item: Any, data: Any, path: Path, faults: list[Fault]) -> Any:
    if not isinstance(data, (list, tuple)):
        return _fault(faults, path, "a list is expected here", data, "put it in brackets, as [one, another]")
    return tuple(_decode(item, v, (*path, i), faults) for i, v in enumerate(data))


def _decode_mapping(hint: Any, data: Any, path: Path, faults: list[Fault]) -> Any:
    if not isinstance(data, Mapping):
        return _fault(faults, path, "a mapping is expected here", data)
    _, item = typing.get_args(hint)
    for key in data:
        if not isinstance(key, str):
            _fault(faults, (*path, key), "a key must be text", key, f'write "{key}" in quotes')
    return {k: _decode(item, v, (*path, k), faults) for k, v in data.items() if isinstance(k, str)}


def _decode_union(hint: Any, data: Any, path: Path, faults: list[Fault]) -> Any:
    options = [a for a in typing.get_args(hint) if a is not type(None)]
    if data is None and len(options) < len(typing.get_args(hint)):
        return None
    attempts: list[list[Fault]] = []
    for option in options:
        attempt: list[Fault] = []
        value = _decode(option, data, path, attempt)
        if not attempt:
            return value
        attempts.append(attempt)
    # The option that fits furthest down is the one that was meant: its faults say more than "none fits".
    best = max(attempts, key=lambda a: max(len(f.path) for f in a))
    if len(options) > 1 and all(f.path == path for f in best):
        kinds = " or ".join(_SCALARS.get(o, "a mapping" if dataclasses.is_dataclass(o) else "a list") for o in options)
        return _fault(faults, path, f"{kinds} is expected here", data)
    faults.extend(best)
    return None


def _decode_dataclass(cls: type, data: Any, path: Path, faults: list[Fault]) -> Any:
    short = getattr(cls, "SHORT", None)
    if short and isinstance(data, str):
        data = {short: data}
    if not isinstance(data, Mapping):
        return _fault(faults, path, "a mapping is expected here", data)
    fields = _fields(cls)
    known = [f.wire for f in fields]
    before = len(faults)
    for key in data:
        if key not in known:
            _fault(faults, (*path, key), f"unknown key {key!r}", key, suggestion(str(key), known))
    values: dict[str, Any] = {}
    for f in fields:
        if f.wire in data:
            values[f.name] = _decode(f.hint, data[f.wire], (*path, f.wire), faults)
            _constrain(f.shape, values[f.name], (*path, f.wire), faults)
        elif f.required:
            _fault(faults, path, f"the key {f.wire!r} is missing", ", ".join(map(str, data)), f.shape.doc)
    return None if len(faults) > before else cls(**values)


def _constrain(shape: Shape, value: Any, path: Path, faults: list[Fault]) -> None:
    if shape.pattern and isinstance(value, str) and not re.fullmatch(shape.pattern, value):
        _fault(faults, path, f"must match {shape.pattern}", value, shape.doc)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if shape.minimum is not None and not value >= shape.minimum:
            _fault(faults, path, f"must be at least {shape.minimum}", value)
        if shape.maximum is not None and not value <= shape.maximum:
            share = shape.maximum < 1 and shape.minimum is not None and shape.minimum <= value / 100 <= shape.maximum
            _fault(faults, path, f"must be at most {shape.maximum}", value, f"write {value / 100:g}" if share else "")


# -- JSON Schema ----------------------------------------------------------------------------------------------


def json_schema(cls: type, identifier: str) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a dataclass: the same shape that :func:`decode` accepts."""
    definitions: dict[str, Any] = {}
    top = _schema(cls, definitions)
    definitions = dict(sorted(definitions.items()))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{identifier.replace('/', ':')}",
        "title": identifier,
        **top,
        "$defs": definitions,
    }


_JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def _schema(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin = typing.get_origin(hint)
    args = typing.get_args(hint)
    if hint is Any:
        return {}
    if hint in _JSON_TYPES:
        return {"type": _JSON_TYPES[hint]}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(a, definitions) for a in args]}
    if origin is Literal:
        return {"enum": list(args)}
    if origin is Sequence or (origin is tuple and len(args) == 2 and args[1] is Ellipsis):
        return {"type": "array", "items": _schema(args[0], definitions)}
    if origin is tuple:
        items = [_schema(a, definitions) for a in args]
        return {"type": "array", "prefixItems": items, "minItems": len(args), "maxItems": len(args)}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema(args[1], definitions)}
    if hint.__name__ not in definitions:
        definitions[hint.__name__] = {}
        definitions[hint.__name__] = (
            hint.json_schema() if hasattr(hint, "json_schema") else _schema_of_dataclass(hint, definitions)
        )
    return {"$ref": f"#/$defs/{hint.__name__}"}


def _schema_of_dataclass(cls: type, definitions: dict[str, Any]) -> dict[str, Any]:
    properties = dict(_properties(cls, definitions))
    required = [f.wire for f in _fields(cls) if f.required]
    body: dict[str, Any] = {
        "description": _told(cls)[0],
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    if required:
        body["required"] = required
    if getattr(cls, "SHORT", None):
        return {"anyOf": [{"type": "string"}, body]}
    return body


def _properties(cls: type, definitions: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    told = _told(cls)[1]
    for f in _fields(cls):
        schema = _schema(f.hint, definitions)
        narrowed = {k: v for k, v in dataclasses.asdict(f.shape).items() if v not in (None, "") and k != "lean"}
        if description := narrowed.pop("doc", None) or told.get(f.wire):
            narrowed["description"] = description
        yield f.wire, {**schema, **narrowed}


def _told(cls: type) -> tuple[str, dict[str, str]]:
    """What a docstring (numpydoc) says of a class, without markup: its first line, and its attributes by name."""
    summary, _, rest = inspect.cleandoc(cls.__doc__ or "").replace("``", "").partition("\n")
    _, _, section = rest.partition("Attributes\n----------\n")
    told: dict[str, str] = {}
    names: list[str] = []
    for line in section.splitlines():
        if line and not line[0].isspace():
            names = line.split(", ")
        for name in names if line[:1].isspace() else ():
            told[name] = f"{told.get(name, '')} {line.strip()}".strip()
    return summary, told
