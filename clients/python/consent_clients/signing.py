"""A client's signature: RS256, by the private key that is registered with the issuer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jose import jwk, jwt
from jose.backends.base import Key


def signed(claims: Mapping[str, Any], key: Mapping[str, Any]) -> str:
    """The claims as a JWT. `key` is a private RSA key as a JWK with `kid`."""
    return jwt.encode(dict(claims), _read(json.dumps(dict(key))), algorithm="RS256", headers={"kid": key["kid"]})


@lru_cache(maxsize=8)
def _read(written: str) -> Key:
    """The key, checked once: that takes longer than signing with it fifty times, and many people share one."""
    return jwk.construct(json.loads(written), "RS256")
