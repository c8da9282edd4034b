"""YAML as people write it: 1.2 scalars, and everything that would be read as something else is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmtestbed.documents import dump_document, parse_document
from qmtestbed.errors import ContentError


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("no", "no"), ("on", "on"), ("yes", "yes"), ("off", "off"), ("True", True), ("false", False), ("1e-3", 0.001),
        ("10:30", "10:30"), ("2026-11-01", "2026-11-01"), ("0o17", 15), ("017", 17), ("0x1F", 31), ("1_000", "1_000"),
        (".5", 0.5), ("~", None), ("", None), ("null", None), ("+12", 12), (".inf", float("inf")), ('"1"', "1"),
        ("1.0.0", "1.0.0"),
    ],
)  # fmt: skip
def test_scalars_mean_what_they_look_like(written: str, meant: object) -> None:
    value = parse_document(f"a: {written}\n".encode(), "p.yaml").data["a"]
    assert value == meant and type(value) is type(meant)


def test_keys_are_text_and_carry_their_line() -> None:
    document = parse_document(b"on: 1\n2026-11-01:\n  no: 2\n", "p.yaml")
    assert document.data == {"on": 1, "2026-11-01": {"no": 2}}
    assert document.where(("2026-11-01", "no")) == "p.yaml:3"
    assert document.where(("2026-11-01", "no", "deeper")) == "p.yaml:3"


BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (i, i, b",".join([b"*%c" % (i - 1)] * 9)) for i in range(98, 107)
)


@pytest.mark.parametrize(
    ("source", "where", "what"),
    [
        (b"a: 1\nb: 2\na: 3\n", "p.yaml:3", "twice"),
        (b"a: !!python/object/apply:os.system [x]\n", "p.yaml:1", "tag"),
        (b"a: !mine x\n", "p.yaml:1", "tag"),
        (b"&a [*a]\n", "p.yaml:1", "alias"),
        (b"a: [1\nb: 2\n", "p.yaml:2", "not YAML"),
        (b"? [1, 2]\n: x\n", "p.yaml:1", "plain text"),
        (b"a: \xff\n", "p.yaml", "UTF-8"),
        (b"a: 1\n---\nb: 2\n", "p.yaml:2", "not YAML"),
        (BOMB, "p.yaml", "too many"),
    ],
)
def test_refused_with_file_and_line(source: bytes, where: str, what: str) -> None:
    with pytest.raises(ContentError) as caught:
        parse_document(source, "p.yaml")
    problem = caught.value.problems[0]
    assert problem.where.startswith(where) and what in problem.what


def test_all_problems_at_once() -> None:
    with pytest.raises(ContentError) as caught:
        parse_document(b"a: 1\na: 2\nb: !x y\nc: 3\nc: 4\n", "p.yaml")
    assert [p.where for p in caught.value.problems] == ["p.yaml:2", "p.yaml:3", "p.yaml:5"]


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["C"], include_characters="\n"), max_size=12)
    | st.sampled_from(["no", "on", "1e-3", "0o17", "10:30", "2026-11-01", "~", "", "null", "1_000", ".5", "=", "<<"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abcno1", min_size=1, max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(PLAIN)
def test_what_is_written_is_read_back_the_same(value: object) -> None:
    assert parse_document(dump_document({"x": value}), "p.yaml").data == {"x": value}
