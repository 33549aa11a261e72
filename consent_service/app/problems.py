"""The one table from errors to problem documents (RFC 9457).

Rules: every error class of ``errors`` stands in the table (a test proves it total); a room's own refinement of one
is answered as what it refines; what is not an error of the service is ``internal``, with a request id and no
detail; no answer repeats what was sent, since that may be personal data. ``type`` is ``/problems/<slug>``, stable,
and a page that explains it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.responses import Response

from consent_service import errors

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class Problem:
    """How one class of errors looks from outside."""

    slug: str
    status: int
    title: str

    @property
    def type(self) -> str:
        """The stable URI reference that names the problem."""
        return f"/problems/{self.slug}"


INTERNAL = Problem("internal", 500, "Something went wrong here")
METHOD_NOT_ALLOWED = Problem("method-not-allowed", 405, "This method is not for this address")
URI_TOO_LONG = Problem("uri-too-long", 414, "The address is too long")
HEADERS_TOO_LARGE = Problem("headers-too-large", 431, "The header fields are too large")

TABLE: Mapping[type[errors.ServiceError], Problem] = {
    errors.ServiceError: INTERNAL,
    errors.Malformed: Problem("malformed", 400, "The call can't be read"),
    errors.ActingEmployeeRequired: Problem("acting-employee-required", 400, "Acting-Employee is required"),
    errors.IdempotencyKeyRequired: Problem("idempotency-key-required", 400, "Idempotency-Key is required"),
    errors.Unauthenticated: Problem("unauthenticated", 401, "Who is calling is not known"),
    errors.Forbidden: Problem("forbidden", 403, "The caller may not do this"),
    errors.CrossSite: Problem("cross-site", 403, "The call came from another site"),
    errors.InsufficientAuthentication: Problem("insufficient-authentication", 403, "A higher level is required"),
    errors.InsufficientScope: Problem("insufficient-scope", 403, "The token lacks a scope"),
    errors.UnderAge: Problem("under-age", 403, "The person is too young for this service"),
    errors.NotAvailable: Problem("not-available", 404, "Nothing here is available to you"),
    errors.CodeNotValid: Problem("code-not-valid", 404, "The code opens nothing"),
    errors.Conflict: Problem("conflict", 409, "The call does not fit the present state"),
    errors.ConsentEnded: Problem("consent-ended", 409, "The consent has ended"),
    errors.IdempotencyConflict: Problem("idempotency-conflict", 409, "The same call is under way"),
    errors.NameMissing: Problem("name-missing", 409, "The name is missing"),
    errors.NotAnswerable: Problem("not-answerable", 409, "The request is not waiting for an answer"),
    errors.PreviewChanged: Problem("preview-changed", 409, "The preview has changed"),
    errors.StandingRefusalStands: Problem("standing-refusal", 409, "A standing refusal stands"),
    errors.WrongState: Problem("wrong-state", 409, "The present state does not allow this"),
    errors.Gone: Problem("gone", 410, "No longer kept"),
    errors.EventsGone: Problem("events-gone", 410, "The events are no longer kept"),
    errors.PreconditionFailed: Problem("precondition-failed", 412, "There is a newer version"),
    errors.TooLarge: Problem("too-large", 413, "The call is too large"),
    errors.UnsupportedMediaType: Problem("unsupported-media-type", 415, "The body is of the wrong kind"),
    errors.Invalid: Problem("invalid", 422, "The content is not acceptable"),
    errors.IdempotencyKeyReused: Problem("idempotency-key-reused", 422, "The key was used for something else"),
    errors.PreconditionRequired: Problem("precondition-required", 428, "If-Match is required"),
    errors.TooManyRequests: Problem("too-many-requests", 429, "Too many calls"),
    errors.Unavailable: Problem("unavailable", 503, "Not possible just now"),
    errors.KeyProviderDown: Problem("key-provider-down", 503, "Keys can't be had just now"),
    errors.LoginUnavailable: Problem("login-unavailable", 503, "Logging in does not work just now"),
    errors.Tampered: Problem("tampered", 503, "Something stored was changed"),
    errors.StorageUnavailable: Problem("storage-unavailable", 503, "The database can't be had just now"),
    errors.OutcomeUnknown: Problem("outcome-unknown", 503, "Nobody can tell whether it was done"),
}

ALL = (*TABLE.values(), METHOD_NOT_ALLOWED, URI_TOO_LONG, HEADERS_TOO_LARGE)
"""Every problem that the service can answer, for the pages that explain them."""


def explained() -> dict[str, tuple["Problem", str]]:
    """Every problem by its slug, with the sentence that explains it."""
    by_class = {problem.slug: (problem, cls.detail) for cls, problem in TABLE.items()}
    return by_class | {problem.slug: (problem, detail) for problem, detail in _DETAILS.items()}


_DETAILS = {
    INTERNAL: "The call failed on our side. The request id helps us find out why.",
    METHOD_NOT_ALLOWED: "The header Allow lists the methods that this address takes.",
    URI_TOO_LONG: "No address of this service is that long.",
    HEADERS_TOO_LARGE: "Send fewer or shorter header fields.",
}


def for_error(error: errors.ServiceError) -> Problem:
    """The problem that ``error`` is: its class's row, or that of the nearest class above it."""
    return next(TABLE[cls] for cls in type(error).__mro__ if cls in TABLE)


def detail_of(problem: Problem, error: errors.ServiceError | None = None) -> str:
    """What is said of this one case; nothing of what went wrong inside."""
    if problem in _DETAILS or error is None:
        return _DETAILS.get(problem, problem.title)
    return error.detail


def document(
    problem: Problem, detail: str, request_id: str, violations: Sequence[errors.Violation] = ()
) -> dict[str, Any]:
    """The problem document of RFC 9457 section 3.1."""
    body: dict[str, Any] = {
        "type": problem.type,
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
        "request_id": request_id,
    }
    if violations:
        body["errors"] = [{"pointer": one.pointer, "detail": one.detail} for one in violations]
    return body


def headers_of(error: errors.ServiceError) -> dict[str, str]:
    """The header fields that belong to ``error`` (RFC 6750 section 3, RFC 9110 section 10.2.3)."""
    match error:
        case errors.InsufficientScope():
            return {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
        case errors.InsufficientAuthentication():
            return {"WWW-Authenticate": 'Bearer error="insufficient_user_authentication"'}
        case errors.Unauthenticated():
            return {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        case errors.TooManyRequests(retry_after=seconds):
            return {"Retry-After": str(seconds)}
        case errors.IdempotencyConflict() | errors.Unavailable():
            return {"Retry-After": "1"}
    return {}


def answer(
    problem: Problem,
    request_id: str,
    *,
    detail: str | None = None,
    headers: Mapping[str, str] | None = None,
    violations: Sequence[errors.Violation] = (),
) -> Response:
    """The ready answer; never stored by a cache."""
    body = document(problem, detail_of(problem) if detail is None else detail, request_id, violations)
    return Response(
        orjson.dumps(body),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers={**(headers or {}), "Cache-Control": "no-store"},
    )


def answer_error(error: errors.ServiceError, request_id: str) -> Response:
    """The ready answer for an error of the service."""
    problem = for_error(error)
    return answer(
        problem,
        request_id,
        detail=detail_of(problem, error),
        headers=headers_of(error),
        violations=error.violations if isinstance(error, errors.Invalid) else (),
    )
