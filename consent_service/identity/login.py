"""Logging in at ID-porten: authorisation code with PKCE, state and nonce, begun and finished by one browser.

::

    begin   -> the browser goes to ID-porten with state, nonce and the hash of a verifier that only we have
    finish  1  the browser's cookie and the state name one login, begun within ten minutes: taken, once
            2  the answer names its issuer, and it is the one we sent the browser to (RFC 9207)
            3  the code is exchanged, with our key and the verifier, at that issuer's token endpoint
            4  the id_token is verified: signature, audience, nonce, time
            5  the person logged in at a level that suffices

What does not lead to a person logged in is a LoginRefused, since most of it is the ordinary course: somebody
pressed "cancel", or came back tomorrow to yesterday's page.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import unquote, urlencode

import httpx
import structlog

from consent_service.clock import MINUTE, Clock
from consent_service.errors import LoginUnavailable, Unauthenticated, Unavailable
from consent_service.identity import _store
from consent_service.identity.browser_values import hash_of, is_value, new_value
from consent_service.identity.client_authentication import ASSERTION_TYPE, ClientKey
from consent_service.identity.compact import Unreadable, base64url_encode, strict_json
from consent_service.identity.issuers import Issuer, Metadata
from consent_service.identity.levels import levels_from
from consent_service.identity.tokens import LoginToken, LoginTokens
from consent_service.storage.engine import Database, Row, Transaction

PATIENCE = 10 * MINUTE
"""From ``begin`` to ``finish``: time to find one's code device."""

_LARGEST_ANSWER = 64 * 1024
_TIMEOUT_SECONDS = 10.0
_CODE = re.compile(r"[\x20-\x7e]{1,2048}")
_LOCALES = frozenset({"nb", "nn", "en", "se"})

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LoginSettings:
    """What was registered at ID-porten, and what we demand. ``return_paths``: the paths that a login may lead to."""

    client_id: str
    client_key: ClientKey = field(repr=False)
    redirect_uri: str
    return_paths: re.Pattern[str]
    acr: str = "idporten-loa-high"
    scope: str = "openid profile"


@dataclass(frozen=True, slots=True)
class Begun:
    """``location``: where to send the browser. ``browser``: the value of the cookie that it must bring back."""

    location: str
    browser: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A person, and the path in our pages that she was on her way to."""

    pid: str = field(repr=False)
    acr: str
    sid: str | None
    return_to: str


class LoginRefused(StrEnum):
    """Why nobody is logged in; each is a sentence's worth on the page that says so."""

    CANCELLED = "cancelled"
    LAPSED = "lapsed"
    LEVEL_TOO_LOW = "level too low"
    NOT_VERIFIED = "not verified"


class Login:
    """Logging in with one issuer."""

    def __init__(
        self, settings: LoginSettings, issuer: Issuer, tokens: LoginTokens, http: httpx.AsyncClient, clock: Clock
    ) -> None:
        """Take what a login needs. ``tokens`` verifies id_tokens of the same issuer and client."""
        self._settings = settings
        self._issuer = issuer
        self._tokens = tokens
        self._http = http
        self._clock = clock
        self._levels = levels_from(settings.acr)

    async def begin(self, db: Database, *, return_to: str, browser: str | None, locale: str = "nb") -> Begun:
        """Begin a login. ``browser`` is the cookie's value if the browser has one, so that two tabs can log in.

        A ``return_to`` that the settings' pattern does not match whole becomes ``/``. Raises LoginUnavailable.
        """
        endpoint = (await self._metadata()).authorization_endpoint
        if endpoint is None:
            raise LoginUnavailable
        state, nonce, verifier = new_value(), new_value(), new_value()
        if browser is None or not is_value(browser):
            browser = new_value()
        now = self._clock.now()
        async with db.transaction() as tx:
            await _store.begin_login(
                tx,
                state_hash=hash_of(state),
                browser_hash=hash_of(browser),
                nonce=nonce,
                code_verifier=verifier,
                return_to=self._return_path(return_to),
                begun_at=now,
            )
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._settings.redirect_uri,
            "scope": self._settings.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": base64url_encode(hash_of(verifier)),
            "code_challenge_method": "S256",
            "acr_values": self._settings.acr,
            "ui_locales": locale if locale in _LOCALES else "nb",
        }
        return Begun(location=f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}", browser=browser)

    async def finish(self, db: Database, *, answer: Mapping[str, str], browser: str | None) -> LoggedIn | LoginRefused:
        """Finish a login with the parameters that ID-porten sent the browser back with, each named once.

        Raises LoginUnavailable when ID-porten can't be asked.
        """
        async with db.transaction() as tx:
            attempt = await self._take(tx, answer.get("state", ""), browser or "")  # 1
        if attempt is None:
            return LoginRefused.LAPSED
        metadata = await self._metadata()
        if not self._names_the_issuer(answer, metadata):  # 2
            return LoginRefused.NOT_VERIFIED
        if "error" in answer:
            return LoginRefused.CANCELLED
        id_token = await self._exchange(metadata, answer.get("code", ""), attempt["code_verifier"])  # 3
        try:
            person = await self._tokens.verify(id_token, nonce=attempt["nonce"])  # 4
        except Unauthenticated:
            return LoginRefused.NOT_VERIFIED
        return self._at_level(person, attempt["return_to"])  # 5

    def _return_path(self, wanted: str) -> str:
        relative = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and len(wanted) <= 200
        return wanted if relative and self._settings.return_paths.fullmatch(wanted) else "/"

    def _at_level(self, person: LoginToken, return_to: str) -> LoggedIn | LoginRefused:
        if person.acr not in self._levels:
            return LoginRefused.LEVEL_TOO_LOW
        return LoggedIn(pid=person.pid, acr=person.acr, sid=person.sid, return_to=return_to)

    async def _take(self, tx: Transaction, state: str, browser: str) -> Row | None:
        earliest = self._clock.now() - PATIENCE
        await _store.lapse_logins(tx, earliest)
        # ID-porten percent-encodes the state once more; ours has nothing to encode, so it comes back as it went.
        if not is_value(state) or not is_value(browser):
            return None
        return await _store.take_login(tx, state_hash=hash_of(state), browser_hash=hash_of(browser), after=earliest)

    def _names_the_issuer(self, answer: Mapping[str, str], metadata: Metadata) -> bool:
        if "iss" not in answer:
            return not metadata.names_itself
        # Digdir's platform has been seen to encode it twice; that changes nothing else.
        return self._issuer.identifier in {answer["iss"], unquote(answer["iss"])}

    async def _exchange(self, metadata: Metadata, code: str, verifier: str) -> str:
        """The id_token, or a text that is none when the code is refused."""
        if not _CODE.fullmatch(code):
            return ""
        if metadata.token_endpoint is None:
            raise LoginUnavailable
        settings = self._settings
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": settings.redirect_uri,
            "client_id": settings.client_id,
            "code_verifier": verifier,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": settings.client_key.assertion(
                client_id=settings.client_id, audience=self._issuer.identifier, at=self._clock.now()
            ),
        }
        try:
            status, answer = await self._post(metadata.token_endpoint, form)
        except (httpx.HTTPError, Unreadable) as failure:
            _log.warning("token endpoint did not answer", failure=type(failure).__name__)
            raise LoginUnavailable from None
        id_token = answer.get("id_token")
        if status != 200 or not isinstance(id_token, str):
            _log.warning("token endpoint refused", status=status)
            return ""
        return id_token

    async def _post(self, endpoint: str, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        request = self._http.build_request("POST", endpoint, data=form, timeout=_TIMEOUT_SECONDS)
        response = await self._http.send(request, follow_redirects=False)
        if response.status_code >= 500 or len(response.content) > _LARGEST_ANSWER:
            raise Unreadable("token endpoint")
        return response.status_code, strict_json(response.content)

    async def _metadata(self) -> Metadata:
        try:
            return await self._issuer.metadata()
        except Unavailable:
            raise LoginUnavailable from None
