"""Access tokens that we ask Maskinporten for ourselves, to call others (RFC 7523, section 2.1).

Rules: one token serves until shortly before its end, and one call for it is under way at a time; a token is opaque, and
stands in no log; no redirect is followed; an answer is bounded, and read strictly.
"""

import asyncio

import httpx
import structlog

from consent_service.bounded_answers import read_at_most
from consent_service.clock import SECOND, Clock
from consent_service.identity.client_authentication import ClientKey
from consent_service.identity.compact import Unreadable, strict_json

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"

_LARGEST_ANSWER = 64 * 1024
_TIMEOUT_SECONDS = 5.0
_MARGIN = 30 * SECOND

_log = structlog.get_logger(__name__)


class OwnTokens:
    """Tokens of one client for one ``scope``. ``issuer`` is Maskinporten's identifier, with its slash."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        clock: Clock,
        *,
        endpoint: str,
        issuer: str,
        client_id: str,
        client_key: ClientKey,
        scope: str,
    ) -> None:
        """Take what was registered."""
        self._http, self._clock, self._endpoint, self._issuer = http, clock, endpoint, issuer
        self._client_id, self._client_key, self._scope = client_id, client_key, scope
        self._asking = asyncio.Lock()
        self._token, self._good_until = "", 0

    async def token(self) -> str | None:
        """A token that is good for a while yet, or None if Maskinporten gives none. The next call asks again."""
        async with self._asking:
            if self._clock.now() >= self._good_until:
                await self._ask()
            return self._token or None

    async def _ask(self) -> None:
        self._token, self._good_until = "", 0
        now = self._clock.now()
        grant = self._client_key.grant(client_id=self._client_id, audience=self._issuer, scope=self._scope, at=now)
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                status, body = await self._post({"grant_type": GRANT_TYPE, "assertion": grant})
            answer = strict_json(body)
        except (httpx.HTTPError, TimeoutError, Unreadable) as failure:
            _log.warning("Maskinporten gave no token", failure=type(failure).__name__)
            return
        token, seconds = answer.get("access_token"), answer.get("expires_in")
        if status != 200 or not isinstance(token, str) or type(seconds) is not int:
            _log.warning("Maskinporten gave no token", status=status)
            return
        self._token, self._good_until = token, now + seconds * SECOND - _MARGIN

    async def _post(self, form: dict[str, str]) -> tuple[int, bytes]:
        async with self._http.stream("POST", self._endpoint, data=form, follow_redirects=False) as response:
            body = await read_at_most(response.aiter_bytes(), _LARGEST_ANSWER)
        if body is None:
            raise Unreadable("too long")
        return response.status_code, body
