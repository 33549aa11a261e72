"""Single sign-on: the session of a browser at ID-porten, which every client that it logged in at is part of.

It ends 30 minutes after its last login and at most two hours after the person proved who she is, or when she logs
out at one of the clients; the others hear of it then.
"""

import secrets
from dataclasses import dataclass, field

from consent_service.clock import HOUR, MINUTE, Clock
from consent_service.sandbox.idporten_requests import ACR_VALUES, AuthorizationRequest

COOKIE = "idporten-sso"

_IDLE = 30 * MINUTE
_LONGEST = 2 * HOUR


@dataclass
class SsoSession:
    """A person's session. ``begun_at``: when she proved who she is; ``clients``: those that she logged in at."""

    pid: str = field(repr=False)
    acr: str
    begun_at: int
    used_at: int
    sid: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    clients: set[str] = field(default_factory=set)


class SsoSessions:
    """Every browser's session, by the value of its cookie."""

    def __init__(self, clock: Clock) -> None:
        """Begin with none."""
        self._clock = clock
        self._sessions: dict[str, SsoSession] = {}

    def begin(self, pid: str, acr: str) -> tuple[str, SsoSession]:
        """A session for a person who has just proved who she is: the cookie's value, and the session."""
        now = self._clock.now()
        self._sessions = {value: one for value, one in self._sessions.items() if not self._lapsed(one, now)}
        value = secrets.token_urlsafe(32)
        self._sessions[value] = session = SsoSession(pid=pid, acr=acr, begun_at=now, used_at=now)
        return value, session

    def good_for(self, request: AuthorizationRequest, value: str | None) -> SsoSession | None:
        """The browser's session, if a login may use it: it lives, its level suffices, and no new proof is asked for."""
        session, now = self._sessions.get(value or ""), self._clock.now()
        if session is None or self._lapsed(session, now) or request.prompt == "login":
            return None
        if ACR_VALUES.index(session.acr) < ACR_VALUES.index(request.acr):
            return None
        session.used_at = now
        return session

    def end(self, value: str) -> SsoSession | None:
        """End the session of a cookie's value, and say which it was."""
        session = self._sessions.pop(value, None)
        return None if session is None or self._lapsed(session, self._clock.now()) else session

    def _lapsed(self, session: SsoSession, now: int) -> bool:
        return now >= min(session.used_at + _IDLE, session.begun_at + _LONGEST)
