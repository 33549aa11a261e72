"""A route that is answered directly, for the one whose calls are many.

FastAPI describes it in the contract by its signature, as any other, and is left out of answering: to solve a call's
parameters takes it longer than the gate takes to decide. Who makes the parameters instead refuses what FastAPI would
refuse, in the same words; a test holds the two against each other.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.types import Receive, Scope, Send

from consent_service.api.json_bodies import read_json
from consent_service.errors import Malformed

Body = TypeVar("Body", bound=BaseModel)
Parameters = Callable[[Request], Awaitable[dict[str, Any]]]


class DirectRoute(APIRoute):
    """Marks a route whose ``app`` answers by itself: it needs nothing that FastAPI prepares for its own."""


def direct(parameters: Parameters) -> type[DirectRoute]:
    """A kind of route whose endpoint is called with what ``parameters`` makes of the request."""

    class Direct(DirectRoute):
        def __init__(self, path: str, endpoint: Callable[..., Awaitable[Response]], **more: Any) -> None:
            super().__init__(path, endpoint, **more)

            async def answer(scope: Scope, receive: Receive, send: Send) -> None:
                response = await endpoint(**await parameters(Request(scope, receive, send)))
                await response(scope, receive, send)

            self.app = answer

    return Direct


async def read_raw(request: Request) -> bytes:
    """The whole body. Raises Malformed if the caller goes away: nobody will read it, but the call ends as any other."""
    chunks: list[bytes] = []
    more = True
    while more:
        message = await request.receive()
        if message["type"] != "http.request":
            raise Malformed
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


async def read_body(request: Request, shape: type[Body]) -> Body:
    """The body as ``shape``, read strictly. Raises RequestValidationError for what does not fit, as FastAPI does."""
    return as_shape(await read_raw(request), shape)


def as_shape(raw: bytes, shape: type[Body]) -> Body:
    """``raw`` as ``shape``; raises as ``read_body`` does."""
    if not raw:
        raise RequestValidationError([{"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}])
    try:
        return shape.model_validate(read_json(raw))
    except json.JSONDecodeError as unread:
        found = {"type": "json_invalid", "loc": ("body", unread.pos), "msg": "JSON decode error", "input": {}}
        raise RequestValidationError([found]) from None
    except ValidationError as misfit:
        raise RequestValidationError([{**error, "loc": ("body", *error["loc"])} for error in misfit.errors()]) from None
