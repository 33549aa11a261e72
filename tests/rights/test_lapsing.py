"""Lapsing: what is over by itself is written down and destroyed, and nothing else is touched."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from consent_service.clock import DAY, end_of_day
from consent_service.consents.preview import Choice
from consent_service.rights.lapsing import lapse
from consent_service.storage.engine import Statement
from consent_service.vault.parts import PartRef
from tests.audit.tampering import tamper
from tests.persons.conftest import OLA
from tests.plans.conftest import Office
from tests.rights.conftest import Life, draft, log_in, nav_asks, stored


async def lapses(office: Office, *, events_kept: int = 400 * DAY) -> int:
    """A worker comes by."""
    return await lapse(office.db, office.desk, office.clock, events_kept=events_kept)


async def test_what_is_not_over_stays(life: Life) -> None:
    """On the same day a worker finds nothing to do, and changes nothing."""
    before = await stored(life.db)
    assert await lapses(life.office) == 0
    assert await stored(life.db) == before


async def test_each_kind_lapses_in_its_time(life: Life) -> None:
    """Consents end as expired with their shares gone; requests, drafts, waiting items, sessions go; twice is once."""
    office = life.office
    await draft(office)
    await nav_asks(office, OLA)
    office.clock.advance(days=31)
    await lapses(office)
    after = await stored(office.db)
    states = {str(row["id"]): row["state"] for row in after["consent"]}
    assert (states[life.consent_id], states[life.waiting], states[life.refused]) == ("expired", "lapsed", "refused")
    assert states[life.asked.consent_id] == "granted"  # it has a month left
    assert life.consent_id not in {row["consent_id"] for row in after["share"]}
    assert life.asked.consent_id in {row["consent_id"] for row in after["share"]}
    assert (after["waiting_item"], after["session"]) == ([], [])
    assert [row["candidate_id"] for row in after["note_draft"]] == [life.candidate_id]  # the claimed one is hers
    assert await lapses(office) == 0


async def test_a_letter_goes_on_after_its_consent_has_expired(life: Life) -> None:
    """An accepted letter is the candidate's own: the mailbox keeps its shares, and fagopplæring's are gone."""
    life.office.clock.advance(days=70)
    await lapses(life.office)
    shares = [row for row in (await stored(life.db))["share"] if row["consent_id"] == life.asked.consent_id]
    assert {row["recipient_id"] for row in shares} == {"mailbox"}


async def test_old_events_go_and_new_ones_stay(life: Life) -> None:
    """What a unit has been told is kept for the time that the settings say."""
    office = life.office
    assert await office.hears(office.nav)
    office.clock.advance(days=5)
    await lapses(office, events_kept=10 * DAY)
    assert (await stored(office.db))["event"]
    office.clock.advance(days=6)
    await lapses(office, events_kept=10 * DAY)
    assert [row for row in (await stored(office.db))["event"] if row["number"] is not None] == []


@pytest.mark.parametrize("column", ["state", "row_mac"])
async def test_one_that_was_changed_stands_in_nobodys_way(life: Life, column: str) -> None:
    """A row changed behind the service's back is passed over or stripped of its shares; the others lapse as ever."""
    office = life.office
    ref = PartRef(life.candidate_id, "note", life.note.id, 1, "interests")
    purpose = office.desk.purposes.get("guidance_follow_up")
    other = await office.gives(life.key, Choice(purpose, office.nav, (ref,), end_of_day(office.day(20))))
    value = {"state": "paused", "row_mac": bytes(32)}[column]
    async with office.db.transaction() as tx:
        await tx.run(Statement(f"UPDATE consent SET {column} = :value WHERE id = :id"), id=life.consent_id, value=value)
    office.clock.advance(days=31)
    await log_in(office, None)
    await lapses(office)
    after = await stored(office.db)
    rows = {str(row["id"]): row for row in after["consent"]}
    assert rows[other]["state"] == "expired"
    assert rows[life.consent_id][column] == value
    assert {life.consent_id, other} & {str(row["consent_id"]) for row in after["share"]} == set()


@pytest.mark.parametrize(
    ("table", "kind"), [("consent", "consents"), ("note_draft", "drafts"), ("waiting_item", "waiting")]
)
async def test_a_kind_that_fails_leaves_the_others_done(life: Life, table: str, kind: str) -> None:
    """Whatever is wrong with it: here its table is not there. It is told by its kind, and the others lapse."""
    office = life.office
    await draft(office)
    await nav_asks(office, OLA)
    office.clock.advance(days=400)
    await tamper(office.db, f"ALTER TABLE {table} RENAME TO elsewhere")
    with capture_logs() as told:
        await lapses(office, events_kept=10 * DAY)
    assert [one["what"] for one in told if one.get("alarm") == "lapsing"] == [kind]
    await tamper(office.db, f"ALTER TABLE elsewhere RENAME TO {table}")
    after = await stored(office.db)
    gone = {
        "drafts": len(after["note_draft"]) == 1,  # the claimed one is hers
        "waiting": after["waiting_item"] == [],
        "sessions": after["session"] == [],
        "consents": not {"granted", "requested"} & {row["state"] for row in after["consent"]},
    }
    assert {name for name, done in gone.items() if not done} == {kind} & gone.keys()
