"""What can go wrong between a party and the service, as one tree of exceptions.

ConsentClientError
├── Unreachable                 no answer at all: network, name, time-out
├── TokenRefused                Maskinporten or ID-porten gave no token
├── ProofBroken                 an answer contradicts a proof: stop and report it, never retry
│   ├── LogRolledBack             the audit log is smaller, or other, than the one already seen
│   └── ReceiptBroken             a receipt's signature or commitment does not hold
└── Problem                     the service said no, with an RFC 9457 problem document
    ├── Malformed            400
    ├── Unauthenticated      401
    ├── Forbidden            403
    ├── NotAvailable         404  unknown, foreign, unconsented and ended look alike, on purpose
    ├── Conflict             409
    ├── Gone                 410
    ├── PreconditionFailed   412
    ├── TooLarge             413
    ├── Invalid              422  `.violations` says where
    ├── PreconditionRequired 428
    ├── TooManyRequests      429  `.retry_after` seconds
    └── Unavailable          503  not done, but where `.type` is /problems/outcome-unknown: look first

`Problem.type` is the stable name to branch on; `.detail` is for people. Neither carries personal data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx


class ConsentClientError(Exception):
    """The root: catch this one to catch all of them."""


class Unreachable(ConsentClientError):
    """Nothing was answered. Whether the call took effect is unknown: repeat it with the same key."""


class TokenRefused(ConsentClientError):
    """The issuer refused the grant, or what it answered was no token."""


class ProofBroken(ConsentClientError):
    """Two things the service has said cannot both be true, or a signature does not hold."""


class LogRolledBack(ProofBroken):
    """The audit log shows fewer entries, or other ones, than it has shown this client before."""


class ReceiptBroken(ProofBroken):
    """A receipt is not signed by the service, or does not speak about this person or content."""


@dataclass(frozen=True)
class Violation:
    """One fault in a body: where (an RFC 6901 pointer) and what."""

    pointer: str
    detail: str


class Problem(ConsentClientError):
    """The service refused. Subclasses exist for the answers a caller may want to tell apart."""

    def __init__(
        self,
        *,
        type: str,  # noqa: A002 - RFC 9457 names it so
        status: int,
        title: str = "",
        detail: str = "",
        request_id: str = "",
        violations: tuple[Violation, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{status} {type}: {detail or title}")
        self.type = type
        self.status = status
        self.title = title
        self.detail = detail
        self.request_id = request_id
        self.violations = violations
        self.retry_after = retry_after


class Malformed(Problem):
    """The call is no JSON, lacks a header, or has a field the contract does not know."""


class Unauthenticated(Problem):
    """The token is missing, over, or was made for somebody else."""


class Forbidden(Problem):
    """The token is good, but this unit, kind or scope may not do this."""


class NotAvailable(Problem):
    """There is nothing here for this caller. The service never says why: that is personal data."""


class Conflict(Problem):
    """The call does not fit the present state: see `.type`."""


class Gone(Problem):
    """Past retention: an event feed asked from before its first kept number."""


class PreconditionFailed(Problem):
    """Somebody wrote a newer version in between: read it, then decide again."""


class TooLarge(Problem):
    """The body is larger than the service takes."""


class Invalid(Problem):
    """The body is understood but not acceptable: `.violations` names each fault."""


class PreconditionRequired(Problem):
    """The call must say which version it answers (`If-Match`)."""


class TooManyRequests(Problem):
    """Slow down: `.retry_after` says by how many seconds."""


class Unavailable(Problem):
    """The service can't do this right now. What it could not record it has not done.

    Where the type is `/problems/outcome-unknown` it may have been done: look, or repeat the call with its key.
    """


_BY_STATUS: Mapping[int, type[Problem]] = {
    400: Malformed,
    401: Unauthenticated,
    403: Forbidden,
    404: NotAvailable,
    409: Conflict,
    410: Gone,
    412: PreconditionFailed,
    413: TooLarge,
    422: Invalid,
    428: PreconditionRequired,
    429: TooManyRequests,
    503: Unavailable,
}


def problem_from(response: httpx.Response) -> Problem:
    """The exception for an answer of 400 or above, a problem document or not (a proxy's page, say)."""
    document = _document(response)
    status = response.status_code
    return _BY_STATUS.get(status, Problem)(
        type=str(document.get("type", "about:blank")),
        status=status,
        title=str(document.get("title", response.reason_phrase)),
        detail=str(document.get("detail", "")),
        request_id=str(document.get("request_id", response.headers.get("x-request-id", ""))),
        violations=_violations(document.get("errors")),
        retry_after=_seconds(response.headers.get("retry-after")),
    )


def _document(response: httpx.Response) -> Mapping[str, Any]:
    if not response.headers.get("content-type", "").startswith("application/problem+json"):
        return {}
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _violations(errors: object) -> tuple[Violation, ...]:
    if not isinstance(errors, list):
        return ()
    return tuple(
        Violation(str(each.get("pointer", "")), str(each.get("detail", "")))
        for each in errors
        if isinstance(each, dict)
    )


def _seconds(header: str | None) -> float | None:
    """`Retry-After` in seconds; its date form is never sent by the service and reads as unknown."""
    return float(header) if header is not None and header.isdecimal() else None
