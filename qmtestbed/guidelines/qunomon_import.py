"""Guidelines in the JSON form of AIST's Qunomon, read into ours.

The form has external qualities, whose levels ask for internal levels, and internal ones, whose levels name requirements
cumulatively. It has no id and no edition, one language, and does not say what evidence a requirement needs. Files in
the wild are not regular; whatever is put right or left out is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qmtestbed.documents import dump_document
from qmtestbed.errors import ContentError, InputError, Problem
from qmtestbed.types.codec import DecodeError, decode, encode, lean, parse_json
from qmtestbed.types.guideline import Dimension, Guideline, GuidelineRequirement, Level, Source
from qmtestbed.types.text import Text

Json = Mapping[str, Any]

_KNOWN = {"scopes", "quality_dimensions", "measurements", "level_requirements", "meta_info"}


@dataclass(frozen=True)
class Imported:
    """A guideline that was read, and what was put right or left out on the way."""

    guideline: Guideline
    repairs: tuple[str, ...]


def import_qunomon(content: bytes, where: str, id: str, edition: str) -> Imported:
    """Read a guideline.

    Parameters
    ----------
    content
        The JSON file.
    where
        Its name, for messages.
    id, edition
        What the guideline is to be called here; the form has neither.

    Raises
    ------
    ContentError
        It is no JSON, or not of this form.
    """
    try:
        data = parse_json(content)
    except ValueError as error:
        raise ContentError(Problem("is no JSON", where, str(error)[:200])) from None
    body = data.get("guideline") if isinstance(data, Mapping) else None
    if not isinstance(body, Mapping):
        do = "give a guideline file of Qunomon's"
        raise ContentError(Problem("there is no object 'guideline' at its top", where, do=do))
    return _Reader(where, id, edition).guideline(body)


class _Reader:
    """Reads one file; ``repairs`` grows as it goes."""

    def __init__(self, where: str, id: str, edition: str) -> None:
        self.where = where
        self.id, self.edition = id, edition
        self.repairs: list[str] = []

    def guideline(self, body: Json) -> Imported:
        requirements = dict(self._requirements(body))
        found = self._unique(body, "quality_dimensions")
        internal = {name for name, d in found.items() if self._is_internal(d, requirements)}
        dimensions = {name: self._dimension(name, d, name in internal, requirements) for name, d in found.items()}
        dimensions = self._without_dangling(dimensions)
        self._tell_left_out(body, found, dimensions)
        about = _meta(body)
        title = about.get("title") or self.id
        source = Source(title, about.get("publisher") or "not stated", about.get("date"), about.get("identifier"))
        if requirements:
            what = "what evidence requirements need is not in this form: each is given measured and declared"
            self.repairs.append(f"{what} ({len(requirements)}); write what holds, and the AITs that inform it")
        note = Text(
            f"Imported from {self.where}, a file in Qunomon's form. Which evidence a requirement needs was not in it.",
            f"Qunomon形式のファイル{self.where}から取り込んだ。要求事項に必要な証拠の種類は同ファイルにない。",
        )
        guideline = Guideline(
            "qmtestbed/guideline/v1", self.id, self.edition, self._text(title), source, note, dimensions, requirements
        )
        return Imported(_named_well(guideline), tuple(self.repairs))

    # -- parts ------------------------------------------------------------------------------------------------

    def _unique(self, body: Json, key: str) -> dict[str, Json]:
        """Give the objects of a list by their id, the first of each."""
        items = body.get(key, [])
        if not isinstance(items, list):
            raise ContentError(Problem(f"{key} is not a list", self.where))
        found: dict[str, Json] = {}
        for i, item in enumerate(items):
            name = _id_of(item)
            if not name:
                raise ContentError(Problem("an entry has no id", f"{self.where}: {key}[{i}]", do="give it one"))
            if name in found:
                self.repairs.append(f"{key}[{i}]: a second {name!r}; the first is kept")
            found.setdefault(name, item)
        return found

    def _requirements(self, body: Json) -> Iterator[tuple[str, GuidelineRequirement]]:
        for name, item in self._unique(body, "level_requirements").items():
            title, summary = _said(item, "name") or name, _said(item, "description")
            yield name, GuidelineRequirement(self._text(title), self._text(summary), ("measured", "declared"))

    def _is_internal(self, dimension: Json, requirements: Mapping[str, Any]) -> bool:
        levels = _objects(dimension, "levels")
        named = (r for level in levels for r in _names(level, "requirements"))
        return any("level_requirements" in level for level in levels) or any(r in requirements for r in named)

    def _dimension(self, name: str, d: Json, internal: bool, requirements: Mapping[str, Any]) -> Dimension:
        levels = self._unique(d, "levels")
        chains = _chains(list(levels.values()))
        read = tuple(self._chain(chain, requirements) if internal else self._external(chain) for chain in chains)
        summary = _said(d, "description")
        return Dimension(
            code=name,
            kind="internal" if internal else "external",
            title=self._text(_said(d, "name") or name),
            chains=read,
            summary=self._text(summary) if summary else None,
        )

    def _external(self, chain: Sequence[Json]) -> tuple[Level, ...]:
        for level in chain:
            self._tell_number(level)
        asks = [tuple(dict.fromkeys(_names(level, "requirements"))) for level in chain]
        return tuple(Level(_id_of(x), self._title(x), asks=a) for x, a in zip(chain, asks, strict=True))

    def _chain(self, chain: Sequence[Json], requirements: Mapping[str, Any]) -> tuple[Level, ...]:
        """Read internal levels: each names all up to itself, and here only what it adds."""
        below: tuple[str, ...] = ()
        levels = []
        for item in chain:
            name = _id_of(item)
            self._tell_number(item)
            if "level_requirements" not in item and "requirements" in item:
                self.repairs.append(f"{name}: its requirements stand under 'requirements' and not 'level_requirements'")
            named = tuple(dict.fromkeys((*_names(item, "level_requirements"), *_names(item, "requirements"))))
            unknown = [r for r in named if r not in requirements]
            if unknown:
                self.repairs.append(f"{name}: names {', '.join(unknown)}, which are no requirements; left out")
            missing = [r for r in below if r not in named]
            if missing:
                what = f"{name}: does not name {', '.join(missing)} of the level below it"
                self.repairs.append(f"{what}; here a level always holds those below")
            added = tuple(r for r in named if r in requirements and r not in below)
            levels.append(Level(name, self._title(item), added))
            below += added
        return tuple(levels)

    def _title(self, level: Json) -> Text | None:
        title = _said(level, "description") or _said(level, "name")
        return self._text(title) if title else None

    def _tell_number(self, level: Json) -> None:
        """The number of a level says the order and no more; where it belies the id, that is told."""
        name, number = _id_of(level), level.get("level")
        expected = number_of(name)
        if expected is not None and number is not None and number != expected:
            self.repairs.append(f"{name}: is numbered {number}; the order of levels counts, and the id stays")

    def _without_dangling(self, dimensions: Mapping[str, Dimension]) -> dict[str, Dimension]:
        internal = {x.id for d in dimensions.values() if d.kind == "internal" for c in d.chains for x in c}

        def whole(level: Level) -> Level:
            unknown = [a for a in level.asks if a not in internal]
            if unknown:
                self.repairs.append(f"{level.id}: asks for {', '.join(unknown)}, which are no levels; left out")
            return replace(level, asks=tuple(a for a in level.asks if a in internal))

        return {
            key: replace(d, chains=tuple(tuple(map(whole, chain)) for chain in d.chains))
            for key, d in dimensions.items()
        }

    def _tell_left_out(self, body: Json, found: Mapping[str, Json], dimensions: Mapping[str, Dimension]) -> None:
        levels = [level for d in found.values() for level in _objects(d, "levels")]
        named = sum(bool(_said(level, "name") and _said(level, "description")) for level in levels)
        lost = {
            "scopes": len(body.get("scopes") or ()),
            "measurements": len(body.get("measurements") or ()),
            "names of levels that have a description too": named,
            "sub_dimensions of qualities (what levels ask for says as much)": sum(
                bool(d.get("sub_dimensions")) for d in found.values()
            ),
            **{f"the unknown key {key!r}": 1 for key in sorted(set(body) - _KNOWN)},
        }
        self.repairs += [f"left out: {what} ({n})" for what, n in lost.items() if n]
        for key, d in found.items():
            self._tell_disagreement(key, d, dimensions)

    def _tell_disagreement(self, key: str, d: Json, dimensions: Mapping[str, Dimension]) -> None:
        said = set(_names(d, "sub_dimensions"))
        asked = {a for chain in dimensions[key].chains for level in chain for a in level.asks}
        asks = {k for k, x in dimensions.items() if any(level.id in asked for c in x.chains for level in c)}
        if said and said != asks:
            names = ", ".join(sorted(said ^ asks))
            self.repairs.append(
                f"{key}: sub_dimensions and what its levels ask for differ in {names}; the levels count"
            )

    def _text(self, text: str) -> Text:
        """Japanese stands for English too until somebody translates it."""
        return Text(text, text) if re.search(r"[぀-ヿ一-鿿]", text) else Text(text)


def _named_well(guideline: Guideline) -> Guideline:
    """Refuse an id or edition that is none: both become part of a path."""
    try:
        return decode(Guideline, encode(guideline))
    except DecodeError as error:
        raise ContentError(*(Problem(f.what, ".".join(map(str, f.path)), f.found) for f in error.faults)) from None


def write_imported(file: Path, id: str, edition: str, folder: Path) -> tuple[Path, Imported]:
    """Read a file in Qunomon's form and write ours to ``<folder>/<id>/<edition>.yaml``; give where, and what was read.

    Raises
    ------
    InputError
        The file can't be read or used, or ours is there already.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ContentError(Problem("can't be read", str(file), error.strerror or "")) from None
    imported = import_qunomon(content, file.name, id, edition)
    target = folder / id / f"{edition}.yaml"
    refuse_to_overwrite(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(dump_document(lean(imported.guideline)))
    return target, imported


def refuse_to_overwrite(path: Path) -> None:
    """Raise :class:`InputError` if something is there."""
    if path.exists():
        raise InputError(Problem("there is such a file already", str(path), do="remove it, or write elsewhere"))


def number_of(level: str) -> int | float | None:
    """Give the number that the id of a level ends with: 0.1 of ``AISL-0.1``, 2 of ``B-2-LE2``."""
    found = re.search(r"(?:^|[^\d.])(\d+(?:\.\d+)?)$", level)
    if found is None:
        return None
    return float(found[1]) if "." in found[1] else int(found[1])


def _chains(levels: Sequence[Json]) -> list[list[Json]]:
    """Divide levels where their number does not grow: ``E1 E2 S1 S2`` are two chains."""
    chains: list[list[Json]] = []
    last: float | None = None
    for level in levels:
        number = level.get("level")
        number = float(number) if isinstance(number, (int, float)) else None
        if not chains or (number is not None and last is not None and number <= last):
            chains.append([])
        chains[-1].append(level)
        last = number
    return chains


def _id_of(item: object) -> str:
    name = item.get("id") if isinstance(item, Mapping) else None
    return name.strip() if isinstance(name, str) else ""


def _said(item: Json, key: str) -> str:
    value = item.get(key)
    return value.strip() if isinstance(value, str) else ""


def _objects(item: Json, key: str) -> list[Json]:
    value = item.get(key)
    return [x for x in value if isinstance(x, Mapping)] if isinstance(value, list) else []


def _names(item: Json, key: str) -> list[str]:
    value = item.get(key)
    return [x for x in value if isinstance(x, str)] if isinstance(value, list) else []


def _meta(body: Json) -> dict[str, str]:
    return {_said(m, "property"): _said(m, "content") for m in _objects(body, "meta_info")}
