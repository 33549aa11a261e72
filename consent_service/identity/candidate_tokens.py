"""Which access tokens say that a person has logged in, in an application that calls us for her.

The rule: only tokens that were made for us. ID-porten makes one when the application asks for our audience
(``resource``, RFC 8707); TokenX makes one when an application at NAV exchanges its own for one with our ``aud``
(RFC 8693). An id_token is never one: it is refused by what it has (``nonce``) and by what it lacks (``client_id``).
"""

from dataclasses import dataclass, field

from consent_service.identity import claims
from consent_service.identity.claims import LevelTooLow, Refused, Represented
from consent_service.identity.compact import CompactToken
from consent_service.identity.issuers import Issuer


@dataclass(frozen=True, slots=True)
class CandidateToken:
    """A person who logged in, in an access token that was made for us; ``client_id`` is the application's."""

    pid: str = field(repr=False)
    acr: str
    client_id: str
    expires_at: int


@dataclass(frozen=True)
class IdportenTokens:
    """Access tokens of ID-porten for our ``audience``. ``acr``: the levels that suffice."""

    issuer: Issuer
    audience: str
    acr: frozenset[str]
    algorithms: frozenset[str] = frozenset({"RS256"})

    def __post_init__(self) -> None:
        """Refuse an audience that everybody's tokens carry."""
        claims.check_audience(self.audience)

    def read(self, token: CompactToken, *, now: int, leeway: int) -> CandidateToken:
        """See BearerValidator."""
        claims.scopes(token.claims)
        return _read(token, self.audience, self.acr, now=now, leeway=leeway)


@dataclass(frozen=True)
class TokenXTokens:
    """TokenX's access tokens for our ``audience``, which is our client id there (``cluster:namespace:application``).

    ``providers``: who may have logged the person in, as ``idp`` names them. Where applications stand in a chain it
    names TokenX itself, whose own check of the first token we rely on. ``client_id`` is the calling application's;
    which ones may call, TokenX knows from our access policy. ``acr`` is in the old vocabulary or the new (``levels``).
    """

    issuer: Issuer
    audience: str
    acr: frozenset[str]
    providers: frozenset[str]
    algorithms: frozenset[str] = frozenset({"RS256"})

    def __post_init__(self) -> None:
        """Refuse an audience that everybody's tokens carry."""
        claims.check_audience(self.audience)

    def read(self, token: CompactToken, *, now: int, leeway: int) -> CandidateToken:
        """See BearerValidator."""
        if claims.text(token.claims, "idp") not in self.providers | {self.issuer.identifier}:
            raise Refused("idp")
        return _read(token, self.audience, self.acr, now=now, leeway=leeway)


def _read(token: CompactToken, audience: str, levels: frozenset[str], *, now: int, leeway: int) -> CandidateToken:
    said = token.claims
    expires_at = claims.expiry(said, now=now, leeway=leeway)
    claims.refuse(said, "nonce", "at_hash", "events", "cnf")
    if audience not in claims.audience(said):
        raise Refused("aud")
    claims.text(said, "jti")
    person = CandidateToken(
        pid=claims.identity_number(said),
        acr=claims.text(said, "acr"),
        client_id=claims.text(said, "client_id"),
        expires_at=expires_at,
    )
    if not {"authorization_details", "act"}.isdisjoint(said):
        raise Represented("acts for another")
    if person.acr not in levels:
        raise LevelTooLow("acr")
    return person
