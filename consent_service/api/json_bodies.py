"""JSON bodies, read strictly: what two readers could read differently is not read at all.

Python's own reader takes UTF-16, a name twice (the last wins), NaN and half a surrogate pair. A gateway in front may
read the same bytes otherwise, and decide on something else than we do. ``StrictRoute`` reads UTF-8 only, refuses the
others, and bounds the depth; what is not read so is 400.
"""

import json
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Receive

from consent_service.identity.compact import Unreadable, strict_json

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def read_json(raw: bytes) -> Any:
    """The value in ``raw``. Raises json.JSONDecodeError, as any reader of JSON does."""
    try:
        value = strict_json(raw)
        if _SURROGATE.search(raw):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (Unreadable, UnicodeEncodeError):
        raise json.JSONDecodeError("not read", "", 0) from None
    return value


class _StrictRequest(Request):
    async def json(self) -> Any:
        return read_json(await self.body())


class StrictRoute(APIRoute):
    """A route whose body is read strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler, on a request that reads strictly."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            receive: Receive = request.receive
            return await handle(_StrictRequest(request.scope, receive))

        return handle_strictly
