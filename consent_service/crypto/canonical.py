"""Canonical JSON (RFC 8785), so that the same value is the same bytes for everybody who hashes or signs it.

The values that we sign hold no floating point, so the one hard part of the RFC, printing numbers, falls away.
Keys are ASCII here, for which sorting by UTF-8 bytes and by UTF-16 units is the same.
"""

from collections.abc import Iterable
from typing import Any

import orjson

_LARGEST = 2**53 - 1  # beyond this, an ECMAScript number is no longer exact (RFC 8785, 3.2.2.3)


def canonical(value: Any) -> bytes:
    """``value`` (dict, list, tuple, str, int, bool, None) as RFC 8785 bytes.

    Raises TypeError for a float or any other type, and for a key that is not ASCII text; ValueError for an
    integer that JSON can't carry exactly.
    """
    _check(value)
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS)


def _check(value: Any) -> None:
    waiting: list[Iterable[Any]] = [(value,)]
    for values in waiting:  # which grows meanwhile: a call for each level would cost more than the serialising
        for one in values:
            kind = type(one)
            if kind is str or one is None or kind is bool:
                continue
            if kind is int:
                if not -_LARGEST <= one <= _LARGEST:
                    raise ValueError("an integer beyond 2**53 has no canonical form")
            elif kind is dict:
                if not "".join(one).isascii():  # which raises TypeError for a key that is no text
                    raise TypeError("keys are ASCII text")
                waiting.append(one.values())
            elif kind is list or kind is tuple:
                waiting.append(one)
            else:
                raise TypeError(f"{kind.__name__} has no canonical form here")
