"""One token has one text, and one JSON text has one meaning."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_service.identity.compact import Unreadable, base64url_decode, base64url_encode, parse, strict_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.binary(max_size=64))
def test_base64url_goes_both_ways(raw: bytes) -> None:
    """What was encoded is decoded to the same bytes."""
    assert base64url_decode(base64url_encode(raw)) == raw


@given(st.text(st.sampled_from("AZaz09-_=+/\n é"), max_size=12))
def test_what_is_decoded_is_the_one_way_to_write_it(segment: str) -> None:
    """Every text that is accepted is exactly what its bytes encode to."""
    try:
        raw = base64url_decode(segment)
    except Unreadable:
        return
    assert base64url_encode(raw) == segment


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), VALUES, max_size=4))
def test_ordinary_json_is_read_as_it_is(value: dict[str, object]) -> None:
    """The strictness costs no honest object anything."""
    assert strict_json(json.dumps(value).encode()) == value


@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", fullmatch=True))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the reader fail in any other way than by refusing."""
    try:
        parse(text)
    except Unreadable:
        return


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """Nor do any bytes in place of JSON."""
    try:
        strict_json(raw)
    except Unreadable:
        return


def test_nesting_is_bounded_at_sixteen_levels() -> None:
    """Sixteen levels are read, seventeen are not, nor are so many that the parser itself gives up."""

    def nested(levels: int) -> bytes:
        return b'{"a":' * levels + b"1" + b"}" * levels

    assert strict_json(nested(16))
    for levels in (17, 50_000):
        with pytest.raises(Unreadable):
            strict_json(nested(levels))
