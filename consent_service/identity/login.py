"""Logging in at ID-porten: authorisation code with PKCE, state and nonce, begun and finished by one browser.

::

    begin   -> the browser goes to ID-porten with state, nonce and the hash of a verifier that only we have; where
               ID-porten takes pushed requests (RFC 9126), they go there directly and the browser carries their name
    finish  1  the browser's cookie and the state name one login, begun within ten minutes: taken, once
            2  the answer names its issuer, and it is the one we sent the browser to (RFC 9207)
            3  the code is exchanged, with our key and the verifier, at that issuer's token endpoint
            4  the id_token is verified: signature, audience, nonce, time
            5  the person logged in at a level that suffices, as herself, and just now where that was demanded

What does not lead to a person logged in is a LoginRefused, since most of it is the ordinary course: somebody
pressed "cancel", or came back tomorrow to yesterday's page.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote, urlencode

import httpx

from consent_service.clock import MINUTE, Clock
from consent_service.errors import LoginUnavailable, Unauthenticated, Unavailable
from consent_service.identity import _store
from consent_service.identity.browser_values import hash_of, is_value, new_value
from consent_service.identity.client_authentication import ClientKey
from consent_service.identity.client_calls import ClientCalls
from consent_service.identity.compact import base64url_encode
from consent_service.identity.issuers import Issuer, Metadata
from consent_service.identity.levels import levels_from
from consent_service.identity.tokens import MOST_LEEWAY, LoginToken, LoginTokens
from consent_service.storage.engine import Database, Row, Transaction

PATIENCE = 10 * MINUTE
"""From ``begin`` to ``finish``: time to find one's code device."""

_CODE = re.compile(r"[\x20-\x7e]{1,2048}")
_LOCALES = frozenset({"nb", "nn", "en", "se"})


@dataclass(frozen=True, slots=True)
class LoginSettings:
    """What was registered at ID-porten, and what we demand. ``return_paths``: the paths that a login may lead to.

    ``number_claim``: what the issuer calls an identity number.
    """

    client_id: str
    client_key: ClientKey = field(repr=False)
    redirect_uri: str
    return_paths: re.Pattern[str]
    acr: str = "idporten-loa-high"
    scope: str = "openid profile"
    number_claim: str = "pid"


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
    sub: str | None = field(repr=False)
    return_to: str
    anew: bool = False
    """Whether she had to show who she is just now, in a login that was begun so (``begin``)."""


class LoginRefused(StrEnum):
    """Why nobody is logged in; each is a sentence's worth on the page that says so."""

    CANCELLED = "cancelled"
    LAPSED = "lapsed"
    LEVEL_TOO_LOW = "level too low"
    REPRESENTATION = "representation"
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
        self._calls = ClientCalls(issuer, http, clock, client_id=settings.client_id, client_key=settings.client_key)
        self._clock = clock
        self._levels = levels_from(settings.acr)

    async def begin(
        self, db: Database, *, return_to: str, browser: str | None, locale: str = "nb", anew: bool = False
    ) -> Begun:
        """Begin a login. ``browser`` is the cookie's value if the browser has one, so that two tabs can log in.

        A ``return_to`` that the settings' pattern does not match whole becomes ``/``. ``anew``: whoever is logged in at
        ID-porten already has to show who she is all the same. Raises LoginUnavailable.
        """
        metadata = await self._metadata()
        state, nonce, verifier = new_value(), new_value(), new_value()
        if browser is None or not is_value(browser):
            browser = new_value()
        asked = {
            "response_type": "code",
            "redirect_uri": self._settings.redirect_uri,
            "scope": self._settings.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": base64url_encode(hash_of(verifier)),
            "code_challenge_method": "S256",
            "acr_values": self._settings.acr,
            "ui_locales": locale if locale in _LOCALES else "nb",
            **({"prompt": "login"} if anew else {}),
        }
        if metadata.takes_claims:  # by the book, an id_token tells otherwise nothing but who logged in
            asked["claims"] = json.dumps({"id_token": {self._settings.number_claim: {"essential": True}}})
        location = await self._location(metadata, asked)
        async with db.transaction() as tx:
            await _store.begin_login(
                tx,
                state_hash=hash_of(state),
                browser_hash=hash_of(browser),
                nonce=nonce,
                code_verifier=verifier,
                return_to=self._return_path(return_to),
                anew=int(anew),
                begun_at=self._clock.now(),
            )
        return Begun(location=location, browser=browser)

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
            return LoginRefused.CANCELLED if answer["error"] == "access_denied" else LoginRefused.NOT_VERIFIED
        id_token = await self._exchange(metadata, answer.get("code", ""), attempt["code_verifier"])  # 3
        try:
            person = await self._tokens.verify(id_token, nonce=attempt["nonce"])  # 4
        except Unauthenticated:
            return LoginRefused.NOT_VERIFIED
        return self._admitted(person, attempt)  # 5

    def _return_path(self, wanted: str) -> str:
        relative = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and len(wanted) <= 200
        return wanted if relative and self._settings.return_paths.fullmatch(wanted) else "/"

    def _admitted(self, person: LoginToken, attempt: Row) -> LoggedIn | LoginRefused:
        if person.acr not in self._levels:
            return LoginRefused.LEVEL_TOO_LOW
        if person.represents:
            return LoginRefused.REPRESENTATION
        anew, shown_at = bool(attempt["anew"]), person.showed_herself_at
        if anew and (shown_at is None or shown_at < attempt["begun_at"] - MOST_LEEWAY):
            return LoginRefused.NOT_VERIFIED
        return LoggedIn(
            pid=person.pid,
            acr=person.acr,
            sid=person.sid,
            sub=person.sub,
            return_to=attempt["return_to"],
            anew=anew,
        )

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

    async def _location(self, metadata: Metadata, asked: Mapping[str, str]) -> str:
        endpoint, pushing = metadata.authorization_endpoint, metadata.pushed_request_endpoint
        if endpoint is None or (metadata.demands_pushed and pushing is None):
            raise LoginUnavailable
        if pushing is not None:
            asked = {"request_uri": await self._calls.push(pushing, asked)}
        query = urlencode({**asked, "client_id": self._settings.client_id})
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"

    async def _exchange(self, metadata: Metadata, code: str, verifier: str) -> str:
        """The id_token, or a text that is none when the code is refused."""
        if not _CODE.fullmatch(code):
            return ""
        if metadata.token_endpoint is None:
            raise LoginUnavailable
        given = await self._calls.exchange(
            metadata.token_endpoint, code=code, redirect_uri=self._settings.redirect_uri, verifier=verifier
        )
        return given or ""

    async def _metadata(self) -> Metadata:
        try:
            return await self._issuer.metadata()
        except Unavailable:
            raise LoginUnavailable from None
