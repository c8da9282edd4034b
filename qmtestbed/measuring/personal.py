"""What of a text looks like personal data: by its form and, where there is one, by its check digit.

A check digit is right by chance in a known share of numbers drawn at random, so that a column of such numbers can be
told from one of other long numbers.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

__all__ = ["KINDS", "Kind", "luhn", "mod97", "my_number", "plain"]


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B).

    Examples
    --------
    >>> luhn("4111111111111111"), luhn("4111111111111112")
    (True, False)
    """
    doubled = (2 * int(d) if i % 2 else int(d) for i, d in enumerate(reversed(digits)))
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def my_number(digits: str) -> bool:
    """Whether the last of twelve digits is the check digit of a Japanese individual number.

    References
    ----------
    Ordinance of the Ministry of Internal Affairs and Communications No. 85 of 2014, article 5.

    Examples
    --------
    >>> my_number("123456789018"), my_number("123456789012")
    (True, False)
    """
    weighed = sum(int(d) * (n + 1 if n <= 6 else n - 5) for n, d in enumerate(reversed(digits[:-1]), start=1))
    rest = weighed % 11
    return int(digits[-1]) == (0 if rest <= 1 else 11 - rest)


def mod97(text: str) -> bool:
    """Whether an account number has the right check digits (ISO 13616-1: the rest of the division by 97 is 1).

    Examples
    --------
    >>> mod97("GB82WEST12345698765432"), mod97("GB83WEST12345698765432")
    (True, False)
    """
    moved = text[4:] + text[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


@dataclass(frozen=True)
class Kind:
    """One kind of personal data.

    Attributes
    ----------
    pattern
        Its form.
    check
        What else must hold of what has the form, without blanks and hyphens.
    chance
        In what share of numbers of this form that holds by chance, at most; 0 where the form itself is telling. Of
        random twelve-digit numbers one in ten has the check digit, but of those that end in 0 two in eleven.
    """

    pattern: re.Pattern[str]
    check: Callable[[str], bool] | None = None
    chance: float = 0.0

    def candidates(self, text: str) -> Iterator[tuple[str, bool]]:
        """Give what in a text has the form, without blanks and hyphens, and whether the rest holds of it too."""
        for m in self.pattern.finditer(text):
            found = re.sub(r"[ -]", "", m[0])
            yield found, self.check is None or self.check(found)


_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−ー", "-"))


def plain(text: str) -> str:
    """Give a text with full-width letters and digits, and all kinds of dashes, as ASCII has them."""
    return unicodedata.normalize("NFKC", text).translate(_DASHES)


def _telephone(found: str) -> bool:
    """Ten digits in Japan, eleven where they begin with 050, 070, 080 or 090; up to fifteen with a country code."""
    digits = re.sub(r"\D", "", found)
    if found.startswith("+"):
        return 8 <= len(digits) <= 15
    return len(digits) == (11 if re.match("0[5789]0", digits) else 10)


def _ipv6(found: str) -> bool:
    try:
        return len(ipaddress.IPv6Address(found).compressed) > 4  # ``::`` and ``::1`` are nobody's
    except ValueError:
        return False


_CARD = (
    r"4\d{3}(?P<s>[ -]?)\d{4}(?P=s)\d{4}(?P=s)\d{4}"
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720|352[89]|35[3-8]\d|6011|64[4-9]\d|65\d\d)"
    r"(?P<t>[ -]?)\d{4}(?P=t)\d{4}(?P=t)\d{4}"
    r"|3[47]\d\d(?P<u>[ -]?)\d{6}(?P=u)\d{5}"
    r"|3(?:0[0-5]|[68]\d)\d(?P<v>[ -]?)\d{6}(?P=v)\d{4}"
)
_BYTE = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_PREFECTURES = (
    "東京都|北海道|大阪府|京都府|青森県|岩手県|宮城県|秋田県|山形県|福島県|茨城県|栃木県|群馬県|埼玉県|千葉県|神奈川県|新潟県|富山県|石川県|福井県|山梨県|長野県|"
    "岐阜県|静岡県|愛知県|三重県|滋賀県|兵庫県|奈良県|和歌山県|鳥取県|島根県|岡山県|広島県|山口県|徳島県|香川県|愛媛県|高知県|福岡県|佐賀県|長崎県|熊本県|大分県|"
    "宮崎県|鹿児島県|沖縄県"
)


def _number(pattern: str) -> re.Pattern[str]:
    """Compile the form of a number that is not part of a longer one."""
    return re.compile(rf"(?<![\w.+-])(?:{pattern})(?![\w]|[.-]\d)", re.ASCII)


KINDS: Mapping[str, Kind] = {
    "e-mail address": Kind(
        re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])", re.ASCII)
    ),
    "telephone number": Kind(
        _number(
            r"\(0\d{1,4}\) ?\d{1,4}[ -]\d{4}|0\d{1,4}([ -])\d{1,4}\1\d{4}|0\d{1,4}\(\d{1,4}\)\d{4}|0[5789]0\d{8}"
            r"|\+\d{1,3}[ -]?\(?\d{1,4}\)?(?:[ -]?\d{2,4}){2,4}"
        ),
        _telephone,
    ),
    "Japanese post code": Kind(re.compile(r"〒 ?\d{3}-?\d{4}(?!\d)|(?<![\w.+-])\d{3}-\d{4}(?![\w-])", re.ASCII)),
    "Japanese address": Kind(re.compile(rf"(?:{_PREFECTURES})[^\s、。,]{{1,6}}?[市区町村郡]")),
    "individual number (My Number)": Kind(_number(r"\d{4}([ -]?)\d{4}\1\d{4}"), my_number, 2 / 11),
    "payment card number": Kind(_number(_CARD), luhn, 1 / 10),
    "bank account number (IBAN)": Kind(
        re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)", re.ASCII), mod97, 2 / 100
    ),
    "IPv4 address": Kind(re.compile(rf"(?<![\w.])(?:{_BYTE}\.){{3}}{_BYTE}(?!\w|\.\d)", re.ASCII)),
    "IPv6 address": Kind(
        re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])", re.ASCII), _ipv6
    ),
}
"""By name. Names of persons, dates of birth and addresses of other countries have no form of their own."""
