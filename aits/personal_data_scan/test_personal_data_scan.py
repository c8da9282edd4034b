from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from qmtestbed.ait import Roles, Subject, Table, Undefined
from qmtestbed.measuring.personal import KINDS, luhn, mod97, my_number, plain

MAIL, PHONE, POST, ADDRESS, MY, CARD, IBAN, V4, V6 = KINDS


def table(columns: Any, **roles: Any) -> Table:
    return Table(pd.DataFrame(columns), None, Roles(**roles))


def kinds_in(text: str) -> set[str]:
    return {name for name, kind in KINDS.items() if any(right for _, right in kind.candidates(plain(text)))}


# -- check digits ---------------------------------------------------------------------------------------------


def test_luhn_by_the_book() -> None:
    assert luhn("79927398713") and not any(luhn(f"7992739871{d}") for d in "012456789")
    for card in ("4111111111111111", "5555555555554444", "378282246310005", "30569309025904", "3530111333300000"):
        assert luhn(card) and kinds_in(card) == {CARD}, card


def test_iban_by_the_book() -> None:
    for iban in ("GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "FR14 2004 1010 0505 0001 3M02 606"):
        assert mod97(iban.replace(" ", "")) and kinds_in(iban) == {IBAN}, iban
    assert kinds_in("GB83WEST12345698765432") == set()


def test_the_individual_number_by_its_ordinance() -> None:
    # 123456789018: 1·6 + 2·5 + 3·4 + 4·3 + 5·2 + 6·7 + 7·6 + 8·5 + 9·4 + 0·3 + 1·2 = 212 = 19·11 + 3, and 11 - 3 = 8
    assert my_number("123456789018") and kinds_in("1234-5678-9018") == {MY}
    for seed in range(50):  # every first eleven digits have exactly one right last one, and an error in one digit shows
        first = "".join(random.Random(seed).choices("0123456789", k=11))
        assert sum(my_number(f"{first}{d}") for d in range(10)) == 1


def test_how_often_random_digits_pass_is_known() -> None:
    rng = np.random.default_rng(0)
    digits = ["".join(map(str, d)) for d in rng.integers(0, 10, (20_000, 16))]
    for passes, share in ((luhn, Fraction(1, 10)), (lambda d: my_number(d[:12]), Fraction(1, 10))):
        found = sum(passes(d) for d in digits)
        assert stats.binomtest(found, len(digits), float(share)).pvalue > 0.001
    ending = [d[:11] + "0" for d in digits]
    assert stats.binomtest(sum(map(my_number, ending)), len(ending), 2 / 11).pvalue > 0.001
    # Of sixteen digits .2223 begin as a card does: 4; 51-55; 2221-2720; 3528-3589; 6011; 644-649; 65.
    begins = Fraction(1, 10) + Fraction(5, 100) + Fraction(500, 10_000) + Fraction(62, 10_000)
    begins += Fraction(1, 10_000) + Fraction(6, 1000) + Fraction(1, 100)
    cards = sum(any(right for _, right in KINDS[CARD].candidates(d)) for d in digits)
    assert stats.binomtest(cards, len(digits), float(begins) / 10).pvalue > 0.001


# -- forms ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("someone@example.org", MAIL),
        ("write to a.b+c@mail.example.co.jp.", MAIL),
        ("03-1234-5678", PHONE),
        ("電話 (03) 1234-5678", PHONE),
        ("03(1234)5678", PHONE),
        ("０９０－１２３４－５６７８", PHONE),
        ("090−1234−5678", PHONE),
        ("08012345678", PHONE),
        ("0120 123 4567 (no: eleven digits)", None),
        ("+81 90-1234-5678", PHONE),
        ("+44 20 7946 0958", PHONE),
        ("〒100-0001", POST),
        ("〒1000001", POST),
        ("150-0002", POST),
        ("東京都千代田区千代田1-1", ADDRESS),
        ("北海道札幌市中央区", ADDRESS),
        ("192.0.2.17", V4),
        ("2001:db8::1", V6),
        ("fe80:0:0:0:202:b3ff:fe1e:8329", V6),
        # nothing of anybody
        ("2026-11-20", None),
        ("01-02-2024", None),
        ("2026-11-20 09:15:00", None),
        ("00:1A:2B:3C:4D:5E", None),
        ("::1", None),
        ("std::string", None),
        ("256.1.1.1", None),
        ("1.2.3.4.5", None),
        ("user@host", None),
        ("12345-6789", None),
        ("A123-4567", None),
        ("03-1234-567", None),
        ("90123456789012345678", None),
        ("12345678", None),
        ("東京都", None),
    ],
)
def test_what_has_which_form(text: str, kind: str | None) -> None:
    assert kinds_in(text) == ({kind} if kind else set())


# -- tables ---------------------------------------------------------------------------------------------------


def test_what_is_planted_is_counted(ait: Any) -> None:
    n = 200
    notes = np.array(["bearing worn"] * n, dtype=object)
    notes[[3, 50]] = "call 03-1234-5678"
    notes[50] = "call 03-1234-5678 or someone@example.org"
    notes[100:] = None
    found = ait.measure(data=table({"note": notes, "hours": np.linspace(0, 9, n)}))
    assert found["share"] == found["clear_share"] == {"note": 2 / 100, "hours": 0.0}
    assert (found["columns_found"], found["cells"]) == (1, 300)
    (finding,) = found["findings"]
    assert (finding.kind, finding.subject, finding.value) == ("personal_data", Subject(column="note"), 0.02)
    assert finding.text == (
        "2 of 100 filled cells of column 'note' look like: e-mail address (1), telephone number (2)."
    )
    assert "example" not in str(found) and "1234" not in str(found)


def test_random_numbers_are_seen_and_not_called_clear(ait: Any) -> None:
    rng = np.random.default_rng(1)
    numbers = rng.integers(10**11, 10**12, 3000)
    found = ait.measure(data=table({"serial": numbers, "rounded": numbers // 100 * 100}))
    assert found["share"]["serial"] == pytest.approx(0.1, abs=0.02)
    assert found["share"]["rounded"] == pytest.approx(2 / 11, abs=0.03)
    assert found["clear_share"] == {"serial": 0.0, "rounded": 0.0} and found["findings"] == []


def test_individual_numbers_are_clear_and_one_that_repeats_is_not(ait: Any) -> None:
    rng = np.random.default_rng(2)
    right = [int(f"{a}{c}") for a in rng.integers(10**10, 10**11, 40) for c in range(10) if my_number(f"{a}{c}")]
    found = ait.measure(data=table({"no": right, "gaps": [None, *map(float, right[1:])], "one": [right[0]] * 40}))
    assert found["clear_share"] == {"no": 1.0, "gaps": 1.0, "one": 0.0}
    assert found["share"]["one"] == 1.0
    assert all(str(v) not in str(found["found"].rows) for v in right)


def test_columns_with_roles_are_left_out_unless_named(ait: Any) -> None:
    mail = [f"p{i}@example.org" for i in range(5)]
    given = table({"who": mail, "note": mail, "x": range(5)}, id="who", ignore=("note",))
    assert ait.measure(data=given)["share"] == {"x": 0.0}
    assert ait.measure(data=given, columns=["who"])["clear_share"] == {"who": 1.0}
    assert ait.measure(data=given, columns=["who"], kinds=[PHONE])["clear_share"] == {"who": 0.0}


def test_order_and_type_of_the_column_change_nothing(ait: Any) -> None:
    texts = pd.Series(["a@b.example.org", "nothing here", None, "〒100-0001"] * 10)
    plainly = ait.measure(data=table({"t": texts}))
    for other in (texts.iloc[::-1].reset_index(drop=True), texts.astype("category"), texts.astype("string")):
        assert ait.measure(data=table({"t": other}))["share"] == plainly["share"]


def test_other_columns_are_looked_at_in_vain(ait: Any) -> None:
    days = pd.date_range("2026-01-01", periods=4)
    found = ait.measure(
        data=table({"day": days, "yes": [True, False] * 2, "none": [None] * 4, "x": [1e30, np.inf, 0.5, 2]})
    )
    assert set(found["share"].values()) == {0.0}


def test_nothing_to_look_at_is_undefined(ait: Any) -> None:
    assert isinstance(ait.measure(data=table({"a": []})), Undefined)
    assert isinstance(ait.measure(data=table({"a": [1]}, id="a")), Undefined)


@pytest.mark.parametrize("wrong", [{"columns": ["b"]}, {"kinds": ["fax"]}])
def test_what_there_is_not_is_refused(ait: Any, wrong: Any) -> None:
    with pytest.raises(ValueError, match="neither a column of the table nor one of the kinds"):
        ait.measure(data=table({"a": ["x"]}), **wrong)


def test_cells_that_are_all_empty_are_not_called_clean(ait: Any) -> None:
    assert isinstance(ait.measure(data=table({"a": [None, None], "b": [np.nan, np.nan]})), Undefined)
    assert ait.measure(data=table({"a": [None, None], "b": [1.5, 2.5]}))["clear_share"] == {"a": 0.0, "b": 0.0}
