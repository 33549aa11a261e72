"""The pages while keys can't be had: a person is told, and can still take back, say no and delete everything."""

from __future__ import annotations

from dataclasses import replace

import httpx

from consent_service.consents.gate import Refused
from consent_service.crypto.envelope import new_key
from consent_service.crypto.keyring import LocalKeyring
from consent_service.vault.keys import Keys
from tests.support.issuers import OUR_AUDIENCE
from tests.web.conftest import Browser, Town, application
from tests.web.test_sharing import shared


def without_keys(town: Town, kari: Browser) -> Browser:
    """Kari's browser, and a service whose keyring lacks the version that keys are wrapped under."""
    keys = Keys(town.db, LocalKeyring({0: new_key()}), town.keys.service, town.clock)
    app = application(replace(town.pages, keys=keys))
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=OUR_AUDIENCE, headers=kari.http.headers)
    http.cookies = kari.http.cookies
    return Browser(http, kari.idporten)


async def test_a_person_is_told_and_led_to_what_still_works(town: Town, kari: Browser) -> None:
    """What needs a key is a page with 503 that says so, and leads to where a yes is taken back; that needs none."""
    consent = await shared(town, kari)
    browser = without_keys(town, kari)
    page = await browser.open("/overview")
    assert page.status_code == 503
    assert "Du kan fortsatt ta tilbake det du har delt" in page.text
    assert 'href="/consents"' in page.text
    assert (await browser.open("/consents")).status_code == 200
    await browser.open(f"/consents/{consent}/revoke")
    page = await browser.submit(f"/consents/{consent}/revoke")
    assert page.status_code == 200
    assert isinstance(await town.release(consent), Refused)


async def test_a_request_can_be_refused(town: Town, kari: Browser) -> None:
    """The words to her can't be shown, which is said; a no goes through, and a yes does not."""
    consent = await town.ask_to_read("Vi vil gjerne lese mer.")
    await kari.open("/overview")
    browser = without_keys(town, kari)
    page = await browser.open(f"/requests/{consent}")
    assert page.status_code == 200
    assert "Vi får ikke vist hva som er skrevet til deg akkurat nå" in page.text
    assert "Vi vil gjerne lese mer." not in page.text
    assert (await browser.open(f"/requests/{consent}/choose")).status_code == 503
    await browser.open(f"/requests/{consent}")
    await browser.submit(f"/requests/{consent}", answer="no")
    page = await kari.open(f"/consents/{consent}")
    assert "Du sa nei" in page.text


async def test_everything_can_be_deleted(town: Town, kari: Browser) -> None:
    """Erasure needs no key: the page that asks, and the deed."""
    browser = without_keys(town, kari)
    await browser.open("/rights/erase")
    page = await browser.submit("/rights/erase", word="SLETT")
    assert page.status_code == 200, page.text
    assert "person.erased" not in page.text
    assert (await browser.open("/overview")).url.path != "/overview"
