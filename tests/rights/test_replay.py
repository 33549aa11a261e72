"""After a real restore: whoever was erased since the backup is erased again, and no consent from before is in force."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from consent_service.clock import DAY, MINUTE
from consent_service.consents.asks import DispatchAsk, Dispatched
from consent_service.consents.gate import Refused, Released
from consent_service.consents.reading import ConsentView, find_for_candidate, of_candidate
from consent_service.consents.receipts import of_consent
from consent_service.delivery.letters import pdf_of
from consent_service.errors import NotAvailable, StorageUnavailable
from consent_service.persons.lookup import find
from consent_service.plans.mapping import Asked
from consent_service.rights import erasure
from consent_service.rights.journal import JournalFile, Line
from consent_service.rights.replay import Advance, Replayed, replay
from consent_service.storage.engine import Database
from consent_service.storage.opening import open_database
from consent_service.vault.keys import Keys
from tests.persons.conftest import KARI, OLA
from tests.plans.conftest import Office
from tests.provision.postgresql import Server
from tests.rights.conftest import Life, stored

WITHIN = 30 * DAY


@dataclass
class Restored:
    """The service on a backup that was put back. Since it was made, Ola was erased and Kari revoked."""

    life: Life
    ola: str
    journal: JournalFile
    restored_at: int

    @property
    def office(self) -> Office:
        """Who works there."""
        return self.life.office

    async def replay(self, *lines: Line, advance: Advance = lambda _: None) -> Replayed:
        """What an operator does."""
        return await replay(
            self.life.db,
            self.office.desk,
            self.office.clock,
            lines or self.journal.read().lines,
            restored_at=self.restored_at,
            answer_within=WITHIN,
            advance=advance,
        )

    async def consents(self) -> list[ConsentView]:
        """Kari's, oldest first."""
        async with self.life.db.snapshot() as view:
            found = await of_candidate(
                view,
                self.office.desk.keys,
                self.life.candidate_id,
                after="",
                limit=100,
                now=self.office.clock.now(),
            )
        return sorted(found, key=lambda one: one.requested_at)


@pytest.fixture
async def restored(
    life: Life, migrated_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Restored]:
    """A backup is made, life goes on, and the backup is put back."""
    office = life.office
    ola = (await office.comes(OLA)).candidate_id
    if office.db.dialect == "sqlite":
        with (
            sqlite3.connect(migrated_url.removeprefix("sqlite:///")) as live,
            sqlite3.connect(tmp_path / "backup.sqlite") as copy,
        ):
            live.backup(copy)
        live.close()
        copy.close()
        url = f"sqlite:///{tmp_path / 'backup.sqlite'}"
    else:
        server: Server = request.getfixturevalue("postgresql_server")
        await office.db.close()
        url = server.create(like=migrated_url)
        life = _on(life, await open_database(migrated_url))
    journal = JournalFile(tmp_path / "erasures.jsonl", office.keys.service.rows)
    office.clock.advance(seconds=60)
    async with life.db.transaction() as tx:
        await erasure.erase(tx, office.desk, ola, now=office.clock.now(), journal=journal)
    await life.office.revoke(life.key, life.consent_id)
    await life.db.close()
    office.clock.advance(seconds=60)
    db = await open_database(url)
    yield Restored(_on(life, db), ola, journal, office.clock.now())
    await db.close()
    if office.db.dialect == "postgresql":
        server.drop(url)


def _on(life: Life, db: Database) -> Life:
    """The same life, as a service that is started on ``db`` has it."""
    office = life.office
    keys = Keys(db, office.keys._provider, office.keys.service, office.clock)
    return replace(life, office=replace(office, db=db, keys=keys))


async def test_whoever_was_erased_since_is_erased_again(restored: Restored) -> None:
    """The backup brought Ola back; after the replay nothing of his is there, as after his own erasure."""
    async with restored.life.db.snapshot() as view:
        assert await find(view, restored.office.keys.service.lookup, OLA) == restored.ola
    done = await restored.replay()
    assert (done.erased, done.erased_already, done.never_erased, done.passed_over) == (1, 0, 0, 0)
    async with restored.life.db.snapshot() as view:
        assert await find(view, restored.office.keys.service.lookup, OLA) is None
        assert await find(view, restored.office.keys.service.lookup, KARI) == restored.life.candidate_id
    with pytest.raises(NotAvailable):
        await restored.office.keys.candidate(restored.ola)


async def test_no_consent_from_before_stays_in_force(restored: Restored) -> None:
    """What Kari revoked after the backup would be released again: it ends as invalidated, signed and told."""
    assert isinstance(await restored.life.release(), Released)
    done = await restored.replay()
    assert done.invalidated == done.asked_anew == 2
    assert isinstance(await restored.life.release(), Refused)
    async with restored.life.db.snapshot() as view:
        consent = await find_for_candidate(
            view,
            restored.office.desk.keys,
            restored.life.candidate_id,
            restored.life.consent_id,
            now=restored.office.clock.now(),
        )
        signed = [row["type"] for row in await of_consent(view, restored.life.consent_id)]
    assert consent.state == "invalidated"
    assert len(signed) == 2
    told = [(event.consent_id, event.state) for event in await restored.office.hears(restored.office.nav)]
    assert (restored.life.consent_id, "invalidated") in told
    assert "consent.invalidated" in await restored.office.events_in(restored.life.candidate_id)
    assert {one.state for one in await restored.consents()} & {"granted", "paused"} == set()


async def test_she_is_asked_anew_and_her_yes_counts(restored: Restored) -> None:
    """The same recipient, kinds and mapping request; with her yes fagopplæring goes on where it was."""
    office, life = restored.office, restored.life
    before = {one.id: one for one in await restored.consents()}
    await restored.replay()
    anew = [one for one in await restored.consents() if one.id not in before]
    assert {one.state for one in anew} == {"requested"}
    assert {one.recipient_id for one in anew} == {office.nav.id, office.training.id}
    (mapping,) = [one for one in anew if one.recipient_id == office.training.id]
    assert mapping.mapping_request_id == life.asked.id
    assert mapping.requester_id == office.nav.id
    assert set(mapping.requested_kinds) >= {"mapping_request.wished_trades"}
    key = await office.keys.candidate(life.candidate_id)
    await office.yes(key, Asked(life.asked.id, mapping.id, 0))
    assert (await office.push(mapping.id)).plan_id


async def test_a_second_run_changes_nothing(restored: Restored) -> None:
    """Interrupted or not, it may be run again: what is done is passed over, and a yes given since is left alone."""
    await restored.replay()
    restored.office.clock.advance(seconds=60)
    (waiting,) = [one for one in await restored.consents() if one.state == "requested" and one.mapping_request_id]
    key = await restored.office.keys.candidate(restored.life.candidate_id)
    await restored.office.yes(key, Asked(restored.life.asked.id, waiting.id, 0))
    before = await stored(restored.life.db)
    done = await restored.replay()
    assert done == Replayed(erased_already=1)
    assert await stored(restored.life.db) == before


async def test_an_erasure_that_never_committed_is_not_done_now(restored: Restored) -> None:
    """A line whose candidate acted later stood before a commit that failed: she was told so, and went on."""
    async with restored.life.db.snapshot() as view:
        assert await find(view, restored.office.keys.service.lookup, KARI)
    early = Line(restored.life.candidate_id, restored.office.clock.now() - 60 * MINUTE)
    done = await restored.replay(early)
    assert (done.erased, done.never_erased) == (0, 1)
    async with restored.life.db.snapshot() as view:
        assert await find(view, restored.office.keys.service.lookup, KARI)


async def test_an_erasure_that_failed_after_its_line_is_done_unless_she_went_on(restored: Restored) -> None:
    """She was told that it failed. If she then did something herself she stays; if not, she did ask for it."""
    office, life = restored.office, restored.life
    for goes_on in (True, False):
        with pytest.raises(StorageUnavailable):
            await _fails_to_commit(restored)
        office.clock.advance(seconds=60)
        if goes_on:
            await life.export()
        office.clock.advance(seconds=60)
        restored.restored_at = office.clock.now()
        done = await restored.replay()
        assert (done.erased, done.erased_already, done.never_erased) == ((1, 0, 1) if goes_on else (1, 1, 0))
        async with life.db.snapshot() as view:
            assert (await find(view, office.keys.service.lookup, KARI) is not None) is goes_on


async def test_what_she_does_in_a_backup_that_knows_no_better_keeps_nobody(restored: Restored) -> None:
    """Whoever is back by the restore alone may log in and act there: she asked to be erased, and is."""
    office, life = restored.office, restored.life
    with pytest.raises(StorageUnavailable):
        await _fails_to_commit(restored)
    office.clock.advance(seconds=60)
    restored.restored_at = office.clock.now()
    office.clock.advance(seconds=60)
    await life.export()
    done = await restored.replay()
    assert (done.erased, done.never_erased) == (2, 0)
    async with life.db.snapshot() as view:
        assert await find(view, office.keys.service.lookup, KARI) is None


async def _fails_to_commit(restored: Restored) -> None:
    async with restored.life.db.transaction() as tx:
        now, journal = restored.office.clock.now(), restored.journal
        await erasure.erase(tx, restored.office.desk, restored.life.candidate_id, now=now, journal=journal)
        raise StorageUnavailable


async def test_who_came_back_as_somebody_new_stays(restored: Restored) -> None:
    """The journal has the id that was erased; the same person's new one is another."""
    await restored.replay()
    new = (await restored.office.comes(OLA)).candidate_id
    assert new != restored.ola
    done = await restored.replay()
    assert (done.erased, done.erased_already) == (0, 1)
    async with restored.life.db.snapshot() as view:
        assert await find(view, restored.office.keys.service.lookup, OLA) == new


def _interrupted_after(most: int) -> Advance:
    done: list[int] = []

    def advance(more: int) -> None:
        done.append(more)
        if len(done) > most:
            raise KeyboardInterrupt

    return advance


async def test_a_replay_that_was_interrupted_is_gone_on_with(restored: Restored) -> None:
    """Wherever it stopped, a second run ends as one run would have."""
    before = {one.id for one in await restored.consents()}
    for most in (0, 1):
        with pytest.raises(KeyboardInterrupt):
            await restored.replay(advance=_interrupted_after(most))
    done = await restored.replay()
    assert done.erased_already == 1
    assert {one.state for one in await restored.consents()} & {"granted", "paused"} == set()
    anew = [one for one in await restored.consents() if one.id not in before and one.state == "requested"]
    assert len(anew) == 2


async def test_a_letter_that_had_not_gone_stays(restored: Restored) -> None:
    """It may have been stopped since the backup: the gate lets it out no more."""
    office, life = restored.office, restored.life
    pdf = pdf_of(life.candidate_id, life.pushed.plan_id, life.pushed.version)
    ask = DispatchAsk("letter", life.asked.consent_id, life.candidate_id, pdf)
    assert isinstance(await office.gate.dispatch(ask), Dispatched)
    await restored.replay()
    assert isinstance(await office.gate.dispatch(ask), Refused)


async def test_strangers_in_the_journal_are_passed_by(restored: Restored) -> None:
    """Somebody who came after the backup and was erased is not there at all: nothing is to be done."""
    done = await restored.replay(Line("somebody-who-came-later", restored.office.clock.now()))
    assert (done.erased, done.erased_already) == (0, 1)
