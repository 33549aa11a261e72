"""The keys that an issuer publishes (JWK Set, RFC 7517), reduced to those that may sign tokens.

What we can't use (other key types, encryption keys, weak or malformed ones) is passed over, as RFC 7517 section 5
asks, so that a new kind of key beside the old ones upsets nobody.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from consent_service.identity.compact import Unreadable, base64url_decode

LEAST_BITS = 2048
MOST_BITS = 8192
_MOST_KEYS = 64
_KID = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, slots=True)
class RsaKey:
    """A public key of 2048 to 8192 bits. ``alg`` None: any that the issuer may use. ``n``, ``e`` are base64url."""

    kid: str
    alg: str | None
    n: str
    e: str


def read_keys(answer: Mapping[str, Any]) -> tuple[RsaKey, ...]:
    """The usable keys of a JWK Set. Raises Unreadable when it is none, or has none."""
    members = answer.get("keys")
    if not isinstance(members, list) or len(members) > _MOST_KEYS:
        raise Unreadable("no JWK Set")
    keys = tuple(key for member in members if (key := _read_key(member)) is not None)
    if not keys:
        raise Unreadable("a JWK Set without an RSA key for signatures")
    return keys


def pick(keys: Iterable[RsaKey], kid: str, alg: str) -> RsaKey | None:
    """The one key with this ``kid`` that may be used for ``alg``; None when there is none, or no telling which."""
    fitting = {key for key in keys if key.kid == kid and key.alg in {None, alg}}
    return fitting.pop() if len(fitting) == 1 else None


def _read_key(member: object) -> RsaKey | None:
    if not isinstance(member, dict) or not _is_for_signatures(member):
        return None
    kid, alg, n, e = (member.get(name) for name in ("kid", "alg", "n", "e"))
    if not (isinstance(kid, str) and _KID.fullmatch(kid) and isinstance(n, str) and isinstance(e, str)):
        return None
    if not (alg is None or isinstance(alg, str)) or not _is_strong(n, e):
        return None
    return RsaKey(kid, alg, n, e)


def _is_for_signatures(member: Mapping[str, Any]) -> bool:
    operations = member.get("key_ops", ["verify"])
    verifies = isinstance(operations, list) and "verify" in operations
    return verifies and member.get("kty") == "RSA" and member.get("use", "sig") == "sig"


def _is_strong(n: str, e: str) -> bool:
    try:
        modulus, exponent = (int.from_bytes(base64url_decode(number), "big") for number in (n, e))
    except Unreadable:
        return False
    odd = modulus & exponent & 1 == 1
    return odd and LEAST_BITS <= modulus.bit_length() <= MOST_BITS and 3 <= exponent < 2**33
