"""A form as it was sent, and whether it came from one of our own pages.

Rules: a form counts only with our exact Origin and, once somebody is logged in, with the session's own CSRF token
(compared in constant time). A field that may come once and came twice is refused, so that no two readers can
understand a form differently.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from consent_service.errors import CrossSite, Malformed
from consent_service.identity import sessions
from consent_service.identity.origin import same_origin
from consent_service.identity.sessions import Session

CSRF: Final = "csrf_token"

_MOST_FIELDS: Final = 300


class Form:
    """The fields of a form."""

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        """Hold ``fields`` in the order in which they were sent."""
        self._fields = tuple(fields)

    def many(self, name: str) -> tuple[str, ...]:
        """Every value of ``name``, in order."""
        return tuple(value for field, value in self._fields if field == name)

    def one(self, name: str) -> str:
        """The value of ``name``, or an empty text. Raises Malformed if it was sent more than once."""
        values = self.many(name)
        if len(values) > 1:
            raise Malformed("A field that may come once came twice.")
        return values[0] if values else ""


async def read(request: Request) -> Form:
    """The form in the body. Raises Malformed for what is no form; how large it may be, the frame has said."""
    try:
        fields = parse_qsl(
            (await request.body()).decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        raise Malformed("The form could not be read.") from None
    return Form(fields)


def demand_our_own(form: Form, request: Request, *, origin: str, session: Session | None) -> None:
    """Raises CrossSite unless the form came from our pages, and from this session's if there is one."""
    ours = same_origin(
        origin,
        method=request.method,
        origin=request.headers.get("origin"),
        sec_fetch_site=request.headers.get("sec-fetch-site"),
    )
    if not ours or (session is not None and not sessions.csrf_holds(session, form.one(CSRF))):
        raise CrossSite
