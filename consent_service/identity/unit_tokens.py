"""Which of Maskinporten's access tokens say that an organisation's system is calling us."""

from dataclasses import dataclass

from consent_service.identity import claims
from consent_service.identity.claims import Refused
from consent_service.identity.compact import CompactToken
from consent_service.identity.issuers import Issuer


@dataclass(frozen=True, slots=True)
class UnitToken:
    """An organisation's system, vouched for by Maskinporten. ``supplier`` calls on its behalf when not None."""

    organisation_number: str
    supplier: str | None
    client_id: str
    scopes: frozenset[str]
    expires_at: int


@dataclass(frozen=True)
class MaskinportenTokens:
    """Access tokens for organisations. ``audience``: demanded in ``aud`` when not None (restricted tokens).

    A token with ``pid`` is refused: it looks like a person's, though nobody has logged in. So is one with ``acr``, the
    level of a login, and one with ``authorization_details``, which narrows a right in terms that we do not know.
    """

    issuer: Issuer
    audience: str | None = None
    algorithms: frozenset[str] = frozenset({"RS256"})

    def __post_init__(self) -> None:
        """Refuse an audience that everybody's tokens carry."""
        if self.audience is not None:
            claims.check_audience(self.audience)

    def read(self, token: CompactToken, *, now: int, leeway: int) -> UnitToken:
        """See BearerValidator."""
        said = token.claims
        expires_at = claims.expiry(said, now=now, leeway=leeway)
        claims.refuse(said, "pid", "acr", "authorization_details", "cnf", "nonce", "events")
        if said.get("token_type") != "Bearer":
            raise Refused("token_type")
        audience = claims.audience(said)
        if self.audience is not None and self.audience not in audience:
            raise Refused("aud")
        if self.audience is None and not audience <= {"unspecified"}:
            raise Refused("aud")  # restricted to another API
        claims.text(said, "jti")
        return UnitToken(
            organisation_number=claims.organisation(said, "consumer"),
            supplier=claims.organisation(said, "supplier") if "supplier" in said else None,
            client_id=claims.text(said, "client_id"),
            scopes=claims.scopes(said),
            expires_at=expires_at,
        )
