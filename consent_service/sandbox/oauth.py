"""What both local issuers have in common: forms read strictly, errors as OAuth says them, clients' assertions.

An assertion is checked as Digdir checks it: a registered key by ``kid``, RS256 to RS512, 120 seconds at most, once.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from jose import jws
from jose.exceptions import JOSEError

from consent_service.clock import SECOND
from consent_service.sandbox.keys import Jwk

LONGEST_FORM = 64 * 1024
LONGEST_LIFE_SECONDS = 120
_ALGORITHMS = ["RS256", "RS384", "RS512"]


class OAuthError(Exception):
    """An answer of RFC 6749, section 5.2."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        """Say which ``error`` and, to the developer, why."""
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status

    def answer(self) -> Response:
        """The error as JSON."""
        body = {"error": self.error, "error_description": self.description}
        return JSONResponse(body, status_code=self.status, headers={"Cache-Control": "no-store"})


async def read_form(request: Request) -> dict[str, str]:
    """The body's parameters, each once (RFC 6749, section 3.2). Raises OAuthError."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "the body must be application/x-www-form-urlencoded")
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > LONGEST_FORM:
            raise OAuthError("invalid_request", "the body is too long", status=413)
    return read_parameters(body)


def read_parameters(raw: bytes) -> dict[str, str]:
    """The parameters of a form or query, each once. Raises OAuthError."""
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=64)
    except ValueError:
        raise OAuthError("invalid_request", "the parameters can't be read") from None
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise OAuthError("invalid_request", "a parameter is given twice")
    return parameters


@dataclass(frozen=True)
class Assertion:
    """A client's signed statement. ``issued``, ``expires`` are in seconds."""

    claims: Mapping[str, Any]
    issued: int
    expires: int


class AssertionRefused(Exception):
    """Why an assertion does not count; ``code`` is Maskinporten's for it."""

    def __init__(self, code: str, why: str) -> None:
        """Say which code, and why."""
        super().__init__(why)
        self.code = code
        self.why = why


def peek(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, vouched for by nobody. Raises AssertionRefused."""
    try:
        header = jws.get_unverified_header(assertion)
        claims = json.loads(jws.get_unverified_claims(assertion))
    except (JOSEError, ValueError, RecursionError):
        raise AssertionRefused("MP-100", "the assertion is not a JWT") from None
    if not isinstance(claims, dict):
        raise AssertionRefused("MP-100", "the assertion's claims are not an object")
    return header, claims


def verify(assertion: str, keys: Sequence[Jwk], *, now: int) -> Assertion:
    """The assertion, when one of the client's registered ``keys`` signed it and it lives now (microseconds)."""
    header, claims = peek(assertion)
    kid = header.get("kid")
    if "x5c" in header:
        if kid is not None:
            raise AssertionRefused("MP-100", "exactly one of kid and x5c is given")
        raise AssertionRefused("MP-123", "x5c: this sandbox knows no business certificates; register a key")
    key = next((dict(key) for key in keys if isinstance(kid, str) and key.get("kid") == kid), None)
    if key is None:
        raise AssertionRefused("MP-100", "client authentication failed: no such kid is registered")
    alg = header.get("alg")
    if alg not in _ALGORITHMS:
        raise AssertionRefused("MP-100", "alg is one of RS256, RS384 and RS512")
    try:
        jws.verify(assertion, {**key, "alg": alg}, [alg])
    except JOSEError:
        raise AssertionRefused("MP-124", "the signature is not the registered key's") from None
    issued, expires = claims.get("iat"), claims.get("exp")
    if type(issued) is not int or type(expires) is not int:
        raise AssertionRefused("MP-100", "iat and exp are whole seconds")
    if expires * SECOND <= now:
        raise AssertionRefused("MP-130", "the assertion has expired")
    if not 0 < expires - issued <= LONGEST_LIFE_SECONDS:
        raise AssertionRefused("MP-100", "exp is at most 120 seconds after iat")
    return Assertion(claims=claims, issued=issued, expires=expires)


class UsedOnce:
    """Remembers names until they have expired, so that none counts twice."""

    def __init__(self) -> None:
        """Begin with nothing used."""
        self._until: dict[tuple[str, str], int] = {}

    def use(self, client_id: str, name: str, *, expires: int, now: int) -> bool:
        """Whether ``name`` was new for the client. ``expires`` in seconds, ``now`` in microseconds."""
        self._until = {known: until for known, until in self._until.items() if until * SECOND > now}
        fresh = (client_id, name) not in self._until
        self._until[client_id, name] = expires
        return fresh
