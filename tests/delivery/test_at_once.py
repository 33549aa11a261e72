"""What the gate lets go leaves at once: a revoke that was answered before is not followed by a letter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import httpx

from tests.delivery.conftest import Office
from tests.support.krr import local_krr

Act = Callable[[], Awaitable[None]]


class Meanwhile(httpx.AsyncHTTPTransport):
    """A way on which something happens just before the first request to ``path`` goes; ``asked`` is all that went."""

    def __init__(self, path: str, act: Act) -> None:
        super().__init__()
        self._path, self._act = path, act
        self.asked: list[tuple[str, str]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        call = request.method, request.url.path
        if request.url.path == self._path and call not in self.asked:
            await self._act()
        self.asked.append(call)
        return await super().handle_async_request(request)

    @property
    def posted(self) -> int:
        """How many letters left, for good or ill."""
        return self.asked.count(("POST", "/messages"))


async def works(office: Office, way: Meanwhile) -> None:
    """One worker does what is due now; its letters go this way."""
    async with httpx.AsyncClient(transport=way, timeout=5.0) as http:
        await office.work(mailbox=office.digipost.mailbox(http=http))


async def test_a_revoke_while_the_entry_point_is_fetched_stops_the_letter(office: Office) -> None:
    """It is fetched before the gate is asked, so that the gate's word is followed by the letter and nothing else."""
    candidate = await office.candidate()
    consent = await office.consent(candidate)
    letter = await office.letter(consent)
    way = Meanwhile("/", lambda: office.revoke(consent))
    await works(office, way)
    assert way.posted == 0
    assert await office.seen(letter) == ["accepted", "cancelled"]
    assert "letter.released" not in await office.logged(candidate)


async def test_a_revoke_while_the_register_is_asked_stops_the_letter(office: Office) -> None:
    """Her number had passed the gate for the look-up; the letter passes it after that, or not at all."""
    candidate = await office.candidate()
    consent = await office.consent(candidate)
    letter = await office.letter(consent)
    digiposts = Meanwhile("nowhere", lambda: office.revoke(consent))
    async with local_krr(office.clock) as krr:
        way = Meanwhile("/rest/v2/personer", lambda: office.revoke(consent))
        async with httpx.AsyncClient(transport=way, timeout=5.0) as http:
            office.register = replace(krr, http=http).register()
            await works(office, digiposts)
    assert digiposts.posted == 0
    assert await office.seen(letter) == ["accepted", "cancelled"]
    assert await office.logged(candidate) == [
        f"letter.{one}" for one in ("accepted", "released", "refused", "cancelled")
    ]


async def test_a_letter_whose_signature_was_too_old_passes_the_gate_again(office: Office) -> None:
    """Digipost took nothing, and she revoked meanwhile: it is not signed anew and sent."""
    consent = await office.consent(await office.candidate())
    letter = await office.letter(consent)

    async def lies_about() -> None:
        office.clock.advance(seconds=6 * 60)
        await office.revoke(consent)

    way = Meanwhile("/messages", lies_about)
    await works(office, way)
    assert way.posted == 1
    office.clock.advance(seconds=2)
    await works(office, way)
    assert way.posted == 1
    assert await office.status(letter) == "cancelled"


async def test_an_entry_point_that_is_out_of_reach_keeps_no_stopped_letter_waiting(office: Office) -> None:
    """Nothing could be sent; what she took back is cancelled all the same."""
    consent = await office.consent(await office.candidate())
    letter = await office.letter(consent)
    await office.revoke(consent)
    await office.work(mailbox=office.digipost.mailbox(base_url="http://127.0.0.1:9"))
    assert await office.status(letter) == "cancelled"
