"""Texts in two languages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

Language = Literal["en", "ja"]


@dataclass(frozen=True)
class Text:
    """A text in English and, where there is one, Japanese."""

    SHORT: ClassVar[str] = "en"
    en: str
    ja: str | None = None

    def of(self, language: Language) -> str:
        """Give the text in ``language``, or in English where it has none."""
        return (self.ja if language == "ja" else None) or self.en
