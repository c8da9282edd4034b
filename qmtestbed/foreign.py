"""Text that somebody else wrote, made inert: what can't be seen is named, and nothing acts on a terminal or a CI log.

Every output that has no escaping of its own goes through here; pages, SVG, JUnit, Markdown and MLflow take
:func:`visible` before they escape what means something to them.
"""

from __future__ import annotations

import re

# Control characters, bidirectional overrides, invisible marks, surrogates and code points that XML refuses.
# Patterns are text, compiled on first use: the command line is waited for, and most of what it prints needs none.
UNSAFE = (
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufdd0-\ufdef\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_COMMAND = r"(?m)^([^\S\n]*):(?=:)"
_MARKED = r"#(?=#\w*\[)"


def visible(text: str) -> str:
    """Give ``text`` with each character that is not seen replaced by its name, such as ``⟨U+202E⟩``.

    Line feeds stay, a tab becomes a space; two texts that differ in more than white space stay different.
    """
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return re.sub(UNSAFE, _named, text.replace("\r\n", "\n"))


def _named(match: re.Match[str]) -> str:
    return " " if match[0] == "\t" else f"⟨U+{ord(match[0]):04X}⟩"


def inert(text: str, limit: int = 300) -> str:
    """Give ``text`` in one line of at most ``limit`` characters: it can't pass for a line of ours."""
    shown = visible(text[:limit]).replace("\n", " ")
    return f"{shown}… [+{len(text) - limit:,}]" if len(text) > limit else shown


def escaped(json_text: str) -> str:
    """Give JSON with the characters that are not seen escaped inside its texts: it means the same."""

    def named(match: re.Match[str]) -> str:
        return re.sub("....", r"\\u\g<0>", match[0].encode("utf-16-be").hex())

    return re.sub(UNSAFE, named, json_text)


def printable(text: str, *, begins: bool = True) -> str:
    """Give ``text`` for a terminal or the log of a CI job, its lines kept.

    A line that GitHub would take for a command (``::error::`` at its start, ``##[…]`` or ``##vso[…]`` anywhere) is
    broken by a space.

    Parameters
    ----------
    text
        What is printed.
    begins
        Whether it stands at the start of a line.
    """
    shown = visible(text)
    if "##" in shown:
        shown = re.sub(_MARKED, "# ", shown)
    if "::" not in shown:
        return shown
    return re.sub(_COMMAND, r"\1: ", shown) if begins else re.sub(_COMMAND, r"\1: ", "." + shown)[1:]
