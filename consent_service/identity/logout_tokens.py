"""Logout tokens: the issuer says, behind the browser's back, that a person logged out (OIDC Back-Channel Logout 1.0).

They are checked as strictly as what lets in, by the steps of ``tokens`` and those of section 2.6: a token of any other
kind says nothing about logging out, and one that was heard is not heard again.
"""

from dataclasses import dataclass, field

import structlog

from consent_service.clock import SECOND, Clock
from consent_service.errors import Unauthenticated
from consent_service.identity import claims
from consent_service.identity.claims import Refused
from consent_service.identity.compact import CompactToken, Unreadable, parse
from consent_service.identity.issuers import Issuer
from consent_service.identity.signatures import check_algorithms, check_signature

EVENT = "http://schemas.openid.net/event/backchannel-logout"

_TYPES = frozenset({"JWT", "logout+jwt"})
_LEEWAY = 10 * SECOND

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """Whose sessions are over: those of the issuer's ``sid``, or of its ``sub`` where it names no session.

    ``jti`` is to be heard once, until ``expires_at``.
    """

    sid: str | None
    sub: str | None = field(repr=False)
    jti: str
    expires_at: int


class LogoutTokens:
    """Verifies the logout tokens of one issuer for one client."""

    def __init__(
        self,
        issuer: Issuer,
        *,
        client_id: str,
        clock: Clock,
        algorithms: frozenset[str] = frozenset({"RS256"}),
    ) -> None:
        """Take what was registered with the issuer."""
        self._issuer = issuer
        self._client_id = client_id
        self._clock = clock
        self._algorithms = check_algorithms(algorithms)

    async def verify(self, text: str) -> LoggedOut:
        """Who logged out. Raises Unauthenticated, or Unavailable when the issuer's keys were never had."""
        try:
            token = parse(text, types=_TYPES)
            if token.claims.get("iss") != self._issuer.identifier:
                raise Refused("iss")
            await check_signature(token, self._issuer, self._algorithms)
            return self._read(token)
        except (Refused, Unreadable) as reason:
            _log.info("logout token refused", reason=str(reason))
            raise Unauthenticated from None

    def _read(self, token: CompactToken) -> LoggedOut:
        said = token.claims
        expires_at = claims.expiry(said, now=self._clock.now(), leeway=_LEEWAY)
        if claims.audience(said) != {self._client_id}:
            raise Refused("aud")
        events = said.get("events")
        if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
            raise Refused("events")
        if "nonce" in said:  # an id_token, which has one, is never a logout token
            raise Refused("nonce is present")
        sid, sub = claims.text_or_none(said, "sid"), claims.text_or_none(said, "sub")
        if sid is None and sub is None:
            raise Refused("neither sid nor sub")
        return LoggedOut(sid=sid, sub=sub, jti=claims.text(said, "jti"), expires_at=expires_at + _LEEWAY)
