"""Every word of ours on the page, the summary and the charts: English and Japanese side by side.

A key that is used and not here raises ``KeyError``. Keys that end in ``.one`` are the singular of a counted phrase.
Verdicts never promise: a requirement is supported by evidence, and nothing more is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from qmtestbed.render import ait_phrases, phrases, phrases_compared, site_phrases, terms
from qmtestbed.types.text import Language

SYMBOLS: Mapping[str, str] = {
    "met": "✓",
    "not_met": "✗",
    "undetermined": "?",
    "reported": "–",
    "supported": "✓",
    "contradicted": "✗",
    "missing": "–",
    "partly_supported": "◐",
    "no_evidence": "–",
    "not_applicable": "∅",
    "reached": "✓",
    "not_reached": "✗",
    "not_covered": "–",
    "waived": "△",
    "not_needed": "–",
    "met_or_waived": "△",
    "valid": "✓",
    "expired": "–",
    "not_yet_valid": "–",
    "file_missing": "✗",
    "file_altered": "✗",
    "to_do": "–",
    "answered_no": "✗",
    "open": "?",
    "nothing_applies": "–",
}
"""The sign that stands beside each verdict and state, so that colour is never alone."""

CHANGE_SIGNS: Mapping[str, str] = {
    "worse": "▼",
    "unwaived": "▽",
    "gone": "−",
    "restated": "≠",
    "waived": "△",
    "new": "+",
    "better": "▲",
    "same": "=",
    "absent": "–",
}
"""The sign that stands beside what became of a criterion."""

CODES: Mapping[str, str] = {
    "met": "OK",
    "supported": "OK",
    "reached": "OK",
    "not_met": "NG",
    "contradicted": "NG",
    "not_reached": "NG",
    "undetermined": "ERR",
    "partly_supported": "ERR",
    "no_evidence": "ERR",
    "missing": "ERR",
    "not_covered": "ERR",
    "not_applicable": "NA",
}
"""The code beside each verdict in Japanese, by its exit code with ``--require``: OK 0, NG 1, ERR 2.

NA counts neither way. Levels have no exit code: one that is not reached is NG, one that can't be judged is ERR. What is
only *reported* is not judged and has no code, nor have the states of declarations.
"""


_ALL: dict[str, tuple[str, str]] = {
    **phrases.PAGE,
    **phrases.HEADLINES,
    **phrases.WAIVERS,
    **phrases.FAILURES,
    **phrases.REQUIREMENTS,
    **phrases.CHECKS,
    **phrases.APPENDIX,
    **site_phrases.SITE,
    **site_phrases.BADGE,
    **site_phrases.COMMENT,
    **phrases_compared.COMPARED,
    **ait_phrases.AIT,
    **phrases.TEMPLATES,
    **terms.STATES,
    **terms.KINDS,
    **{
        f"verdict.{v}": (en, f"{ja}（{code}）")
        for v, code in CODES.items()
        for en, ja in [terms.STATES[f"verdict.{v}"]]
    },
}
TABLES: Mapping[Language, Mapping[str, str]] = {
    "en": {key: en for key, (en, _) in _ALL.items()},
    "ja": {key: ja for key, (_, ja) in _ALL.items()},
}


class Words:
    """The words of one language."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self._table = TABLES[language]

    def __call__(self, key: str, /, **values: object) -> str:
        """Give the text under ``key`` with ``values`` put in; numbers get commas between thousands."""
        text = self._table[key]
        shown = {k: f"{v:,}" if isinstance(v, int) else v for k, v in values.items()}
        return text.format(**shown) if shown else text

    def named(self, name: str, said: str) -> str:
        """Put a colon between a name and what is said of it."""
        return f"{name}{self('mark.colon')}{said}"

    def inside(self, text: str) -> str:
        """Put a text in parentheses."""
        return f"{self('mark.open')}{text}{self('mark.close')}"

    def listed(self, items: Iterable[str]) -> str:
        """Join the items of a list."""
        return self("mark.comma").join(items)

    def unit(self, name: str) -> str:
        """Give the word for a unit of a manifest; one that is not known stays as it is written."""
        return terms.UNITS.get(name, name) if self.language == "ja" else name

    def key(self, name: str) -> str:
        """Give the word for a key of a measure beside the key, by which a criterion names it."""
        word = terms.KEYS.get(name) if self.language == "ja" else None
        return f"{word}{self.inside(name)}" if word else name

    def count(self, key: str, n: int) -> str:
        """Give a counted phrase, in the singular where ``n`` is 1."""
        return self(f"{key}.one" if n == 1 else key, n=n)
