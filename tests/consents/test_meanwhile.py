"""The lock comes first and alone: whoever waited for it sees what was done meanwhile.

A statement sees the database as of its start, not as of the end of its wait. Whatever is read before the lock, or in
the statement that takes it, is what was true before somebody else's revoke.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import pytest

from consent_service.consents import endings, grants, requests, standing_refusals
from consent_service.consents.gate import Refused, Released
from consent_service.errors import ConsentEnded, NotAnswerable, NotAvailable
from consent_service.notes import writing
from consent_service.notes.content import NoteContent
from consent_service.storage.engine import Transaction
from consent_service.vault.seal import refs
from tests.consents.conftest import Town
from tests.consents.requesting import answer, ask
from tests.consents.waiting import Act, meanwhile
from tests.support.acting import BY

Verb = Callable[..., Awaitable[object]]


def by_her(town: Town, verb: Verb, what: str) -> Act:
    """What she does to a consent, or against a unit."""
    return lambda tx: verb(tx, town.desk, town.candidate_id, what, now=town.clock.now())


async def she(town: Town, verb: Verb, what: str) -> object:
    """The same in a transaction of its own."""
    async with town.db.transaction() as tx:
        return await by_her(town, verb, what)(tx)


async def resume(town: Town, consent_id: str) -> object:
    """She lets a paused consent go on."""
    keyring = await town.keyring(town.nav.id)
    async with town.db.transaction() as tx:
        return await grants.resume(tx, town.desk, keyring, consent_id, now=town.clock.now())


async def cancel(town: Town, consent_id: str) -> None:
    """NAV takes its request back."""
    async with town.db.transaction() as tx:
        await requests.cancel(tx, town.desk, consent_id, town.nav, by=BY, at=town.clock.now())


@pytest.mark.parametrize(
    ("verb", "reason"),
    [(endings.revoke, "ended"), (endings.pause, "paused"), (standing_refusals.place, "standing_refusal")],
)
async def test_a_release_sees_what_she_has_done(town: Town, elsewhere: Town, verb: Verb, reason: str) -> None:
    """It is refused for that, and for nothing else."""
    consent = await town.grant()
    assert isinstance(await elsewhere.release(consent.id), Released)
    against = "nav" if verb is standing_refusals.place else consent.id
    assert await meanwhile(town, elsewhere.release(consent.id), by_her(town, verb, against)) == Refused(reason)


async def test_a_yes_sees_her_no(town: Town, elsewhere: Town) -> None:
    """A request that she refuses in another window is not granted in this one."""
    consent_id = await ask(town)
    waiting = answer(elsewhere, consent_id, "interests")
    assert await meanwhile(town, waiting, by_her(town, endings.refuse, consent_id)) is NotAnswerable


async def test_nothing_is_done_to_what_has_ended(town: Town, elsewhere: Town) -> None:
    """Who pauses it, lets it go on, or revokes it once more, hears that it has ended."""
    for verb in (partial(she, elsewhere, endings.pause), partial(she, elsewhere, endings.revoke)):
        consent = await town.grant()
        assert await meanwhile(town, verb(consent.id), by_her(town, endings.revoke, consent.id)) is ConsentEnded
    consent = await town.grant()
    await she(town, endings.pause, consent.id)
    waiting = resume(elsewhere, consent.id)
    assert await meanwhile(town, waiting, by_her(town, endings.revoke, consent.id)) is ConsentEnded


async def test_her_no_and_the_askers_withdrawal_come_too_late(town: Town, elsewhere: Town) -> None:
    """What was granted meanwhile is neither refused nor taken back."""
    late = ((partial(she, elsewhere, endings.refuse), NotAnswerable), (partial(cancel, elsewhere), NotAvailable))
    for verb, refusal in late:
        consent_id, choice = await ask(town), town.choice("interests")
        yes = grants.Yes(await town.keyring(town.nav.id), choice, await town.sha256(choice), "nb")
        granting = partial(grants.answer, desk=town.desk, consent_id=consent_id, yes=yes, now=town.clock.now())
        assert await meanwhile(town, verb(consent_id), granting) is refusal
        assert isinstance(await town.release(consent_id), Released)


async def test_a_note_that_is_deleted_takes_with_it_what_was_granted_meanwhile(town: Town, elsewhere: Town) -> None:
    """No consent stays in force on what is not there any more."""
    key, log = await town.keys.candidate(town.candidate_id), town.keys.service.log
    content = NoteContent.model_validate({"language": "nb", "sections": {"interests": "Fjell"}})
    async with town.db.transaction() as tx:
        note = await writing.create(tx, key, log, content, held_for="county", at=town.clock.now())
        parts = await refs(tx, town.candidate_id, "note", note.id, 1)
    choice = replace(town.choice(), parts=tuple(parts))
    keyring, seen = await town.keyring(town.nav.id), await town.sha256(choice)
    granted: list[str] = []

    async def grant(tx: Transaction) -> None:
        yes = grants.grant(tx, town.desk, grants.Yes(keyring, choice, seen, "nb"), now=town.clock.now())
        granted.append((await yes).id)

    async def delete() -> None:
        async with elsewhere.db.transaction() as tx:
            now = town.clock.now()
            await endings.end_on_resource(tx, town.desk, town.candidate_id, "note", note.id, now=now)
            await writing.delete(tx, town.candidate_id, log, note.id, at=now)

    assert await meanwhile(town, delete(), grant) is None
    assert await town.release(granted[0]) == Refused("ended")
