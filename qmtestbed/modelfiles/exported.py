"""Looks into a file of ``torch.export`` (.pt2) for what would run code on loading.

The format is meant to hold a graph and tensors, yet ``torch.export.load`` also unpickles weights and constants that say
they are pickled, loads compiled libraries, evaluates the texts of symbolic shapes and guards, and calls any function
under ``torch`` that the graph names. What an ordinary model needs of all that is little: anything else is a doubt.
"""

from __future__ import annotations

import io
import json
import pickletools
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

MAX_JSON = 256 * 2**20

_PLAIN = re.compile(
    r"\.?data/(version|serialization_id|weights/weight_\d+|constants/tensor_\d+)|extra/.*"
    r"|archive_format|archive_version|byteorder|version|\.format_version|\.storage_alignment"
)
_TARGET = re.compile(
    r"torch\.ops\.(aten|prims|higher_order|_c10d_functional)\.\w+(\.\w+)?|_operator\.\w+|torch\.sym_\w+"
)
_SYMBOLIC = re.compile(r"[\w\s+\-*/%(),.'=<>&|~]*")
_WORD = re.compile(r"[A-Za-z_]\w*")
_ASSUMPTIONS = {"positive", "negative", "nonnegative", "nonpositive", "integer", "real", "finite", "nonzero", "zero"}
_SYMBOL = re.compile(r"[A-Z]\w*|[a-z]{1,4}\d+")
_QUOTED = re.compile(r"'\w*'")
_COMPARISON = re.compile(r"[\w\s\[\]'().,+\-*/%<>=!]*")
_OF_GUARDS = {"L", "size", "stride", "storage_offset", "not", "and", "or", "Eq", "Ne", "Mod"}
_TREES = {None, "builtins.tuple", "builtins.list", "builtins.dict"}
_REBUILT = re.compile(
    r"torch\._utils _rebuild_\w+|torch \w+Storage|torch\.storage \w+|collections OrderedDict|torch \w+\d+"
)
_CALLS = {"STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4"}


def doubts(path: Path) -> tuple[str, ...]:
    """Name what in an exported program may run code, as far as it is not known to be harmless; empty if nothing may."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [_within(n) for n in archive.namelist()]
            if len({n.lower() for n in names}) < len(names):
                return ("two entries of one name",)
            return tuple(dict.fromkeys(_doubts(archive)))
    except (zipfile.BadZipFile, OSError, ValueError, KeyError, TypeError, RuntimeError, NotImplementedError) as error:
        return (f"it can't be read: {type(error).__name__}",)


def _within(name: str) -> str:
    """Name of an entry without the archive's own folder."""
    return name.partition("/")[2]


def _doubts(archive: zipfile.ZipFile) -> Iterator[str]:
    seen = set()
    for entry in archive.infolist():
        name = _within(entry.filename)
        seen.add(name.partition("/")[0])
        if name.startswith("data/aotinductor/"):
            yield "a compiled library"
        elif name.endswith(".json") and name.startswith(("models/", "data/weights/", "data/constants/")):
            if entry.file_size > MAX_JSON:
                yield f"{name} is too long to look through"
                continue
            content = json.loads(archive.read(entry))
            yield from _of_graph(content) if name.startswith("models/") else _of_payload(content)
        elif name.startswith("data/sample_inputs/"):
            yield from _of_pickles(archive.read(entry), name)
        elif not _PLAIN.fullmatch(name):
            yield f"{name[:60]}, which is none of the usual entries"
    if not {"archive_format", "archive_version", "models"} <= seen:
        yield "an older format, which holds pickles"


def _of_payload(content: Any) -> Iterator[str]:
    for meta in content["config"].values():
        if meta.get("use_pickle") or not re.fullmatch(r"(weight|tensor)_\d+", str(meta.get("path_name"))):
            yield f"{meta.get('path_name')}, which is pickled"


def _of_graph(content: Any) -> Iterator[str]:
    for key, value in _fields(content):
        if key == "target" and not _TARGET.fullmatch(str(value)):
            yield f"a call of {str(value)[:60]}"
        elif key == "expr_str" and not _is_symbolic(str(value)):
            yield f"the expression {str(value)[:60]!r}"
        elif key == "guards_code":
            yield from (f"the guard {str(guard)[:60]!r}" for guard in value or () if not _is_guard(str(guard)))
        elif key == "treespec_namedtuple_fields" and value:
            yield "a class of named fields"
        elif key in ("in_spec", "out_spec"):
            yield from _of_tree(value)


def _fields(content: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(content, dict):
        for key, value in content.items():
            yield key, value
            yield from _fields(value)
    elif isinstance(content, list):
        for value in content:
            yield from _fields(value)


def _is_symbolic(text: str) -> bool:
    words = _WORD.findall(text)
    known = all(_SYMBOL.fullmatch(w) or w in _ASSUMPTIONS for w in words)
    return known and "__" not in text and bool(_SYMBOLIC.fullmatch(text))


def _is_guard(text: str) -> bool:
    """Whether a guard only compares sizes: ``L['x'].size()[1] == 5``."""
    bare = _QUOTED.sub("''", text)
    return "__" not in bare and set(_WORD.findall(bare)) <= _OF_GUARDS and bool(_COMPARISON.fullmatch(bare))


def _of_tree(spec: Any) -> Iterator[str]:
    for key, value in _fields(json.loads(spec) if isinstance(spec, str) else spec):
        if key == "type" and value not in _TREES:
            yield f"arguments of the type {str(value)[:60]}"


def _of_pickles(content: bytes, name: str) -> Iterator[str]:
    """Look through the pickle of the example inputs: tensors and nothing else."""
    with zipfile.ZipFile(io.BytesIO(content)) as inner:
        pickles = [n for n in inner.namelist() if n.lower().endswith(".pkl")]
        if len(pickles) != 1:
            yield f"{name}, which is no file of tensors"
        for pickle in pickles:
            if not _rebuilds_tensors(pickletools.genops(inner.read(pickle))):
                yield f"{name}, a pickle of more than tensors"


def _rebuilds_tensors(operations: Iterable[tuple[Any, Any, Any]]) -> bool:
    return all(
        op.name not in _CALLS and (op.name != "GLOBAL" or _REBUILT.fullmatch(str(argument)) is not None)
        for op, argument, _ in operations
    )
