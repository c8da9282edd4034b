"""Text that others wrote made safe to show, and numbers, dates and sizes in one spelling each."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
import operator
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, overload

from qmtestbed.foreign import visible
from qmtestbed.types.text import Language

S = TypeVar("S")
T = TypeVar("T")

_MARK = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u20d0-\u20ff]"
_STACKED = re.compile(f"({_MARK}{{3}}){_MARK}+")
_JAPANESE = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_MONTHS = "January February March April May June July August September October November December".split()


class Svg(str):
    """A picture made by :mod:`qmtestbed.render.svg`: the only text that a template puts in unescaped."""

    def __html__(self) -> str:
        return str(self)


# -- what others wrote ----------------------------------------------------------------------------------------


def clean(text: str, limit: int = 2000) -> str:
    """Make ``text`` inert: what can't be seen is shown by name, and the end is cut off visibly.

    Line feeds stay; tabs and carriage returns become a space or nothing; every other control character, override of
    the writing direction or code point that XML can't hold is replaced by its name, such as ``⟨U+202E⟩``, so that two
    different names stay different.
    """
    left = len(text) - limit
    if left > 0:
        text = text[:limit]
    if not text.isascii() or not text.isprintable():
        text = _STACKED.sub(r"\1", visible(text))
    return f"{text}… [+{left:,}]" if left > 0 else text


class Lazily(Sequence[T]):
    """A sequence whose items are made from ``sources`` each time they are asked for, and never kept."""

    def __init__(self, sources: Sequence[S], make: Callable[[S], T]) -> None:
        self._sources = sources
        self._make = make

    def __len__(self) -> int:
        return len(self._sources)

    def __iter__(self) -> Iterator[T]:
        return map(self._make, self._sources)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> Lazily[T]: ...

    def __getitem__(self, index: int | slice) -> T | Lazily[T]:
        if isinstance(index, slice):
            return Lazily(self._sources[index], self._make)
        return self._make(self._sources[index])

    def then(self, change: Callable[[T], T]) -> Lazily[T]:
        """Give the same with every item changed."""
        make = self._make
        return Lazily(self._sources, lambda source: change(make(source)))


def scrub(value: T, limit: int = 2000) -> T:
    """Apply :func:`clean` to every text inside a frozen value; pictures of ours stay as they are.

    What is safe already is not copied: the view of a long run is large.
    """
    return _scrub(value, limit)  # type: ignore[no-any-return]  # rebuilt with the same type


def _scrub(value: Any, limit: int) -> Any:
    if isinstance(value, str):
        return value if isinstance(value, Svg) else clean(value, limit)
    if value is None or isinstance(value, (int, float)):
        return value
    if isinstance(value, Lazily):
        return value.then(lambda item: _scrub(item, limit))
    if isinstance(value, tuple):
        items = tuple(_scrub(v, limit) for v in value)
        return value if all(map(operator.is_, items, value)) else items
    if isinstance(value, Mapping):
        raise TypeError("a view holds no mappings: two keys could become one")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        given = [(name, getattr(value, name)) for name in _field_names(type(value))]
        changed = {name: safe for name, v in given if (safe := _scrub(v, limit)) is not v}
        return dataclasses.replace(value, **changed) if changed else value
    return value


@functools.cache
def _field_names(cls: Any) -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(cls))


def width(text: str) -> int:
    """How many columns of a fixed-width font the text takes as it is shown: East Asian wide characters count twice."""
    text = visible(text)
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text if not unicodedata.combining(c))


def spoken(text: str) -> Language:
    """Tell the language of a text that others wrote, for screen readers and fonts: Japanese where it has any."""
    return "ja" if _JAPANESE.search(text) else "en"


def shorten(text: str, columns: int) -> str:
    """Cut ``text`` to at most ``columns`` columns, the last of them an ellipsis, in one line."""
    text = " ".join(clean(text, 400).split())
    if width(text) <= columns:
        return text
    room, kept = columns - 1, 0
    for character in text:
        room -= width(character)
        if room < 0:
            break
        kept += 1
    return text[:kept] + "…"


def anchor(prefix: str, name: str) -> str:
    """Give an HTML id for ``name``: readable where it can be, always distinct, always plain ASCII."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)[:60]
    if plain != name:
        plain += "-" + hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{prefix}-{plain}"


def web_address(url: str | None) -> str | None:
    """Give ``url`` if it is a plain http(s) address that may stand in a link, else ``None``."""
    return url if url and len(url) <= 500 and re.fullmatch(r"https?://[!#-;=?-Z\[\]_a-z~]+", url) else None


# -- numbers, dates, sizes ------------------------------------------------------------------------------------


def number(x: float | None, digits: int = 4) -> str:
    """Write ``x`` with that many significant digits; whole numbers in full, with commas; an en dash for none."""
    if x is None:
        return "–"
    if isinstance(x, bool):
        return str(int(x))
    if not math.isfinite(x):
        return "∞" if x > 0 else "−∞" if x < 0 else "NaN"
    if x == int(x) and abs(x) < 1e15:
        return _minus(f"{int(x):,}")
    size = math.floor(math.log10(abs(x)))
    if not -5 < size < 15:
        return _minus(f"{x:.{digits - 1}e}")
    text = f"{x:,.{max(0, digits - 1 - size)}f}"
    if abs(x) < 1 and digits < 17 and abs(float(text)) == 1:
        return number(x, digits + 1)  # 0.99999 is not 1
    return _minus(text.rstrip("0").rstrip(".") if "." in text else text)


def _minus(text: str) -> str:
    return text.replace("-", "−")


def fixed(x: float, decimals: int) -> str:
    """Write ``x`` with exactly that many decimals, commas between thousands, and never minus zero."""
    text = f"{x:,.{decimals}f}"
    return _minus(text.lstrip("-") if not text.strip("-0.,") else text)


def decimals_for(spread: float) -> int:
    """How many decimals show a difference of ``spread`` with three significant digits."""
    if not math.isfinite(spread) or spread <= 0:
        return 4
    return min(8, max(0, 2 - math.floor(math.log10(spread))))


def apart(x: float, bounds: tuple[float | None, ...], decimals: int) -> int:
    """Raise ``decimals`` until ``x`` can be told from every bound that it does not equal."""
    for bound in bounds:
        while bound is not None and bound != x and decimals < 12 and fixed(x, decimals) == fixed(bound, decimals):
            decimals += 1
    return decimals


def percent(share: float) -> str:
    """Write a confidence such as 0.95 as ``95 %``."""
    return f"{number(round(share * 100, 6), 6)} %"


def date(text: str, language: Language) -> str:
    """Write an ISO date (or the date of a timestamp) as people of the language do; anything else as it is."""
    m = _DATE.match(text)
    if not m or not 1 <= int(m[2]) <= 12:
        return text
    rest = re.sub(r"Z$", " UTC", text[10:].replace("T", " ").strip())
    day = f"{int(m[3])} {_MONTHS[int(m[2]) - 1]} {m[1]}"
    if language == "ja":
        day = f"{m[1]}年{int(m[2])}月{int(m[3])}日"
    return f"{day} {rest}".strip()


def seconds(x: float, language: Language = "en") -> str:
    """Write a duration."""
    s, minutes = ("秒", "分") if language == "ja" else ("s", "min")
    return f"{x:.2f} {s}" if x < 10 else f"{x:.0f} {s}" if x < 120 else f"{int(x // 60)} {minutes} {int(x % 60)} {s}"


def size(n: int) -> str:
    """Write a number of bytes."""
    return f"{n / 2**30:.1f} GiB" if n >= 2**30 else f"{n / 2**20:.0f} MiB" if n >= 2**20 else f"{n / 2**10:.0f} KiB"
