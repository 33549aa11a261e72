"""The cookies of the pages: for this host alone, unseen by scripts, not sent along with other sites' forms."""

from starlette.responses import Response

from consent_service.identity import sessions
from consent_service.web.pages import Pages


def session_cookie(pages: Pages) -> str:
    """The name of the session's cookie."""
    return sessions.cookie_name(secure=pages.secure)


def login_cookie(pages: Pages) -> str:
    """The name of the cookie that binds a login under way to its browser."""
    return "__Host-login" if pages.secure else "login"


def set_cookie(pages: Pages, answer: Response, name: str, value: str, *, max_age: int | None = None) -> None:
    """Set ``name`` on ``answer``, until the browser closes or for ``max_age`` seconds; 0 takes it away."""
    answer.set_cookie(name, value, max_age=max_age, secure=pages.secure, httponly=True, samesite="lax", path="/")
