"""What a person is shown when something went wrong: in her language, without blame, with a way on."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from consent_service.errors import StorageUnavailable
from consent_service.web import visits
from consent_service.web.pages import Pages
from consent_service.web.visits import Visit


class Problem(Protocol):
    """The kind of error: the stable slug of its problem document, and its status."""

    @property
    def slug(self) -> str:
        """The last part of its type."""
        ...

    @property
    def status(self) -> int:
        """The status of the answer."""
        ...


_FALLBACKS = ((503, "unavailable"), (500, "internal"), (409, "conflict"), (403, "forbidden"), (0, "malformed"))


def error_pages(pages: Pages) -> Callable[[Request, Problem, str], Awaitable[Response]]:
    """What shows a problem to a person; its detail is written for machines, and is not shown."""

    async def show(request: Request, problem: Problem, detail: str) -> Response:
        return await _page(pages, request, problem)

    return show


async def _page(pages: Pages, request: Request, problem: Problem) -> Response:
    """The page for ``problem``. It knows who is logged in where the database can still be asked."""
    try:
        visit = await visits.anyone(pages, request)
    except StorageUnavailable:
        visit = visits.nobody(pages, request)
    words, name = visit.words, _name(visit, problem)
    ways = [(words("error.home"), "/overview" if visit.session else "/")]
    if problem.status == 401:
        ways.insert(0, (words("frame.login"), "/login"))
    if problem.slug == "key-provider-down" and visit.session:
        ways.insert(0, (words("error.ending"), "/consents"))  # taking a yes back needs no key
    return visit.render(
        "words.html",
        status=problem.status,
        heading=words(f"error.{name}.title"),
        sentences=[words(f"error.{name}.text")],
        ways=ways,
        code=getattr(request.state, "request_id", ""),
    )


def _name(visit: Visit, problem: Problem) -> str:
    """The texts that fit: the problem's own, or those of its family."""
    if f"error.{problem.slug}.title" in visit.words:
        return problem.slug
    return next(name for status, name in _FALLBACKS if problem.status >= status)
