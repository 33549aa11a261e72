"""Logging out: here at once, and then at ID-porten; and being logged out because the person logged out elsewhere."""

from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from consent_service.errors import Unauthenticated, Unavailable
from consent_service.identity import sessions
from consent_service.identity.logout_tokens import LogoutTokens
from consent_service.identity.sidecar import LOGOUT, Sidecar
from consent_service.security_headers import framed_by
from consent_service.web.cookies import session_cookie, set_cookie
from consent_service.web.door import Door
from consent_service.web.forms import Form
from consent_service.web.pages import Pages
from consent_service.web.visits import LoggedInVisit, Visit


def routes(pages: Pages) -> APIRouter:
    """Logging out, and its page."""
    door = Door(pages)

    @door.form_of_logged_in("/logout")
    async def logout(visit: LoggedInVisit, form: Form) -> Response:
        value = visit.request.cookies.get(session_cookie(pages), "")
        async with pages.db.transaction() as tx:
            await sessions.end(tx, value)
        answer = visit.go("/logged-out?done=here")
        set_cookie(pages, answer, session_cookie(pages), "", max_age=0)
        return answer

    @door.anyone("/logged-out")
    async def logged_out(visit: Visit) -> Response:
        words = visit.words
        answer = visit.render(
            "words.html",
            heading=words("login.out.title"),
            sentences=[words("login.out.text")],
            ways=[(words("login.again"), "/login"), (words("error.home"), "/")],
            code="",
        )
        onward = await _end_at_idporten(pages) if visit.request.query_params.get("done") == "here" else None
        if onward is not None:
            # A form may not lead to another site by our own policy, and ID-porten wants to hear of a logout.
            answer.headers["Refresh"] = f"0; url={onward}"
        return answer

    if pages.logout_tokens is not None:
        _told_by_idporten(door, pages, pages.logout_tokens)
    return door.router


def _told_by_idporten(door: Door, pages: Pages, logout_tokens: LogoutTokens) -> None:
    @door.anyone("/logout/frontchannel")
    async def logged_out_elsewhere(visit: Visit) -> Response:
        """ID-porten says, in a frame of its own page, that the person logged out (idempotent, unauthenticated)."""
        sent = visit.request.query_params
        issuers, sids = sent.getlist("iss"), sent.getlist("sid")
        ours = [iss.rstrip("/") for iss in issuers] == [pages.issuer.identifier.rstrip("/")]
        if ours and len(sids) == 1:
            async with pages.db.transaction() as tx:
                await sessions.end_of_login(tx, sids[0])
        end = urlsplit(await _end_at_idporten(pages) or pages.issuer.identifier)
        return Response(headers=dict(framed_by(f"{end.scheme}://{end.netloc}")))

    @door.machine("/logout/backchannel")
    async def told_of_a_logout(form: Form) -> Response:
        """ID-porten says, with a signed token and without the browser, that the person logged out."""
        try:
            said = await logout_tokens.verify(form.one("logout_token"))
        except Unauthenticated:
            return _not_heard()
        async with pages.db.transaction() as tx:
            heard = await sessions.hear(tx, pages.keys.service.lookup, said)
        return Response(headers={"Cache-Control": "no-store"}) if heard else _not_heard()


def _not_heard() -> Response:
    """OIDC Back-Channel Logout 1.0, section 2.8."""
    return JSONResponse({"error": "invalid_request"}, status_code=400, headers={"Cache-Control": "no-store"})


async def _end_at_idporten(pages: Pages) -> str | None:
    """Where ID-porten ends its own session, or None where it can't be asked: the logout here holds all the same."""
    if isinstance(pages.login, Sidecar):
        return LOGOUT
    try:
        endpoint = (await pages.issuer.metadata()).end_session_endpoint
    except Unavailable:
        return None
    if endpoint is None:
        return None
    # No id_token_hint, though it would spare a question at some providers: there is an identity number in it.
    query = urlencode({"client_id": pages.client_id, "post_logout_redirect_uri": f"{pages.public_url}/"})
    return f"{endpoint}?{query}"
