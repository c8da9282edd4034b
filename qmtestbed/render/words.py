"""Every word of ours on the page, the summary and the charts: English and Japanese side by side.

A key that is used and not here raises ``KeyError``. Keys that end in ``.one`` are the singular of a counted phrase.
Verdicts never promise: a requirement is supported by evidence, and nothing more is said.
"""

from __future__ import annotations

from collections.abc import Mapping

from qmtestbed.render import phrases, phrases_compared, site_phrases, terms
from qmtestbed.types.values import Language

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
    "not_reached": "–",
    "not_covered": "–",
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
    "gone": "−",
    "restated": "≠",
    "new": "+",
    "better": "▲",
    "same": "=",
    "absent": "–",
}
"""The sign that stands beside what became of a criterion."""

_CODES: Mapping[str, str] = {
    "met": "OK",
    "not_met": "NG",
    "undetermined": "ERR",
    "supported": "OK",
    "contradicted": "NG",
    "not_applicable": "NA",
}


_ALL: dict[str, tuple[str, str]] = {
    **phrases.PAGE,
    **phrases.HEADLINES,
    **phrases.FAILURES,
    **phrases.REQUIREMENTS,
    **phrases.CHECKS,
    **phrases.APPENDIX,
    **site_phrases.SITE,
    **site_phrases.BADGE,
    **site_phrases.COMMENT,
    **phrases_compared.COMPARED,
    **phrases.TEMPLATES,
    **terms.STATES,
    **terms.KINDS,
    **{f"code.{verdict}": ("", _CODES.get(verdict, "")) for verdict in SYMBOLS},
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

    def count(self, key: str, n: int) -> str:
        """Give a counted phrase, in the singular where ``n`` is 1."""
        return self(f"{key}.one" if n == 1 else key, n=n)
