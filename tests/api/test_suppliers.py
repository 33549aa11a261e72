"""Who asks on a unit's behalf is shown to the candidate, wherever she looks, whether it got anything or not."""

from __future__ import annotations

from html import unescape

import httpx
import pytest

from consent_service.clock import SECOND
from consent_service.identity import sessions
from consent_service.identity.callers import names_at_maskinporten
from consent_service.identity.units import UnitKind
from tests.api.conftest import KARI, NOTE
from tests.identity.attacks.ground import organisation
from tests.support.house import ORGANISATIONS, PREFIX, House
from tests.support.issuers import SUPPLIER, key

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


def on_behalf_of(house: House, kind: UnitKind) -> dict[str, str]:
    """A delegated token, as Maskinporten makes it: the unit is the consumer, and somebody else calls."""
    now = house.clock.now() // SECOND
    claims = {
        "iss": house.maskinporten,
        "client_amr": "private_key_jwt",
        "token_type": "Bearer",
        "client_id": kind.value,
        "scope": " ".join(names_at_maskinporten(PREFIX, kind)),
        "consumer": organisation(ORGANISATIONS[kind]),
        "supplier": organisation(SUPPLIER),
        "delegation_source": "https://tt02.altinn.no/",
        "iat": now,
        "exp": now + 120,
        "jti": "0c1f",
    }
    return {"Authorization": f"Bearer {key('maskinporten').jwt(claims)}"}


async def test_the_candidate_sees_who_asked_on_the_units_behalf(house: House) -> None:
    """In the log by call and on the page: released, refused, and not where the unit itself asked."""
    note = await house.own_note(KARI, NOTE)
    consent = await house.share(KARI, note, "interests")
    delegated = on_behalf_of(house, UnitKind.NAV)
    assert (await house.release(consent["id"], headers=delegated)).status_code == 200
    assert (await house.release(consent["id"])).status_code == 200
    me = await house.as_person(KARI)
    assert (await house.http.post(f"/v1/me/consents/{consent['id']}/revoke", json={}, headers=me)).status_code == 200
    assert (await house.release(consent["id"], headers=delegated)).status_code == 404
    log = (await house.http.get("/v1/me/access-log", headers=me)).json()["items"]
    told = [(line["event"], line["supplier"]) for line in log if line["event"].startswith("release.")]
    assert told == [("release.refused", SUPPLIER), ("release.released", None), ("release.released", SUPPLIER)]
    assert all(line["supplier"] is None for line in log if not line["event"].startswith("release."))
    page = unescape((await log_page(house, KARI)).text)
    assert page.count(f"Organisasjonen med nummer {SUPPLIER} handlet på vegne av Enhet nav.") == 2


async def log_page(house: House, pid: str) -> httpx.Response:
    """The person's log, as her browser shows it."""
    at = house.clock.now()
    async with house.service.db.transaction() as tx:
        value = await sessions.begin(
            tx, house.service.keys.service.sessions, pid=pid, acr="idporten-loa-high", sid=None, at=at
        )
    return await house.http.get("/log", headers={"Cookie": f"session={value}", "Accept-Language": "nb"})
