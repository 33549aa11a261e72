"""Single sign-out: who logs out at one client is logged out at every client of the session.

Each hears of it as it registered: by its back channel, called from here with a logout token, once and within seconds;
and by its front channel, an address that the browser opens in a frame of our page. Then the browser goes back to where
the logout began, if that address is registered. Without our cookie a logout is refused with a page, as at the real one.
"""

import asyncio
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode, urlsplit

import httpx
from fastapi.responses import RedirectResponse, Response
from jose import jwt
from jose.exceptions import JOSEError

from consent_service.sandbox.idporten_pages import error_page, leaving_page, logged_out_page
from consent_service.sandbox.idporten_registry import IdportenClient, IdportenConfig
from consent_service.sandbox.idporten_sessions import COOKIE, SsoSession, SsoSessions
from consent_service.sandbox.idporten_tokens import Tokens

_PATIENCE = httpx.Timeout(5.0, connect=2.0)


async def log_out(
    config: IdportenConfig, sessions: SsoSessions, tokens: Tokens, asked: Mapping[str, str], cookie: str | None
) -> Response:
    """Answer a logout that a client sent the browser with (OIDC RP-Initiated Logout 1.0)."""
    client, wanted = _client(config, asked), asked.get("post_logout_redirect_uri")
    if cookie is None:
        return error_page()
    if wanted is not None and (client is None or wanted not in client.post_logout_redirect_uris):
        return error_page()
    session = sessions.end(cookie)
    told = [] if session is None else [one for one in config.every_client() if one.client_id in session.clients]
    frames: list[str] = []
    if session is not None:
        await _tell(config, tokens, session, told)
        frames = [_frame(config, one, session) for one in told if one.frontchannel_logout_uri]
    onward = None if wanted is None else _onward(wanted, asked.get("state"))
    answer = _answer(frames, onward)
    answer.delete_cookie(COOKIE, path="/")
    return answer


def _answer(frames: Sequence[str], onward: str | None) -> Response:
    if frames:
        return leaving_page(frames, onward)
    return logged_out_page() if onward is None else RedirectResponse(onward, status_code=303)


def _client(config: IdportenConfig, asked: Mapping[str, str]) -> IdportenClient | None:
    """Whom the logout is from: by ``client_id``, or by an id_token of ours; both must not differ."""
    hint = asked.get("id_token_hint")
    if hint is None:
        return config.client(asked.get("client_id"))
    try:
        said = jwt.decode(
            hint, config.keys.jwks(), ["RS256"], options={"verify_exp": False, "verify_aud": False, "verify_iat": False}
        )
    except JOSEError:
        return None
    client_id = str(said.get("aud"))
    return config.client(client_id) if asked.get("client_id", client_id) == client_id else None


async def _tell(config: IdportenConfig, tokens: Tokens, session: SsoSession, told: Sequence[IdportenClient]) -> None:
    """Call the back channels, all at once; a client that does not answer is not asked again."""
    called = [client for client in told if client.backchannel_logout_uri]
    if not called:
        return
    async with httpx.AsyncClient(timeout=_PATIENCE, transport=config.reaching, trust_env=False) as http:
        calls = [
            http.post(client.backchannel_logout_uri, data={"logout_token": tokens.logout_token(client, session)})
            for client in called
        ]
        await asyncio.gather(*calls, return_exceptions=True)


def _frame(config: IdportenConfig, client: IdportenClient, session: SsoSession) -> str:
    address = client.frontchannel_logout_uri
    if not client.logout_session_required:
        return address
    named = urlencode({"iss": config.issuer, "sid": session.sid})
    return f"{address}{'&' if urlsplit(address).query else '?'}{named}"


def _onward(wanted: str, state: str | None) -> str:
    if state is None:
        return wanted
    return f"{wanted}{'&' if '?' in wanted else '?'}{urlencode({'state': quote(state, safe='')})}"
