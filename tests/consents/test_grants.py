"""Granting: what is shared is what was shown, to whom and for how long the candidate chose."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from uuid import uuid4

import pytest
from jose import jws

from consent_service.audit.log import open_chain
from consent_service.clock import HOUR, end_of_day
from consent_service.consents import endings, grants, receipts
from consent_service.consents.gate import Refused, Released
from consent_service.consents.reading import find_for_candidate, in_force
from consent_service.consents.sweep import sweep
from consent_service.errors import (
    ConsentEnded,
    Invalid,
    NameMissing,
    NotAvailable,
    PreviewChanged,
    WrongState,
)
from consent_service.identity import registry
from consent_service.persons.arrival import arrive
from consent_service.persons.number import set_name
from consent_service.storage.engine import Statement
from consent_service.vault.parts import PartRef
from tests.consents.conftest import Town, nid
from tests.consents.requesting import ask, heard


async def test_another_preview_grants_nothing(town: Town) -> None:
    """A grant names the hash of what was shown; with any other hash nothing is stored."""
    with pytest.raises(PreviewChanged):
        await town.grant(sha256="0" * 64)
    async with town.db.snapshot() as view:
        assert await view.value(Statement("SELECT COUNT(*) FROM share")) == 0
        assert await view.value(Statement("SELECT COUNT(*) FROM consent")) == 0


async def test_a_new_name_after_the_preview_changes_it(town: Town) -> None:
    """What would be shared is composed anew: a change since the preview is caught."""
    choice = town.choice()
    seen = await town.sha256(choice)
    key = await town.keys.candidate(town.candidate_id)
    async with town.db.transaction() as tx:
        await set_name(tx, key, town.keys.service.log, "Kari Ny", held_for="county", at=town.clock.now())
    with pytest.raises(PreviewChanged):
        await town.grant(choice, sha256=seen)


@pytest.mark.parametrize("part", ["note.nothing", "person.identity", "plan.route"])
async def test_a_purpose_admits_only_its_kinds(town: Town, part: str) -> None:
    """A part of a kind that the purpose does not admit is refused, with the place of it."""
    resource, name = part.split(".")
    choice = replace(town.choice(), parts=(PartRef(town.candidate_id, resource, town.note_id, 1, name),))
    with pytest.raises(Invalid) as refused:
        await town.grant(choice, sha256="0" * 64)
    assert refused.value.violations[0].pointer == "/parts/0"


async def test_parts_of_somebody_else_do_not_exist(town: Town) -> None:
    """Another person's part is answered like one that does not exist."""
    for candidate, note in ((str(uuid4()), town.note_id), (town.candidate_id, str(uuid4()))):
        choice = replace(town.choice(), parts=(PartRef(candidate, "note", note, 1, "interests"),))
        with pytest.raises(NotAvailable):
            await town.grant(choice, sha256="0" * 64)


async def test_a_consent_has_an_end_within_the_purpose(town: Town) -> None:
    """An end that has passed, or lies further ahead than the purpose allows, is refused."""
    for day in (date(2020, 1, 1), date(2050, 1, 1)):
        with pytest.raises(Invalid):
            await town.grant(replace(town.choice(), valid_until=end_of_day(day)), sha256="0" * 64)


async def test_a_unit_of_another_kind_or_disabled_receives_nothing(town: Town) -> None:
    """The purpose names recipient kinds, and a unit that is disabled between preview and grant gets nothing."""
    with pytest.raises(Invalid):
        await town.grant(replace(town.choice(), recipient=town.training), sha256="0" * 64)
    seen = await town.sha256(town.choice())
    async with town.db.transaction() as tx:
        await registry.disable(tx, town.desk.keys, town.nav.id, at=town.clock.now())
    with pytest.raises(Invalid):
        await town.grant(town.choice(), sha256=seen)


async def test_nobody_shares_before_saying_her_name(town: Town) -> None:
    """Who the person is goes with every consent, so without a name there is no preview."""
    other = await arrive(town.db, town.keys, town.clock, nid("21818297804"), held_for="county", receivers={})
    town.candidate_id = other
    with pytest.raises(NameMissing):
        await town.sha256(town.choice())


async def test_a_receipt_is_signed_for_the_grant_and_for_the_end(town: Town) -> None:
    """Both are JWS that the published key verifies, about the same record, without number or name."""
    consent = await town.grant()
    await town.revoke(consent.id)
    async with town.db.snapshot() as view:
        rows = await receipts.of_consent(view, consent.id)
    assert [row["type"] for row in rows] == ["given", "termination"]
    for row, state in zip(rows, ("dpv:ConsentGiven", "dpv:ConsentWithdrawn"), strict=True):
        payload = jws.verify(row["jws"], town.keys.service.receipts.jwk, ["ES256"])
        assert state.encode() in payload
        assert consent.id.encode() in payload
        assert b"21879498012" not in payload
        assert b"Kari" not in payload


async def test_units_hear_of_a_grant_and_of_its_end(town: Town) -> None:
    """The recipient's feed tells states, in order."""
    consent = await town.grant()
    await town.revoke(consent.id)
    assert await heard(town, town.nav) == ["granted", "revoked"]
    assert await heard(town, town.other_nav) == []


async def test_a_changed_row_keeps_nobody_from_revoking(town: Town) -> None:
    """Whatever the row was made to say, revoking destroys the shares, is logged, and leaves the row as evidence."""
    for column, value in (("state", "revoked"), ("state", "requested"), ("candidate_id", "x"), ("terms", b"{")):
        consent = await town.grant()
        async with town.db.transaction() as tx:
            await tx.run(Statement(f"UPDATE consent SET {column} = :value WHERE id = :id"), id=consent.id, value=value)
        await town.revoke(consent.id)
        async with town.db.snapshot() as view:
            shares = Statement("SELECT COUNT(*) FROM share WHERE consent_id = :id")
            assert await view.value(shares, id=consent.id) == 0
            kept = Statement(f"SELECT {column} FROM consent WHERE id = :id")
            assert await view.value(kept, id=consent.id) == value


async def test_deleting_a_note_ends_a_paused_consent_too(town: Town) -> None:
    """Pausing took the shares away, and the consent ends with the note all the same."""
    consent = await town.grant()
    async with town.db.transaction() as tx:
        await endings.pause(tx, town.desk, town.candidate_id, consent.id, now=town.clock.now())
    async with town.db.transaction() as tx:
        ended = await endings.end_on_resource(
            tx, town.desk, town.candidate_id, "note", town.note_id, now=town.clock.now()
        )
    assert ended == [consent.id]


async def test_a_pause_closes_the_gate_and_a_resumption_opens_it(town: Town) -> None:
    """Pausing destroys the shares, resuming makes them anew on the same terms."""
    consent = await town.grant()
    async with town.db.transaction() as tx:
        await endings.pause(tx, town.desk, town.candidate_id, consent.id, now=town.clock.now())
        assert await tx.value(Statement("SELECT COUNT(*) FROM share")) == 0
    assert await town.release(consent.id) == Refused("paused")
    keyring = await town.keyring(town.nav.id)
    async with town.db.transaction() as tx:
        await grants.resume(tx, town.desk, keyring, consent.id, now=town.clock.now())
    assert isinstance(await town.release(consent.id), Released)
    async with town.db.transaction() as tx:
        with pytest.raises(WrongState):
            await grants.resume(tx, town.desk, keyring, consent.id, now=town.clock.now())


async def test_what_was_paused_past_its_end_stays_closed(town: Town) -> None:
    """Her consent's end comes while it is paused too: it can't be resumed, and no share is made anew."""
    consent = await town.grant()
    keyring = await town.keyring(town.nav.id)
    async with town.db.transaction() as tx:
        await endings.pause(tx, town.desk, town.candidate_id, consent.id, now=town.clock.now())
    town.clock.advance(days=31)
    async with town.db.transaction() as tx:
        with pytest.raises(NotAvailable):
            await grants.resume(tx, town.desk, keyring, consent.id, now=town.clock.now())
        assert await tx.value(Statement("SELECT COUNT(*) FROM share")) == 0


async def test_an_end_is_final_and_ones_own(town: Town) -> None:
    """Nobody revokes another's consent, and nobody revokes twice."""
    consent = await town.grant()
    async with town.db.transaction() as tx:
        other = str(uuid4())
        await open_chain(tx, other, at=town.clock.now())
        with pytest.raises(NotAvailable):
            await endings.revoke(tx, town.desk, other, consent.id, now=town.clock.now())
    await town.revoke(consent.id)
    with pytest.raises(ConsentEnded):
        await town.revoke(consent.id)


async def test_deleting_a_note_ends_the_consents_on_it(town: Town) -> None:
    """Whatever shares the note is revoked with it; a consent on another note is not touched."""
    consent = await town.grant()
    async with town.db.transaction() as tx:
        assert (
            await endings.end_on_resource(tx, town.desk, town.candidate_id, "note", str(uuid4()), now=town.clock.now())
            == []
        )
        assert await endings.end_on_resource(
            tx, town.desk, town.candidate_id, "note", town.note_id, now=town.clock.now()
        ) == [consent.id]
    assert await town.release(consent.id) == Refused("ended")


async def test_the_sweep_writes_down_what_time_has_ended(town: Town) -> None:
    """Ends and lapses whose time has come are written once, and the shares are gone."""
    consent, request = await town.grant(), await ask(town)
    assert await sweep(town.db, town.desk, town.clock) == 0
    town.clock.advance(days=40)
    assert await sweep(town.db, town.desk, town.clock) == 2
    assert await sweep(town.db, town.desk, town.clock) == 0
    async with town.db.snapshot() as view:
        states = [
            (await find_for_candidate(view, town.desk.keys, town.candidate_id, one, now=town.clock.now())).state
            for one in (consent.id, request)
        ]
        assert states == ["expired", "lapsed"]
        assert await view.value(Statement("SELECT COUNT(*) FROM share")) == 0


async def test_search_finds_only_ones_own_consents_in_force(town: Town) -> None:
    """Ended, paused, foreign and other people's consents are not among what a unit may use."""
    live, ended = await town.grant(), await town.grant()
    await town.revoke(ended.id)
    async with town.db.snapshot() as view:
        now = town.clock.now()
        assert [one.id for one in await in_force(view, town.desk.keys, town.nav.id, town.candidate_id, now=now)] == [
            live.id
        ]
        assert await in_force(view, town.desk.keys, town.other_nav.id, town.candidate_id, now=now) == []
        assert await in_force(view, town.desk.keys, town.nav.id, str(uuid4()), now=now) == []
        assert await in_force(view, town.desk.keys, town.nav.id, town.candidate_id, now=now + 9000 * HOUR) == []
