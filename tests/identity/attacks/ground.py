"""What a forger starts from: the issuers' names and keys, a good token of each kind, and its claims.

The rule: each attack differs from a good token in one thing alone, so that nothing else can be what was refused. The
tokens are made with the issuers' own keys wherever the attack is not about keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from consent_service.sandbox.keys import SigningKey
from tests.support.issuers import KARI, SUPPLIER, key
from tests.support.tokenx import exchanged

OUT: Any = object()
"""In place of a claim's value: the claim is left out. None is null."""


@dataclass(frozen=True)
class Ground:
    """One service's surroundings. ``now`` is in seconds; ``organisation`` calls as ``client``."""

    now: int
    maskinporten: str
    idporten: str
    token_x: str
    audience: str
    our_client: str
    our_name: str
    organisation: str
    client: str
    scope: str
    pid: str = KARI.pid

    def unit_claims(self, **changes: Any) -> dict[str, Any]:
        """A Maskinporten token's claims."""
        claims = {
            "iss": self.maskinporten,
            "client_amr": "private_key_jwt",
            "token_type": "Bearer",
            "aud": "unspecified",
            "client_id": self.client,
            "scope": self.scope,
            "consumer": organisation(self.organisation),
        }
        return self._dated(claims, changes)

    def person_claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of an ID-porten access token that was made for us."""
        claims = {
            "iss": self.idporten,
            "sub": "pairwise",
            "client_amr": "private_key_jwt",
            "client_id": "another-application",
            "aud": self.audience,
            "acr": "idporten-loa-high",
            "pid": self.pid,
            "scope": "openid profile",
        }
        return self._dated(claims, changes)

    def exchanged_claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a TokenX token that was made for us."""
        subject = self.person_claims(aud="another-audience")
        claims = exchanged(subject, issuer=self.token_x, audience=self.our_name, now=self.now)
        return _changed(claims, changes)

    def login_claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of an id_token for our own client."""
        claims = {
            "iss": self.idporten,
            "sub": "pairwise",
            "amr": ["TestID"],
            "pid": self.pid,
            "nonce": "nonce",
            "aud": self.our_client,
            "acr": "idporten-loa-high",
            "sid": "session-there",
        }
        return self._dated(claims, changes)

    def _dated(self, claims: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
        return _changed({**claims, "iat": self.now, "exp": self.now + 120, "jti": "0c1f"}, changes)


@dataclass(frozen=True)
class Kind:
    """A kind of bearer token. ``door`` is the one that it opens; ``signer`` the name of its issuer's key."""

    name: str
    door: str
    signer: str
    claims: Callable[..., dict[str, Any]]

    @property
    def key(self) -> SigningKey:
        """Its issuer's key."""
        return key(self.signer)

    def good(self, ground: Ground) -> str:
        """A token that is accepted."""
        return self.key.jwt(self.claims(ground))


UNIT = Kind("maskinporten", "units", "maskinporten", Ground.unit_claims)
PERSON = Kind("idporten", "me", "idporten", Ground.person_claims)
EXCHANGED = Kind("tokenx", "me", "token-x", Ground.exchanged_claims)
KINDS = (UNIT, PERSON, EXCHANGED)

Forge = Callable[[Kind, Ground], str]
"""Makes a token that differs from the good one of its kind."""


@dataclass(frozen=True)
class Attack:
    """One forged token, and the door that it is shown at."""

    name: str
    door: str
    forge: Callable[[Ground], str]


def on_each_kind(forgeries: Mapping[str, Forge], kinds: tuple[Kind, ...] = KINDS) -> list[Attack]:
    """Each of ``forgeries`` with each kind of token."""

    def bound(forge: Forge, kind: Kind) -> Callable[[Ground], str]:
        return lambda ground: forge(kind, ground)

    return [
        Attack(f"{kind.name}: {name}", kind.door, bound(forge, kind))
        for kind in kinds
        for name, forge in forgeries.items()
    ]


def with_claims(kind: Kind, tables: Mapping[str, Callable[[Ground], dict[str, Any]]]) -> list[Attack]:
    """Tokens of ``kind``, rightly signed, each with the changes that its row says."""

    def bound(changes: Callable[[Ground], dict[str, Any]]) -> Callable[[Ground], str]:
        return lambda ground: kind.key.jwt(kind.claims(ground, **changes(ground)))

    return [Attack(f"{kind.name}: {name}", kind.door, bound(changes)) for name, changes in tables.items()]


def organisation(number: str) -> dict[str, str]:
    """An organisation as Maskinporten names it."""
    return {"authority": "iso6523-actorid-upis", "ID": f"0192:{number}"}


def supplied() -> dict[str, Any]:
    """The claims of a delegated token."""
    return {"supplier": organisation(SUPPLIER), "delegation_source": "https://tt02.altinn.no/"}


def _changed(claims: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**claims, **changes}.items() if value is not OUT}
