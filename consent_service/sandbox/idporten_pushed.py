"""Requests that clients push (RFC 9126): a client proves who it is, and gets a name for its request.

The name is good once, for two minutes, and for that client alone. The login page then has a name of its own, which
only its form may use: so a request that was pushed never stands in an address.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from consent_service.clock import MINUTE, SECOND, Clock
from consent_service.sandbox.idporten_requests import NoRedirect

LIFE_SECONDS = 120
_PAGE = 10 * MINUTE
_PREFIX = "urn:idporten:"
OURS = frozenset({"pid", "cancel"})
"""What the login page's form adds to the request; heeded in a body only, since a number is never in an address."""


@dataclass(frozen=True)
class _Kept:
    asked: Mapping[str, str]
    until: int
    for_form: bool


class PushedRequests:
    """The requests that wait for their browsers."""

    def __init__(self, clock: Clock) -> None:
        """Begin with none."""
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    def push(self, asked: Mapping[str, str]) -> str:
        """A client's request, which ``read_request`` found good; its name."""
        return self._keep(asked, LIFE_SECONDS * SECOND, for_form=False)

    def show(self, asked: Mapping[str, str]) -> dict[str, str]:
        """The fields of a login page's form that stand for the request."""
        return {"client_id": asked["client_id"], "request_uri": self._keep(asked, _PAGE, for_form=True)}

    def take(self, named: Mapping[str, str], *, by_form: bool) -> dict[str, str]:
        """The request that ``named`` names, with what the page's form added. It has no name from now on.

        Raises NoRedirect for a name that is unknown, used, lapsed or another client's, and for parameters beside it.
        """
        kept = self._kept.pop(named["request_uri"], None)
        if kept is None or self._clock.now() >= kept.until or (kept.for_form and not by_form):
            raise NoRedirect
        if named.get("client_id") != kept.asked["client_id"] or not named.keys() <= {"client_id", "request_uri"} | OURS:
            raise NoRedirect
        return {**kept.asked, **{name: value for name, value in named.items() if name in OURS}}

    def _keep(self, asked: Mapping[str, str], life: int, *, for_form: bool) -> str:
        now = self._clock.now()
        self._kept = {name: one for name, one in self._kept.items() if now < one.until}
        name = _PREFIX + secrets.token_urlsafe(32)
        self._kept[name] = _Kept(asked, now + life, for_form)
        return name
