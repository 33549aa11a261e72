"""What each route says of itself: who may call, what its answer holds, which problems it answers with.

Rule: no route of the machines' door is registered without saying ``returns``, one of

``open``       public documents
``own``        the candidate's own data
``own_input``  what the caller itself sent or made, or was given once (a pick-up code)
``metadata``   ids, states and times; no content
``release``    what leaves past the gate: the release, and a plan's copy for the archive of its sender

A test walks the routes and holds each one's word against what its module can reach.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Returns = Literal["open", "own", "own_input", "metadata", "release"]
MARK = "x-returns"

UNIT: list[dict[str, Any]] = [{"maskinporten": []}]
CANDIDATE: list[dict[str, Any]] = [{"idporten": []}, {"session": [], "csrf": []}]

SECURITY_SCHEMES: dict[str, Any] = {
    "maskinporten": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A Maskinporten access token of a registered client, with the scope that the call names.",
    },
    "idporten": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token made for this service: ID-porten with our own resource as audience, or TokenX.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-session",
        "description": "The session of the web pages. Unsafe methods also need X-CSRF-Token and our own Origin.",
    },
    "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
}

ACTING_EMPLOYEE = {
    "name": "Acting-Employee",
    "in": "header",
    "required": True,
    "description": "Who acts, asserted by the unit (RFC 8941 dictionary).",
    "schema": {"type": "string", "maxLength": 512},
    "example": 'id="A123456", office="0501"',
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "A quoted string (RFC 8941) of 1 to 255 characters. The same key and body: the same answer.",
    "schema": {"type": "string", "minLength": 3, "maxLength": 512},
    "example": '"8e03978e-40d5-43e8-bc93-6894a57f9324"',
}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The version that the change was made on, from ETag.",
    "schema": {"type": "string"},
    "example": '"2"',
}


class ProblemError(BaseModel):
    """Where a body is not acceptable."""

    pointer: str = Field(description="A JSON pointer (RFC 6901) into the body; empty for the whole.")
    detail: str


class ProblemDocument(BaseModel):
    """RFC 9457. ``type`` is stable; ``/problems/<slug>`` explains it to people."""

    model_config = ConfigDict(title="Problem")

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[ProblemError] | None = None


_MEANINGS: Mapping[int, str] = {
    400: "The call can't be read.",
    401: "Who is calling is not known.",
    403: "The caller may not make this call.",
    404: "Nothing that is available to the caller: unknown, foreign, unconsented and ended are one answer.",
    405: "This method is not for this address.",
    409: "The call does not fit the present state.",
    410: "Was here, and is no longer kept.",
    412: "There is a newer version.",
    413: "The call is too large.",
    414: "The address is too long.",
    415: "The body is of a kind that the call does not take.",
    422: "The content is not acceptable.",
    428: "If-Match is missing.",
    429: "Too many calls; Retry-After says when to come back.",
    431: "The header fields are too large.",
    500: "Something went wrong here.",
    503: "A part that is needed is down; nothing was done, but where the problem is outcome-unknown.",
}
_ALWAYS = (400, 405, 414, 422, 431, 500, 503)


def described(
    *,
    returns: Returns,
    security: Sequence[Mapping[str, Any]] = (),
    scope: str | None = None,
    headers: Sequence[Mapping[str, Any]] = (),
    body: bool = False,
    problems: Sequence[int] = (),
    answers: Mapping[str, Any] | None = None,
    media_type: str | None = None,
    form: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The arguments of a route's decorator that say what it is.

    ``problems`` are the statuses beside those that any call may meet. ``answers`` are header fields of the answer, and
    ``media_type`` what it is, if not JSON. ``form`` is how the body looks where it may be ``multipart/form-data`` too.
    """
    statuses = {*_ALWAYS, *problems, *((401, 403, 429) if security else ()), *((413, 415) if body else ())}
    extra: dict[str, Any] = {MARK: returns}
    if security:
        extra["security"] = list(security)
    if scope is not None:
        extra["x-scope"] = scope
    if headers:
        extra["parameters"] = list(headers)
    responses: dict[int | str, dict[str, Any]] = {
        status: {
            "description": _MEANINGS[status],
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted(statuses)
    }
    if form:
        extra["requestBody"] = {"content": {"multipart/form-data": dict(form)}}
    if answers:
        responses[200] = {"headers": dict(answers)}
    if media_type:
        schema = {"schema": {"type": "string", "contentMediaType": media_type}}
        responses.setdefault(200, {})["content"] = {media_type: schema}
    return {"openapi_extra": extra, "responses": responses}
