"""What everybody may read: the purposes, and the keys that receipts and the log are checked with."""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter, Response

from consent_service.api.answers import json_answer
from consent_service.api.contract import described
from consent_service.consents.purposes import Purposes

_FOR_AN_HOUR = {"Cache-Control": "public, max-age=3600"}


def routes(purposes: Purposes, public_keys: Callable[[], Sequence[dict[str, str]]]) -> APIRouter:
    """``GET /v1/purposes`` and ``GET /.well-known/jwks.json``. ``public_keys`` are JWKs."""
    router = APIRouter(tags=["open"])
    shown: list[dict[str, Any]] = [purpose.model_dump(mode="json") for purpose in purposes.all()]

    @router.get("/v1/purposes", **described(returns="open"))
    async def all_purposes() -> Response:
        """Every version of every purpose, in full: texts, grounds, what it admits, and the duty after the end."""
        return json_answer({"items": shown}, headers=_FOR_AN_HOUR)

    @router.get("/.well-known/jwks.json", **described(returns="open"))
    async def keys() -> Response:
        """The public keys (RFC 7517) that receipts and the log's heads are signed with, those of now first."""
        return json_answer({"keys": list(public_keys())}, headers=_FOR_AN_HOUR)

    return router
