"""What we ask ID-porten itself, as its registered client: to take a request beforehand, and for a code's id_token.

Rules: only endpoints of the issuer's own metadata are asked; every call proves who we are with a fresh assertion; no
redirect is followed; an answer is bounded, and read as strictly as a token.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import structlog

from consent_service.bounded_answers import read_at_most
from consent_service.clock import Clock
from consent_service.errors import LoginUnavailable
from consent_service.identity.client_authentication import ASSERTION_TYPE, ClientKey
from consent_service.identity.compact import Unreadable, strict_json
from consent_service.identity.issuers import Issuer

_LARGEST_ANSWER = 64 * 1024
_TIMEOUT_SECONDS = 10.0

_log = structlog.get_logger(__name__)


class ClientCalls:
    """The calls of one client at one issuer."""

    def __init__(
        self, issuer: Issuer, http: httpx.AsyncClient, clock: Clock, *, client_id: str, client_key: ClientKey
    ) -> None:
        """Take what was registered."""
        self._issuer = issuer
        self._http = http
        self._clock = clock
        self._client_id = client_id
        self._client_key = client_key

    async def push(self, endpoint: str, asked: Mapping[str, str]) -> str:
        """The ``request_uri`` that now stands for the authorisation request ``asked`` (RFC 9126, section 2).

        Raises LoginUnavailable for any answer without one: nobody is sent on with the request in the open instead.
        """
        status, answer = await self._post("pushed requests", endpoint, asked)
        request_uri = answer.get("request_uri")
        if status != 201 or not isinstance(request_uri, str):
            _log.warning("the pushed request was refused", status=status)
            raise LoginUnavailable
        return request_uri

    async def exchange(self, endpoint: str, *, code: str, redirect_uri: str, verifier: str) -> str | None:
        """The id_token for ``code``, or None when it is refused (RFC 6749, section 4.1.3). Raises LoginUnavailable."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        status, answer = await self._post("token", endpoint, form)
        id_token = answer.get("id_token")
        if status != 200 or not isinstance(id_token, str):
            _log.warning("the code was refused", status=status)
            return None
        return id_token

    async def _post(self, what: str, endpoint: str, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        signed = self._client_key.assertion(
            client_id=self._client_id, audience=self._issuer.identifier, at=self._clock.now()
        )
        proven = {
            **form,
            "client_id": self._client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": signed,
        }
        try:
            async with (
                asyncio.timeout(_TIMEOUT_SECONDS),
                self._http.stream("POST", endpoint, data=proven, follow_redirects=False) as response,
            ):
                if response.status_code >= 500:
                    raise Unreadable(what)
                body = await read_at_most(response.aiter_bytes(), _LARGEST_ANSWER)
            if body is None:
                raise Unreadable(what)
            return response.status_code, strict_json(body)
        except (httpx.HTTPError, TimeoutError, Unreadable) as failure:
            _log.warning("the issuer did not answer", what=what, failure=type(failure).__name__)
            raise LoginUnavailable from None
