"""A token's signature, by python-jose: the one question it is asked.

Its own claim checks accept what they should refuse, it ignores ``kid`` and tries every key it is given, and it
raises far more than its own exceptions. So it gets one key of one kind, for one algorithm, and a text that has been
read strictly; whatever it raises is a refusal.
"""

from functools import lru_cache

from jose import jwk, jws
from jose.backends.base import Key

from consent_service.identity.claims import Refused
from consent_service.identity.compact import CompactToken
from consent_service.identity.issuers import Issuer
from consent_service.identity.published_keys import RsaKey

ALGORITHMS = frozenset({"RS256", "RS384", "RS512"})
"""What may be configured. Never a shared secret: CVE-2026-85394 of python-jose needs one to be allowed."""


def check_algorithms(algorithms: frozenset[str]) -> frozenset[str]:
    """``algorithms``, when they may be configured. Raises ValueError."""
    if not algorithms or not algorithms <= ALGORITHMS:
        raise ValueError(f"algorithms are chosen among {', '.join(sorted(ALGORITHMS))}")
    return algorithms


async def check_signature(token: CompactToken, issuer: Issuer, algorithms: frozenset[str]) -> None:
    """Raises Refused unless ``issuer`` signed ``token`` with one of ``algorithms``; Unavailable without its keys."""
    if token.alg not in algorithms:
        raise Refused("alg")
    key = await issuer.key(token.kid, token.alg)
    if key is None:
        raise Refused("no such key")
    try:
        jws.verify(token.text, _jose_key(key, token.alg), [token.alg])
    except Exception as failure:  # noqa: BLE001  # see above
        raise Refused(f"signature: {type(failure).__name__}") from None


@lru_cache(maxsize=64)
def _jose_key(key: RsaKey, alg: str) -> Key:
    # Only these three members: python-jose heeds none of the others, and a key is good for one algorithm.
    return jwk.construct({"kty": "RSA", "n": key.n, "e": key.e}, alg)
