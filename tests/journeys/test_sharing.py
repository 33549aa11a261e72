"""Steps 1 to 3: a note changes hands, is shared, and is read; and what must not happen on the way."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable
from dataclasses import replace

import pytest

from consent_clients.checkpoints import Checkpoints, VerifierKey
from consent_clients.models import Preview
from consent_clients.nav import Nav
from consent_clients.notes import NoteContent
from consent_clients.problems import Conflict, NotAvailable, PreconditionFailed
from consent_service.app.assembly import log_origin
from consent_service.app.opening import open_service
from tests.journeys.house import COUNSELLOR, EMPLOYEE, House, handed_over, hears, parts_of, refused, shared, until
from tests.journeys.neighbours import MARIT, OLA, STRANGER

NOTE: NoteContent = {
    "language": "nb",
    "sections": {"interests": "Liker å reparere sykler.", "needs": "Trenger ro rundt seg."},
    "questions": [{"id": "q1", "to": "nav", "text": "Kan jeg få støtte?"}],
}


async def test_a_note_changes_hands_is_shared_and_is_read(house: House) -> None:
    """Handed over, claimed, previewed, granted, heard of, released; the read stands in her log before NAV has it."""
    marit, nav = await house.candidate(MARIT), await house.nav()
    note = await handed_over(house, marit, NOTE)
    preview = await marit.preview(
        purpose="guidance_follow_up",
        recipient_id=house.unit_ids["nav"],
        parts=parts_of(note, "interests", "question_nav:q1"),
        valid_until=house.in_days(30),
    )
    consent = await marit.grant(preview)
    await hears(nav, "granted", consent_id=consent["id"])
    assert [each["id"] for each in await nav.search(MARIT)] == [consent["id"]]
    release = await nav.release(consent["id"], EMPLOYEE)
    assert release.content == preview.content
    assert release.content_sha256 == preview.sha256
    receipt = await nav.receipt(consent["id"])
    receipt.verify(await nav.jwks())
    assert receipt.about(MARIT, release.salt)
    assert not receipt.about(OLA, release.salt)
    assert receipt.covers(preview.sha256, release.salt)
    read = next(entry for entry in await marit.log() if entry["event"] == "release.released")
    assert (read["consent_id"], read["unit"], read["office"]) == (consent["id"], "Enheten nav", EMPLOYEE.office)


async def test_a_code_opens_one_draft_once_for_one_person(house: House) -> None:
    """Used, withdrawn, lapsed and mistyped codes open nothing, and the one who claimed a draft keeps it."""
    marit, ola = await house.candidate(MARIT), await house.candidate(OLA)
    centre = await house.career_centre()
    code = await centre.hand_over(NOTE, COUNSELLOR)
    draft = await marit.claim(code.code.lower())
    assert (await refused(ola.claim(code.code))).type == "/problems/code-not-valid"
    await centre.withdraw(draft["id"])
    assert (await marit.accept(draft["id"]))["sections"] == NOTE["sections"]
    withdrawn = await centre.hand_over(NOTE, COUNSELLOR)
    await centre.withdraw(withdrawn.draft_id)
    await centre.withdraw(withdrawn.draft_id)
    lapsing = await centre.hand_over(NOTE, COUNSELLOR)
    house.clock.advance(days=15)
    for each in (withdrawn, lapsing):
        assert (await refused(marit.claim(each.code))).type == "/problems/code-not-valid"
    assert await marit.drafts() == []


async def test_handing_over_twice_under_one_key_is_one_draft(house: House) -> None:
    """A career centre whose connection broke says the same again and gets the same code; other words are refused."""
    centre = await house.career_centre()
    first = await centre.hand_over(NOTE, COUNSELLOR, idempotency_key="conversation-1")
    assert await centre.hand_over(NOTE, COUNSELLOR, idempotency_key="conversation-1") == first
    other: NoteContent = {**NOTE, "sections": {"interests": "Noe annet."}}
    again = await refused(centre.hand_over(other, COUNSELLOR, idempotency_key="conversation-1"))
    assert again.type == "/problems/idempotency-key-reused"


async def test_what_was_not_shown_is_not_granted(house: House) -> None:
    """A grant names the hash of what was shown: with another hash, or after a change of name, nothing is shared."""
    marit, nav = await house.candidate(MARIT, named=False), await house.nav()
    note = await handed_over(house, marit, NOTE)

    def shown() -> Awaitable[Preview]:
        return marit.preview(
            purpose="guidance_follow_up",
            recipient_id=house.unit_ids["nav"],
            parts=parts_of(note, "interests"),
            valid_until=house.in_days(30),
        )

    assert (await refused(shown())).type == "/problems/name-missing"
    await marit.introduce("Marit Prøvestad")
    preview = await shown()
    wider = {**preview.terms, "parts": parts_of(note, "interests", "needs")}
    assert (await refused(marit.grant(replace(preview, terms=wider)))).type == "/problems/preview-changed"
    await marit.introduce("Marit Nynavn")
    with pytest.raises(Conflict):
        await marit.grant(preview)
    assert await nav.search(MARIT) == []


async def test_nobody_but_the_recipient_gets_anything(house: House) -> None:
    """Another NAV office and the county's other unit see a foreign consent exactly as one that does not exist."""
    marit = await house.candidate(MARIT)
    note = await handed_over(house, marit, NOTE)
    consent = await shared(house, marit, note, "interests")
    unknown = "00000000-0000-4000-8000-000000000000"
    for unit in (await house.nav("other-nav"), await house.training()):
        assert await unit.search(MARIT) == await unit.search(STRANGER) == []
        foreign = await refused(unit.release(consent["id"], EMPLOYEE))
        missing = await refused(unit.release(unknown, EMPLOYEE))
        assert (foreign.status, foreign.type, foreign.detail) == (missing.status, missing.type, missing.detail)
        for call in (unit.consent(consent["id"]), unit.receipt(consent["id"])):
            assert isinstance(await refused(call), NotAvailable)
        assert [each async for each in unit.consents()] == []
    attempts = [entry["unit"] for entry in await marit.log() if entry["event"] == "release.refused"]
    assert sorted(filter(None, attempts)) == ["Enheten other-nav", "Enheten vocational-training"]


async def test_another_persons_note_is_not_there(house: House) -> None:
    """One candidate's note, draft and consent are to another what nothing is."""
    marit, ola = await house.candidate(MARIT), await house.candidate(OLA)
    note = await handed_over(house, marit, NOTE)
    consent = await shared(house, marit, note, "interests")
    theirs = (
        ola.note(note["id"]),
        ola.rewrite(note["id"], NOTE, version=1),
        ola.delete(note["id"]),
        ola.consent(consent["id"]),
        ola.revoke(consent["id"]),
        ola.receipt(consent["id"]),
        shared(house, ola, note, "interests"),
    )
    for call in theirs:
        assert isinstance(await refused(call), NotAvailable)


async def test_uses_are_counted_and_a_repeat_spends_none(house: House) -> None:
    """With two uses, a repeated key is the same release again, logged as a repeat; the third release is refused."""
    marit, nav = await house.candidate(MARIT), await house.nav()
    consent = await shared(house, marit, await handed_over(house, marit, NOTE), "interests", max_uses=2)
    first = await nav.release(consent["id"], EMPLOYEE, idempotency_key="a")
    again = await nav.release(consent["id"], EMPLOYEE, idempotency_key="a")
    assert (again.release_id, again.content) == (first.release_id, first.content)
    await nav.release(consent["id"], EMPLOYEE, idempotency_key="b")
    assert isinstance(await refused(nav.release(consent["id"], EMPLOYEE, idempotency_key="c")), NotAvailable)
    assert (await marit.consent(consent["id"]))["state"] == "used_up"
    events = [entry["event"] for entry in await marit.log() if entry["event"].startswith("release.")]
    assert events == ["release.refused", "release.released", "release.repeated", "release.released"]


async def test_a_note_has_versions_and_a_consent_its_own(house: House) -> None:
    """A new version changes no consent; a write over a newer one is refused; deleting ends it all."""
    marit, nav = await house.candidate(MARIT), await house.nav()
    note = await handed_over(house, marit, NOTE)
    consent = await shared(house, marit, note, "interests")
    changed: NoteContent = {**NOTE, "sections": {"interests": "Liker å bake."}}
    newer = await marit.rewrite(note["id"], changed, version=note["version"])
    assert newer["version"] == 2
    with pytest.raises(PreconditionFailed):
        await marit.rewrite(note["id"], NOTE, version=1)
    release = await nav.release(consent["id"], EMPLOYEE)
    assert release.part("note", "interests")["text"] == NOTE["sections"]["interests"]
    await marit.delete(note["id"])
    assert isinstance(await refused(nav.release(consent["id"], EMPLOYEE)), NotAvailable)
    assert (await marit.consent(consent["id"]))["state"] == "revoked"


async def test_the_log_proves_itself_to_those_who_watch(house: House) -> None:
    """With the published key, every head that comes along holds, and each continues the one before it."""
    marit, nav = await house.candidate(MARIT), await house.nav()
    consent = await shared(house, marit, await handed_over(house, marit, NOTE), "interests")
    await hears(nav, "granted", consent_id=consent["id"])
    key = next(key for key in (await nav.jwks())["keys"] if key["kty"] == "OKP")
    nav.checkpoints = Checkpoints(keys=[VerifierKey.from_jwk(key)])

    for _ in range(3):
        before = nav.checkpoints.size
        await nav.release(consent["id"], EMPLOYEE)
        house.clock.advance(seconds=11)

        async def grown(beyond: int = before) -> bool | None:
            return (await nav.check_log()).size > beyond or None

        await until("the log's head is signed", grown)


async def test_those_who_watch_the_log_go_on_through_a_change_of_its_key(house: House) -> None:
    """The service runs on while an operator rotates its key: the watcher learns the new one, and JWKS has both."""
    await house.candidate(MARIT)
    nav, operator = await house.nav(), await open_service(house.service.settings, house.clock)
    house.stack.push_async_callback(operator.db.close)
    (first,) = await _log_keys(nav)
    nav.checkpoints = Checkpoints(keys=[first])

    async def watched(*keys: VerifierKey) -> bool | None:
        house.clock.advance(seconds=11)
        with contextlib.suppress(NotAvailable):  # nothing is signed yet
            await nav.check_log()
        return list(nav.checkpoints.keys) == list(keys) or None

    log, keys, origin = operator.keys.service.log, operator.keys.checkpoints, log_origin(house.service.settings)
    await until("a head is signed", lambda: watched(first))
    assert await keys.begin(log, house.clock, origin)
    second = VerifierKey(first.name, (await keys.current()).signing.public)
    await until("both keys sign", lambda: watched(second, first))
    assert await keys.end(log, house.clock, origin, trusted=True)
    await until("the new key signs alone", lambda: watched(second))
    assert await _log_keys(nav) == [second, first]


async def _log_keys(nav: Nav) -> list[VerifierKey]:
    return [VerifierKey.from_jwk(key) for key in (await nav.jwks())["keys"] if key["kty"] == "OKP"]
