"""Canonical JSON: the same bytes as a second implementation's, or a refusal."""

from __future__ import annotations

import enum
import json
import string
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from consent_service.crypto.canonical import canonical

LARGEST = 2**53 - 1
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text(st.characters(max_codepoint=127))
SCALARS = st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | TEXT
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=20)


class Colour(enum.IntEnum):
    RED = 1


class Name(str):
    __slots__ = ()


@given(VALUES)
def test_the_bytes_are_those_of_a_second_implementation(value: Any) -> None:
    """For everything that this service signs or hashes: text, integers, booleans, null, lists, ASCII keys."""
    assert canonical(value) == rfc8785.dumps(value)


@given(VALUES)
def test_the_bytes_are_json_of_the_same_value(value: Any) -> None:
    """Nothing is lost on the way."""
    assert json.loads(canonical(value)) == value


@given(st.dictionaries(KEYS, SCALARS), st.randoms())
def test_the_order_of_keys_is_not_in_the_bytes(value: dict[str, Any], random: Any) -> None:
    """Two dictionaries that are equal are the same bytes, however they were made."""
    items = list(value.items())
    random.shuffle(items)
    assert canonical(dict(items)) == canonical(value)


def test_each_character_below_32_is_escaped_as_the_rfc_says() -> None:
    """RFC 8785, 3.2.2.2: five short escapes, lower-case hexadecimal for the rest, and nothing beyond them."""
    short = {"\b": r"\b", "\t": r"\t", "\n": r"\n", "\f": r"\f", "\r": r"\r", '"': r"\"", "\\": r"\\"}
    for code in range(128):
        character = chr(code)
        escaped = short.get(character, rf"\u{code:04x}" if code < 32 else character)
        assert canonical(character) == f'"{escaped}"'.encode()
    assert canonical("€ \u2028 🗝") == '"€ \u2028 🗝"'.encode()


def test_a_tuple_is_a_list() -> None:
    """Frozen values need not be thawed to be hashed."""
    assert canonical({"parts": ("a", ("b",))}) == b'{"parts":["a",["b"]]}'


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        b"bytes",
        {"a"},
        Ellipsis,
        Colour.RED,
        Name("text"),
        {1: "a"},
        {None: "a"},
        {"ø": 1},
        {Name("a"): 1},
        "\ud800",
        ["deep", {"down": [1, 2.5]}],
    ],
    ids=repr,
)
def test_what_has_no_canonical_form_here_is_refused(value: Any) -> None:
    """Floats, bytes, sets, subclasses, keys that are not ASCII text, half a surrogate pair: at any depth."""
    with pytest.raises(TypeError):
        canonical(value)


@pytest.mark.parametrize("value", [LARGEST + 1, -LARGEST - 1, 2**64, 10**100, {"n": [LARGEST + 1]}])
def test_integers_that_json_cannot_carry_are_refused(value: Any) -> None:
    """Beyond 2**53 - 1 a reader in ECMAScript would read another number (RFC 8785, 3.2.2.3)."""
    with pytest.raises(ValueError, match="canonical"):
        canonical(value)
    assert canonical([LARGEST, -LARGEST]) == b"[9007199254740991,-9007199254740991]"


def test_keys_are_in_the_order_of_their_bytes() -> None:
    """Upper case before lower case, a prefix before what it begins."""
    keys = [*string.printable, "aa", "a", "B", "ab", ""]
    ordered = json.loads(canonical(dict.fromkeys(keys, 1)))
    assert list(ordered) == sorted(set(keys))
