"""The whole service on loopback: assembled as in production, with the local issuers beside it.

The rule: nothing of the service is replaced. Its settings are an operator's, its tokens come from issuers that it
finds by their metadata over HTTP. The clock stands still until a test moves it, for the issuers as well.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from consent_service.app.assembly import Service, assemble
from consent_service.app.doors import web_app
from consent_service.app.opening import init_keys, makes_its_own
from consent_service.clock import DAY, MINUTE, SettableClock, SystemClock, local_date
from consent_service.identity import registry
from consent_service.identity.callers import names_at_maskinporten
from consent_service.identity.units import Unit, UnitKind
from consent_service.sandbox.idporten import idporten_app
from consent_service.sandbox.idporten_registry import IdportenClient
from consent_service.sandbox.maskinporten import MaskinportenClient, maskinporten_app
from consent_service.settings import Settings, read
from tests.support.issuers import (
    Flow,
    ask_maskinporten,
    grant_claims,
    idporten_config,
    key,
    maskinporten_config,
)
from tests.support.serving import calling, reserve, serving

PREFIX = "consent:"
ORGANISATIONS = {
    UnitKind.CAREER_CENTRE: "991825827",  # one county's, as it is with the vocational training
    UnitKind.NAV: "889640782",
    UnitKind.VOCATIONAL_TRAINING: "991825827",
}
EMPLOYEE = {"Acting-Employee": 'id="A123456", office="0501"'}


@dataclass
class House:
    """A running service. ``units`` are registered and enabled, each with a client named after its kind."""

    service: Service
    url: str
    http: httpx.AsyncClient
    clock: SettableClock
    maskinporten: str
    idporten: str
    units: Mapping[UnitKind, Unit]
    outside: httpx.AsyncClient
    _tokens: dict[tuple[str, ...], tuple[int, str]] = field(default_factory=dict)

    async def as_unit(self, kind: UnitKind, *, scopes: str | None = None) -> dict[str, str]:
        """The headers of a call by the unit of ``kind``, for which an employee acts, with all the scopes that it may
        hold or just ``scopes``.
        """
        wanted = " ".join(names_at_maskinporten(PREFIX, kind)) if scopes is None else scopes
        bearer = await self._bearer(("unit", kind.value, wanted), lambda: self._unit_token(kind, wanted))
        return {**bearer, **EMPLOYEE}

    async def as_person(self, pid: str, **changes: str) -> dict[str, str]:
        """The header of a call by the person with this number, logged in for our audience."""

        async def fetch() -> str:
            flow = Flow(self.clock, issuer=self.idporten)
            asked: dict[str, Any] = {"resource": self.url, "redirect_uri": f"{self.url}/login/callback", **changes}
            code = await flow.log_in(self.outside, pid, **asked)
            answer = httpx.QueryParams(httpx.URL(code.headers["location"]).query)
            token = await flow.exchange(self.outside, answer["code"], redirect_uri=asked["redirect_uri"])
            return str(token.json()["access_token"])

        return await self._bearer(("person", pid, *sorted(changes.values())), fetch)

    async def _bearer(self, name: tuple[str, ...], fetch: Any) -> dict[str, str]:
        kept = self._tokens.get(name)
        if kept is None or kept[0] != self.clock.now() // MINUTE:
            kept = (self.clock.now() // MINUTE, await fetch())
            self._tokens[name] = kept
        return {"Authorization": f"Bearer {kept[1]}"}

    async def _unit_token(self, kind: UnitKind, scopes: str) -> str:
        claims = grant_claims(self.clock, aud=self.maskinporten, iss=kind.value, scope=scopes)
        answer = await ask_maskinporten(self.outside, key(kind.value).jwt(claims), self.maskinporten)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def unit(self, kind: UnitKind) -> Unit:
        """The unit of ``kind``."""
        return self.units[kind]

    async def hand_over(self, note: Mapping[str, Any]) -> dict[str, Any]:
        """The career centre hands ``note`` over: the answer with the code."""
        headers = {**await self.as_unit(UnitKind.CAREER_CENTRE), **fresh_key()}
        answer = await self.http.post("/v1/note-drafts", json=dict(note), headers=headers)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def own_note(self, pid: str, note: Mapping[str, Any], *, name: str = "Kari Testdatter") -> dict[str, Any]:
        """A note of the person's own, whose name is known from then on."""
        headers = await self.as_person(pid)
        named = await self.http.put("/v1/me", json={"name": name}, headers=headers)
        assert named.status_code == 200, named.text
        answer = await self.http.post("/v1/me/notes", json=dict(note), headers=headers)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def share(self, pid: str, note: Mapping[str, Any], *sections: str, **more: Any) -> dict[str, Any]:
        """The person lets NAV read ``sections`` of a note for sixty days, or as ``more`` says."""
        headers = await self.as_person(pid)
        wanted = {
            "purpose": "guidance_follow_up",
            "recipient_id": self.unit(UnitKind.NAV).id,
            "parts": [part(note, section) for section in sections],
            "valid_until": self.day(60),
            **more,
        }
        shown = await self.http.post("/v1/me/consents/preview", json=wanted, headers=headers)
        assert shown.status_code == 200, shown.text
        granted = await self.http.post(
            "/v1/me/consents", json={**wanted, "preview_sha256": shown.json()["sha256"]}, headers=headers
        )
        assert granted.status_code == 201, granted.text
        return dict(granted.json())

    async def release(
        self, consent_id: str, kind: UnitKind = UnitKind.NAV, *, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """A unit asks the gate; ``headers`` in place of the usual ones."""
        said = {**await self.as_unit(kind), **fresh_key(), **(headers or {})}
        return await self.http.post(f"/v1/consents/{consent_id}/releases", json={}, headers=said)

    def day(self, ahead: int) -> str:
        """A date so many days from now."""
        return local_date(self.clock.now() + ahead * DAY).isoformat()


def part(note: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The reference of a note's part."""
    return {"resource": "note", "resource_id": note["id"], "version": note["version"], "part": name}


def fresh_key() -> dict[str, str]:
    """An Idempotency-Key that nobody has used."""
    return {"Idempotency-Key": f'"{uuid.uuid4()}"'}


@contextlib.asynccontextmanager
async def house(database_url: str, folder: Path, **more: str) -> AsyncIterator[House]:
    """A service on the migrated database at ``database_url``; ``more`` are further settings."""
    clock = SettableClock(SystemClock().now())
    at_maskinporten, at_idporten, at_service = reserve(), reserve(), reserve()
    maskinporten, idporten, url = f"{at_maskinporten.base_url}/", at_idporten.base_url, at_service.base_url
    settings = read({**_settings(database_url, folder, url, maskinporten, idporten), **more})
    async with contextlib.AsyncExitStack() as stack:
        for place in (at_maskinporten, at_idporten, at_service):
            stack.callback(place.socket.close)
        await stack.enter_async_context(serving(_maskinporten(clock, maskinporten), at_maskinporten))
        await stack.enter_async_context(serving(_idporten(clock, idporten, url), at_idporten))
        service = await _assembled(stack, settings, clock)
        await stack.enter_async_context(serving(web_app(service), at_service))
        http = await stack.enter_async_context(calling(base_url=url))
        outside = await stack.enter_async_context(calling())
        registered = await _register(service)
        yield House(service, url, http, clock, maskinporten, idporten, registered, outside)


async def _assembled(stack: contextlib.AsyncExitStack, settings: Settings, clock: SettableClock) -> Service:
    if not makes_its_own(settings):
        await init_keys(settings, clock)
    service = await assemble(settings, clock)
    stack.push_async_callback(service.close)
    return service


def _settings(database_url: str, folder: Path, url: str, maskinporten: str, idporten: str) -> dict[str, str]:
    return {
        "CONSENT_ENVIRONMENT": "test",
        "CONSENT_DATABASE_URL": database_url,
        "CONSENT_KEYRING": str(folder / "keyring.json"),
        "CONSENT_PUBLIC_URL": url,
        "CONSENT_SCOPE_PREFIX": PREFIX,
        "IDPORTEN_ISSUER": idporten,
        "IDPORTEN_WELL_KNOWN_URL": f"{idporten}/.well-known/openid-configuration",
        "IDPORTEN_CLIENT_ID": "consent-service",
        "IDPORTEN_CLIENT_JWK": json.dumps(key("ours").private_jwk),
        "IDPORTEN_REDIRECT_URI": f"{url}/login/callback",
        "IDPORTEN_AUDIENCE": url,
        "MASKINPORTEN_ISSUER": maskinporten,
        "MASKINPORTEN_WELL_KNOWN_URL": f"{maskinporten}.well-known/oauth-authorization-server",
        "DIGIPOST_PRINT_ORGANISATION": ORGANISATIONS[UnitKind.VOCATIONAL_TRAINING],
        "DIGIPOST_PRINT_RETURN_NAME": "Fagopplæringen",
        "DIGIPOST_PRINT_RETURN_ADDRESS": "Postboks 1",
        "DIGIPOST_PRINT_RETURN_POSTAL_CODE": "7700",
        "DIGIPOST_PRINT_RETURN_CITY": "Steinkjer",
    }


def _maskinporten(clock: SettableClock, issuer: str) -> Any:
    every = frozenset(scope for kind in UnitKind for scope in names_at_maskinporten(PREFIX, kind))
    clients = tuple(
        MaskinportenClient(
            client_id=kind.value,
            organisation_number=number,
            scopes=every,
            keys=(key(kind.value).public_jwk,),
        )
        for kind, number in ORGANISATIONS.items()
    )
    return maskinporten_app(maskinporten_config(clock, issuer=issuer, clients=clients))


def _idporten(clock: SettableClock, issuer: str, url: str) -> Any:
    client = IdportenClient(
        client_id="consent-service",
        redirect_uris=frozenset({f"{url}/login/callback"}),
        post_logout_redirect_uris=frozenset({f"{url}/"}),
        backchannel_logout_uri=f"{url}/logout/backchannel",
        keys=(key("ours").public_jwk,),
    )
    return idporten_app(idporten_config(clock, issuer=issuer, clients=(client,)))


async def _register(service: Service) -> dict[UnitKind, Unit]:
    registered = {}
    async with service.db.transaction() as tx:
        for kind, number in ORGANISATIONS.items():
            unit = await registry.add(
                tx,
                service.keys.service,
                organisation_number=number,
                unit_code=kind.value,
                name=f"Enhet {kind.value}",
                region="Trøndelag",
                kind=kind,
                at=service.clock.now(),
            )
            await registry.add_client(tx, service.keys.service, unit.id, client_id=kind.value, at=service.clock.now())
            registered[kind] = unit
    return registered
