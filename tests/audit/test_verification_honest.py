"""A log that nobody touched raises no alarm, whatever happened to it; and any size of it fits in memory."""

from __future__ import annotations

import asyncio
import tracemalloc

import pytest

from consent_service.audit import sequencer
from consent_service.audit.log import Entry, append_all, lock
from consent_service.audit.notes import VerifierKey, read_note, read_verifier_key
from consent_service.audit.verification.tree import Kept
from consent_service.audit.verification.verify import verify, work_ahead
from consent_service.clock import DAY
from consent_service.crypto.service_keys import CheckpointKey, ServiceKeys, Signers
from consent_service.storage.engine import Database
from consent_service.storage.opening import open_database
from tests.audit.conftest import ANNA, BERIT, CHAINS, ERASED, ORIGIN, Log, begun


async def test_an_empty_log_is_whole(db: Database) -> None:
    """Before the first entry there is nothing to find."""
    log = await begun(db, *CHAINS)
    assert (await log.verified()).findings == ()
    await log.sign()
    assert (await log.verified()).findings == ()


async def test_everything_at_once_is_whole(log: Log) -> None:
    """Signed, not yet signed, not yet numbered, and a person who was erased: counted, and no alarm."""
    found = await log.verified()
    assert [str(finding) for finding in found.findings] == []
    assert (found.chains, found.entries, found.leaves, found.signed, found.checkpoints) == (4, 31, 28, 24, 2)
    async with log.db.snapshot() as view:
        steps: list[int] = []
        await verify(view, log.keys.log, [log.verifier], looked_at=steps.append)
        assert sum(steps) == await work_ahead(view) == 59


async def test_checkpoints_that_were_kept_are_of_this_log(log: Log) -> None:
    """Every head that was ever shown, and the newest, agree with what is here."""
    notes = []
    for _ in range(5):
        await log.write(ANNA, BERIT)
        notes.append(await log.sign())
    read = [read_note(note) for note in notes]
    kept = [Kept(str(number), note) for number, note in enumerate(read) if note is not None]
    assert len(kept) == 5
    assert (await log.verified(*kept, kept[0])).findings == ()


async def test_the_clock_may_go_back(log: Log) -> None:
    """A chain's time goes on, and checkpoints keep the order of their sizes."""
    await log.sign()
    log.now -= 3 * DAY
    await log.write(ANNA, BERIT)
    await log.sign()
    await log.write(ANNA)
    assert (await log.verified()).findings == ()


async def test_a_person_erased_before_anything_was_numbered(db: Database) -> None:
    """The erasure may come before the sequencer, and between its turns."""
    log = await begun(db, ANNA, ERASED)
    await log.write(ANNA, ERASED)
    await log.erase(ERASED)
    assert (await log.verified()).findings == ()
    await log.number()
    assert (await log.verified()).findings == ()
    await log.sign()
    assert (await log.verified()).findings == ()


async def test_a_new_checkpoint_key_takes_over(log: Log) -> None:
    """Old checkpoints by the old key, one by both, new ones by the new: whole for whoever knows both keys."""
    await log.sign()
    old, new = log.signers.signing, CheckpointKey(bytes(31) + b"\x05")
    before, after = VerifierKey(ORIGIN, old.public), VerifierKey(ORIGIN, new.public)
    log.signers = Signers(new, old)
    await log.write(ANNA)
    both = read_note(await log.sign())
    assert both is not None
    assert both.signed_by([before])
    assert both.signed_by([after])
    assert both.next_key == after
    log.signers = Signers(new)
    await log.write(ANNA)
    await log.sign()
    handed_out = read_verifier_key(str(before))
    assert handed_out is not None
    assert (await log.verified(keys=(handed_out,))).findings == ()
    assert {code for finding in (await log.verified()).findings for code in finding.attacks} == {"A1"}


async def test_processes_append_and_number_meanwhile(log: Log, migrated_url: str) -> None:
    """Two writers, a sequencer and a verifier at once: every look at it is of one moment, and whole."""
    other = await open_database(migrated_url)
    beside = Log(other, log.keys, log.signers, log.now)

    async def writes(to: Log, *chains: str) -> None:
        for _ in range(15):
            await to.write(*chains)

    async def numbers() -> None:
        for _ in range(15):
            await log.sign()
            await asyncio.sleep(0)

    async def looks() -> None:
        for _ in range(6):
            assert (await log.verified()).findings == ()

    try:
        await asyncio.gather(writes(log, ANNA, BERIT), writes(beside, BERIT, "service"), numbers(), looks())
    finally:
        await other.close()
    assert (await log.verified()).entries == 31 + 60


async def _long(db: Database, keys: ServiceKeys, entries: int) -> None:
    for _ in range(entries // 500):
        async with db.transaction() as tx:
            head = (await lock(tx, [ANNA]))[ANNA]
            entry = Entry("release.released", "unit", detail={"employee": "A123456", "office": "0501"})
            await append_all(tx, keys.log, [(head, entry)] * 500, at=1)
        async with db.transaction() as tx:
            await sequencer.sequence(tx, keys.log, holder="test", now=1)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_memory_does_not_grow_with_the_log(db: Database) -> None:
    """Four times the entries are looked at in the memory of a few pages."""
    log = await begun(db, ANNA)
    peaks = []
    for entries in (1_500, 4_500):
        await _long(db, log.keys, entries)
        tracemalloc.start()
        assert (await log.verified()).findings == ()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 2, peaks
