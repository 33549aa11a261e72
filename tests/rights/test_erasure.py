"""Erasure: in one transaction everything that could say anything about her goes; what stays says that it went."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from jose import jws

from consent_service.audit.log import FIRST, leaf_hash, lock
from consent_service.audit.log import read as read_log
from consent_service.clock import DAY
from consent_service.consents import endings, requests
from consent_service.consents.gate import Refused, ReleaseAsk
from consent_service.consents.reading import find_for_unit
from consent_service.crypto.canonical import canonical
from consent_service.errors import NotAvailable
from consent_service.identity import sessions
from consent_service.notes import writing
from consent_service.persons.lookup import lookup_of
from consent_service.persons.number import set_name
from consent_service.plans import listing
from consent_service.rights import erasure
from consent_service.rights.journal import NO_JOURNAL
from consent_service.storage.engine import Statement
from tests.persons.conftest import KARI, OLA
from tests.persons.test_linking import D_NUMBER
from tests.plans.conftest import Office
from tests.rights.conftest import Life, comes, content, files, live, nav_asks, stored
from tests.support.acting import BY

Rows = dict[str, list[dict[str, object]]]

# What may name her id when she is gone: ids, salted commitments whose salts are gone, receipts under random ids.
STAYS = {"chain", "consent", "entry", "leaf", "pending_leaf", "receipt", "release"}


def secrets_of(life: Life, rows: Rows) -> list[bytes]:
    """What must not survive: everything sealed or wrapped that was hers, and the hashes that found her."""
    hers = [row for table in ("candidate_key", "part", "share") for row in rows[table]]
    found = [value for row in hers if row["candidate_id"] == life.candidate_id for value in row.values()]
    found += [row["sealed"] for row in rows["entry_detail"] if row["chain_id"] == life.candidate_id]
    found += [row["payload"] for row in rows["waiting_item"]]
    found += [value for table in ("number_proof", "number_proposal") for row in rows[table] for value in row.values()]
    found += [value for row in rows["session"] for value in row.values()]
    secrets = [value for value in found if isinstance(value, bytes)]
    assert len(secrets) > 80
    return [*secrets, *(lookup_of(life.office.keys.service.lookup, number).encode() for number in (KARI, D_NUMBER))]


def text_of(rows: Rows) -> bytes:
    """Every value of every row, as bytes beside each other."""
    values = [value for table in rows.values() for row in table for value in row.values()]
    return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in values)


async def test_nothing_is_left_that_says_anything(life: Life) -> None:
    """Keys, parts, shares, letters, waiting items, number hashes, sessions, notes, plans and log details are gone."""
    before = await stored(life.db)
    secrets = secrets_of(life, before)
    lively = {"candidate", "candidate_key", "person_number", "part", "share", "letter", "waiting_item", "session"}
    lively |= {
        "note",
        "note_version",
        "note_draft",
        "claim_try",
        "plan",
        "mapping_message",
        "entry_detail",
        "number_proof",
        "number_proposal",
        "standing_refusal",
    }
    assert all(before[table] for table in lively)
    await life.erase()
    after = await stored(life.db)
    named = {t for t, rows in after.items() if any(life.candidate_id in row.values() for row in rows)}
    assert named == STAYS - {"leaf"}  # nothing has been numbered here
    assert [table for table in lively - {"entry_detail"} if after[table]] == []
    assert all(row["chain_id"] != life.candidate_id for row in after["entry_detail"])
    left = text_of(after)
    assert [secret for secret in secrets if secret in left] == []


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_the_files_hold_nothing_of_it_either(life: Life, tmp_path: Path) -> None:
    """SQLite's file and its write-ahead log are overwritten: no key, no sealed text and no hash can be dug out."""
    secrets = secrets_of(life, await stored(life.db))
    lying = files(tmp_path)
    assert sum(secret in lying for secret in secrets if len(secret) < 500) > 80  # the search finds what is there
    await life.erase()
    lying = files(tmp_path)
    # A long value is spread over pages, so its beginning is looked for.
    assert [secret for secret in secrets if secret[:64] in lying] == []


async def test_the_chain_is_closed_and_still_proves_itself(life: Life) -> None:
    """Every entry stays, linked as it was, the erasure the last; nobody can lock, and so write, the chain again."""
    await life.erase()
    async with life.db.snapshot() as view:
        rows = await read_log(view, life.candidate_id, limit=1000)
    previous = FIRST
    for row in rows:
        body = json.loads(row["body"])
        assert body["previous"] == previous.hex()
        assert leaf_hash(row["body"]) == row["digest"]
        assert row["sealed"] is None
        previous = row["digest"]
    assert rows[-1]["event"] == "person.erased"
    for candidate in (life.candidate_id, life.candidate_id):
        with pytest.raises(NotAvailable):
            async with life.db.transaction() as tx:
                await lock(tx, [candidate])


async def test_the_statement_is_signed_and_true(life: Life) -> None:
    """What it says was destroyed is what was there; it names the entry; its signature is the service's."""
    before = await stored(life.db)
    erased = await life.erase()
    payload = jws.verify(erased.jws, life.office.keys.service.receipts.jwk, ["ES256"])
    assert payload == canonical(erased.statement)
    hers = [row for row in before["entry_detail"] if row["chain_id"] == life.candidate_id]
    counted: dict[str, Any] = erased.statement["destroyed"]
    assert {name: counted[name] for name in ("keys", "parts", "shares", "letters", "sessions")} == {
        "keys": 1,
        "parts": len(before["part"]),
        "letters": 1,
        "sessions": 1,
        # Those under consents in force went as their consents ended; none was left over.
        "shares": 0,
    }
    assert counted["consents_ended"] == 2
    assert counted["log_details"] > len(hers)
    async with life.db.snapshot() as view:
        last = (await read_log(view, life.candidate_id, limit=1000))[-1]
    assert erased.statement["log"] == {
        "chain": life.candidate_id,
        "position": last["position"],
        "entry_hash": last["digest"].hex(),
    }


async def test_nothing_crosses_any_more(life: Life) -> None:
    """A release, a repeat of one, and a letter that had not gone are refused as of something that never was."""
    await life.erase()
    assert await life.release() == Refused("unknown")
    key, at = life.office.keys.service.sessions, life.office.clock.now()
    async with life.db.snapshot() as view:
        assert await sessions.find(view, key, life.session, at=at) is None
    with pytest.raises(NotAvailable):
        await life.office.keys.candidate(life.candidate_id)


async def test_whoever_waited_for_the_lock_writes_nothing(life: Life) -> None:
    """What was under way when she erased herself finds no chain: it is refused, and not a row is written for it."""
    office, log_key, now = life.office, life.office.keys.service.log, life.office.clock.now()
    await office.gate.release(ReleaseAsk("nobody", office.nav.id, "A123456", "0501", "first"))  # NAV's key is had

    async def writes(verb: Any, *arguments: Any, **more: Any) -> None:
        async with life.db.transaction() as tx:
            await verb(tx, *arguments, **more)

    async with life.db.transaction() as tx:
        await lock(tx, [life.candidate_id])
        waiting = [
            asyncio.create_task(work)
            for work in (
                writes(endings.revoke, office.desk, life.candidate_id, life.consent_id, now=now),
                writes(endings.pause, office.desk, life.candidate_id, life.consent_id, now=now),
                writes(endings.refuse, office.desk, life.candidate_id, life.waiting, now=now),
                writes(set_name, life.key, log_key, "Kari Ny", held_for="county", at=now),
                writes(writing.create, life.key, log_key, content("Nytt"), held_for="county", at=now),
                writes(erasure.erase, office.desk, life.candidate_id, now=now, journal=NO_JOURNAL),
            )
        ]
        release = asyncio.create_task(life.release())
        await asyncio.sleep(0.2)
        assert not any(task.done() for task in [*waiting, release])
        await erasure.erase(tx, office.desk, life.candidate_id, now=now, journal=NO_JOURNAL)
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(answer) for answer in answers] == [NotAvailable] * len(waiting)
    assert await release == Refused("unknown")
    after = await stored(life.db)
    assert [table for table in ("candidate_key", "part", "share", "session", "note") if after[table]] == []
    assert [row["event"] for row in after["entry"] if row["chain_id"] == life.candidate_id][-1] == "person.erased"


async def test_erasing_twice_is_not_available(life: Life) -> None:
    """The second time there is nobody, as for somebody who has never been here."""
    await life.erase()
    for candidate in (life.candidate_id, "never-was"):
        now = life.office.clock.now()
        with pytest.raises(NotAvailable):
            async with life.db.transaction() as tx:
                await erasure.erase(tx, life.office.desk, candidate, now=now, journal=NO_JOURNAL)


async def test_the_asker_sees_nothing_different(office: Office) -> None:
    """Requests to her, answered or not, look like one to somebody who never came: before, at and after reply-by."""
    life = await live(office)
    to_nobody = await nav_asks(office, OLA)
    mapping = await office.ask()
    ids = (life.waiting, life.refused, life.never_came, to_nobody)

    async def seen() -> list[Any]:
        views: list[Any] = []
        async with office.db.snapshot() as view:
            for consent_id in ids:
                one = await find_for_unit(view, office.desk.keys, office.nav.id, consent_id, now=office.clock.now())
                views.append((one.state, one.reply_by, one.requested_at, one.ended_at, one.granted_at))
            views.append(await listing.get(view, office.desk.keys, office.nav.id, mapping.id, now=office.clock.now()))
        return views

    before = await seen()
    heard = [(event.consent_id, event.state) for event in await office.hears(office.nav)]
    await life.erase()
    assert await seen() == before
    assert len(set(before[:4])) == 1
    ended = {(event.consent_id, event.state) for event in await office.hears(office.nav)} - set(heard)
    assert ended == {(life.consent_id, "revoked"), (life.asked.consent_id, "revoked")}
    office.clock.advance(days=40)
    assert {one[0] for one in (await seen())[:4]} == {"not_granted"}
    told = [str(event.consent_id) for event in await office.hears(office.nav) if event.state == "not_granted"]
    assert sorted(told) == sorted([*ids, mapping.consent_id])


async def test_a_request_can_be_taken_back_after_the_erasure(life: Life) -> None:
    """Cancelling says as little as before: it is done, and the asker's own view is all that changes."""
    await life.erase()
    for consent_id in (life.waiting, life.refused, life.never_came):
        async with life.db.transaction() as tx:
            await requests.cancel(tx, life.office.desk, consent_id, life.office.nav, by=BY, at=life.office.clock.now())
        async with life.db.snapshot() as view:
            office = life.office
            one = await find_for_unit(view, office.desk.keys, office.nav.id, consent_id, now=office.clock.now())
        assert one.state == "cancelled"


async def test_others_keep_what_is_theirs(life: Life) -> None:
    """Another person's key, parts and log are untouched."""
    other = await comes(life.office, OLA)

    def of(rows: Rows) -> list[dict[str, object]]:
        return [row for table in rows.values() for row in table if other in row.values()]

    before = of(await stored(life.db))
    await life.erase()
    assert of(await stored(life.db)) == before


async def test_who_comes_back_is_new(life: Life) -> None:
    """The same number makes another candidate, with an empty log of its own and nothing of what was."""
    await life.erase()
    life.office.clock.advance(seconds=DAY / 1_000_000)
    again = await comes(life.office)
    assert again != life.candidate_id
    assert await life.office.events_in(again) == ["candidate.created"]


async def test_letters_that_had_left_are_named_as_what_stays(life: Life) -> None:
    """One that a worker had in hand may be in the mailbox by now: the statement says so, and counts it."""
    async with life.office.db.transaction() as tx:
        assert await tx.run(Statement("UPDATE letter SET doubt_until = 1")) == 1
    erased = await life.erase()
    assert erased.statement["what_stays"].endswith("; in the mailbox, letters that had left before or may have: 1")
