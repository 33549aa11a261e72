"""Logging in behind a login sidecar (NAIS's, Wonderwall), which is ID-porten's client in our place.

The sidecar stands before us and adds the person's access token to every call of a browser that is logged in with it.
It validates none of them, and passes on whatever token a caller brings: so each is validated here, as every other
access token of ID-porten's is, on every call. The rules that follow from a token that comes by itself:

- a page is shown to a session of our own *and* a token of the same person's: when the sidecar's login ends, or becomes
  somebody else's, ours is over as well
- a token alone is no proof that a call came from our pages: forms carry our session's CSRF token, as ever

Source: github.com/nais/wonderwall, docs/usage.md and docs/endpoints.md.
"""

from collections.abc import Sequence
from urllib.parse import urlencode

from consent_service.identity.candidate_tokens import CandidateToken
from consent_service.identity.claims import Refused
from consent_service.identity.tokens import BearerTokens

LOGOUT = "/oauth2/logout"
"""The sidecar's address that ends its login and then ID-porten's."""

_LOGIN = "/oauth2/login"
_LOCALES = frozenset({"nb", "nn", "en", "se"})


class Sidecar:
    """The sidecar before us. ``tokens`` takes ID-porten's alone; ``acr`` is the level to ask for."""

    def __init__(self, tokens: BearerTokens, *, acr: str) -> None:
        """Take how its tokens are validated."""
        self._tokens = tokens
        self._acr = acr

    async def person(self, authorization: Sequence[str]) -> CandidateToken | Refused:
        """Who is logged in with it, by a call's ``Authorization`` headers, or why nobody is whom we let in.

        Raises Unavailable when that can't be known.
        """
        return await self._tokens.candidate_or_why(authorization)

    async def vouches(self, authorization: Sequence[str], pid: str) -> bool:
        """Whether the person with ``pid`` is logged in with it still."""
        person = await self.person(authorization)
        return isinstance(person, CandidateToken) and person.pid == pid

    def login(self, *, return_to: str, locale: str) -> str:
        """Where to send a browser to log in; ``return_to`` is a path of ours."""
        asked = {"redirect": return_to, "level": self._acr, "locale": locale if locale in _LOCALES else "nb"}
        return f"{_LOGIN}?{urlencode(asked)}"
