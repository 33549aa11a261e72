"""A JWT as text, read more strictly than any library does: one text for each token, and one reading of it.

Refused before a signature is looked at: more than 8 KiB, anything but three segments of canonical base64url (so
that two texts are never one token), JSON that is not UTF-8, names a member twice, nests deeply, or holds numbers
that JSON does not have, and the headers that change how the rest is to be read (RFC 8725, sections 3.3 to 3.10).
"""

import base64
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

LONGEST_TOKEN = 8192
"""Characters. Maskinporten's and ID-porten's tokens are below 2,000; parsing what is longer costs us, not them."""

_SEGMENTS = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,128}")
TYPES = frozenset({"JWT", "at+jwt"})
_CHANGES_THE_READING = frozenset({"crit", "b64", "zip", "enc", "cty"})
_NAMES_A_KEY = frozenset({"jku", "x5u", "jwk"})  # x5c is in ID-porten's id_tokens, and is not looked at
_DEEPEST = 16
_LONGEST_NUMBER = 24  # characters: more than any instant or count has, in JSON's shortest and longest form


class Unreadable(ValueError):
    """Not a token that we read. The reason is for the log: fixed words, nothing of the token."""


@dataclass(frozen=True, slots=True)
class CompactToken:
    """What a token says before anybody has vouched for it."""

    text: str = field(repr=False)
    kid: str
    alg: str
    typ: str | None
    claims: Mapping[str, Any] = field(repr=False)


def parse(text: str, *, types: frozenset[str] = TYPES) -> CompactToken:
    """Read ``text`` as a compact JWS (RFC 7515, section 7.1) with a JSON object inside. Raises Unreadable.

    ``types``: what ``typ`` may say, if it is there.
    """
    if len(text) > LONGEST_TOKEN:
        raise Unreadable("too long")
    match = _SEGMENTS.fullmatch(text)
    if match is None:
        raise Unreadable("not three segments")
    header_raw, payload_raw, _ = (base64url_decode(segment) for segment in match.groups())
    header = strict_json(header_raw)
    kid, alg, typ = header.get("kid"), header.get("alg"), header.get("typ")
    if not isinstance(alg, str):
        raise Unreadable("alg")
    if not isinstance(kid, str) or not _PRINTABLE.fullmatch(kid):
        raise Unreadable("kid")
    if typ is not None and (not isinstance(typ, str) or typ not in types):
        raise Unreadable("typ")
    if "typ" in header and typ is None:
        raise Unreadable("typ")
    if not _CHANGES_THE_READING.isdisjoint(header):
        raise Unreadable("header that changes the reading")
    if not _NAMES_A_KEY.isdisjoint(header):
        raise Unreadable("header that names a key of the token's own")
    return CompactToken(text=text, kid=kid, alg=alg, typ=typ, claims=strict_json(payload_raw))


def base64url_decode(segment: str) -> bytes:
    """The bytes of ``segment``, which must be what they encode to (RFC 4648, section 3.5). Raises Unreadable."""
    try:
        raw = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError:
        raise Unreadable("base64url") from None
    if base64url_encode(raw) != segment:
        raise Unreadable("base64url that is not canonical")
    return raw


def base64url_encode(raw: bytes) -> str:
    """``raw`` as base64url without padding (RFC 7515, appendix C)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def strict_json(raw: bytes) -> dict[str, Any]:
    """``raw`` as one JSON object, without ambiguity: UTF-8, no name twice, no NaN, 16 levels. Raises Unreadable.

    A number has at most 24 characters and is finite: what is longer takes time to read, and is nothing that we count.
    """
    try:
        value = _DECODER.decode(raw.decode("utf-8"))
    except Unreadable:
        raise
    except (ValueError, RecursionError):
        raise Unreadable("JSON") from None
    if not isinstance(value, dict):
        raise Unreadable("JSON that is no object")
    _bound_depth(value)
    return value


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Unreadable("JSON that names a member twice")
    return members


def _no_constant(_: str) -> NoReturn:
    raise Unreadable("JSON with NaN or Infinity")


def _integer(digits: str) -> int:
    return int(_short(digits))


def _finite(digits: str) -> float:
    number = float(_short(digits))
    if not math.isfinite(number):
        raise Unreadable("JSON with a number beyond all")
    return number


def _short(digits: str) -> str:
    if len(digits) > _LONGEST_NUMBER:
        raise Unreadable("JSON with an endless number")
    return digits


_DECODER = json.JSONDecoder(
    object_pairs_hook=_named_once, parse_constant=_no_constant, parse_int=_integer, parse_float=_finite
)
"""Made once: to make one takes as long as to read a small body."""


def _bound_depth(value: object, depth: int = 0) -> None:
    if depth > _DEEPEST:
        raise Unreadable("JSON nested too deeply")
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for member in inner:
        _bound_depth(member, depth + 1)
