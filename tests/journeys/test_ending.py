"""Steps 7 and 8: a yes is taken back, runs out, or goes with the person; and the log tells."""

from __future__ import annotations

import asyncio

from consent_clients.notes import NoteContent
from consent_clients.problems import NotAvailable
from tests.journeys.house import EMPLOYEE, House, handed_over, hears, refused, shared
from tests.journeys.neighbours import MARIT, OLA

NOTE: NoteContent = {
    "language": "nb",
    "sections": {"interests": "Liker å reparere sykler.", "motivation": "Vil ha en jobb å gå til."},
    "questions": [],
}


async def test_a_revoke_ends_it_now(house: House) -> None:
    """After the revoke nothing is released, NAV hears of it, the receipt of the end is signed, and it is final."""
    marit, nav = await house.candidate(MARIT), await house.nav()
    note = await handed_over(house, marit, NOTE)
    consent, other = await shared(house, marit, note, "interests"), await shared(house, marit, note, "motivation")
    await nav.release(consent["id"], EMPLOYEE)
    answer = await marit.revoke(consent["id"])
    assert (answer["consent"]["state"], answer["letters_already_out"]) == ("revoked", [])
    assert isinstance(await refused(nav.release(consent["id"], EMPLOYEE)), NotAvailable)
    await hears(nav, "revoked", consent_id=consent["id"])
    assert [each["id"] for each in await nav.search(MARIT)] == [other["id"]]
    for receipt in (await marit.receipt(consent["id"]), await nav.receipt(consent["id"])):
        receipt.verify(await marit.jwks())
        assert receipt.claims["receipt_type"] == "termination"
    assert (await refused(marit.revoke(consent["id"]))).type == "/problems/consent-ended"
    await nav.release(other["id"], EMPLOYEE)


async def test_no_fetch_that_begins_after_the_revoke_succeeds(house: House) -> None:
    """While NAV fetches as fast as it can she revokes: each success began before the answer, and stands before it."""
    marit, nav = await house.candidate(MARIT), await house.nav()
    consent = await shared(house, marit, await handed_over(house, marit, NOTE), "interests")
    fetched_enough, revoked = asyncio.Event(), asyncio.Event()
    late: list[bool] = []

    async def fetch() -> None:
        while True:
            begun_after = revoked.is_set()
            try:
                await nav.release(consent["id"], EMPLOYEE)
            except NotAvailable:
                if begun_after:
                    return
                continue
            late.append(begun_after)
            if len(late) >= 8:
                fetched_enough.set()

    async def revoke() -> None:
        await fetched_enough.wait()
        await marit.revoke(consent["id"])
        revoked.set()

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for work in (*(fetch() for _ in range(6)), revoke()):
            group.create_task(work)
    assert not any(late)
    events = [entry["event"] for entry in reversed(await marit.log()) if entry["consent_id"] == consent["id"]]
    end = events.index("consent.revoked")
    assert events[:end].count("release.released") == len(late)
    assert set(events[end + 1 :]) <= {"release.refused"}


async def test_she_pauses_and_lets_go_on(house: House) -> None:
    """While a consent is paused nothing is released; resumed, it is what it was; NAV hears of both."""
    marit, nav = await house.candidate(MARIT), await house.nav()
    consent = await shared(house, marit, await handed_over(house, marit, NOTE), "interests")
    before = await nav.release(consent["id"], EMPLOYEE)
    assert (await marit.pause(consent["id"]))["state"] == "paused"
    assert isinstance(await refused(nav.release(consent["id"], EMPLOYEE)), NotAvailable)
    await hears(nav, "paused", consent_id=consent["id"])
    assert (await marit.resume(consent["id"]))["state"] == "granted"
    assert (await nav.release(consent["id"], EMPLOYEE)).content == before.content


async def test_a_refusal_once_and_for_all_beats_every_consent(house: House) -> None:
    """Refused as a unit or as a kind, NAV gets nothing whatever was granted; lifted, what is in force counts again."""
    marit, nav = await house.candidate(MARIT), await house.nav()
    consent = await shared(house, marit, await handed_over(house, marit, NOTE), "interests")
    for against in (house.unit_ids["nav"], "nav"):
        await marit.refuse_always(against)
        assert [each["against"] for each in await marit.standing_refusals()] == [against]
        assert isinstance(await refused(nav.release(consent["id"], EMPLOYEE)), NotAvailable)
        await marit.lift_refusal(against)
        await nav.release(consent["id"], EMPLOYEE)
    assert await marit.standing_refusals() == []


async def test_a_consent_runs_out_by_itself(house: House) -> None:
    """On the day after its last, every view and the gate say so, before anybody has swept; then it is written down."""
    marit, nav = await house.candidate(MARIT), await house.nav()
    consent = await shared(house, marit, await handed_over(house, marit, NOTE), "interests")
    house.clock.advance(days=29)
    await nav.release(consent["id"], EMPLOYEE)
    house.clock.advance(days=2)
    assert (await marit.consent(consent["id"]))["state"] == "expired"
    assert await nav.search(MARIT) == []
    assert isinstance(await refused(nav.release(consent["id"], EMPLOYEE)), NotAvailable)
    await house.jobs.lapse()
    await hears(nav, "expired", consent_id=consent["id"])
    receipt = await marit.receipt(consent["id"])
    receipt.verify(await marit.jwks())
    assert (await refused(marit.revoke(consent["id"]))).type == "/problems/consent-ended"


async def test_she_takes_everything_with_her(house: House) -> None:
    """Her export has her words, her consents with their receipts, and every line of her log."""
    marit, nav = await house.candidate(MARIT), await house.nav()
    consent = await shared(house, marit, await handed_over(house, marit, NOTE), "interests")
    await nav.release(consent["id"], EMPLOYEE)
    before = await marit.log()
    bundle = await marit.export()
    said = [part["content"].get("text") for part in bundle["parts"] if "content" in part]
    assert NOTE["sections"]["interests"] in said
    assert [each["id"] for each in bundle["consents"]] == [consent["id"]]
    assert len(bundle["access_log"]) == len(before) + 1
    assert (await marit.log())[0]["event"] == "export.made"


async def test_erasure_leaves_nothing_to_anybody(house: House) -> None:
    """Gone for herself and for NAV at once, in a signed statement; another person's things are as they were."""
    marit, ola, nav = await house.candidate(MARIT), await house.candidate(OLA), await house.nav()
    hers = await shared(house, marit, await handed_over(house, marit, NOTE), "interests")
    his = await shared(house, ola, await handed_over(house, ola, NOTE), "interests")
    statement = await marit.erase()
    statement.verify(await ola.jwks())
    assert statement.claims["type"] == "erasure"
    assert isinstance(await refused(nav.release(hers["id"], EMPLOYEE)), NotAvailable)
    assert await nav.search(MARIT) == []
    await hears(nav, "revoked", consent_id=hers["id"])
    assert [note async for note in marit.notes()] == []
    assert await marit.consents() == []
    assert await marit.log() == []
    assert await marit.name() is None
    assert isinstance(await refused(marit.erase()), NotAvailable)
    await nav.release(his["id"], EMPLOYEE)
    await marit.introduce("Marit Prøvestad")
    assert await marit.consents() == []
