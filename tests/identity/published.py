"""An issuer that publishes two documents, and counts how often each is fetched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx

from consent_service.sandbox.keys import IssuerKeys
from tests.support.issuers import key

ISSUER = "https://issuer.example"
METADATA = f"{ISSUER}/.well-known/openid-configuration"
JWKS = f"{ISSUER}/jwks"


class Published:
    """An issuer's two documents, how often each was fetched, and whether it answers at all.

    ``answered`` is set when an answer is made, which arrives later: once ``held`` is set, if it is an event.
    """

    def __init__(self) -> None:
        """Publish one key."""
        self.keys = IssuerKeys(key("first"))
        self.metadata: dict[str, Any] = {
            "issuer": ISSUER,
            "jwks_uri": JWKS,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
        }
        self.fetched: list[str] = []
        self.answers: Callable[[str], httpx.Response] | None = None
        self.answered: asyncio.Event | None = None
        self.held: asyncio.Event | None = None

    async def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, after others had a chance to come in between."""
        await asyncio.sleep(0)
        url = str(request.url)
        self.fetched.append(url)
        if self.answers is not None:
            return self.answers(url)
        document = {METADATA: self.metadata, JWKS: self.keys.jwks()}.get(url)
        if self.answered is not None:
            self.answered.set()
            await asyncio.sleep(0)
        if self.held is not None:
            await self.held.wait()
        return httpx.Response(404) if document is None else httpx.Response(200, json=document)

    def http(self) -> httpx.AsyncClient:
        """A client that reaches it alone."""
        return httpx.AsyncClient(transport=httpx.MockTransport(self.handle))

    def count(self, url: str) -> int:
        """How often ``url`` was fetched."""
        return self.fetched.count(url)
