"""Of the keys that an issuer publishes, those that may sign tokens are used, and each for what it is published for."""

from __future__ import annotations

from typing import Any

import pytest

from consent_service.identity.published_keys import pick, read_keys
from consent_service.sandbox.keys import SigningKey
from tests.support.issuers import key


def _jwk(**changes: Any) -> dict[str, Any]:
    members: dict[str, Any] = {**key("first").public_jwk, **changes}
    return {name: value for name, value in members.items() if value is not None}


UNUSABLE: dict[str, Any] = {
    "another type": {"kty": "EC", "crv": "P-256", "kid": "first", "x": "AA", "y": "AA"},
    "a secret": {"kty": "oct", "kid": "first", "k": "AA"},
    "for encryption": _jwk(use="enc"),
    "for signing only": _jwk(key_ops=["sign"]),
    "key_ops no list": _jwk(key_ops=1),
    "without kid": _jwk(kid=None),
    "kid number": _jwk(kid=1),
    "alg number": _jwk(alg=1),
    "without n": _jwk(n=None, x5c=["AAAA"]),
    "n padded": _jwk(n=key("first").public_jwk["n"] + "="),
    "n even": _jwk(n="gA" + "A" * 340),
    "n short": _jwk(n="_" * 170 + "w"),
    "n endless": _jwk(n="_" * 2000),
    "e one": _jwk(e="AQ"),
    "e even": _jwk(e="Ag"),
    "e endless": _jwk(e="____________"),
    "text": "first",
    "null": None,
}


@pytest.mark.parametrize("member", [*UNUSABLE.values()], ids=[*UNUSABLE])
def test_keys_that_can_not_be_used_are_passed_over(member: Any) -> None:
    """A key of another kind beside a good one upsets nothing, and is never picked."""
    keys = read_keys({"keys": [member, key("second").public_jwk]})
    assert pick(keys, "first", "RS256") is None
    assert pick(keys, "second", "RS256")


def test_a_key_is_picked_by_kid_and_algorithm_if_there_is_one_alone() -> None:
    """Two keys of one name are told apart by their algorithm; two of one use are nobody's."""
    one, other = SigningKey.generate("same"), SigningKey.generate("same", alg="RS512")
    keys = read_keys({"keys": [one.public_jwk, one.public_jwk, other.public_jwk]})
    found = pick(keys, "same", "RS512")
    assert found
    assert found.n == other.public_jwk["n"]
    assert pick(keys, "same", "RS256")
    assert pick(keys, "same", "RS384") is None
    unnamed = read_keys({"keys": [{**k.public_jwk, "alg": "RS256"} for k in (one, other)]})
    assert pick(unnamed, "same", "RS256") is None
