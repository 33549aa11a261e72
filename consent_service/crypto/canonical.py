"""Canonical JSON (RFC 8785), so that the same value is the same bytes for everybody who hashes or signs it.

The values that we sign hold no floating point, so the one hard part of the RFC, printing numbers, falls away.
Keys are ASCII here, for which sorting by UTF-8 bytes and by UTF-16 units is the same.
"""

from collections.abc import Collection
from typing import Any

import orjson

_PLAIN = frozenset({str, bool, type(None)})
_FLAT = _PLAIN | {int}
_LARGEST = 2**53 - 1  # beyond this, an ECMAScript number is no longer exact (RFC 8785, 3.2.2.3)


def canonical(value: Any) -> bytes:
    """``value`` (dict, list, tuple, str, int, bool, None) as RFC 8785 bytes.

    Raises TypeError for a float or any other type, and for a key that is not ASCII text; ValueError for an
    integer that JSON can't carry exactly.
    """
    _check(value)
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS)


def _check(value: Any) -> None:
    kind = type(value)
    if kind is dict:
        if not "".join(value).isascii():  # which raises TypeError for a key that is no text
            raise TypeError("keys are ASCII text")
        _check_all(value.values())
    elif kind is list or kind is tuple:
        _check_all(value)
    elif kind in _FLAT:
        _check_all((value,))
    else:
        raise TypeError(f"{kind.__name__} has no canonical form here")


def _check_all(values: Collection[Any]) -> None:
    kinds = set(map(type, values))
    if kinds <= _PLAIN:  # most are: a call for each would cost more than the serialising
        return
    if int in kinds and max(map(abs, _integers(values))) > _LARGEST:
        raise ValueError("an integer beyond 2**53 has no canonical form")
    if kinds <= _FLAT:
        return
    for inner in values:
        if type(inner) not in _FLAT:
            _check(inner)


def _integers(values: Collection[Any]) -> list[int]:
    return [value for value in values if type(value) is int]
