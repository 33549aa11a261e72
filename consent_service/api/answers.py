"""Ready answers: the bytes that leave, without FastAPI's own encoder, which would cost more than the rest of a call."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.responses import Response

JSON = "application/json"


def json_answer(content: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """``content`` as JSON."""
    return Response(orjson.dumps(content), status_code=status, media_type=JSON, headers=dict(headers or {}))


def raw_answer(body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """``body``, which is JSON already."""
    return Response(body, status_code=status, media_type=JSON, headers=dict(headers or {}))


def page_answer(items: Sequence[Any], following: str | int | None) -> Response:
    """A page of a list. ``following`` is the cursor of the next page, None at the end."""
    return json_answer({"items": items, "next": None if following is None else str(following)})


def nothing() -> Response:
    """204."""
    return Response(status_code=204)
